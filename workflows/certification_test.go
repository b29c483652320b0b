package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/workflows"
)

// hall is a certification whose record is this struct.
type hall struct {
	*testsuite.TestWorkflowEnvironment
	t        *testing.T
	mu       sync.Mutex
	b        models.CertificationBoard
	left     map[models.Actor]int64 // how many an administrator has a hand in
	barred   int64                  // of the next order
	pages    []activities.CertifyPageInput
	reports  []activities.ReportToCityInput
	acts     []activities.ActOnCityInput
	ended    []calendar.Date
	moved    []calendar.Date
	nudges   int
	commands map[string]bool
	done     map[string]models.CertificationPage // what each order did so far
	refuse   error                               // what the record says to every command of the city

	refuseOrder error // what it says to every order to certify
	stays       int   // so many attempts to end the spot check leave it open
}

const perPage = 50

func newHall(t *testing.T, proposed int64) *hall {
	t.Helper()
	h := &hall{TestWorkflowEnvironment: (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment(), t: t, left: map[models.Actor]int64{}, commands: map[string]bool{}, done: map[string]models.CertificationPage{}}
	h.b = models.CertificationBoard{Places: proposed + 1, Proposed: proposed, Empty: 1}
	h.SetTestTimeout(time.Minute)
	h.SetStartTime(calendar.MustDate("2026-11-21").At(9, 0))
	a, apps := &activities.Certification{}, &activities.Applications{}
	h.RegisterActivity(a)
	h.RegisterActivity(apps)
	board := func() (models.CertificationBoard, error) { return h.b, nil }
	h.OnActivity(a.OpenCertification, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.OpenCertificationInput) (models.CertificationBoard, error) {
		require.Equal(t, "2026-11-30", in.Due.String())
		return board()
	})
	h.OnActivity(a.ReadCertification, mock.Anything, mock.Anything).Return(func(context.Context, activities.ReadCertificationInput) (models.CertificationBoard, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		return board()
	})
	h.OnActivity(a.CertifyPage, mock.Anything, mock.Anything).Return(h.certifyPage)
	h.OnActivity(apps.NudgeApplications, mock.Anything, mock.Anything).Return(func(context.Context, activities.NudgeApplicationsInput) (int, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.nudges++
		return 0, nil
	})
	h.OnActivity(a.ReportToCity, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.ReportToCityInput) (models.CertificationBoard, error) {
		h.reports = append(h.reports, in)
		h.b.City = models.CityBoard{ReportedOn: in.Today, OutcomeDue: in.Due}
		return board()
	})
	h.OnActivity(a.MoveCityDue, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.MoveCityDueInput) (models.CertificationBoard, error) {
		h.moved = append(h.moved, in.Due)
		h.b.City.OutcomeDue = in.Due
		return board()
	})
	h.OnActivity(a.ActOnCity, mock.Anything, mock.Anything).Return(h.actOnCity)
	h.OnActivity(a.EndCityCheck, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.EndCityCheckInput) (models.CertificationBoard, error) {
		h.ended = append(h.ended, in.Today)
		if len(h.ended) > h.stays {
			h.b.City.ClosedOn = in.Today
		}
		return board()
	})
	return h
}

func (h *hall) certifyPage(_ context.Context, in activities.CertifyPageInput) (models.CertificationPage, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pages = append(h.pages, in)
	if h.refuseOrder != nil {
		return models.CertificationPage{}, h.refuseOrder
	}
	p := models.CertificationPage{Last: in.After + perPage}
	todo := h.b.Proposed - h.left[in.Order.Actor]
	n := min(todo, perPage)
	p.Barred = int(min(h.barred, n))
	p.Certified = int(n) - p.Barred
	h.barred -= int64(p.Barred)
	h.b.Proposed -= n
	h.b.Certified += int64(p.Certified)
	h.b.Empty += int64(p.Barred)
	p.Certified, p.Barred = p.Certified+h.done[in.Order.CommandID].Certified, p.Barred+h.done[in.Order.CommandID].Barred
	h.done[in.Order.CommandID] = p
	if p.Done = todo <= perPage; p.Done {
		p.Conflict = int(h.left[in.Order.Actor])
		if h.b.Proposed < h.left[in.Order.Actor] {
			p.Conflict = int(h.b.Proposed)
		}
	}
	return p, nil
}

