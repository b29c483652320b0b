package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/workflows"
)

// dossier is an application whose record is this struct.
type dossier struct {
	*testsuite.TestWorkflowEnvironment
	mu       sync.Mutex // activities run side by side
	record   activities.ApplicationStatus
	commands map[string]bool
	acts     []models.ApplicationCommand
	days     []calendar.Date // of the acts
	reads    int
	told     []activities.TellApplicationInput
	refuse   error
	barTell  error
	missing  error         // what reading comes to
	limit    calendar.Date // that the next event sets
}

const (
	household = models.Actor("household:92110107MA3AGYGLUW")
	begun     = "2026-08-20"
)

func newDossier(t *testing.T, state models.ApplicationState) *dossier {
	t.Helper()
	d := &dossier{TestWorkflowEnvironment: (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment(), commands: map[string]bool{},
		record: activities.ApplicationStatus{State: state, Origin: models.OriginOwn, Wished: []models.Category{models.Quality}, Tier: models.Growth}}
	d.SetTestTimeout(time.Minute)
	d.SetStartTime(calendar.MustDate(begun).At(9, 0))
	a, l := &activities.Applications{}, &activities.Letters{}
	d.RegisterActivity(a)
	d.RegisterActivity(l)
	d.OnActivity(a.ActOnApplication, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.ActOnApplicationInput) (activities.ApplicationStatus, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.acts, d.days = append(d.acts, in.Command), append(d.days, in.Today)
		if d.refuse != nil {
			return activities.ApplicationStatus{}, d.refuse
		}
		if d.commands[in.Command.CommandID] {
			return d.record, nil
		}
		if overdue := in.Command.Event == models.EventConsentOverdue || in.Command.Event == models.EventSupplementOverdue; overdue && in.Today <= d.record.LimitOn {
			return activities.ApplicationStatus{}, conflict("期限未到")
		}
		if err := d.move(in.Command.Event, in.Today); err != nil {
			return activities.ApplicationStatus{}, conflict(err.Error())
		}
		d.commands[in.Command.CommandID] = true
		return d.record, nil
	})
	d.OnActivity(a.ReadApplication, mock.Anything, mock.Anything).Return(func(context.Context, activities.ReadApplicationInput) (activities.ApplicationStatus, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.reads++
		return d.record, d.missing
	})
	d.OnActivity(l.TellApplication, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.TellApplicationInput) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.told = append(d.told, in)
		return d.barTell
	})
	return d
}

func conflict(message string) error {
	return temporal.NewNonRetryableApplicationError(message, string(models.CodeConflict), nil)
}

// move is what the record does; the whole cycle's steps do it without the process.
func (d *dossier) move(e models.ApplicationEvent, on calendar.Date) error {
	next, err := d.record.State.Next(e)
	if err != nil {
		return err
	}
	d.record.State, d.record.Events = next, d.record.Events+1
	d.record.LimitOn, d.limit = d.limit, 0
	d.record.Steps = append(d.record.Steps, activities.ApplicationMilestone{On: on, Event: e})
	return nil
}

func (d *dossier) without(events ...models.ApplicationEvent) { // the process
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range events {
		if err := d.move(e, calendar.MustDate(begun)); err != nil {
			panic(err)
		}
	}
}

// acted is what became of a command.
type acted struct {
	rejected, err error
	answer        workflows.ApplicationAnswer
	done          bool
}

func (d *dossier) act(command string, e models.ApplicationEvent) *acted {
	a := &acted{}
	d.UpdateWorkflow(workflows.UpdateAct, command, &testsuite.TestUpdateCallback{
		OnReject: func(err error) { a.rejected = err },
		OnAccept: func() {},
		OnComplete: func(r any, err error) {
			a.done, a.err = true, err
			if err == nil {
				a.answer = r.(workflows.ApplicationAnswer)
			}
		},
	}, models.ApplicationCommand{CommandID: command, ApplicationID: 12, Event: e, Actor: household})
	return a
}

func (d *dossier) after(w time.Duration, f func()) { d.RegisterDelayedCallback(f, w) }

func (d *dossier) start() {
	d.ExecuteWorkflow(workflows.Application, workflows.ApplicationState{ID: 12, CycleID: "110107-2026", District: "110107", Year: 2026,
		Record: activities.ApplicationStatus{State: d.record.State, Origin: models.OriginOwn, Wished: d.record.Wished, Tier: d.record.Tier, LimitOn: d.record.LimitOn, Events: d.record.Events}, Told: d.record.Events})
}

