package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

const passphrase = "梧桐树下-three-Bicycles"

func TestAUserIsTakenOnceAndOnlyWhole(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: "110107", Name: "石景山区", City: "北京市"}))
		require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: "110107", Code: "tax", Name: "区税务局"}))
		officer := models.User{Email: " Zhang@Example.com", Name: "张", Role: models.RoleDepartment, District: "110107", Department: "tax"}
		u, err := s.AddUser(ctx, models.ActorConsole, officer, "")
		require.NoError(t, err)
		require.Equal(t, "zhang@example.com", u.Email)
		_, err = s.AddUser(ctx, models.ActorConsole, officer, "")
		require.Equal(t, models.CodeConflict, models.CodeOf(err))
		list, err := s.Officers(ctx, "110107", "tax")
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.NoError(t, s.DisableUser(ctx, models.ActorConsole, u.ID, true))
		list, err = s.Officers(ctx, "110107", "tax")
		require.NoError(t, err)
		require.Empty(t, list, "who is disabled gets no reminders")

		for name, bad := range map[string]models.User{
			"no address":                    {Name: "甲", Role: models.RoleAdmin},
			"two addresses":                 {Email: "a@example.com, b@example.com", Name: "甲", Role: models.RoleAdmin},
			"an address with a header":      {Email: "a@example.com\r\nBcc: b@example.com", Name: "甲", Role: models.RoleAdmin},
			"no name":                       {Email: "a@example.com", Role: models.RoleAdmin},
			"no role":                       {Email: "a@example.com", Name: "甲"},
			"an officer without department": {Email: "a@example.com", Name: "甲", Role: models.RoleDepartment, District: "110107"},
			"an officer without district":   {Email: "a@example.com", Name: "甲", Role: models.RoleDepartment, Department: "tax"},
			"a reviewer with department":    {Email: "a@example.com", Name: "甲", Role: models.RoleCity, Department: "tax"},
			"a district that is no code":    {Email: "a@example.com", Name: "甲", Role: models.RoleAdmin, District: "1101"},
		} {
			_, err = s.AddUser(ctx, models.ActorConsole, bad, "")
			require.Equal(t, models.CodeInvalid, models.CodeOf(err), name)
		}
		_, err = s.AddUser(ctx, models.ActorConsole, models.User{Email: "a@example.com", Name: "甲", Role: models.RoleAdmin, District: "110108"}, "")
		require.Equal(t, models.CodeNotFound, models.CodeOf(err), "a district that is not served")
	})
}

func TestPasswordsAreHashedWithArgon2idAndRehashedWhenItsParametersChange(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		u, err := s.AddUser(ctx, models.ActorConsole, models.User{Email: "a@example.com", Name: "甲", Role: models.RoleAdmin}, passphrase)
		require.NoError(t, err)
		require.Regexp(t, `^\$argon2id\$v=19\$m=19456,t=2,p=1\$`, u.PasswordHash)
		require.NotContains(t, u.PasswordHash, passphrase)
		_, _, _, err = s.SignIn(ctx, "a@example.com", passphrase)
		require.NoError(t, err)
		again, err := s.User(ctx, u.ID)
		require.NoError(t, err)
		require.Equal(t, u.PasswordHash, again.PasswordHash, "a current hash stays")

		_, err = s.SQL().Exec("UPDATE users SET password_hash = ? WHERE id = ?", store.WeakHash(passphrase), u.ID)
		require.NoError(t, err)
		_, _, _, err = s.SignIn(ctx, "a@example.com", "wrong wrong wrong")
		require.Equal(t, models.CodeUnauthorized, models.CodeOf(err))
		_, _, _, err = s.SignIn(ctx, "a@example.com", passphrase)
		require.NoError(t, err)
		again, err = s.User(ctx, u.ID)
		require.NoError(t, err)
		require.Regexp(t, `^\$argon2id\$v=19\$m=19456,t=2,p=1\$`, again.PasswordHash, "an old hash is replaced at sign-in")
		require.True(t, s.CheckPassword(again, passphrase))

		_, err = s.AddUser(ctx, models.ActorConsole, models.User{Email: "b@example.com", Name: "乙", Role: models.RoleAdmin}, "")
		require.NoError(t, err)
		_, _, _, err = s.SignIn(ctx, "b@example.com", "")
		require.Equal(t, models.CodeUnauthorized, models.CodeOf(err), "no password is no way in")
	})
}