func (h *hall) actOnCity(_ context.Context, in activities.ActOnCityInput) (models.CertificationBoard, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuse != nil {
		return models.CertificationBoard{}, h.refuse
	}
	if h.commands[in.Command.CommandID] {
		return h.b, nil
	}
	h.acts = append(h.acts, in)
	refused := func(text string) (models.CertificationBoard, error) {
		return h.b, temporal.NewNonRetryableApplicationError(text, string(models.CodeConflict), nil)
	}
	c := &h.b.City
	switch in.Command.Event {
	case models.CitySample:
		c.Sampled, c.Open = int64(in.Command.Size), int64(in.Command.Size)
	case models.CityPass:
		c.Open, c.Passed = c.Open-1, c.Passed+1
	case models.CityRefuse:
		c.Open, c.Refused, h.b.Certified, h.b.Refused = c.Open-1, c.Refused+1, h.b.Certified-1, h.b.Refused+1
	case models.CityClose:
		if c.Open > 0 {
			return refused("尚有抽查没有结论")
		}
		c.ClosedOn = in.Today
	case models.CityFinish:
		c.Passed, c.Open, c.ClosedOn = c.Passed+c.Open, 0, in.Today
	}
	h.commands[in.Command.CommandID] = true
	return h.b, nil
}

var certificationState = workflows.CertificationState{CycleID: "110107-2026", District: "110107", Year: 2026, Due: calendar.MustDate("2026-11-30")}

type ordered struct {
	rejected, err error
	answer        workflows.CertificationAnswer
	done          bool
}

func (h *hall) order(command string, by models.Actor) *ordered {
	a := &ordered{}
	h.UpdateWorkflow(workflows.UpdateCertify, command+"/"+fmt.Sprint(h.Now().UnixNano()), &testsuite.TestUpdateCallback{
		OnReject: func(err error) { a.rejected = err },
		OnAccept: func() {},
		OnComplete: func(r any, err error) {
			if a.done, a.err = true, err; err == nil {
				a.answer = r.(workflows.CertificationAnswer)
			}
		},
	}, models.CertificationOrder{CommandID: command, Actor: by})
	return a
}

type checked struct {
	rejected, err error
	board         models.CertificationBoard
}

func (h *hall) city(c models.CityCommand) *checked {
	a := &checked{}
	if c.CommandID == "" {
		c.CommandID = fmt.Sprint(c.Event, c.Number)
	}
	c.CycleID, c.Actor = "110107-2026", "user:9"
	if c.Event == models.CityRefuse {
		c.ReasonID, c.Clause = 5, "附三(三)1"
	}
	h.UpdateWorkflow(workflows.UpdateCity, c.CommandID, &testsuite.TestUpdateCallback{
		OnReject: func(err error) { a.rejected = err },
		OnAccept: func() {},
		OnComplete: func(r any, err error) {
			if a.err = err; err == nil {
				a.board = r.(models.CertificationBoard)
			}
		},
	}, c)
	return a
}

func (h *hall) on(date string, f func()) {
	h.RegisterDelayedCallback(f, calendar.MustDate(date).At(10, 0).Sub(calendar.MustDate("2026-11-21").At(9, 0)))
}

func (h *hall) result() workflows.CertificationResult {
	h.t.Helper()
	require.True(h.t, h.IsWorkflowCompleted())
	require.NoError(h.t, h.GetWorkflowError())
	var r workflows.CertificationResult
	require.NoError(h.t, h.GetWorkflowResult(&r))
	return r
}

func number(i int) string { return models.CertificationNumber("110107", 2026, i) }

