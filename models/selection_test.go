package models

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models/calendar"
)

func TestASelectionDecisionNamesHouseholdsOrAllAndNothingElse(t *testing.T) {
	good := SelectionDecision{CommandID: "k", CycleID: "110107-2026", ApplicationIDs: []int64{1, 2}, Actor: "user:1"}
	require.NoError(t, good.Validate())
	require.NoError(t, SelectionDecision{CommandID: "k", CycleID: "c", All: true, Actor: "user:1"}.Validate())
	many := make([]int64, MaxSelected+1)
	for i := range many {
		many[i] = int64(i)
	}
	for name, change := range map[string]func(*SelectionDecision){
		"no command":      func(d *SelectionDecision) { d.CommandID = "" },
		"nobody":          func(d *SelectionDecision) { d.ApplicationIDs = nil },
		"all and some":    func(d *SelectionDecision) { d.All = true },
		"all and outcome": func(d *SelectionDecision) { d.ApplicationIDs, d.All, d.Outcome = nil, true, OutcomePropose },
		"twice":           func(d *SelectionDecision) { d.ApplicationIDs = []int64{1, 2, 1} },
		"too many":        func(d *SelectionDecision) { d.ApplicationIDs = many },
		"unknown outcome": func(d *SelectionDecision) { d.Outcome = "certify" },
	} {
		d := good
		change(&d)
		require.Equal(t, CodeInvalid, CodeOf(d.Validate()), name)
	}
}

func TestDepartingFromTheProposalIsForOneHouseholdWithAReason(t *testing.T) { // 附三(三)2
	one, two := []int64{1}, []int64{1, 2}
	for _, test := range []struct {
		name     string
		proposal SelectionOutcome
		outcome  SelectionOutcome
		reason   int64
		ids      []int64
		state    ApplicationState
		want     SelectionOutcome
		code     Code
	}{
		{"confirmed", OutcomePropose, "", 0, two, ApplicationQualified, OutcomePropose, ""},
		{"confirmed by name", OutcomeWaitList, OutcomeWaitList, 0, two, ApplicationQualified, OutcomeWaitList, ""},
		{"all", OutcomeWaitList, "", 0, nil, ApplicationQualified, OutcomeWaitList, ""},
		{"departure", OutcomePropose, OutcomeWaitList, 7, one, ApplicationQualified, OutcomeWaitList, ""},
		{"without a reason", OutcomePropose, OutcomeNotSelect, 0, one, ApplicationQualified, "", CodeInvalid},
		{"of two", OutcomePropose, OutcomeNotSelect, 7, two, ApplicationQualified, "", CodeInvalid},
		{"of one who waits", OutcomeWaitList, OutcomeNotSelect, 7, one, ApplicationWaiting, OutcomeNotSelect, ""},
		{"of one who waits, without a reason", OutcomePropose, OutcomePropose, 0, one, ApplicationWaiting, "", CodeInvalid},
		{"decided already", OutcomePropose, OutcomeWaitList, 7, one, ApplicationProposed, "", CodeConflict},
		{"withdrawn", OutcomePropose, "", 0, one, ApplicationWithdrawn, "", CodeConflict},
	} {
		got, err := Rank{Proposal: test.proposal}.Outcome(SelectionDecision{ApplicationIDs: test.ids, Outcome: test.outcome, ReasonID: test.reason}, test.state)
		require.Equal(t, test.want, got, test.name)
		if test.code == "" {
			require.NoError(t, err, test.name)
		} else {
			require.Equal(t, test.code, CodeOf(err), test.name)
		}
	}
}

func TestAPeriodCountsFromTheDayAfterThePublication(t *testing.T) { // 三(二)
	w, err := calendar.NewWorkdays()
	require.NoError(t, err)
	for _, test := range []struct {
		published, ends string
		days            int
		announced       bool
	}{
		{"2026-11-06", "2026-11-13", 5, true},  // Friday: Monday to Friday
		{"2026-11-07", "2026-11-13", 5, true},  // Saturday: the same
		{"2026-11-06", "2026-11-09", 1, true},  // one day
		{"2026-09-28", "2026-10-10", 5, true},  // over 国庆节, with a Saturday that is worked
		{"2026-09-24", "2026-10-08", 4, true},  // over 中秋节 and 国庆节
		{"2026-12-24", "2026-12-31", 5, true},  // to the last day of the year
		{"2026-12-25", "2027-01-04", 5, false}, // a day beyond
	} {
		ends, announced := NoticePeriod(w, calendar.MustDate(test.published), test.days)
		require.Equal(t, test.ends, ends.String(), test.published)
		require.Equal(t, test.announced, announced, test.published)
	}
}

func TestANoticeIsOverTheDayAfterItsLastAndWithoutOpenObjections(t *testing.T) { // 三(二)
	b := NoticeBoard{EndsOn: calendar.MustDate("2026-11-13")}
	require.False(t, b.Over(calendar.MustDate("2026-11-13")))
	require.True(t, b.Over(calendar.MustDate("2026-11-14")))
	b.Objections = 1
	require.False(t, b.Over(calendar.MustDate("2026-12-14")))
}

func TestTheHashOfAListIsOfItsContentInAnyOrder(t *testing.T) {
	n := Notice{CycleID: "110107-2026", Number: 1, PublishedOn: calendar.MustDate("2026-11-06"), WorkingDays: 5, EndsOn: calendar.MustDate("2026-11-13")}
	a := NoticeEntry{USCC: "92110107MA0000001X", Name: "甲", Tier: Growth, Category: Quality, State: EntryListed}
	b := NoticeEntry{USCC: "92110107MA0000002X", Name: "乙", Tier: Survival, Category: Renowned, State: EntryListed}
	hash := NoticeHash(n, []NoticeEntry{a, b})
	require.Len(t, hash, 64)
	require.Equal(t, hash, NoticeHash(n, []NoticeEntry{b, a}))
	n.EndsOn++ // reckoned again: the same list
	left := a
	left.State = EntryRemoved
	require.Equal(t, hash, NoticeHash(n, []NoticeEntry{left, b}), "who leaves it was on it")
	left.Category = Emerging
	require.NotEqual(t, hash, NoticeHash(n, []NoticeEntry{left, b}))
	require.NotEqual(t, hash, NoticeHash(n, []NoticeEntry{b}))
}
