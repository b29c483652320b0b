package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// applicationRow is a row of applications.
type applicationRow struct {
	ID            int64 `gorm:"primaryKey"`
	CycleID       string
	District      string
	Year          int
	USCC          string `gorm:"column:uscc"`
	Name          string
	Street        string
	Tier          models.Tier
	Origin        models.Origin
	State         models.ApplicationState
	Live          *int // 1 while it goes on, NULL afterwards: unique with cycle and household
	Wished        string
	Category      models.Category
	Statement     string
	EnteredBy     models.Actor
	RecommendedBy models.Actor
	Department    string
	Reviewer      models.Actor
	LimitOn       calendar.Date
	Due           calendar.Date
	SubmittedOn   calendar.Date
	ClosedOn      calendar.Date
	ReasonID      int64
	Clause        string
	PolicyID      int64
	RunID         int64
	DataMark      string
	Events        int
	ProcessEvents int // how many of them the application's process has taken note of
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

func (applicationRow) TableName() string { return "applications" }

func (r applicationRow) application() models.Application {
	a := models.Application{ID: r.ID, CycleID: r.CycleID, District: r.District, Year: r.Year, USCC: r.USCC, Name: r.Name, Street: r.Street, Tier: r.Tier,
		Origin: r.Origin, State: r.State, Category: r.Category, Statement: r.Statement, EnteredBy: r.EnteredBy, RecommendedBy: r.RecommendedBy,
		Department: r.Department, Reviewer: r.Reviewer, LimitOn: r.LimitOn, Due: r.Due, SubmittedOn: r.SubmittedOn, ClosedOn: r.ClosedOn,
		ReasonID: r.ReasonID, Clause: r.Clause, PolicyID: r.PolicyID, RunID: r.RunID, DataMark: r.DataMark, Events: r.Events,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
	for c := range strings.SplitSeq(r.Wished, ",") {
		if c != "" {
			a.Wished = append(a.Wished, models.Category(c))
		}
	}
	return a
}

func newApplicationRow(a models.Application) applicationRow {
	r := applicationRow{ID: a.ID, CycleID: a.CycleID, District: a.District, Year: a.Year, USCC: a.USCC, Name: a.Name, Street: a.Street, Tier: a.Tier,
		Origin: a.Origin, State: a.State, Category: a.Category, Statement: a.Statement, EnteredBy: a.EnteredBy, RecommendedBy: a.RecommendedBy,
		Department: a.Department, Reviewer: a.Reviewer, LimitOn: a.LimitOn, Due: a.Due, SubmittedOn: a.SubmittedOn, ClosedOn: a.ClosedOn,
		ReasonID: a.ReasonID, Clause: a.Clause, PolicyID: a.PolicyID, RunID: a.RunID, DataMark: a.DataMark, Events: a.Events,
		CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt}
	if a.State.Live() {
		live := 1
		r.Live = &live
	}
	wished := make([]string, len(a.Wished))
	for i, c := range a.Wished {
		wished[i] = string(c)
	}
	r.Wished = strings.Join(wished, ",")
	return r
}

// Application gives one application; CodeNotFound if there is none.
func (s *Store) Application(ctx context.Context, id int64) (models.Application, error) {
	return s.application(s.db.WithContext(ctx), id)
}

func (s *Store) application(tx *gorm.DB, id int64) (models.Application, error) {
	var r applicationRow
	switch err := tx.Where("id = ?", id).Take(&r).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return models.Application{}, models.NotFound("没有编号为 %d 的申报件", id)
	case err != nil:
		return models.Application{}, fmt.Errorf("reading application %d: %w", id, err)
	}
	return r.application(), nil
}

// ActOnApplication carries a command out, once: the event must follow in the application's state and the cycle's stage, and
// what belongs to the event (grounds, reviewers, visits, limits, obligations) is written in the same transaction. A command that was
// carried out before changes nothing. The error is a *models.Error when the command is refused.
func (s *Store) ActOnApplication(ctx context.Context, c models.ApplicationCommand, today calendar.Date) (a models.Application, err error) {
	terms, err := s.applicationTerms(ctx, c)
	if err != nil {
		return a, err
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if a, err = s.application(s.forUpdate(tx), c.ApplicationID); err != nil {
			return err
		}
		if done, err := s.applicationCommandDone(tx, c); err != nil || done {
			return err
		}
		var stage models.Stage
		var state models.CycleState
		if err := tx.Table("cycles").Select("stage, state").Where("id = ?", a.CycleID).Row().Scan(&stage, &state); err != nil {
			return fmt.Errorf("reading the stage of %s: %w", a.CycleID, err)
		}
		if state == models.CycleCancelled && c.Actor != models.ActorSystem {
			return models.Conflict("本年度工作已取消")
		}
		if _, err := a.State.Next(c.Event); err != nil {
			return err
		}
		if err := c.Event.During(stage); err != nil {
			return err
		}
		detail, err := s.applicationEffect(tx, &a, c, terms, today)
		if err != nil {
			return err
		}
		return s.move(tx, &a, c, today, detail, true)
	})
	return a, err
}

