package workflows_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	sdk "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/workflows"
)

// hearing is an objection whose record is this struct.
type hearing struct {
	*testsuite.TestWorkflowEnvironment
	mu     sync.Mutex
	record activities.ObjectionStatus
	done   map[string]bool
	days   []calendar.Date // on which commands were carried out
	told   []activities.TellObjectionInput
	nudges int
	years  int   // the certifications of the year are told
	notice int   // signals to the notice
	letter error // what writing a letter comes to
}

var objectionState = workflows.ObjectionState{ID: 7, CycleID: "110107-2026", District: "110107", Year: 2026}

// newHearing begins on Tuesday 29 September 2026, two days before the National Day.
func newHearing(t *testing.T, kind models.ObjectionKind, nudging ...time.Duration) *hearing {
	t.Helper()
	h := &hearing{TestWorkflowEnvironment: (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment(), done: map[string]bool{}}
	today := calendar.MustDate("2026-09-29")
	h.record = activities.ObjectionStatus{Kind: kind, State: models.ObjectionReceived, ReceivedOn: today, Due: calendar.MustDate("2026-10-12"), Events: 1,
		Steps: []activities.ObjectionMilestone{{On: today, Event: models.ObjectionReceive}}}
	if kind == models.ObjectionTier {
		h.record.TierBefore = models.Survival
	}
	h.SetTestTimeout(time.Minute)
	h.SetStartTime(today.At(9, 0))
	a, l, n, c := &activities.Objections{}, &activities.Letters{}, &activities.Applications{}, &activities.Certified{}
	h.RegisterActivity(a)
	h.RegisterActivity(c)
	h.RegisterActivity(l)
	h.RegisterActivity(n)
	h.OnActivity(a.ReadObjection, mock.Anything, mock.Anything).Return(func(context.Context, activities.ReadObjectionInput) (activities.ObjectionStatus, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.record, nil
	})
	h.OnActivity(a.ActOnObjection, mock.Anything, mock.Anything).Return(h.actOn)
	h.OnActivity(l.TellObjection, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.TellObjectionInput) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.told = append(h.told, in)
		return h.letter
	})
	h.OnActivity(n.NudgeApplications, mock.Anything, mock.Anything).After(append(nudging, 0)[0]).Return(func(context.Context, activities.NudgeApplicationsInput) (int, error) {
		h.nudges++
		return 1, nil
	})
	h.OnActivity(c.StartCertified, mock.Anything, activities.StartCertifiedInput{CycleID: "110107-2026", Today: calendar.MustDate("2026-10-08")}).Return(func(context.Context, activities.StartCertifiedInput) (int, error) {
		h.years++
		return 1, nil
	})
	return h
}

func (h *hearing) actOn(_ context.Context, in activities.ActOnObjectionInput) (activities.ObjectionStatus, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, r := in.Command, &h.record
	if h.done[c.CommandID] {
		return *r, nil
	}
	next, err := r.State.Next(r.Kind, c.Event)
	if err != nil {
		return *r, temporal.NewNonRetryableApplicationError(err.Error(), string(models.CodeOf(err)), nil)
	}
	h.done[c.CommandID] = true
	h.days = append(h.days, in.Today)
	r.State, r.Events = next, r.Events+1
	r.Steps = append(r.Steps[:len(r.Steps):len(r.Steps)], activities.ObjectionMilestone{On: in.Today, Event: c.Event})
	switch c.Event {
	case models.ObjectionAccept:
		r.Due = calendar.MustDate("2026-10-27")
	case models.ObjectionAsk:
		r.Department, r.DepartmentName, r.AnswerDue = c.Department, "区税务局", calendar.MustDate("2026-10-15")
	case models.ObjectionAnswer:
		r.AnswerDue = 0
	case models.ObjectionUphold:
		r.Outcome = models.ObjectionUpheld
		r.Effect = map[models.ObjectionKind]models.ObjectionEffect{models.ObjectionTier: models.EffectTier, models.ObjectionNotice: models.EffectRemoved,
			models.ObjectionDecision: models.EffectReopened, models.ObjectionCertification: models.EffectRestored}[r.Kind]
	case models.ObjectionConfirm:
		r.Outcome = models.ObjectionConfirmed
	}
	if !next.Live() {
		r.Due = 0
	}
	return *r, nil
}

// act sends a command at a moment and keeps what became of it.
func (h *hearing) act(at string, hour int, c models.ObjectionCommand) *error {
	result := new(error)
	c.ObjectionID, c.Actor = 7, "user:11"
	if c.CommandID == "" {
		c.CommandID = string(c.Event) + at
	}
	h.RegisterDelayedCallback(func() {
		h.UpdateWorkflow(workflows.UpdateObjectionAct, c.CommandID, &testsuite.TestUpdateCallback{
			OnReject: func(err error) { *result = err }, OnAccept: func() {},
			OnComplete: func(_ any, err error) { *result = err },
		}, c)
	}, calendar.MustDate(at).At(hour, 0).Sub(calendar.MustDate("2026-09-29").At(9, 0)))
	return result
}

