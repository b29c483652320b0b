package models

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models/calendar"
)

func TestAVisitIsRecordedOnADayBetweenItsPlanAndToday(t *testing.T) {
	day := calendar.MustDate
	planned, today := day("2026-10-09"), day("2026-10-12")
	for name, c := range map[string]struct {
		by      Actor
		on      calendar.Date
		outcome VisitOutcome
		record  int64
		field   string // "" = taken
		code    Code
	}{
		"on its day":               {"user:1", planned, VisitMet, 7, "", ""},
		"today":                    {"user:2", today, VisitNotMet, 7, "", ""},
		"tomorrow":                 {"user:1", today.AddDays(1), VisitMet, 7, "visited_on", CodeInvalid},
		"before its day":           {"user:1", planned.AddDays(-1), VisitMet, 7, "visited_on", CodeInvalid},
		"on no day":                {"user:1", 0, VisitMet, 7, "visited_on", CodeInvalid},
		"without an outcome":       {"user:1", today, "", 7, "outcome", CodeInvalid},
		"without a text":           {"user:1", today, VisitMet, 0, "record", CodeInvalid},
		"by one who was not there": {"user:3", today, VisitMet, 7, "-", CodeForbidden},
	} {
		v := Visit{VisitorA: "user:1", VisitorB: "user:2", PlannedOn: planned, State: VisitPlanned}
		err := v.Record(c.by, c.on, c.outcome, c.record, today)
		if c.field == "" {
			require.NoError(t, err, name)
			require.Equal(t, VisitRecorded, v.State)
			require.Equal(t, c.by, v.RecordedBy)
			require.Equal(t, c.on, v.VisitedOn)
			continue
		}
		require.Equal(t, c.code, CodeOf(err), name)
		require.Equal(t, VisitPlanned, v.State, name)
		if refusal := (*Error)(nil); c.field != "-" && errors.As(err, &refusal) {
			require.Equal(t, c.field, refusal.Field, name)
		}
	}
	for _, state := range []VisitState{VisitRecorded, VisitSigned, VisitCancelled} {
		v := Visit{VisitorA: "user:1", VisitorB: "user:2", PlannedOn: planned, State: state}
		require.Equal(t, CodeConflict, CodeOf(v.Record("user:1", today, VisitMet, 7, today)), state)
	}
}

func TestOnlyTheVisitorWhoDidNotWriteTheRecordSignsIt(t *testing.T) {
	for state, wants := range map[VisitState][3]Code{ // by who wrote it, the other visitor, a stranger
		VisitPlanned:   {CodeConflict, CodeConflict, CodeConflict},
		VisitRecorded:  {CodeForbidden, "", CodeForbidden},
		VisitSigned:    {CodeConflict, CodeConflict, CodeConflict},
		VisitCancelled: {CodeConflict, CodeConflict, CodeConflict},
	} {
		v := Visit{VisitorA: "user:1", VisitorB: "user:2", RecordedBy: "user:1", State: state}
		for i, by := range []Actor{"user:1", "user:2", "user:3"} {
			err := v.Other(by)
			if wants[i] == "" {
				require.NoError(t, err)
				continue
			}
			require.Equal(t, wants[i], CodeOf(err), "%s by %s", state, by)
		}
	}
	require.Equal(t, EventPassVisit, VisitMet.Event())
	require.Equal(t, EventFailVisit, VisitNotMet.Event())
}
