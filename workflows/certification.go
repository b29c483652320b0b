package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
)

// Messages that a certification takes.
const (
	UpdateCertify              = "certify" // models.CertificationOrder: certify what is proposed
	UpdateCity                 = "city"    // models.CityCommand: the city's spot check
	SignalCertificationAdvance = "advance" // models.CertificationOrder: an advance of the cycle orders what waits, or finishes the spot check
	SignalCertificationDue     = "due"     // calendar.Date: the plan's date of the certification moved
)

// CertificationState is a certification's whole state and its workflow's input: nothing else crosses continue-as-new.
type CertificationState struct {
	CycleID  string
	District string
	Year     int
	Clock    calendar.Clock
	Due      calendar.Date // by which the certification and the city's outcome are due

	Opened   bool // set by the certification itself from here on
	Reported bool
	Moved    bool // the due date moved and the record of the spot check does not know
	Told     bool // the processes of the applications know what the record says
	Orders   []models.CertificationOrder
	Carried  []CertificationAnswer // what became of the latest orders
	Board    models.CertificationBoard
}

// CertificationAnswer is what became of an order to certify.
type CertificationAnswer struct {
	CommandID string
	Certified int                       // by this order
	Barred    int                       // refused by it: barred by today's data
	Conflict  int                       // left out: the one who ordered has a hand in them
	Unsettled int                       // left out: their notice or an objection is not settled
	Board     models.CertificationBoard // as it stands when the answer is given
	Refused   *CertificationRefusal     // why it was not carried out, or not to its end
}

// CertificationRefusal is the record's word against an order.
type CertificationRefusal struct{ Code, Message string }

// CertificationResult is how a certification ended.
type CertificationResult struct {
	Places    int64
	Certified int64
	Refused   int64 // by the city
	Sampled   int64
}

// Certification is the 认定 of one cycle (二(一)3, 附三(二)2): it waits for the administrator's order, certifies what is proposed,
// reports to the city, and goes on until the city has closed its spot check or the date has passed with nothing open.
func Certification(ctx workflow.Context, state CertificationState) (CertificationResult, error) {
	c := &certification{CertificationState: state, lock: workflow.NewMutex(ctx)}
	if err := c.setup(ctx); err != nil {
		return CertificationResult{}, err
	}
	return c.run(ctx)
}

type certification struct {
	CertificationState
	a       *activities.Certification
	apps    *activities.Applications
	lock    workflow.Mutex // one command of the spot check at a time: each brings the newest board
	handled int
	passed  bool          // the last day of the spot check is over
	tried   calendar.Date // on which the record did not let it end
	timer   func()
}

// setup registers every handler before anything can block.
func (c *certification) setup(ctx workflow.Context) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateCertify, c.certify, workflow.UpdateHandlerOptions{
		Description: "认定拟认定的个体工商户", Validator: c.mayCertify,
	})
	if err != nil {
		return fmt.Errorf("registering %s: %w", UpdateCertify, err)
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, UpdateCity, c.act, workflow.UpdateHandlerOptions{
		Description: "市级抽查", Validator: c.mayAct,
	})
	if err != nil {
		return fmt.Errorf("registering %s: %w", UpdateCity, err)
	}
	workflow.GoNamed(ctx, "advance", func(ctx workflow.Context) {
		for {
			var m models.CertificationOrder
			workflow.GetSignalChannel(ctx, SignalCertificationAdvance).Receive(ctx, &m)
			c.Orders = append(c.Orders, m)
		}
	})
	workflow.GoNamed(ctx, "due", func(ctx workflow.Context) {
		for {
			var due calendar.Date
			workflow.GetSignalChannel(ctx, SignalCertificationDue).Receive(ctx, &due)
			c.Due, c.Moved = due, true
		}
	})
	return nil
}

func (c *certification) run(ctx workflow.Context) (CertificationResult, error) {
	if err := c.open(ctx); err != nil {
		return CertificationResult{}, err
	}
	for !c.Reported && c.Board.Proposed > 0 {
		c.card(ctx)
		if err := workflow.Await(ctx, func() bool { return len(c.Orders) > 0 || c.Moved }); err != nil {
			return CertificationResult{}, err
		}
		if c.Moved { // the report will go by it
			c.Moved = false
			continue
		}
		if err := c.carryOut(ctx); err != nil {
			return CertificationResult{}, err
		}
	}
	if err := c.report(ctx); err != nil {
		return CertificationResult{}, err
	}
	if err := c.check(ctx); err != nil {
		return CertificationResult{}, err
	}
	c.card(ctx)
	return CertificationResult{Places: c.Board.Places, Certified: c.Board.Certified, Refused: c.Board.Refused, Sampled: c.Board.City.Sampled}, nil
}

