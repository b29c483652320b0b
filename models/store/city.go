package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// cityTerms gives what the terms of a spot check are reckoned by.
func (s *Store) cityTerms(ctx context.Context, cycleID string) (*policy.Policy, *calendar.Workdays, error) {
	cycle, err := s.Cycle(ctx, cycleID)
	if err != nil {
		return nil, nil, err
	}
	law, err := s.PolicyByID(ctx, cycle.PolicyID)
	if err != nil {
		return nil, nil, err
	}
	workdays, err := s.Workdays(ctx)
	return law.Policy, workdays, err
}

func (s *Store) cityBoard(tx *gorm.DB, cycleID string) (models.CityBoard, error) {
	var b models.CityBoard
	r, err := s.cityReport(tx, cycleID)
	switch {
	case models.CodeOf(err) == models.CodeNotFound:
		return b, nil
	case err != nil:
		return b, err
	}
	b.ReportedOn, b.OutcomeDue, b.ClosedOn = r.ReportedOn, r.OutcomeDue, r.ClosedOn
	var counts []struct {
		State models.CityCheckState
		N     int64
	}
	if err := tx.Raw("SELECT state, COUNT(*) AS n FROM city_checks WHERE cycle_id = ? GROUP BY state", cycleID).Scan(&counts).Error; err != nil {
		return b, fmt.Errorf("counting the city's checks of %s: %w", cycleID, err)
	}
	for _, c := range counts {
		b.Sampled += c.N
		switch {
		case c.State == models.CityPassed:
			b.Passed = c.N
		case c.State == models.CityRefused:
			b.Refused = c.N
		default:
			b.Open += c.N
			if c.State == models.CitySupplementAsked {
				b.Asked = c.N
			}
		}
	}
	return b, nil
}

// ActOnCity carries a command of the spot check out, once, and says where it stands then. A command that was carried out before
// changes nothing. The error is a *models.Error when the command is refused.
func (s *Store) ActOnCity(ctx context.Context, c models.CityCommand, today calendar.Date) (models.CertificationBoard, error) {
	var b models.CertificationBoard
	if err := c.Validate(); err != nil {
		return b, err
	}
	law, workdays, err := s.cityTerms(ctx, c.CycleID)
	if err != nil {
		return b, err
	}
	if c.Days == 0 {
		c.Days = law.Workdays("city.supplement.limit")
	}
	limit := workdays.TermEnd(today, c.Days)
	err = s.tx(ctx, func(tx *gorm.DB) error {
		report, err := s.cityReport(s.forUpdate(tx), c.CycleID)
		if err != nil {
			return err
		}
		done, err := s.cityCommandDone(tx, c)
		if err == nil && !done {
			err = s.actOnCity(tx, report, c, limit, today)
		}
		if err == nil {
			b, err = s.certificationBoard(tx, c.CycleID)
		}
		return err
	})
	if err != nil {
		return b, fmt.Errorf("%s in the spot check of %s: %w", c.Event, c.CycleID, err)
	}
	return b, nil
}

// CityCommandDone says whether the command was carried out; CodeConflict if another one was under its id.
func (s *Store) CityCommandDone(ctx context.Context, c models.CityCommand) (bool, error) {
	return s.cityCommandDone(s.db.WithContext(ctx), c)
}

func (s *Store) cityCommandDone(tx *gorm.DB, c models.CityCommand) (bool, error) {
	return commandDone(tx.Table("city_events").Where("cycle_id = ? AND command_id = ? AND event <> ?", c.CycleID, c.CommandID, models.CityNoObjection),
		string(c.Event), c.Actor, c.Request)
}

func (s *Store) actOnCity(tx *gorm.DB, report models.CityReport, c models.CityCommand, limit, today calendar.Date) error {
	if report.ClosedOn != 0 {
		return models.Conflict("市级抽查已于%s结束", report.ClosedOn.Chinese())
	}
	switch c.Event {
	case models.CitySample:
		return s.citySample(tx, report, c, today)
	case models.CityClose, models.CityFinish:
		return s.cityClose(tx, c, today)
	}
	return s.cityCheck(tx, c, limit, today)
}

