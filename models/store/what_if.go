package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"

	"golang.org/x/sync/errgroup"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// WhatIfBasis is what a draft is held against: a year, the policy under which it is judged, and the day.
type WhatIfBasis struct {
	Run   models.Run    // the current run; zero before the first is done
	Law   PolicyVersion // of the current run, else the one in force
	AsOf  calendar.Date // tiering date
	Today calendar.Date
	cycle models.Cycle // with its district, year and plan alone where none was started
}

// WhatIfDraft is the policy that is tried; a file that is not stored has neither ID nor Version.
type WhatIfDraft struct {
	*policy.Policy
	ID      int64
	Version int
}

const (
	whatIfWorkers = 4 // pages judged at once, as one worker's share of a tiering
	whatIfPage    = 10_000
)

// WhatIfBasis finds what a draft is held against in a district's year; CodeNotFound where there is neither a run nor a
// policy in force, or no registry.
func (s *Store) WhatIfBasis(ctx context.Context, district string, year int) (b WhatIfBasis, err error) {
	id := models.CycleID(district, year)
	delivered, _, err := s.Delivered(ctx, district, year)
	if err != nil {
		return b, err
	}
	if !delivered.Has(models.SourceRegistry) {
		return b, models.NotFound("%s 年度还没有登记注册数据，交付以后才能试算", id)
	}
	started := true
	switch b.cycle, err = s.Cycle(ctx, id); {
	case models.CodeOf(err) == models.CodeNotFound:
		started, b.cycle = false, models.Cycle{ID: id, District: district, Year: year}
	case err != nil:
		return b, err
	}
	switch b.Run, err = s.CurrentRun(ctx, id); {
	case err == nil:
		b.Law, err = s.PolicyByID(ctx, b.Run.PolicyID)
	case models.CodeOf(err) == models.CodeNotFound:
		b.Law, err = s.PolicyInForce(ctx, district, year)
	}
	if err != nil {
		return b, err
	}
	if !started {
		if b.cycle.Plan, err = b.Law.Plan(); err != nil {
			return b, fmt.Errorf("reading the dates of policy version %d: %w", b.Law.ID, err)
		}
	}
	b.AsOf, b.Today = b.cycle.Plan[calendar.PlanTiering], b.cycle.Clock.Today(s.now())
	if b.Run.ID != 0 {
		b.AsOf = b.Run.AsOf
	}
	return b, nil
}

