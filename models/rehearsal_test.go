package models_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
)

func TestRulesByWhichNothingCanBeRehearsedAreRefusedByName(t *testing.T) {
	good := models.DefaultRehearsalRules()
	good.District, good.Year = "110107", 2026
	require.NoError(t, good.Validate())
	for field, spoil := range map[string]func(*models.RehearsalRules){
		"district":        func(r *models.RehearsalRules) { r.District = "石景山" },
		"year":            func(r *models.RehearsalRules) { r.Year = 2020 },
		"years":           func(r *models.RehearsalRules) { r.Years = 10 },
		"seed":            func(r *models.RehearsalRules) { r.Seed = "" },
		"days_per_second": func(r *models.RehearsalRules) { r.Speed = 0 },
		"applicants":      func(r *models.RehearsalRules) { r.Applicants = 101 },
		"revocations":     func(r *models.RehearsalRules) { r.Revocations = -1 },
		"review_days":     func(r *models.RehearsalRules) { r.ReviewDays = 0 },
		"late_days":       func(r *models.RehearsalRules) { r.LateDays = 0 },
		"growth":          func(r *models.RehearsalRules) { r.Growth = -51 },
		"late_reports":    func(r *models.RehearsalRules) { r.LateReports, r.MissedReports = 60, 41 },
	} {
		bad := good
		spoil(&bad)
		var e *models.Error
		require.ErrorAs(t, bad.Validate(), &e, field)
		require.Equal(t, field, e.Field)
	}
}

func TestEveryShareCanBeSetOnTheCommandLine(t *testing.T) {
	r := models.DefaultRehearsalRules()
	flags := r.Flags()
	require.Len(t, flags, 20)
	for _, f := range flags {
		require.NotEmpty(t, f.Usage, f.Name)
		require.NoError(t, f.Value.Set(" 37% "))
		require.Error(t, f.Value.Set("很多"))
	}
	require.EqualValues(t, 37, r.MissedReports)
	require.Equal(t, "37%", r.Closures.String())
}

func TestARehearsalIsFoundByItsIDOnly(t *testing.T) {
	district, year, n, err := models.ParseRehearsalID(models.RehearsalID("110107", 2026, 12))
	require.NoError(t, err)
	require.Equal(t, []any{"110107", 2026, 12}, []any{district, year, n})
	for _, bad := range []string{"", "110107-2026", "110107-2026-0", "110107-2026-01", "../110107-2026-1", "110107-2026-1/..", "110107-2026-x"} {
		_, _, _, err := models.ParseRehearsalID(bad)
		require.Error(t, err, bad)
	}
	require.Equal(t, models.HeldMailsFile(1), models.HeldMailsFile(500))
	require.NotEqual(t, models.HeldMailsFile(500), models.HeldMailsFile(models.NextHeldFile(500)))
}
