package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
	"bangfu/models/calendar"
)

// Differing is a household for which the city's result is not the run's.
type Differing struct {
	USCC    string
	City    models.Tier
	Verdict models.Verdict
}

// CityDelivered says whether the city's result for a cycle is there.
func (s *Store) CityDelivered(ctx context.Context, district string, year int) (bool, error) {
	return cityDelivered(s.db.WithContext(ctx), district, year)
}

func cityDelivered(tx *gorm.DB, district string, year int) (bool, error) {
	var one []int
	err := tx.Raw("SELECT 1 FROM src_city_tiering WHERE district = ? AND year = ? AND tier_year = ? LIMIT 1", district, year, year).Scan(&one).Error
	if err != nil {
		return false, fmt.Errorf("looking for the city's result: %w", err)
	}
	return len(one) > 0, nil
}

// DifferingPage gives up to limit households after a code for which the city's result is not the run's, and of which
// that is not on record yet.
func (s *Store) DifferingPage(ctx context.Context, run models.Run, after string, limit int) ([]Differing, error) {
	//nolint:gosec // constants and placeholders only
	rows, err := s.sql.QueryContext(ctx, `SELECT r.uscc, r.tier, r.met, r.not_known, `+cityTierSQL+` AS city
		FROM tiering_results r `+s.inOrder()+` src_city_tiering c ON c.district = ? AND c.year = ? AND c.uscc = r.uscc AND c.tier_year = ?
		LEFT JOIN differences d ON d.cycle_id = ? AND d.uscc = r.uscc AND d.run_id = r.run_id AND d.own_tier = r.tier AND d.city_tier = `+cityTierSQL+` AND d.state IN ('open', 'settled')
		WHERE r.run_id = ? AND r.uscc > ? AND r.tier <> `+cityTierSQL+` AND d.id IS NULL ORDER BY r.uscc LIMIT ?`,
		run.District, run.Year, run.Year, run.CycleID, run.ID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("comparing with the city's result: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var page []Differing
	for rows.Next() {
		var d Differing
		var met, notKnown int64 // masks: signed in both databases
		if err := rows.Scan(&d.USCC, &d.Verdict.Tier, &met, &notKnown, &d.City); err != nil {
			return nil, fmt.Errorf("comparing with the city's result: %w", err)
		}
		d.Verdict.Met, d.Verdict.NotKnown = uint64(met), uint64(notKnown)
		page = append(page, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("comparing with the city's result: %w", err)
	}
	return page, nil
}

var differenceColumns = []string{"run_id", "own_tier", "city_tier", "department", "source", "why", "state", "decided_tier", "reason_id", "decided_by", "decided_at"}

// lapsedDecision is what the record keeps of a decision that newer data overtook.
type lapsedDecision struct {
	ID       int64        `json:"id"`
	Own      models.Tier  `json:"own"`
	City     models.Tier  `json:"city"`
	Decided  models.Tier  `json:"decided"`
	ReasonID int64        `json:"reason_id"`
	By       models.Actor `json:"by"`
}

func lapse(d models.Difference) lapsedDecision {
	return lapsedDecision{ID: d.ID, Own: d.OwnTier, City: d.CityTier, Decided: d.DecidedTier, ReasonID: d.ReasonID, By: d.DecidedBy}
}

// MendDifferences lays a page of found differences over those on record (models.Difference.Compared), and puts
// decisions that lapse thereby on record. Doing it again changes nothing.
func (s *Store) MendDifferences(ctx context.Context, cycleID string, found []models.Difference) error {
	codes := make([]string, len(found))
	for i, f := range found {
		codes[i] = f.USCC
	}
	err := s.tx(ctx, func(tx *gorm.DB) error {
		var known []models.Difference
		err := s.forUpdate(tx).Where("cycle_id = ? AND uscc IN ?", cycleID, codes).Order("uscc").Find(&known).Error
		if err != nil {
			return err
		}
		byCode := make(map[string]models.Difference, len(known))
		for _, d := range known {
			byCode[d.USCC] = d
		}
		var added, mended []models.Difference
		var lapsed []lapsedDecision
		for _, f := range found {
			old, ok := byCode[f.USCC]
			if !ok {
				f.State = models.DifferenceOpen
				added = append(added, f)
				continue
			}
			next, gone := old.Compared(f)
			if gone {
				lapsed = append(lapsed, lapse(old))
			}
			if next != old {
				mended = append(mended, next)
			}
		}
		if len(added) > 0 {
			if err := tx.CreateInBatches(added, 500).Error; err != nil {
				return err
			}
		}
		if len(mended) > 0 {
			err := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns(differenceColumns)}).
				CreateInBatches(mended, 500).Error
			if err != nil {
				return err
			}
		}
		if len(lapsed) == 0 {
			return nil
		}
		return s.audit(tx, models.ActorSystem, "difference.reopen", "cycle/"+cycleID, map[string]any{"lapsed": lapsed})
	})
	if err != nil {
		return fmt.Errorf("recording the differences of %s: %w", cycleID, err)
	}
	return nil
}

// ClearDifferences makes obsolete what is no difference any more in the run, page by page, and puts decisions that
// lapse thereby on record. progress (may be nil) is called after each page.
func (s *Store) ClearDifferences(ctx context.Context, run models.Run, progress func()) error {
	const page = 500
	for {
		var gone []models.Difference
		err := s.tx(ctx, func(tx *gorm.DB) error {
			gone = gone[:0]
			err := tx.Raw(`SELECT * FROM differences x WHERE x.cycle_id = ? AND x.state IN ('open', 'settled') AND x.objection_id = 0 AND NOT EXISTS (
				SELECT 1 FROM tiering_results r JOIN src_city_tiering c ON c.district = ? AND c.year = ? AND c.uscc = r.uscc AND c.tier_year = ?
				WHERE r.run_id = ? AND r.uscc = x.uscc AND r.tier <> `+cityTierSQL+`) ORDER BY x.id LIMIT ?`,
				run.CycleID, run.District, run.Year, run.Year, run.ID, page).Scan(&gone).Error
			if err != nil || len(gone) == 0 {
				return err
			}
			ids := make([]int64, len(gone))
			var lapsed []lapsedDecision
			for i, d := range gone {
				ids[i] = d.ID
				if d.State == models.DifferenceSettled {
					lapsed = append(lapsed, lapse(d))
				}
			}
			void := gone[0].Gone()
			err = tx.Model(&models.Difference{}).Where("id IN ?", ids).Updates(map[string]any{"state": void.State, "decided_tier": void.DecidedTier,
				"reason_id": void.ReasonID, "decided_by": void.DecidedBy, "decided_at": nil, "run_id": run.ID}).Error
			if err != nil || len(lapsed) == 0 {
				return err
			}
			return s.audit(tx, models.ActorSystem, "difference.clear", "cycle/"+run.CycleID, map[string]any{"lapsed": lapsed})
		})
		if err != nil {
			return fmt.Errorf("clearing the differences of %s: %w", run.CycleID, err)
		}
		if len(gone) < page {
			return nil
		}
		if progress != nil {
			progress()
		}
	}
}

// StudyBoard says where the joint study of a cycle stands, per department.
func (s *Store) StudyBoard(ctx context.Context, district string, year int) (models.StudyBoard, error) {
	return s.studyBoard(s.db.WithContext(ctx), district, year)
}

func (s *Store) studyBoard(tx *gorm.DB, district string, year int) (models.StudyBoard, error) {
	b := models.StudyBoard{Departments: []models.DepartmentDifferences{}}
	err := tx.Raw(`SELECT department, SUM(CASE WHEN state = 'open' THEN 1 ELSE 0 END) AS open, SUM(CASE WHEN state = 'settled' THEN 1 ELSE 0 END) AS settled
		FROM differences WHERE cycle_id = ? AND state IN ('open', 'settled') AND city_tier NOT IN (0, own_tier) GROUP BY department ORDER BY department`,
		models.CycleID(district, year)).Scan(&b.Departments).Error
	if err != nil {
		return b, fmt.Errorf("counting differences: %w", err)
	}
	names, err := s.departmentNames(tx, district, year)
	if err != nil {
		return b, err
	}
	for i := range b.Departments {
		d := &b.Departments[i]
		if d.Name = names[d.Department]; d.Name == "" {
			d.Name = d.Department
		}
		b.Open += d.Open
		b.Settled += d.Settled
	}
	b.Compared, err = cityDelivered(tx, district, year)
	return b, err
}

// DepartmentNames gives the names of a district's departments by their codes: those on record, and for the others the
// names that the year's policy gives those who owe data.
func (s *Store) DepartmentNames(ctx context.Context, district string, year int) (map[string]string, error) {
	return s.departmentNames(s.db.WithContext(ctx), district, year)
}

func (s *Store) departmentNames(tx *gorm.DB, district string, year int) (map[string]string, error) {
	names := map[string]string{}
	row, err := policyInForce(tx, district, year)
	if err == nil {
		law, err := s.loaded(row)
		if err != nil {
			return nil, err
		}
		for _, duty := range law.Sources {
			names[duty.Department] = duty.DepartmentName
		}
		for _, d := range law.Departments {
			names[d.Code] = d.Name
		}
	} else if models.CodeOf(err) != models.CodeNotFound {
		return nil, err
	}
	var list []models.Department
	if err := tx.Where("district = ?", district).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("reading the departments of %s: %w", district, err)
	}
	for _, d := range list {
		names[d.Code] = d.Name
	}
	return names, nil
}

