package store

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"bangfu/models"
)

// Argon2id as OWASP recommends it (19 MiB, 2 passes, 1 lane). Hashes made with other values are replaced when
// their owner next signs in.
const (
	argonMemory = 19 * 1024 // KiB
	argonPasses = 2
	argonLanes  = 1
	argonSalt   = 16 // bytes
	argonKey    = 32 // bytes
)

// MinPassword is the shortest password, in characters.
const MinPassword = 12

var encode = base64.RawStdEncoding

// hashPassword makes the PHC string of a password, with a fresh salt.
func hashPassword(password string) (string, error) {
	salt := make([]byte, argonSalt)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("making a salt: %w", err)
	}
	key := argon2.IDKey(normalised(password), salt, argonPasses, argonMemory, argonLanes, argonKey)
	return phcHead() + encode.EncodeToString(salt) + "$" + encode.EncodeToString(key), nil
}

func phcHead() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, argonMemory, argonPasses, argonLanes)
}

// nobodysHash is what a password is compared with when there is no such user, or one without a password: the
// answer then takes as long as for everybody else.
var nobodysHash = phcHead() + strings.Repeat("A", encode.EncodedLen(argonSalt)) + "$" + strings.Repeat("A", encode.EncodedLen(argonKey))

// checkPassword compares a password with a PHC string. stale means that the hash is right but was made with
// other parameters than today's.
func checkPassword(phc, password string) (ok, stale bool) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, false
	}
	var version int
	var memory, passes uint32
	var lanes uint8
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false, false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil ||
		memory == 0 || memory > 1<<20 || passes == 0 || passes > 16 || lanes == 0 {
		return false, false
	}
	salt, err := encode.DecodeString(parts[4])
	if err != nil {
		return false, false
	}
	want, err := encode.DecodeString(parts[5])
	if err != nil || len(want) < 16 || len(want) > 64 {
		return false, false
	}
	got := argon2.IDKey(normalised(password), salt, passes, memory, lanes, uint32(len(want)))
	ok = subtle.ConstantTimeCompare(got, want) == 1
	return ok, ok && !strings.HasPrefix(phc, phcHead())
}

// normalised makes one password of the several ways in which a keyboard may write it.
func normalised(password string) []byte { return norm.NFKC.Bytes([]byte(password)) }

// obvious are words around which guessed passwords are built.
var obvious = []string{
	"password", "passw0rd", "p@ssw0rd", "qwerty", "asdfgh", "1q2w3e", "1qaz2wsx", "admin", "letmein", "welcome", "iloveyou",
	"woaini", "mima", "bangfu", "bang fu", "abc123", "a1b2c3", "shijingshan", "beijing",
}

// validatePassword refuses what is guessed first: short ones, few different characters, runs such as 123456, and
// what is mostly a well-known word, the address or the name of its owner.
func validatePassword(password string, u models.User) error {
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password) || strings.ContainsFunc(password, func(r rune) bool { return r < ' ' }):
		return models.Invalid("password", "密码含有无法识别的字符")
	case n < MinPassword:
		return models.Invalid("password", "密码至少%d位", MinPassword)
	case len(password) > 200:
		return models.Invalid("password", "密码过长，最多200字节")
	}
	lower := strings.ToLower(password)
	different := map[rune]bool{}
	runs, last := 0, rune(-10) // characters that continue a run up, down or in place
	for _, r := range lower {
		different[r] = true
		if d := r - last; d >= -1 && d <= 1 {
			runs++
		}
		last = r
	}
	if len(different) < 6 || runs > n/2 {
		return models.Invalid("password", "密码过于简单：重复或连续的字符太多")
	}
	local, _, _ := strings.Cut(strings.ToLower(u.Email), "@")
	for _, word := range append([]string{local, strings.ToLower(u.Name)}, obvious...) {
		if utf8.RuneCountInString(word) < 2 {
			continue
		}
		if rest := strings.ReplaceAll(lower, word, ""); n-utf8.RuneCountInString(rest) > 0 && utf8.RuneCountInString(rest) < 8 {
			return models.Invalid("password", "密码过于常见，或与本人的邮箱、姓名太接近")
		}
	}
	return nil
}
