package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
)

// Messages that a joint study takes.
const (
	UpdateDecide         = "decide"    // settles differences
	SignalStudyRecompare = "recompare" // a new run, the city's result, or another due date
	SignalStudyFinish    = "finish"    // the stage is over
)

// SignalHandedOver tells a cycle that the national register's receipt is on record (附一(二)1).
const SignalHandedOver = "handed-over"

// StudyState is a joint study's whole state and its workflow's input: nothing else crosses continue-as-new.
type StudyState struct {
	CycleID  string
	District string
	Year     int
	Clock    calendar.Clock
	Due      calendar.Date // by which departments owe the settlement

	Board    models.StudyBoard // set by the study itself from here on
	Compared bool              // Board shows the newest data
	Finish   *StudyFinish
}

// StudyRecompare tells a study to compare again.
type StudyRecompare struct {
	Due calendar.Date // the new due date; zero leaves it
}

// StudyFinish ends a study although differences are open.
type StudyFinish struct {
	ReasonID int64 // of an administrator's advance; 0 when the date has come
	Actor    models.Actor
}

// StudyAnswer is what a study answers to a decision.
type StudyAnswer struct {
	Settled int   // differences settled by this decision
	Open    int64 // that are left, in all departments
}

// StudyResult is how a study ended.
type StudyResult struct {
	Compared    bool // the city's result was there
	Differences int64
	Open        int64
	Settled     int64
}

// updatesPerRun bounds a run's history: then the study goes on as a new run.
const updatesPerRun = 300

// JointStudy is the 研判 of one cycle (二(一)2): it compares, takes decisions, compares again when data changed, and ends
// when the city's result is in and nothing is open, or when the cycle says that the stage is over.
func JointStudy(ctx workflow.Context, state StudyState) (StudyResult, error) {
	s := &study{StudyState: state}
	if err := s.setup(ctx); err != nil {
		return StudyResult{}, err
	}
	return s.run(ctx)
}

type study struct {
	StudyState
	a        *activities.Study
	handled  int
	inFlight int  // activities that will bring a board
	doubtful bool // boards overlapped: the newest to arrive need not be the newest that was counted
}

// setup registers every handler before anything can block.
func (s *study) setup(ctx workflow.Context) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateDecide, s.decide, workflow.UpdateHandlerOptions{
		Description: "研判分型结果差异", Validator: s.mayDecide,
	})
	if err != nil {
		return fmt.Errorf("registering %s: %w", UpdateDecide, err)
	}
	workflow.GoNamed(ctx, "recompare", func(ctx workflow.Context) {
		for {
			var m StudyRecompare
			workflow.GetSignalChannel(ctx, SignalStudyRecompare).Receive(ctx, &m)
			s.recompare(m)
		}
	})
	workflow.GoNamed(ctx, "finish", func(ctx workflow.Context) {
		for {
			var m StudyFinish
			workflow.GetSignalChannel(ctx, SignalStudyFinish).Receive(ctx, &m)
			s.Finish = &m
		}
	})
	return nil
}

func (s *study) recompare(m StudyRecompare) {
	s.Compared = false
	if m.Due != 0 {
		s.Due = m.Due
	}
}

func (s *study) run(ctx workflow.Context) (StudyResult, error) {
	for {
		if !s.Compared {
			if err := s.compare(ctx); err != nil {
				return StudyResult{}, err
			}
			continue
		}
		if s.doubtful && s.inFlight == 0 {
			if err := s.read(ctx); err != nil {
				return StudyResult{}, err
			}
			continue
		}
		s.card(ctx)
		if s.inFlight == 0 && workflow.AllHandlersFinished(ctx) {
			switch {
			case s.over():
				return s.end(ctx)
			case s.long(ctx):
				s.drain(ctx)
				return StudyResult{}, workflow.NewContinueAsNewError(ctx, JointStudy, s.StudyState)
			}
		}
		err := workflow.Await(ctx, func() bool {
			return !s.Compared || s.inFlight == 0 && workflow.AllHandlersFinished(ctx) && (s.doubtful || s.over() || s.long(ctx))
		})
		if err != nil {
			return StudyResult{}, err
		}
	}
}

// over says whether nothing is left to study.
func (s *study) over() bool { return s.Finish != nil || s.Board.Compared && s.Board.Open == 0 }

func (s *study) long(ctx workflow.Context) bool {
	return s.handled >= updatesPerRun || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
}

// drain takes the messages that arrived and were not looked at yet into the state, so that none is lost.
func (s *study) drain(ctx workflow.Context) {
	settle(ctx)
	for m := (StudyRecompare{}); workflow.GetSignalChannel(ctx, SignalStudyRecompare).ReceiveAsync(&m); {
		s.recompare(m)
	}
	for m := (StudyFinish{}); workflow.GetSignalChannel(ctx, SignalStudyFinish).ReceiveAsync(&m); {
		s.Finish = &m
	}
}

