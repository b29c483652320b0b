package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func TestOneRehearsalOfADistrictRunsAtATimeAndLeavesItsFiles(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		rules := models.DefaultRehearsalRules()
		rules.District, rules.Year = "110107", 2026
		r, err := s.StartRehearsal(ctx, "user:1", rules)
		require.NoError(t, err)
		require.Equal(t, "110107-2026-1", r.ID)
		require.Equal(t, rules, r.Rules)
		_, err = s.StartRehearsal(ctx, "user:1", rules)
		require.Equal(t, models.CodeConflict, models.CodeOf(err), "one at a time")
		other := rules
		other.District = "110108"
		_, err = s.StartRehearsal(ctx, "user:1", other)
		require.NoError(t, err, "another district does not wait")

		require.NoError(t, s.PlaceRehearsal(ctx, r.ID, "a"))
		require.NoError(t, s.PlaceRehearsal(ctx, r.ID, "a"), "the same machine goes on with it")
		require.Equal(t, models.CodeUnavailable, models.CodeOf(s.PlaceRehearsal(ctx, r.ID, "b")), "its copy lies elsewhere")
		require.NoError(t, s.ReportRehearsal(ctx, r.ID, models.RehearsalProgress{Today: calendar.MustDate("2026-07-01"), Mails: 7}))
		r, err = s.Rehearsal(ctx, r.ID)
		require.NoError(t, err)
		require.EqualValues(t, 7, r.Progress.Mails)
		_, err = s.RehearsalFile(ctx, r.ID, models.RehearsalReportHTML)
		require.Equal(t, models.CodeNotFound, models.CodeOf(err), "no report before its end")

		require.NoError(t, s.EndRehearsal(ctx, r.ID, models.RehearsalDone, "", map[string][]byte{models.RehearsalReportHTML: []byte("<p>完</p>")}))
		require.NoError(t, s.EndRehearsal(ctx, r.ID, models.RehearsalFailed, "后来的", nil), "what has ended stays as it is")
		r, err = s.Rehearsal(ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, models.RehearsalDone, r.State)
		b, err := s.RehearsalFile(ctx, r.ID, models.RehearsalReportHTML)
		require.NoError(t, err)
		require.Equal(t, "<p>完</p>", string(b))

		require.NoError(t, s.RemoveRehearsal(ctx, "user:1", r.ID))
		require.NoError(t, s.RemoveRehearsal(ctx, "user:1", r.ID), "again changes nothing")
		_, err = s.Rehearsal(ctx, r.ID)
		require.Equal(t, models.CodeNotFound, models.CodeOf(err))
		list, err := s.Rehearsals(ctx, "110107", "", 10)
		require.NoError(t, err)
		require.Empty(t, list)
		again, err := s.StartRehearsal(ctx, "user:1", rules)
		require.NoError(t, err)
		require.Equal(t, "110107-2026-2", again.ID, "a number is given once")
	})
}
