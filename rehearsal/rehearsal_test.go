package rehearsal

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

func sample() rules {
	r := models.DefaultRehearsalRules()
	r.District, r.Year = "110107", 2026
	return rules{r}
}

func TestLotsAreTheSameWheneverTheyAreDrawnAndFallAsOftenAsTheRuleSays(t *testing.T) {
	r := sample()
	hits := 0
	for n := range 10_000 {
		require.Equal(t, r.die(97, "question", n), r.die(97, "question", n))
		if r.chance(30, "applies", n, 2026) {
			hits++
		}
	}
	require.InDelta(t, 3000, hits, 200)
	other := r
	other.Seed = "2"
	different := 0
	for n := range 1000 {
		if r.die(1000, "q", n) != other.die(1000, "q", n) {
			different++
		}
	}
	require.Greater(t, different, 900, "another seed draws other lots")
	require.False(t, r.chance(0, "never", 1))
	require.True(t, r.chance(100, "always", 1))
}

func TestLaterYearsDependOnTheFirstYearsRowsAlone(t *testing.T) {
	r := sample()
	const source = models.SourceAnnualReport
	row := []models.Value{text("92110107MA000000X0"), number(2025), day(calendar.MustDate("2026-03-01")), number(25_000_000), number(5)}
	require.Len(t, r.reportsIn(2027, row), 2, "the report of 2025, and that of 2026")
	rows := r.reportsIn(2029, row)
	require.Len(t, rows, 4)
	require.Equal(t, rows, r.reportsIn(2029, row))
	require.Equal(t, r.reportsIn(2028, row), rows[:3], "a later year adds to the earlier ones and changes nothing")
	for n, later := range rows {
		require.Equal(t, int64(2025+n), later[at(source, "report_year")].Number)
	}
	old := []models.Value{text("92110107MA000000X0"), number(2024), none(), number(1), number(1)}
	require.Len(t, r.reportsIn(2029, old), 1, "an older year is not carried forward")

	closed, registry := 0, models.Specs[models.SourceRegistry].Columns
	for n := range 500 {
		household := make([]models.Value, len(registry))
		household[at(models.SourceRegistry, "uscc")] = text(strings.Repeat("X", n%7) + time.Duration(n).String())
		household[at(models.SourceRegistry, "status")] = text("存续")
		earlier, later := r.registryIn(2027, household)[0], r.registryIn(2029, household)[0]
		status := at(models.SourceRegistry, "status")
		if earlier[status].Text == "注销" {
			require.Equal(t, "注销", later[status].Text, "who has closed stays closed")
		}
		if later[status].Text == "注销" {
			closed++
		}
	}
	require.InDelta(t, 45, closed, 30, "three in a hundred a year")
}

func TestTheReportIsOnePageWithoutScriptsThatShowsWhoWasLate(t *testing.T) {
	r := Report{ID: "110107-2026-1", District: "石景山区", From: calendar.MustDate("2026-06-01"), Until: calendar.MustDate("2029-12-20"), Intact: true, Rules: sample().words(),
		Years: []YearReport{{Cycle: "110107-2026", Year: 2026, Tiers: map[string]int64{"成长型": 118}, Gross: 9, Places: 9, Certified: 9,
			Applications: map[models.ApplicationState]int64{models.ApplicationCertified: 9, models.ApplicationDraft: 4},
			Stages:       []StageReport{{Stage: models.StageCollection, Name: "归集数据", From: calendar.MustDate("2026-06-01"), To: calendar.MustDate("2026-07-09"), Planned: calendar.MustDate("2026-07-01"), Late: 8}}}},
		Punctual: []Punctuality{{Owner: "区税务局<script>", Owed: 4, InTime: 2, Late: 1, Open: 1, WorstDay: 12}},
		Mails:    []MailCount{{Role: "经营者", Total: 5, Addrs: 3, Most: 2, Kinds: map[string]int64{"办事提醒": 5}}},
		Months:   []MailMonth{{Month: "2026-07", Roles: map[string]int64{"经营者": 5}}},
		Cases:    []store.Tally{{Year: 2029, A: string(models.CaseEvaluation), B: string(models.CaseDecided), C: string(models.OutcomeExtend), N: 2}}}
	require.EqualValues(t, 9, r.Years[0].Applied(), "a draft is nobody's application")
	b, err := r.HTML()
	require.NoError(t, err)
	page := string(b)
	for _, words := range []string{"石景山区演练报告", "2026年6月1日", "归集数据", `class="late">8<`, "经营者", "延长有效期", "可自主申报的户中提出申报的比例", "40%", "<svg"} {
		require.Contains(t, page, words)
	}
	require.NotContains(t, page, "<script")
	require.NotContains(t, page, "http://")
}

func TestAChartOfNothingIsDrawnToo(t *testing.T) {
	require.Empty(t, timeline("", nil).Lines)
	require.NotPanics(t, func() { columns("", nil, nil, true); shares("", nil, nil) })
	c := columns("", []string{"甲", "乙"}, []column{{"2026", []int64{3, 1}}, {"2027", []int64{0, 8}}}, true)
	require.True(t, slices.ContainsFunc(c.Words, func(w word) bool { return w.Class == "right" && w.Text == "8" }), "the scale reaches the highest column")
	for _, n := range []int64{1, 4, 5, 9, 41, 399, 4001} {
		require.GreaterOrEqual(t, roundUp(n), n)
		require.Zero(t, roundUp(n)%4)
	}
}
