package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
	"bangfu/models/calendar"
)

// ReviewQuery selects applications for the reviewers' lists.
type ReviewQuery struct {
	District string
	Cycle    string                    // empty = every cycle
	States   []models.ApplicationState // empty = models.ReviewStates
	Reviewer *models.Actor             // nil = whoever has it; "" = nobody yet
	Street   string                    // empty = every street
	After    models.ReviewCursor
	Limit    int
}

// Reviews lists applications by due date (without one first) and id: each state is one walk along an index, however long the list is.
func (s *Store) Reviews(ctx context.Context, q ReviewQuery) ([]models.Application, error) {
	var list []models.Application
	for _, state := range q.states() {
		rows, err := s.reviewsIn(ctx, q, state)
		if err != nil {
			return nil, fmt.Errorf("listing the applications under review in %s: %w", q.District, err)
		}
		for _, r := range rows {
			list = append(list, r.application())
		}
	}
	slices.SortFunc(list, func(a, b models.Application) int { return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.ID, b.ID)) })
	return list[:min(len(list), q.Limit)], nil
}

// reviewsIn gives the part of a list that is in one state. Rows without a due date stand first in both databases; after one of them the
// others without and those with a due date are asked for by themselves, so that the place after the cursor is found in the index.
func (s *Store) reviewsIn(ctx context.Context, q ReviewQuery, state models.ApplicationState) (rows []applicationRow, err error) {
	parts := []func(*gorm.DB) *gorm.DB{func(tx *gorm.DB) *gorm.DB { return tx }}
	switch c := q.After; {
	case c.Due != 0:
		parts[0] = func(tx *gorm.DB) *gorm.DB { return tx.Where("due >= ? AND (due > ? OR id > ?)", c.Due, c.Due, c.ID) }
	case c.ID != 0:
		parts[0] = func(tx *gorm.DB) *gorm.DB { return tx.Where("due IS NULL AND id > ?", c.ID) }
		parts = append(parts, func(tx *gorm.DB) *gorm.DB { return tx.Where("due IS NOT NULL") })
	}
	for _, part := range parts {
		if len(rows) == q.Limit {
			break
		}
		var more []applicationRow
		err := part(q.where(s.db.WithContext(ctx))).Where("state = ?", state).Order("due, id").Limit(q.Limit - len(rows)).Find(&more).Error
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// where selects what the query asks for, in whatever state; a list shows no statements, and so reads none.
func (q ReviewQuery) where(tx *gorm.DB) *gorm.DB {
	tx = tx.Model(&applicationRow{}).Omit("statement").Where("district = ?", q.District)
	if q.Cycle != "" {
		tx = tx.Where("cycle_id = ?", q.Cycle)
	}
	if q.Reviewer != nil {
		tx = tx.Where("reviewer = ?", *q.Reviewer)
	}
	if q.Street != "" {
		tx = tx.Where("street = ?", q.Street)
	}
	return tx
}

func (q ReviewQuery) states() []models.ApplicationState {
	if len(q.States) == 0 {
		return models.ReviewStates
	}
	return q.States
}

// ReviewCounts counts a whole list per state, wherever its cursor is.
func (s *Store) ReviewCounts(ctx context.Context, q ReviewQuery) (map[models.ApplicationState]int64, error) {
	var rows []struct {
		State models.ApplicationState
		N     int64
	}
	if err := q.where(s.db.WithContext(ctx)).Select("state, COUNT(*) AS n").Where("state IN ?", q.states()).Group("state").Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("counting the applications under review in %s: %w", q.District, err)
	}
	counts := make(map[models.ApplicationState]int64, len(rows))
	for _, r := range rows {
		counts[r.State] = r.N
	}
	return counts, nil
}

// reviewer refuses who does not review in the district: reviewers are the bureau's, in office.
func (s *Store) reviewer(tx *gorm.DB, district string, actor models.Actor) error {
	id, ok := actor.UserID()
	if !ok {
		return models.Errorf(models.CodeForbidden, "请用本人账号办理：审核走访须记明办理人")
	}
	var u []models.User
	if err := tx.Where("id = ?", id).Find(&u).Error; err != nil {
		return fmt.Errorf("reading a reviewer: %w", err)
	}
	if len(u) == 0 || u[0].Disabled || !u[0].Bureau() || !u[0].InDistrict(district) {
		return models.Invalid("reviewer", "编号为 %d 的用户不是本区市场监管局的在用用户，不能办理审核走访", id)
	}
	return nil
}

// AssignReview claims an application (认领), hands it over (移交) or gives it back (退回); the duty moves with it. What is so already
// stays so. The error is a *models.Error: CodeConflict for the later of two who claim at once.
func (s *Store) AssignReview(ctx context.Context, c models.ReviewAssignment, today calendar.Date) (a models.Application, err error) {
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if a, err = s.application(s.forUpdate(tx), c.ApplicationID); err != nil {
			return err
		}
		if err := c.Allowed(a); err != nil {
			return err
		}
		if a.Reviewer == c.To {
			return nil
		}
		if c.To != "" {
			if err := s.reviewer(tx, a.District, c.To); err != nil {
				return err
			}
			if err := s.mayDecide(tx, a, c.To); err != nil {
				return err
			}
		}
		from := a.Reviewer
		if err := s.giveTo(tx, []*models.Application{&a}, c.To, today, c.By); err != nil {
			return err
		}
		return s.audit(tx, c.By, c.Action(), models.ApplicationObject(a.ID), map[string]any{"from": from, "to": c.To, "reason_id": c.ReasonID})
	})
	return a, err
}

