package activities_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/activities/files"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

var (
	studyDue   = calendar.MustDate("2026-07-25")
	studyToday = calendar.MustDate("2026-07-16")
)

// city reads the sample district's city_tiering.csv.
func city(t *testing.T) map[string]models.Tier {
	t.Helper()
	b, err := os.ReadFile(sampletest.File(t, "city_tiering.csv"))
	require.NoError(t, err)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(b), "\ufeff"))).ReadAll()
	require.NoError(t, err)
	tiers := map[string]models.Tier{}
	for _, r := range rows[1:] {
		code, err := models.ParseUSCC(r[0])
		require.NoError(t, err)
		tiers[code], err = models.ParseTier(r[2])
		require.NoError(t, err)
	}
	return tiers
}

func compare(t *testing.T, s *store.Store) models.StudyBoard {
	t.Helper()
	a := &activities.Study{Store: s}
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.RegisterActivity(a)
	r, err := env.ExecuteActivity(a.CompareStudy, activities.CompareStudyInput{CycleID: sampletest.Cycle, District: sampletest.District, Year: sampletest.Year, Due: studyDue, Today: studyToday})
	require.NoError(t, err)
	var board models.StudyBoard
	require.NoError(t, r.Get(&board))
	return board
}

// deliverCity delivers rows of the city's result.
func deliverCity(t *testing.T, s *store.Store, rows ...string) {
	t.Helper()
	ctx := context.Background()
	content := []byte("统一社会信用代码,年度,分型结果\n" + strings.Join(rows, "\n") + "\n")
	d, err := s.ReceiveDelivery(ctx, models.Delivery{District: sampletest.District, Year: sampletest.Year, Source: models.SourceCityTiering,
		Channel: models.ChannelUpload, FileName: "city.csv", By: "user:1"}, bytes.NewReader(content), 1<<20)
	require.NoError(t, err)
	reader, err := files.Open(bytes.NewReader(content), int64(len(content)), "city.csv", models.SourceCityTiering)
	require.NoError(t, err)
	d, err = s.ImportDelivery(ctx, d.ID, reader, nil)
	require.NoError(t, err)
	require.Equal(t, len(rows), d.Rows.Accepted, d.Reason)
}

func differences(t *testing.T, s *store.Store, state models.DifferenceState) []store.DifferenceItem {
	t.Helper()
	list, err := s.Differences(context.Background(), store.DifferenceQuery{CycleID: sampletest.Cycle, State: state, Limit: 1000})
	require.NoError(t, err)
	return list
}

// owing lists the departments that owe the settlement of differences.
func owing(t *testing.T, s *store.Store) map[string]bool {
	t.Helper()
	list, err := s.OpenObligations(context.Background(), sampletest.Cycle)
	require.NoError(t, err)
	owners := map[string]bool{}
	for _, o := range list {
		if o.Kind == models.ObligationDifference {
			require.Equal(t, studyDue, o.Due)
			owners[o.Owner] = true
		}
	}
	return owners
}

func decision(t *testing.T, s *store.Store, key, choice string, ids ...int64) models.Decision {
	t.Helper()
	reason, err := s.AddReason(context.Background(), "user:1", "经核对原始数据")
	require.NoError(t, err)
	return models.Decision{CommandID: key, CycleID: sampletest.Cycle, IDs: ids, Choice: choice, ReasonID: reason, Actor: "user:1", Admin: true}
}

func TestEveryDifferenceFromTheCityIsAWorkItemOfTheDepartmentWhoseDataIsInQuestion(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		sampletest.Deliver(t, s)
		sampletest.Judge(t, s)
		want := map[string]models.Tier{}
		expected, byCity := sampletest.Expected(t), city(t)
		for code, tier := range expected {
			if byCity[code] != models.NoTier && byCity[code] != tier {
				want[code] = tier
			}
		}
		require.Len(t, want, 21)

		board := compare(t, s)
		require.True(t, board.Compared)
		require.EqualValues(t, 21, board.Open)
		list := differences(t, s, "")
		require.Len(t, list, 21)
		departments := map[string]bool{}
		for _, d := range list {
			require.Equal(t, want[d.USCC], d.OwnTier, d.USCC)
			require.Equal(t, byCity[d.USCC], d.CityTier, d.USCC)
			require.Equal(t, models.DifferenceOpen, d.State)
			require.Contains(t, d.Why, "市级为"+d.CityTier.String()+"；本区判定为"+d.OwnTier.String()+"：附一(三)", d.USCC)
			require.Contains(t, []string{"scjg", "tax", "hrss"}, d.Department)
			require.NotEmpty(t, d.Source)
			require.NotContains(t, d.Why, d.Name, "no name in what officials of every department read")
			require.NotContains(t, d.Why, d.USCC)
			departments[d.Department] = true
			t.Log(d.Department, d.Source, d.Why)
		}
		require.Equal(t, departments, owing(t, s), "each department with open differences owes their settlement")
		for _, d := range board.Departments {
			require.Contains(t, d.Name, "区", "named, not by its code")
		}

		require.Equal(t, board, compare(t, s), "comparing again changes nothing")
		require.Equal(t, list, differences(t, s, ""))
	})
}

