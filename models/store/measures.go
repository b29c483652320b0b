package store

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// Entitled is a household as measures see it: the tier that is published for a year (附二), and the category of a certification whose
// benefits run on a date (附四), with how the registry reaches it.
type Entitled struct {
	USCC     string `gorm:"column:uscc"`
	Name     string
	Street   string
	Tier     models.Tier
	Category models.Category
	Email    string
}

// benefits says that a certification c gives its measures on a date: from 1 January after it was made (二(一)3), and not outside its validity
// (附三(五)). Its arguments are the date, three times.
const benefits = "c.live = 1 AND c.benefits_from <= ? AND c.certified_on <= ? AND c.valid_until >= ?"

// category is the category in which household p is certified on a date; its arguments are those of benefits.
const category = "COALESCE((SELECT c.category FROM certifications c WHERE c.uscc = p.uscc AND c.district = p.district AND " + benefits + " LIMIT 1), '')"

// Entitlements gives, of some households, those that a year knows: in the published tiers, or certified with benefits that run on a date.
func (s *Store) Entitlements(ctx context.Context, district string, year int, on calendar.Date, codes []string) (map[string]Entitled, error) {
	return s.entitlements(s.db.WithContext(ctx), district, year, on, codes)
}

func (s *Store) entitlements(tx *gorm.DB, district string, year int, on calendar.Date, codes []string) (map[string]Entitled, error) {
	found := make(map[string]Entitled, len(codes))
	if len(codes) == 0 {
		return found, nil
	}
	var tiers, certified, homes []Entitled
	err := tx.Raw("SELECT uscc, name, tier FROM published_tiers WHERE uscc IN ? AND year = ? AND district = ?", codes, year, district).Scan(&tiers).Error
	if err == nil {
		err = tx.Raw("SELECT c.uscc, c.name, c.category FROM certifications c WHERE c.uscc IN ? AND c.district = ? AND "+benefits, codes, district, on, on, on).Scan(&certified).Error
	}
	if err == nil {
		err = tx.Raw("SELECT uscc, name, COALESCE(street, '') AS street, COALESCE(email, '') AS email FROM src_registry WHERE district = ? AND year = ? AND uscc IN ?",
			district, year, codes).Scan(&homes).Error
	}
	if err != nil {
		return nil, fmt.Errorf("looking for what households of %s may get: %w", district, err)
	}
	for _, t := range tiers {
		found[t.USCC] = t
	}
	for _, c := range certified {
		e := found[c.USCC]
		e.USCC, e.Category = c.USCC, c.Category
		if e.Name == "" {
			e.Name = c.Name
		}
		found[c.USCC] = e
	}
	for _, h := range homes {
		if e, ok := found[h.USCC]; ok {
			e.Name, e.Street = h.Name, h.Street
			if models.ValidateEmail("email", h.Email) == nil {
				e.Email = h.Email
			}
			found[h.USCC] = e
		}
	}
	return found, nil
}

// MeasureQuery selects the households that a measure is for, by code after one. Empty fields select all.
type MeasureQuery struct {
	CycleID  string
	District string
	Year     int
	Today    calendar.Date
	Measure  policy.Measure // without a clause: everybody whom any measure is for
	Part     int
	Tier     models.Tier
	Category models.Category
	Street   string
	Served   *bool // by the part: with help given, or without
	After    string
	Limit    int
}