// applicationEffect does what belongs to an event beside the change of state, and gives what the record says of it. What it needs to
// know beside the application is in t, read before the transaction: a second connection taken within it could wait for ever.
func (s *Store) applicationEffect(tx *gorm.DB, a *models.Application, c models.ApplicationCommand, t applicationTerms, today calendar.Date) (detail any, err error) {
	switch c.Event {
	case models.EventSubmit:
		return s.submitApplication(tx, a, c, t, today)
	case models.EventRecommend:
		return s.recommendApplication(tx, a, c, t, today)
	case models.EventConsent:
		return s.consentToApplication(tx, a, c, t, today)
	case models.EventWithdraw:
		return nil, mayWithdraw(a, c.Actor)
	case models.EventDecline:
		return nil, s.fulfilObligation(tx, a.CycleID, models.ObligationConsent, models.ApplicationObject(a.ID), a.USCC, today, c.Actor)
	case models.EventSupply, models.EventSupplementOverdue:
		return s.endSupplement(tx, a, c, t, today)
	case models.EventConsentOverdue:
		return nil, limitPassed(a, today)
	case models.EventPassReview:
		return s.passReview(tx, a, c, t, today)
	case models.EventRefuse:
		return s.refuseReview(tx, a, c, t, today)
	case models.EventAskSupplement:
		return s.askSupplement(tx, a, c, t, today)
	case models.EventPassVisit, models.EventFailVisit:
		return s.signVisit(tx, a, c, t, today)
	}
	return nil, nil
}

func (s *Store) applicationCommandDone(tx *gorm.DB, c models.ApplicationCommand) (bool, error) {
	if c.CommandID == "" || c.Actor == "" {
		return false, errors.New("a command on an application needs an id and an actor")
	}
	return commandDone(tx.Table("application_events").Where("application_id = ? AND command_id = ?", c.ApplicationID, c.CommandID),
		string(c.Event), c.Actor, c.Request)
}

// commandDone says whether a command is among the events selected; CodeConflict if another request was carried out under its id.
func commandDone(events *gorm.DB, event string, actor models.Actor, request string) (bool, error) {
	var done []models.Commanded
	if err := events.Select("event, actor, request_hash").Limit(1).Find(&done).Error; err != nil {
		return false, fmt.Errorf("looking for a command on record: %w", err)
	}
	if len(done) == 0 {
		return false, nil
	}
	return true, done[0].Same(event, actor, request)
}

// moveApplication is the one place where an application changes its state: the event goes on record, what is owed for it is
// closed when it ends, it takes a place when it is proposed, which is
// free again when it is no longer proposed or certified. The last statement of a transaction (audit), or one of several calls in it.
func (s *Store) moveApplication(tx *gorm.DB, a *models.Application, c models.ApplicationCommand, today calendar.Date, detail any) error {
	return s.move(tx, a, c, today, detail, false)
}

// move is moveApplication; byProcess says that the application's own process does it, and so knows of it.
func (s *Store) move(tx *gorm.DB, a *models.Application, c models.ApplicationCommand, today calendar.Date, detail any, byProcess bool) error {
	next, err := a.State.Next(c.Event)
	if err != nil {
		return err
	}
	if c.Event == models.EventPropose || c.Event == models.EventCertify { // a bulk step may still be on its way when its year is cancelled
		var state models.CycleState
		if err := tx.Table("cycles").Select("state").Where("id = ?", a.CycleID).Row().Scan(&state); err != nil {
			return fmt.Errorf("reading the state of %s: %w", a.CycleID, err)
		}
		if state == models.CycleCancelled {
			return models.Conflict("本年度工作已取消")
		}
	}
	from := a.State
	a.State, a.Events, a.UpdatedAt = next, a.Events+1, s.now()
	if c.ReasonID != 0 {
		a.ReasonID, a.Clause = c.ReasonID, c.Clause
	}
	a.ClosedOn = 0
	if !next.Live() {
		a.ClosedOn, a.LimitOn, a.Due = today, 0, 0
	}
	if c.Event == models.EventReopen {
		if err := s.reopenReview(tx, a, today); err != nil {
			return err
		}
	}
	if detail == nil {
		detail = struct{}{}
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("recording %s of application %d: %w", c.Event, a.ID, err)
	}
	failed := func(err error) error {
		return fmt.Errorf("recording %s of application %d: %w", c.Event, a.ID, err)
	}
	row := newApplicationRow(*a)
	kept := []string{"id", "created_at"}
	if row.ProcessEvents = a.Events; !byProcess {
		kept = append(kept, "process_events")
	}
	err = tx.Model(&row).Select("*").Omit(kept...).Updates(row).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) { // reopened while another one goes on
		return models.Conflict("该户本年度已有进行中的申报件")
	}
	if err != nil {
		return failed(err)
	}
	err = tx.Table("application_events").Create(map[string]any{"application_id": a.ID, "seq": a.Events, "command_id": c.CommandID, "request_hash": c.Request, "event": c.Event,
		"from_state": from, "to_state": next, "on_date": today, "reason_id": c.ReasonID, "clause": c.Clause, "detail": string(text), "actor": c.Actor, "at": s.now()}).Error
	if err != nil {
		return failed(err)
	}
	if next == models.ApplicationProposed { // nobody is proposed without a place (附三(四))
		if err := s.takeSeat(tx, *a); err != nil {
			return err
		}
	}
	if from == models.ApplicationProposed && next != models.ApplicationCertified {
		if err := freeSeat(tx, *a); err != nil {
			return failed(err)
		}
	}
	if from == models.ApplicationVisit {
		if err := s.endVisits(tx, *a, today, c.Actor); err != nil {
			return err
		}
	}
	if from.UnderReview() { // of a first submission nothing is owed yet: looking for it would lock the place where others insert
		if err := s.restReviews(tx, []*models.Application{a}, today, c.Actor); err != nil {
			return err
		}
	}
	if next.UnderReview() {
		if err := s.openReviews(tx, []*models.Application{a}, today); err != nil {
			return err
		}
	}
	if !next.Live() {
		if err := s.closeSubject(tx, a.CycleID, models.ApplicationObject(a.ID), today, c.Actor); err != nil {
			return failed(err)
		}
	}
	return s.audit(tx, c.Actor, "application."+string(c.Event), models.ApplicationObject(a.ID), map[string]any{
		"from": from, "to": next, "on": today, "reason_id": c.ReasonID, "clause": c.Clause, "command": c.CommandID, "detail": json.RawMessage(text)})
}

