package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
)

// SignalNoticeChanged tells a public notice that an objection was settled, that somebody left the list, or another date.
const SignalNoticeChanged = "notice-changed"

// NoticeChanged is its message; an empty one only wakes.
type NoticeChanged struct {
	CertificationDue calendar.Date // the new date; zero leaves it
}

// NoticeState is a public notice's whole state and its workflow's input: nothing else crosses continue-as-new.
type NoticeState struct {
	CycleID          string
	District         string
	Year             int
	Clock            calendar.Clock
	CertificationDue calendar.Date // a period of one who moves up must end by then

	Published bool // set by the notice itself from here on
	Board     models.NoticeBoard
}

// NoticeResult is how a public notice ended.
type NoticeResult struct {
	Listed  int64 // households that go on to the certification
	Left    int64 // that left the lists
	MovedUp int64 // that moved up from the waiting list
	Empty   int64 // places that stayed empty
}

// Notice is the public notice (公示) of one cycle's proposals (三(二)): it publishes the list, looks after it each morning and whenever
// something happened, and ends when every period has passed and every objection is settled. Nothing ends it earlier.
func Notice(ctx workflow.Context, state NoticeState) (NoticeResult, error) {
	n := &notice{NoticeState: state}
	workflow.GoNamed(ctx, "changed", func(ctx workflow.Context) {
		for {
			var m NoticeChanged
			workflow.GetSignalChannel(ctx, SignalNoticeChanged).Receive(ctx, &m)
			n.change(m)
		}
	})
	return n.run(ctx)
}

type notice struct {
	NoticeState
	a       *activities.Notices
	p       *activities.Applications
	changed bool
	over    bool // the lists are closed
}

func (n *notice) change(m NoticeChanged) {
	n.changed = true
	if m.CertificationDue != 0 {
		n.CertificationDue = m.CertificationDue
	}
}

func (n *notice) run(ctx workflow.Context) (NoticeResult, error) {
	if err := n.publish(ctx); err != nil {
		return NoticeResult{}, err
	}
	for {
		if err := n.tend(ctx); err != nil {
			return NoticeResult{}, err
		}
		n.card(ctx)
		switch {
		case n.changed: // while it was looked after
		case n.Board.Over(n.today(ctx)):
			return n.end(ctx)
		case workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			settle(ctx) // what comes at the last moment is looked at first thing by the next run
			return NoticeResult{}, workflow.NewContinueAsNewError(ctx, Notice, n.NoticeState)
		default:
			if err := n.wait(ctx); err != nil {
				return NoticeResult{}, err
			}
		}
	}
}

// publish makes the list public, once.
func (n *notice) publish(ctx workflow.Context) error {
	if n.Published {
		return nil
	}
	err := workflow.ExecuteActivity(quick(ctx, "公示拟认定名单"), n.a.PublishNotice, n.ref(ctx)).Get(ctx, &n.Board)
	n.Published = err == nil
	return err
}

// tend brings periods, lists and the waiting list up to date.
func (n *notice) tend(ctx workflow.Context) error {
	n.changed = false // a message that comes meanwhile makes it true again
	err := workflow.ExecuteActivity(bulk(ctx, "核对公示期、名单和候补"), n.a.TendNotice, activities.TendNoticeInput{
		CycleID: n.CycleID, CertificationDue: n.CertificationDue, Today: n.today(ctx)}).Get(ctx, &n.Board)
	if err != nil {
		return err
	}
	return n.tell(ctx)
}

// tell lets the processes of the applications that moved know.
func (n *notice) tell(ctx workflow.Context) error {
	if !n.Board.Changed {
		return nil
	}
	return workflow.ExecuteActivity(bulk(ctx, "告知有变动的申报件"), n.p.NudgeApplications, activities.NudgeApplicationsInput{CycleID: n.CycleID}).Get(ctx, nil)
}

// wait ends the next morning, or when something happened: a calendar may have been announced, somebody may have left the list.
func (n *notice) wait(ctx workflow.Context) error {
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	next := n.today(ctx) + 1
	timer := workflow.NewTimerWithOptions(timerCtx, n.Clock.Wait(workflow.Now(ctx), next.At(0, 0)), workflow.TimerOptions{
		Summary: fmt.Sprintf("公示至%s，%s再核对", n.Board.EndsOn.Chinese(), next.Chinese()),
	})
	morning := false
	workflow.GoNamed(timerCtx, "morning", func(ctx workflow.Context) { morning = timer.Get(ctx, nil) == nil })
	return workflow.Await(ctx, func() bool { return morning || n.changed })
}

// end closes the lists and the waiting list and reports to the cycle.
func (n *notice) end(ctx workflow.Context) (NoticeResult, error) {
	if err := workflow.ExecuteActivity(bulk(ctx, "公示结束，候补不再递补"), n.a.CloseNotice, n.ref(ctx)).Get(ctx, &n.Board); err != nil {
		return NoticeResult{}, err
	}
	if err := n.tell(ctx); err != nil {
		return NoticeResult{}, err
	}
	n.over = true
	n.card(ctx)
	return NoticeResult{Listed: n.Board.Listed, Left: n.Board.Left, MovedUp: n.Board.MovedUp, Empty: n.Board.Empty}, nil
}

func (n *notice) today(ctx workflow.Context) calendar.Date { return n.Clock.Today(workflow.Now(ctx)) }

func (n *notice) ref(ctx workflow.Context) activities.SelectionRef {
	return activities.SelectionRef{CycleID: n.CycleID, Today: n.today(ctx)}
}

// card is what an official reads in Temporal's UI.
func (n *notice) card(ctx workflow.Context) {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s %d 年“名特优新”拟认定名单公示\n\n", n.District, n.Year)
	switch {
	case n.Board.Notices == 0:
		b.WriteString("**进展**：没有拟认定的个体工商户，无须公示\n")
	case n.over:
		fmt.Fprintf(&b, "**进展**：公示已结束（至%s），转入认定\n", n.Board.EndsOn.Chinese())
	case n.Board.Objections > 0:
		fmt.Fprintf(&b, "**进展**：公示至%s，异议待办结 %d 件，办结前不进入认定\n", n.Board.EndsOn.Chinese(), n.Board.Objections)
	default:
		fmt.Fprintf(&b, "**进展**：公示至%s，没有待办结的异议\n", n.Board.EndsOn.Chinese())
	}
	if !n.Board.Announced {
		fmt.Fprintf(&b, "\n**注意**：%s\n", calendar.Unannounced)
	}
	fmt.Fprintf(&b, "\n| 名单 | 在列 | 离开名单 | 候补递补 | 名额空置 | 仍在候补 |\n| --- | --- | --- | --- | --- | --- |\n| %d | %d | %d | %d | %d | %d |\n",
		n.Board.Notices, n.Board.Listed, n.Board.Left, n.Board.MovedUp, n.Board.Empty, n.Board.Waiting)
	workflow.SetCurrentDetails(ctx, b.String())
}