// citySample draws the sample, once, among the certifications that were reported.
func (s *Store) citySample(tx *gorm.DB, report models.CityReport, c models.CityCommand, today calendar.Date) error {
	if report.Seed != "" {
		return models.Conflict("样本已经抽取（随机种子 %s，%d户），不能另行抽取", report.Seed, report.SampleSize)
	}
	var list []models.Certification
	if err := tx.Where("cycle_id = ?", c.CycleID).Order("seat").Find(&list).Error; err != nil {
		return fmt.Errorf("reading what was certified: %w", err)
	}
	size, err := c.SampleSize(len(list))
	if err != nil {
		return err
	}
	numbers := make([]string, len(list))
	ids := make(map[string]int64, len(list))
	for i, l := range list {
		numbers[i], ids[l.Number] = l.Number, l.ID
	}
	sample := models.CitySampleOf(c.Seed, numbers, size)
	checks := make([]map[string]any, len(sample))
	for i, number := range sample {
		checks[i] = map[string]any{"certification_id": ids[number], "cycle_id": c.CycleID, "state": models.CitySampled, "by_actor": c.Actor, "updated_at": s.now()}
	}
	if len(checks) > 0 {
		if err := tx.Table("city_checks").CreateInBatches(checks, 200).Error; err != nil {
			return fmt.Errorf("recording the sample: %w", err)
		}
	}
	err = tx.Model(&cityReportRow{}).Where("cycle_id = ?", c.CycleID).
		Updates(map[string]any{"seed": c.Seed, "sample_size": len(sample), "sampled_by": c.Actor}).Error
	if err != nil {
		return fmt.Errorf("recording the sample: %w", err)
	}
	return s.cityStep(tx, c, cityStepRow{Event: c.Event, OnDate: today},
		map[string]any{"seed": c.Seed, "size": len(sample), "of": len(list), "report": report.SHA256})
}

// cityClose ends the spot check. The city closes it when nothing is open; an administrator finishes it although something is,
// which then counts as passed.
func (s *Store) cityClose(tx *gorm.DB, c models.CityCommand, today calendar.Date) error {
	open, err := s.cityOpen(tx, c.CycleID)
	if err != nil {
		return err
	}
	if len(open) > 0 && c.Event == models.CityClose {
		return models.Conflict("尚有%d户抽查没有结论，请先逐户作出结论", len(open))
	}
	for _, check := range open {
		step := cityStepRow{CertificationID: check.CertificationID, Event: models.CityNoObjection, OnDate: today}
		if err := s.moveCheck(tx, check, c, step, map[string]any{"state": models.CityPassed, "limit_on": nil}, nil); err != nil {
			return err
		}
	}
	err = tx.Model(&cityReportRow{}).Where("cycle_id = ?", c.CycleID).
		Updates(map[string]any{"closed_on": today, "closed_by": c.Actor, "reason_id": c.ReasonID}).Error
	if err != nil {
		return fmt.Errorf("recording the end of the spot check: %w", err)
	}
	if c.Event == models.CityFinish {
		err = s.waiveObligation(tx, c.CycleID, models.ObligationCityCheck, "", models.CityCode, today, c.Actor, c.ReasonID)
	} else {
		err = s.fulfilObligation(tx, c.CycleID, models.ObligationCityCheck, "", models.CityCode, today, c.Actor)
	}
	if err != nil {
		return err
	}
	return s.cityStep(tx, c, cityStepRow{Event: c.Event, OnDate: today}, map[string]any{"open": len(open)})
}

type cityCheckRow struct {
	CertificationID int64
	CycleID         string
	Number          string
	State           models.CityCheckState
	LimitOn         calendar.Date
}

func (s *Store) cityOpen(tx *gorm.DB, cycleID string) (open []cityCheckRow, err error) {
	err = tx.Raw(`SELECT k.certification_id, k.cycle_id, c.number, k.state, k.limit_on FROM city_checks k JOIN certifications c ON c.id = k.certification_id
		WHERE k.cycle_id = ? AND k.state NOT IN (?, ?) ORDER BY k.certification_id`, cycleID, models.CityPassed, models.CityRefused).Scan(&open).Error
	if err != nil {
		return nil, fmt.Errorf("reading the open checks of %s: %w", cycleID, err)
	}
	return open, nil
}

