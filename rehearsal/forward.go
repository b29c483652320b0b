package rehearsal

import (
	"context"
	"fmt"
	"slices"

	"bangfu/models"
	"bangfu/models/calendar"
)

// This file carries the first year's data forward: what departments will deliver in the years after it. A later year's file depends on
// the first year's rows and the rules alone, so that it is the same however often it is made.

// at is where a source's column stands.
func at(source models.Source, column string) int {
	return slices.IndexFunc(models.Specs[source].Columns, func(c models.Column) bool { return c.Name == column })
}

func text(s string) models.Value       { return models.Value{Text: s} }
func number(n int64) models.Value      { return models.Value{Number: n} }
func day(d calendar.Date) models.Value { return models.Value{Number: int64(d), Null: d == 0} }
func none() models.Value               { return models.Value{Null: true} }
func yes(b bool) models.Value          { return models.Value{Number: map[bool]int64{true: 1}[b]} }
func dayIn(year, n int) calendar.Date  { return calendar.NewDate(year, 1, 1).AddDays(n) }

// carryForward lays the files of a later year ready.
func (i *installation) carryForward(ctx context.Context, year int) error {
	for source, change := range map[models.Source]func(year int, row []models.Value) [][]models.Value{
		models.SourceRegistry: i.rules.registryIn, models.SourceAnnualReport: i.rules.reportsIn, models.SourceTax: i.rules.taxIn,
		models.SourceSocialSecurity: i.rules.insuredIn, models.SourceIP: unchanged, models.SourceCredit: unchanged, models.SourceHonours: unchanged,
	} {
		err := i.writeData(ctx, year, source, func(ctx context.Context, write func([]models.Value) error) error {
			each := func(source models.Source, change func(int, []models.Value) [][]models.Value) error {
				return inEffect(i.store, i.rules.District, i.rules.Year, source)(ctx, func(row []models.Value) error {
					for _, r := range change(year, row) {
						if err := write(r); err != nil {
							return err
						}
					}
					return nil
				})
			}
			if err := each(source, change); err != nil {
				return err
			}
			switch source { // these list only hits: what is new comes from all households
			case models.SourceCredit:
				return each(models.SourceRegistry, i.rules.creditSince)
			case models.SourceHonours:
				return each(models.SourceRegistry, i.rules.honoursSince)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func unchanged(_ int, row []models.Value) [][]models.Value { return [][]models.Value{row} }

// since gives the years after the first up to one.
func (r rules) since(year int) []int {
	var list []int
	for y := r.Year + 1; y <= year; y++ {
		list = append(list, y)
	}
	return list
}

// ever says whether a lot fell on a household in a year after the first, and in which the last time.
func (r rules) ever(share models.Percent, question, uscc string, year int) (last int, ok bool) {
	for _, y := range r.since(year) {
		if r.chance(share, question, uscc, y) {
			last, ok = y, true
		}
	}
	return last, ok
}

func (r rules) registryIn(year int, row []models.Value) [][]models.Value {
	const source = models.SourceRegistry
	uscc := row[at(source, "uscc")].Text
	row = slices.Clone(row)
	if _, closed := r.ever(r.Closures, "closure", uscc, year); closed {
		row[at(source, "status")] = text("注销")
	}
	if in, changed := r.ever(r.OperatorChanges, "operator", uscc, year); changed {
		row[at(source, "operator")] = text(fmt.Sprintf("演练经营者%d", in))
	}
	return [][]models.Value{row}
}

// years gives the row as it is, and, of the newest year of which the first year's data speak, the years after it: change makes a row of
// another year out of that of the year before.
func (r rules) years(year int, row []models.Value, column int, change func(y int, row []models.Value)) [][]models.Value {
	list := [][]models.Value{row}
	if row[column].Number != int64(r.Year-1) {
		return list
	}
	next := slices.Clone(row)
	for y := r.Year; y < year; y++ {
		next = slices.Clone(next)
		next[column] = number(int64(y))
		change(y, next)
		list = append(list, next)
	}
	return list
}

// grown is an amount a year later: the rule's growth, twenty points more or less.
func (r rules) grown(amount int64, question, uscc string, y int) int64 {
	return max(0, amount*int64(100+r.Growth+r.die(41, question, uscc, y)-20)/100)
}

func (r rules) reportsIn(year int, row []models.Value) [][]models.Value {
	const source = models.SourceAnnualReport
	uscc, filed := row[at(source, "uscc")].Text, row[at(source, "filed_on")]
	return r.years(year, row, at(source, "report_year"), func(y int, row []models.Value) {
		if v := &row[at(source, "revenue")]; !v.Null {
			v.Number = r.grown(v.Number, "growth", uscc, y)
		}
		row[at(source, "filed_on")] = filed
		if !filed.Null {
			row[at(source, "filed_on")] = day(dayIn(y+1, r.die(170, "filed", uscc, y)))
		}
		if r.chance(r.Abnormal, "abnormal", uscc, y+1) {
			row[at(source, "filed_on")] = none()
		}
	})
}

func (r rules) taxIn(year int, row []models.Value) [][]models.Value {
	const source = models.SourceTax
	uscc := row[at(source, "uscc")].Text
	return r.years(year, row, at(source, "tax_year"), func(y int, row []models.Value) {
		if v := &row[at(source, "paid")]; !v.Null {
			v.Number = r.grown(v.Number, "growth", uscc, y) // grows with the revenue
		}
	})
}

func (r rules) insuredIn(year int, row []models.Value) [][]models.Value {
	const source = models.SourceSocialSecurity
	uscc := row[at(source, "uscc")].Text
	return r.years(year, row, at(source, "insured_year"), func(y int, row []models.Value) {
		if v := &row[at(source, "insured")]; !v.Null && v.Number > 0 {
			v.Number = max(1, v.Number+int64(r.die(5, "staff", uscc, y)/2)-1) // one less twice in five, as many twice, one more once
		}
	})
}

// creditSince are the listings and fines of the years after the first; four in five are mended within months.
func (r rules) creditSince(year int, household []models.Value) [][]models.Value {
	uscc := household[at(models.SourceRegistry, "uscc")]
	var list [][]models.Value
	add := func(y int, kind, penalty string) {
		listed := dayIn(y, r.die(140, "listed", uscc.Text, y, kind))
		mended := none()
		if r.chance(80, "mended", uscc.Text, y, kind) {
			if on := listed.AddDays(30 + r.die(200, "mended on", uscc.Text, y, kind)); on.Year() < year || on < calendar.NewDate(year, 6, 30) {
				mended = day(on)
			}
		}
		word := none()
		if penalty != "" {
			word = text(penalty)
		}
		list = append(list, []models.Value{uscc, text(kind), day(listed), mended, word, yes(true)})
	}
	for _, y := range r.since(year) {
		if r.chance(r.Penalties, "penalty", uscc.Text, y) {
			add(y, "行政处罚", "罚款")
		}
		if r.chance(r.Abnormal, "abnormal", uscc.Text, y) {
			add(y, "经营异常", "")
		}
	}
	return list
}

func (r rules) honoursSince(year int, household []models.Value) [][]models.Value {
	uscc := household[at(models.SourceRegistry, "uscc")]
	var list [][]models.Value
	for _, y := range r.since(year) {
		if r.chance(r.Honours, "honour", uscc.Text, y) {
			list = append(list, []models.Value{uscc, text(fmt.Sprintf("%d年度诚信经营示范户", y)), day(dayIn(y, 100+r.die(60, "honoured", uscc.Text, y))), text("区级"), yes(false)})
		}
	}
	return list
}

// cityResult is the city's result as it comes in a later year: ours, but for one household in fifty.
func (i *installation) cityResult(ctx context.Context, admin caller, cycle string, year int) error {
	type result struct {
		USCC string
		Own  models.Tier `json:"own_tier"`
	}
	list, err := all[result](ctx, admin, "/api/v1/cycles/"+cycle+"/tiering/results", nil)
	if err != nil {
		return err
	}
	return i.writeData(ctx, year, models.SourceCityTiering, func(_ context.Context, write func([]models.Value) error) error {
		for _, r := range list {
			tier := r.Own
			if i.rules.chance(2, "city differs", r.USCC, year) {
				tier = models.Tiers[i.rules.die(len(models.Tiers), "city tier", r.USCC, year)]
			}
			if err := write([]models.Value{text(r.USCC), number(int64(year)), text(tier.String())}); err != nil {
				return err
			}
		}
		return nil
	})
}