func (c *certification) today(ctx workflow.Context) calendar.Date {
	return c.Clock.Today(workflow.Now(ctx))
}

func (c *certification) open(ctx workflow.Context) error {
	if c.Opened {
		return nil
	}
	err := workflow.ExecuteActivity(quick(ctx, "登记认定应办事项"), c.a.OpenCertification, activities.OpenCertificationInput{
		CycleID: c.CycleID, Due: c.Due, Today: c.today(ctx),
	}).Get(ctx, &c.Board)
	c.Opened = err == nil
	return err
}

// carryOut certifies by the oldest order, page by page, and lets the applications know. An order that the record refuses is answered
// so, and another one is waited for.
func (c *certification) carryOut(ctx workflow.Context) error {
	answer := CertificationAnswer{CommandID: c.Orders[0].CommandID}
	for after := int64(0); ; {
		var page models.CertificationPage
		err := workflow.ExecuteActivity(quick(ctx, fmt.Sprintf("复核并认定（已认定 %d 户）", answer.Certified)), c.a.CertifyPage, activities.CertifyPageInput{
			CycleID: c.CycleID, Order: c.Orders[0], Today: c.today(ctx), After: after,
		}).Get(ctx, &page)
		if app, no := refusal(err); no {
			answer.Refused = &CertificationRefusal{Code: app.Type(), Message: app.Message()}
			break
		}
		if err != nil {
			return err
		}
		answer.Certified, answer.Barred = page.Certified, page.Barred
		answer.Conflict += page.Conflict
		answer.Unsettled += page.Unsettled
		if after = page.Last; page.Done {
			break
		}
	}
	if err := c.read(ctx); err != nil {
		return err
	}
	c.Orders = c.Orders[1:]
	c.Carried = append(c.Carried, answer)
	c.Carried = c.Carried[max(0, len(c.Carried)-10):]
	return c.tell(ctx)
}

// tell lets the processes of the applications know that the record moved them; they write to whom it concerns.
func (c *certification) tell(ctx workflow.Context) error {
	c.Told = true // what comes meanwhile makes it false again
	return workflow.ExecuteActivity(bulk(ctx, "告知各申报件的办理结果"), c.apps.NudgeApplications, activities.NudgeApplicationsInput{CycleID: c.CycleID}).Get(ctx, nil)
}

func (c *certification) report(ctx workflow.Context) error {
	if c.Reported {
		return nil
	}
	err := workflow.ExecuteActivity(quick(ctx, "认定结果报市市场监管局"), c.a.ReportToCity, activities.ReportToCityInput{
		CycleID: c.CycleID, Due: c.Due, Today: c.today(ctx),
	}).Get(ctx, &c.Board)
	c.Reported, c.Moved = err == nil, false
	c.Orders = nil // whoever ordered what was being reported has what they wanted
	return err
}

// check goes on until the spot check is over: the city closed it, its last day is over with nothing open, or an administrator
// finished it. What is open after that day is waited for; the obligations escalate it.
func (c *certification) check(ctx workflow.Context) error {
	c.Told = true
	for {
		c.card(ctx)
		var err error
		switch {
		case !c.Told:
			err = c.tell(ctx)
		case c.Moved:
			err = c.move(ctx)
		case c.closed():
			if err = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err == nil && c.Told {
				return nil
			}
		case len(c.Orders) > 0:
			err = c.finish(ctx)
		case c.passed && c.Board.City.Open == 0:
			err = c.end(ctx)
		case c.long(ctx):
			if settle(ctx); c.long(ctx) {
				return workflow.NewContinueAsNewError(ctx, Certification, c.CertificationState)
			}
		default:
			c.watch(ctx)
			err = workflow.Await(ctx, func() bool {
				return !c.Told || c.Moved || c.closed() || len(c.Orders) > 0 || c.passed && c.Board.City.Open == 0 || c.long(ctx)
			})
		}
		if err != nil {
			return err
		}
	}
}

