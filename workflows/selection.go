package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
)

// Messages that a comparison (比选) takes.
const (
	UpdateConfirm          = "confirm"           // confirms the proposal or departs from it
	SignalSelectionChanged = "selection-changed" // somebody came to the comparison, or another due date
	SignalSelectionFinish  = "finish"            // the proposal stands for what is left
)

// SelectionState is a comparison's whole state and its workflow's input: nothing else crosses continue-as-new.
type SelectionState struct {
	CycleID  string
	District string
	Year     int
	Clock    calendar.Clock
	Due      calendar.Date // by which the bureau owes the confirmation

	Places   models.Places // set by the comparison itself from here on
	Opened   bool
	Board    models.SelectionBoard
	Ranked   bool // Board shows everybody who is in the comparison
	Finish   *SelectionFinish
	Finishes int // how often the proposal was confirmed for who was left
}

// SelectionChanged tells a comparison to look again.
type SelectionChanged struct {
	Due calendar.Date // the new due date; zero leaves it
}

// SelectionFinish confirms the proposal for all who are left.
type SelectionFinish struct {
	ReasonID int64 // of an administrator's advance
	Actor    models.Actor
}

// SelectionAnswer is what a comparison answers to a decision.
type SelectionAnswer struct {
	Decided int   // by this decision
	Left    int64 // that are not decided yet
	Free    int64 // places that nobody holds
}

// SelectionResult is how a comparison ended.
type SelectionResult struct {
	Places     int64
	Proposed   int64
	Waiting    int64
	Unselected int64
}

// Selection is the comparison of one cycle's qualified applications (附三(三)2, (四)): it freezes the places, ranks, takes the
// bureau's decisions, ranks again when somebody comes later, and ends when everybody is decided.
func Selection(ctx workflow.Context, state SelectionState) (SelectionResult, error) {
	s := &selection{SelectionState: state}
	if err := s.setup(ctx); err != nil {
		return SelectionResult{}, err
	}
	return s.run(ctx)
}

type selection struct {
	SelectionState
	a        *activities.Selections
	p        *activities.Applications
	handled  int
	inFlight int  // decisions that will bring a board
	untold   bool // applications moved whose processes do not know
	closing  bool // all are decided: nothing more is
}

// setup registers every handler before anything can block.
func (s *selection) setup(ctx workflow.Context) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateConfirm, s.confirm, workflow.UpdateHandlerOptions{
		Description: "确认比选方案，或对个别户另作决定", Validator: s.mayConfirm,
	})
	if err != nil {
		return fmt.Errorf("registering %s: %w", UpdateConfirm, err)
	}
	workflow.GoNamed(ctx, "changed", func(ctx workflow.Context) {
		for {
			var m SelectionChanged
			workflow.GetSignalChannel(ctx, SignalSelectionChanged).Receive(ctx, &m)
			s.change(m)
		}
	})
	workflow.GoNamed(ctx, "finish", func(ctx workflow.Context) {
		for {
			var m SelectionFinish
			workflow.GetSignalChannel(ctx, SignalSelectionFinish).Receive(ctx, &m)
			s.Finish = &m
		}
	})
	return nil
}

func (s *selection) change(m SelectionChanged) {
	s.Ranked = false
	if m.Due != 0 {
		s.Due = m.Due
	}
}

func (s *selection) run(ctx workflow.Context) (SelectionResult, error) {
	if err := s.open(ctx); err != nil {
		return SelectionResult{}, err
	}
	for {
		s.card(ctx)
		var err error
		switch idle := s.inFlight == 0 && workflow.AllHandlersFinished(ctx); {
		case !s.Ranked:
			err = s.rank(ctx)
		case s.untold:
			err = s.tell(ctx)
		case idle && !s.Board.Done() && s.Finish != nil:
			err = s.finish(ctx)
		case idle && s.Board.Done():
			if err = s.close(ctx); err == nil && s.still(ctx) && s.Board.Done() {
				s.card(ctx)
				return SelectionResult{Places: s.Board.Places, Proposed: s.Board.Proposed, Waiting: s.Board.Waiting, Unselected: s.Board.Unselected}, nil
			}
			s.closing = false
		case idle && s.long(ctx):
			if s.still(ctx) {
				return SelectionResult{}, workflow.NewContinueAsNewError(ctx, Selection, s.SelectionState)
			}
		default:
			err = workflow.Await(ctx, func() bool { return !s.Ranked || s.untold || s.ready(ctx) })
		}
		if err != nil {
			return SelectionResult{}, err
		}
	}
}

