package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"bangfu/models"
	"bangfu/models/policy"
)

func policyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "policy",
		Short: "检查、比较、查看、试算当年政策文件",
		Long: "当年政策是一份 YAML 文件，写法与工作方案一致，程序按它执行。\n" +
			"这里的命令只读文件，what-if 还读数据库；存入、施行和公布由管理员通过接口进行。",
	}
	c.AddCommand(policyCheckCommand(), policyDiffCommand(), policyShowCommand(), policyWhatIfCommand())
	return c
}

func policyCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check 文件",
		Short:   "检查政策文件，逐行列出所有错误；有错误时退出状态为 1",
		Example: "  bangfu policy check 2026.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := loadPolicy(c, args[0])
			if err != nil {
				return err
			}
			open := 0
			for _, q := range p.Parameters {
				if q.Placeholder {
					open++
				}
			}
			out := c.OutOrStdout()
			_, err = fmt.Fprintf(out, "政策文件正确：%s（%s 区 %d 年度）\n条件 %d 项，参数 %d 项，其中待确认 %d 项；措施 %d 项，部门职责 %d 项\nSHA-256 %s\n",
				p.Title, p.District, p.Year, len(p.Tiering.Conditions), len(p.Parameters), open, len(p.Measures), len(p.DepartmentDuties), p.Hash())
			return err
		},
	}
}

func policyDiffCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "diff 原文件 新文件",
		Short:   "逐项列出两份政策文件内容上的不同",
		Long:    "逐项列出两份政策文件内容上的不同；注释、排列和写法上的不同不算。",
		Example: "  bangfu policy diff 2025.yaml 2026.yaml",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			before, err := loadPolicy(c, args[0])
			if err != nil {
				return err
			}
			after, err := loadPolicy(c, args[1])
			if err != nil {
				return err
			}
			changes := policy.Diff(before, after)
			out := c.OutOrStdout()
			for _, change := range changes {
				if _, err := fmt.Fprintln(out, change); err != nil {
					return err
				}
			}
			if len(changes) == 0 {
				_, err = fmt.Fprintln(out, "两份政策的内容相同")
			}
			return err
		},
	}
}

func policyShowCommand() *cobra.Command {
	var district string
	var year int
	var file bool
	c := &cobra.Command{
		Use:   "show [文件]",
		Short: "以文字显示一份政策；不给文件时为工作方案的默认政策",
		Example: "  bangfu policy show\n" +
			"  bangfu policy show --district 110108 --year 2027 --yaml > 2027.yaml",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			name, content := "默认政策", policy.Default(district, year)
			if len(args) == 1 {
				var err error
				name = args[0]
				if content, err = readPolicyFile(name); err != nil {
					return err
				}
			}
			p, err := parsePolicy(c, name, content)
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			if file {
				_, err := out.Write(content)
				return err
			}
			return printOutline(out, p)
		},
	}
	c.Flags().StringVar(&district, "district", "110107", "默认政策的区划代码")
	c.Flags().IntVar(&year, "year", 2026, "默认政策的年度")
	c.Flags().BoolVar(&file, "yaml", false, "原样输出 YAML 文件，可作为起草的底稿")
	return c
}

func printOutline(out io.Writer, p *policy.Policy) error {
	for n, section := range p.Outline() {
		if n > 0 {
			if _, err := fmt.Fprintln(out); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(out, "【%s】\n", section.Title); err != nil {
			return err
		}
		for _, i := range section.Items {
			if i.Value == "" {
				continue
			}
			clause := ""
			if i.Clause != "" {
				clause = "（" + i.Clause + "）"
			}
			if _, err := fmt.Fprintf(out, "  %s%s：%s\n", i.Name, clause, i.Value); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(out, "\nSHA-256 %s\n", p.Hash())
	return err
}

// loadPolicy reads and checks a file; what is wrong with it is printed line by line before the error is returned.
func loadPolicy(c *cobra.Command, name string) (*policy.Policy, error) {
	b, err := readPolicyFile(name)
	if err != nil {
		return nil, err
	}
	return parsePolicy(c, name, b)
}

func parsePolicy(c *cobra.Command, name string, content []byte) (*policy.Policy, error) {
	p, err := policy.Load(content)
	var problems policy.Problems
	if errors.As(err, &problems) {
		for _, problem := range problems {
			if _, err := fmt.Fprintf(c.ErrOrStderr(), "%s：%s\n", name, problem); err != nil {
				return nil, err
			}
		}
		return nil, models.Errorf(models.CodeInvalid, "%s 有 %d 处错误", name, len(problems))
	}
	return p, err
}

// readPolicyFile reads a file, no more of it than a policy may have.
func readPolicyFile(name string) ([]byte, error) {
	failed := func(err error) error {
		why := "读不出内容"
		switch {
		case errors.Is(err, fs.ErrNotExist):
			why = "没有这个文件"
		case errors.Is(err, fs.ErrPermission):
			why = "没有读取权限"
		}
		return &models.Error{Code: models.CodeNotFound, Field: name, Message: why, Cause: err}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, failed(err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, policy.MaxSize+1))
	if err != nil {
		return nil, failed(err)
	}
	return b, nil
}
