package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func TestMigrationsGoUpDownAndUpAgain(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		require.NoError(t, s.Ping(ctx))
		require.NoError(t, s.MigrateDown(ctx))
		require.NoError(t, s.Migrate(ctx))
		require.NoError(t, s.Migrate(ctx), "a schema that is up to date stays as it is")
	})
}