func TestADecisionSettlesAllOfItsDifferencesOrNone(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		sampletest.Deliver(t, s)
		sampletest.Judge(t, s)
		compare(t, s)
		list := differences(t, s, "")
		byDepartment := map[string][]int64{}
		for _, d := range list {
			byDepartment[d.Department] = append(byDepartment[d.Department], d.ID)
		}
		require.Greater(t, len(byDepartment), 1)

		officer := decision(t, s, "k0", models.ChooseOwn, list[0].ID)
		officer.Admin, officer.Officer = false, "nobody"
		_, _, err := s.Decide(ctx, officer, studyToday)
		require.Equal(t, models.CodeForbidden, models.CodeOf(err), "an officer decides what is the own department's")

		_, _, err = s.Decide(ctx, decision(t, s, "k1", models.ChooseOwn, list[0].ID, 1<<40), studyToday)
		require.Equal(t, models.CodeNotFound, models.CodeOf(err))
		require.Len(t, differences(t, s, models.DifferenceOpen), 21, "none is settled when one is not there")

		d := decision(t, s, "k2", models.ChooseOwn, list[0].ID, list[1].ID)
		settled, board, err := s.Decide(ctx, d, studyToday)
		require.NoError(t, err)
		require.Equal(t, 2, settled)
		require.EqualValues(t, 19, board.Open)
		again := d
		again.ReasonID++ // a repeated request keeps its reason's text anew
		settled, board, err = s.Decide(ctx, again, studyToday)
		require.NoError(t, err, "the same command again is answered alike")
		require.Equal(t, 2, settled)
		require.EqualValues(t, 19, board.Open)
		other := decision(t, s, "k2", models.ChooseCity, list[2].ID)
		_, _, err = s.Decide(ctx, other, studyToday)
		require.Equal(t, models.CodeConflict, models.CodeOf(err), "a command's number is used once")

		officer = decision(t, s, "k3", models.ChooseCity, list[0].ID)
		officer.Admin, officer.Officer = false, list[0].Department
		_, _, err = s.Decide(ctx, officer, studyToday)
		require.Equal(t, models.CodeConflict, models.CodeOf(err), "what is settled stays settled")

		for _, item := range differences(t, s, models.DifferenceSettled) {
			require.Equal(t, item.OwnTier, item.DecidedTier)
			require.Equal(t, item.OwnTier, item.Effective())
			require.Equal(t, "经核对原始数据", item.Reason)
			require.Equal(t, models.Actor("user:1"), item.DecidedBy)
			require.NotNil(t, item.DecidedAt)
		}

		n := 0
		for department, ids := range byDepartment {
			n++
			require.True(t, owing(t, s)[department])
			_, board, err = s.Decide(ctx, decision(t, s, "all-"+department, models.Growth.Code(), ids...), studyToday)
			require.NoError(t, err, "an administrator decides anew")
			require.False(t, owing(t, s)[department], "the duty is fulfilled with the last difference")
		}
		require.Zero(t, board.Open)
		for _, item := range differences(t, s, models.DifferenceSettled) {
			require.Equal(t, models.Growth, item.DecidedTier)
		}
		report, err := s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		require.True(t, report.Intact)
	})
}

func TestNewDataReopensWhatWasDecidedOnOtherResults(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		sampletest.Deliver(t, s)
		sampletest.Judge(t, s)
		compare(t, s)
		list := differences(t, s, "")
		_, _, err := s.Decide(ctx, decision(t, s, "k", models.ChooseOwn, list[0].ID, list[1].ID, list[2].ID), studyToday)
		require.NoError(t, err)

		// the city mends its result: of one settled difference to ours, of another to a third tier, of an open one to ours
		mend := func(d store.DifferenceItem, tier models.Tier) { deliverCity(t, s, d.USCC+",2026,"+tier.String()) }
		third := models.Development
		for third == list[1].OwnTier || third == list[1].CityTier {
			third--
		}
		mend(list[0], list[0].OwnTier)
		mend(list[1], third)
		mend(list[3], list[3].OwnTier)
		board := compare(t, s)
		require.EqualValues(t, 1, board.Settled)
		require.EqualValues(t, 18, board.Open)

		byID := map[int64]store.DifferenceItem{}
		for _, state := range []models.DifferenceState{"", models.DifferenceObsolete} {
			for _, d := range differences(t, s, state) {
				byID[d.ID] = d
			}
		}
		require.Equal(t, models.DifferenceObsolete, byID[list[0].ID].State, "both say the same now")
		require.Equal(t, models.NoTier, byID[list[0].ID].DecidedTier)
		require.Equal(t, models.DifferenceOpen, byID[list[1].ID].State, "decided on another result of the city's")
		require.Equal(t, third, byID[list[1].ID].CityTier)
		require.Equal(t, models.NoTier, byID[list[1].ID].DecidedTier)
		require.Equal(t, models.DifferenceSettled, byID[list[2].ID].State, "neither result is another one")
		require.Equal(t, models.DifferenceObsolete, byID[list[3].ID].State)

		entries, err := s.AuditPage(ctx, "cycle/"+sampletest.Cycle, 0, 1000)
		require.NoError(t, err)
		actions := map[string]int{}
		for _, e := range entries {
			actions[e.Action]++
		}
		require.Equal(t, 1, actions["difference.reopen"], "the lapsed decision is on record")
		require.Equal(t, 1, actions["difference.clear"])

		mend(list[3], list[3].CityTier)
		require.EqualValues(t, 19, compare(t, s).Open, "a difference that returns is open again")
	})
}