// cityCheck is what happens in the check of one certification.
func (s *Store) cityCheck(tx *gorm.DB, c models.CityCommand, limit, today calendar.Date) error {
	cert, err := s.certification(tx, c.Number)
	if err != nil {
		return err
	}
	var rows []cityCheckRow
	err = tx.Raw("SELECT certification_id, cycle_id, ? AS number, state, limit_on FROM city_checks WHERE certification_id = ? AND cycle_id = ?", c.Number, cert.ID, c.CycleID).Scan(&rows).Error
	if err != nil {
		return fmt.Errorf("reading the check of %s: %w", c.Number, err)
	}
	if len(rows) == 0 {
		return models.NotFound("编号%s不在抽查样本内", c.Number)
	}
	if err := s.standsApart(tx, cert.USCC, c.Actor); err != nil {
		return err
	}
	check := rows[0]
	next, err := check.State.Next(c.Event, check.LimitOn, today)
	if err != nil {
		return err
	}
	step := cityStepRow{CertificationID: cert.ID, Event: c.Event, OnDate: today, ReasonID: c.ReasonID, Clause: c.Clause}
	change := map[string]any{"state": next, "limit_on": nil, "by_actor": c.Actor}
	var detail any
	switch c.Event {
	case models.CityAsk:
		change["limit_on"], change["reason_id"] = limit, c.ReasonID
		detail = map[string]any{"limit": limit}
		err = s.openObligation(tx, models.Obligation{CycleID: c.CycleID, District: cert.District, Kind: models.ObligationCitySupplement, Subject: models.CertificationObject(c.Number),
			OwnerKind: models.OwnerDepartment, Owner: models.BureauCode, Title: "补充市级抽查材料（认定编号" + c.Number + "）", Clause: "附三(二)2", Due: limit, OpenedOn: today})
	case models.CityAnswer:
		change["answer_id"] = c.ReasonID
		detail = map[string]any{"documents": c.Documents}
		if err = s.ownDocuments(tx, cert, c.Documents); err == nil {
			err = s.fulfilObligation(tx, c.CycleID, models.ObligationCitySupplement, models.CertificationObject(c.Number), models.BureauCode, today, c.Actor)
		}
	case models.CityRefuse:
		change["reason_id"] = c.ReasonID
		err = s.cityRefuse(tx, cert, c, today)
	case models.CityPass:
		change["reason_id"] = c.ReasonID
	}
	if err != nil {
		return err
	}
	return s.moveCheck(tx, check, c, step, change, detail)
}

// ownDocuments refuses documents that are not the application's.
func (s *Store) ownDocuments(tx *gorm.DB, cert models.Certification, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	var n int64
	err := tx.Table("documents").Where("subject = ? AND id IN ?", models.ApplicationObject(cert.ApplicationID), ids).Count(&n).Error
	if err != nil {
		return fmt.Errorf("looking for documents of %s: %w", cert.Number, err)
	}
	if n != int64(len(ids)) {
		return models.Invalid("documents", "所附材料中有不属于该申报件的，请先上传到申报件")
	}
	return nil
}

// cityRefuse takes the certification back: the city does not recognise it.
func (s *Store) cityRefuse(tx *gorm.DB, cert models.Certification, c models.CityCommand, today calendar.Date) error {
	if cert.State != models.CertificationValid {
		return models.Conflict("编号%s的认定现为“%s”", cert.Number, cert.State.Name())
	}
	a, err := s.application(s.forUpdate(tx), cert.ApplicationID)
	if err != nil {
		return err
	}
	w := &certifiedWork{today: today}
	if err := w.lock(s, tx, cert.ID); err != nil {
		return err
	}
	err = s.recordCertified(tx, w, models.CertifiedCommand{CommandID: derivedCommand("city/", c.CommandID), CertificationID: cert.ID, Event: models.CertifiedCityLeft,
		Actor: c.Actor, ReasonID: c.ReasonID, Clause: c.Clause}, nil)
	if err != nil {
		return err
	}
	return s.moveApplication(tx, &a, models.ApplicationCommand{CommandID: derivedCommand("city/", c.CommandID), ApplicationID: a.ID, Event: models.EventCityRefuse,
		Actor: c.Actor, ReasonID: c.ReasonID, Clause: c.Clause}, today, map[string]any{"number": cert.Number})
}

