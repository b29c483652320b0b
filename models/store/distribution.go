package store

import (
	"context"
	"fmt"

	"bangfu/models"
)

// Distribution counts the households of a run by tier, street and trade, in one pass.
func (s *Store) Distribution(ctx context.Context, run models.Run) (models.Distribution, error) {
	// three characters of a 行业代码 tell its section (models.TradeOf)
	//nolint:gosec // constants and placeholders only
	rows, err := s.sql.QueryContext(ctx, `SELECT COALESCE(g.street, '') AS street, COALESCE(SUBSTR(g.trade, 1, 3), '') AS trade,
		r.tier AS own, COALESCE(`+cityTierSQL+`, 0) AS city, `+effectiveTierSQL+` AS effective, COUNT(*)`+s.effectiveFrom()+`
		GROUP BY COALESCE(g.street, ''), COALESCE(SUBSTR(g.trade, 1, 3), ''), r.tier, COALESCE(`+cityTierSQL+`, 0), `+effectiveTierSQL,
		effectiveArgs(run)...)
	if err != nil {
		return models.Distribution{}, fmt.Errorf("counting the households of run %d: %w", run.ID, err)
	}
	defer func() { _ = rows.Close() }()
	var spread models.Spread
	for rows.Next() {
		var street, trade string
		var own, city, effective models.Tier
		var n int64
		if err := rows.Scan(&street, &trade, &own, &city, &effective, &n); err != nil {
			return models.Distribution{}, fmt.Errorf("counting the households of run %d: %w", run.ID, err)
		}
		spread.Add(street, trade, own, city, effective, n)
	}
	if err := rows.Err(); err != nil {
		return models.Distribution{}, fmt.Errorf("counting the households of run %d: %w", run.ID, err)
	}
	return spread.Distribution(), nil
}

// Last year's tier that counts: that cycle's decision, the city's result (delivered then, or with this year's file),
// or that cycle's own result. x.uscc is the household, and lastArgs come in the order of the joins.
var (
	lastTierSQL = "COALESCE(ld.decided_tier, " + tierCase("lc.tier") + ", " + tierCase("lt.tier") + ", lr.tier)"
	lastFromSQL = ` LEFT JOIN tiering_results lr ON lr.run_id = ? AND lr.uscc = x.uscc
		LEFT JOIN src_city_tiering lc ON lc.district = ? AND lc.year = ? AND lc.uscc = x.uscc AND lc.tier_year = ?
		LEFT JOIN src_city_tiering lt ON lt.district = ? AND lt.year = ? AND lt.uscc = x.uscc AND lt.tier_year = ?
		LEFT JOIN differences ld ON ld.cycle_id = ? AND ld.uscc = x.uscc AND ld.state = 'settled'`
)

// lastRun is the current run of the year before, zero if there is none.
func (s *Store) lastRun(ctx context.Context, run models.Run) (models.Run, error) {
	last, err := s.CurrentRun(ctx, models.CycleID(run.District, run.Year-1))
	if models.CodeOf(err) == models.CodeNotFound {
		return models.Run{}, nil
	}
	return last, err
}

func lastArgs(run, last models.Run) []any {
	y := run.Year - 1
	return []any{last.ID, run.District, y, y, run.District, run.Year, y, models.CycleID(run.District, y)}
}

// Movement counts how the households of a run moved since last year, and who left.
func (s *Store) Movement(ctx context.Context, run models.Run) (models.Movement, error) {
	var m models.Movement
	last, err := s.lastRun(ctx, run)
	if err != nil {
		return m, err
	}
	if m.Known, err = s.lastKnown(ctx, run, last); err != nil || !m.Known {
		return m, err
	}
	// x: this year's households with the tier that counts
	args := append(append([]any{}, effectiveArgs(run)...), lastArgs(run, last)...)
	err = s.matrix(ctx, &m.Matrix, `SELECT COALESCE(`+lastTierSQL+`, 0) AS was, x.tier AS now, COUNT(*) FROM
		(SELECT r.uscc AS uscc, `+effectiveTierSQL+` AS tier`+s.effectiveFrom()+`) x`+lastFromSQL+` GROUP BY COALESCE(`+lastTierSQL+`, 0), x.tier`, args)
	if err == nil && last.ID != 0 {
		args := append(append([]any{last.ID}, lastArgs(run, last)...), run.ID)
		err = s.matrix(ctx, &m.Matrix, `SELECT `+lastTierSQL+` AS was, 0, COUNT(*) FROM (SELECT uscc FROM tiering_results WHERE run_id = ?) x`+lastFromSQL+`
			WHERE NOT EXISTS (SELECT 1 FROM tiering_results n WHERE n.run_id = ? AND n.uscc = x.uscc) GROUP BY `+lastTierSQL, args)
	}
	if err != nil {
		return m, fmt.Errorf("counting who moved since the year before run %d: %w", run.ID, err)
	}
	return m, nil
}