// closeSubject closes everything that is still owed in a case.
func (s *Store) closeSubject(tx *gorm.DB, cycleID, subject string, on calendar.Date, by models.Actor) error {
	return tx.Model(&obligationRow{}).Where("cycle_id = ? AND subject = ? AND state = ?", cycleID, subject, models.ObligationOpen).
		Updates(map[string]any{"state": models.ObligationClosed, "done_on": on, "done_by": string(by), "updated_at": s.now()}).Error
}

// ApplicationSteps gives what happened to an application, in order.
func (s *Store) ApplicationSteps(ctx context.Context, id int64) ([]models.ApplicationStep, error) {
	var steps []models.ApplicationStep
	if err := s.db.WithContext(ctx).Table("application_events").Where("application_id = ?", id).Order("seq").Find(&steps).Error; err != nil {
		return nil, fmt.Errorf("reading what happened to application %d: %w", id, err)
	}
	return steps, nil
}

// ApplicationRank is where an application stands in its cycle's comparison (附三(三)2).
type ApplicationRank struct {
	Place  int // 1 is the first
	Score  int64
	Tie    string // what decided among equal scores
	Places int64  // of the cycle
}

// ApplicationRank gives an application's place in the comparison; false while there is none.
func (s *Store) ApplicationRank(ctx context.Context, id int64) (r ApplicationRank, ok bool, err error) {
	var rows []ApplicationRank
	err = s.db.WithContext(ctx).Raw(`SELECT r.place, r.score, r.tie, p.places FROM selection_ranks r JOIN places p ON p.cycle_id = r.cycle_id
		JOIN applications a ON a.cycle_id = r.cycle_id AND a.id = r.application_id WHERE a.id = ?`, id).Scan(&rows).Error
	if err != nil {
		return r, false, fmt.Errorf("reading the rank of application %d: %w", id, err)
	}
	if len(rows) == 0 {
		return r, false, nil
	}
	return rows[0], true, nil
}

// CertificationOf gives an application's certification; CodeNotFound if it has none.
func (s *Store) CertificationOf(ctx context.Context, applicationID int64) (models.Certification, error) {
	return certificationOf(s.db.WithContext(ctx), applicationID)
}

func certificationOf(tx *gorm.DB, applicationID int64) (c models.Certification, err error) {
	switch err := tx.Where("application_id = ?", applicationID).Take(&c).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return c, models.NotFound("申报件 %d 没有认定记录", applicationID)
	case err != nil:
		return c, fmt.Errorf("reading the certification of application %d: %w", applicationID, err)
	}
	return c, nil
}

// CountApplications counts a cycle's applications by state.
func (s *Store) CountApplications(ctx context.Context, cycleID string) (map[models.ApplicationState]int64, error) {
	var rows []struct {
		State models.ApplicationState
		N     int64
	}
	if err := s.db.WithContext(ctx).Raw("SELECT state, COUNT(*) AS n FROM applications WHERE cycle_id = ? GROUP BY state", cycleID).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("counting the applications of %s: %w", cycleID, err)
	}
	counts := map[models.ApplicationState]int64{}
	for _, r := range rows {
		counts[r.State] = r.N
	}
	return counts, nil
}
