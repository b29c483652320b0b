package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// objectionRow is a row of objections. ByName and Contact leave this package by Objector alone.
type objectionRow struct {
	ID            int64 `gorm:"primaryKey"`
	District      string
	CycleID       string
	Kind          models.ObjectionKind
	USCC          string `gorm:"column:uscc"`
	ApplicationID int64
	CaseID        int64
	ByActor       models.Actor
	ByName        string
	Contact       string
	Statement     string
	State         models.ObjectionState
	Live          *int // 1 while one to a tier or a decision goes on, else NULL: unique with what it is about
	ReceiptKey    string
	Department    string
	ReceivedOn    calendar.Date
	AcceptDue     calendar.Date
	AcceptedOn    calendar.Date
	SettleDue     calendar.Date
	AnswerDue     calendar.Date
	AnswerID      int64
	AnsweredBy    models.Actor
	Outcome       models.ObjectionOutcome
	Effect        models.ObjectionEffect
	TierBefore    models.Tier
	TierAfter     models.Tier
	ReasonID      int64
	Clause        string
	SettledBy     models.Actor
	SettledOn     calendar.Date
	Events        int
	At            time.Time
	UpdatedAt     time.Time
}

func (objectionRow) TableName() string { return "objections" }

func (r objectionRow) objection() models.Objection {
	return models.Objection{ID: r.ID, District: r.District, CycleID: r.CycleID, Kind: r.Kind, USCC: r.USCC, ApplicationID: r.ApplicationID, CaseID: r.CaseID,
		ByActor: r.ByActor, Statement: r.Statement, State: r.State, Department: r.Department, ReceivedOn: r.ReceivedOn, AcceptDue: r.AcceptDue,
		AcceptedOn: r.AcceptedOn, SettleDue: r.SettleDue, AnswerDue: r.AnswerDue, AnswerID: r.AnswerID, AnsweredBy: r.AnsweredBy, Outcome: r.Outcome,
		Effect: r.Effect, TierBefore: r.TierBefore, TierAfter: r.TierAfter, ReasonID: r.ReasonID, Clause: r.Clause, SettledBy: r.SettledBy,
		SettledOn: r.SettledOn, Events: r.Events, At: r.At, UpdatedAt: r.UpdatedAt}
}

// Objection gives one objection; CodeNotFound if there is none.
func (s *Store) Objection(ctx context.Context, id int64) (models.Objection, error) {
	r, err := s.objection(s.db.WithContext(ctx), id)
	return r.objection(), err
}

func (s *Store) objection(tx *gorm.DB, id int64) (r objectionRow, err error) {
	switch err := tx.Where("id = ?", id).Take(&r).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return r, models.NotFound("没有编号为 %d 的异议", id)
	case err != nil:
		return r, fmt.Errorf("reading objection %d: %w", id, err)
	}
	return r, nil
}

// Objector gives who objects to a notice: confidential (三(二)), for the bureau's officers and the letters to the objector only.
func (s *Store) Objector(ctx context.Context, id int64) (models.Objector, error) {
	r, err := s.objection(s.db.WithContext(ctx), id)
	return models.Objector{Name: r.ByName, Contact: r.Contact}, err
}

