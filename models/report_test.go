package models

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models/calendar"
)

func TestAReportIsFiledReturnedAndDecidedOnceAndNothingElseFollows(t *testing.T) { // 附三(五)
	events := []CertifiedEvent{CertifiedFileReport, CertifiedReturnReport, CertifiedConfirmReport, CertifiedFailReport}
	allowed := map[ReportState]map[CertifiedEvent]ReportState{
		ReportOwed:      {CertifiedFileReport: ReportSubmitted},
		ReportReturned:  {CertifiedFileReport: ReportSubmitted},
		ReportSubmitted: {CertifiedReturnReport: ReportReturned, CertifiedConfirmReport: ReportConfirmed, CertifiedFailReport: ReportFailed},
	}
	for _, from := range ReportStates {
		require.NotEmpty(t, from.Name())
		for _, e := range events {
			require.True(t, e.OfReport())
			to, err := from.Next(e)
			want, ok := allowed[from][e]
			if ok {
				require.NoError(t, err)
				require.Equal(t, want, to)
				continue
			}
			require.Equal(t, CodeConflict, CodeOf(err), "%s %s", from, e)
		}
		require.Equal(t, from == ReportOwed || from == ReportReturned, from.Open())
	}
	_, err := ReportOwed.Next(CertifiedDecide)
	require.Equal(t, CodeInvalid, CodeOf(err))
}

func TestLateIsWhatWasFirstFiledAfterTheDay(t *testing.T) {
	due := calendar.MustDate("2027-07-31")
	for _, c := range []struct {
		filed string
		state ReportState
		today string
		late  bool
		days  int
	}{
		{"", ReportOwed, "2027-07-31", false, 0},
		{"", ReportOwed, "2027-08-01", true, 0},
		{"", ReportClosed, "2027-08-01", false, 0},
		{"2027-07-31", ReportSubmitted, "2027-08-01", false, 0},
		{"2027-08-01", ReportSubmitted, "2027-08-01", true, 1},
		{"2027-07-30", ReportReturned, "2027-09-01", false, 0},
	} {
		r := Report{Due: due, State: c.state}
		if c.filed != "" {
			r.FiledOn = calendar.MustDate(c.filed)
		}
		require.Equal(t, c.late, r.Late(calendar.MustDate(c.today)), c)
		require.Equal(t, c.days, r.LateDays(), c)
	}
}

func TestAGapIsAskedOnlyOnceItIsOne(t *testing.T) { // 三(二)
	questions := []ReportQuestion{{ID: "revenue", Ask: "{上一年度}收入", Answer: AnswerMoney, Required: true, Gap: true, Fact: FactRevenue}, {ID: "trading", Ask: "经营", Answer: AnswerYesNo, Required: true}}
	due := calendar.MustDate("2027-06-30")
	known, without, older := &Candidate{Year: 2027}, &Candidate{Year: 2027}, &Candidate{Year: 2026}
	known.Facts.SetNumber(FactRevenue, 100)
	older.Facts.SetNumber(FactRevenue, 100)
	without.Delivered = without.Delivered.With(SourceAnnualReport)
	for _, c := range []struct {
		name      string
		candidate *Candidate
		today     string
		want      AskState
	}{
		{"the department said it", known, "2027-07-10", AskKnown},
		{"the department delivered without it", without, "2027-06-10", AskNow},
		{"the data of the year have not come yet", older, "2027-06-30", AskLater},
		{"the day for them has passed", older, "2027-07-01", AskNow},
		{"no registry has it", nil, "2027-06-30", AskLater},
		{"no registry has it, and the day has passed", nil, "2027-07-01", AskNow},
	} {
		f := NewReportForm(2027, questions, c.candidate, due, calendar.MustDate(c.today))
		require.Equal(t, []AskState{c.want, AskNow}, f.Asked, c.name)
		err := f.Complete(map[string]string{"trading": "是"})
		require.Equal(t, c.want == AskNow, err != nil, c.name)
		if c.want == AskNow {
			require.ErrorContains(t, err, "2026年度收入")
		}
		kept, err := f.Clean(map[string]string{"revenue": " 12.50 ", "trading": ""})
		require.NoError(t, err)
		require.Equal(t, c.want != AskKnown, kept["revenue"] == "12.50", "%s: what a department said is not taken from the household", c.name)
		require.NotContains(t, kept, "trading")
	}
}

