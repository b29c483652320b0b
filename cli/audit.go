package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"bangfu/models"
)

func auditCommand() *cobra.Command {
	c := &cobra.Command{Use: "audit", Short: "操作与决定的记录：查看、核对"}
	c.AddCommand(auditVerifyCommand(), auditListCommand())
	return c
}

func auditVerifyCommand() *cobra.Command {
	var anchors []string
	c := &cobra.Command{
		Use:   "verify",
		Short: "核对记录是否完整、未被改动；有问题时退出码为 1",
		Long: "从第一条起逐条核对记录的校验值与链接。核对通过后显示末条的“编号:校验值”，\n" +
			"另行留存后，以后可用 --anchor 一并核对，连整体改写也能发现。",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			noted, err := parseAnchors(anchors)
			if err != nil {
				return err
			}
			s, err := openStore(c.Context())
			if err != nil {
				return err
			}
			defer closeStore(s)
			progress := func(n int64) {
				if n%100_000 == 0 {
					c.PrintErrf("已核对 %d 条…\n", n)
				}
			}
			report, err := s.VerifyAudit(c.Context(), progress, noted...)
			if err != nil {
				return err
			}
			if !report.Intact {
				return models.Errorf(models.CodeConflict, "记录被改动过：第 %d 条起有问题（%s）；此前 %d 条完好", report.Broken, report.Reason, report.Entries)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "记录完整，共 %d 条。末条可留存备查：%d:%s\n", report.Entries, report.Entries, report.Head)
			return err
		},
	}
	c.Flags().StringArrayVar(&anchors, "anchor", nil, "以前留存的“编号:校验值”，可写多次")
	return c
}

func parseAnchors(list []string) ([]models.AuditAnchor, error) {
	var anchors []models.AuditAnchor
	for _, a := range list {
		number, hash, ok := strings.Cut(a, ":")
		seq, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil || seq < 1 || len(hash) != 64 {
			return nil, models.Invalid("--anchor", "“%s”应为 编号:校验值，即 bangfu audit verify 显示的样子", a)
		}
		anchors = append(anchors, models.AuditAnchor{Seq: seq, Hash: strings.ToLower(hash)})
	}
	return anchors, nil
}

func auditListCommand() *cobra.Command {
	var object string
	var after int64
	c := &cobra.Command{
		Use: "list", Short: "列出记录，从早到晚", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := openStore(c.Context())
			if err != nil {
				return err
			}
			defer closeStore(s)
			for {
				list, err := s.AuditPage(c.Context(), object, after, page)
				if err != nil {
					return err
				}
				t := newTable(c.OutOrStdout(), "编号", "时刻（UTC）", "操作者", "操作", "对象", "详情")
				for _, e := range list {
					t.row(e.Seq, e.At, e.Actor, e.Action, e.Object, e.Detail)
					after = e.Seq
				}
				if err := t.flush(); err != nil {
					return err
				}
				if len(list) < page {
					return nil
				}
			}
		},
	}
	c.Flags().StringVar(&object, "object", "", "只看一个对象，如 cycle/110107-2026")
	c.Flags().Int64Var(&after, "after", 0, "从这个编号之后列起")
	return c
}
