package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// HelpRow is one row of a table of help given (models.HelpFile).
type HelpRow struct {
	Number int // in the file
	USCC   string
	Clause string
	Part   int // 0: the measure has only one
	On     calendar.Date
	Note   string
}

// HelpProblem is why a row was not taken.
type HelpProblem struct {
	Number int
	Column string
	Reason string
}

// HelpRowsResult is what became of rows: those that were new, those that were on record already, and those that cannot be taken.
type HelpRowsResult struct {
	Recorded  int
	Unchanged int
	Problems  []HelpProblem
}

// DeliverHelpRows records help that a department gave, row by row: what was promised or asked for is thereby given, and the rest begins and ends
// with it. A row that is on record already changes nothing, so that the same file twice is harmless. file is the file's SHA-256.
// One page is one transaction, with one entry in the record.
func (s *Store) DeliverHelpRows(ctx context.Context, cycleID, department string, actor models.Actor, file string, rows []HelpRow, today calendar.Date, letters HelpLetters) (r HelpRowsResult, err error) {
	t, err := s.helpTerms(ctx, cycleID, today, letters)
	if err != nil {
		return r, err
	}
	if err := actor.Personally(); err != nil {
		return r, err
	}
	codes := make([]string, len(rows))
	for i, row := range rows {
		codes[i] = row.USCC
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		page := helpPage{s: s, tx: tx, t: t, department: department, actor: actor, file: file}
		if err := page.read(codes); err != nil {
			return err
		}
		for _, row := range rows {
			if err := page.take(row); err != nil {
				return fmt.Errorf("row %d: %w", row.Number, err)
			}
		}
		r = page.result
		if r.Recorded == 0 {
			return nil
		}
		return s.audit(tx, actor, "help.file", "cycle/"+cycleID, map[string]any{"department": department, "sha256": file, "recorded": r.Recorded,
			"unchanged": r.Unchanged, "refused": len(r.Problems)})
	})
	if err != nil {
		return HelpRowsResult{}, fmt.Errorf("recording help of %s in %s: %w", department, cycleID, err)
	}
	return r, nil
}

// helpPage is one page of rows while it is taken.
type helpPage struct {
	s          *Store
	tx         *gorm.DB
	t          helpTerms
	department string
	actor      models.Actor
	file       string
	aside      map[string]aside
	known      map[calendar.Date]map[string]Entitled // by the day of the help: certifications begin and end
	codes      []string
	help       map[string][]models.Help
	result     HelpRowsResult
}

func (p *helpPage) read(codes []string) error {
	p.codes, p.known, p.help, p.aside = append(codes, ""), map[calendar.Date]map[string]Entitled{}, map[string][]models.Help{}, map[string]aside{}
	list, err := p.s.asideOf(p.tx, p.codes, p.actor)
	if err != nil {
		return err
	}
	for _, a := range list {
		p.aside[a.USCC] = a
	}
	var help []models.Help
	if err := p.s.forUpdate(p.tx).Where("cycle_id = ? AND department = ? AND uscc IN ?", p.t.cycle.ID, p.department, p.codes).Order("id").Find(&help).Error; err != nil {
		return fmt.Errorf("reading the help of households: %w", err)
	}
	for _, h := range help {
		p.help[h.USCC] = append(p.help[h.USCC], h)
	}
	return nil
}

func (p *helpPage) entitled(on calendar.Date, uscc string) (Entitled, bool, error) {
	known, ok := p.known[on]
	if !ok {
		var err error
		if known, err = p.s.entitlements(p.tx, p.t.cycle.District, p.t.cycle.Year, on, p.codes); err != nil {
			return Entitled{}, false, err
		}
		p.known[on] = known
	}
	e, ok := known[uscc]
	return e, ok, nil
}

// take records one row, or says why not; an error means that the whole page failed.
func (p *helpPage) take(row HelpRow) error {
	refuse := func(column string, err error) error {
		var refusal *models.Error
		if !errors.As(err, &refusal) || refusal.Code == models.CodeInternal {
			return err
		}
		p.result.Problems = append(p.result.Problems, HelpProblem{row.Number, column, refusal.Message})
		return nil
	}
	if a, ok := p.aside[row.USCC]; ok {
		return refuse("统一社会信用代码", a.refusal())
	}
	number, err := p.part(row)
	if err != nil {
		return refuse("条款", err)
	}
	c := models.HelpCommand{CommandID: fmt.Sprintf("file/%.40s/%d", p.file, row.Number), Event: models.HelpDeliver, Actor: p.actor, On: row.On}
	if err := c.Validate(p.t.today); err != nil {
		return refuse("日期", err)
	}
	var h models.Help
	for _, o := range p.help[row.USCC] {
		switch {
		case o.Clause != row.Clause || o.Part != number:
		case o.DeliveredOn == row.On:
			p.result.Unchanged++
			return nil
		case o.Live != nil:
			h = o
		}
	}
	if h.ID == 0 {
		e, ok, err := p.entitled(row.On, row.USCC)
		if err != nil {
			return err
		}
		if !ok {
			return refuse("统一社会信用代码", models.Conflict("该户没有%d年度公布的分型结果，也没有可以享受培育措施的认定", p.t.cycle.Year))
		}
		c.Clause, c.Part, c.Department = row.Clause, number, p.department
		if err := p.t.fits(e, row.Clause, number, p.department); err != nil {
			return refuse("条款", err)
		}
		h = p.t.begin(e, c)
	}
	if err := p.t.stillFits(p.tx, h, c.Event, c.On); err != nil {
		return refuse("条款", err)
	}
	if row.Note != "" {
		if c.ReasonID, err = p.s.addReason(p.tx, p.actor, row.Note); err != nil {
			return refuse("说明", err)
		}
	}
	if _, err := p.s.moveHelp(p.tx, &h, c, p.t); err != nil {
		return refuse("日期", err)
	}
	p.keep(h)
	p.result.Recorded++
	return nil
}

// keep lets the following rows know of help.
func (p *helpPage) keep(h models.Help) {
	list := p.help[h.USCC]
	for i := range list {
		if list[i].ID == h.ID {
			list[i] = h
			return
		}
	}
	p.help[h.USCC] = append(list, h)
}

// part is the number of the part that a row names; it may be left out where there is only one.
func (p *helpPage) part(row HelpRow) (int, error) {
	number := max(row.Part, 1)
	m, _, err := p.t.policy.Measure(row.Clause, number)
	if err != nil {
		return 0, err
	}
	if row.Part == 0 && len(m.Parts) > 1 {
		return 0, models.Invalid("part", "%s“%s”有 %d 项内容，请填写项目序号", m.Clause, m.Name, len(m.Parts))
	}
	return number, nil
}