func TestACertificationWaitsForAnOrderReportsAndEndsWhenTheCityHasClosed(t *testing.T) { // 二(一)3, 附三(二)2
	h := newHall(t, 120)
	h.barred = 2
	var o *ordered
	h.on("2026-11-23", func() {
		require.Empty(t, h.pages, "nobody is certified without an order")
		require.Empty(t, h.reports)
		o = h.order("c1", "user:1")
	})
	h.on("2026-11-24", func() {
		require.Equal(t, 118, o.answer.Certified)
		require.Equal(t, 2, o.answer.Barred)
		require.Len(t, h.pages, 3)
		require.Equal(t, []int64{0, perPage, 2 * perPage}, []int64{h.pages[0].After, h.pages[1].After, h.pages[2].After})
		require.Equal(t, "2026-11-23", h.pages[2].Today.String())
		h.city(models.CityCommand{Event: models.CitySample, Size: 2, Seed: "s"})
	})
	var early, closed *checked
	h.on("2026-11-25", func() { early = h.city(models.CityCommand{Event: models.CityClose, CommandID: "close1"}) })
	h.on("2026-11-26", func() { h.city(models.CityCommand{Event: models.CityRefuse, Number: number(7)}) })
	h.on("2026-11-27", func() {
		require.Equal(t, 2, h.nudges, "who was refused hears of it at once")
		h.city(models.CityCommand{Event: models.CityPass, Number: number(8)})
		closed = h.city(models.CityCommand{Event: models.CityClose, CommandID: "close2"})
	})
	h.ExecuteWorkflow(workflows.Certification, certificationState)
	require.Equal(t, workflows.CertificationResult{Places: 121, Certified: 117, Refused: 1, Sampled: 2}, h.result())
	require.Error(t, early.err, "two are open")
	require.NoError(t, closed.err)
	require.Equal(t, []activities.ReportToCityInput{{CycleID: "110107-2026", Due: certificationState.Due, Today: calendar.MustDate("2026-11-23")}}, h.reports)
	require.Equal(t, "2026-11-27", h.b.City.ClosedOn.String())
	require.Empty(t, h.ended)
}

func TestTheCityHasTheWholeOfTheDueDate(t *testing.T) { // 11月底前
	t.Run("with nothing open the check ends when the day is over", func(t *testing.T) {
		h := newHall(t, 3)
		h.on("2026-11-23", func() { h.order("c1", "user:1") })
		var late *checked
		h.RegisterDelayedCallback(func() { late = h.city(models.CityCommand{Event: models.CitySample, Size: 1, Seed: "s"}) },
			calendar.MustDate("2026-11-30").At(23, 59).Sub(calendar.MustDate("2026-11-21").At(9, 0)))
		h.on("2026-12-05", func() { h.city(models.CityCommand{Event: models.CityPass, Number: number(1)}) })
		h.ExecuteWorkflow(workflows.Certification, certificationState)
		require.NoError(t, late.rejected)
		require.EqualValues(t, 1, h.result().Sampled, "in the last minute")
		require.Equal(t, []calendar.Date{calendar.MustDate("2026-12-05")}, h.ended, "what is open after the day is waited for")
	})
	t.Run("and no minute longer", func(t *testing.T) {
		h := newHall(t, 3)
		h.on("2026-11-23", func() { h.order("c1", "user:1") })
		h.ExecuteWorkflow(workflows.Certification, certificationState)
		h.result()
		require.Equal(t, []calendar.Date{calendar.MustDate("2026-12-01")}, h.ended)
		require.Equal(t, calendar.MustDate("2026-12-01").At(0, 0).UTC(), h.Now().UTC().Truncate(time.Minute))
	})
	t.Run("the plan may give another", func(t *testing.T) {
		h := newHall(t, 3)
		h.on("2026-11-23", func() { h.order("c1", "user:1") })
		h.on("2026-11-25", func() { h.SignalWorkflow(workflows.SignalCertificationDue, calendar.MustDate("2026-12-10")) })
		h.ExecuteWorkflow(workflows.Certification, certificationState)
		h.result()
		require.Equal(t, []calendar.Date{calendar.MustDate("2026-12-10")}, h.moved)
		require.Equal(t, []calendar.Date{calendar.MustDate("2026-12-11")}, h.ended)
	})
	t.Run("also before the order", func(t *testing.T) {
		h := newHall(t, 3)
		h.on("2026-11-22", func() { h.SignalWorkflow(workflows.SignalCertificationDue, calendar.MustDate("2026-12-10")) })
		h.on("2026-11-23", func() { h.order("c1", "user:1") })
		h.ExecuteWorkflow(workflows.Certification, certificationState)
		h.result()
		require.Equal(t, "2026-12-10", h.reports[0].Due.String())
		require.Empty(t, h.moved)
	})
}

func TestWhomAnAdministratorHasAHandInAnotherCertifies(t *testing.T) { // R12
	h := newHall(t, 60)
	h.left["user:1"] = 4
	var first, again, second *ordered
	h.on("2026-11-23", func() { first = h.order("c1", "user:1") })
	h.on("2026-11-24", func() { again = h.order("c1", "user:1") })
	h.on("2026-11-25", func() {
		require.Empty(t, h.reports, "not reported while some wait")
		second = h.order("c2", "user:2")
	})
	h.ExecuteWorkflow(workflows.Certification, certificationState)
	require.EqualValues(t, 60, h.result().Certified)
	require.Equal(t, []int{56, 4}, []int{first.answer.Certified, first.answer.Conflict})
	require.True(t, again.done)
	require.Equal(t, 56, again.answer.Certified, "the same order again gets the same answer")
	require.Equal(t, 4, second.answer.Certified)
	require.Len(t, h.pages, 3)
}