// ready says whether nobody decides at the moment and there is something to go on with.
func (s *selection) ready(ctx workflow.Context) bool {
	return s.inFlight == 0 && workflow.AllHandlersFinished(ctx) && (s.Board.Done() || s.Finish != nil || s.long(ctx))
}

func (s *selection) long(ctx workflow.Context) bool {
	return s.handled >= updatesPerRun || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
}

// still takes in what this task brought, and says whether it left nothing to do before the run ends.
func (s *selection) still(ctx workflow.Context) bool {
	settle(ctx)
	return s.Ranked && !s.untold && s.inFlight == 0 && workflow.AllHandlersFinished(ctx)
}

// open freezes the places and makes the bureau owe the confirmation, once.
func (s *selection) open(ctx workflow.Context) error {
	if s.Opened {
		return nil
	}
	err := workflow.ExecuteActivity(quick(ctx, "核定本年度认定名额"), s.a.OpenSelection, activities.OpenSelectionInput{
		CycleID: s.CycleID, Due: s.Due, Today: s.today(ctx)}).Get(ctx, &s.Places)
	s.Opened = err == nil
	return err
}

// rank compares everybody who is in the comparison now.
func (s *selection) rank(ctx workflow.Context) error {
	s.Ranked = true // a message that comes meanwhile makes it false again
	var board models.SelectionBoard
	err := workflow.ExecuteActivity(bulk(ctx, "复核不得认定情形，评分排名"), s.a.RankSelection, s.ref(ctx)).Get(ctx, &board)
	s.Board, s.untold = board, true
	return err
}

// tell lets the processes of the applications that moved know.
func (s *selection) tell(ctx workflow.Context) error {
	s.untold = false
	return workflow.ExecuteActivity(bulk(ctx, "告知有变动的申报件"), s.p.NudgeApplications, activities.NudgeApplicationsInput{CycleID: s.CycleID}).Get(ctx, nil)
}

// finish confirms the proposal for all who are left: in the name of who said so, and by the rule alone for those about whom that
// person may not decide (回避).
func (s *selection) finish(ctx workflow.Context) error {
	m, decided := *s.Finish, 0
	for _, actor := range []models.Actor{m.Actor, models.ActorSystem} {
		if s.Board.Left == 0 {
			break
		}
		s.Finishes++ // each a command of its own, also when somebody came later
		d := models.SelectionDecision{CommandID: fmt.Sprintf("finish/%s/%d", workflow.GetInfo(ctx).FirstRunID, s.Finishes), CycleID: s.CycleID, All: true, ReasonID: m.ReasonID, Actor: actor}
		n, err := s.decide(bulk(ctx, "阶段结束，其余按比选方案确认"), d)
		if _, no := refusal(err); no {
			s.Finish, s.Ranked = nil, false // the record stands in the way: look again, and wait to be told anew
			return nil
		}
		if err != nil {
			return err
		}
		decided += n
	}
	s.Ranked = s.Board.Unranked == 0
	if decided == 0 && !s.Board.Done() { // nothing came of it: rather wait to be told anew than try without end
		s.Finish = nil
	}
	return nil
}

// close fills what became free from the waiting list.
func (s *selection) close(ctx workflow.Context) error {
	s.closing = true
	if err := workflow.ExecuteActivity(quick(ctx, "比选完成，空出名额按名次递补"), s.a.CloseSelection, s.ref(ctx)).Get(ctx, &s.Board); err != nil {
		return err
	}
	return s.tell(ctx)
}