func (s *study) compare(ctx workflow.Context) error {
	s.Compared = true // a message that comes meanwhile makes it false again
	return s.board(func() (board models.StudyBoard, err error) {
		err = workflow.ExecuteActivity(bulk(ctx, "比对本区判定与市级分型结果"), s.a.CompareStudy, activities.CompareStudyInput{
			CycleID: s.CycleID, District: s.District, Year: s.Year, Due: s.Due, Today: s.today(ctx),
		}).Get(ctx, &board)
		return board, err
	})
}

func (s *study) read(ctx workflow.Context) error {
	s.doubtful = false
	return s.board(func() (board models.StudyBoard, err error) {
		err = workflow.ExecuteActivity(quick(ctx, "核对待研判差异数"), s.a.ReadStudy, activities.ReadStudyInput{
			District: s.District, Year: s.Year,
		}).Get(ctx, &board)
		return board, err
	})
}

// board takes the board that an activity brings, and notes when two overlapped.
func (s *study) board(activity func() (models.StudyBoard, error)) error {
	s.doubtful = s.doubtful || s.inFlight > 0
	s.inFlight++
	board, err := activity()
	s.inFlight--
	if err == nil {
		s.Board = board
	}
	return err
}

// end closes what is still owed and reports to the cycle.
func (s *study) end(ctx workflow.Context) (StudyResult, error) {
	if s.Board.Open > 0 {
		err := workflow.ExecuteActivity(quick(ctx, "研判阶段结束，未研判的差异以市级结果为准"), s.a.CloseStudy, activities.CloseStudyInput{
			CycleID: s.CycleID, Today: s.today(ctx), ReasonID: s.Finish.ReasonID, Actor: s.Finish.Actor,
		}).Get(ctx, nil)
		if err != nil {
			return StudyResult{}, err
		}
	}
	s.card(ctx)
	return StudyResult{Compared: s.Board.Compared, Differences: s.Board.Differences(), Open: s.Board.Open, Settled: s.Board.Settled}, nil
}

func (s *study) today(ctx workflow.Context) calendar.Date { return s.Clock.Today(workflow.Now(ctx)) }

// mayDecide refuses, without a trace in the history, what cannot be a decision of this study.
func (s *study) mayDecide(_ workflow.Context, d models.Decision) error {
	switch {
	case d.CycleID != s.CycleID:
		return refused(models.NotFound("所选差异不属于本年度工作"))
	case s.Finish != nil:
		return refused(models.Conflict("联合研判阶段已结束"))
	}
	return refused(d.Validate())
}

// decide is idempotent by the decision's command, on record and not in the engine's memory of one run.
func (s *study) decide(ctx workflow.Context, d models.Decision) (StudyAnswer, error) {
	var r activities.DecideStudyResult
	s.handled++
	err := s.board(func() (models.StudyBoard, error) {
		err := workflow.ExecuteActivity(quick(ctx, fmt.Sprintf("研判 %d 项差异", len(d.IDs))), s.a.DecideStudy, activities.DecideStudyInput{
			Decision: d, Today: s.today(ctx),
		}).Get(ctx, &r)
		return r.Board, err
	})
	if err != nil {
		return StudyAnswer{}, err
	}
	s.card(ctx)
	return StudyAnswer{Settled: r.Settled, Open: r.Board.Open}, nil
}

// card is what an official reads in Temporal's UI.
func (s *study) card(ctx workflow.Context) {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s %d 年分型结果联合研判\n\n", s.District, s.Year)
	switch {
	case !s.Board.Compared:
		b.WriteString("**进展**：市级分型结果尚未下发，以本区判定为准\n\n")
	case s.Board.Open == 0:
		fmt.Fprintf(&b, "**进展**：与市级结果不一致 %d 户，已全部研判\n\n", s.Board.Settled)
	default:
		fmt.Fprintf(&b, "**进展**：与市级结果不一致 %d 户，待研判 %d 户\n\n", s.Board.Differences(), s.Board.Open)
	}
	fmt.Fprintf(&b, "**截止**：%s\n", s.Due.Chinese())
	if s.Finish != nil {
		b.WriteString("\n**阶段已结束**：未研判的差异以市级结果为准\n")
	}
	if len(s.Board.Departments) > 0 {
		b.WriteString("\n| 部门 | 待研判 | 已研判 |\n| --- | --- | --- |\n")
		for _, d := range s.Board.Departments {
			fmt.Fprintf(&b, "| %s | %d | %d |\n", d.Name, d.Open, d.Settled)
		}
	}
	workflow.SetCurrentDetails(ctx, b.String())
}
