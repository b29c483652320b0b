package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/workflows"
)

// board is a public notice whose record is this struct.
type board struct {
	*testsuite.TestWorkflowEnvironment
	models.NoticeBoard
	published []calendar.Date
	tended    []activities.TendNoticeInput
	closed    []calendar.Date
	told      int
	tend      func(today calendar.Date) // what the record finds when it is looked after
}

func newBoard(t *testing.T, start, endsOn string) *board {
	t.Helper()
	b := &board{TestWorkflowEnvironment: (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment(), tend: func(calendar.Date) {}}
	b.NoticeBoard = models.NoticeBoard{Notices: 1, Listed: 2, Waiting: 1, EndsOn: calendar.MustDate(endsOn), Announced: true}
	b.SetTestTimeout(time.Minute)
	b.SetStartTime(calendar.MustDate(start).At(9, 0))
	a, p := &activities.Notices{}, &activities.Applications{}
	b.RegisterActivity(a)
	b.RegisterActivity(p)
	b.OnActivity(a.PublishNotice, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.SelectionRef) (models.NoticeBoard, error) {
		b.published = append(b.published, in.Today)
		return b.NoticeBoard, nil
	})
	b.OnActivity(a.TendNotice, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.TendNoticeInput) (models.NoticeBoard, error) {
		b.tended = append(b.tended, in)
		b.tend(in.Today)
		return b.NoticeBoard, nil
	})
	b.OnActivity(a.CloseNotice, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.SelectionRef) (models.NoticeBoard, error) {
		b.closed = append(b.closed, in.Today)
		b.Waiting, b.Changed = 0, true
		return b.NoticeBoard, nil
	})
	b.OnActivity(p.NudgeApplications, mock.Anything, mock.Anything).Return(func(context.Context, activities.NudgeApplicationsInput) (int, error) {
		b.told++
		b.Changed = false
		return 0, nil
	})
	return b
}

var noticeState = workflows.NoticeState{CycleID: "110107-2026", District: "110107", Year: 2026, CertificationDue: calendar.MustDate("2026-11-30")}

func (b *board) result(t *testing.T) workflows.NoticeResult {
	t.Helper()
	require.True(t, b.IsWorkflowCompleted())
	require.NoError(t, b.GetWorkflowError())
	var r workflows.NoticeResult
	require.NoError(t, b.GetWorkflowResult(&r))
	return r
}

func TestANoticeEndsTheDayAfterItsLastDay(t *testing.T) { // 三(二)
	b := newBoard(t, "2026-11-06", "2026-11-13")
	b.ExecuteWorkflow(workflows.Notice, noticeState)
	require.Equal(t, workflows.NoticeResult{Listed: 2}, b.result(t))
	require.Equal(t, []calendar.Date{calendar.MustDate("2026-11-06")}, b.published)
	require.Equal(t, []calendar.Date{calendar.MustDate("2026-11-14")}, b.closed)
	require.Len(t, b.tended, 9, "each morning")
	require.Equal(t, 1, b.told, "of those who are not selected")
}

func TestAnOpenObjectionHoldsTheCertificationUp(t *testing.T) { // 三(二): settled before certification
	b := newBoard(t, "2026-11-06", "2026-11-13")
	b.Objections = 1
	b.RegisterDelayedCallback(func() {
		b.Objections = 0
		b.SignalWorkflow(workflows.SignalNoticeChanged, nil)
	}, 12*24*time.Hour)
	b.ExecuteWorkflow(workflows.Notice, noticeState)
	b.result(t)
	require.Equal(t, []calendar.Date{calendar.MustDate("2026-11-18")}, b.closed, "the moment it is settled, not the next morning")
}

func TestWhoMovesUpIsUnderNoticeForAFullPeriod(t *testing.T) {
	b := newBoard(t, "2026-11-06", "2026-11-13")
	b.RegisterDelayedCallback(func() {
		b.tend = func(calendar.Date) {
			b.Notices, b.Left, b.MovedUp, b.Waiting, b.EndsOn, b.Changed = 2, 1, 1, 0, calendar.MustDate("2026-11-18"), true
			b.tend = func(calendar.Date) {}
		}
		b.SignalWorkflow(workflows.SignalNoticeChanged, workflows.NoticeChanged{CertificationDue: calendar.MustDate("2026-12-04")})
	}, 5*24*time.Hour)
	b.ExecuteWorkflow(workflows.Notice, noticeState)
	require.Equal(t, workflows.NoticeResult{Listed: 2, Left: 1, MovedUp: 1}, b.result(t))
	require.Equal(t, []calendar.Date{calendar.MustDate("2026-11-19")}, b.closed)
	require.Equal(t, calendar.MustDate("2026-12-04"), b.tended[len(b.tended)-1].CertificationDue, "by the plan as it was moved")
}

func TestANoticeIntoAYearWithoutCalendarFollowsItsAnnouncement(t *testing.T) {
	b := newBoard(t, "2026-12-28", "2027-01-05")
	b.Announced = false
	b.tend = func(today calendar.Date) {
		if today >= calendar.MustDate("2026-12-31") { // the calendar was entered
			b.EndsOn, b.Announced = calendar.MustDate("2027-01-06"), true
		}
	}
	b.ExecuteWorkflow(workflows.Notice, noticeState)
	b.result(t)
	require.Equal(t, []calendar.Date{calendar.MustDate("2027-01-07")}, b.closed)
}

func TestWithNobodyProposedTheYearGoesOnAtOnce(t *testing.T) {
	b := newBoard(t, "2026-11-06", "2026-11-13")
	b.NoticeBoard = models.NoticeBoard{Announced: true, Waiting: 1}
	b.ExecuteWorkflow(workflows.Notice, noticeState)
	require.Equal(t, workflows.NoticeResult{}, b.result(t))
	require.Equal(t, []calendar.Date{calendar.MustDate("2026-11-06")}, b.closed)
}

func TestARehearsalsNoticeRunsOnItsClock(t *testing.T) { // B3
	b := newBoard(t, "2026-05-04", "2026-11-13")
	state := noticeState
	state.Clock = calendar.Clock{Start: calendar.MustDate("2026-11-06"), DaysPerSecond: 1, Origin: calendar.MustDate("2026-05-04").At(9, 0)}
	b.ExecuteWorkflow(workflows.Notice, state)
	b.result(t)
	require.Equal(t, []calendar.Date{calendar.MustDate("2026-11-06")}, b.published)
	require.Equal(t, []calendar.Date{calendar.MustDate("2026-11-14")}, b.closed)
	require.Less(t, b.Now().Sub(calendar.MustDate("2026-05-04").At(9, 0)), time.Minute)
}