func (s *selection) today(ctx workflow.Context) calendar.Date {
	return s.Clock.Today(workflow.Now(ctx))
}

func (s *selection) ref(ctx workflow.Context) activities.SelectionRef {
	return activities.SelectionRef{CycleID: s.CycleID, Today: s.today(ctx)}
}

// mayConfirm refuses, without a trace in the history, what cannot be a decision of this comparison.
func (s *selection) mayConfirm(_ workflow.Context, d models.SelectionDecision) error {
	switch {
	case d.CycleID != s.CycleID:
		return refused(models.NotFound("所选申报件不属于本年度工作"))
	case s.Finish != nil || s.closing:
		return refused(models.Conflict("比选阶段已结束"))
	case !s.Opened || !s.Ranked:
		return refused(models.Errorf(models.CodeUnavailable, "正在评分排名，请稍后再试"))
	}
	return refused(d.Validate())
}

// confirm is idempotent by the decision's command, on record and not in the engine's memory of one run.
func (s *selection) confirm(ctx workflow.Context, d models.SelectionDecision) (SelectionAnswer, error) {
	s.handled++
	options := quick(ctx, fmt.Sprintf("确定 %d 件比选结果", len(d.ApplicationIDs)))
	if d.All {
		options = bulk(ctx, "按比选方案确认其余各户")
	}
	decided, err := s.decide(options, d)
	if err != nil {
		return SelectionAnswer{}, err
	}
	s.card(ctx)
	return SelectionAnswer{Decided: decided, Left: s.Board.Left, Free: s.Board.Free}, nil
}

// decide lets an activity decide and takes the board that it brings.
func (s *selection) decide(ctx workflow.Context, d models.SelectionDecision) (int, error) {
	var r activities.ConfirmSelectionResult
	s.inFlight++
	overlapped := s.inFlight > 1
	err := workflow.ExecuteActivity(ctx, s.a.ConfirmSelection, activities.ConfirmSelectionInput{Decision: d, Today: s.today(ctx)}).Get(ctx, &r)
	overlapped = overlapped || s.inFlight > 1
	s.inFlight--
	if err != nil {
		return 0, err
	}
	s.Board, s.untold = r.Board, true
	if overlapped || r.Board.Unranked > 0 { // the board that arrives last need not be the newest, and who came later is not ranked yet
		s.Ranked = false
	}
	return r.Decided, nil
}

// card is what an official reads in Temporal's UI.
func (s *selection) card(ctx workflow.Context) {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s %d 年“名特优新”比选\n\n", s.District, s.Year)
	if s.Opened {
		fmt.Fprintf(&b, "**名额**：%d 个（成长型 %d 户、发展型 %d 户，按比例 %d 个，减去次年仍在有效期内的 %d 户）\n\n",
			s.Places.Places, s.Places.Growth, s.Places.Development, s.Places.Gross, s.Places.StillValid)
	}
	switch {
	case !s.Ranked:
		b.WriteString("**进展**：正在评分排名\n\n")
	case s.Board.Done():
		b.WriteString("**进展**：全部决定\n\n")
	default:
		fmt.Fprintf(&b, "**进展**：待区市场监管局确认 %d 户\n\n", s.Board.Left)
	}
	fmt.Fprintf(&b, "**截止**：%s\n", s.Due.Chinese())
	if s.Finish != nil {
		b.WriteString("\n**阶段已结束**：其余按比选方案确认\n")
	}
	fmt.Fprintf(&b, "\n| 拟认定 | 候补 | 未入选 | 待确认 | 空余名额 |\n| --- | --- | --- | --- | --- |\n| %d | %d | %d | %d | %d |\n",
		s.Board.Proposed, s.Board.Waiting, s.Board.Unselected, s.Board.Left, s.Board.Free)
	workflow.SetCurrentDetails(ctx, b.String())
}