// MeasureHouseholds lists whom a measure is for (附二: the published tier; 附四: the certified category), and how the registry reaches them.
func (s *Store) MeasureHouseholds(ctx context.Context, q MeasureQuery) ([]Entitled, error) {
	args := []any{q.Today, q.Today, q.Today, q.District, q.Year, q.District, q.Year, q.After}
	query := `SELECT p.uscc, COALESCE(g.name, p.name) AS name, COALESCE(g.street, '') AS street, p.tier, ` + category + ` AS category, COALESCE(g.email, '') AS email
		FROM published_tiers p LEFT JOIN src_registry g ON g.district = ? AND g.year = ? AND g.uscc = p.uscc WHERE p.district = ? AND p.year = ? AND p.uscc > ?`
	where := func(condition string, more ...any) { query, args = query+" AND "+condition, append(args, more...) }
	tier := q.Measure.Tier()
	switch {
	case q.Measure.Category() != "": // few are certified, and perhaps without a tier this year: from their side
		query = `SELECT p.uscc, COALESCE(g.name, p.name) AS name, COALESCE(g.street, '') AS street, COALESCE(t.tier, 0) AS tier, p.category, COALESCE(g.email, '') AS email
			FROM certifications p LEFT JOIN src_registry g ON g.district = ? AND g.year = ? AND g.uscc = p.uscc
			LEFT JOIN published_tiers t ON t.uscc = p.uscc AND t.year = ? AND t.district = p.district WHERE p.district = ? AND p.uscc > ?`
		args = []any{q.District, q.Year, q.Year, q.District, q.After}
		where(strings.ReplaceAll(benefits, "c.", "p."), q.Today, q.Today, q.Today)
		where("p.category = ?", q.Measure.Category())
		if q.Tier != models.NoTier {
			where("t.tier = ?", q.Tier)
		}
		if q.Category != "" {
			where("p.category = ?", q.Category)
		}
	case tier != models.NoTier:
		where("p.tier = ?", tier)
	default:
		where("p.tier > ?", models.Ineligible)
	}
	if q.Measure.Category() == "" {
		if q.Tier != models.NoTier {
			where("p.tier = ?", q.Tier)
		}
		if q.Category != "" {
			where("EXISTS (SELECT 1 FROM certifications c WHERE c.uscc = p.uscc AND c.district = p.district AND "+benefits+" AND c.category = ?)", q.Today, q.Today, q.Today, q.Category)
		}
	}
	if q.Street != "" {
		where("g.street = ?", q.Street)
	}
	if q.Served != nil {
		not := "NOT "
		if *q.Served {
			not = ""
		}
		where(not+"EXISTS (SELECT 1 FROM help h WHERE h.cycle_id = ? AND h.uscc = p.uscc AND h.clause = ? AND h.part = ? AND h.state = ?)",
			q.CycleID, q.Measure.Clause, q.Part, models.HelpDelivered)
	}
	var list []Entitled
	if err := s.db.WithContext(ctx).Raw(query+" ORDER BY p.uscc LIMIT ?", append(args, q.Limit)...).Scan(&list).Error; err != nil {
		return nil, fmt.Errorf("listing whom %s is for in %s: %w", q.Measure.Clause, q.CycleID, err)
	}
	for i := range list {
		if models.ValidateEmail("email", list[i].Email) != nil {
			list[i].Email = ""
		}
	}
	return list, nil
}

// MeasureCounts is where a part of a measure stands in a cycle.
type MeasureCounts struct {
	Served    int // households with help given
	Delivered int // times
	Requested int
	Promised  int
	Overdue   int // of those two, not done by their date
	Declined  int
}

// MeasureKey names a part of a measure.
type MeasureKey struct {
	Clause string
	Part   int
}

// MeasureCounts counts the help of a cycle by part; of one department if it is named.
func (s *Store) MeasureCounts(ctx context.Context, cycleID, department string, today calendar.Date) (map[MeasureKey]MeasureCounts, error) {
	query, args := `SELECT clause, part, state, COUNT(*) AS n, COUNT(DISTINCT uscc) AS households, SUM(CASE WHEN live = 1 AND due < ? THEN 1 ELSE 0 END) AS overdue
		FROM help WHERE cycle_id = ?`, []any{today, cycleID}
	if department != "" {
		query, args = query+" AND department = ?", append(args, department)
	}
	var rows []struct {
		Clause                 string
		Part                   int
		State                  models.HelpState
		N, Households, Overdue int
	}
	if err := s.db.WithContext(ctx).Raw(query+" GROUP BY clause, part, state", args...).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("counting the help of %s: %w", cycleID, err)
	}
	counts := map[MeasureKey]MeasureCounts{}
	for _, r := range rows {
		key := MeasureKey{r.Clause, r.Part}
		c := counts[key]
		c.Overdue += r.Overdue
		switch r.State {
		case models.HelpDelivered:
			c.Served, c.Delivered = r.Households, r.N
		case models.HelpRequested:
			c.Requested = r.N
		case models.HelpPromised:
			c.Promised = r.N
		case models.HelpDeclined:
			c.Declined = r.N
		}
		counts[key] = c
	}
	return counts, nil
}

