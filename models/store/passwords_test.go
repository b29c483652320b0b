package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/models"
)

func TestPasswordsThatAreGuessedFirstAreRefused(t *testing.T) {
	owner := models.User{Email: "zhangwei@example.com", Name: "张伟"}
	for _, bad := range []string{
		"", "short-One1!", "123456789012", "abcdefghijklm", "aaaaaaaaaaaaaaaa", "password1234", "Password2026!", "qwerty123456", "zhangwei2026", "zhangweizhangwei1",
		"111122223333", "abababababab", "密码密码密码密码密码密码", "admin-admin-1", "with\x00zero-byte-here", "\xff\xfe\xfd invalid utf8",
	} {
		require.Equal(t, models.CodeInvalid, models.CodeOf(validatePassword(bad, owner)), "%q", bad)
	}
	for _, good := range []string{"梧桐树下-three-Bicycles", "correct horse battery staple", "x9$Lq2!vTz8@", "春风又绿江南岸明月何时照我还", "my password is a long poem of snow"} {
		require.NoError(t, validatePassword(good, owner), "%q", good)
	}
}

func TestAPasswordIsTheSameHoweverTheKeyboardWritesIt(t *testing.T) {
	hash, err := hashPassword("ｂｉｃｙｃｌｅｓ-梧桐树下")
	require.NoError(t, err)
	ok, stale := checkPassword(hash, "bicycles-梧桐树下")
	require.True(t, ok)
	require.False(t, stale)
}

func TestAHashThatIsNoHashIsNobodysPassword(t *testing.T) {
	for _, phc := range []string{"", "x", "$argon2id$v=19$m=19456,t=2,p=1$$", "$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA", "$argon2id$v=19$m=4294967295,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"} {
		ok, _ := checkPassword(phc, "")
		require.False(t, ok, phc)
	}
}

// The hash that stands in for a missing one must be a real one, or its refusal would come sooner.
func TestAnUnknownAddressCostsAsMuchAsAWrongPassword(t *testing.T) {
	hash, err := hashPassword("梧桐树下-three-Bicycles")
	require.NoError(t, err)
	took := func(phc string) time.Duration {
		best := time.Hour
		for range 5 {
			start := time.Now()
			ok, _ := checkPassword(phc, "wrong wrong wrong")
			require.False(t, ok)
			best = min(best, time.Since(start))
		}
		return best
	}
	require.Greater(t, took(nobodysHash), took(hash)/4)
	require.Equal(t, len(hash), len(nobodysHash))
}
