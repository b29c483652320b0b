package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// RoundCycles lists the cycles that a morning round looks after: one rehearsed cycle, or every cycle of a district that lives in
// real time; those that are running, and those that are done while something lasting is still owed in them.
func (s *Store) RoundCycles(ctx context.Context, district, cycleID string) ([]models.Cycle, error) {
	q := s.db.WithContext(ctx).Where(`district = ? AND (state = ? OR state = ? AND EXISTS
		(SELECT 1 FROM obligations o WHERE o.cycle_id = cycles.id AND o.state = ?))`, district, models.CycleRunning, models.CycleDone, models.ObligationOpen)
	if cycleID != "" {
		q = q.Where("id = ?", cycleID)
	}
	var rows []cycleRow
	if err := q.Order("id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing the cycles of %s's round: %w", district, err)
	}
	var list []models.Cycle
	for _, r := range rows {
		c, err := r.cycle()
		if err != nil {
			return nil, err
		}
		if c.Clock.Rehearsal() == (cycleID != "") {
			list = append(list, c)
		}
	}
	return list, nil
}

// Debtor is who owes something.
type Debtor struct {
	Kind  models.OwnerKind `gorm:"column:owner_kind"`
	Owner string
}

// Debtors lists who owes something in the cycles that is due by a date and of which there is something to say, in order. It asks about each
// obligation with its CycleID, Kind, OwnerKind, Owner, Due, Reminded and EscalatedOn only.
func (s *Store) Debtors(ctx context.Context, district string, cycles []string, dueBy calendar.Date, say func(models.Obligation) bool) ([]Debtor, error) {
	failed := func(err error) ([]Debtor, error) {
		return nil, fmt.Errorf("looking for who owes something in %s: %w", district, err)
	}
	rows, err := s.db.WithContext(ctx).Raw(`SELECT cycle_id, kind, owner_kind, owner, due, reminded_step, escalated_on FROM obligations
		WHERE district = ? AND state = ? AND due <= ? AND cycle_id IN ?`, district, models.ObligationOpen, dueBy, cycles).Rows()
	if err != nil {
		return failed(err)
	}
	defer func() { _ = rows.Close() }()
	found := map[Debtor]bool{}
	for rows.Next() {
		var o models.Obligation
		if err := rows.Scan(&o.CycleID, &o.Kind, &o.OwnerKind, &o.Owner, &o.Due, &o.Reminded, &o.EscalatedOn); err != nil {
			return failed(err)
		}
		if d := (Debtor{o.OwnerKind, o.Owner}); !found[d] && say(o) {
			found[d] = true
		}
	}
	if err := rows.Err(); err != nil {
		return failed(err)
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b Debtor) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Owner, b.Owner))
	}), nil
}

// Owed gives what an owner owes in the cycles that is due by a date, by due date and id, after a cursor.
func (s *Store) Owed(ctx context.Context, district, owner string, cycles []string, dueBy calendar.Date, after ObligationCursor, limit int) ([]models.Obligation, error) {
	q := s.db.WithContext(ctx).Where("district = ? AND owner = ? AND state = ? AND due <= ? AND cycle_id IN ?", district, owner, models.ObligationOpen, dueBy, cycles)
	if after.ID != 0 {
		q = q.Where("due >= ? AND (due > ? OR id > ?)", after.Due, after.Due, after.ID)
	}
	var rows []obligationRow
	if err := q.Order("due, id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading what %s owes in %s: %w", owner, district, err)
	}
	list := make([]models.Obligation, len(rows))
	for i, r := range rows {
		list[i] = r.obligation()
	}
	return list, nil
}

// addresses gives those of the users selected who are not disabled.
func (s *Store) addresses(ctx context.Context, where string, args ...any) (list []string, err error) {
	err = s.db.WithContext(ctx).Table("users").Where("disabled = ?", false).Where(where, args...).Order("id").Pluck("email", &list).Error
	if err != nil {
		return nil, fmt.Errorf("looking for people's addresses: %w", err)
	}
	return list, nil
}

// Recipients gives the addresses at which a department is reached, without doubles: its officers, or else its mailbox.
// For the bureau they are the district's administrators, its officers and its mailbox, or else the administrators of
// the whole installation. None is possible.
func (s *Store) Recipients(ctx context.Context, district, department string) ([]string, error) {
	list, err := s.addresses(ctx, "district = ? AND (role = ? AND department = ? OR role = ? AND ?)",
		district, models.RoleDepartment, department, models.RoleAdmin, department == models.BureauCode)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || department == models.BureauCode {
		var mailbox []string
		err := s.db.WithContext(ctx).Table("departments").Where("district = ? AND code = ? AND email <> ''", district, department).Pluck("email", &mailbox).Error
		if err != nil {
			return nil, fmt.Errorf("looking for the mailbox of %s/%s: %w", district, department, err)
		}
		list = append(list, mailbox...)
	}
	if len(list) == 0 && department == models.BureauCode {
		if list, err = s.addresses(ctx, "district = '' AND role = ?", models.RoleAdmin); err != nil {
			return nil, err
		}
	}
	seen := map[string]bool{}
	var once []string
	for _, a := range list {
		if !seen[a] {
			seen[a] = true
			once = append(once, a)
		}
	}
	return once, nil
}

