package models

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnOrderIsAnsweredThenClosedOrSentBack(t *testing.T) {
	follows := map[OrderState]map[OrderEvent]OrderState{
		"":             {OrderIssue: OrderIssued},
		OrderIssued:    {OrderAnswer: OrderAnswered, OrderWithdraw: OrderWithdrawn},
		OrderReturned:  {OrderAnswer: OrderAnswered, OrderWithdraw: OrderWithdrawn},
		OrderAnswered:  {OrderReturn: OrderReturned, OrderClose: OrderClosed, OrderWithdraw: OrderWithdrawn},
		OrderClosed:    {},
		OrderWithdrawn: {},
	}
	require.Len(t, follows, len(OrderStates)+1)
	for state, may := range follows {
		for _, e := range OrderEvents {
			next, err := state.Next(e)
			if want, ok := may[e]; ok {
				require.NoError(t, err)
				require.Equal(t, want, next)
				continue
			}
			require.Equal(t, CodeConflict, CodeOf(err), "%s after %q", e, state)
		}
	}
	_, err := OrderIssued.Next("burn")
	require.Equal(t, CodeInvalid, CodeOf(err))
	for _, s := range OrderStates {
		require.NotEmpty(t, s.Name())
		require.Equal(t, s == OrderIssued || s == OrderReturned, s.Owed())
		require.Equal(t, len(follows[s]) > 0, s.Live())
	}
}

func TestAnOrderIsAboutSomethingOnRecordOrWhatItsTextSays(t *testing.T) {
	for _, good := range []string{"obligation/12", "help/3", "objection/4", "application/1", "certification/9"} {
		_, _, err := ParseOrderSubject(good)
		require.NoError(t, err, good)
		require.NotEmpty(t, OrderSubjectName(good))
	}
	require.Equal(t, "异议4", OrderSubjectName("objection/4"))
	for _, bad := range []string{"", "obligation", "obligation/", "obligation/0", "obligation/-1", "obligation/01", "obligation/1/2", "complaint/3", "user/1", "objection/9999999999999999999"} {
		_, _, err := ParseOrderSubject(bad)
		require.Equal(t, CodeInvalid, CodeOf(err), bad)
		require.Empty(t, OrderSubjectName(bad))
	}
}

func TestAnOrderNamesADepartmentALimitAndAPerson(t *testing.T) {
	good := OrderCommand{Event: OrderIssue, Actor: "user:1", Department: "tax", Text: "请说明"}
	require.NoError(t, good.Check())
	for field, spoil := range map[string]func(*OrderCommand){
		"department": func(c *OrderCommand) { c.Department = "" },
		"subject":    func(c *OrderCommand) { c.Subject = "complaint/1" },
		"days":       func(c *OrderCommand) { c.Days = MaxOrderDays + 1 },
	} {
		c := good
		spoil(&c)
		var e *Error
		require.ErrorAs(t, c.Check(), &e)
		require.Equal(t, field, e.Field)
	}
	for _, actor := range []Actor{ActorBootstrap, ActorConsole} {
		c := good
		c.Actor = actor
		require.Equal(t, CodeForbidden, CodeOf(c.Check()))
	}
	require.Equal(t, "督110107-2026-3", Order{ID: 3, CycleID: "110107-2026"}.Number())
	other := good
	other.Text = "请另行说明"
	require.NotEqual(t, good.Request(), other.Request())
}

func TestEveryKindOfWhatDepartmentsOweStandsInTheAccountOnce(t *testing.T) {
	var sum AccountCount
	sum.Add(AccountCount{Owed: 7, InTime: 1, Late: 2, Open: 2, Overdue: 1, Waived: 1, Closed: 1})
	sum.Add(AccountCount{Owed: 3, InTime: 3})
	require.Equal(t, AccountCount{Owed: 10, InTime: 4, Late: 2, Open: 2, Overdue: 1, Waived: 1, Closed: 1}, sum)
	share, ok := sum.Punctual()
	require.True(t, ok)
	require.EqualValues(t, 571, share, "4 of the 7 that are due")
	_, ok = AccountCount{Owed: 2, Open: 2}.Punctual()
	require.False(t, ok, "nothing was due")
	require.True(t, Account{}.Empty())
	require.False(t, Account{Recommended: 1}.Empty())
	require.True(t, slices.Contains(ObligationKinds, ObligationOrder) && ObligationOrder.Lasting() && ObligationDuty.Lasting())
}