func TestAnAdvanceOfTheCycleOrdersWhatWaitsAndFinishesWhatTheCityLeaves(t *testing.T) {
	h := newHall(t, 5)
	advance := func(command string) {
		h.SignalWorkflow(workflows.SignalCertificationAdvance, models.CertificationOrder{CommandID: command, ReasonID: 8, Actor: "user:1"})
	}
	h.on("2026-11-23", func() { advance("a1") })
	h.on("2026-11-24", func() { h.city(models.CityCommand{Event: models.CitySample, Size: 3, Seed: "s"}) })
	h.on("2026-12-10", func() {
		require.False(t, h.IsWorkflowCompleted(), "three are open")
		advance("a2")
	})
	h.ExecuteWorkflow(workflows.Certification, certificationState)
	require.Equal(t, workflows.CertificationResult{Places: 6, Certified: 5, Sampled: 3}, h.result())
	require.Equal(t, models.CityCommand{CommandID: "a2", CycleID: "110107-2026", Event: models.CityFinish, ReasonID: 8, Actor: "user:1"}, h.acts[1].Command)
	require.EqualValues(t, 3, h.b.City.Passed)
}

func TestAFinishThatTheRecordRefusesEndsNothing(t *testing.T) {
	h := newHall(t, 2)
	h.on("2026-11-23", func() { h.order("c1", "user:1") })
	h.on("2026-11-24", func() {
		h.refuse = temporal.NewNonRetryableApplicationError("结束抽查须写明理由", string(models.CodeInvalid), nil)
		h.SignalWorkflow(workflows.SignalCertificationAdvance, models.CertificationOrder{CommandID: "a", Actor: "user:1"})
	})
	h.ExecuteWorkflow(workflows.Certification, certificationState)
	h.result()
	require.Equal(t, []calendar.Date{calendar.MustDate("2026-12-01")}, h.ended, "it goes on until its date")
}

func TestWhereNobodyIsProposedNothingIsOrderedOrChecked(t *testing.T) {
	h := newHall(t, 0)
	h.ExecuteWorkflow(workflows.Certification, certificationState)
	require.Equal(t, workflows.CertificationResult{Places: 1}, h.result())
	require.Len(t, h.reports, 1)
	require.Empty(t, h.pages)
	require.Empty(t, h.ended)
}

func TestWhatCannotBeACommandOfACertificationIsRefusedWithoutATrace(t *testing.T) {
	h := newHall(t, 2)
	codes := map[string]func() error{}
	refuse := func(name string, code models.Code, f func() error) { codes[string(code)+" "+name] = f }
	h.on("2026-11-22", func() {
		early := h.city(models.CityCommand{Event: models.CitySample, Size: 1, Seed: "s"})
		refuse("not reported yet", models.CodeConflict, func() error { return early.rejected })
		nobody := h.order("c0", "")
		refuse("nobody", models.CodeInvalid, func() error { return nobody.rejected })
	})
	h.on("2026-11-23", func() { h.order("c1", "user:1") })
	h.on("2026-11-24", func() {
		late := h.order("c2", "user:1")
		refuse("reported", models.CodeConflict, func() error { return late.rejected })
		none := h.city(models.CityCommand{Event: models.CitySample, Seed: "s", CommandID: "none"})
		refuse("no size", models.CodeInvalid, func() error { return none.rejected })
		odd := h.city(models.CityCommand{Event: models.CityPass, Number: "7"})
		refuse("no number", models.CodeInvalid, func() error { return odd.rejected })
	})
	h.ExecuteWorkflow(workflows.Certification, certificationState)
	h.result()
	require.Empty(t, h.acts)
	require.Len(t, codes, 5)
	for name, f := range codes {
		var refusal *temporal.ApplicationError
		require.True(t, errors.As(f(), &refusal), "%s: %v", name, f())
		require.Equal(t, strings.Fields(name)[0], refusal.Type(), name)
		require.Regexp(t, `\p{Han}`, refusal.Message())
	}
}