// StudyDuties makes each department with open differences owe their settlement by due, and takes the duty from those
// that have none left. It returns where the study stands.
func (s *Store) StudyDuties(ctx context.Context, district string, year int, due, today calendar.Date) (models.StudyBoard, error) {
	var board models.StudyBoard
	err := s.tx(ctx, func(tx *gorm.DB) (err error) {
		if board, err = s.studyBoard(tx, district, year); err != nil {
			return err
		}
		for _, d := range board.Departments {
			if d.Open > 0 {
				if err := s.openObligation(tx, differenceDuty(district, year, d, due, today)); err != nil {
					return err
				}
			}
		}
		return s.fulfilStudyDuties(tx, models.CycleID(district, year), today)
	})
	if err != nil {
		return board, fmt.Errorf("recording who owes the settlement of differences: %w", err)
	}
	return board, nil
}

func differenceDuty(district string, year int, d models.DepartmentDifferences, due, today calendar.Date) models.Obligation {
	return models.Obligation{
		CycleID: models.CycleID(district, year), District: district, Kind: models.ObligationDifference, Subject: d.Department,
		OwnerKind: models.OwnerDepartment, Owner: d.Department, Title: fmt.Sprintf("研判%d年分型结果差异", year), Clause: "二(一)2",
		Due: due, OpenedOn: today, State: models.ObligationOpen,
	}
}