func (d *dossier) ended(t *testing.T) {
	t.Helper()
	require.True(t, d.IsWorkflowCompleted())
	require.NoError(t, d.GetWorkflowError())
}

const oneDay = 24 * time.Hour

func code(t *testing.T, err error) models.Code {
	t.Helper()
	var refusal *temporal.ApplicationError
	require.True(t, errors.As(err, &refusal), "%v", err)
	require.Regexp(t, `\p{Han}`, refusal.Message())
	return models.Code(refusal.Type())
}

func TestAnApplicationGoesFromItsSubmissionToItsDecision(t *testing.T) { // 附三(二)2
	d := newDossier(t, models.ApplicationDraft)
	var submitted *acted
	var attributes []temporal.SearchAttributes
	d.OnUpsertTypedSearchAttributes(mock.MatchedBy(func(a temporal.SearchAttributes) bool {
		if n := len(attributes); n == 0 || !reflect.DeepEqual(attributes[n-1], a) { // the matcher is asked more than once
			attributes = append(attributes, a)
		}
		return true
	})).Return(nil)
	d.after(0, func() { submitted = d.act("a", models.EventSubmit) })
	d.after(10*oneDay, func() { d.act("b", models.EventPassReview) })
	d.after(20*oneDay, func() { d.act("c", models.EventPassVisit) })
	d.after(60*oneDay, func() {
		d.without(models.EventPropose)
		d.SignalWorkflow(workflows.SignalApplicationChanged, nil)
	})
	d.after(80*oneDay, func() {
		d.without(models.EventCertify)
		d.SignalWorkflow(workflows.SignalApplicationChanged, nil)
	})
	d.start()
	d.ended(t)
	require.Equal(t, workflows.ApplicationAnswer{State: models.ApplicationSubmitted, Events: 1}, submitted.answer)
	require.Equal(t, begun, d.days[0].String(), "the activity is told the civil date")
	require.Equal(t, 2, d.reads, "what happened without the process is read")
	require.Len(t, d.told, 5)
	for i, in := range d.told {
		require.Equal(t, activities.TellApplicationInput{ApplicationID: 12, After: i}, in, "each event is told once, in order")
	}
	var stages []string
	for _, a := range attributes {
		if v, ok := a.GetKeyword(workflows.KeyStage); ok {
			stages = append(stages, v)
		}
	}
	require.Equal(t, []string{"待审核", "待走访核实", "待比选", "拟认定", "已认定"}, stages)
	category, _ := attributes[0].GetKeyword(workflows.KeyCategory)
	require.Equal(t, "优质", category)
	_, again := attributes[1].GetKeyword(workflows.KeyCategory)
	require.False(t, again, "only what is new is written")
}

func TestTheCardTellsTheStoryWithoutTheHouseholdsName(t *testing.T) {
	d := newDossier(t, models.ApplicationDraft)
	var card string
	d.after(0, func() { d.act("a", models.EventSubmit) })
	d.after(2*oneDay, func() { d.limit = calendar.MustDate("2026-08-28"); d.act("b", models.EventAskSupplement) })
	d.after(3*oneDay, func() {
		card = d.details(t)
		d.act("c", models.EventWithdraw)
	})
	d.start()
	d.ended(t)
	for _, words := range []string{"申110107-2026-12", "待补充材料", "2026年8月28日截止", "2026年8月20日 提交申报", "2026年8月22日 要求补充材料", "下一步", "成长型", "优质"} {
		require.Contains(t, card, words)
	}
	require.NotContains(t, card, "92110107")
}

// details is the card as Temporal's UI reads it.
func (d *dossier) details(t *testing.T) string {
	t.Helper()
	v, err := d.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(t, err)
	var m sdk.WorkflowMetadata
	require.NoError(t, v.Get(&m))
	return m.CurrentDetails
}

func TestARecommendationLapsesWhenTheOperatorDoesNotAnswerInTime(t *testing.T) { // 附三(二)2: 需要事先征得经营者本人同意
	d := newDossier(t, models.ApplicationDraft)
	d.after(0, func() { d.limit = calendar.MustDate("2026-08-27"); d.act("a", models.EventRecommend) })
	d.start()
	d.ended(t)
	require.Equal(t, models.ApplicationLapsed, d.record.State)
	require.Equal(t, models.EventConsentOverdue, d.acts[1].Event)
	require.Equal(t, models.ActorSystem, d.acts[1].Actor)
	require.Equal(t, "2026-08-28", d.days[1].String(), "the last day is the operator's to its end")
	require.Equal(t, "consent-overdue/1", d.acts[1].CommandID)
}

