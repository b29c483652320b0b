package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// HelpLetters writes what an event of help has to be told of; it is called within the transaction and only computes.
type HelpLetters func(models.Help, models.HelpStep) ([]models.Message, error)

// helpTerms is what the effects of a command on help need to know beside the help, read before the transaction.
type helpTerms struct {
	cycle    models.Cycle
	policy   *policy.Policy
	workdays *calendar.Workdays
	named    map[MeasureKey][]string
	letters  HelpLetters
	today    calendar.Date
}

func (s *Store) helpTerms(ctx context.Context, cycleID string, today calendar.Date, letters HelpLetters) (t helpTerms, err error) {
	t.today, t.letters = today, letters
	if t.cycle, err = s.Cycle(ctx, cycleID); err != nil {
		return t, err
	}
	if t.cycle.State == models.CycleCancelled {
		return t, models.Conflict("%d年度的工作已取消，不再登记帮扶", t.cycle.Year)
	}
	if t.policy, err = s.policyByID(ctx, t.cycle.PolicyID); err != nil {
		return t, err
	}
	if t.workdays, err = s.Workdays(ctx); err != nil {
		return t, err
	}
	t.named, err = s.MeasureDepartments(ctx, t.cycle.District)
	return t, err
}

// Help gives one household's help; CodeNotFound if there is none.
func (s *Store) Help(ctx context.Context, id int64) (models.Help, error) {
	return takeHelp(s.db.WithContext(ctx), id)
}

func takeHelp(tx *gorm.DB, id int64) (h models.Help, err error) {
	switch err := tx.Where("id = ?", id).Take(&h).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return h, models.NotFound("没有编号为 %d 的帮扶记录", id)
	case err != nil:
		return h, fmt.Errorf("reading help %d: %w", id, err)
	}
	return h, nil
}

// ActOnHelp carries a command out, once. Without a HelpID it is about the household's help that goes on for that part of a measure and department, or about
// help that begins with it: then the measure must be for the household (附二, 附四) and the department be responsible for it. What is
// owed for it, the letters and the record are written in the same transaction. The error is a *models.Error when the command is refused.
func (s *Store) ActOnHelp(ctx context.Context, c models.HelpCommand, today calendar.Date, letters HelpLetters) (h models.Help, err error) {
	if err := c.Validate(today); err != nil {
		return h, err
	}
	if c.HelpID != 0 {
		if h, err = s.Help(ctx, c.HelpID); err != nil {
			return h, err
		}
		c.CycleID = h.CycleID
	}
	t, err := s.helpTerms(ctx, c.CycleID, today, letters)
	if err != nil {
		return h, err
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if err := s.lockStanding(tx, t, c); err != nil {
			return err
		}
		var done bool
		if h, done, err = s.findHelp(tx, c); err != nil || done {
			return err
		}
		if h.ID == 0 {
			if h, err = s.beginHelp(tx, c, t); err != nil {
				return err
			}
		}
		if _, operator := c.Actor.Household(); !operator {
			if err := s.standsApart(tx, h.USCC, c.Actor); err != nil {
				return err
			}
		}
		if err := t.stillFits(tx, h, c.Event, c.On); err != nil {
			return err
		}
		step, err := s.moveHelp(tx, &h, c, t)
		if err != nil {
			return err
		}
		return s.audit(tx, c.Actor, "help."+string(c.Event), models.HelpObject(h.ID), map[string]any{"clause": h.Clause, "part": h.Part, "department": h.Department,
			"uscc": h.USCC, "due": step.Due, "delivered_on": h.DeliveredOn, "reason_id": step.ReasonID})
	})
	return h, err
}

// lockStanding makes commands that name a household wait for each other: two that find nothing on record lock the same gap, and neither could
// then write.
func (s *Store) lockStanding(tx *gorm.DB, t helpTerms, c models.HelpCommand) error {
	if c.HelpID != 0 {
		return nil
	}
	var tiers []int
	err := s.forUpdate(tx).Table("published_tiers").Where("district = ? AND year = ? AND uscc = ?", t.cycle.District, t.cycle.Year, c.USCC).Pluck("tier", &tiers).Error
	if err != nil {
		return fmt.Errorf("locking a household's published tier: %w", err)
	}
	return nil
}

