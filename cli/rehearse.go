package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"bangfu/models"
	"bangfu/models/store"
	"bangfu/rehearsal"
)

func rehearseCommand() *cobra.Command {
	rules := models.DefaultRehearsalRules()
	var resume string
	c := &cobra.Command{
		Use: "rehearse", Short: "演练：在副本上以模拟时钟走完一个年度及其后三年，邮件不发出",
		Long: "在一个区的副本上，以模拟时钟、同样的流程和同一引擎走完一个年度及其后三年（认定有效期）。各方由程序按规则扮演，邮件只保存、不发出；\n" +
			"结束后给出报告：何时发生了什么、谁逾期、各类人员会收到多少封邮件、名额使用情况。真实的数据、流程和邮件不受影响。\n\n" +
			"需要正在运行的 Temporal 引擎（如 bangfu dev）。没有数据时使用自带的样例区（110107，2026 年）。中断后可用 --resume 接着运行。",
		Example: "  bangfu rehearse --district 110107 --year 2026\n  bangfu rehearse --applicants 30% --objections 20% --late-reports 25% --seed 甲\n  bangfu rehearse --resume 110107-2026-1",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, done, err := rehearsalOptions(c)
			if err != nil {
				return err
			}
			defer done()
			id := resume
			if id == "" {
				r, err := o.Source.StartRehearsal(c.Context(), models.ActorConsole, rules)
				if err != nil {
					return err
				}
				id = r.ID
			}
			return rehearse(c.Context(), c.OutOrStdout(), o, id)
		},
	}
	f := c.Flags()
	f.StringVar(&rules.District, "district", "110107", "行政区划代码")
	f.IntVar(&rules.Year, "year", 2026, "首个年度")
	f.IntVar(&rules.Years, "years", rules.Years, "首个年度之后再模拟几年")
	f.Int64Var(&rules.PolicyID, "policy", 0, "首个年度用哪个政策版本（编号），不写用施行中的")
	f.StringVar(&rules.Seed, "seed", rules.Seed, "随机种子：同样的规则、数据和种子，决定相同")
	f.Float64Var(&rules.Speed, "days-per-second", rules.Speed, "每秒模拟几天")
	f.IntVar(&rules.ReviewDays, "review-days", rules.ReviewDays, "审核人员最长几天办理一件")
	f.IntVar(&rules.LateDays, "late-days", rules.LateDays, "部门逾期交付数据的最长天数")
	f.IntVar(&rules.Growth, "growth", rules.Growth, "营业收入平均每年增长的百分数，可为负")
	for _, p := range rules.Flags() {
		f.Var(p.Value, p.Name, p.Usage)
	}
	f.StringVar(&resume, "resume", "", "接着运行这次中断的演练（编号）")
	c.AddCommand(&cobra.Command{Use: "rm 编号", Short: "删除一次演练：它的数据库、邮件和在引擎中的流程", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		o, done, err := rehearsalOptions(c)
		if err != nil {
			return err
		}
		defer done()
		if err := rehearsal.Remove(c.Context(), o, models.ActorConsole, args[0]); err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "演练 %s 已删除\n", args[0])
		return err
	}})
	return c
}

// rehearsalOptions say where rehearsals lie and which record they copy; done closes it.
func rehearsalOptions(c *cobra.Command) (o rehearsal.Options, done func(), err error) {
	config, err := loadConfig()
	if err != nil {
		return o, nil, err
	}
	s, err := config.openStore(c.Context())
	if err != nil {
		return o, nil, err
	}
	return config.rehearsals(s, newLogger(config.Log, c.ErrOrStderr())), func() { closeStore(s) }, nil
}

func (c Config) rehearsals(s *store.Store, logger *slog.Logger) rehearsal.Options {
	return rehearsal.Options{Dir: filepath.Join(c.DataDir, "rehearsals"), Engine: c.TemporalAddress, Source: s, Program: programVersion(), Logger: logger}
}

// rehearse runs a rehearsal and shows where it stands in one line.
func rehearse(ctx context.Context, out io.Writer, o rehearsal.Options, id string) error {
	dir := filepath.Join(o.Dir, id)
	if _, err := fmt.Fprintf(out, "演练 %s，目录 %s\n", id, dir); err != nil {
		return err
	}
	began := time.Now()
	err := rehearsal.Run(ctx, o, id, func(p models.RehearsalProgress) {
		_, _ = fmt.Fprintf(out, "\r\x1b[K%s  %s %s  申报 %d  认定 %d  邮件 %d", p.Today, p.Cycle, p.Stage, p.Applications, p.Certified, p.Mails)
	})
	if ctx.Err() != nil {
		return models.Errorf(models.CodeUnavailable, "演练已中断，可用 bangfu rehearse --resume %s 接着运行", id)
	}
	if err != nil {
		return err
	}
	r, err := o.Source.Rehearsal(ctx, id)
	if err == nil {
		_, err = fmt.Fprintf(out, "\n演练%s，用时 %s\n报告：%s\n邮件：%s\n", r.State.Name(), time.Since(began).Round(time.Second), filepath.Join(dir, models.RehearsalReportHTML), filepath.Join(dir, "mail"))
	}
	return err
}
