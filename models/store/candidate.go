package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"bangfu/models"
	"bangfu/models/calendar"
)

// maxCandidates bounds the codes of one statement.
const maxCandidates = 500

// Candidate reads what departments delivered about one household of a cycle; CodeNotFound when the registry lacks it.
func (s *Store) Candidate(ctx context.Context, cycleID, uscc string) (models.Candidate, error) {
	all, err := s.Candidates(ctx, cycleID, []string{uscc})
	if err != nil {
		return models.Candidate{}, err
	}
	c, ok := all[uscc]
	if !ok {
		_, year, err := models.ParseCycleID(cycleID)
		if err != nil {
			return c, err
		}
		return c, models.NotFound("%d年度的登记数据中没有统一社会信用代码“%s”", year, uscc)
	}
	return c, nil
}

// Candidates reads many households at once, a statement per source and 500 households; those that the cycle's registry
// lacks are left out. What is delivered while it reads may be in it or not: DataMark, read first, then differs from a later one.
func (s *Store) Candidates(ctx context.Context, cycleID string, usccs []string) (map[string]models.Candidate, error) {
	cycle, err := s.Cycle(ctx, cycleID)
	if err != nil {
		return nil, err
	}
	return s.candidatesOf(ctx, cycle, usccs)
}

// candidatesOf is Candidates for a cycle that may not be on record.
func (s *Store) candidatesOf(ctx context.Context, cycle models.Cycle, usccs []string) (map[string]models.Candidate, error) {
	marks, err := s.deliveryMarks(ctx, cycle.District, cycle.Year)
	if err != nil {
		return nil, err
	}
	read := &candidates{store: s, cycle: cycle, all: map[string]*models.Candidate{}}
	read.base = models.Candidate{CycleID: cycle.ID, District: cycle.District, Year: cycle.Year, Delivered: marks.delivered, DataMark: marks.mark(allSources)}
	for source := range models.SourceCount {
		if marks.delivered.Has(source) {
			read.base.DeliveredOn[source] = cycle.Clock.Today(marks.latest[source])
		}
	}
	if err := read.currentRun(ctx); err != nil {
		return nil, err
	}
	codes := slices.Compact(slices.Sorted(slices.Values(usccs)))
	for page := range slices.Chunk(codes, maxCandidates) {
		if err := read.page(ctx, page); err != nil {
			return nil, fmt.Errorf("reading what was delivered about %d households of %s: %w", len(page), cycle.ID, err)
		}
	}
	out := make(map[string]models.Candidate, len(read.all))
	for code, c := range read.all {
		c.Prefill()
		out[code] = *c
	}
	return out, nil
}

// candidates is one reading of households.
type candidates struct {
	store    *Store
	cycle    models.Cycle
	base     models.Candidate // what is the same of all
	run      models.Run
	assembly models.Assembly
	all      map[string]*models.Candidate
}

// currentRun finds the run whose tiers count; a cycle without one is judged on the date of its plan.
func (r *candidates) currentRun(ctx context.Context) error {
	var err error
	asOf := r.cycle.Plan[calendar.PlanTiering]
	if r.run, err = r.store.CurrentRun(ctx, r.cycle.ID); err == nil {
		asOf, r.base.RunID = r.run.AsOf, r.run.ID
	} else if models.CodeOf(err) != models.CodeNotFound {
		return err
	}
	r.assembly = models.NewAssembly(r.cycle.Year, asOf, r.base.Delivered)
	return nil
}