// giveTo puts applications of one cycle, whose rows are locked, on a reviewer's list ("" = back to the pool) with what is owed for them.
func (s *Store) giveTo(tx *gorm.DB, list []*models.Application, to models.Actor, today calendar.Date, by models.Actor) error {
	if len(list) == 0 {
		return nil
	}
	ids := make([]int64, len(list))
	for i, a := range list {
		a.Reviewer, a.UpdatedAt = to, s.now()
		ids[i] = a.ID
	}
	if err := tx.Model(&applicationRow{}).Where("id IN ?", ids).Updates(map[string]any{"reviewer": to, "updated_at": s.now()}).Error; err != nil {
		return fmt.Errorf("giving applications to %q: %w", to, err)
	}
	return s.oweReviews(tx, list, today, by)
}

// oweReviews moves what is owed for applications (of one cycle) to whoever has them on the list now.
func (s *Store) oweReviews(tx *gorm.DB, list []*models.Application, today calendar.Date, by models.Actor) error {
	if err := s.restReviews(tx, list, today, by); err != nil {
		return err
	}
	return s.openReviews(tx, list, today)
}

// restReviews closes what is owed for the review of applications of one cycle.
func (s *Store) restReviews(tx *gorm.DB, list []*models.Application, today calendar.Date, by models.Actor) error {
	subjects := make([]string, len(list))
	for i, a := range list {
		subjects[i] = models.ApplicationObject(a.ID)
	}
	err := tx.Model(&obligationRow{}).Where("cycle_id = ? AND kind IN ? AND subject IN ? AND state = ?", list[0].CycleID,
		[]models.ObligationKind{models.ObligationReview, models.ObligationVisit}, subjects, models.ObligationOpen).
		Updates(map[string]any{"state": models.ObligationClosed, "done_on": today, "done_by": string(by), "updated_at": s.now()}).Error
	if err != nil {
		return fmt.Errorf("closing who owes reviews: %w", err)
	}
	return nil
}

// openReviews makes whoever has the applications on the list owe the next step, the bureau where nobody has: the review of what is
// submitted, the arranging of a visit; nothing while the applicant supplements or a visit stands.
func (s *Store) openReviews(tx *gorm.DB, list []*models.Application, today calendar.Date) error {
	failed := func(err error) error { return fmt.Errorf("recording who owes reviews: %w", err) }
	var waiting, visited []int64
	for _, a := range list {
		if a.State == models.ApplicationVisit {
			waiting = append(waiting, a.ID)
		}
	}
	if len(waiting) > 0 {
		if err := tx.Table("visits").Where("application_id IN ? AND live = 1", waiting).Pluck("application_id", &visited).Error; err != nil {
			return failed(err)
		}
	}
	var rows []obligationRow
	for _, a := range list {
		o := obligationRow{CycleID: a.CycleID, District: a.District, Subject: models.ApplicationObject(a.ID), OwnerKind: models.OwnerUser, Owner: string(a.Reviewer),
			Clause: clauseReview, Due: a.Due, OpenedOn: today, State: models.ObligationOpen, UpdatedAt: s.now()}
		if a.Reviewer == "" {
			o.OwnerKind, o.Owner = models.OwnerDepartment, models.BureauCode
		}
		switch {
		case a.State == models.ApplicationSubmitted:
			o.Kind, o.Title = models.ObligationReview, "审核申报件 "+a.Number()
		case a.State == models.ApplicationVisit && !slices.Contains(visited, a.ID):
			o.Kind, o.Title = models.ObligationVisit, "安排走访核实 "+a.Number()
		default:
			continue
		}
		if o.Due == 0 {
			return failed(fmt.Errorf("application %d has no due date", a.ID))
		}
		rows = append(rows, o)
	}
	if len(rows) == 0 {
		return nil
	}
	err := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "cycle_id"}, {Name: "kind"}, {Name: "subject"}, {Name: "owner"}},
		DoUpdates: clause.AssignmentColumns([]string{"owner_kind", "title", "clause", "due", "opened_on", "state", "done_on", "done_by", "reason_id",
			"reminded_step", "reminded_on", "escalated_on", "updated_at"})}).CreateInBatches(rows, 200).Error
	if err != nil {
		return failed(err)
	}
	return nil
}

