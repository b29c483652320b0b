package store

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"bangfu/models"
	"bangfu/models/calendar"
)

// usccLength is the length of a 统一社会信用代码; the import checks every one.
const usccLength = 18

// afterAll sorts behind every USCC: the upper border of a range without one.
const afterAll = "~"

// Delivered gives the sources with an accepted delivery for a cycle, and the data mark of the facts: the newest
// accepted sequence and the number of accepted deliveries per source that tiering reads. Two equal marks mean
// equal source rows, whatever the order in which deliveries were accepted.
func (s *Store) Delivered(ctx context.Context, district string, year int) (models.Sources, string, error) {
	marks, err := s.deliveryMarks(ctx, district, year)
	if err != nil {
		return 0, "", err
	}
	return marks.delivered, marks.mark(models.FactSources()), nil
}

// FactsPage holds households in the order of their codes. It is valid until the next page is read.
type FactsPage struct {
	Facts []models.Facts
	codes []byte // usccLength bytes each
}

// USCC is the code of household i.
func (p *FactsPage) USCC(i int) string { return string(p.code(i)) }

func (p *FactsPage) code(i int) []byte { return p.codes[i*usccLength : (i+1)*usccLength] }

// FactsReader reads the facts of one cycle's households in the order of their codes: one range scan of each
// source per page, merged here, without a statement or an allocated struct per household. It reads through the
// driver itself, since database/sql would copy every cell twice. Not safe for concurrent use; open one per goroutine.
type FactsReader struct {
	conn     *sql.Conn
	district string
	assembly models.Assembly
	scans    []factsScan
	texts    map[string]string // the few values of enumerated columns
	page     FactsPage
}

// factsScan is how one source is read.
type factsScan struct {
	query string
	args  []any // before the borders of the range
	add   func(r *FactsReader, f *models.Facts, row []driver.Value)

	stmt driver.Stmt
	row  []driver.Value
}

// OpenFacts opens a reader for a district's cycle.
func (s *Store) OpenFacts(ctx context.Context, district string, a models.Assembly) (*FactsReader, error) {
	conn, err := s.sql.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("reaching the database to read facts: %w", err)
	}
	r := &FactsReader{conn: conn, district: district, assembly: a, texts: map[string]string{}, scans: s.factsScans(a.DataYear())}
	err = conn.Raw(func(raw any) error {
		for i := range r.scans {
			stmt, err := raw.(driver.ConnPrepareContext).PrepareContext(ctx, r.scans[i].query)
			if err != nil {
				return err
			}
			r.scans[i].stmt = stmt
		}
		return nil
	})
	if err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("preparing to read facts: %w", err)
	}
	return r, nil
}

// factsScans lists the sources' queries, the registry first; each ends with district, year, and the range's borders.
func (s *Store) factsScans(dataYear int) []factsScan {
	days := func(column string) string { // calendar.Date counts days since 1970-01-01
		if s.mysql {
			return "TO_DAYS(" + column + ") - 719528"
		}
		return "CAST(julianday(" + column + ") - 2440587.5 AS INTEGER)"
	}
	scope := " WHERE district = ? AND year = ? AND uscc > ? AND uscc <= ? "
	return []factsScan{
		{
			query: "SELECT uscc, " + days("founded") + ", status, seasonal, " + days("suspended_from") + ", " + days("suspended_to") +
				" FROM src_registry" + scope + "ORDER BY uscc LIMIT ?",
			row: make([]driver.Value, 6),
			add: func(r *FactsReader, f *models.Facts, row []driver.Value) {
				r.assembly.Registry(f, &models.RegistryRow{Founded: day(row[1]), Registered: models.IsRegistered(r.text(row[2])),
					Seasonal: optional(row[3]), SuspendedFrom: day(row[4]), SuspendedTo: day(row[5])})
			},
		},
		{
			query: "SELECT uscc, " + days("filed_on") + ", revenue FROM src_annual_report" + scope + "AND report_year = ? ORDER BY uscc",
			args:  []any{int64(dataYear)},
			row:   make([]driver.Value, 3),
			add: func(r *FactsReader, f *models.Facts, row []driver.Value) {
				r.assembly.AnnualReport(f, &models.AnnualReportRow{FiledOn: day(row[1]), Revenue: optional(row[2])})
			},
		},
		{
			query: "SELECT uscc, kind, " + days("listed_on") + ", " + days("removed_on") + " FROM src_credit" + scope + "ORDER BY uscc",
			row:   make([]driver.Value, 4),
			add: func(r *FactsReader, f *models.Facts, row []driver.Value) {
				r.assembly.Credit(f, &models.CreditRow{Kind: models.CreditKindOf(r.text(row[1])), ListedOn: day(row[2]), RemovedOn: day(row[3])})
			},
		},
		{
			query: "SELECT uscc, registered, abnormal, payer, paid FROM src_tax" + scope + "AND tax_year = ? ORDER BY uscc",
			args:  []any{int64(dataYear)},
			row:   make([]driver.Value, 5),
			add: func(r *FactsReader, f *models.Facts, row []driver.Value) {
				r.assembly.Tax(f, &models.TaxRow{Registered: optional(row[1]), Abnormal: optional(row[2]),
					General: models.IsGeneralTaxpayer(r.text(row[3])), Paid: optional(row[4])})
			},
		},
		{
			query: "SELECT uscc, insured FROM src_social_security" + scope + "AND insured_year = ? ORDER BY uscc",
			args:  []any{int64(dataYear)},
			row:   make([]driver.Value, 2),
			add: func(r *FactsReader, f *models.Facts, row []driver.Value) {
				r.assembly.SocialSecurity(f, optional(row[1]).Value)
			},
		},
		{
			query: "SELECT uscc, kind, in_use, " + days("valid_until") + " FROM src_ip" + scope + "ORDER BY uscc",
			row:   make([]driver.Value, 4),
			add: func(r *FactsReader, f *models.Facts, row []driver.Value) {
				r.assembly.IP(f, &models.IPRow{Trademark: models.IsTrademark(r.text(row[1])), InUse: optional(row[2]), ValidUntil: day(row[3])})
			},
		},
	}
}

