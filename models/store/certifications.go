package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// proposedRow is a proposed application with its place, and whether people may still object to it.
type proposedRow struct {
	ID        int64
	USCC      string `gorm:"column:uscc"`
	Seat      int
	Unsettled bool
}

// proposedSQL gives proposed applications that hold a place, after an id. Unsettled: not on a notice of this start of the cycle that is closed, or an
// objection to it still goes on (三(二)).
const proposedSQL = `SELECT a.id, a.uscc, p.seat,
	(NOT EXISTS (SELECT 1 FROM notice_entries e JOIN notices n ON n.cycle_id = e.cycle_id AND n.number = e.number
		WHERE e.application_id = a.id AND e.removed_on IS NULL AND n.closed_on IS NOT NULL AND n.at >= y.started_at)
	OR EXISTS (SELECT 1 FROM objections o WHERE o.application_id = a.id AND o.kind = 'notice' AND o.state IN ?)) AS unsettled
	FROM applications a JOIN place_seats p ON p.cycle_id = a.cycle_id AND p.application_id = a.id JOIN cycles y ON y.id = a.cycle_id
	WHERE a.cycle_id = ? AND a.state = 'proposed' AND a.id > ? ORDER BY a.id LIMIT ?`

// CertifyProposed certifies, in one transaction, up to limit proposed applications after an id (附三(二)2): the bars are checked again
// with today's data, and who is barred now is refused with the clause and leaves the place empty; the others get their number, from
// today for the years of the policy. Left out, still proposed, are those whose notice is not closed, and those in which
// the one who orders has a hand (R12). Doing it again changes nothing.
func (s *Store) CertifyProposed(ctx context.Context, cycleID string, order models.CertificationOrder, today calendar.Date, program string, after int64, limit int) (models.CertificationPage, error) {
	page := models.CertificationPage{Last: after}
	failed := func(err error) (models.CertificationPage, error) {
		return page, fmt.Errorf("certifying in %s: %w", cycleID, err)
	}
	cycle, err := s.Cycle(ctx, cycleID)
	if err != nil {
		return failed(err)
	}
	law, err := s.PolicyByID(ctx, cycle.PolicyID)
	if err != nil {
		return failed(err)
	}
	var rows []proposedRow
	if err := s.db.WithContext(ctx).Raw(proposedSQL, models.LiveObjectionStates, cycleID, after, limit).Scan(&rows).Error; err != nil {
		return failed(err)
	}
	codes, ids := make([]string, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		codes[i], ids[i] = r.USCC, r.ID
	}
	candidates, err := s.Candidates(ctx, cycleID, codes)
	if err != nil {
		return failed(err)
	}
	c := certifying{s: s, law: law, order: order, today: today, program: program, benefits: cycle.Plan[calendar.PlanBenefitsStart]}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		c.page = models.CertificationPage{Last: after, Done: len(rows) < limit}
		// all of them locked before anything else is read, so that who stands aside, objects or withdraws now comes before or after
		list, err := s.lockApplications(tx, ids)
		if err != nil {
			return err
		}
		var now []proposedRow
		if err := tx.Raw(proposedSQL, models.LiveObjectionStates, cycleID, after, limit).Scan(&now).Error; err != nil {
			return err
		}
		for _, a := range list {
			candidate, ok := candidates[a.USCC]
			c.known = ok
			if err := c.one(tx, a, now, &candidate); err != nil {
				return err
			}
			c.page.Last = a.ID
		}
		return c.count(tx, cycleID)
	})
	if err != nil {
		return failed(err)
	}
	return c.page, nil
}

// certifying is one page on its way.
type certifying struct {
	s       *Store
	law     PolicyVersion
	order   models.CertificationOrder
	today   calendar.Date
	program string
	page    models.CertificationPage

	benefits calendar.Date // from which the certified have the benefits (二(一)3)
	known    bool          // the registry has the household at hand
}

// bars are what stands in the way of the certification today; who is not registered cannot be certified.
func (c *certifying) bars(a models.Application, candidate *models.Candidate) []models.Bar {
	if !c.known {
		return []models.Bar{{ID: policy.BarRegistered, Clause: "附一(三)1", Why: "最近交付的登记数据中没有该户"}}
	}
	return c.law.Bars(candidate, a.Origin, a.SubmittedOn, c.today)
}