// WhatIf judges every household of a year under its own policy and under a draft, on the same facts, without writing
// anything (B2). each, unless it is nil, is given every household that moves, by code, while the others are still judged.
// CodeUnavailable when a delivery took effect meanwhile: the pages would be of old and new rows.
func (s *Store) WhatIf(ctx context.Context, b WhatIfBasis, draft WhatIfDraft, each func(models.WhatIfMover) error) (*models.WhatIf, error) {
	r := &models.WhatIf{CycleID: b.cycle.ID, District: b.cycle.District, DistrictName: b.cycle.District, Year: b.cycle.Year, AsOf: b.AsOf, Today: b.Today,
		Run:   b.Run.Number,
		Base:  models.WhatIfPolicy{ID: b.Law.ID, Version: b.Law.Version, Hash: b.Law.Hash, Title: b.Law.Title, Year: b.Law.Year},
		Draft: models.WhatIfPolicy{ID: draft.ID, Version: draft.Version, Hash: draft.Hash(), Title: draft.Title, Year: draft.Year}}
	failed := func(err error) (*models.WhatIf, error) {
		return nil, fmt.Errorf("trying policy %s on %s: %w", r.Draft.Hash, r.CycleID, err)
	}
	delivered, mark, err := s.Delivered(ctx, r.District, r.Year)
	if err != nil {
		return failed(err)
	}
	r.DataMark = mark
	t := &trial{store: s, cycle: b.cycle, assembly: models.NewAssembly(r.Year, r.AsOf, delivered), certified: map[string]policy.Cell{}}
	if t.base, err = b.Law.Judge(r.Year, r.AsOf); err != nil {
		return failed(err)
	}
	if t.draft, err = draft.Judge(r.Year, r.AsOf); err != nil {
		return failed(&models.Error{Code: models.CodeInvalid, Field: "policy", Message: err.Error()})
	}
	certifications, err := s.whatIfCertifications(ctx, r.District, r.Today)
	if err != nil {
		return failed(err)
	}
	for _, c := range certifications {
		t.certified[c.USCC] = policy.Cell{}
	}
	comparison, cells := policy.Compare(t.base, t.draft), map[policy.Cell]int64{}
	certified := map[string]policy.Cell{}
	err = t.pages(ctx, func(p *triedPage) error {
		for cell, n := range p.cells {
			cells[cell] += n
		}
		for _, h := range p.certified {
			certified[h.uscc] = h.cell
		}
		for _, h := range p.movers {
			m := models.WhatIfMover{USCC: h.uscc, Name: h.name, Street: h.cell.Street, From: h.cell.Base.Tier, To: h.cell.Draft.Tier,
				City: h.cell.City, Decided: h.cell.Decided, Causes: comparison.Causes(h.cell.Base, h.cell.Draft)}
			if len(r.Movers) < models.MaxWhatIfListed {
				r.Movers = append(r.Movers, m)
			}
			if each != nil {
				if err := each(m); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return failed(err)
	}
	valid, err := s.whatIfPlaces(ctx, b, r)
	if err != nil {
		return failed(err)
	}
	comparison.Fill(r, cells, valid)
	if err := s.whatIfCertified(ctx, b.cycle, r, comparison, certifications, certified); err != nil {
		return failed(err)
	}
	switch d, err := s.District(ctx, r.District); {
	case err == nil:
		r.DistrictName = d.Name
	case models.CodeOf(err) != models.CodeNotFound:
		return failed(err)
	}
	switch _, now, err := s.Delivered(ctx, r.District, r.Year); {
	case err != nil:
		return failed(err)
	case now != mark:
		return failed(models.Errorf(models.CodeUnavailable, "试算期间有新交付的数据生效，请重新试算"))
	}
	return r, nil
}

// whatIfPlaces gives the certifications that are taken off the places: once a cycle's places are frozen those that were
// taken off then, so that what it has certified itself since is not.
func (s *Store) whatIfPlaces(ctx context.Context, b WhatIfBasis, r *models.WhatIf) (stillValid int64, err error) {
	switch p, err := s.Places(ctx, r.CycleID); {
	case err == nil:
		r.Frozen = &p
		return p.StillValid, nil
	case models.CodeOf(err) != models.CodeNotFound:
		return 0, err
	}
	return s.StillValid(ctx, r.District, b.Law.Policy, calendar.NewDate(r.Year+1, 1, 1), r.Today)
}

// trial is two policies on their way through a year's registry.
type trial struct {
	store       *Store
	cycle       models.Cycle
	assembly    models.Assembly
	base, draft *policy.Judge
	certified   map[string]policy.Cell // who is certified; only read
}

// triedPage is a page of households, judged twice.
type triedPage struct {
	cells     map[policy.Cell]int64
	movers    []tried
	certified []tried
}

type tried struct {
	uscc, name string
	cell       policy.Cell
}

// pages judges the registry page by page, whatIfWorkers at a time, and gives the pages to take in the order of their codes.
// No more pages than workers wait to be taken, so that memory stays bounded however many move.
func (t *trial) pages(ctx context.Context, take func(*triedPage) error) error {
	type job struct {
		after, upTo string
		done        chan *triedPage
	}
	g, ctx := errgroup.WithContext(ctx)
	jobs, order := make(chan job), make(chan chan *triedPage, whatIfWorkers)
	g.Go(func() error {
		defer close(order)
		defer close(jobs)
		for after := ""; ; {
			upTo, n, err := nextRange(t.store.db.WithContext(ctx), t.cycle.District, t.cycle.Year, after, whatIfPage)
			if err != nil || n == 0 {
				return err
			}
			j := job{after, upTo, make(chan *triedPage, 1)}
			select {
			case order <- j.done:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case jobs <- j:
			case <-ctx.Done():
				return ctx.Err()
			}
			after = upTo
		}
	})
	for range whatIfWorkers {
		g.Go(func() error {
			facts, err := t.store.OpenFacts(ctx, t.cycle.District, t.assembly)
			if err != nil {
				return err
			}
			defer func() { _ = facts.Close() }()
			for j := range jobs {
				page, err := facts.Next(ctx, j.after, j.upTo, whatIfPage)
				if err != nil {
					return err
				}
				p, err := t.judge(ctx, page, j.after, j.upTo)
				if err != nil {
					return err
				}
				j.done <- p
			}
			return nil
		})
	}
	g.Go(func() error {
		for done := range order {
			select {
			case p := <-done:
				if err := take(p); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	return g.Wait()
}

// whatIfSQL reads, beside the facts, who the households of a range are and what stands whatever a policy says of them.
var whatIfSQL = `SELECT g.uscc, g.name, COALESCE(g.street, ''), COALESCE(` + cityTierSQL + `, 0), COALESCE(d.decided_tier, 0) FROM src_registry g
	LEFT JOIN src_city_tiering c ON c.district = g.district AND c.year = g.year AND c.uscc = g.uscc AND c.tier_year = g.year
	LEFT JOIN differences d ON d.cycle_id = ? AND d.uscc = g.uscc AND d.state = 'settled'
	WHERE g.district = ? AND g.year = ? AND g.uscc > ? AND g.uscc <= ? ORDER BY g.uscc`

// judge judges a page under both policies. A household of which only one of the two reads knows came or went with a
// delivery, which ends the trial.
func (t *trial) judge(ctx context.Context, page *FactsPage, after, upTo string) (*triedPage, error) {
	rows, err := t.store.sql.QueryContext(ctx, whatIfSQL, t.cycle.ID, t.cycle.District, t.cycle.Year, after, upTo)
	if err != nil {
		return nil, fmt.Errorf("reading a page of households: %w", err)
	}
	defer func() { _ = rows.Close() }()
	p := &triedPage{cells: map[policy.Cell]int64{}}
	streets := map[string]string{}
	var code, name, street sql.RawBytes
	for at := 0; rows.Next(); {
		var cell policy.Cell
		if err := rows.Scan(&code, &name, &street, &cell.City, &cell.Decided); err != nil {
			return nil, fmt.Errorf("reading a page of households: %w", err)
		}
		for at < len(page.Facts) && bytes.Compare(page.code(at), code) < 0 {
			at++
		}
		if at == len(page.Facts) || !bytes.Equal(page.code(at), code) {
			continue
		}
		cell.Base, cell.Draft = t.base.Judge(&page.Facts[at]), t.draft.Judge(&page.Facts[at])
		known := false
		if cell.Street, known = streets[string(street)]; !known {
			cell.Street = string(street)
			streets[cell.Street] = cell.Street
		}
		p.cells[cell]++
		if cell.Moves() {
			p.movers = append(p.movers, tried{string(code), string(name), cell})
		}
		if _, certified := t.certified[string(code)]; certified {
			p.certified = append(p.certified, tried{uscc: string(code), cell: cell})
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading a page of households: %w", err)
	}
	return p, nil
}

// certifiedNow is a certification that holds, and how its household came to it.
type certifiedNow struct {
	models.Certification
	Origin models.Origin
}

func (s *Store) whatIfCertifications(ctx context.Context, district string, today calendar.Date) ([]certifiedNow, error) {
	var list []certifiedNow
	err := s.db.WithContext(ctx).Table("certifications c").Select("c.*, COALESCE(a.origin, ?) AS origin", models.OriginOwn).
		Joins("LEFT JOIN applications a ON a.id = c.application_id").
		Where("c.district = ? AND c.state = ? AND c.valid_until >= ?", district, models.CertificationValid, today).Order("c.number").Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("reading the certifications of %s that hold on %s: %w", district, today, err)
	}
	return list, nil
}

// whatIfCertified says what the draft means for those who are certified, by the tiers that count and by own judgement. Whom this
// year's registry lacks, no policy can judge.
func (s *Store) whatIfCertified(ctx context.Context, cycle models.Cycle, r *models.WhatIf, comparison *policy.Comparison, list []certifiedNow, cells map[string]policy.Cell) error {
	codes := make([]string, len(list))
	for i, c := range list {
		codes[i] = c.USCC
	}
	candidates, err := s.candidatesOf(ctx, cycle, codes)
	if err != nil {
		return err
	}
	r.Certified.Valid = int64(len(list))
	for _, c := range list {
		candidate, registered := candidates[c.USCC]
		cell, judged := cells[c.USCC]
		if !registered || !judged {
			r.Certified.Missing++
			continue
		}
		h := models.WhatIfCertified{Certification: c.Certification, Origin: c.Origin, OwnFrom: cell.Base.Tier, OwnTo: cell.Draft.Tier,
			From: models.EffectiveTier(cell.Decided, cell.City, cell.Base.Tier), To: models.EffectiveTier(cell.Decided, cell.City, cell.Draft.Tier),
			Causes: comparison.Causes(cell.Base, cell.Draft)}
		h.Barred, h.Freed = comparison.Eligible(candidate, c.Origin, h.From, h.To, r.Today)
		h.BarredOwn, _ = comparison.Eligible(candidate, c.Origin, h.OwnFrom, h.OwnTo, r.Today)
		if h.From != h.To {
			r.Certified.Moved++
		}
		if len(h.Barred) > 0 {
			r.Certified.Out++
		}
		if len(h.BarredOwn) > 0 {
			r.Certified.OutOwn++
		}
		if h.OwnFrom != h.OwnTo || h.From != h.To || len(h.Barred)+len(h.BarredOwn)+len(h.Freed) > 0 {
			r.Certified.Affected = append(r.Certified.Affected, h)
		}
	}
	return nil
}
