package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"bangfu/models"
	"bangfu/models/store"
)

// migrateCommand brings the database's schema up to date, or takes the newest step back.
func migrateCommand() *cobra.Command {
	c := &cobra.Command{Use: "migrate", Short: "升级或回退数据库结构"}
	with := func(run func(ctx context.Context, c *cobra.Command, s *store.Store) error) func(*cobra.Command, []string) error {
		return func(c *cobra.Command, _ []string) error {
			config, err := loadConfig()
			if err != nil {
				return err
			}
			s, err := store.Connect(config.DB)
			if err != nil {
				return &models.Error{Code: models.CodeUnavailable, Field: "BANGFU_DB", Message: "数据库打不开：" + reason(err), Cause: err}
			}
			defer func() { _ = s.Close() }()
			return run(c.Context(), c, s)
		}
	}
	c.AddCommand(
		&cobra.Command{Use: "up", Short: "升级到本程序的结构", Args: cobra.NoArgs, RunE: with(migrateUp)},
		downCommand(with),
		&cobra.Command{Use: "status", Short: "显示数据库结构的版本", Args: cobra.NoArgs, RunE: with(migrateStatus)},
	)
	return c
}

func downCommand(with func(func(context.Context, *cobra.Command, *store.Store) error) func(*cobra.Command, []string) error) *cobra.Command {
	var yes bool
	c := &cobra.Command{Use: "down", Short: "回退最近一步（会删除该步建立的表及其数据）", Args: cobra.NoArgs}
	c.Flags().BoolVar(&yes, "yes", false, "确认已备份，可以删除数据")
	c.RunE = with(func(ctx context.Context, c *cobra.Command, s *store.Store) error {
		if !yes {
			return models.Invalid("--yes", "回退会删除数据；确认已备份后，加上 --yes 再运行")
		}
		if err := s.MigrateDown(ctx); err != nil {
			return &models.Error{Code: models.CodeInternal, Message: "回退失败：" + reason(err), Cause: err}
		}
		return migrateStatus(ctx, c, s)
	})
	return c
}

func migrateUp(ctx context.Context, c *cobra.Command, s *store.Store) error {
	if err := s.Migrate(ctx); err != nil {
		return &models.Error{Code: models.CodeInternal, Message: "数据库升级失败：" + reason(err), Cause: err}
	}
	return migrateStatus(ctx, c, s)
}

func migrateStatus(ctx context.Context, c *cobra.Command, s *store.Store) error {
	current, newest, err := s.Schema(ctx)
	if err != nil {
		return &models.Error{Code: models.CodeUnavailable, Field: "BANGFU_DB", Message: "数据库连不上：" + reason(err), Cause: err}
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "数据库结构版本 %d，本程序的版本 %d\n", current, newest)
	return err
}

// reason is the innermost cause: what the system itself said.
func reason(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