// Eligible counts a year's households by published tier, and by the category whose benefits run on a date: by the words that measures use
// (生存型 … 新兴).
func (s *Store) Eligible(ctx context.Context, district string, year int, today calendar.Date) (map[string]int, error) {
	var tiers []struct {
		Tier models.Tier
		N    int
	}
	var categories []struct {
		Category models.Category
		N        int
	}
	db := s.db.WithContext(ctx)
	err := db.Raw("SELECT tier, COUNT(*) AS n FROM published_tiers WHERE district = ? AND year = ? GROUP BY tier", district, year).Scan(&tiers).Error
	if err == nil {
		err = db.Raw("SELECT c.category, COUNT(*) AS n FROM certifications c WHERE c.district = ? AND "+benefits+" GROUP BY c.category", district, today, today, today).Scan(&categories).Error
	}
	if err != nil {
		return nil, fmt.Errorf("counting whom the measures of %s are for: %w", district, err)
	}
	counts := map[string]int{}
	for _, t := range tiers {
		counts[t.Tier.String()] = t.N
	}
	for _, c := range categories {
		counts[c.Category.Name()] = c.N
	}
	return counts, nil
}

// MeasureDepartments gives whom the bureau named for the collective names of a district's measures.
func (s *Store) MeasureDepartments(ctx context.Context, district string) (map[MeasureKey][]string, error) {
	return s.measureDepartments(s.db.WithContext(ctx), district)
}

func (s *Store) measureDepartments(tx *gorm.DB, district string) (map[MeasureKey][]string, error) {
	var rows []struct {
		Clause     string
		Part       int
		Department string
	}
	if err := tx.Raw("SELECT clause, part, department FROM measure_departments WHERE district = ? ORDER BY clause, part, department", district).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading who is responsible for the measures of %s: %w", district, err)
	}
	named := map[MeasureKey][]string{}
	for _, r := range rows {
		key := MeasureKey{r.Clause, r.Part}
		named[key] = append(named[key], r.Department)
	}
	return named, nil
}

// NameDepartments says which departments a collective name of a measure means (各相关部门 …), for good or until said otherwise; none gives it
// back to the bureau. CodeInvalid for a department that the district does not have.
func (s *Store) NameDepartments(ctx context.Context, district string, key MeasureKey, departments []string, actor models.Actor, reasonID int64) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		var known int64
		if err := tx.Table("departments").Where("district = ? AND code IN ?", district, append(departments, "")).Count(&known).Error; err != nil {
			return err
		}
		if known != int64(len(departments)) {
			return models.Invalid("departments", "有的部门代码不在本区的部门之中，或重复填写")
		}
		if err := tx.Exec("DELETE FROM measure_departments WHERE district = ? AND clause = ? AND part = ?", district, key.Clause, key.Part).Error; err != nil {
			return err
		}
		for _, d := range departments {
			if err := tx.Exec("INSERT INTO measure_departments (district, clause, part, department) VALUES (?, ?, ?, ?)", district, key.Clause, key.Part, d).Error; err != nil {
				return err
			}
		}
		return s.audit(tx, actor, "measure.departments", "measure/"+district, map[string]any{"clause": key.Clause, "part": key.Part, "departments": departments, "reason_id": reasonID})
	})
	if err != nil {
		return fmt.Errorf("naming who is responsible for %s: %w", key.Clause, err)
	}
	return nil
}
