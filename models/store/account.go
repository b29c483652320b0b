package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// Accounts gives what departments owed in a cycle and what became of it, by code; of one department, or of every one that has anything to
// account for. What people owe for the bureau (reviews, visits) is the bureau's. Each count is one query over the cycle.
func (s *Store) Accounts(ctx context.Context, cycleID, department string, today calendar.Date) ([]models.Account, error) {
	district, year, err := models.ParseCycleID(cycleID)
	if err != nil {
		return nil, err
	}
	db := s.db.WithContext(ctx)
	names, err := s.departmentNames(db, district, year)
	if err != nil {
		return nil, err
	}
	b := accounts{db: db, cycleID: cycleID, today: today, by: map[string]*models.Account{}}
	for _, read := range []func() error{b.obligations, b.reports, b.orders, b.help, b.differences, b.recommendations} {
		if err := read(); err != nil {
			return nil, fmt.Errorf("accounting for %s: %w", cycleID, err)
		}
	}
	if department != "" {
		b.of(department)
	}
	var list []models.Account
	for code, a := range b.by {
		for _, k := range a.Kinds {
			a.Total.Add(k.AccountCount)
		}
		if department == "" && a.Empty() || department != "" && code != department {
			continue
		}
		if a.Name = names[code]; a.Name == "" {
			a.Name = code
		}
		slices.SortFunc(a.Kinds, func(x, y models.AccountKind) int {
			return slices.Index(models.ObligationKinds, x.Kind) - slices.Index(models.ObligationKinds, y.Kind)
		})
		list = append(list, *a)
	}
	slices.SortFunc(list, func(x, y models.Account) int { return strings.Compare(x.Department, y.Department) })
	return list, nil
}

// accounts gathers the accounts of a cycle.
type accounts struct {
	db      *gorm.DB
	cycleID string
	today   calendar.Date
	by      map[string]*models.Account
}

func (b *accounts) of(department string) *models.Account {
	a := b.by[department]
	if a == nil {
		a = &models.Account{CycleID: b.cycleID, Department: department}
		b.by[department] = a
	}
	return a
}

func (b *accounts) obligations() error {
	var rows []struct {
		OwnerKind models.OwnerKind
		Owner     string
		models.AccountKind
	}
	err := b.db.Raw(`SELECT owner_kind, owner, kind, COUNT(*) AS owed,
		SUM(CASE WHEN state = 'done' AND done_on <= due THEN 1 ELSE 0 END) AS in_time,
		SUM(CASE WHEN state = 'done' AND done_on > due THEN 1 ELSE 0 END) AS late,
		SUM(CASE WHEN state = 'open' THEN 1 ELSE 0 END) AS open,
		SUM(CASE WHEN state = 'open' AND due < ? THEN 1 ELSE 0 END) AS overdue,
		SUM(CASE WHEN state = 'waived' THEN 1 ELSE 0 END) AS waived,
		SUM(CASE WHEN state = 'closed' THEN 1 ELSE 0 END) AS closed
		FROM obligations WHERE cycle_id = ? AND owner_kind IN ? GROUP BY owner_kind, owner, kind`,
		b.today, b.cycleID, []models.OwnerKind{models.OwnerDepartment, models.OwnerUser}).Scan(&rows).Error
	if err != nil {
		return err
	}
	for _, r := range rows {
		owner := r.Owner
		if r.OwnerKind == models.OwnerUser { // only the bureau's people owe anything in person
			owner = models.BureauCode
		}
		a := b.of(owner)
		i := slices.IndexFunc(a.Kinds, func(k models.AccountKind) bool { return k.Kind == r.Kind })
		if i < 0 {
			a.Kinds = append(a.Kinds, r.AccountKind)
			continue
		}
		a.Kinds[i].Add(r.AccountCount)
	}
	return nil
}

