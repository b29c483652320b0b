package models

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models/calendar"
)

func TestADutyIsOpenUntilReportedAndOpenAgainWhenSentBack(t *testing.T) {
	moves := map[DutyEvent][2]ObligationState{DutyReported: {ObligationOpen, ObligationDone}, DutyReturned: {ObligationDone, ObligationOpen},
		DutyWaived: {ObligationOpen, ObligationWaived}, DutyMoved: {ObligationOpen, ObligationOpen}}
	require.Len(t, moves, len(DutyEvents))
	for _, e := range DutyEvents {
		for _, s := range []ObligationState{ObligationOpen, ObligationDone, ObligationWaived, ObligationClosed} {
			next, err := NextDuty(s, e)
			if s == moves[e][0] {
				require.NoError(t, err)
				require.Equal(t, moves[e][1], next)
				continue
			}
			require.Equal(t, CodeConflict, CodeOf(err), "%s in %s", e, s)
			require.Equal(t, s, next)
			require.Contains(t, err.Error(), DutyStateName(s))
		}
	}
	_, err := NextDuty(ObligationOpen, "burn")
	require.Equal(t, CodeInvalid, CodeOf(err))
}

func TestASubjectNamesTheDutyAndWhichTimeOfTheYearItIs(t *testing.T) {
	for _, c := range []struct {
		id            string
		number, times int
		subject       string
	}{{"service-month", 1, 1, "service-month"}, {"seminars", 1, 2, "seminars/1"}, {"association-service", 4, 4, "association-service/4"}} {
		require.Equal(t, c.subject, DutySubject(c.id, c.number, c.times))
		id, number := ParseDutySubject(c.subject)
		require.Equal(t, c.id, id)
		if c.times > 1 {
			require.Equal(t, c.number, number)
		} else {
			require.Zero(t, number)
		}
	}
}

func TestWhatFellDueBeforeAnybodyWasAskedIsNotOwed(t *testing.T) {
	due := calendar.MustDate("2026-10-15")
	require.False(t, Obligation{Kind: ObligationDuty, Due: due}.Missed(due), "its last day counts")
	require.True(t, Obligation{Kind: ObligationDuty, Due: due}.Missed(due+1))
	require.False(t, Obligation{Kind: ObligationDelivery, Due: due}.Missed(due+1), "data are owed however late")
}

func TestAReportSpeaksOfThePastYearAndANewDateLiesAhead(t *testing.T) {
	today := calendar.MustDate("2026-10-15")
	for _, c := range []struct {
		command DutyCommand
		field   string
	}{
		{DutyCommand{Event: DutyReported, DoneOn: today}, ""},
		{DutyCommand{Event: DutyReported, DoneOn: today + 1}, "done_on"},
		{DutyCommand{Event: DutyReported}, "done_on"},
		{DutyCommand{Event: DutyReported, DoneOn: calendar.MustDate("2025-10-15")}, ""},
		{DutyCommand{Event: DutyReported, DoneOn: calendar.MustDate("2025-10-14")}, "done_on"},
		{DutyCommand{Event: DutyReported, DoneOn: today, Households: MaxReached}, ""},
		{DutyCommand{Event: DutyReported, DoneOn: today, Households: MaxReached + 1}, "households"},
		{DutyCommand{Event: DutyReported, DoneOn: today, Households: -1}, "households"},
		{DutyCommand{Event: DutyReturned}, ""},
		{DutyCommand{Event: DutyReturned, Due: today}, "due"},
		{DutyCommand{Event: DutyReturned, Due: today + 1}, ""},
		{DutyCommand{Event: DutyMoved, Due: calendar.MustDate("2027-10-15")}, ""},
		{DutyCommand{Event: DutyMoved, Due: calendar.MustDate("2027-10-16")}, "due"},
		{DutyCommand{Event: DutyMoved}, "due"},
		{DutyCommand{Event: DutyWaived, Actor: ActorBootstrap}, "personally"},
		{DutyCommand{Event: DutyReturned, Actor: ActorConsole}, "personally"},
	} {
		err := c.command.Check(today)
		switch c.field {
		case "":
			require.NoError(t, err, "%+v", c.command)
		case "personally":
			require.Equal(t, CodeForbidden, CodeOf(err), "a decision names who decided")
		default:
			var e *Error
			require.ErrorAs(t, err, &e, "%+v", c.command)
			require.Equal(t, c.field, e.Field)
		}
	}
}

func TestOnlyTheDepartmentReportsItsDutyAndAnswersItsOrder(t *testing.T) {
	officer := func(code string) User { return User{ID: 1, Role: RoleDepartment, District: "110107", Department: code} }
	admin := User{ID: 2, Role: RoleAdmin, District: "110107"}
	for _, c := range []struct {
		owner string
		user  User
		may   bool
	}{{"tax", officer("tax"), true}, {"tax", officer("hrss"), false}, {"tax", officer(BureauCode), false}, {"tax", admin, false},
		{BureauCode, officer(BureauCode), true}, {BureauCode, admin, true}, {BureauCode, officer("tax"), false}} {
		for _, err := range []error{Obligation{Owner: c.owner}.MayReport(c.user), Order{Department: c.owner}.MayAnswer(c.user)} {
			if c.may {
				require.NoError(t, err)
			} else {
				require.Equal(t, CodeForbidden, CodeOf(err))
			}
		}
	}
}
