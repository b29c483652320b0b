package store

import (
	"context"
	"fmt"

	"bangfu/models"
	"bangfu/models/calendar"
)

// CertifiedQuery selects a district's certified households; a zero field selects all.
type CertifiedQuery struct {
	District string
	Year     int // of the certification
	State    models.CertificationState
	Category models.Category
	Tier     models.Tier        // as published at last
	Report   models.ReportState // of the latest report
	Case     models.CaseKind    // with a case of the kind that goes on
	Cases    bool               // with any case that goes on
	NextBy   calendar.Date      // whose next date comes by then
	USCC     string
	After    int64
	Limit    int
}

// CertifiedLine is one certified household of the list.
type CertifiedLine struct {
	models.Certification
	Report    models.Report // the latest; zero = none yet
	Cases     []models.Case // that go on
	TierNow   models.Tier   // NoTier: none is published
	TierYear  int
	Recommend string // code of the department that recommended it
}

// newestReport is a condition on the latest report of a certification c.
const newestReport = `EXISTS (SELECT 1 FROM information_reports r WHERE r.certification_id = c.id AND r.state = ?
	AND NOT EXISTS (SELECT 1 FROM information_reports n WHERE n.certification_id = c.id AND n.year > r.year))`

// Certified lists certified households by the order of their certification, with how they stand. A page costs the same few statements whatever
// its length.
func (s *Store) Certified(ctx context.Context, q CertifiedQuery) ([]CertifiedLine, error) {
	failed := func(err error) ([]CertifiedLine, error) {
		return nil, fmt.Errorf("listing the certified households of %s: %w", q.District, err)
	}
	year, err := s.tiersYear(ctx, q.District)
	if err != nil {
		return failed(err)
	}
	sel := s.db.WithContext(ctx).Table("certifications c").Where("c.district = ? AND c.id > ?", q.District, q.After)
	for _, f := range []struct {
		asked     bool
		condition string
		args      []any
	}{
		{q.State == models.CertificationValid, "c.live = 1", nil},
		{q.State != "" && q.State != models.CertificationValid, "c.state = ?", []any{q.State}},
		{q.Year != 0, "c.year = ?", []any{q.Year}},
		{q.Category != "", "c.category = ?", []any{q.Category}},
		{q.USCC != "", "c.uscc = ?", []any{q.USCC}},
		{q.NextBy != 0, "c.next_on <= ?", []any{q.NextBy}},
		{q.Report != "", newestReport, []any{q.Report}},
		{q.Case != "", "EXISTS (SELECT 1 FROM cases k WHERE k.certification_id = c.id AND k.kind = ? AND k.live = 1)", []any{q.Case}},
		{q.Cases, "EXISTS (SELECT 1 FROM cases k WHERE k.certification_id = c.id AND k.live = 1)", nil},
		{q.Tier != models.NoTier, "EXISTS (SELECT 1 FROM published_tiers p WHERE p.uscc = c.uscc AND p.year = ? AND p.district = c.district AND p.tier = ?)", []any{year, q.Tier}},
	} {
		if f.asked {
			sel = sel.Where(f.condition, f.args...)
		}
	}
	var list []models.Certification
	if err := sel.Select("c.*").Order("c.id").Limit(q.Limit).Find(&list).Error; err != nil {
		return failed(err)
	}
	lines := make([]CertifiedLine, len(list))
	for i, c := range list {
		lines[i].Certification = c
	}
	if err := s.describeCertified(ctx, lines, q.District, year); err != nil {
		return failed(err)
	}
	return lines, nil
}

// tiersYear is the newest year whose tiers are published; 0 = none.
func (s *Store) tiersYear(ctx context.Context, district string) (year int, err error) {
	err = s.sql.QueryRowContext(ctx, "SELECT COALESCE(MAX(year), 0) FROM published_tiers WHERE district = ?", district).Scan(&year)
	return year, err
}