func TestALongSpotCheckGoesOnAsANewRunAndLosesNothing(t *testing.T) {
	h := newHall(t, 400)
	h.on("2026-11-22", func() { h.order("c1", "user:1") })
	h.on("2026-11-23", func() {
		h.city(models.CityCommand{Event: models.CitySample, Size: 400, Seed: "s"})
	})
	for i := range 299 {
		h.RegisterDelayedCallback(func() { h.city(models.CityCommand{Event: models.CityPass, Number: number(i + 1)}) }, 72*time.Hour+time.Duration(i)*time.Minute)
	}
	h.ExecuteWorkflow(workflows.Certification, certificationState)
	var again *workflow.ContinueAsNewError
	require.True(t, errors.As(h.GetWorkflowError(), &again), "%v", h.GetWorkflowError())
	var state workflows.CertificationState
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &state))
	require.EqualValues(t, 101, state.Board.City.Open)

	next := newHall(t, 0)
	next.b, next.commands = h.b, h.commands
	var repeated *checked
	next.on("2026-11-22", func() { repeated = next.city(models.CityCommand{Event: models.CityPass, Number: number(1)}) })
	next.on("2026-11-23", func() {
		next.SignalWorkflow(workflows.SignalCertificationAdvance, models.CertificationOrder{CommandID: "a", ReasonID: 3, Actor: "user:1"})
	})
	next.ExecuteWorkflow(workflows.Certification, state)
	require.Equal(t, workflows.CertificationResult{Places: 401, Certified: 400, Sampled: 400}, next.result())
	require.EqualValues(t, 101, repeated.board.City.Open, "the same command again changes nothing")
	require.Empty(t, next.reports, "reported already")
}

func TestACertificationThatIsCancelledEnds(t *testing.T) {
	for _, date := range []string{"2026-11-22", "2026-11-25"} {
		h := newHall(t, 2)
		h.on("2026-11-23", func() { h.order("c1", "user:1") })
		h.on(date, h.CancelWorkflow)
		h.ExecuteWorkflow(workflows.Certification, certificationState)
		require.True(t, temporal.IsCanceledError(h.GetWorkflowError()), "%v", h.GetWorkflowError())
	}
}

func TestAnOrderThatTheRecordRefusesIsAnsweredSoAndAnotherOneIsWaitedFor(t *testing.T) {
	h := newHall(t, 2)
	h.refuseOrder = conflict("本年度工作已取消")
	var first, second *ordered
	h.on("2026-11-22", func() { first = h.order("c1", "user:1") })
	h.on("2026-11-23", func() {
		require.Contains(t, cardOf(t, h.TestWorkflowEnvironment), "**上次下达的认定未能完成**：本年度工作已取消")
		h.refuseOrder = nil
		second = h.order("c2", "user:1")
	})
	h.on("2026-11-24", func() { h.city(models.CityCommand{Event: models.CityClose}) })
	h.ExecuteWorkflow(workflows.Certification, certificationState)
	require.EqualValues(t, 2, h.result().Certified)
	require.Equal(t, models.CodeConflict, code(t, first.err))
	require.NoError(t, second.err)
	require.Equal(t, 2, second.answer.Certified)
}

func TestASpotCheckThatTheRecordKeepsOpenIsLookedAtOnceADay(t *testing.T) {
	h := newHall(t, 1)
	h.on("2026-11-22", func() { h.order("c1", "user:1") })
	h.stays = 3
	h.ExecuteWorkflow(workflows.Certification, certificationState)
	h.result()
	require.Equal(t, "2026-12-04", h.b.City.ClosedOn.String(), "1, 2, 3, 4 December")
}

func TestTheNextRunAnswersAnOrderThatAnEarlierOneCarriedOut(t *testing.T) {
	h := newHall(t, 0)
	state := certificationState
	state.Opened, state.Reported, state.Told = true, true, true
	state.Carried = []workflows.CertificationAnswer{{CommandID: "c1", Certified: 3}}
	h.b.Certified, h.b.City.OutcomeDue = 3, state.Due
	state.Board = h.b
	var again, other *ordered
	h.on("2026-11-22", func() { again, other = h.order("c1", "user:1"), h.order("c2", "user:1") })
	h.ExecuteWorkflow(workflows.Certification, state)
	h.result()
	require.Equal(t, 3, again.answer.Certified)
	require.ErrorContains(t, other.rejected, "本年度认定已完成")
	require.Empty(t, h.pages)
}