// findHelp locks the help that a command is about; done says that the command was carried out before. Help without an ID is not on record.
func (s *Store) findHelp(tx *gorm.DB, c models.HelpCommand) (h models.Help, done bool, err error) {
	if c.HelpID != 0 {
		if h, err = takeHelp(s.forUpdate(tx), c.HelpID); err != nil {
			return h, false, err
		}
	} else {
		var found []models.Help
		err := s.forUpdate(tx).Where("cycle_id = ? AND uscc = ? AND clause = ? AND part = ? AND department = ?", c.CycleID, c.USCC, c.Clause, c.Part, c.Department).Order("id").Find(&found).Error
		if err != nil {
			return h, false, fmt.Errorf("looking for the help of a household: %w", err)
		}
		if h, err = helpOfCommand(tx, found, c.CommandID); err != nil {
			return h, false, err
		}
	}
	if h.ID == 0 {
		return h, false, nil
	}
	done, err = commandDone(tx.Table("help_events").Where("help_id = ? AND command_id = ?", h.ID, c.CommandID), string(c.Event), c.Actor, c.Request)
	return h, done, err
}

// helpOfCommand is, of a household's help, the one that a command was about, or else the one that goes on.
func helpOfCommand(tx *gorm.DB, found []models.Help, command string) (h models.Help, err error) {
	ids := make([]int64, len(found))
	for i, f := range found {
		if ids[i] = f.ID; f.Live != nil {
			h = f
		}
	}
	if len(found) == 0 {
		return h, nil
	}
	var done []int64
	if err := tx.Table("help_events").Where("help_id IN ? AND command_id = ?", ids, command).Pluck("help_id", &done).Error; err != nil {
		return h, fmt.Errorf("looking for a command on record: %w", err)
	}
	if len(done) > 0 {
		h = found[slices.Index(ids, done[0])]
	}
	return h, nil
}

// beginHelp gives help that is not on record yet, when the measure is for the household.
func (s *Store) beginHelp(tx *gorm.DB, c models.HelpCommand, t helpTerms) (models.Help, error) {
	on := t.today
	if c.Event == models.HelpDeliver && c.On != 0 {
		on = c.On
	}
	known, err := s.entitlements(tx, t.cycle.District, t.cycle.Year, on, []string{c.USCC})
	if err != nil {
		return models.Help{}, err
	}
	e, ok := known[c.USCC]
	if !ok {
		return models.Help{}, models.Conflict("该户没有%d年度公布的分型结果，也没有可以享受培育措施的认定", t.cycle.Year)
	}
	if err := t.fits(e, c.Clause, c.Part, c.Department); err != nil {
		return models.Help{}, err
	}
	if _, part, _ := t.policy.Measure(c.Clause, c.Part); c.Event == models.HelpRequest && !part.Period.Includes(t.today) {
		return models.Help{}, models.Conflict("该项措施的办理时间为%s", part.Period.Words())
	}
	return t.begin(e, c), nil
}

// begin is help as it is before its first event.
func (t helpTerms) begin(e Entitled, c models.HelpCommand) models.Help {
	return models.Help{CycleID: t.cycle.ID, District: t.cycle.District, Year: t.cycle.Year, USCC: e.USCC, Name: e.Name, Street: e.Street,
		Clause: c.Clause, Part: c.Part, Department: c.Department}
}

// fits refuses help under a part of a measure that is not for the household, or not the department's.
func (t helpTerms) fits(e Entitled, clause string, number int, department string) error {
	m, part, err := t.policy.Measure(clause, number)
	if err != nil {
		return err
	}
	if !m.Fits(e.Tier, e.Category) {
		return models.Conflict("%s“%s”适用于“%s”个体工商户，%s", m.Clause, m.Name, m.For, standingWords(e))
	}
	if !slices.Contains(part.Responsible(t.named[MeasureKey{clause, number}]), department) {
		return models.Invalid("department", "%s“%s”第 %d 项不由“%s”负责", m.Clause, m.Name, number, t.policy.DepartmentName(department))
	}
	return nil
}

// stillFits refuses to promise or give, on an earlier request or promise, what rests on a certification that gives no benefits on that day, as
// after its cancellation or revocation (附三(五)). What rests on a tier stands for the year. on is 0 for today.
func (t helpTerms) stillFits(tx *gorm.DB, h models.Help, event models.HelpEvent, on calendar.Date) error {
	if h.ID == 0 || event != models.HelpPromise && event != models.HelpDeliver {
		return nil
	}
	m, _, err := t.policy.Measure(h.Clause, h.Part)
	switch {
	case models.CodeOf(err) == models.CodeNotFound: // what was promised is owed though the policy lost the measure
		return nil
	case err != nil:
		return err
	case m.Category() == "":
		return nil
	}
	if on == 0 || event == models.HelpPromise {
		on = t.today
	}
	var n int64
	err = tx.Model(&models.Certification{}).Where(`uscc = ? AND district = ? AND category = ? AND certified_on <= ? AND benefits_from <= ? AND valid_until >= ?
		AND (ended_on IS NULL OR ended_on > ?)`, h.USCC, h.District, m.Category(), on, on, on, on).Count(&n).Error
	if err != nil {
		return fmt.Errorf("looking for the certification that help %d rests on: %w", h.ID, err)
	}
	if n == 0 {
		return models.Conflict("%s“%s”适用于“%s”个体工商户，该户%s没有可以享受培育措施的认定；已申请的请不予办理，已承诺的请撤回，并写明理由", m.Clause, m.Name, m.For, on.Chinese())
	}
	return nil
}