func TestEveryAnswerHasItsForm(t *testing.T) {
	questions := []ReportQuestion{{ID: "m", Answer: AnswerMoney}, {ID: "p", Answer: AnswerPeople}, {ID: "y", Answer: AnswerYesNo}, {ID: "c", Answer: AnswerChoice, Options: []string{"甲", "乙"}},
		{ID: "t", Answer: AnswerText, Most: 3}, {ID: "long", Answer: AnswerText}}
	f := NewReportForm(2027, questions, nil, 0, 1)
	for id, c := range map[string]struct{ good, bad []string }{
		"m":    {[]string{"0", "1234.5", "1234.50"}, []string{"-", "1.234", "十", "+1", "-5", strings.Repeat("9", 40)}},
		"p":    {[]string{"0", "100000"}, []string{"-1", "1.5", "100001", "两人"}},
		"y":    {[]string{"是", "否"}, []string{"yes", "是否"}},
		"c":    {[]string{"甲"}, []string{"丙"}},
		"t":    {[]string{"三个字"}, []string{"四个字了"}},
		"long": {[]string{strings.Repeat("字", MaxAnswer)}, []string{strings.Repeat("字", MaxAnswer+1), "\xff"}},
	} {
		for _, a := range c.good {
			_, err := f.Clean(map[string]string{id: a})
			require.NoError(t, err, "%s %q", id, a)
		}
		for _, a := range c.bad {
			_, err := f.Clean(map[string]string{id: a})
			require.Equal(t, CodeInvalid, CodeOf(err), "%s %q", id, a)
		}
	}
	for _, id := range []string{"none", strings.Repeat("x", 5000)} {
		_, err := f.Clean(map[string]string{id: "1"})
		require.Equal(t, CodeInvalid, CodeOf(err))
		require.Less(t, len(err.Error()), 300)
	}
}

func TestDataDecideWhereTheyCan(t *testing.T) { // 附三(五)
	standing := []StandingFinding{{ID: "a", Outcome: OutcomeMet}, {ID: "b", Outcome: OutcomeNotMet, Value: "吊销"}, {ID: "c", Outcome: OutcomeNotKnown}, {ID: "d", Outcome: OutcomeNotKnown}}
	list, err := ReviewFindings(standing, []StandardAnswer{{ID: "c", Met: true, ReasonID: 7}})
	require.NoError(t, err)
	require.Equal(t, []string{CheckedByData, CheckedByData, CheckedByReviewer, ""}, []string{list[0].CheckedBy, list[1].CheckedBy, list[2].CheckedBy, list[3].CheckedBy})
	require.Equal(t, OutcomeMet, list[2].Outcome)
	require.Len(t, FindingsOf(list, OutcomeNotMet), 1)
	require.Len(t, FindingsOf(list, OutcomeNotKnown), 1)
	for name, answers := range map[string][]StandardAnswer{
		"against the data":  {{ID: "b", Met: true, ReasonID: 7}},
		"with the data":     {{ID: "a", Met: true, ReasonID: 7}},
		"no such standard":  {{ID: "x", Met: true, ReasonID: 7}},
		"without a reason":  {{ID: "c", Met: true}},
		"twice on the same": {{ID: "c", Met: true, ReasonID: 7}, {ID: "c", ReasonID: 8}},
	} {
		_, err := ReviewFindings(standing, answers)
		require.Equal(t, CodeInvalid, CodeOf(err), name)
	}
}

func TestWhoIsTheOperatorIsNewsOnce(t *testing.T) {
	reported := OperatorChange{Operator: "乙", Previous: "甲"}
	require.True(t, reported.News("乙"), "the registry follows: that is noted")
	require.False(t, reported.News("甲"), "it lags behind")
	require.True(t, reported.News("丙"))
	reported.RegistryOn = 1
	require.False(t, reported.News("乙"))
	require.True(t, reported.News("甲"))
}