// lastKnown says whether anything is known of last year's tiers, so that a first year costs nothing.
func (s *Store) lastKnown(ctx context.Context, run, last models.Run) (known bool, err error) {
	if last.ID != 0 {
		return true, nil
	}
	y := run.Year - 1
	err = s.sql.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM src_city_tiering WHERE district = ? AND year IN (?, ?) AND tier_year = ?)",
		run.District, y, run.Year, y).Scan(&known)
	if err != nil {
		return false, fmt.Errorf("looking for last year's tiers: %w", err)
	}
	return known, nil
}

func (s *Store) matrix(ctx context.Context, m *models.TierMatrix, query string, args []any) error {
	rows, err := s.sql.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var was, now models.Tier
		var n int64
		if err := rows.Scan(&was, &now, &n); err != nil {
			return err
		}
		m[was][now] += n
	}
	return rows.Err()
}

// Mover is a household that moved since last year.
type Mover struct {
	USCC string
	Name string // empty for who left: this year's registry does not hold them
	From models.Tier
	To   models.Tier
}

// Movers lists, by code, up to limit households behind after that moved in a direction.
func (s *Store) Movers(ctx context.Context, run models.Run, d models.Direction, after string, limit int) ([]Mover, error) {
	last, err := s.lastRun(ctx, run)
	if err != nil {
		return nil, err
	}
	was := "COALESCE(" + lastTierSQL + ", 0)"
	moved := map[models.Direction]string{
		models.DirectionRose: was + " > 0 AND x.tier > " + was,
		models.DirectionFell: was + " > x.tier",
		models.DirectionNew:  was + " = 0",
	}[d]
	//nolint:gosec // constants and placeholders only
	query := `SELECT x.uscc, x.name, ` + was + `, x.tier FROM (SELECT r.uscc AS uscc, g.name AS name, ` + effectiveTierSQL + ` AS tier` + s.effectiveFrom() +
		` AND r.uscc > ?) x` + lastFromSQL + ` WHERE ` + moved + ` ORDER BY x.uscc LIMIT ?`
	args := append(append(append([]any{}, effectiveArgs(run)...), after), append(lastArgs(run, last), limit)...)
	switch {
	case d == models.DirectionLeft:
		query = `SELECT x.uscc, '', ` + lastTierSQL + `, 0 FROM (SELECT uscc FROM tiering_results WHERE run_id = ? AND uscc > ?) x` + lastFromSQL + `
			WHERE NOT EXISTS (SELECT 1 FROM tiering_results n WHERE n.run_id = ? AND n.uscc = x.uscc) ORDER BY x.uscc LIMIT ?`
		args = append(append([]any{last.ID, after}, lastArgs(run, last)...), run.ID, limit)
	case moved == "":
		return nil, models.Invalid("direction", "“%s”不是变动方向，应为 rose（上升）、fell（下降）、left（退出）或 new（新增）", string(d))
	}
	rows, err := s.sql.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("listing who moved since the year before run %d: %w", run.ID, err)
	}
	defer func() { _ = rows.Close() }()
	var movers []Mover
	for rows.Next() {
		var m Mover
		if err := rows.Scan(&m.USCC, &m.Name, &m.From, &m.To); err != nil {
			return nil, fmt.Errorf("listing who moved since the year before run %d: %w", run.ID, err)
		}
		movers = append(movers, m)
	}
	return movers, rows.Err()
}

// NotKnown counts a run's households by the set of conditions that no data decides (bits as in models.Verdict):
// the gaps in the data.
func (s *Store) NotKnown(ctx context.Context, runID int64) (map[uint64]int64, error) {
	rows, err := s.sql.QueryContext(ctx, "SELECT not_known, COUNT(*) FROM tiering_results WHERE run_id = ? GROUP BY not_known", runID)
	if err != nil {
		return nil, fmt.Errorf("counting what was not known in run %d: %w", runID, err)
	}
	defer func() { _ = rows.Close() }()
	gaps := map[uint64]int64{}
	for rows.Next() {
		var mask, n int64
		if err := rows.Scan(&mask, &n); err != nil {
			return nil, fmt.Errorf("counting what was not known in run %d: %w", runID, err)
		}
		gaps[uint64(mask)] = n
	}
	return gaps, rows.Err()
}
