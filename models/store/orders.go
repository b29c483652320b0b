package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// orderRow is a row of orders.
type orderRow struct {
	ID         int64 `gorm:"primaryKey"`
	District   string
	CycleID    string
	Department string
	Subject    string
	TextID     int64
	State      models.OrderState
	IssuedOn   calendar.Date
	IssuedBy   models.Actor
	IssueKey   string // one request makes one order
	Due        calendar.Date
	AnsweredOn calendar.Date
	AnswerID   int64
	ClosedOn   calendar.Date
	Events     int
	UpdatedAt  time.Time
}

func (orderRow) TableName() string { return "orders" }

func (r orderRow) order() models.Order {
	return models.Order{ID: r.ID, District: r.District, CycleID: r.CycleID, Department: r.Department, Subject: r.Subject, TextID: r.TextID, State: r.State,
		IssuedOn: r.IssuedOn, IssuedBy: r.IssuedBy, Due: r.Due, AnsweredOn: r.AnsweredOn, AnswerID: r.AnswerID, ClosedOn: r.ClosedOn,
		Events: r.Events, UpdatedAt: r.UpdatedAt}
}

// Order gives one order; CodeNotFound if there is none.
func (s *Store) Order(ctx context.Context, id int64) (models.Order, error) {
	r, err := s.order(s.db.WithContext(ctx), id)
	return r.order(), err
}

func (s *Store) order(tx *gorm.DB, id int64) (r orderRow, err error) {
	switch err = tx.Where("id = ?", id).Take(&r).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return r, models.NotFound("没有编号为 %d 的督办", id)
	case err != nil:
		return r, fmt.Errorf("reading order %d: %w", id, err)
	}
	return r, nil
}

// OrderFilter selects orders of a cycle; an empty field selects all.
type OrderFilter struct {
	CycleID    string
	Department string
	State      models.OrderState
	Subject    string
	OverdueOn  calendar.Date // those whose answer is overdue on this date
}

// Orders lists orders after an id, in the order in which they were issued.
func (s *Store) Orders(ctx context.Context, f OrderFilter, after int64, limit int) ([]models.Order, error) {
	q := s.db.WithContext(ctx).Where("cycle_id = ? AND id > ?", f.CycleID, after)
	for _, w := range [...]struct{ column, value string }{{"department", f.Department}, {"state", string(f.State)}, {"subject", f.Subject}} {
		if w.value != "" {
			q = q.Where(w.column+" = ?", w.value)
		}
	}
	if f.OverdueOn != 0 {
		q = q.Where("due < ? AND state IN ?", f.OverdueOn, []models.OrderState{models.OrderIssued, models.OrderReturned})
	}
	var rows []orderRow
	if err := q.Order("id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing the orders of %s: %w", f.CycleID, err)
	}
	list := make([]models.Order, len(rows))
	for i, r := range rows {
		list[i] = r.order()
	}
	return list, nil
}

// OrderSteps gives what happened to an order, in order.
func (s *Store) OrderSteps(ctx context.Context, id int64) ([]models.OrderStep, error) {
	var steps []models.OrderStep
	if err := s.db.WithContext(ctx).Table("order_events").Where("order_id = ?", id).Order("seq").Find(&steps).Error; err != nil {
		return nil, fmt.Errorf("reading what happened to order %d: %w", id, err)
	}
	return steps, nil
}

// OrderLetter writes what an event makes somebody be told; the order is as it is after it.
type OrderLetter func(o models.Order, step models.OrderStep, text string) ([]models.Message, error)