func TestAConsentInTimeEndsTheTerm(t *testing.T) {
	d := newDossier(t, models.ApplicationDraft)
	var consent *acted
	d.after(0, func() { d.limit = calendar.MustDate("2026-08-27"); d.act("a", models.EventRecommend) })
	d.after(7*oneDay, func() { consent = d.act("b", models.EventConsent) }) // on the last day
	d.after(30*oneDay, func() { d.act("c", models.EventRefuse) })
	d.start()
	d.ended(t)
	require.NoError(t, consent.err)
	require.Equal(t, models.ApplicationRefused, d.record.State)
	require.Len(t, d.acts, 3, "no term passed")
}

func TestASupplementTermThatMovedIsKeptAsTheRecordHasIt(t *testing.T) { // R12
	d := newDossier(t, models.ApplicationDraft)
	d.after(0, func() { d.act("a", models.EventSubmit) })
	d.after(oneDay, func() { d.limit = calendar.MustDate("2026-08-25"); d.act("b", models.EventAskSupplement) })
	d.after(3*oneDay, func() {
		d.mu.Lock()
		d.record.LimitOn = calendar.MustDate("2026-09-04")
		d.mu.Unlock()
		d.SignalWorkflow(workflows.SignalApplicationChanged, nil)
	})
	d.after(40*oneDay, func() { d.act("c", models.EventRefuse) })
	d.start()
	d.ended(t)
	require.Equal(t, models.EventSupplementOverdue, d.acts[2].Event)
	require.Equal(t, "2026-09-05", d.days[2].String())
	require.Equal(t, models.EventRefuse, d.acts[3].Event, "it is reviewed with what there is")
	require.Len(t, d.told, 4, "a moved term alone is no event")
}

func TestATermThatMovedWithoutAWordIsNotOverdue(t *testing.T) {
	d := newDossier(t, models.ApplicationDraft)
	d.after(0, func() { d.limit = calendar.MustDate("2026-08-25"); d.act("a", models.EventRecommend) })
	d.after(oneDay, func() { // the record moved, and nobody told the process
		d.mu.Lock()
		defer d.mu.Unlock()
		d.record.LimitOn = calendar.MustDate("2026-09-01")
	})
	d.start()
	d.ended(t)
	require.Len(t, d.acts, 3)
	require.Equal(t, "2026-08-26", d.days[1].String())
	require.Equal(t, "2026-09-02", d.days[2].String(), "the record's limit counts, not the timer's")
	require.Equal(t, models.ApplicationLapsed, d.record.State)
}

func TestTheSameCommandAgainChangesNothing(t *testing.T) {
	d := newDossier(t, models.ApplicationDraft)
	var first, again *acted
	d.after(0, func() { first = d.act("a", models.EventSubmit) })
	d.after(time.Minute, func() { again = d.act("a", models.EventSubmit) })
	d.after(time.Hour, func() { d.act("b", models.EventWithdraw) })
	d.start()
	d.ended(t)
	require.Equal(t, first.answer, again.answer)
	require.NoError(t, again.err)
	require.Equal(t, 2, d.record.Events)
}

func TestOfTwoWhoSubmitAtOnceOneIsRefused(t *testing.T) {
	d := newDossier(t, models.ApplicationDraft)
	var one, other *acted
	d.after(0, func() { one, other = d.act("a", models.EventSubmit), d.act("b", models.EventSubmit) })
	d.after(time.Hour, func() { d.act("c", models.EventWithdraw) })
	d.start()
	d.ended(t)
	refusals := 0
	for _, a := range []*acted{one, other} {
		if err := errors.Join(a.rejected, a.err); err != nil {
			refusals++
			require.Equal(t, models.CodeConflict, code(t, err))
		}
	}
	require.Equal(t, 1, refusals)
	require.Equal(t, 2, d.record.Events, "one submission, one withdrawal")
}