// fulfilStudyDuties closes the duty of every department without an open difference.
func (s *Store) fulfilStudyDuties(tx *gorm.DB, cycleID string, today calendar.Date) error {
	var done []string
	err := tx.Raw(`SELECT o.owner FROM obligations o WHERE o.cycle_id = ? AND o.kind = ? AND o.state = ? AND NOT EXISTS (
		SELECT 1 FROM differences x WHERE x.cycle_id = o.cycle_id AND x.department = o.owner AND x.state = 'open') ORDER BY o.owner`,
		cycleID, models.ObligationDifference, models.ObligationOpen).Scan(&done).Error
	if err != nil {
		return fmt.Errorf("looking for departments that have settled everything: %w", err)
	}
	for _, department := range done {
		if err := s.fulfilObligation(tx, cycleID, models.ObligationDifference, department, department, today, models.ActorSystem); err != nil {
			return err
		}
	}
	return nil
}

// WaiveStudyDuties takes what departments still owe from them, on record, because the study is over; reasonID 0 means
// that its date has come.
func (s *Store) WaiveStudyDuties(ctx context.Context, cycleID string, today calendar.Date, reasonID int64, by models.Actor) error {
	var owners []string
	err := s.db.WithContext(ctx).Model(&obligationRow{}).Where("cycle_id = ? AND kind = ? AND state = ?", cycleID, models.ObligationDifference, models.ObligationOpen).
		Order("owner").Pluck("owner", &owners).Error
	if err != nil {
		return fmt.Errorf("looking for departments that owe the settlement of differences: %w", err)
	}
	for _, owner := range owners {
		if err := s.WaiveObligation(ctx, cycleID, models.ObligationDifference, owner, owner, today, by, reasonID); err != nil {
			return err
		}
	}
	return nil
}

type studyDecisionRow struct {
	CycleID     string `gorm:"primaryKey"`
	CommandID   string `gorm:"primaryKey"`
	RequestHash string
	Choice      string
	Settled     int
	ReasonID    int64
	Actor       models.Actor
	At          time.Time
}

func (studyDecisionRow) TableName() string { return "study_decisions" }

// decisionHash is of what was asked for; the reason's id is not, since a repeated request brings its text anew.
func decisionHash(c models.Decision) string {
	h := sha256.New()
	fmt.Fprintln(h, c.Choice, slices.Sorted(slices.Values(c.IDs)))
	return hex.EncodeToString(h.Sum(nil))
}

