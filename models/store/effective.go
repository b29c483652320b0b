package store

import (
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

const effectiveFromSQL = ` FROM tiering_results r
	JOIN src_registry g ON g.district = ? AND g.year = ? AND g.uscc = r.uscc
	LEFT JOIN src_city_tiering c ON c.district = ? AND c.year = ? AND c.uscc = r.uscc AND c.tier_year = ?
	LEFT JOIN differences d ON d.cycle_id = ? AND d.uscc = r.uscc AND d.state = 'settled'
	WHERE r.run_id = ?`

// effectiveArgs are the arguments of effectiveFromSQL.
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