func TestWhatCannotFollowIsRefusedWithoutATrace(t *testing.T) {
	d := newDossier(t, models.ApplicationDraft)
	got := map[models.ApplicationEvent]*acted{}
	d.after(0, func() { d.act("a", models.EventSubmit) })
	d.after(time.Hour, func() {
		for _, e := range models.ApplicationEvents {
			if _, err := models.ApplicationSubmitted.Next(e); err != nil {
				got[e] = d.act("x-"+string(e), e)
			}
		}
	})
	d.after(oneDay, func() { d.act("b", models.EventWithdraw) })
	d.start()
	d.ended(t)
	require.Greater(t, len(got), 10)
	for e, a := range got {
		require.Equal(t, models.CodeConflict, code(t, a.rejected), e)
	}
	require.Len(t, d.acts, 2, "nothing else reached the record")
}

func TestARefusedSubmissionLeavesNoProcess(t *testing.T) { // 附三(三)1: the draft can be mended and submitted again
	d := newDossier(t, models.ApplicationDraft)
	d.refuse = conflict("不得申报：有罚款")
	var refused *acted
	d.after(0, func() { refused = d.act("a", models.EventSubmit) })
	d.start()
	d.ended(t)
	require.Equal(t, models.CodeConflict, code(t, refused.err))
	require.Empty(t, d.told)
}

func TestAProcessThatLagsBehindTheRecordLetsTheRecordDecide(t *testing.T) {
	d := newDossier(t, models.ApplicationDraft)
	var late *acted
	d.after(0, func() { d.act("a", models.EventSubmit) })
	d.after(oneDay, func() { // the record is two steps ahead; the signal and the command come together
		d.without(models.EventPassReview, models.EventPassVisit)
		d.SignalWorkflow(workflows.SignalApplicationChanged, nil)
		late = d.act("b", models.EventNotSelect)
	})
	d.start()
	d.ended(t)
	require.NoError(t, late.rejected)
	require.NoError(t, late.err)
	require.Equal(t, models.ApplicationUnselected, d.record.State)
	require.Equal(t, activities.TellApplicationInput{ApplicationID: 12, After: 1}, d.told[1], "what happened without it is told too")
}

func TestAnApplicationThatWasRefusedGoesOnWhenItIsReopened(t *testing.T) { // 三(三)
	d := newDossier(t, models.ApplicationRefused)
	d.record.Events = 3
	d.after(0, func() { d.act("reopen", models.EventReopen) })
	d.after(oneDay, func() { d.act("refuse", models.EventRefuse) })
	d.start()
	d.ended(t)
	require.Equal(t, models.ApplicationRefused, d.record.State)
	require.Equal(t, 5, d.record.Events)
	require.Equal(t, activities.TellApplicationInput{ApplicationID: 12, After: 3}, d.told[0], "what was told before is not told again")
}

func TestWhoWithdrawsFromTheListUnderNoticeFreesAPlaceForTheWaitingList(t *testing.T) { // R14
	for _, running := range []bool{true, false} {
		d := newDossier(t, models.ApplicationProposed)
		var err error
		if !running {
			err = errors.New("no notice runs")
		}
		told := 0
		d.OnSignalExternalWorkflow(mock.Anything, "notice/110107-2026", "", workflows.SignalNoticeChanged, mock.Anything).
			Run(func(mock.Arguments) { told++ }).Return(err)
		d.after(0, func() { d.act("a", models.EventWithdraw) })
		d.start()
		d.ended(t)
		require.Equal(t, models.ApplicationWithdrawn, d.record.State)
		require.Equal(t, 1, told)
	}
}

func TestALetterThatCannotBeWrittenDoesNotHoldTheApplicationUp(t *testing.T) {
	d := newDossier(t, models.ApplicationDraft)
	d.barTell = temporal.NewNonRetryableApplicationError("没有这份申报件", string(models.CodeNotFound), nil)
	d.after(0, func() { d.act("a", models.EventSubmit) })
	d.after(oneDay, func() { d.act("b", models.EventWithdraw) })
	d.start()
	d.ended(t)
	require.Len(t, d.told, 2)
}

