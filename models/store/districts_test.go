package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func TestDistrictsAndDepartmentsAreSetOverAndOver(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		_, err := s.District(ctx, "110107")
		require.Equal(t, models.CodeNotFound, models.CodeOf(err))
		bureau := models.Department{District: "110107", Code: models.BureauCode, Name: "区市场监管局"}
		require.Equal(t, models.CodeNotFound, models.CodeOf(s.SetDepartment(ctx, models.ActorConsole, bureau)), "a department needs its district")

		require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: "110107", Name: "石景山", City: "北京市"}))
		require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: "110107", Name: "石景山区", City: "北京市"}))
		d, err := s.District(ctx, "110107")
		require.NoError(t, err)
		require.Equal(t, models.District{Code: "110107", Name: "石景山区", City: "北京市"}, d)

		require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, bureau))
		bureau.Email = "scjg@example.com"
		require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, bureau))
		require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: "110107", Code: "tax", Name: "区税务局"}))
		list, err := s.Departments(ctx, "110107")
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.Equal(t, bureau, list[0])
		got, err := s.Department(ctx, "110107", "tax")
		require.NoError(t, err)
		require.Equal(t, "区税务局", got.Name)

		report, err := s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		require.EqualValues(t, 5, report.Entries, "each change is on record")
	})
}

func TestAReasonIsKeptOnceAndForEver(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		id, err := s.AddReason(ctx, "user:1", "  税务数据迟交，先行推进 ")
		require.NoError(t, err)
		text, err := s.Reason(ctx, id)
		require.NoError(t, err)
		require.Equal(t, "税务数据迟交，先行推进", text)

		_, err = s.AddReason(ctx, "user:1", strings.Repeat("理", store.MaxReason))
		require.NoError(t, err)
		for _, bad := range []string{"", " \n　", strings.Repeat("理", store.MaxReason+1), "\xff"} {
			_, err = s.AddReason(ctx, "user:1", bad)
			require.Equal(t, models.CodeInvalid, models.CodeOf(err), "%.10q", bad)
		}
		_, err = s.Reason(ctx, 999)
		require.Equal(t, models.CodeNotFound, models.CodeOf(err))
	})
}
