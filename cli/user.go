package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"bangfu/models"
	"bangfu/models/store"
)

// page is how many rows a list reads at once.
const page = 500

func userCommand() *cobra.Command {
	c := &cobra.Command{Use: "user", Short: "管理用户：新建、查看、停用"}
	c.AddCommand(userAddCommand(), userListCommand(), userDisableCommand("disable", "停用用户：不能登录，其令牌一并失效", true), userDisableCommand("enable", "恢复已停用的用户", false))
	return c
}

func userAddCommand() *cobra.Command {
	var u models.User
	var role string
	var tokenOnly bool
	c := &cobra.Command{
		Use:   "add",
		Short: "新建用户，密码在终端输入（不回显）或从标准输入读取",
		Long: "新建用户。角色：admin 区市场监管局管理员，department 部门工作人员，city 市级审核人员，auditor 审计人员。\n" +
			"不写 --district 的用户负责全部区；部门工作人员必须写 --district 和 --department。",
		Example: "  bangfu user add --email wang@example.cn --name 王明 --role admin\n" +
			"  bangfu user add --email li@example.cn --name 李华 --role department --district 110107 --department tax",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			u.Role = models.Role(role)
			u.Email = strings.ToLower(strings.TrimSpace(u.Email))
			if err := u.Validate(); err != nil { // before a password is asked for
				return err
			}
			s, err := openStore(c.Context())
			if err != nil {
				return err
			}
			defer closeStore(s)
			var password string
			if !tokenOnly {
				if password, err = readPassword(c.InOrStdin(), c.ErrOrStderr()); err != nil {
					return err
				}
			}
			made, err := s.AddUser(c.Context(), models.ActorConsole, u, password)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "已新建用户 %d：%s（%s）\n", made.ID, made.Email, roleName(made.Role))
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&u.Email, "email", "", "电子邮箱，用来登录和接收提醒")
	f.StringVar(&u.Name, "name", "", "姓名")
	f.StringVar(&role, "role", "", "角色：admin、department、city 或 auditor")
	f.StringVar(&u.District, "district", "", "所属区的区划代码，如 110107；不写为全部区")
	f.StringVar(&u.Department, "department", "", "所属部门代码，仅限部门工作人员")
	f.BoolVar(&tokenOnly, "token-only", false, "不设密码，只能用令牌")
	for _, name := range []string{"email", "name", "role"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

func userListCommand() *cobra.Command {
	var district string
	c := &cobra.Command{
		Use: "list", Short: "列出用户", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := openStore(c.Context())
			if err != nil {
				return err
			}
			defer closeStore(s)
			t := newTable(c.OutOrStdout(), "编号", "邮箱", "姓名", "角色", "区", "部门", "状态")
			for after := int64(0); ; {
				list, err := s.Users(c.Context(), district, after, page)
				if err != nil {
					return err
				}
				for _, u := range list {
					state := "正常"
					if u.Disabled {
						state = "已停用"
					}
					t.row(u.ID, u.Email, u.Name, roleName(u.Role), dash(u.District, "全部"), dash(u.Department, "—"), state)
					after = u.ID
				}
				if len(list) < page {
					return t.flush()
				}
			}
		},
	}
	c.Flags().StringVar(&district, "district", "", "只看一个区的用户")
	return c
}

func userDisableCommand(use, short string, disabled bool) *cobra.Command {
	return &cobra.Command{
		Use: use + " 邮箱", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := openStore(c.Context())
			if err != nil {
				return err
			}
			defer closeStore(s)
			u, err := s.UserByEmail(c.Context(), args[0])
			if err != nil {
				return err
			}
			if err := s.DisableUser(c.Context(), models.ActorConsole, u.ID, disabled); err != nil {
				return err
			}
			done := "已恢复"
			if disabled {
				done = "已停用"
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s用户 %d：%s\n", done, u.ID, u.Email)
			return err
		},
	}
}

// readPassword asks twice on a terminal, without echo; else it reads one line.
func readPassword(in io.Reader, prompt io.Writer) (string, error) {
	f, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(in, 1000)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("reading the password: %w", err)
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", models.Invalid("password", "没有读到密码：请在终端输入，或从标准输入给出一行")
		}
		return line, nil
	}
	ask := func(words string) (string, error) {
		if _, err := io.WriteString(prompt, words); err != nil {
			return "", fmt.Errorf("asking for the password: %w", err)
		}
		b, err := term.ReadPassword(int(f.Fd()))
		if err != nil {
			return "", fmt.Errorf("reading the password: %w", err)
		}
		_, err = io.WriteString(prompt, "\n")
		return string(b), err
	}
	first, err := ask(fmt.Sprintf("密码（至少%d位，输入时不显示）：", store.MinPassword))
	if err != nil {
		return "", err
	}
	second, err := ask("再输入一次：")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", models.Invalid("password", "两次输入的密码不一样")
	}
	if first == "" {
		return "", models.Invalid("password", "没有输入密码")
	}
	return first, nil
}

func closeStore(s *store.Store) { _ = s.Close() }

func dash(s, empty string) string {
	if s == "" {
		return empty
	}
	return s
}

func roleName(r models.Role) string {
	switch r {
	case models.RoleAdmin:
		return "管理员"
	case models.RoleDepartment:
		return "部门工作人员"
	case models.RoleCity:
		return "市级审核人员"
	case models.RoleAuditor:
		return "审计人员"
	}
	return string(r)
}