// cardAt reads the card at a moment.
func (h *hearing) cardAt(t *testing.T, at string, hour int) *string {
	t.Helper()
	card := new(string)
	h.RegisterDelayedCallback(func() { *card = h.card(t) }, calendar.MustDate(at).At(hour, 0).Sub(calendar.MustDate("2026-09-29").At(9, 0)))
	return card
}

func (h *hearing) card(t *testing.T) string {
	t.Helper()
	v, err := h.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(t, err)
	var m sdk.WorkflowMetadata
	require.NoError(t, v.Get(&m))
	return m.CurrentDetails
}

func (h *hearing) run(t *testing.T) {
	t.Helper()
	h.ExecuteWorkflow(workflows.Objection, objectionState)
	require.True(t, h.IsWorkflowCompleted())
	require.NoError(t, h.GetWorkflowError())
}

var ruling = models.ObjectionCommand{ReasonID: 5, Clause: "附一(三)1"}

func with(c models.ObjectionCommand, event models.ObjectionEvent) models.ObjectionCommand {
	c.Event = event
	return c
}

func TestAnObjectionToATierIsReceivedAcceptedAnsweredAndSettled(t *testing.T) { // 附一(二)3
	h := newHearing(t, models.ObjectionTier)
	accepted := h.act("2026-09-30", 10, models.ObjectionCommand{Event: models.ObjectionAccept})
	early := h.act("2026-09-30", 11, with(ruling, models.ObjectionUphold))
	h.act("2026-10-08", 9, models.ObjectionCommand{Event: models.ObjectionAsk, Department: "tax"})
	asked := h.cardAt(t, "2026-10-09", 9)
	h.act("2026-10-12", 9, models.ObjectionCommand{Event: models.ObjectionAnswer, Department: "tax", ReasonID: 4})
	settled := h.act("2026-10-13", 9, with(ruling, models.ObjectionUphold))
	h.run(t)

	require.NoError(t, *accepted)
	require.ErrorContains(t, *early, "先请数据所涉部门答复")
	require.NoError(t, *settled)
	require.Len(t, h.days, 4, "what was refused left no trace")
	require.Equal(t, calendar.MustDate("2026-10-13"), h.days[3])
	require.Contains(t, *asked, "待部门答复")
	require.Contains(t, *asked, "区税务局应于2026年10月15日前答复")
	require.Contains(t, *asked, "区市场监管局应于2026年10月27日前办结")
	require.NotContains(t, *asked, "逾期")
	last := h.card(t)
	require.Contains(t, last, "异110107-2026-7")
	require.Contains(t, last, "异议成立")
	require.Contains(t, last, "2026年10月12日 答复")
	require.Zero(t, h.notice)
	require.Zero(t, h.nudges)
	told := 0
	for _, in := range h.told {
		require.Equal(t, told, in.After, "each event is told once, in order")
		told = in.After + 1
	}
	require.Equal(t, 5, told)
}

func TestAPassedDeadlineIsSaidOnTheCardAndDecidesNothing(t *testing.T) { // R6
	h := newHearing(t, models.ObjectionTier)
	onTime := h.cardAt(t, "2026-10-12", 23)
	late := h.cardAt(t, "2026-10-13", 1)
	h.act("2026-10-14", 9, models.ObjectionCommand{Event: models.ObjectionAccept})
	h.act("2026-10-14", 10, models.ObjectionCommand{Event: models.ObjectionAsk, Department: "tax"})
	silent := h.cardAt(t, "2026-10-16", 1)
	overdue := h.cardAt(t, "2026-10-28", 1)
	h.act("2026-11-02", 9, models.ObjectionCommand{Event: models.ObjectionAnswer, Department: "tax", ReasonID: 4})
	h.act("2026-11-03", 9, with(ruling, models.ObjectionConfirm))
	h.run(t)

	require.NotContains(t, *onTime, "逾期")
	require.Contains(t, *late, "区市场监管局应于2026年10月12日前决定是否受理；**已逾期，报督办，异议仍须办结**")
	require.Contains(t, *silent, "区税务局应于2026年10月15日前答复；**已逾期")
	require.Contains(t, *silent, "10月27日前办结\n", "the settlement itself is not late")
	require.Contains(t, *overdue, "10月27日前办结；**已逾期")
	require.Len(t, h.days, 4, "nothing was decided by silence")
	require.Equal(t, models.ObjectionConfirmed, h.record.Outcome)
}

func TestANoticeHearsOfEveryObjectionToItThatEnded(t *testing.T) { // R14
	for event, nudges := range map[models.ObjectionEvent]int{models.ObjectionUphold: 1, models.ObjectionConfirm: 0, models.ObjectionWithdraw: 0, models.ObjectionNotAccept: 0} {
		t.Run(string(event), func(t *testing.T) {
			h := newHearing(t, models.ObjectionNotice)
			h.OnSignalExternalWorkflow(mock.Anything, workflows.NoticeWorkflowID("110107-2026"), "", workflows.SignalNoticeChanged, mock.Anything).
				Return(func(string, string, string, string, any) error { h.notice++; return nil })
			if event != models.ObjectionNotAccept {
				h.act("2026-09-30", 9, models.ObjectionCommand{Event: models.ObjectionAccept})
			}
			waits := h.cardAt(t, "2026-09-30", 10)
			h.act("2026-10-08", 9, with(ruling, event))
			h.run(t)
			require.Contains(t, *waits, "不得认定")
			require.Equal(t, 1, h.notice)
			require.Equal(t, nudges, h.nudges)
		})
	}
}

