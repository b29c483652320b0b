package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

const passphrase = "梧桐树下-three-Bicycles"

// run runs one command as its own root.
func run(c *cobra.Command, stdin string, args ...string) (string, error) {
	var out, notes bytes.Buffer
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetIn(strings.NewReader(stdin))
	c.SetOut(&out)
	c.SetErr(&notes)
	c.SetArgs(args)
	err := c.ExecuteContext(context.Background())
	return out.String(), err
}

func TestAnAdministratorIsMadeOnTheMachineAndEveryStepIsOnRecord(t *testing.T) {
	dsn := storetest.SQLite(t)
	t.Setenv("BANGFU_DB", dsn)
	t.Setenv("BANGFU_DATA_DIR", t.TempDir())
	ctx := context.Background()
	s, err := store.Open(ctx, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })

	_, err = run(userCommand(), "password1234\n", "add", "--email", "wang@example.com", "--name", "王明", "--role", "admin")
	require.Equal(t, models.CodeInvalid, models.CodeOf(err), "an obvious password")
	_, err = run(userCommand(), "", "add", "--email", "wang@example.com", "--name", "王明", "--role", "admin")
	require.Equal(t, models.CodeInvalid, models.CodeOf(err), "no password")
	_, err = run(userCommand(), passphrase, "add", "--email", "wang@example.com", "--name", "王明", "--role", "king")
	require.Equal(t, models.CodeInvalid, models.CodeOf(err), "no such role")

	out, err := run(userCommand(), passphrase+"\n", "add", "--email", "Wang@example.com", "--name", "王明", "--role", "admin")
	require.NoError(t, err)
	require.Contains(t, out, "已新建用户 1：wang@example.com（管理员）")
	_, _, _, err = s.SignIn(ctx, "wang@example.com", passphrase)
	require.NoError(t, err)

	out, err = run(tokenCommand(), "", "create", "--user", "wang@example.com", "--name", "脚本", "--days", "30")
	require.NoError(t, err)
	secret := strings.TrimSpace(out)
	token, u, err := s.Authenticate(ctx, secret)
	require.NoError(t, err)
	require.Equal(t, "wang@example.com", u.Email)
	out, err = run(tokenCommand(), "", "list", "--user", "wang@example.com")
	require.NoError(t, err)
	require.Contains(t, out, "脚本")
	require.NotContains(t, out, secret)
	_, err = run(tokenCommand(), "", "revoke", "2")
	require.NoError(t, err)
	require.EqualValues(t, 2, token.ID)
	_, _, err = s.Authenticate(ctx, secret)
	require.Equal(t, models.CodeUnauthorized, models.CodeOf(err))

	_, err = run(userCommand(), "", "disable", "wang@example.com")
	require.NoError(t, err)
	out, err = run(userCommand(), "", "list")
	require.NoError(t, err)
	require.Contains(t, out, "已停用")

	out, err = run(auditCommand(), "", "verify")
	require.NoError(t, err)
	require.Contains(t, out, "记录完整，共 5 条")
	anchor := out[strings.Index(out, "5:"):]
	_, err = run(auditCommand(), "", "verify", "--anchor", strings.TrimSpace(anchor))
	require.NoError(t, err)
	_, err = run(auditCommand(), "", "verify", "--anchor", "5:"+strings.Repeat("0", 64))
	require.ErrorContains(t, err, "记录被改动过", "a broken record ends the command with an error")
	out, err = run(auditCommand(), "", "list", "--object", "user/1")
	require.NoError(t, err)
	require.Contains(t, out, "user.create")
	require.Contains(t, out, "user.disable")
	require.NotContains(t, out, "wang@example.com")
}
