package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

type tieringRunRow struct {
	ID         int64 `gorm:"primaryKey"`
	CycleID    string
	District   string
	Year       int
	Number     int
	AsOf       calendar.Date
	PolicyID   int64
	PolicyHash string
	Program    string
	Rules      int
	DataMark   string
	Round      int
	State      string
	Current    bool
	Counts     string
	StartedAt  time.Time
	FinishedAt *time.Time
}

func (tieringRunRow) TableName() string { return "tiering_runs" }

func (r tieringRunRow) run() (models.Run, error) {
	run := models.Run{
		ID: r.ID, CycleID: r.CycleID, District: r.District, Year: r.Year, Number: r.Number, AsOf: r.AsOf,
		PolicyID: r.PolicyID, PolicyHash: r.PolicyHash, Program: r.Program, Rules: r.Rules, DataMark: r.DataMark, Round: r.Round,
		State: models.RunState(r.State), Current: r.Current, StartedAt: r.StartedAt,
	}
	if r.FinishedAt != nil {
		run.FinishedAt = *r.FinishedAt
	}
	if err := json.Unmarshal([]byte(r.Counts), &run.Counts); err != nil {
		return run, fmt.Errorf("reading the counts of run %d: %w", r.ID, err)
	}
	return run, nil
}

// RunBasis is everything that a run's results follow from, besides the source rows that its data mark names.
type RunBasis struct {
	CycleID    string
	District   string
	Year       int
	AsOf       calendar.Date
	PolicyID   int64
	PolicyHash string
	Program    string
}

func (r *tieringRunRow) judgedOn(b RunBasis, mark string) bool {
	return r.DataMark == mark && r.PolicyHash == b.PolicyHash && r.AsOf == b.AsOf && r.Rules == models.TieringRules
}

// OpenRun gives the run that judges a cycle on what is in force now, divided into up to maxParts parts. Running again
// with the same data changes nothing: the newest run, if done, is given back when its basis is the same. A run left
// open is taken up again where it stands, or begun anew when its basis no longer holds: it has never counted.
func (s *Store) OpenRun(ctx context.Context, b RunBasis, maxParts int) (models.Run, error) {
	var row tieringRunRow
	err := s.tx(ctx, func(tx *gorm.DB) error {
		_, mark, err := s.Delivered(ctx, b.District, b.Year)
		if err != nil {
			return err
		}
		row = tieringRunRow{}
		err = tx.Where("cycle_id = ?", b.CycleID).Order("number DESC").Take(&row).Error
		switch {
		case errors.Is(err, gorm.ErrRecordNotFound):
		case err != nil:
			return err
		case row.judgedOn(b, mark):
			return nil
		}
		before := row
		row = tieringRunRow{
			CycleID: b.CycleID, District: b.District, Year: b.Year, Number: before.Number + 1, AsOf: b.AsOf,
			PolicyID: b.PolicyID, PolicyHash: b.PolicyHash, Program: b.Program, Rules: models.TieringRules, DataMark: mark,
			Round: 1, State: string(models.RunOpen), Counts: "{}", StartedAt: s.now(),
		}
		if before.State == string(models.RunOpen) {
			row.ID, row.Number, row.Round = before.ID, before.Number, before.Round+1
		}
		if err := tx.Save(&row).Error; err != nil {
			return err
		}
		return s.divide(tx, row, maxParts)
	})
	if err != nil {
		return models.Run{}, fmt.Errorf("opening a tiering run of %s: %w", b.CycleID, err)
	}
	return row.run()
}

// smallestPart is how many households are worth a part of their own.
const smallestPart = 5_000

// divide cuts the run's households into contiguous parts of about equal size, each not yet begun.
func (s *Store) divide(tx *gorm.DB, run tieringRunRow, maxParts int) error {
	// every row of the registry came with a delivery, so that this is no less than the number of households
	var rows int
	err := tx.Raw("SELECT COALESCE(SUM(rows_accepted), 0) FROM deliveries WHERE district = ? AND year = ? AND source = ? AND state = ?",
		run.District, run.Year, models.SourceRegistry.String(), models.DeliveryAccepted).Scan(&rows).Error
	if err != nil {
		return err
	}
	if err := tx.Exec("DELETE FROM tiering_parts WHERE run_id = ?", run.ID).Error; err != nil {
		return err
	}
	size := max(smallestPart, (rows+maxParts-1)/maxParts)
	after := ""
	for part := 1; ; part++ {
		upTo, households, err := nextRange(tx, run.District, run.Year, after, size)
		if err != nil || households == 0 {
			return err
		}
		err = tx.Exec("INSERT INTO tiering_parts (run_id, part, round, after_uscc, upto_uscc, at_uscc, households) VALUES (?, ?, ?, ?, ?, ?, ?)",
			run.ID, part, run.Round, after, upTo, after, households).Error
		if err != nil {
			return err
		}
		after = upTo
	}
}