// closed says whether the spot check is over; where nothing was certified, there is none.
func (c *certification) closed() bool {
	return c.Board.City.ClosedOn != 0 || c.Board.Certified+c.Board.Refused == 0
}

func (c *certification) long(ctx workflow.Context) bool {
	return workflow.AllHandlersFinished(ctx) && (c.handled >= updatesPerRun || workflow.GetInfo(ctx).GetContinueAsNewSuggested())
}

// watch keeps one timer, for the end of the spot check's last day.
func (c *certification) watch(ctx workflow.Context) {
	if c.timer != nil || c.passed {
		return
	}
	ctx, c.timer = workflow.WithCancel(ctx)
	due := c.Board.City.OutcomeDue
	timer := workflow.NewTimerWithOptions(ctx, c.Clock.Wait(workflow.Now(ctx), max(due, c.tried).AddDays(1).At(0, 0)), workflow.TimerOptions{Summary: "市级抽查结论至" + due.Chinese()})
	workflow.GoNamed(ctx, "outcome due", func(ctx workflow.Context) {
		if timer.Get(ctx, nil) == nil {
			c.passed = true
		}
	})
}

// move gives the spot check its new last day.
func (c *certification) move(ctx workflow.Context) error {
	c.Moved = false
	c.rewatch()
	return workflow.ExecuteActivity(quick(ctx, "调整市级抽查期限"), c.a.MoveCityDue, activities.MoveCityDueInput{CycleID: c.CycleID, Due: c.Due, Today: c.today(ctx)}).Get(ctx, &c.Board)
}

// rewatch lets the next wait set the timer anew.
func (c *certification) rewatch() {
	c.passed = false
	if c.timer != nil {
		c.timer()
		c.timer = nil
	}
}

// finish ends the spot check on an administrator's word, with a reason.
func (c *certification) finish(ctx workflow.Context) error {
	o := c.Orders[0]
	c.Orders = c.Orders[1:]
	_, err := c.act(ctx, models.CityCommand{CommandID: o.CommandID, CycleID: c.CycleID, Event: models.CityFinish, ReasonID: o.ReasonID, Actor: o.Actor})
	return c.unlessRefused(ctx, err)
}

func (c *certification) end(ctx workflow.Context) error {
	c.tried = c.today(ctx) // should it stay open, it is tried again the next day
	c.rewatch()
	err := workflow.ExecuteActivity(quick(ctx, "市级抽查期限已过，没有待结论事项"), c.a.EndCityCheck, activities.EndCityCheckInput{CycleID: c.CycleID, Today: c.today(ctx)}).Get(ctx, &c.Board)
	return c.unlessRefused(ctx, err)
}

// unlessRefused reads where the record stands when it refused what it stood in the way of: a command came between.
func (c *certification) unlessRefused(ctx workflow.Context, err error) error {
	if _, no := refusal(err); !no {
		return err
	}
	return c.read(ctx)
}

func (c *certification) read(ctx workflow.Context) error {
	return workflow.ExecuteActivity(quick(ctx, "核对认定和抽查现状"), c.a.ReadCertification, activities.ReadCertificationInput{CycleID: c.CycleID}).Get(ctx, &c.Board)
}

// mayCertify refuses, without a trace in the history, what cannot be an order.
func (c *certification) mayCertify(_ workflow.Context, o models.CertificationOrder) error {
	if err := o.Validate(); err != nil {
		return refused(err)
	}
	if _, done := c.carried(o.CommandID); c.Reported && !done {
		return refused(models.Conflict("本年度认定已完成并报市市场监管局"))
	}
	return nil
}

func (c *certification) carried(commandID string) (CertificationAnswer, bool) {
	i := slices.IndexFunc(c.Carried, func(a CertificationAnswer) bool { return a.CommandID == commandID })
	if i < 0 {
		return CertificationAnswer{}, false
	}
	return c.Carried[i], true
}

// certify is answered once the order is carried out; an order that was carried out before gets the same answer.
func (c *certification) certify(ctx workflow.Context, o models.CertificationOrder) (CertificationAnswer, error) {
	known := slices.ContainsFunc(c.Orders, func(x models.CertificationOrder) bool { return x.CommandID == o.CommandID })
	if _, done := c.carried(o.CommandID); !done && !known {
		c.Orders = append(c.Orders, o)
	}
	var answer CertificationAnswer
	err := workflow.Await(ctx, func() (done bool) {
		answer, done = c.carried(o.CommandID)
		return done || c.Reported
	})
	if r := answer.Refused; err == nil && r != nil {
		return CertificationAnswer{}, temporal.NewNonRetryableApplicationError(r.Message, r.Code, nil)
	}
	answer.CommandID, answer.Board = o.CommandID, c.Board
	return answer, err
}

