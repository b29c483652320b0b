package cli

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"bangfu/models"
	"bangfu/models/calendar"
)

func tokenCommand() *cobra.Command {
	c := &cobra.Command{Use: "token", Short: "管理令牌：新建、查看、撤销"}
	c.AddCommand(tokenCreateCommand(), tokenListCommand(), tokenRevokeCommand())
	return c
}

func tokenCreateCommand() *cobra.Command {
	var email, name string
	var days int
	c := &cobra.Command{
		Use:   "create",
		Short: "为用户新建令牌；令牌写到标准输出，只显示这一次",
		Example: "  bangfu token create --user wang@example.cn --name 数据交换 --days 365\n" +
			"  TOKEN=$(bangfu token create --user wang@example.cn --name 脚本)",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if days < 0 || days > 3650 {
				return models.Invalid("days", "有效天数应为 0（长期有效）至 3650")
			}
			s, err := openStore(c.Context())
			if err != nil {
				return err
			}
			defer closeStore(s)
			u, err := s.UserByEmail(c.Context(), email)
			if err != nil {
				return err
			}
			secret, t, err := s.CreateToken(c.Context(), models.ActorConsole, u.ID, name, time.Duration(days)*24*time.Hour)
			if err != nil {
				return err
			}
			c.PrintErrf("令牌 %d，用户 %s，%s。请妥善保存，不会再显示：\n", t.ID, u.Email, until(t.ExpiresAt))
			_, err = fmt.Fprintln(c.OutOrStdout(), secret)
			return err
		},
	}
	c.Flags().StringVar(&email, "user", "", "用户的电子邮箱")
	c.Flags().StringVar(&name, "name", "", "用途，如 数据交换")
	c.Flags().IntVar(&days, "days", 365, "有效天数，0 为长期有效")
	_ = c.MarkFlagRequired("user")
	_ = c.MarkFlagRequired("name")
	return c
}

func tokenListCommand() *cobra.Command {
	var email string
	c := &cobra.Command{
		Use: "list", Short: "列出用户的令牌", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := openStore(c.Context())
			if err != nil {
				return err
			}
			defer closeStore(s)
			u, err := s.UserByEmail(c.Context(), email)
			if err != nil {
				return err
			}
			w := newTable(c.OutOrStdout(), "编号", "用途", "开头", "新建于", "最近使用", "状态")
			for after := int64(0); ; {
				list, err := s.Tokens(c.Context(), u.ID, after, page)
				if err != nil {
					return err
				}
				for _, t := range list {
					state := until(t.ExpiresAt)
					if t.RevokedAt != nil {
						state = "已于 " + minute(t.RevokedAt) + " 撤销"
					}
					w.row(t.ID, t.Name, t.Prefix+"…", minute(&t.CreatedAt), minute(t.LastUsedAt), state)
					after = t.ID
				}
				if len(list) < page {
					return w.flush()
				}
			}
		},
	}
	c.Flags().StringVar(&email, "user", "", "用户的电子邮箱")
	_ = c.MarkFlagRequired("user")
	return c
}

func tokenRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke 编号", Short: "撤销令牌，立即失效", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return models.Invalid("编号", "“%s”应为整数，可用 bangfu token list 查看", args[0])
			}
			s, err := openStore(c.Context())
			if err != nil {
				return err
			}
			defer closeStore(s)
			if _, err := s.Token(c.Context(), id); err != nil {
				return err
			}
			if err := s.RevokeToken(c.Context(), models.ActorConsole, id); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "令牌 %d 已撤销\n", id)
			return err
		},
	}
}

// until says how long a token is valid.
func until(t *time.Time) string {
	if t == nil {
		return "长期有效"
	}
	return "有效至 " + minute(t)
}

// minute writes a moment in Beijing's time.
func minute(t *time.Time) string {
	if t == nil {
		return "—"
	}
	return t.In(calendar.Shanghai).Format("2006-01-02 15:04")
}