// one certifies an application, which is locked, or says why not; now is where the proposed ones stand under that lock.
func (c *certifying) one(tx *gorm.DB, a models.Application, now []proposedRow, candidate *models.Candidate) error {
	i := slices.IndexFunc(now, func(r proposedRow) bool { return r.ID == a.ID })
	if i < 0 { // withdrawn since the page was read
		return nil
	}
	r := now[i]
	command := models.ApplicationCommand{CommandID: derivedCommand("certify/", c.order.CommandID), ApplicationID: a.ID, Event: models.EventCertify, Actor: c.order.Actor}
	switch err := c.s.mayDecide(tx, a, c.order.Actor); {
	case models.CodeOf(err) == models.CodeForbidden:
		c.page.Conflict++
		return nil
	case err != nil:
		return err
	case r.Unsettled:
		c.page.Unsettled++
		return nil
	}
	if bars := c.bars(a, candidate); len(bars) > 0 {
		return c.bar(tx, &a, command, bars)
	}
	return c.certify(tx, &a, candidate, command, r.Seat)
}

// derivedCommand is the id of a command on an application that follows from another command; it fits its column.
func derivedCommand(prefix, id string) string {
	if len(prefix)+len(id) > 100 {
		sum := sha256.Sum256([]byte(id))
		id = hex.EncodeToString(sum[:])
	}
	return prefix + id
}

func (c *certifying) bar(tx *gorm.DB, a *models.Application, command models.ApplicationCommand, bars []models.Bar) error {
	ids := make([]string, len(bars))
	for i, b := range bars {
		ids[i] = b.ID
	}
	id, err := c.s.barReason(tx, "认定前复核：", bars)
	if err != nil {
		return err
	}
	command.Event, command.ReasonID, command.Clause = models.EventBar, id, bars[0].Clause
	return c.s.moveApplication(tx, a, command, c.today, map[string]any{"bars": ids})
}

func (c *certifying) certify(tx *gorm.DB, a *models.Application, candidate *models.Candidate, command models.ApplicationCommand, seat int) error {
	live := 1
	row := models.Certification{Number: models.CertificationNumber(a.District, a.Year, seat), CycleID: a.CycleID, Seat: seat, ApplicationID: a.ID,
		District: a.District, Year: a.Year, USCC: a.USCC, Name: a.Name, Tier: candidate.Tier, Category: a.Category, CertifiedOn: c.today,
		ValidUntil: models.ValidUntil(c.today, int(c.law.Validity.Years.Value.Amount)), State: models.CertificationValid, Live: &live,
		BenefitsFrom: c.benefits, Reached: c.today, NextOn: c.today,
		PolicyID: c.law.ID, PolicyHash: c.law.Hash, RunID: candidate.RunID, Program: c.program, At: c.s.now()}
	switch barred, err := c.succeed(tx, a.USCC, command); {
	case err != nil:
		return err
	case len(barred) > 0:
		return c.bar(tx, a, command, barred)
	}
	if err := tx.Create(&row).Error; err != nil {
		return fmt.Errorf("recording the certification of application %d: %w", a.ID, err)
	}
	command.Clause = "附三(二)2"
	return c.s.moveApplication(tx, a, command, c.today, map[string]any{"number": row.Number, "category": row.Category, "valid_until": row.ValidUntil,
		"order": c.order.CommandID, "order_reason_id": c.order.ReasonID}) // why the order was given is not the household's matter
}

// succeed ends the household's certification that runs out before the new one's benefits begin, so that it has one at a time; one that does
// not run out, extended since the bars were read, stands in the way of the new one (附三(四)).
func (c *certifying) succeed(tx *gorm.DB, uscc string, command models.ApplicationCommand) ([]models.Bar, error) {
	var old []models.Certification
	if err := c.s.forUpdate(tx).Where("uscc = ? AND live = 1", uscc).Limit(1).Find(&old).Error; err != nil || len(old) == 0 {
		return nil, err
	}
	if old[0].ValidUntil >= c.benefits {
		return []models.Bar{{ID: policy.BarCertified, Clause: "附三(四)", Text: "同一个体工商户只能认定为一个类型", Why: "已经认定（" + old[0].Number + "），有效期至" + old[0].ValidUntil.Chinese()}}, nil
	}
	w := &certifiedWork{c: &old[0], today: c.today}
	return nil, c.s.recordCertified(tx, w, models.CertifiedCommand{CommandID: derivedCommand("succeed/", command.CommandID), CertificationID: old[0].ID,
		Event: models.CertifiedSucceed, Actor: command.Actor, Clause: "附三(四)"}, map[string]any{"application": command.ApplicationID})
}

// count takes what the order has done so far from the record, so that a page that is tried again is not lost or counted twice.
func (c *certifying) count(tx *gorm.DB, cycleID string) error {
	var counts []struct {
		Event models.ApplicationEvent
		N     int
	}
	err := tx.Raw(`SELECT e.event, COUNT(*) AS n FROM applications a JOIN application_events e ON e.application_id = a.id AND e.command_id = ?
		WHERE a.cycle_id = ? GROUP BY e.event`, derivedCommand("certify/", c.order.CommandID), cycleID).Scan(&counts).Error
	if err != nil {
		return fmt.Errorf("counting what order %s did: %w", c.order.CommandID, err)
	}
	for _, n := range counts {
		switch n.Event {
		case models.EventCertify:
			c.page.Certified = n.N
		case models.EventBar:
			c.page.Barred = n.N
		}
	}
	return nil
}