// nextRange finds the last of the size households of a cycle's registry that follow a code, and how many they are; 0 at the end.
func nextRange(tx *gorm.DB, district string, year int, after string, size int) (upTo string, households int64, err error) {
	var p struct {
		UpTo       sql.NullString
		Households int64
	}
	err = tx.Raw(`SELECT MAX(uscc) AS up_to, COUNT(*) AS households FROM
		(SELECT uscc FROM src_registry WHERE district = ? AND year = ? AND uscc > ? ORDER BY uscc LIMIT ?) AS part`,
		district, year, after, size).Scan(&p).Error
	return p.UpTo.String, p.Households, err
}

// RunParts gives the parts of a run, in order.
func (s *Store) RunParts(ctx context.Context, runID int64) ([]models.RunPart, error) {
	return runParts(s.db.WithContext(ctx), runID)
}

func runParts(tx *gorm.DB, runID int64) ([]models.RunPart, error) {
	rows, err := tx.Raw(`SELECT run_id, part, round, after_uscc, upto_uscc, at_uscc, households, ineligible, survival, growth, development
		FROM tiering_parts WHERE run_id = ? ORDER BY part`, runID).Rows()
	if err != nil {
		return nil, fmt.Errorf("reading the parts of run %d: %w", runID, err)
	}
	defer func() { _ = rows.Close() }()
	var parts []models.RunPart
	for rows.Next() {
		var p models.RunPart
		err := rows.Scan(&p.RunID, &p.Part, &p.Round, &p.After, &p.UpTo, &p.At, &p.Households, &p.Counts[models.Ineligible],
			&p.Counts[models.Survival], &p.Counts[models.Growth], &p.Counts[models.Development])
		if err != nil {
			return nil, fmt.Errorf("reading the parts of run %d: %w", runID, err)
		}
		parts = append(parts, p)
	}
	return parts, rows.Err()
}

// FinishRun makes a run whose parts are all judged the cycle's current one, in one transaction. When a delivery took
// effect since the run was opened, its pages may be of old and new rows: then again is true, the run stays open, and
// OpenRun begins it anew.
func (s *Store) FinishRun(ctx context.Context, id int64) (run models.Run, again bool, err error) {
	var row tieringRunRow
	err = s.tx(ctx, func(tx *gorm.DB) error {
		again, row = false, tieringRunRow{}
		if err := tx.Take(&row, id).Error; err != nil {
			return err
		}
		if row.State == string(models.RunDone) {
			return nil
		}
		_, mark, err := s.Delivered(ctx, row.District, row.Year)
		if err != nil {
			return err
		}
		if again = mark != row.DataMark; again {
			return nil
		}
		parts, err := runParts(tx, id)
		if err != nil {
			return err
		}
		var counts models.TierCounts
		for _, p := range parts {
			if p.At != p.UpTo {
				return fmt.Errorf("part %d is judged up to %q only", p.Part, p.At)
			}
			for t := range counts {
				counts[t] += p.Counts[t]
			}
		}
		b, err := json.Marshal(counts)
		if err != nil {
			return err
		}
		now := s.now()
		row.State, row.Current, row.Counts, row.FinishedAt = string(models.RunDone), true, string(b), &now
		if err := tx.Model(&tieringRunRow{}).Where("cycle_id = ? AND current = ?", row.CycleID, true).Update("current", false).Error; err != nil {
			return err
		}
		if err := tx.Save(&row).Error; err != nil {
			return err
		}
		return s.audit(tx, models.ActorSystem, "tiering.run", "cycle/"+row.CycleID, map[string]any{
			"run": row.Number, "as_of": row.AsOf, "policy_hash": row.PolicyHash, "program": row.Program, "data": row.DataMark, "counts": counts,
		})
	})
	if err != nil {
		return models.Run{}, false, fmt.Errorf("finishing tiering run %d: %w", id, err)
	}
	run, err = row.run()
	return run, again, err
}

// CurrentRun is the run whose results count in a cycle; models.CodeNotFound before the first is done.
func (s *Store) CurrentRun(ctx context.Context, cycleID string) (models.Run, error) {
	return s.oneRun(ctx, models.NotFound("%s 年度尚未完成分型判定", cycleID), "cycle_id = ? AND current = ?", cycleID, true)
}

// RunByNumber is a cycle's run by its number.
func (s *Store) RunByNumber(ctx context.Context, cycleID string, number int) (models.Run, error) {
	return s.oneRun(ctx, models.NotFound("%s 年度没有第 %d 次判定", cycleID, number), "cycle_id = ? AND number = ?", cycleID, number)
}

// RunByID is a run by its key.
func (s *Store) RunByID(ctx context.Context, id int64) (models.Run, error) {
	return s.oneRun(ctx, models.NotFound("没有这次判定"), "id = ?", id)
}