// reopenReview takes a refused or lapsed application up again: it is nobody's, without a category, and due by the plan's date.
func (s *Store) reopenReview(tx *gorm.DB, a *models.Application, today calendar.Date) error {
	var row cycleRow
	if err := tx.Where("id = ?", a.CycleID).Take(&row).Error; err != nil {
		return fmt.Errorf("reading the plan of %s: %w", a.CycleID, err)
	}
	cycle, err := row.cycle()
	if err != nil {
		return err
	}
	a.Reviewer, a.Category, a.Due = "", "", max(cycle.Plan[calendar.PlanReviewDue], today)
	return nil
}

// moveReviewDues gives applications the plan's new dates for the step in which they are, when the plan changes.
func (s *Store) moveReviewDues(tx *gorm.DB, cycleID string, old calendar.Plan, changes map[calendar.PlanKey]calendar.Date) error {
	for _, step := range [...]struct {
		key    calendar.PlanKey
		states []models.ApplicationState
	}{
		{calendar.PlanReviewDue, []models.ApplicationState{models.ApplicationSubmitted, models.ApplicationVisit}},
		{calendar.PlanSelectionDue, []models.ApplicationState{models.ApplicationQualified}},
	} {
		due, ok := changes[step.key]
		if !ok {
			continue
		}
		err := tx.Model(&applicationRow{}).Where("cycle_id = ? AND state IN ? AND due = ?", cycleID, step.states, old[step.key]).
			Updates(map[string]any{"due": due, "updated_at": s.now()}).Error
		if err != nil {
			return fmt.Errorf("moving the due dates of applications of %s: %w", cycleID, err)
		}
	}
	return nil
}

// clauseReview is where the plan speaks of review and visit.
const clauseReview = "附三(二)2"

// AssignReviews gives what nobody has yet to the reviewers in turn, page by page; whom four eyes or a conflict of interest keep out is
// passed over, and what none of them may decide about is left, with why. Done again, it only goes on with what is still there.
func (s *Store) AssignReviews(ctx context.Context, b models.BulkAssignment, today calendar.Date) (models.BulkAssigned, error) {
	out := models.BulkAssigned{Assigned: map[models.Actor]int{}}
	district, _, err := models.ParseCycleID(b.CycleID)
	if err != nil {
		return out, err
	}
	for _, r := range b.Reviewers {
		if err := s.reviewer(s.db.WithContext(ctx), district, r); err != nil {
			return out, err
		}
	}
	const page = 500
	turn := 0
	for _, state := range models.ReviewStates {
		for after, n := int64(0), page; n == page; {
			var given models.BulkAssigned
			next := turn
			err := s.tx(ctx, func(tx *gorm.DB) error {
				given, next = models.BulkAssigned{Assigned: map[models.Actor]int{}}, turn
				var rows []applicationRow
				sel := s.forUpdate(tx).Where("cycle_id = ? AND state = ? AND id > ? AND reviewer = ''", b.CycleID, state, after)
				if b.Street != "" {
					sel = sel.Where("street = ?", b.Street)
				}
				if err := sel.Order("id").Limit(page).Find(&rows).Error; err != nil {
					return fmt.Errorf("reading what nobody reviews in %s: %w", b.CycleID, err)
				}
				if n = len(rows); n == 0 {
					return nil
				}
				after = rows[n-1].ID
				return s.dealOut(tx, rows, b, &given, &next, today)
			})
			if err != nil {
				return out, err
			}
			turn = next
			out.Add(given)
		}
	}
	return out, nil
}