type cityStepRow struct {
	CycleID         string
	CommandID       string
	RequestHash     string
	CertificationID int64
	Event           models.CityEvent
	FromState       models.CityCheckState
	ToState         models.CityCheckState
	OnDate          calendar.Date
	ReasonID        int64
	Clause          string
	Detail          string
	Actor           models.Actor
	At              time.Time
}

func (cityStepRow) TableName() string { return "city_events" }

// moveCheck is the one place where a check changes its state; a check that has its outcome owes nothing more.
func (s *Store) moveCheck(tx *gorm.DB, check cityCheckRow, c models.CityCommand, step cityStepRow, change map[string]any, detail any) error {
	change["updated_at"] = s.now()
	if err := tx.Table("city_checks").Where("certification_id = ?", check.CertificationID).Updates(change).Error; err != nil {
		return fmt.Errorf("recording %s of the check of %s: %w", step.Event, check.Number, err)
	}
	step.FromState, step.ToState = check.State, change["state"].(models.CityCheckState)
	if !step.ToState.Open() {
		if err := s.closeSubject(tx, check.CycleID, models.CertificationObject(check.Number), step.OnDate, c.Actor); err != nil {
			return fmt.Errorf("closing what is owed in the check of %s: %w", check.Number, err)
		}
	}
	return s.cityStep(tx, c, step, detail)
}

// cityStep puts one event on record.
func (s *Store) cityStep(tx *gorm.DB, c models.CityCommand, step cityStepRow, detail any) error {
	if detail == nil {
		detail = struct{}{}
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("recording %s: %w", step.Event, err)
	}
	step.CycleID, step.CommandID, step.RequestHash, step.Detail, step.Actor, step.At = c.CycleID, c.CommandID, c.Request, string(text), c.Actor, s.now()
	if err := tx.Create(&step).Error; err != nil {
		return fmt.Errorf("recording %s: %w", step.Event, err)
	}
	object := "cycle/" + c.CycleID
	if step.CertificationID != 0 {
		object = models.CertificationObject(c.Number)
	}
	return s.audit(tx, c.Actor, "city."+string(step.Event), object, map[string]any{"command": c.CommandID, "certification": step.CertificationID, "from": step.FromState, "to": step.ToState,
		"on": step.OnDate, "reason_id": step.ReasonID, "clause": step.Clause, "detail": json.RawMessage(text)})
}

// MoveCityDue gives a spot check that goes on another last day, never one that is over.
func (s *Store) MoveCityDue(ctx context.Context, cycleID string, due, today calendar.Date) (models.CertificationBoard, error) {
	due = max(due, today)
	err := s.tx(ctx, func(tx *gorm.DB) error {
		moved := tx.Model(&cityReportRow{}).Where("cycle_id = ? AND closed_on IS NULL AND outcome_due <> ?", cycleID, due).Update("outcome_due", due)
		if moved.Error != nil || moved.RowsAffected == 0 {
			return moved.Error
		}
		err := tx.Model(&obligationRow{}).Where("cycle_id = ? AND kind = ? AND state = ?", cycleID, models.ObligationCityCheck, models.ObligationOpen).Update("due", due).Error
		if err != nil {
			return err
		}
		return s.audit(tx, models.ActorSystem, "city.due", "cycle/"+cycleID, map[string]any{"outcome_due": due})
	})
	if err != nil {
		return models.CertificationBoard{}, fmt.Errorf("moving the due date of the spot check of %s: %w", cycleID, err)
	}
	return s.CertificationBoard(ctx, cycleID)
}

// EndCityCheck closes a spot check whose date came with nothing open; nothing happens when it is closed already.
func (s *Store) EndCityCheck(ctx context.Context, cycleID string, today calendar.Date) (models.CertificationBoard, error) {
	c := models.CityCommand{CommandID: "due", CycleID: cycleID, Event: models.CityClose, Actor: models.ActorSystem}
	if r, err := s.CityReport(ctx, cycleID); err != nil || r.ClosedOn != 0 {
		b, e := s.CertificationBoard(ctx, cycleID)
		return b, errors.Join(err, e)
	}
	return s.ActOnCity(ctx, c, today)
}
