package store

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"bangfu/models"
)

// StudyReport makes the 研判报告 of a cycle's current run; CodeNotFound before the first run is done.
func (s *Store) StudyReport(ctx context.Context, cycleID string) (*models.StudyReport, error) {
	run, err := s.CurrentRun(ctx, cycleID)
	if err != nil {
		return nil, err
	}
	law, err := s.PolicyByID(ctx, run.PolicyID)
	if err != nil {
		return nil, err
	}
	r := &models.StudyReport{CycleID: cycleID, District: run.District, DistrictName: run.District, Year: run.Year, AsOf: run.AsOf,
		Run: run.Number, PolicyVersion: law.Version, PolicyHash: run.PolicyHash}
	switch d, err := s.District(ctx, run.District); {
	case err == nil:
		r.DistrictName = d.Name
	case models.CodeOf(err) != models.CodeNotFound:
		return nil, err
	}
	owners := map[models.Source]string{}
	for source := range models.SourceCount {
		owners[source] = law.Sources[source].DepartmentName
	}
	var masks map[uint64]int64
	g, ctx := errgroup.WithContext(ctx) // independent reads of the whole district, side by side
	g.Go(func() (err error) { r.Distribution, err = s.Distribution(ctx, run); return err })
	g.Go(func() (err error) { r.Movement, err = s.Movement(ctx, run); return err })
	g.Go(func() (err error) { r.Study, err = s.StudyBoard(ctx, run.District, run.Year); return err })
	g.Go(func() (err error) { r.Gaps, err = s.DataGaps(ctx, run.District, run.Year, owners); return err })
	g.Go(func() (err error) { masks, err = s.NotKnown(ctx, run.ID); return err })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, c := range law.Tiering.Conditions {
		gap := models.ConditionGap{Clause: c.Clause, Name: c.Name, Source: c.Sources()[0].Name()}
		for mask, n := range masks {
			if mask>>i&1 == 1 {
				gap.Households += n
			}
		}
		if gap.Households > 0 {
			r.NotKnown = append(r.NotKnown, gap)
		}
	}
	return r, nil
}

// inRegistry is whether the registry of the cycle holds the code of a source's row x.
const inRegistry = "EXISTS (SELECT 1 FROM src_registry g WHERE g.district = x.district AND g.year = x.year AND g.uscc = x.uscc)"

// gapSQL selects the codes that one side lacks, of a source in a district and year; ok is false where the source
// cannot lack them. Ends before GROUP BY, ORDER BY or LIMIT.
func gapSQL(source models.Source, kind models.GapKind, district string, year int) (from, code string, args []any, ok bool) {
	table := "src_" + source.String()
	column, of, yearly := models.SourceYear(source, year)
	switch {
	case source == models.SourceRegistry, kind == models.GapMissing && !yearly:
		return "", "", nil, false
	case kind == models.GapMissing:
		return " FROM src_registry g WHERE g.district = ? AND g.year = ? AND NOT EXISTS (SELECT 1 FROM " + table +
			" x WHERE x.district = g.district AND x.year = g.year AND x.uscc = g.uscc AND x." + column + " = ?)", "g.uscc", []any{district, year, of}, true
	}
	from, args = " FROM "+table+" x WHERE x.district = ? AND x.year = ?", []any{district, year}
	if yearly {
		from, args = from+" AND x."+column+" = ?", append(args, of)
	}
	return from + " AND NOT " + inRegistry, "x.uscc", args, true
}

// DataGaps says, per source, what is missing, unmatched and rejected in a cycle. owners names the departments.
func (s *Store) DataGaps(ctx context.Context, district string, year int, owners map[models.Source]string) ([]models.DataGap, error) {
	gaps := make([]models.DataGap, 0, models.SourceCount)
	for source := range models.SourceCount {
		g := models.DataGap{Source: source, Name: source.Name(), Department: owners[source]}
		var newest struct{ RowsRejected int64 }
		err := s.db.WithContext(ctx).Table("deliveries").Select("rows_rejected").
			Where("district = ? AND year = ? AND source = ? AND state = ?", district, year, source.String(), models.DeliveryAccepted).
			Order("sequence DESC").Limit(1).Take(&newest).Error
		switch {
		case err == nil:
			g.Delivered, g.Rejected = true, newest.RowsRejected
		case !errors.Is(err, gorm.ErrRecordNotFound):
			return nil, fmt.Errorf("reading the deliveries of %s: %w", source, err)
		}
		if err := s.countGaps(ctx, &g, district, year); err != nil {
			return nil, fmt.Errorf("counting what %s lacks: %w", source, err)
		}
		g.Explain(year)
		gaps = append(gaps, g)
	}
	return gaps, nil
}

// countGaps counts what a source lacks. Rows of a yearly source are one per household, so that what matches tells both
// sides; the others are short lists.
func (s *Store) countGaps(ctx context.Context, g *models.DataGap, district string, year int) error {
	column, of, yearly := models.SourceYear(g.Source, year)
	if !yearly {
		from, code, args, ok := gapSQL(g.Source, models.GapUnmatched, district, year)
		if !ok {
			return nil
		}
		return s.sql.QueryRowContext(ctx, "SELECT COUNT(DISTINCT "+code+")"+from, args...).Scan(&g.Unmatched)
	}
	table := "src_" + g.Source.String()
	var households, rows, matched int64
	err := s.sql.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM src_registry WHERE district = ? AND year = ?),
		(SELECT COUNT(*) FROM `+table+" WHERE district = ? AND year = ? AND "+column+` = ?),
		(SELECT COUNT(*) FROM `+table+" x JOIN src_registry g ON g.district = x.district AND g.year = x.year AND g.uscc = x.uscc WHERE x.district = ? AND x.year = ? AND x."+column+" = ?)",
		district, year, district, year, of, district, year, of).Scan(&households, &rows, &matched)
	g.Missing, g.Unmatched = households-matched, rows-matched
	return err
}

// GapPage lists, in order, up to limit codes after a code that one side lacks.
func (s *Store) GapPage(ctx context.Context, district string, year int, source models.Source, kind models.GapKind, after string, limit int) ([]string, error) {
	from, code, args, ok := gapSQL(source, kind, district, year)
	if !ok {
		return nil, nil
	}
	var page []string
	err := s.db.WithContext(ctx).Raw("SELECT DISTINCT "+code+from+" AND "+code+" > ? ORDER BY "+code+" LIMIT ?", append(args, after, limit)...).Scan(&page).Error
	if err != nil {
		return nil, fmt.Errorf("listing what %s lacks: %w", source, err)
	}
	return page, nil
}
