// Package cli is the command line: one file per command. Help and messages are Chinese, names of commands and
// flags English.
package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"bangfu/models"
	"bangfu/models/store"
)

// Execute runs the command that the arguments name and gives the exit status: 0, 1 for a failure, 2 for a command
// line that cannot be taken. The first SIGINT or SIGTERM ends the command in order, the second at once.
func Execute(ctx context.Context, args ...string) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from now on the signal has its own effect again

	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	status := 1
	if usage := usageMessage(err); usage != nil {
		err, status = usage, 2
	}
	fmt.Fprintln(os.Stderr, "错误："+line(err))
	return status
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "bangfu",
		Short: "个体工商户分型分类精准帮扶工作系统",
		Long: "bangfu（帮扶）——个体工商户分型分类精准帮扶工作系统。\n" +
			"部门交付数据，系统按当年政策分型、研判、公布并上报，到期自动提醒。",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddGroup(
		&cobra.Group{ID: "run", Title: "启动"},
		&cobra.Group{ID: "work", Title: "日常工作"},
		&cobra.Group{ID: "keep", Title: "管理维护"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("run", devCommand(), serveCommand(), apiCommand(), workerCommand())
	add("work", deliverCommand(), policyCommand(), rehearseCommand())
	add("keep", userCommand(), tokenCommand(), auditCommand(), migrateCommand(), engineCommand(), healthcheckCommand(), versionCommand())

	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate("{{with (or .Long .Short)}}{{.}}\n\n{{end}}{{.UsageString}}")
	root.SetHelpCommand(&cobra.Command{Use: "help [命令]", Short: "显示某个命令的用法", Hidden: true, Run: func(c *cobra.Command, args []string) {
		if target, _, err := root.Find(args); err == nil {
			c = target
		}
		_ = c.Help()
	}})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.InitDefaultHelpFlag()
	finish(root)
	return root
}

// finish gives every command its Chinese usage, and makes a command that only groups others refuse what it
// does not know instead of showing its help as if all were well.
func finish(c *cobra.Command) {
	c.InitDefaultHelpFlag()
	c.Flags().Lookup("help").Usage = "显示本命令的用法"
	c.DisableFlagsInUseLine = true
	c.Flags().VisitAll(func(f *pflag.Flag) {
		zero := map[string]string{"int": "0", "bool": "false"}[f.Value.Type()]
		if f.DefValue != zero && f.DefValue != "[]" {
			f.Usage += "（默认 " + f.DefValue + "）"
			f.DefValue = zero // pflag would say it again, in English
		}
	})
	if c.HasParent() && c.HasSubCommands() && !c.Runnable() {
		c.Args = cobra.NoArgs
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	for _, sub := range c.Commands() {
		finish(sub)
	}
}

const usageTemplate = `用法：{{if .Runnable}}
  {{.UseLine}} [选项]{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} <命令> [选项]{{end}}
{{if .HasExample}}
示例：
{{.Example}}
{{end}}{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{if eq (len .Groups) 0}}
命令：{{range $cmds}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}
{{else}}{{range $group := .Groups}}
{{.Title}}：{{range $cmds}}{{if (and (eq .GroupID $group.ID) .IsAvailableCommand)}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}
{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}
选项：
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}{{if .HasAvailableSubCommands}}
设置来自环境变量和 .env 文件，见 docs/operate.md。“{{.CommandPath}} <命令> --help”显示某个命令的用法。
{{end}}`

// usageMistakes are cobra's own errors, and what they say to a person.
var usageMistakes = []struct {
	pattern *regexp.Regexp
	message string
}{
	{regexp.MustCompile(`^unknown command "([^"]*)"`), "没有“$1”这个命令，可用 bangfu --help 查看"},
	{regexp.MustCompile(`^unknown flag: (\S+)`), "没有 $1 这个选项"},
	{regexp.MustCompile(`^unknown shorthand flag: '(.)'`), "没有 -$1 这个选项"},
	{regexp.MustCompile(`^required flag\(s\) (.*) not set`), "缺少选项 $1"},
	{regexp.MustCompile(`^flag needs an argument: (?:'.' in )?(\S+)`), "选项 $1 需要一个值"},
	{regexp.MustCompile(`^invalid argument "([^"]*)" for "([^"]*)" flag`), "选项 $2 的值“$1”不对"},
	{regexp.MustCompile(`^accepts (?:at most )?(\d+) arg\(s\), received (\d+)`), "需要 $1 个参数，给了 $2 个"},
	{regexp.MustCompile(`^accepts between (\d+) and (\d+) arg\(s\), received (\d+)`), "需要 $1 至 $2 个参数，给了 $3 个"},
	{regexp.MustCompile(`^requires at least (\d+) arg\(s\)`), "至少需要 $1 个参数"},
}

// usageMessage says in Chinese what is wrong with the command line; nil if the error is about something else.
func usageMessage(err error) *models.Error {
	for _, m := range usageMistakes {
		if at := m.pattern.FindStringSubmatchIndex(err.Error()); at != nil {
			return models.Errorf(models.CodeInvalid, "%s", m.pattern.ExpandString(nil, m.message, err.Error(), at))
		}
	}
	return nil
}

// openStore opens the database that the settings name, with its schema up to date. One machine's own file is
// migrated; a server's database, which other processes use, only by `bangfu migrate up`.
func openStore(ctx context.Context) (*store.Store, error) {
	c, err := loadConfig()
	if err != nil {
		return nil, err
	}
	return c.openStore(ctx)
}

func (c Config) openStore(ctx context.Context) (*store.Store, error) {
	s, err := store.Connect(c.DB)
	if err != nil {
		return nil, &models.Error{Code: models.CodeUnavailable, Field: "BANGFU_DB", Message: "数据库打不开", Cause: err}
	}
	if err := prepare(ctx, s); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func prepare(ctx context.Context, s *store.Store) error {
	current, newest, err := s.Schema(ctx)
	switch {
	case err != nil:
		return &models.Error{Code: models.CodeUnavailable, Field: "BANGFU_DB", Message: "数据库连不上：" + reason(err), Cause: err}
	case current > newest:
		return models.Conflict("数据库的结构（版本 %d）比本程序（版本 %d）新，请使用较新的 bangfu", current, newest)
	case current < newest && s.OneMachine():
		if err := s.Migrate(ctx); err != nil {
			return &models.Error{Code: models.CodeInternal, Field: "BANGFU_DB", Message: "数据库升级失败：" + reason(err), Cause: err}
		}
	case current < newest:
		return models.Conflict("数据库的结构（版本 %d）还不是本程序的（版本 %d），请先运行 bangfu migrate up", current, newest)
	}
	return nil
}
