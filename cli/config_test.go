package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
)

// elsewhere puts the test into an empty directory with none of our settings set.
func elsewhere(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "BANGFU_") || strings.HasPrefix(name, "TEMPORAL_") {
			t.Setenv(name, "") // remembers the value for the end of the test
			require.NoError(t, os.Unsetenv(name))
		}
	}
}

func TestWithoutSettingsTheDefaultsOfTheInterfaceHold(t *testing.T) {
	elsewhere(t)
	c, err := loadConfig()
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8080", c.Addr)
	require.Equal(t, "sqlite://data/bangfu.db", c.DB)
	require.Equal(t, "127.0.0.1:7233", c.TemporalAddress)
	require.Equal(t, "default", c.TemporalNamespace)
	require.Equal(t, 8233, c.TemporalUIPort)
	require.Equal(t, 8025, c.MailUIPort)
	require.False(t, c.AllowRehearse, "a simulated clock must be allowed on purpose")
}

func TestTheEnvironmentWinsOverTheEnvFile(t *testing.T) {
	elsewhere(t)
	require.NoError(t, os.WriteFile(".env", []byte("BANGFU_ADDR=127.0.0.1:9001\nBANGFU_MAIL_UI_PORT=9002\n"), 0o600))
	t.Setenv("BANGFU_ADDR", "127.0.0.1:9003")
	t.Cleanup(func() { _ = os.Unsetenv("BANGFU_MAIL_UI_PORT") })
	c, err := loadConfig()
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:9003", c.Addr)
	require.Equal(t, 9002, c.MailUIPort)
}

func TestAnInvalidSettingIsNamedInOneChineseLineWithoutSecrets(t *testing.T) {
	const secret = "hunter2secret"
	for setting, values := range map[string][]string{
		"BANGFU_ADDR":              {"8080", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1:http", "http://127.0.0.1:80"},
		"BANGFU_PUBLIC_URL":        {"bangfu.example.cn", "ftp://bangfu.example.cn", "https://u:" + secret + "@bangfu.example.cn"},
		"BANGFU_DB":                {"postgres://u:" + secret + "@h/n", "mysql://u:" + secret + "@h:3306/", "mysql://u:" + secret + "%zz@h/n", "sqlite://", "bangfu.db"},
		"BANGFU_ADMIN_TOKEN":       {secret, secret + " " + strings.Repeat("x", 32), strings.Repeat("令", 32)},
		"BANGFU_MAX_UPLOAD_MB":     {"0", "-1", "many"},
		"BANGFU_FOLDERS":           {"share/data", "/srv:data"},
		"BANGFU_ALLOW_REHEARSAL":   {"maybe"},
		"BANGFU_LOG":               {"xml"},
		"TEMPORAL_ADDRESS":         {"temporal", "temporal:"},
		"BANGFU_TEMPORAL_UI":       {"temporal:8080"},
		"BANGFU_TEMPORAL_UI_PORT":  {"0", "99999", "abc"},
		"BANGFU_MAIL_UI_PORT":      {"0", "1.5"},
		"BANGFU_SMTP":              {"mail.example.cn:25", "http://u:" + secret + "@mail", "smtp://u:" + secret + "%zz@mail:25", "smtp://"},
		"BANGFU_MAIL_FROM":         {"bangfu", "<>"},
		"BANGFU_WORKER_ACTIVITIES": {"0"},
		"BANGFU_WORKER_BULK":       {"1000", "x"},
		"BANGFU_WORKER_ADDR":       {"9090"},
		"BANGFU_TRUSTED_PROXIES":   {"proxy.example.cn", "10.0.0.0/33"},
		"BANGFU_PUBLIC_PER_MINUTE": {"0"},
		"BANGFU_MAILS_PER_MINUTE":  {"0"},
	} {
		for _, value := range values {
			t.Run(setting+"="+value, func(t *testing.T) {
				elsewhere(t)
				t.Setenv(setting, value)
				_, err := loadConfig()
				require.Error(t, err)
				text := line(err)
				require.True(t, strings.HasPrefix(text, setting+"："), text)
				require.NotContains(t, text, "\n")
				require.NotContains(t, text, secret)
			})
		}
	}
}

func TestEverySettingHasACheckOrNeedsNone(t *testing.T) {
	elsewhere(t)
	for setting, value := range map[string]string{
		"BANGFU_DB": "mysql://u:p%40ss@db.example.cn:3306/bangfu", "BANGFU_SMTP": "smtp://u:p@mail.example.cn:587",
		"BANGFU_PUBLIC_URL": "https://bangfu.example.cn", "BANGFU_ADMIN_TOKEN": strings.Repeat("a", 32), "BANGFU_LOG": "json",
		"BANGFU_FOLDERS": "/srv/share:/mnt/tax", "BANGFU_ALLOW_REHEARSAL": "true", "BANGFU_TEMPORAL_UI": "https://temporal.example.cn",
	} {
		t.Setenv(setting, value)
	}
	c, err := loadConfig()
	require.NoError(t, err)
	require.Equal(t, []string{"/srv/share", "/mnt/tax"}, c.FolderList())
}

func TestABrokenEnvFileIsNamedAndNotQuoted(t *testing.T) {
	elsewhere(t)
	require.NoError(t, os.WriteFile(".env", []byte("BANGFU_ADMIN_TOKEN 'hunter2secret\n"), 0o600))
	_, err := loadConfig()
	var e *models.Error
	require.True(t, errors.As(err, &e))
	require.Equal(t, ".env", e.Field)
	require.NotContains(t, line(err), "hunter2secret")
}

func TestACommandLineThatCannotBeTakenEndsWithTwo(t *testing.T) {
	elsewhere(t)
	require.Equal(t, 2, Execute(t.Context(), "nonsense"))
	require.Equal(t, 2, Execute(t.Context(), "migrate", "up", "--fast"))
	require.Equal(t, 2, Execute(t.Context(), "migrate", "sideways"))
	require.Equal(t, 0, Execute(t.Context(), "version"))
	require.Equal(t, 0, Execute(t.Context(), "--help"))
}

func TestAMistakeOnTheCommandLineIsSaidInChinese(t *testing.T) {
	for english, chinese := range map[string]string{
		`unknown command "x" for "bangfu"`:                "没有“x”这个命令，可用 bangfu --help 查看",
		"unknown flag: --fast":                            "没有 --fast 这个选项",
		"unknown shorthand flag: 'f' in -f":               "没有 -f 这个选项",
		`required flag(s) "source", "year" not set`:       `缺少选项 "source", "year"`,
		"accepts 1 arg(s), received 2":                    "需要 1 个参数，给了 2 个",
		"flag needs an argument: --year":                  "选项 --year 需要一个值",
		`invalid argument "x" for "--year" flag: strconv`: "选项 --year 的值“x”不对",
	} {
		err := usageMessage(errors.New(english))
		require.NotNil(t, err, english)
		require.Equal(t, chinese, err.Message)
	}
}

func TestMigrationsGoUpAndDownAgain(t *testing.T) {
	elsewhere(t)
	t.Setenv("BANGFU_DB", "sqlite://"+filepath.Join(t.TempDir(), "m.db"))
	require.Equal(t, 0, Execute(t.Context(), "migrate", "up"))
	require.Equal(t, 1, Execute(t.Context(), "migrate", "down"), "without --yes nothing is deleted")
	require.Equal(t, 0, Execute(t.Context(), "migrate", "down", "--yes"))
	require.Equal(t, 0, Execute(t.Context(), "migrate", "status"))
}
