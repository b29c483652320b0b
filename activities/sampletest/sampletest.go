// Package sampletest brings the sample district into a test's database: its files as departments deliver them, read
// and imported by the program's own readers, and the tiers that the work plan gives it.
package sampletest

import (
	"bytes"
	"context"
	"encoding/csv"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// The sample district, its year, cycle and tiering date.
const (
	District = "110107"
	Year     = 2026
	Cycle    = "110107-2026"
	AsOf     = "2026-07-01"
)

var names = [models.SourceCount]string{
	models.SourceRegistry: "registry.csv", models.SourceAnnualReport: "annual_report.csv", models.SourceCredit: "credit.csv", models.SourceTax: "tax.xlsx",
	models.SourceSocialSecurity: "social_security.csv", models.SourceIP: "ip.xlsx", models.SourceCityTiering: "city_tiering.csv", models.SourceHonours: "honours.csv",
}

// File is the path of one of the sample district's files.
func File(t testing.TB, name string) string {
	t.Helper()
	_, here, _, ok := runtime.Caller(0)
	require.True(t, ok)
	return filepath.Join(filepath.Dir(here), "../../deploy/sample-district", name)
}

// Deliver delivers the sample district's files: of the sources named, else of all.
func Deliver(t testing.TB, s *store.Store, sources ...models.Source) {
	t.Helper()
	if len(sources) == 0 {
		for source := range models.SourceCount {
			sources = append(sources, source)
		}
	}
	ctx := context.Background()
	for _, source := range sources {
		content, err := os.ReadFile(File(t, names[source]))
		require.NoError(t, err)
		d, err := s.ReceiveDelivery(ctx, models.Delivery{District: District, Year: Year, Source: source, Channel: models.ChannelUpload,
			FileName: names[source], By: "user:1"}, bytes.NewReader(content), 1<<20)
		require.NoError(t, err)
		reader, err := files.Open(bytes.NewReader(content), int64(len(content)), names[source], source)
		require.NoError(t, err)
		_, err = s.ImportDelivery(ctx, d.ID, reader, nil)
		require.NoError(t, err)
		require.NoError(t, reader.Close())
	}
}

// Expected is the tier that the work plan gives each household, by code.
func Expected(t testing.TB) map[string]models.Tier {
	t.Helper()
	b, err := os.ReadFile(File(t, "expected.csv"))
	require.NoError(t, err)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(b), "\ufeff"))).ReadAll()
	require.NoError(t, err)
	tiers := map[string]models.Tier{}
	for _, r := range rows[1:] {
		tiers[r[0]], err = models.ParseTier(r[1])
		require.NoError(t, err)
	}
	return tiers
}

// Judge judges the district through the activities of a tiering and gives the run that counts.
func Judge(t testing.TB, s *store.Store) models.Run {
	t.Helper()
	a := &activities.Tiering{Store: s, Program: "test"}
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(a)
	result, err := env.ExecuteActivity(a.PlanRun, activities.PlanRunInput{CycleID: Cycle, District: District, Year: Year, AsOf: calendar.MustDate(AsOf)})
	require.NoError(t, err)
	var plan activities.RunPlan
	require.NoError(t, result.Get(&plan))
	for part := 1; part <= plan.Parts && !plan.Done; part++ {
		_, err := env.ExecuteActivity(a.JudgePages, activities.JudgePagesInput{RunID: plan.RunID, Part: part, Round: plan.Round})
		require.NoError(t, err)
	}
	if !plan.Done {
		result, err = env.ExecuteActivity(a.FinishRun, activities.FinishRunInput{RunID: plan.RunID})
		require.NoError(t, err)
		var finished activities.FinishedRun
		require.NoError(t, result.Get(&finished))
		require.False(t, finished.Again)
	}
	run, err := s.CurrentRun(context.Background(), Cycle)
	require.NoError(t, err)
	return run
}