// Decide settles differences, all of them or none, and says where the study then stands; once per command. It
// returns a *models.Error with CodeConflict, CodeForbidden or CodeNotFound where one of them cannot be settled so.
func (s *Store) Decide(ctx context.Context, c models.Decision, today calendar.Date) (settled int, board models.StudyBoard, err error) {
	if err := c.Validate(); err != nil {
		return 0, board, err
	}
	district, year, err := models.ParseCycleID(c.CycleID)
	if err != nil {
		return 0, board, err
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		var made studyDecisionRow
		err := tx.Where("cycle_id = ? AND command_id = ?", c.CycleID, c.CommandID).Take(&made).Error
		switch {
		case err == nil && made.RequestHash != decisionHash(c):
			return models.Conflict("这个操作编号已用于另一项研判决定，请换一个编号")
		case err == nil:
			settled = made.Settled
			board, err = s.studyBoard(tx, district, year)
			return err
		case !errors.Is(err, gorm.ErrRecordNotFound):
			return err
		}
		if err := s.decide(tx, c); err != nil {
			return err
		}
		settled = len(c.IDs)
		err = tx.Create(&studyDecisionRow{CycleID: c.CycleID, CommandID: c.CommandID, RequestHash: decisionHash(c), Choice: c.Choice,
			Settled: settled, ReasonID: c.ReasonID, Actor: c.Actor, At: s.now()}).Error
		if err != nil {
			return err
		}
		if err := s.fulfilStudyDuties(tx, c.CycleID, today); err != nil {
			return err
		}
		if board, err = s.studyBoard(tx, district, year); err != nil {
			return err
		}
		return s.audit(tx, c.Actor, "difference.decide", "cycle/"+c.CycleID,
			map[string]any{"command": c.CommandID, "ids": c.IDs, "choice": c.Choice, "reason_id": c.ReasonID})
	})
	if err != nil {
		return 0, board, fmt.Errorf("settling differences of %s: %w", c.CycleID, err)
	}
	return settled, board, nil
}

func (s *Store) decide(tx *gorm.DB, c models.Decision) error {
	var known []models.Difference
	err := s.forUpdate(tx).Where("cycle_id = ? AND id IN ?", c.CycleID, c.IDs).Order("id").Find(&known).Error
	if err != nil {
		return err
	}
	if len(known) != len(c.IDs) {
		return models.NotFound("所选差异中有 %d 项不在本年度工作内", len(c.IDs)-len(known))
	}
	byTier := map[models.Tier][]int64{}
	for _, d := range known {
		next, err := d.Decide(c, s.now())
		if err != nil {
			return err
		}
		byTier[next.DecidedTier] = append(byTier[next.DecidedTier], d.ID)
	}
	for _, tier := range models.Tiers {
		if ids := byTier[tier]; len(ids) > 0 {
			err := tx.Model(&models.Difference{}).Where("id IN ?", ids).Updates(map[string]any{"state": models.DifferenceSettled,
				"decided_tier": tier, "reason_id": c.ReasonID, "decided_by": c.Actor, "decided_at": s.now()}).Error
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// DifferenceItem is a difference as it is listed to officials.
type DifferenceItem struct {
	models.Difference
	Name   string // of the household
	Reason string // of the decision
}

// DifferenceQuery selects differences of a cycle, by id after a key.
type DifferenceQuery struct {
	CycleID    string
	Department string                 // "" = every one
	State      models.DifferenceState // "" = open and settled
	After      int64
	Limit      int
}

// Differences lists a cycle's differences with the households' names.
func (s *Store) Differences(ctx context.Context, q DifferenceQuery) ([]DifferenceItem, error) {
	district, year, err := models.ParseCycleID(q.CycleID)
	if err != nil {
		return nil, err
	}
	sel := s.db.WithContext(ctx).Table("differences x").
		Select("x.*, COALESCE(g.name, '') AS name, COALESCE(rs.text, '') AS reason").
		Joins("LEFT JOIN src_registry g ON g.district = ? AND g.year = ? AND g.uscc = x.uscc", district, year).
		Joins("LEFT JOIN reasons rs ON rs.id = x.reason_id").
		Where("x.cycle_id = ? AND x.id > ?", q.CycleID, q.After)
	if q.Department != "" {
		sel = sel.Where("x.department = ?", q.Department)
	}
	if q.State != "" {
		sel = sel.Where("x.state = ?", q.State)
	} else {
		sel = sel.Where("x.state IN ?", []models.DifferenceState{models.DifferenceOpen, models.DifferenceSettled})
	}
	var out []DifferenceItem
	if err := sel.Order("x.id").Limit(q.Limit).Scan(&out).Error; err != nil {
		return nil, fmt.Errorf("listing the differences of %s: %w", q.CycleID, err)
	}
	return out, nil
}