// FileObjection takes an objection on record, with its number and the bureau's obligation to accept it or not; the same request
// again gives what is on record. The error is a *models.Error where there is nothing to object to, or no time left.
func (s *Store) FileObjection(ctx context.Context, n models.NewObjection, today calendar.Date) (models.Objection, error) {
	if err := n.Validate(); err != nil {
		return models.Objection{}, err
	}
	cycle, err := s.Cycle(ctx, n.CycleID)
	if err != nil {
		return models.Objection{}, err
	}
	lasting := n.Kind == models.ObjectionCertification // it goes on when its cycle is done
	if cycle.State == models.CycleDone && !lasting || cycle.State == models.CycleCancelled {
		return models.Objection{}, models.Conflict("%d年度工作已经结束，不能再提出异议", cycle.Year)
	}
	law, err := s.PolicyByID(ctx, cycle.PolicyID)
	if err != nil {
		return models.Objection{}, err
	}
	workdays, err := s.Workdays(ctx)
	if err != nil {
		return models.Objection{}, err
	}
	row := objectionRow{District: n.District, CycleID: n.CycleID, Kind: n.Kind, USCC: n.USCC, ApplicationID: n.ApplicationID, CaseID: n.CaseID, ByActor: n.By,
		ByName: n.Objector.Name, Contact: n.Objector.Contact, Statement: n.Statement, State: models.ObjectionReceived, ReceiptKey: n.ReceiptKey(),
		ReceivedOn: today, AcceptDue: workdays.TermEnd(today, law.Workdays("objection.accept")), Events: 1, At: s.now(), UpdatedAt: s.now()}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		var known objectionRow
		err := tx.Where("receipt_key = ?", row.ReceiptKey).Take(&known).Error
		if err == nil {
			row = known
			return nil
		}
		if !errors.Is(err, gorm.ErrRecordNotFound) {
			return err
		}
		row.ID = 0
		if err := s.objectable(tx, &row, law.Policy, workdays, today); err != nil {
			return err
		}
		if row.Kind != models.ObjectionNotice {
			live := 1
			row.Live = &live
		}
		err = tx.Create(&row).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return models.Conflict("您对此已经提出异议，正在办理；有新的情况请在该异议中补充材料")
		}
		if err != nil {
			return err
		}
		o := row.objection()
		if err := s.objectionStep(tx, o, models.ObjectionCommand{CommandID: n.CommandID, Event: models.ObjectionReceive, Actor: n.By}, "", "{}", today); err != nil {
			return err
		}
		if err := s.openObligation(tx, objectionDuty(o, "受理", today)); err != nil {
			return err
		}
		return s.audit(tx, n.By, "objection.receive", models.ObjectionObject(o.ID), map[string]any{"kind": o.Kind, "cycle": o.CycleID, "uscc": o.USCC,
			"application": o.ApplicationID, "case": o.CaseID, "on": today, "accept_due": o.AcceptDue})
	})
	if models.CodeOf(err) == models.CodeConflict { // by another at the same moment, perhaps: the same request sent twice
		var known []objectionRow
		if s.db.WithContext(ctx).Where("receipt_key = ?", row.ReceiptKey).Limit(1).Find(&known).Error == nil && len(known) > 0 {
			return known[0].objection(), nil
		}
	}
	if err != nil {
		return models.Objection{}, fmt.Errorf("taking an objection: %w", err)
	}
	return row.objection(), nil
}

// objectable finds what the objection is directed at, and refuses what cannot be objected to, or not any more.
func (s *Store) objectable(tx *gorm.DB, r *objectionRow, law *policy.Policy, w *calendar.Workdays, today calendar.Date) error {
	window := law.Workdays("objection.window")
	switch r.Kind {
	case models.ObjectionTier:
		_, year, err := models.ParseCycleID(r.CycleID)
		if err != nil {
			return err
		}
		var p []models.PublishedTier
		err = tx.Table("published_tiers").Where("district = ? AND year = ? AND uscc = ?", r.District, year, r.USCC).Find(&p).Error
		if err != nil {
			return fmt.Errorf("reading a published tier: %w", err)
		}
		if len(p) == 0 {
			return models.Conflict("%d年度的分型结果尚未公布，公布后方可提出异议", year)
		}
		r.TierBefore, r.ApplicationID = p[0].Tier, 0
		return inWindow(w.TermEnd(p[0].PublishedOn, window), today, "分型结果于%s公布", p[0].PublishedOn.Chinese())
	case models.ObjectionDecision:
		a, err := s.application(tx, r.ApplicationID)
		if err != nil {
			return err
		}
		if a.USCC != r.USCC || a.CycleID != r.CycleID {
			return models.NotFound("没有编号为 %d 的申报件，或不是您的", r.ApplicationID)
		}
		if !a.State.Objectable() {
			return models.Conflict("该申报件现为“%s”，没有可以提出异议的决定", a.State.Name())
		}
		r.Department = "" // nobody is asked yet
		return inWindow(w.TermEnd(a.ClosedOn, window), today, "该决定于%s作出", a.ClosedOn.Chinese())
	case models.ObjectionCertification:
		on, err := s.objectableCertification(tx, r)
		if err != nil {
			return err
		}
		return inWindow(w.TermEnd(on, window), today, "该决定于%s作出", on.Chinese())
	}
	listed, err := s.underNotice(tx, *r, today)
	if err != nil {
		return err
	}
	r.ApplicationID, r.USCC = listed.ApplicationID, listed.USCC
	return nil
}