// page reads up to maxCandidates households, codes in order.
func (r *candidates) page(ctx context.Context, codes []string) error {
	in := "IN (?" + strings.Repeat(", ?", len(codes)-1) + ")"
	list := make([]any, len(codes))
	for i, code := range codes {
		list[i] = code
	}
	source := " WHERE district = ? AND year = ? AND uscc " + in
	args := append([]any{r.cycle.District, r.cycle.Year}, list...)
	ofYear := append(slices.Clone(args), r.assembly.DataYear())
	for _, q := range []struct {
		query string
		args  []any
		add   func(rows *sql.Rows) error
	}{
		{"SELECT uscc, name, COALESCE(street, ''), COALESCE(operator_kind, ''), status, founded, seasonal, suspended_from, suspended_to FROM src_registry" + source, args, r.registry},
		{"SELECT uscc, filed_on, revenue FROM src_annual_report" + source + " AND report_year = ?", ofYear, r.annualReport},
		{"SELECT uscc, kind, listed_on, removed_on, COALESCE(penalty, ''), published FROM src_credit" + source + " ORDER BY uscc, listed_on, kind", args, r.credit},
		{"SELECT uscc, registered, abnormal, COALESCE(payer, ''), paid FROM src_tax" + source + " AND tax_year = ?", ofYear, r.tax},
		{"SELECT uscc, insured FROM src_social_security" + source + " AND insured_year = ?", ofYear, r.socialSecurity},
		{"SELECT uscc, kind, in_use, valid_until FROM src_ip" + source + " ORDER BY uscc, certificate", args, r.ip},
		{"SELECT uscc, title, awarded_on, level, party FROM src_honours" + source + " ORDER BY uscc, awarded_on, title", args, r.honours},
		{"SELECT uscc, ended_on FROM certifications WHERE uscc " + in + " AND state = '" + string(models.CertificationRevoked) + "' AND ended_on IS NOT NULL ORDER BY uscc, ended_on", list, r.revoked},
		{`SELECT DISTINCT g.uscc, v.number, v.ended_on FROM src_registry g JOIN revocations v ON v.operator = g.operator AND v.uscc <> g.uscc AND v.lifted_on IS NULL
			WHERE g.district = ? AND g.year = ? AND g.uscc ` + in + " ORDER BY g.uscc, v.ended_on, v.number", args, r.namesakes},
		{"SELECT uscc, MAX(valid_until) FROM certifications WHERE uscc " + in + " AND state = '" + string(models.CertificationValid) + "' AND cycle_id <> ? GROUP BY uscc", append(slices.Clone(list), r.cycle.ID), r.certified},
		{"SELECT r.uscc, " + effectiveTierSQL + r.store.effectiveFrom() + " AND r.uscc " + in, append(effectiveArgs(r.run), list...), r.tier},
	} {
		if err := r.rows(ctx, len(codes) == 1, q.query, q.args, q.add); err != nil {
			return err
		}
	}
	return nil
}

