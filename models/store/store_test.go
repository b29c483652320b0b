package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
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

func TestCharactersThatNoKeyHasAreRefusedOrFindNothingAndAreNoFailure(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		list, err := s.Applications(ctx, store.ApplicationFilter{District: "110107", USCC: "汉字"}, 0, 10)
		if err != nil { // MariaDB compares a key of ASCII with nothing else
			require.Equal(t, models.CodeInvalid, models.CodeOf(err), err)
		}
		require.Empty(t, list)
		_, err = s.ApplicationCommandDone(ctx, models.ApplicationCommand{CommandID: "钥匙", ApplicationID: 1, Event: models.EventSubmit, Actor: "user:1"})
		if err != nil {
			require.Equal(t, models.CodeInvalid, models.CodeOf(err), err)
		}
	})
}