// dealOut gives one page of applications, locked, to the reviewers in turn.
func (s *Store) dealOut(tx *gorm.DB, rows []applicationRow, b models.BulkAssignment, out *models.BulkAssigned, turn *int, today calendar.Date) error {
	codes := make([]string, len(rows))
	for i, r := range rows {
		codes[i] = r.USCC
	}
	keepOut, err := s.asideOf(tx, codes, b.Reviewers...)
	if err != nil {
		return err
	}
	stands := func(a models.Application, r models.Actor) bool {
		return slices.ContainsFunc(keepOut, func(x aside) bool { return x.Actor == r && x.USCC == a.USCC })
	}
	given := map[models.Actor][]*models.Application{}
	ids := map[models.Actor][]int64{}
next:
	for _, row := range rows {
		a := row.application()
		for i := range b.Reviewers {
			r := b.Reviewers[(*turn+i)%len(b.Reviewers)]
			if a.FourEyes(r) != nil || stands(a, r) {
				continue
			}
			given[r], ids[r] = append(given[r], &a), append(ids[r], a.ID)
			*turn = (*turn + i + 1) % len(b.Reviewers)
			continue next
		}
		out.LeftAll++
		out.Left = append(out.Left, models.LeftUnassigned{ApplicationID: a.ID, Why: "所选人员或为该申报件的录入人、推荐人，或应当回避，或为该户发放过登录码"})
	}
	for _, r := range b.Reviewers { // in their order, not a map's: rows are locked in one order
		if err := s.giveTo(tx, given[r], r, today, b.By); err != nil {
			return err
		}
		out.Assigned[r] = len(given[r])
	}
	if len(ids) == 0 {
		return nil
	}
	return s.audit(tx, b.By, "review.assign", "cycle/"+b.CycleID, map[string]any{"street": b.Street, "assigned": ids})
}

// OpenReviews counts what is undecided in a cycle: the selection begins when nothing is (附三(二)2).
func (s *Store) OpenReviews(ctx context.Context, cycleID string, today calendar.Date) (models.ReviewBoard, error) {
	var b models.ReviewBoard
	var rows []struct {
		State                  models.ApplicationState
		N, Unassigned, Overdue int64
	}
	err := s.db.WithContext(ctx).Raw(`SELECT state, COUNT(*) AS n, SUM(CASE WHEN reviewer = '' THEN 1 ELSE 0 END) AS unassigned,
		SUM(CASE WHEN due < ? THEN 1 ELSE 0 END) AS overdue FROM applications WHERE cycle_id = ? AND state IN ? GROUP BY state`,
		today, cycleID, append([]models.ApplicationState{models.ApplicationDraft, models.ApplicationConsent}, models.ReviewStates...)).Scan(&rows).Error
	if err != nil {
		return b, fmt.Errorf("counting what is undecided in %s: %w", cycleID, err)
	}
	for _, r := range rows {
		switch r.State {
		case models.ApplicationDraft:
			b.Draft = r.N
			continue
		case models.ApplicationConsent:
			b.Consent = r.N
		case models.ApplicationSubmitted:
			b.Submitted = r.N
		case models.ApplicationSupplement:
			b.Supplement = r.N
		case models.ApplicationVisit:
			b.Visit = r.N
		}
		b.Overdue += r.Overdue
		if r.State.UnderReview() {
			b.Unassigned += r.Unassigned
		}
	}
	return b, nil
}

// LapseUndecided lets up to limit applications of a cycle that are still in one of the states run out (逾期未完成), and says how many;
// fewer than limit means that none is left. Each is a change that its process has yet to hear of.
func (s *Store) LapseUndecided(ctx context.Context, cycleID string, states []models.ApplicationState, today calendar.Date, actor models.Actor, reasonID int64, limit int) (n int, err error) {
	for _, state := range states {
		if _, err := state.Next(models.EventLapse); err != nil {
			return 0, err
		}
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		n = 0
		var rows []applicationRow
		if err := s.forUpdate(tx).Where("cycle_id = ? AND state IN ?", cycleID, states).Order("id").Limit(limit).Find(&rows).Error; err != nil {
			return err
		}
		for _, r := range rows {
			a := r.application()
			// reopened, an application may run out once more
			c := models.ApplicationCommand{CommandID: fmt.Sprintf("lapse/%s/%d", cycleID, a.Events+1), ApplicationID: a.ID, Event: models.EventLapse,
				Actor: actor, ReasonID: reasonID, Clause: clauseReview}
			if err := s.move(tx, &a, c, today, nil, a.State == models.ApplicationDraft); err != nil { // a draft has no process
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("letting what is undecided in %s run out: %w", cycleID, err)
	}
	return n, nil
}