// rows reads the answer of a query, prepared once if it is asked often: those for one household, at every step of an application.
func (r *candidates) rows(ctx context.Context, often bool, query string, args []any, add func(rows *sql.Rows) error) error {
	ask := r.store.sql.QueryContext
	if often {
		stmt, err := r.store.prepare(ctx, query)
		if err != nil {
			return err
		}
		ask = func(ctx context.Context, _ string, args ...any) (*sql.Rows, error) {
			return stmt.QueryContext(ctx, args...)
		}
	}
	rows, err := ask(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := add(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// of finds the household of a row; a row of a code that the registry lacks counts once it is delivered.
func (r *candidates) of(code string) *models.Candidate {
	if c, ok := r.all[code]; ok {
		return c
	}
	return &models.Candidate{}
}

// number is a cell that may be empty.
func number(v sql.NullInt64) models.Optional { return models.Optional{Known: v.Valid, Value: v.Int64} }

func (r *candidates) registry(rows *sql.Rows) error {
	c := r.base
	var row models.RegistryRow
	var seasonal sql.NullInt64
	if err := rows.Scan(&c.USCC, &c.Name, &c.Street, &c.OperatorKind, &c.Status, &c.Founded, &seasonal, &row.SuspendedFrom, &row.SuspendedTo); err != nil {
		return err
	}
	row.Founded, row.Registered, row.Seasonal = c.Founded, c.Registered(), number(seasonal)
	c.Suspended = models.Term{From: row.SuspendedFrom, Until: row.SuspendedTo}
	c.Facts = r.assembly.Start()
	r.assembly.Registry(&c.Facts, &row)
	r.all[c.USCC] = &c
	return nil
}

func (r *candidates) annualReport(rows *sql.Rows) error {
	var code string
	var row models.AnnualReportRow
	var revenue sql.NullInt64
	if err := rows.Scan(&code, &row.FiledOn, &revenue); err != nil {
		return err
	}
	row.Revenue = number(revenue)
	r.assembly.AnnualReport(&r.of(code).Facts, &row)
	return nil
}

func (r *candidates) credit(rows *sql.Rows) error {
	var code, kind, penalty string
	var listing models.Listing
	var published sql.NullInt64
	if err := rows.Scan(&code, &kind, &listing.From, &listing.RemovedOn, &penalty, &published); err != nil {
		return err
	}
	c := r.of(code)
	r.assembly.Credit(&c.Facts, &models.CreditRow{Kind: models.CreditKindOf(kind), ListedOn: listing.From, RemovedOn: listing.RemovedOn})
	c.AddCredit(kind, listing, penalty, number(published))
	return nil
}

func (r *candidates) tax(rows *sql.Rows) error {
	var code, payer string
	var registered, abnormal, paid sql.NullInt64
	if err := rows.Scan(&code, &registered, &abnormal, &payer, &paid); err != nil {
		return err
	}
	r.assembly.Tax(&r.of(code).Facts, &models.TaxRow{Registered: number(registered), Abnormal: number(abnormal),
		General: models.IsGeneralTaxpayer(payer), Paid: number(paid)})
	return nil
}

func (r *candidates) socialSecurity(rows *sql.Rows) error {
	var code string
	var insured int64
	if err := rows.Scan(&code, &insured); err != nil {
		return err
	}
	r.assembly.SocialSecurity(&r.of(code).Facts, insured)
	return nil
}

func (r *candidates) ip(rows *sql.Rows) error {
	var code, kind string
	var p models.Property
	var used sql.NullInt64
	if err := rows.Scan(&code, &kind, &used, &p.ValidUntil); err != nil {
		return err
	}
	p.Trademark, p.InUse = models.IsTrademark(kind), number(used)
	c := r.of(code)
	r.assembly.IP(&c.Facts, &models.IPRow{Trademark: p.Trademark, InUse: p.InUse, ValidUntil: p.ValidUntil})
	c.Properties = append(c.Properties, p)
	return nil
}

func (r *candidates) honours(rows *sql.Rows) error {
	var code string
	var h models.Honour
	var party sql.NullInt64
	if err := rows.Scan(&code, &h.Title, &h.On, &h.Level, &party); err != nil {
		return err
	}
	h.Party = number(party)
	c := r.of(code)
	c.Honours = append(c.Honours, h)
	return nil
}

func (r *candidates) revoked(rows *sql.Rows) error {
	var code string
	var day calendar.Date
	if err := rows.Scan(&code, &day); err != nil {
		return err
	}
	c := r.of(code)
	c.Revoked = append(c.Revoked, day)
	return nil
}

func (r *candidates) namesakes(rows *sql.Rows) error {
	var code string
	var v models.Revocation
	if err := rows.Scan(&code, &v.Number, &v.On); err != nil {
		return err
	}
	c := r.of(code)
	c.Namesakes = append(c.Namesakes, v)
	return nil
}

func (r *candidates) certified(rows *sql.Rows) error {
	var code string
	var until calendar.Date
	if err := rows.Scan(&code, &until); err != nil {
		return err
	}
	r.of(code).Certified = until
	return nil
}

func (r *candidates) tier(rows *sql.Rows) error {
	var code string
	var tier models.Tier
	if err := rows.Scan(&code, &tier); err != nil {
		return err
	}
	r.of(code).Tier = tier
	return nil
}

// deliveryMarks is what was delivered for a cycle: which sources, when at last, and which deliveries.
type deliveryMarks struct {
	delivered models.Sources
	marks     [models.SourceCount]string
	latest    [models.SourceCount]time.Time
}

// allSources lists every source.
var allSources = func() (list []models.Source) {
	for s := range models.SourceCount {
		list = append(list, s)
	}
	return list
}()

// mark names the accepted deliveries of some sources: equal marks mean equal rows.
func (d *deliveryMarks) mark(sources []models.Source) string {
	var mark []string
	for _, source := range sources {
		if d.delivered.Has(source) {
			mark = append(mark, d.marks[source])
		}
	}
	return strings.Join(mark, " ")
}

func (s *Store) deliveryMarks(ctx context.Context, district string, year int) (*deliveryMarks, error) {
	const what = "reading which sources were delivered: %w"
	rows, err := s.sql.QueryContext(ctx, `SELECT d.source, d.sequence, n.accepted, d.settled_at FROM deliveries d JOIN (
			SELECT source, MAX(sequence) AS newest, COUNT(*) AS accepted FROM deliveries WHERE district = ? AND year = ? AND state = ? GROUP BY source
		) n ON n.source = d.source AND n.newest = d.sequence WHERE d.district = ? AND d.year = ?`,
		district, year, models.DeliveryAccepted, district, year)
	if err != nil {
		return nil, fmt.Errorf(what, err)
	}
	defer func() { _ = rows.Close() }()
	d := &deliveryMarks{}
	for rows.Next() {
		var code string
		var newest, accepted int
		var settled sql.NullTime
		if err := rows.Scan(&code, &newest, &accepted, &settled); err != nil {
			return nil, fmt.Errorf(what, err)
		}
		source, err := models.ParseSource(code)
		if err != nil {
			return nil, err
		}
		d.delivered = d.delivered.With(source)
		d.marks[source] = fmt.Sprintf("%s:%d/%d", code, newest, accepted)
		d.latest[source] = settled.Time
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf(what, err)
	}
	return d, nil
}