func standingWords(e Entitled) string {
	words := "该户没有公布的分型结果"
	if e.Tier != models.NoTier {
		words = "该户的分型结果为“" + e.Tier.String() + "”"
	}
	if e.Category == "" {
		return words + "，没有已可享受培育措施的认定"
	}
	return words + "，认定为“" + e.Category.Name() + "”"
}

// moveHelp is the one place where help changes: the event goes on record, what is owed for it is opened, moved or closed, and its
// letters go into the outbox.
func (s *Store) moveHelp(tx *gorm.DB, h *models.Help, c models.HelpCommand, t helpTerms) (models.HelpStep, error) {
	from := h.State
	next, err := from.Next(c.Event)
	if err != nil {
		return models.HelpStep{}, err
	}
	if from == "" || c.Event == models.HelpDeliver {
		if err := s.onceADay(tx, *h, c, t); err != nil {
			return models.HelpStep{}, err
		}
	}
	h.State, h.Live, h.ReasonID, h.UpdatedAt = next, nil, c.ReasonID, s.now()
	h.Events++
	if next.Live() {
		one := 1
		h.Live = &one
	}
	switch c.Event {
	case models.HelpRequest:
		h.RequestedOn, h.RequestID, h.Due = t.today, c.ReasonID, t.workdays.TermEnd(t.today, t.policy.Workdays("help.answer"))
	case models.HelpPromise, models.HelpPostpone:
		if h.Due = c.On; h.Due == 0 {
			h.Due = t.workdays.TermEnd(t.today, t.policy.Workdays("help.deliver"))
		}
	case models.HelpDeliver:
		if h.DeliveredOn = c.On; h.DeliveredOn == 0 {
			h.DeliveredOn = t.today
		}
	}
	if err := s.saveHelp(tx, h); err != nil {
		return models.HelpStep{}, err
	}
	step := models.HelpStep{HelpID: h.ID, Seq: h.Events, CommandID: c.CommandID, RequestHash: c.Request, Event: c.Event, FromState: from, ToState: next,
		OnDate: t.today, ReasonID: c.ReasonID, Actor: c.Actor, At: h.UpdatedAt}
	if next.Live() {
		step.Due = h.Due
	}
	if err := tx.Table("help_events").Create(&step).Error; err != nil {
		return step, fmt.Errorf("recording what happened to help %d: %w", h.ID, err)
	}
	if err := s.oweHelp(tx, *h, c, t); err != nil {
		return step, err
	}
	if t.letters == nil {
		return step, nil
	}
	mails, err := t.letters(*h, step)
	if err == nil {
		_, err = s.enqueue(tx, mails...)
	}
	return step, err
}

func (s *Store) saveHelp(tx *gorm.DB, h *models.Help) error {
	if h.ID == 0 {
		h.CreatedAt = h.UpdatedAt
		switch err := tx.Create(h).Error; {
		case errors.Is(err, gorm.ErrDuplicatedKey):
			return models.Conflict("该户该项措施的帮扶刚刚由他人登记，请刷新后再试")
		case err != nil:
			return fmt.Errorf("recording help: %w", err)
		}
		return nil
	}
	err := tx.Model(h).Select("state", "live", "requested_on", "due", "delivered_on", "request_id", "reason_id", "events", "updated_at").Updates(h).Error
	if err != nil {
		return fmt.Errorf("changing help %d: %w", h.ID, err)
	}
	return nil
}