func TestANoticeThatIsOverIsNotMissed(t *testing.T) {
	h := newHearing(t, models.ObjectionNotice)
	h.OnSignalExternalWorkflow(mock.Anything, workflows.NoticeWorkflowID("110107-2026"), "", workflows.SignalNoticeChanged, mock.Anything).
		Return(func(string, string, string, string, any) error {
			return &temporal.UnknownExternalWorkflowExecutionError{}
		})
	h.act("2026-10-08", 9, with(ruling, models.ObjectionNotAccept))
	h.run(t)
}

func TestAnUpheldObjectionAboutACertificationStartsItsYearsAgain(t *testing.T) { // 附三(五)
	for event, years := range map[models.ObjectionEvent]int{models.ObjectionUphold: 1, models.ObjectionConfirm: 0} {
		h := newHearing(t, models.ObjectionCertification)
		h.act("2026-09-30", 9, models.ObjectionCommand{Event: models.ObjectionAccept})
		waits := h.cardAt(t, "2026-10-07", 1)
		h.act("2026-10-08", 9, with(ruling, event))
		h.run(t)
		require.Contains(t, *waits, "恢复认定或延长有效期")
		require.Equal(t, []int{years, 0, 0}, []int{h.years, h.nudges, h.notice}, event)
	}
}

func TestAnUpheldObjectionToADecisionWakesItsApplication(t *testing.T) { // 三(三)
	h := newHearing(t, models.ObjectionDecision)
	h.act("2026-09-30", 9, models.ObjectionCommand{Event: models.ObjectionAccept})
	h.act("2026-10-08", 9, with(ruling, models.ObjectionUphold))
	h.run(t)
	require.Equal(t, 1, h.nudges)
}

func TestTheReceiptIsAnsweredOnceItIsWritten(t *testing.T) {
	h := newHearing(t, models.ObjectionTier)
	var written int
	h.RegisterDelayedCallback(func() {
		h.UpdateWorkflow(workflows.UpdateObjectionReceived, "received", &testsuite.TestUpdateCallback{
			OnReject: func(err error) { require.NoError(t, err) }, OnAccept: func() {},
			OnComplete: func(_ any, err error) {
				require.NoError(t, err)
				written = len(h.told)
			},
		})
	}, 0)
	h.act("2026-09-30", 9, models.ObjectionCommand{Event: models.ObjectionWithdraw})
	h.run(t)
	require.Equal(t, 1, written)
}

func TestARepeatedCommandIsAnsweredAndNotRefused(t *testing.T) {
	h := newHearing(t, models.ObjectionTier)
	command := models.ObjectionCommand{Event: models.ObjectionAccept, CommandID: "same"}
	first, second := h.act("2026-09-30", 9, command), h.act("2026-09-30", 10, command)
	other := h.act("2026-09-30", 11, models.ObjectionCommand{Event: models.ObjectionAccept, CommandID: "other"})
	h.act("2026-10-08", 9, models.ObjectionCommand{Event: models.ObjectionWithdraw})
	h.run(t)
	require.NoError(t, *first)
	require.NoError(t, *second)
	require.ErrorContains(t, *other, "不能受理")
	require.Len(t, h.days, 2)
}

func TestALetterThatCannotBeWrittenDoesNotKeepAnObjectionOpen(t *testing.T) {
	h := newHearing(t, models.ObjectionTier)
	h.letter = temporal.NewNonRetryableApplicationError("没有", string(models.CodeNotFound), nil)
	h.act("2026-09-30", 9, models.ObjectionCommand{Event: models.ObjectionWithdraw})
	h.run(t)
}

func TestACommandThatIsRepeatedWhileTheEndIsToldIsAnswered(t *testing.T) {
	h := newHearing(t, models.ObjectionDecision, 2*time.Hour)
	h.act("2026-09-30", 9, with(ruling, models.ObjectionAccept))
	c := with(ruling, models.ObjectionUphold)
	c.CommandID = "k"
	h.act("2026-10-09", 9, c)
	answers := 0
	h.RegisterDelayedCallback(func() {
		c := c
		c.ObjectionID, c.Actor = 7, "user:11"
		h.UpdateWorkflow(workflows.UpdateObjectionAct, "another", &testsuite.TestUpdateCallback{
			OnReject: func(err error) { require.NoError(t, err) }, OnAccept: func() {},
			OnComplete: func(_ any, err error) { require.NoError(t, err); answers++ },
		}, c)
	}, calendar.MustDate("2026-10-09").At(10, 59).Sub(calendar.MustDate("2026-09-29").At(9, 0)))
	h.run(t)
	require.Equal(t, 1, answers)
	require.Len(t, h.days, 2)
}