// describeCertified adds to a page what lies in other tables.
func (s *Store) describeCertified(ctx context.Context, lines []CertifiedLine, district string, year int) error {
	if len(lines) == 0 {
		return nil
	}
	db := s.db.WithContext(ctx)
	at := make(map[int64]int, len(lines))
	household := make(map[string][]int, len(lines))
	application := make(map[int64]int, len(lines))
	var ids, applications []int64
	var usccs []string
	for i, l := range lines {
		at[l.ID], application[l.ApplicationID] = i, i
		household[l.USCC] = append(household[l.USCC], i)
		ids, applications, usccs = append(ids, l.ID), append(applications, l.ApplicationID), append(usccs, l.USCC)
	}
	var reports []models.Report
	if err := db.Select("id, certification_id, year, state, due, review_due").Where("certification_id IN ?", ids).Order("certification_id, year").Find(&reports).Error; err != nil {
		return err
	}
	for _, r := range reports {
		lines[at[r.CertificationID]].Report = r
	}
	var cases []models.Case
	if err := db.Where("certification_id IN ? AND live = 1", ids).Order("id").Find(&cases).Error; err != nil {
		return err
	}
	for _, k := range cases {
		l := &lines[at[k.CertificationID]]
		l.Cases = append(l.Cases, k)
	}
	var tiers []struct {
		USCC string `gorm:"column:uscc"`
		Tier models.Tier
	}
	if err := db.Raw("SELECT uscc, tier FROM published_tiers WHERE uscc IN ? AND year = ? AND district = ?", usccs, year, district).Scan(&tiers).Error; err != nil {
		return err
	}
	for _, t := range tiers {
		for _, i := range household[t.USCC] {
			lines[i].TierNow, lines[i].TierYear = t.Tier, year
		}
	}
	var departments []struct {
		ID         int64
		Department string
	}
	if err := db.Raw("SELECT id, department FROM applications WHERE id IN ? AND department <> ''", applications).Scan(&departments).Error; err != nil {
		return err
	}
	for _, d := range departments {
		lines[application[d.ID]].Recommend = d.Department
	}
	return nil
}

// CertifiedCount is how many there are of something.
type CertifiedCount struct {
	Item string
	N    int64
}

// CertifiedCounts counts a district's certified households: all by state; those that are valid by category, by their present tier (empty = none is
// published), by the state of their latest report, and the cases that go on by kind.
func (s *Store) CertifiedCounts(ctx context.Context, district string) (map[string][]CertifiedCount, error) {
	year, err := s.tiersYear(ctx, district)
	if err != nil {
		return nil, fmt.Errorf("counting the certified households of %s: %w", district, err)
	}
	valid := " FROM certifications c%s WHERE c.district = ? AND c.live = 1 GROUP BY 1 ORDER BY 1"
	counts := map[string][]CertifiedCount{}
	for name, q := range map[string]struct {
		query string
		args  []any
	}{
		"state":    {"SELECT state AS item, COUNT(*) AS n FROM certifications WHERE district = ? GROUP BY 1 ORDER BY 1", []any{district}},
		"category": {"SELECT c.category AS item, COUNT(*) AS n" + fmt.Sprintf(valid, ""), []any{district}},
		"tier": {"SELECT COALESCE(p.tier, 0) AS item, COUNT(*) AS n" + fmt.Sprintf(valid, " LEFT JOIN published_tiers p ON p.uscc = c.uscc AND p.year = ? AND p.district = c.district"),
			[]any{year, district}},
		"report": {"SELECT r.state AS item, COUNT(*) AS n" + fmt.Sprintf(valid, ` JOIN information_reports r ON r.certification_id = c.id
			AND NOT EXISTS (SELECT 1 FROM information_reports n WHERE n.certification_id = c.id AND n.year > r.year)`), []any{district}},
		"case": {"SELECT kind AS item, COUNT(*) AS n FROM cases WHERE district = ? AND live = 1 GROUP BY 1 ORDER BY 1", []any{district}},
	} {
		list := []CertifiedCount{}
		if err := s.db.WithContext(ctx).Raw(q.query, q.args...).Scan(&list).Error; err != nil {
			return nil, fmt.Errorf("counting the certified households of %s by %s: %w", district, name, err)
		}
		counts[name] = list
	}
	return counts, nil
}