// ActOrder carries an event out: an order is issued, answered, sent back, closed or withdrawn. What is owed for it, its letters and the
// record go with it. The same command again changes nothing. letter may be nil. The error is a *models.Error when it is refused.
func (s *Store) ActOrder(ctx context.Context, c models.OrderCommand, letter OrderLetter) (models.Order, error) {
	failed := func(err error) (models.Order, error) {
		return models.Order{}, fmt.Errorf("carrying out %s on order %d: %w", c.Event, c.OrderID, err)
	}
	if err := c.Check(); err != nil {
		return models.Order{}, err
	}
	cycleID := c.CycleID
	if c.Event != models.OrderIssue {
		o, err := s.Order(ctx, c.OrderID)
		if err != nil {
			return o, err
		}
		cycleID = o.CycleID
	}
	cycle, err := s.Cycle(ctx, cycleID)
	if err != nil {
		return failed(err)
	}
	law, err := s.PolicyByID(ctx, cycle.PolicyID)
	if err != nil {
		return failed(err)
	}
	workdays, err := s.Workdays(ctx)
	if err != nil {
		return failed(err)
	}
	days := c.Days
	if days == 0 {
		days = law.Workdays("order.limit")
	}
	move := orderMove{command: c, letter: letter, today: cycle.Clock.Today(s.now())}
	move.due = workdays.TermEnd(move.today, days)
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if c.Event == models.OrderIssue {
			return s.issueOrder(tx, cycle, &move)
		}
		var err error
		if move.row, err = s.order(s.forUpdate(tx), c.OrderID); err != nil {
			return err
		}
		done, err := commandDone(tx.Table("order_events").Where("order_id = ? AND command_id = ?", c.OrderID, c.CommandID), string(c.Event), c.Actor, c.Request())
		if done || err != nil {
			return err
		}
		return s.moveOrder(tx, &move)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) && c.Event == models.OrderIssue { // the same request at the same time
		return s.ActOrder(ctx, c, letter)
	}
	if err != nil {
		return failed(err)
	}
	return move.row.order(), nil
}

// orderMove is an event while it is carried out.
type orderMove struct {
	row     orderRow
	command models.OrderCommand
	letter  OrderLetter
	today   calendar.Date
	due     calendar.Date // of an answer that is asked for today, and of the review of one given today
}

// issueOrder makes the order, unless this request has made it.
func (s *Store) issueOrder(tx *gorm.DB, cycle models.Cycle, m *orderMove) error {
	c := m.command
	key := string(c.Actor) + "/" + c.CommandID
	var known []orderRow
	if err := tx.Where("issue_key = ?", key).Limit(1).Find(&known).Error; err != nil {
		return err
	}
	if len(known) > 0 {
		m.row = known[0]
		_, err := commandDone(tx.Table("order_events").Where("order_id = ? AND seq = 1", m.row.ID), string(c.Event), c.Actor, c.Request())
		return err
	}
	if cycle.State == models.CycleCancelled {
		return models.Conflict("本年度工作已取消，不能发出督办")
	}
	names, err := s.departmentNames(tx, cycle.District, cycle.Year)
	if err != nil {
		return err
	}
	if names[c.Department] == "" {
		return models.Invalid("department", "本区没有代码为“%s”的部门，请先登记", c.Department)
	}
	if err := s.orderSubject(tx, cycle.District, c.Subject); err != nil {
		return err
	}
	m.row = orderRow{District: cycle.District, CycleID: cycle.ID, Department: c.Department, Subject: c.Subject, IssuedOn: m.today, IssuedBy: c.Actor,
		IssueKey: key, Due: m.due}
	return s.moveOrder(tx, m)
}

// orderSubject refuses what is not there, or not in the district.
func (s *Store) orderSubject(tx *gorm.DB, district, subject string) error {
	if subject == "" {
		return nil
	}
	_, _, err := models.ParseOrderSubject(subject)
	if err != nil {
		return err
	}
	of, err := s.auditDistrict(tx, subject)
	if err != nil {
		return err
	}
	if of != district {
		return models.Invalid("subject", "本区没有“%s”这个事项", subject)
	}
	return nil
}

// moveOrder is the one place where an order changes its state: with what is owed for it, its letters and the record, as the last statement.
func (s *Store) moveOrder(tx *gorm.DB, m *orderMove) (err error) {
	r, c := &m.row, m.command
	from := r.State
	if r.State, err = from.Next(c.Event); err != nil {
		return err
	}
	if c.Event == models.OrderClose || c.Event == models.OrderReturn {
		if err := s.judgesOrder(tx, r.ID, c.Actor); err != nil {
			return err
		}
	}
	var textID int64
	if c.Text != "" || c.Event != models.OrderClose { // at the close a remark is not needed
		if textID, err = s.addReason(tx, c.Actor, c.Text); err != nil {
			return err
		}
	}
	r.Events++
	r.UpdatedAt = s.now()
	step := models.OrderStep{Seq: r.Events, CommandID: c.CommandID, Event: c.Event, FromState: from, ToState: r.State, OnDate: m.today, ReasonID: textID, Actor: c.Actor, At: r.UpdatedAt}
	switch c.Event {
	case models.OrderIssue:
		r.TextID = textID
	case models.OrderAnswer:
		r.AnsweredOn, r.AnswerID = m.today, textID
	case models.OrderClose, models.OrderWithdraw:
		r.ClosedOn = m.today
	}
	if r.State.Owed() {
		r.Due, step.Due = m.due, m.due
	}
	if err := tx.Save(r).Error; err != nil {
		return fmt.Errorf("writing an order: %w", err)
	}
	step.OrderID = r.ID
	if err := s.oweOrder(tx, r.order(), m); err != nil {
		return err
	}
	err = tx.Table("order_events").Create(map[string]any{"order_id": step.OrderID, "seq": step.Seq, "command_id": step.CommandID, "request_hash": c.Request(),
		"event": step.Event, "from_state": step.FromState, "to_state": step.ToState, "on_date": step.OnDate, "due": step.Due, "reason_id": textID,
		"actor": step.Actor, "at": step.At}).Error
	if err != nil {
		return fmt.Errorf("recording %s of order %d: %w", c.Event, r.ID, err)
	}
	if m.letter != nil {
		mails, err := m.letter(r.order(), step, c.Text)
		if err != nil {
			return err
		}
		if _, err := s.enqueue(tx, mails...); err != nil {
			return err
		}
	}
	return s.audit(tx, c.Actor, "order."+string(c.Event), models.OrderObject(r.ID), map[string]any{"department": r.Department, "subject": r.Subject,
		"from": from, "to": r.State, "on": m.today, "due": r.Due, "text_id": textID, "command": c.CommandID})
}