// OpenCertification makes the bureau owe the certification by due, unless nothing is proposed, and says where it stands.
func (s *Store) OpenCertification(ctx context.Context, cycleID string, due, today calendar.Date) (models.CertificationBoard, error) {
	b, err := s.CertificationBoard(ctx, cycleID)
	if err != nil || b.Proposed == 0 {
		return b, err
	}
	district, year, err := models.ParseCycleID(cycleID)
	if err != nil {
		return b, err
	}
	return b, s.OpenObligation(ctx, models.Obligation{CycleID: cycleID, District: district, Kind: models.ObligationCertification,
		OwnerKind: models.OwnerDepartment, Owner: models.BureauCode, Required: true, Title: fmt.Sprintf("%d年“名特优新”个体工商户认定并报市市场监管局", year),
		Clause: "二(一)3", Due: due, OpenedOn: today})
}

// CertificationBoard says where a cycle's certification and its spot check stand.
func (s *Store) CertificationBoard(ctx context.Context, cycleID string) (models.CertificationBoard, error) {
	return s.certificationBoard(s.db.WithContext(ctx), cycleID)
}

func (s *Store) certificationBoard(tx *gorm.DB, cycleID string) (models.CertificationBoard, error) {
	b := models.CertificationBoard{Why: []models.CertificationCount{}}
	failed := func(err error) (models.CertificationBoard, error) {
		return b, fmt.Errorf("reading where the certification of %s stands: %w", cycleID, err)
	}
	err := tx.Raw(`SELECT (SELECT COUNT(*) FROM place_seats WHERE cycle_id = ?), (SELECT COUNT(*) FROM applications WHERE cycle_id = ? AND state = ?),
		(SELECT COUNT(*) FROM certifications WHERE cycle_id = ? AND state <> ?), (SELECT COUNT(*) FROM certifications WHERE cycle_id = ? AND state = ?)`,
		cycleID, cycleID, models.ApplicationProposed, cycleID, models.CertificationRefused, cycleID, models.CertificationRefused).
		Row().Scan(&b.Places, &b.Proposed, &b.Certified, &b.Refused)
	if err != nil {
		return failed(err)
	}
	b.Empty = b.Places - b.Proposed - b.Certified
	err = tx.Raw(`SELECT e.event, COUNT(*) AS count FROM application_events e JOIN applications a ON a.id = e.application_id
		WHERE a.cycle_id = ? AND e.from_state IN (?, ?) AND e.to_state <> ? GROUP BY e.event ORDER BY e.event`,
		cycleID, models.ApplicationProposed, models.ApplicationCertified, models.ApplicationCertified).Scan(&b.Why).Error
	if err != nil {
		return failed(err)
	}
	for i := range b.Why {
		b.Why[i].Name = b.Why[i].Event.Name()
	}
	if b.City, err = s.cityBoard(tx, cycleID); err != nil {
		return failed(err)
	}
	return b, nil
}

// Certification gives the certification with a number; CodeNotFound if there is none.
func (s *Store) Certification(ctx context.Context, number string) (models.Certification, error) {
	return s.certification(s.db.WithContext(ctx), number)
}

func (s *Store) certification(tx *gorm.DB, number string) (c models.Certification, err error) {
	switch err := tx.Where("number = ?", number).Take(&c).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return c, models.NotFound("没有编号为“%s”的认定", number)
	case err != nil:
		return c, fmt.Errorf("reading certification %s: %w", number, err)
	}
	return c, nil
}

// CertificationQuery selects certifications of a cycle, by number after a key; an empty field selects all.
type CertificationQuery struct {
	CycleID  string
	Category models.Category
	State    models.CertificationState
	After    int // seat
	Limit    int
}

// Certifications lists a cycle's certifications in the order of their places.
func (s *Store) Certifications(ctx context.Context, q CertificationQuery) ([]models.Certification, error) {
	sel := s.db.WithContext(ctx).Where("cycle_id = ? AND seat > ?", q.CycleID, q.After)
	if q.Category != "" {
		sel = sel.Where("category = ?", q.Category)
	}
	if q.State != "" {
		sel = sel.Where("state = ?", q.State)
	}
	var list []models.Certification
	if err := sel.Order("seat").Limit(q.Limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("listing the certifications of %s: %w", q.CycleID, err)
	}
	return list, nil
}