func (b *accounts) reports() error {
	var rows []struct {
		Owner                         string
		Reports, Returned, Households int64
	}
	err := b.db.Raw(`SELECT o.owner, COUNT(*) AS reports, SUM(CASE WHEN r.returned_on IS NULL THEN 0 ELSE 1 END) AS returned,
		SUM(CASE WHEN r.returned_on IS NULL THEN r.households ELSE 0 END) AS households
		FROM obligations o JOIN duty_reports r ON r.obligation_id = o.id WHERE o.cycle_id = ? AND o.kind = ? GROUP BY o.owner`,
		b.cycleID, models.ObligationDuty).Scan(&rows).Error
	for _, r := range rows {
		a := b.of(r.Owner)
		a.Reports, a.Returned, a.Households = r.Reports, r.Returned, r.Households
	}
	return err
}

// counted is how many things of a department are in a state.
type counted struct {
	Department     string
	State          string
	Count, Overdue int64
}

func (b *accounts) orders() error {
	var rows []counted
	err := b.db.Raw("SELECT department, state, COUNT(*) AS count FROM orders WHERE cycle_id = ? GROUP BY department, state", b.cycleID).Scan(&rows).Error
	for _, r := range rows {
		a := b.of(r.Department)
		a.Orders += r.Count
		switch state := models.OrderState(r.State); {
		case state.Live():
			a.OrdersOpen += r.Count
		case state == models.OrderWithdrawn:
			a.OrdersWithdrawn += r.Count
		}
	}
	return err
}

func (b *accounts) help() error {
	var rows []counted
	err := b.db.Raw(`SELECT department, state, COUNT(*) AS count, SUM(CASE WHEN due < ? THEN 1 ELSE 0 END) AS overdue
		FROM help WHERE cycle_id = ? GROUP BY department, state`, b.today, b.cycleID).Scan(&rows).Error
	for _, r := range rows {
		a := b.of(r.Department)
		state := models.HelpState(r.State)
		switch state {
		case models.HelpRequested:
			a.HelpRequested = r.Count
		case models.HelpPromised:
			a.HelpPromised = r.Count
		case models.HelpDelivered:
			a.HelpDelivered = r.Count
		case models.HelpDeclined:
			a.HelpDeclined = r.Count
		}
		if state.Live() {
			a.HelpOverdue += r.Overdue
		}
	}
	return err
}

func (b *accounts) differences() error {
	var rows []counted
	err := b.db.Raw("SELECT department, state, COUNT(*) AS count FROM differences WHERE cycle_id = ? AND state IN ? GROUP BY department, state",
		b.cycleID, []models.DifferenceState{models.DifferenceOpen, models.DifferenceSettled}).Scan(&rows).Error
	for _, r := range rows {
		if a := b.of(r.Department); models.DifferenceState(r.State) == models.DifferenceOpen {
			a.DifferencesOpen = r.Count
		} else {
			a.DifferencesSettled = r.Count
		}
	}
	return err
}

func (b *accounts) recommendations() error {
	var rows []counted
	err := b.db.Raw("SELECT department, state, COUNT(*) AS count FROM applications WHERE cycle_id = ? AND origin = ? AND state <> ? GROUP BY department, state",
		b.cycleID, models.OriginRecommended, models.ApplicationDraft).Scan(&rows).Error
	for _, r := range rows {
		a := b.of(r.Department)
		a.Recommended += r.Count
		if models.ApplicationState(r.State) == models.ApplicationCertified {
			a.Certified = r.Count
		}
	}
	return err
}

// Unpunctual lists, of what a department owes or owed in a cycle, what is overdue, was done late or was waived, by due date; at most 1000.
func (s *Store) Unpunctual(ctx context.Context, cycleID, department string, today calendar.Date) ([]models.Obligation, error) {
	var rows []obligationRow
	err := s.db.WithContext(ctx).Where("cycle_id = ? AND owner_kind = ? AND owner = ?", cycleID, models.OwnerDepartment, department).
		Where("(state = ? AND due < ? OR state = ? AND done_on > due OR state = ?)", models.ObligationOpen, today, models.ObligationDone, models.ObligationWaived).
		Order("due, id").Limit(1000).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading what %s did not do in time in %s: %w", department, cycleID, err)
	}
	list := make([]models.Obligation, len(rows))
	for i, r := range rows {
		list[i] = r.obligation()
	}
	return list, nil
}