// judgesOrder refuses whoever answered the order: another says whether the answer will do.
func (s *Store) judgesOrder(tx *gorm.DB, id int64, actor models.Actor) error {
	var answered []models.Actor
	err := tx.Table("order_events").Where("order_id = ? AND event = ?", id, models.OrderAnswer).Order("seq DESC").Limit(1).Pluck("actor", &answered).Error
	if err != nil {
		return fmt.Errorf("reading who answered order %d: %w", id, err)
	}
	if len(answered) > 0 && answered[0] == actor {
		return models.Errorf(models.CodeForbidden, "本人答复的督办请由他人审核")
	}
	return nil
}

// oweOrder makes the department owe an answer while one is owed, and then the bureau's administrators its review.
func (s *Store) oweOrder(tx *gorm.DB, o models.Order, m *orderMove) error {
	subject := models.OrderObject(o.ID)
	owe := func(kind models.OwnerKind, owner, title string, due calendar.Date) error {
		return s.openObligation(tx, models.Obligation{CycleID: o.CycleID, District: o.District, Kind: models.ObligationOrder, Subject: subject,
			OwnerKind: kind, Owner: owner, Title: title + "（" + o.Number() + "）", Clause: "二(三)7", Due: due, OpenedOn: m.today})
	}
	done := func(owner string) error {
		return s.fulfilObligation(tx, o.CycleID, models.ObligationOrder, subject, owner, m.today, m.command.Actor)
	}
	switch m.command.Event {
	case models.OrderAnswer:
		if err := done(o.Department); err != nil {
			return err
		}
		return owe(models.OwnerAdmins, models.AdminsCode, "审核督办答复", m.due)
	case models.OrderWithdraw:
		return s.closeSubject(tx, o.CycleID, subject, m.today, m.command.Actor)
	case models.OrderReturn, models.OrderClose:
		if err := done(models.AdminsCode); err != nil {
			return err
		}
	}
	if o.State.Owed() {
		return owe(models.OwnerDepartment, o.Department, "答复督办", o.Due)
	}
	return nil
}

// withdrawOrders ends every order of a cycle that was cancelled: nobody answers any more.
func (s *Store) withdrawOrders(tx *gorm.DB, cycleID string, today calendar.Date) error {
	live := []models.OrderState{models.OrderIssued, models.OrderReturned, models.OrderAnswered}
	now := s.now()
	err := tx.Exec(`INSERT INTO order_events (order_id, seq, command_id, request_hash, event, from_state, to_state, on_date, actor, at)
		SELECT id, events + 1, 'cancel', '', ?, state, ?, ?, ?, ? FROM orders WHERE cycle_id = ? AND state IN ?`,
		models.OrderWithdraw, models.OrderWithdrawn, today, models.ActorSystem, now, cycleID, live).Error
	if err == nil {
		err = tx.Model(&orderRow{}).Where("cycle_id = ? AND state IN ?", cycleID, live).
			Updates(map[string]any{"state": models.OrderWithdrawn, "closed_on": today, "events": gorm.Expr("events + 1"), "updated_at": now}).Error
	}
	if err != nil {
		return fmt.Errorf("withdrawing the orders of %s: %w", cycleID, err)
	}
	return nil
}