// Reach gives how a debtor is addressed in a letter, and the addresses at which it is reached: a department as Recipients
// says; a household at the address that the newest registry delivery holds; a person at the own; the city's reviewers; the bureau's administrators. None is possible.
func (s *Store) Reach(ctx context.Context, district string, d Debtor) (name string, to []string, err error) {
	db := s.db.WithContext(ctx)
	switch d.Kind {
	case models.OwnerHousehold:
		var row struct{ Name, Email *string }
		// the registry is ordered by district and year: one look for each year that was delivered, not a walk through the district
		err = db.Raw(`SELECT g.name, g.email FROM (SELECT DISTINCT year FROM deliveries WHERE district = ? AND source = ?) k
			`+s.inOrder()+` src_registry g ON g.district = ? AND g.year = k.year AND g.uscc = ? ORDER BY g.year DESC LIMIT 1`,
			district, models.SourceRegistry.String(), district, d.Owner).Scan(&row).Error
		if row.Name != nil {
			name = *row.Name
		}
		if row.Email != nil && models.ValidateEmail("email", *row.Email) == nil {
			to = []string{*row.Email}
		}
	case models.OwnerUser:
		var users []models.User
		id, ok := models.Actor(d.Owner).UserID()
		if !ok {
			return d.Owner, nil, nil
		}
		if err = db.Where("id = ? AND disabled = ?", id, false).Find(&users).Error; len(users) > 0 {
			name, to = users[0].Name, []string{users[0].Email}
		}
	case models.OwnerCity:
		name = "市市场监管局"
		to, err = s.addresses(ctx, "role = ? AND district IN ?", models.RoleCity, []string{"", district})
	case models.OwnerAdmins:
		name = "区市场监管局管理员"
		for _, where := range []string{district, ""} { // those of the district, or else those of the whole installation
			if to, err = s.addresses(ctx, "role = ? AND district = ?", models.RoleAdmin, where); err != nil || len(to) > 0 {
				break
			}
		}
	default:
		to, err = s.Recipients(ctx, district, d.Owner)
	}
	if err != nil {
		return "", nil, fmt.Errorf("looking for how %s is reached in %s: %w", d.Owner, district, err)
	}
	return name, to, nil
}

// Reminded is an obligation whose owner is reminded, with the step of the ladder that came.
type Reminded struct {
	ID   int64
	Step int
}

// Remind writes the mails of one recipient group and marks what they speak of, all or nothing. When none of the mails
// is new (they were written on this date before), nothing is marked, so that what came since waits for the next round.
func (s *Store) Remind(ctx context.Context, mails []models.Message, marks []Reminded, on calendar.Date) (added int, err error) {
	byStep := map[int][]int64{}
	for _, m := range marks {
		byStep[m.Step] = append(byStep[m.Step], m.ID)
	}
	return s.mailAndMark(ctx, mails, func(tx *gorm.DB) error {
		for step, ids := range byStep {
			if err := s.markObligations(tx, ids, map[string]any{"reminded_step": step, "reminded_on": on}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Escalate is Remind for what the bureau must know.
func (s *Store) Escalate(ctx context.Context, mails []models.Message, ids []int64, on calendar.Date) (added int, err error) {
	return s.mailAndMark(ctx, mails, func(tx *gorm.DB) error {
		return s.markObligations(tx, ids, map[string]any{"escalated_on": on})
	})
}

func (s *Store) mailAndMark(ctx context.Context, mails []models.Message, mark func(tx *gorm.DB) error) (added int, err error) {
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if added, err = s.enqueue(tx, mails...); err != nil || added == 0 {
			return err
		}
		return mark(tx)
	})
	return added, err
}

func (s *Store) markObligations(tx *gorm.DB, ids []int64, change map[string]any) error {
	change["updated_at"] = s.now()
	for len(ids) > 0 {
		n := min(len(ids), 1000)
		if err := tx.Model(&obligationRow{}).Where("id IN ? AND state = ?", ids[:n], models.ObligationOpen).Updates(change).Error; err != nil {
			return fmt.Errorf("marking what was reminded: %w", err)
		}
		ids = ids[n:]
	}
	return nil
}

// UnattendedApplications lists, after an id, applications of a cycle of which their process does not know what happened, or that stand
// beyond a limit that it should have ended.
func (s *Store) UnattendedApplications(ctx context.Context, cycleID string, today calendar.Date, after int64, limit int) ([]models.Application, error) {
	var rows []applicationRow
	err := s.db.WithContext(ctx).Where("cycle_id = ? AND id > ? AND (events > process_events OR state IN ? AND limit_on < ?)", cycleID, after,
		[]models.ApplicationState{models.ApplicationConsent, models.ApplicationSupplement}, today).Order("id").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("looking for applications of %s without attention: %w", cycleID, err)
	}
	return applicationsOf(rows), nil
}

// RoundEnded says whether nothing is left for a rehearsed cycle's round to look after: the cycle is over, nothing lasting is owed in it, and
// no certification of it goes on.
func (s *Store) RoundEnded(ctx context.Context, c models.Cycle) (bool, error) {
	if c.State != models.CycleDone {
		return c.State == models.CycleCancelled, nil
	}
	var open int64
	err := s.db.WithContext(ctx).Raw(`SELECT (SELECT COUNT(*) FROM obligations WHERE cycle_id = ? AND state = ?) +
		(SELECT COUNT(*) FROM certifications WHERE cycle_id = ? AND live = 1)`, c.ID, models.ObligationOpen, c.ID).Scan(&open).Error
	if err != nil {
		return false, fmt.Errorf("looking for what goes on of %s: %w", c.ID, err)
	}
	return open == 0, nil
}