func inWindow(last, today calendar.Date, format string, args ...any) error {
	if today <= last {
		return nil
	}
	return models.Conflict(format+"，提出异议的期限到%s为止，现已届满；仍有不同意见的，可向区市场监管局反映", append(args, last.Chinese())...)
}

// listedHousehold is an entry of a list under notice.
type listedHousehold struct {
	ApplicationID int64
	USCC          string `gorm:"column:uscc"`
}

// underNotice finds the household on a list that is under notice today; anything else cannot be objected to in this way.
func (s *Store) underNotice(tx *gorm.DB, r objectionRow, today calendar.Date) (e listedHousehold, err error) {
	q := tx.Table("notices n").Select("e.application_id, e.uscc").Joins("JOIN notice_entries e ON e.cycle_id = n.cycle_id AND e.number = n.number").
		Where("n.cycle_id = ? AND n.published_on <= ? AND n.ends_on >= ? AND n.closed_on IS NULL AND e.state = ?", r.CycleID, today, today, models.EntryListed)
	if r.ApplicationID != 0 {
		q = q.Where("e.application_id = ?", r.ApplicationID)
	}
	if r.USCC != "" {
		q = q.Where("e.uscc = ?", r.USCC)
	}
	var found []listedHousehold
	if err := q.Order("n.number DESC").Limit(1).Find(&found).Error; err != nil {
		return e, fmt.Errorf("looking for an entry under notice: %w", err)
	}
	if len(found) == 0 {
		return e, models.Conflict("该户不在正在公示的名单上，或公示期已满；其他问题可向区市场监管局反映或投诉")
	}
	return found[0], nil
}

// objectionDuty is what the bureau owes: to accept (受理) or, after that, to settle (办结).
func objectionDuty(o models.Objection, step string, today calendar.Date) models.Obligation {
	return models.Obligation{CycleID: o.CycleID, District: o.District, Kind: models.ObligationObjection, Subject: models.ObjectionObject(o.ID),
		OwnerKind: models.OwnerDepartment, Owner: models.BureauCode, Title: fmt.Sprintf("%s%s（%s）", step, o.Kind.Name(), o.Number()),
		Clause: o.Kind.Clause(), Due: o.Due(), OpenedOn: today}
}

// answerDuty is what the department asked owes.
func answerDuty(o models.Objection, today calendar.Date) models.Obligation {
	return models.Obligation{CycleID: o.CycleID, District: o.District, Kind: models.ObligationAnswer, Subject: models.ObjectionObject(o.ID),
		OwnerKind: models.OwnerDepartment, Owner: o.Department, Title: fmt.Sprintf("核实并答复%s（%s）", o.Kind.Name(), o.Number()),
		Clause: o.Kind.Clause(), Due: o.AnswerDue, OpenedOn: today}
}

func (s *Store) objectionStep(tx *gorm.DB, o models.Objection, c models.ObjectionCommand, from models.ObjectionState, detail string, on calendar.Date) error {
	err := tx.Table("objection_events").Create(map[string]any{"objection_id": o.ID, "seq": o.Events, "command_id": c.CommandID, "request_hash": c.Request,
		"event": c.Event, "from_state": from, "to_state": o.State, "on_date": on, "reason_id": c.ReasonID, "detail": detail, "actor": c.Actor, "at": s.now()}).Error
	if err != nil {
		return fmt.Errorf("recording %s of objection %d: %w", c.Event, o.ID, err)
	}
	return nil
}

// ObjectionSteps gives what happened to an objection, in order.
func (s *Store) ObjectionSteps(ctx context.Context, id int64) ([]models.ObjectionStep, error) {
	var steps []models.ObjectionStep
	if err := s.db.WithContext(ctx).Table("objection_events").Where("objection_id = ?", id).Order("seq").Find(&steps).Error; err != nil {
		return nil, fmt.Errorf("reading what happened to objection %d: %w", id, err)
	}
	return steps, nil
}