// mayAct refuses, without a trace in the history, what cannot be a command of this spot check.
func (c *certification) mayAct(_ workflow.Context, m models.CityCommand) error {
	switch {
	case m.CycleID != c.CycleID:
		return refused(models.NotFound("没有这个年度的抽查"))
	case !c.Reported:
		return refused(models.Conflict("认定结果尚未报市市场监管局"))
	}
	return refused(m.Validate())
}

// act is idempotent by the command's id, on record and not in the engine's memory of one run.
func (c *certification) act(ctx workflow.Context, m models.CityCommand) (models.CertificationBoard, error) {
	if err := c.lock.Lock(ctx); err != nil {
		return c.Board, err
	}
	defer c.lock.Unlock()
	c.handled++
	var board models.CertificationBoard
	err := workflow.ExecuteActivity(quick(ctx, strings.TrimSpace(m.Event.Name()+" "+m.Number)), c.a.ActOnCity, activities.ActOnCityInput{Command: m, Today: c.today(ctx)}).Get(ctx, &board)
	if err != nil {
		return c.Board, err
	}
	c.Board = board
	c.Told = c.Told && m.Event != models.CityRefuse
	c.card(ctx)
	return board, nil
}

// card is what an official reads in Temporal's UI.
func (c *certification) card(ctx workflow.Context) {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s %d 年“名特优新”个体工商户认定\n\n", c.District, c.Year)
	city := c.Board.City
	switch {
	case !c.Reported && c.Board.Proposed > 0:
		fmt.Fprintf(&b, "**进展**：等待区市场监管局管理员下达认定，拟认定 %d 户\n\n", c.Board.Proposed)
	case !c.Reported:
		b.WriteString("**进展**：汇总认定结果\n\n")
	case c.Board.Certified+c.Board.Refused == 0:
		b.WriteString("**进展**：本年度没有认定\n\n")
	case city.ClosedOn != 0:
		fmt.Fprintf(&b, "**进展**：认定完成，市级抽查于%s结束\n\n", city.ClosedOn.Chinese())
	case city.Sampled == 0:
		fmt.Fprintf(&b, "**进展**：%s报市市场监管局，市级尚未抽样\n\n", city.ReportedOn.Chinese())
	default:
		fmt.Fprintf(&b, "**进展**：市级抽查 %d 户，尚无结论 %d 户\n\n", city.Sampled, city.Open)
	}
	due := c.Due
	if city.OutcomeDue != 0 {
		due = city.OutcomeDue
	}
	fmt.Fprintf(&b, "**截止**：%s\n\n", due.Chinese())
	if n := len(c.Carried); n > 0 && !c.Reported {
		last := c.Carried[n-1]
		if last.Refused != nil {
			fmt.Fprintf(&b, "**上次下达的认定未能完成**：%s\n\n", last.Refused.Message)
		}
		if last.Conflict > 0 {
			fmt.Fprintf(&b, "**须由他人下达认定**：%d 户（上次下达人曾录入、推荐或已声明回避）\n\n", last.Conflict)
		}
		if last.Unsettled > 0 {
			fmt.Fprintf(&b, "**暂不能认定**：%d 户（公示未结束或异议未办结）\n\n", last.Unsettled)
		}
	}
	b.WriteString("| 项目 | 户数 |\n| --- | --- |\n")
	line := func(name string, n int64) { fmt.Fprintf(&b, "| %s | %d |\n", name, n) }
	line("名额", c.Board.Places)
	line("拟认定，尚未认定", c.Board.Proposed)
	line("已认定", c.Board.Certified)
	line("空出的名额", c.Board.Empty)
	for _, w := range c.Board.Why {
		line("　其中有过："+w.Name, w.Count)
	}
	if city.Sampled > 0 {
		line("市级抽查", city.Sampled)
		line("　待补充材料", city.Asked)
		line("　无异议", city.Passed)
		line("　不予认定", city.Refused)
	}
	workflow.SetCurrentDetails(ctx, b.String())
}