func TestALongApplicationGoesOnAsANewRunAndLosesNothing(t *testing.T) {
	d := newDossier(t, models.ApplicationDraft)
	d.after(0, func() { d.limit = calendar.MustDate("2026-09-30"); d.act("a", models.EventRecommend) })
	for i := range 300 {
		d.after(time.Duration(i+1)*time.Minute, func() {
			if i == 299 {
				d.mu.Lock()
				d.record.LimitOn = calendar.MustDate("2026-08-25")
				d.mu.Unlock()
			}
			d.SignalWorkflow(workflows.SignalApplicationChanged, nil)
		})
	}
	d.start()
	require.True(t, d.IsWorkflowCompleted())
	var again *workflow.ContinueAsNewError
	require.True(t, errors.As(d.GetWorkflowError(), &again), "%v", d.GetWorkflowError())
	var state workflows.ApplicationState
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &state))
	require.Equal(t, models.ApplicationConsent, state.Record.State)
	require.Equal(t, 1, state.Told)

	next := newDossier(t, models.ApplicationConsent)
	next.record, next.commands = d.record, d.commands
	var repeated *acted
	next.after(time.Minute, func() { repeated = next.act("a", models.EventRecommend) })
	next.ExecuteWorkflow(workflows.Application, state)
	next.ended(t)
	require.NoError(t, errors.Join(repeated.rejected, repeated.err))
	require.Equal(t, 2, next.record.Events, "the same command again changed nothing")
	require.Equal(t, models.ApplicationLapsed, next.record.State, "the term runs on in the new run")
	require.Len(t, next.told, 1, fmt.Sprint(next.told))
	require.True(t, strings.HasPrefix(next.acts[1].CommandID, "consent-overdue/"))
}

func TestAProcessBegunOnAnOldStateLearnsItAndEnds(t *testing.T) { // the one before it ended while the command was on its way
	d := newDossier(t, models.ApplicationSubmitted)
	var late *acted
	d.after(0, func() { late = d.act("a", models.EventPassReview) })
	stale := d.record
	d.record.State, d.record.Events = models.ApplicationWithdrawn, 2
	d.ExecuteWorkflow(workflows.Application, workflows.ApplicationState{ID: 12, CycleID: "110107-2026", District: "110107", Year: 2026, Record: stale, Told: stale.Events})
	d.ended(t)
	require.Equal(t, models.CodeConflict, code(t, late.err))
	require.Equal(t, 1, d.reads)
}

func TestALimitThatTheRecordDoesNotLetPassIsTriedOnceADay(t *testing.T) {
	d := newDossier(t, models.ApplicationConsent)
	d.record.LimitOn, d.record.Events = calendar.MustDate("2026-08-25"), 1
	d.refuse = temporal.NewNonRetryableApplicationError("请先修正", string(models.CodeInvalid), nil)
	d.after(10*oneDay, func() { d.refuse = nil })
	d.start()
	d.ended(t)
	require.Equal(t, models.ApplicationLapsed, d.record.State)
	var days []string
	for _, on := range d.days {
		days = append(days, on.String())
	}
	require.Equal(t, []string{"2026-08-26", "2026-08-27", "2026-08-28", "2026-08-29", "2026-08-30", "2026-08-31"}, days)
}

func TestWhatFailsInTheWorkersTaskGoesOnAsAnActivityThatCanBeSeen(t *testing.T) {
	d := newDossier(t, models.ApplicationDraft)
	d.refuse = errors.New("the database is away")
	seen := 0
	d.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		if seen++; seen == 5 {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.refuse = nil
		}
	})
	var submitted *acted
	d.after(0, func() { submitted = d.act("a", models.EventSubmit) })
	d.after(oneDay, func() { d.act("b", models.EventWithdraw) })
	d.start()
	d.ended(t)
	require.NoError(t, submitted.err)
	require.Equal(t, models.ApplicationSubmitted, submitted.answer.State)
	require.GreaterOrEqual(t, seen, 5)
}

func TestADiscardedDraftLeavesNoProcess(t *testing.T) {
	d := newDossier(t, models.ApplicationDraft)
	d.refuse = conflict("草稿已删除")
	d.missing = temporal.NewNonRetryableApplicationError("没有编号为 12 的申报件", string(models.CodeNotFound), nil)
	d.after(0, func() { d.act("a", models.EventSubmit) })
	d.start()
	d.ended(t)
}

func TestAProcessBegunAnewTellsWhatHappenedWithoutOne(t *testing.T) { // 三(三): an objection reopened it while the engine was away
	d := newDossier(t, models.ApplicationSubmitted)
	d.record.Events = 4
	_, state := workflows.ApplicationStart(models.Application{ID: 12, CycleID: "110107-2026", State: models.ApplicationSubmitted, Events: 4}, calendar.Clock{})
	d.after(time.Hour, func() { d.act("b", models.EventWithdraw) })
	d.ExecuteWorkflow(workflows.Application, state)
	d.ended(t)
	require.Equal(t, 0, d.told[0].After, "letters that were written are not written again")
}