// Next reads the first limit households whose codes are > after and <= upTo ("" = without end). An empty page
// means that the range is finished.
func (r *FactsReader) Next(ctx context.Context, after, upTo string, limit int) (*FactsPage, error) {
	if upTo == "" {
		upTo = afterAll
	}
	p := &r.page
	p.Facts, p.codes = p.Facts[:0], p.codes[:0]
	err := r.conn.Raw(func(any) error {
		registry := &r.scans[0]
		err := r.scan(ctx, registry, []any{r.district, int64(r.assembly.Year()), after, upTo, int64(limit)}, func(row []driver.Value) error {
			p.codes = appendText(p.codes, row[0])
			if len(p.codes) != usccLength*(len(p.Facts)+1) {
				return errors.New("a code in the registry is not 18 characters long")
			}
			p.Facts = append(p.Facts, r.assembly.Start())
			registry.add(r, &p.Facts[len(p.Facts)-1], row)
			return nil
		})
		if err != nil || len(p.Facts) == 0 {
			return err
		}
		last := p.USCC(len(p.Facts) - 1)
		for i := range r.scans[1:] {
			sc, at := &r.scans[1+i], 0
			args := append([]any{r.district, int64(r.assembly.Year()), after, last}, sc.args...)
			err := r.scan(ctx, sc, args, func(row []driver.Value) error {
				// rows of codes that the registry lacks are passed over: they count once it delivers them
				for at < len(p.Facts) {
					switch c := compareCode(p.code(at), row[0]); {
					case c < 0:
						at++
						continue
					case c == 0:
						sc.add(r, &p.Facts[at], row)
					}
					return nil
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the facts of a page of households: %w", err)
	}
	return p, nil
}

func (r *FactsReader) scan(ctx context.Context, sc *factsScan, args []any, f func(row []driver.Value) error) error {
	named := make([]driver.NamedValue, len(args))
	for i, a := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	rows, err := sc.stmt.(driver.StmtQueryContext).QueryContext(ctx, named)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for {
		switch err := rows.Next(sc.row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := f(sc.row); err != nil {
			return err
		}
	}
}

// Close gives the connection back.
func (r *FactsReader) Close() error {
	_ = r.conn.Raw(func(any) error {
		for _, sc := range r.scans {
			if sc.stmt != nil {
				_ = sc.stmt.Close()
			}
		}
		return nil
	})
	return r.conn.Close()
}

// One gives one household's facts, valid until the next read; models.CodeNotFound when the cycle's registry lacks it.
func (r *FactsReader) One(ctx context.Context, uscc string) (*models.Facts, error) {
	if len(uscc) == usccLength {
		// the last character checks the others, so that no second code lies between
		p, err := r.Next(ctx, uscc[:usccLength-1], uscc, 1)
		if err != nil {
			return nil, err
		}
		if len(p.Facts) == 1 && p.USCC(0) == uscc {
			return &p.Facts[0], nil
		}
	}
	return nil, models.NotFound("%d年度的登记数据中没有统一社会信用代码“%s”", r.assembly.Year(), uscc)
}

// Facts gives one household's facts; models.CodeNotFound when the cycle's registry lacks it.
func (s *Store) Facts(ctx context.Context, district string, a models.Assembly, uscc string) (*models.Facts, error) {
	r, err := s.OpenFacts(ctx, district, a)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return r.One(ctx, uscc)
}

// text reads an enumerated column without allocating for a value seen before; empty for NULL.
func (r *FactsReader) text(v driver.Value) string {
	switch x := v.(type) {
	case string:
		return x
	case []byte:
		if s, ok := r.texts[string(x)]; ok {
			return s
		}
		s := string(x)
		r.texts[s] = s
		return s
	}
	return ""
}

func appendText(b []byte, v driver.Value) []byte {
	switch x := v.(type) {
	case string:
		return append(b, x...)
	case []byte:
		return append(b, x...)
	}
	return b
}

func compareCode(code []byte, v driver.Value) int {
	switch x := v.(type) {
	case []byte:
		return bytes.Compare(code, x)
	case string:
		return strings.Compare(string(code), x)
	}
	return 1
}

func optional(v driver.Value) models.Optional {
	if n, ok := v.(int64); ok {
		return models.Known(n)
	}
	return models.Optional{}
}

func day(v driver.Value) calendar.Date {
	n, _ := v.(int64)
	return calendar.Date(n)
}
