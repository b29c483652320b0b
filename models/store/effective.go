package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"bangfu/models"
)

// The tier that counts (models.EffectiveTier) as SQL, for every set-based read and write: r is a household's result
// in a run, g its 登记注册 row, c the city's result, d a settled difference.
var (
	cityTierSQL      = tierCase("c.tier")
	effectiveTierSQL = "COALESCE(d.decided_tier, " + cityTierSQL + ", r.tier)"
)

// effectiveFrom reads a run's households in the order of their codes: ends in a WHERE that takes more conditions.
func (s *Store) effectiveFrom() string {
	return ` FROM tiering_results r
	` + s.inOrder() + ` src_registry g ON g.district = ? AND g.year = ? AND g.uscc = r.uscc
	LEFT JOIN src_city_tiering c ON c.district = ? AND c.year = ? AND c.uscc = r.uscc AND c.tier_year = ?
	LEFT JOIN differences d ON d.cycle_id = ? AND d.uscc = r.uscc AND d.state = 'settled'
	WHERE r.run_id = ?`
}

// inOrder is the inner join that reads its left side first. A plain JOIN lets MariaDB begin with the registry and sort
// all households behind the page for every page, which makes a list cost the square of its length.
func (s *Store) inOrder() string {
	if s.mysql {
		return "STRAIGHT_JOIN"
	}
	return "CROSS JOIN" // so SQLite's documentation
}

// effectiveArgs are the arguments of effectiveFrom.
func effectiveArgs(run models.Run) []any {
	return []any{run.District, run.Year, run.District, run.Year, run.Year, run.CycleID, run.ID}
}

// tierCase turns a column with a term of the law into the tier's number, NULL where there is none.
func tierCase(column string) string {
	var b strings.Builder
	b.WriteString("CASE " + column)
	for _, t := range models.Tiers {
		b.WriteString(" WHEN '" + t.String() + "' THEN " + strconv.Itoa(int(t)))
	}
	b.WriteString(" END")
	return b.String()
}

// Result is a household's result as it is listed and exported.
type Result struct {
	USCC      string
	Name      string
	Effective models.Tier // the tier that counts
	Own       models.Tier
	City      models.Tier // NoTier: not in the city's result
	Decided   models.Tier // NoTier: no decision of the joint study
	Street    string
	Trade     string // 行业代码
}

// ResultFilter selects results; zero fields select all.
type ResultFilter struct {
	Tier   models.Tier // the tier that counts
	Street string
}

// ResultPage lists, by code, up to limit results of a run after a code.
func (s *Store) ResultPage(ctx context.Context, run models.Run, f ResultFilter, after string, limit int) ([]Result, error) {
	query := "SELECT r.uscc, g.name, " + effectiveTierSQL + ", r.tier, COALESCE(" + cityTierSQL + ", 0), COALESCE(d.decided_tier, 0), COALESCE(g.street, ''), COALESCE(g.trade, '')" +
		s.effectiveFrom() + " AND r.uscc > ?"
	args := append(effectiveArgs(run), after)
	if f.Tier != models.NoTier {
		query, args = query+" AND "+effectiveTierSQL+" = ?", append(args, f.Tier)
	}
	if f.Street != "" {
		query, args = query+" AND g.street = ?", append(args, f.Street)
	}
	rows, err := s.sql.QueryContext(ctx, query+" ORDER BY r.uscc LIMIT ?", append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("listing the results of run %d: %w", run.ID, err)
	}
	defer func() { _ = rows.Close() }()
	page := make([]Result, 0, limit)
	for rows.Next() {
		var r Result
		if err := rows.Scan(&r.USCC, &r.Name, &r.Effective, &r.Own, &r.City, &r.Decided, &r.Street, &r.Trade); err != nil {
			return nil, fmt.Errorf("listing the results of run %d: %w", run.ID, err)
		}
		page = append(page, r)
	}
	return page, rows.Err()
}