// onceADay refuses what is on record already: help given on the same day, or in the same year where the measure is 每年一次.
func (s *Store) onceADay(tx *gorm.DB, h models.Help, c models.HelpCommand, t helpTerms) error {
	_, part, _ := t.policy.Measure(h.Clause, h.Part) // one that the policy has no more is not 每年一次
	on := c.On
	if on == 0 {
		on = t.today
	}
	q := tx.Model(&models.Help{}).Where("cycle_id = ? AND uscc = ? AND clause = ? AND part = ? AND department = ? AND state = ? AND id <> ?",
		h.CycleID, h.USCC, h.Clause, h.Part, h.Department, models.HelpDelivered, h.ID)
	if !part.Period.Once {
		if c.Event != models.HelpDeliver {
			return nil
		}
		q = q.Where("delivered_on = ?", on)
	}
	var given []models.Help
	if err := q.Limit(1).Find(&given).Error; err != nil {
		return fmt.Errorf("looking for help that was given: %w", err)
	}
	switch {
	case len(given) == 0:
		return nil
	case part.Period.Once:
		return models.Conflict("该项措施每年一次，该户本年度已于%s兑现（%s）", given[0].DeliveredOn.Chinese(), given[0].Number())
	}
	return models.Conflict("该户该项帮扶%s已登记兑现（%s），不重复登记", on.Chinese(), given[0].Number())
}

// oweHelp opens, moves or closes what the department owes: an answer to a request, then what it promised.
func (s *Store) oweHelp(tx *gorm.DB, h models.Help, c models.HelpCommand, t helpTerms) error {
	subject := models.HelpObject(h.ID)
	switch h.State {
	case models.HelpRequested, models.HelpPromised:
		title := "答复帮扶申请（"
		if h.State == models.HelpPromised {
			title = "兑现帮扶承诺（"
		}
		m, _, err := t.policy.Measure(h.Clause, h.Part)
		if err != nil {
			m.Name = h.Clause // what was promised is owed, though the policy changed since
		}
		return s.openObligation(tx, models.Obligation{CycleID: h.CycleID, District: h.District, Kind: models.ObligationHelp, Subject: subject,
			OwnerKind: models.OwnerDepartment, Owner: h.Department, Title: title + h.Number() + "）：" + m.Name, Clause: h.Clause, Due: h.Due, OpenedOn: t.today})
	case models.HelpDelivered, models.HelpDeclined:
		return s.fulfilObligation(tx, h.CycleID, models.ObligationHelp, subject, h.Department, t.today, c.Actor)
	}
	return s.closeSubject(tx, h.CycleID, subject, t.today, c.Actor)
}

// HelpSteps gives what happened to help, in order.
func (s *Store) HelpSteps(ctx context.Context, id int64) ([]models.HelpStep, error) {
	var steps []models.HelpStep
	if err := s.db.WithContext(ctx).Table("help_events").Where("help_id = ?", id).Order("seq").Find(&steps).Error; err != nil {
		return nil, fmt.Errorf("reading what happened to help %d: %w", id, err)
	}
	return steps, nil
}

// HelpFilter selects help; an empty field selects all.
type HelpFilter struct {
	CycleID    string
	District   string
	Department string
	USCC       string
	Clause     string
	Part       int
	State      models.HelpState
	Street     string
	OverdueOn  calendar.Date // only what was not done by its date, as of this one
}

// HelpList lists help by id after one.
func (s *Store) HelpList(ctx context.Context, f HelpFilter, after int64, limit int) ([]models.Help, error) {
	q := s.db.WithContext(ctx).Where("id > ?", after)
	for _, w := range [...]struct{ column, value string }{{"cycle_id", f.CycleID}, {"district", f.District}, {"department", f.Department}, {"uscc", f.USCC},
		{"clause", f.Clause}, {"state", string(f.State)}, {"street", f.Street}} {
		if w.value != "" {
			q = q.Where(w.column+" = ?", w.value)
		}
	}
	if f.Part != 0 {
		q = q.Where("part = ?", f.Part)
	}
	if f.OverdueOn != 0 {
		q = q.Where("live = 1 AND due < ?", f.OverdueOn)
	}
	var list []models.Help
	if err := q.Order("id").Limit(limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("listing help: %w", err)
	}
	return list, nil
}

// HelpOf gives the help of some households under a part of a measure in a cycle, oldest first.
func (s *Store) HelpOf(ctx context.Context, cycleID string, key MeasureKey, codes []string) (map[string][]models.Help, error) {
	var list []models.Help
	err := s.db.WithContext(ctx).Where("cycle_id = ? AND uscc IN ? AND clause = ? AND part = ?", cycleID, append(codes, ""), key.Clause, key.Part).Order("id").Find(&list).Error
	if err != nil {
		return nil, fmt.Errorf("reading the help of households: %w", err)
	}
	of := map[string][]models.Help{}
	for _, h := range list {
		of[h.USCC] = append(of[h.USCC], h)
	}
	return of, nil
}