func (s *Store) oneRun(ctx context.Context, notFound error, where string, args ...any) (models.Run, error) {
	var row tieringRunRow
	err := s.db.WithContext(ctx).Where(where, args...).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return models.Run{}, notFound
	}
	if err != nil {
		return models.Run{}, fmt.Errorf("reading a tiering run: %w", err)
	}
	return row.run()
}

// Runs lists a cycle's runs with numbers > after, oldest first.
func (s *Store) Runs(ctx context.Context, cycleID string, after, limit int) ([]models.Run, error) {
	var rows []tieringRunRow
	if err := s.db.WithContext(ctx).Where("cycle_id = ? AND number > ?", cycleID, after).Order("number").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing the tiering runs of %s: %w", cycleID, err)
	}
	runs := make([]models.Run, len(rows))
	for i, row := range rows {
		var err error
		if runs[i], err = row.run(); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

// RunChange is what a run said otherwise of a household than the one before it.
type RunChange struct {
	USCC string
	From models.Tier // NoTier: the earlier run did not have the household
	To   models.Tier
}

// RunChanges lists, by code, up to limit households behind after whose tier or findings the run says otherwise than
// the done run before it; tiersOnly leaves out those of the same tier. A first run changes nothing.
func (s *Store) RunChanges(ctx context.Context, run models.Run, tiersOnly bool, after string, limit int) ([]RunChange, error) {
	var before tieringRunRow
	err := s.db.WithContext(ctx).Where("cycle_id = ? AND number < ? AND state = ?", run.CycleID, run.Number, models.RunDone).
		Order("number DESC").Take(&before).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("finding the run before %s/%d: %w", run.CycleID, run.Number, err)
	}
	differs := "o.tier IS NULL OR o.tier <> n.tier"
	if !tiersOnly && before.PolicyHash == run.PolicyHash { // masks of two policies cannot be compared
		differs += " OR o.met <> n.met OR o.not_known <> n.not_known"
	}
	rows, err := s.sql.QueryContext(ctx, `SELECT n.uscc, COALESCE(o.tier, 0), n.tier FROM tiering_results n
		LEFT JOIN tiering_results o ON o.run_id = ? AND o.uscc = n.uscc
		WHERE n.run_id = ? AND n.uscc > ? AND (`+differs+`) ORDER BY n.uscc LIMIT ?`, before.ID, run.ID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("comparing the runs %d and %d of %s: %w", before.Number, run.Number, run.CycleID, err)
	}
	defer func() { _ = rows.Close() }()
	var changes []RunChange
	for rows.Next() {
		var c RunChange
		if err := rows.Scan(&c.USCC, &c.From, &c.To); err != nil {
			return nil, fmt.Errorf("comparing the runs %d and %d of %s: %w", before.Number, run.Number, run.CycleID, err)
		}
		changes = append(changes, c)
	}
	return changes, rows.Err()
}

// HouseholdTier is a household's result in its year's current run, beside the city's and the joint study's.
type HouseholdTier struct {
	Name      string
	Run       models.Run
	Verdict   models.Verdict
	City      models.Tier // NoTier: not in the city's result
	Decided   models.Tier // NoTier: nothing was decided
	Effective models.Tier // the tier that counts
}

// HouseholdTier finds a household's result of a year, in one district or (empty) in any; models.CodeNotFound when no
// current run has it.
func (s *Store) HouseholdTier(ctx context.Context, district, uscc string, year int) (HouseholdTier, error) {
	var h HouseholdTier
	var id int64
	err := s.sql.QueryRowContext(ctx, `SELECT t.id FROM tiering_runs t JOIN tiering_results r ON r.run_id = t.id AND r.uscc = ?
		WHERE t.year = ? AND t.current = ? AND (? = '' OR t.district = ?) ORDER BY t.finished_at DESC LIMIT 1`, uscc, year, true, district, district).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return h, models.NotFound("%d年度没有统一社会信用代码“%s”的分型结果", year, uscc)
	}
	if err != nil {
		return h, fmt.Errorf("finding the run that judged a household: %w", err)
	}
	if h.Run, err = s.RunByID(ctx, id); err != nil {
		return h, err
	}
	var met, notKnown int64
	err = s.sql.QueryRowContext(ctx, "SELECT g.name, r.tier, r.met, r.not_known, COALESCE("+cityTierSQL+", 0), COALESCE(d.decided_tier, 0), "+effectiveTierSQL+
		s.effectiveFrom()+" AND r.uscc = ?", append(effectiveArgs(h.Run), uscc)...).
		Scan(&h.Name, &h.Verdict.Tier, &met, &notKnown, &h.City, &h.Decided, &h.Effective)
	if err != nil {
		return h, fmt.Errorf("reading a household's result: %w", err)
	}
	h.Verdict.Met, h.Verdict.NotKnown = uint64(met), uint64(notKnown)
	return h, nil
}