// OpenObjections counts the objections of a kind in a cycle that still have to be dealt with: before certification none to a
// notice may be open (三(二)).
func (s *Store) OpenObjections(ctx context.Context, cycleID string, kind models.ObjectionKind) (n int64, err error) {
	err = s.db.WithContext(ctx).Model(&objectionRow{}).Where("cycle_id = ? AND kind = ? AND state IN ?", cycleID, kind, models.LiveObjectionStates).Count(&n).Error
	if err != nil {
		return 0, fmt.Errorf("counting the open objections of %s: %w", cycleID, err)
	}
	return n, nil
}

// ObjectionFilter selects objections; an empty field selects all.
type ObjectionFilter struct {
	District      string
	CycleID       string
	Kind          models.ObjectionKind
	State         models.ObjectionState // or:
	Open          bool                  // only those that still have to be dealt with
	Department    string                // that was asked
	By            models.Actor
	USCC          string
	ApplicationID int64
}

// ObjectionItem is an objection as it is listed, with the household's name.
type ObjectionItem struct {
	models.Objection
	Name string
}

// Objections lists objections, the newest first, before an id (0 = from the newest).
func (s *Store) Objections(ctx context.Context, f ObjectionFilter, before int64, limit int) ([]ObjectionItem, error) {
	q := s.db.WithContext(ctx).Model(&objectionRow{})
	for _, w := range [...]struct{ column, value string }{{"district", f.District}, {"cycle_id", f.CycleID}, {"kind", string(f.Kind)}, {"state", string(f.State)},
		{"department", f.Department}, {"by_actor", string(f.By)}, {"uscc", f.USCC}} {
		if w.value != "" {
			q = q.Where(w.column+" = ?", w.value)
		}
	}
	if f.Open {
		q = q.Where("state IN ?", models.LiveObjectionStates)
	}
	if f.ApplicationID != 0 {
		q = q.Where("application_id = ?", f.ApplicationID)
	}
	if before != 0 {
		q = q.Where("id < ?", before)
	}
	var rows []objectionRow
	if err := q.Order("id DESC").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing objections: %w", err)
	}
	list := make([]ObjectionItem, len(rows))
	for i, r := range rows {
		list[i].Objection = r.objection()
	}
	return list, s.nameObjections(ctx, list)
}

// nameObjections adds the households' names from the registry of their cycle's year: one read for each cycle, along the registry's key.
func (s *Store) nameObjections(ctx context.Context, list []ObjectionItem) error {
	codes := map[string][]string{}
	for _, o := range list {
		if !slices.Contains(codes[o.CycleID], o.USCC) {
			codes[o.CycleID] = append(codes[o.CycleID], o.USCC)
		}
	}
	names := map[[2]string]string{}
	for cycle, usccs := range codes {
		district, year, err := models.ParseCycleID(cycle)
		if err != nil {
			return err
		}
		var found []struct {
			USCC string `gorm:"column:uscc"`
			Name string
		}
		err = s.db.WithContext(ctx).Table("src_registry").Select("uscc, name").Where("district = ? AND year = ? AND uscc IN ?", district, year, usccs).Find(&found).Error
		if err != nil {
			return fmt.Errorf("reading the names of households: %w", err)
		}
		for _, f := range found {
			names[[2]string{cycle, f.USCC}] = f.Name
		}
	}
	for i, o := range list {
		list[i].Name = names[[2]string{o.CycleID, o.USCC}]
	}
	return nil
}

// ObjectionItem gives an objection as it is listed.
func (s *Store) ObjectionItem(ctx context.Context, o models.Objection) (ObjectionItem, error) {
	list := []ObjectionItem{{Objection: o}}
	err := s.nameObjections(ctx, list)
	return list[0], err
}

// PublishedCycle is the cycle that published the household's newest tier; a *models.Error with CodeConflict before there is one.
func (s *Store) PublishedCycle(ctx context.Context, district, uscc string) (string, error) {
	var year int
	err := s.db.WithContext(ctx).Table("published_tiers").Select("COALESCE(MAX(year), 0)").Where("uscc = ? AND district = ?", uscc, district).Row().Scan(&year)
	if err != nil {
		return "", fmt.Errorf("looking for a household's published tier: %w", err)
	}
	if year == 0 {
		return "", models.Conflict("贵户的分型结果尚未公布，公布后方可提出异议")
	}
	return models.CycleID(district, year), nil
}
