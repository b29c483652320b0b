package policy

import (
	"fmt"
	"math"

	"bangfu/models"
	"bangfu/models/calendar"
)

// Judge is a policy compiled for one year and tiering date. Safe for concurrent use.
//
// What it expects of models.Facts (assembled in models/household.go):
//   - Founded and registered are always known, the registry being required.
//   - report_filed, revenue: from the annual report of the year before. No row: not known. 报送日期 empty: known, no.
//   - tax_registered, tax_abnormal, general_taxpayer, tax_paid: from the tax row of the year before. No row, or an
//     empty cell: not known. A missing tax row does not make a 非正常户 (it is an exclusion), but never is 税务登记.
//   - abnormal, dishonest, trademark, patent: lists of what there is, so no row in a delivered list is a known no;
//     not known only while the source has not been delivered at all. Openness and validity are judged on asOf.
//   - suspended: 开始 ≤ asOf ≤ 截止 (empty 截止 = 开始 + 3 years), no 开始 is a known no; without regard to seasonal,
//     which the policy weighs. An empty 季节性经营 is not known, and the policy takes it for no (附一(三)1(4)).
type Judge struct {
	policy *Policy
	year   int
	asOf   calendar.Date
	tests  []test // one per condition
	rule
}

// rule is how outcomes make a tier (Tiering), as masks over conditions.
type rule struct {
	require   uint64
	exclude   uint64
	standards []standard
}

// standard is a Standard as masks over conditions.
type standard struct {
	tier     models.Tier
	all, any uint64
}

// outcome of a test, three-valued (Kleene).
type outcome uint8

const (
	notMet outcome = iota
	met
	notKnown
)

// test is a Test with its parameters and dates turned into bounds, and OpNot into a flag of what it negates.
type test struct {
	op        Op
	negate    bool // what is met counts as not met, and the other way round
	boolean   bool // a leaf on a yes/no fact
	fact      models.Fact
	unknown   outcome // of a leaf whose fact is not known
	low, high int64   // a leaf on a number: low ≤ value ≤ high
	kids      []test
}

// Judge compiles the policy for a cycle's year and tiering date. The year is the cycle's: a policy of another
// year may be tried on it.
func (p *Policy) Judge(year int, asOf calendar.Date) (*Judge, error) {
	if asOf == 0 || year == 0 {
		return nil, fmt.Errorf("compiling the policy of %s: year %d and asOf %q are both needed", p.District, year, asOf)
	}
	j := &Judge{policy: p, year: year, asOf: asOf, rule: p.Tiering.rule()}
	for _, c := range p.Tiering.Conditions {
		t := j.compile(c.Test)
		t.negate = t.negate != c.Exclude
		j.tests = append(j.tests, t)
	}
	return j, nil
}

func (t *Tiering) rule() rule {
	r := rule{require: mask(t.Require), exclude: mask(t.Exclude)}
	for _, s := range t.Standards {
		r.standards = append(r.standards, standard{s.Tier, mask(s.All), mask(s.Any)})
	}
	return r
}

func mask(indexes []int) (m uint64) {
	for _, i := range indexes {
		m |= 1 << i
	}
	return m
}

func (j *Judge) compile(t Test) test {
	if t.Op == OpNot {
		c := j.compile(t.Kids[0])
		c.negate = !c.negate
		return c
	}
	c := test{op: t.Op, fact: t.Fact, unknown: notKnown, low: math.MinInt64, high: math.MaxInt64}
	for _, k := range t.Kids {
		c.kids = append(c.kids, j.compile(k))
	}
	if t.Op != OpFact {
		return c
	}
	c.boolean = t.Fact.Info().Kind == models.KindBool
	if t.Unknown != nil {
		c.unknown = notMet
		if *t.Unknown {
			c.unknown = met
		}
	}
	if t.AtLeast != nil {
		c.low = max(c.low, t.AtLeast.Value.Amount)
	}
	if t.Above != nil {
		c.low = max(c.low, t.Above.Value.Amount+1)
	}
	if t.AtMost != nil {
		c.high = min(c.high, t.AtMost.Value.Amount)
	}
	if t.Below != nil {
		c.high = min(c.high, t.Below.Value.Amount-1)
	}
	if t.AtLeastYears != nil {
		c.high = min(c.high, int64(latestStart(j.asOf, int(t.AtLeastYears.Value.Amount))))
	}
	if t.InCycleYear {
		c.low = max(c.low, int64(calendar.NewDate(j.year, 1, 1)))
		c.high = min(c.high, int64(calendar.NewDate(j.year, 12, 31)))
	}
	return c
}

// latestStart is the last date that is so many years old on asOf: AddYears rises with the date, so that one
// bound stands for it, 29 February included.
func latestStart(asOf calendar.Date, years int) calendar.Date {
	d := asOf.AddYears(-years)
	for d.AddDays(1).AddYears(years) <= asOf {
		d = d.AddDays(1)
	}
	return d
}

// eval gives the outcome of a test for one household.
func (t *test) eval(f *models.Facts) outcome {
	var o outcome
	if t.op == OpFact {
		o = t.leaf(f)
	} else {
		o = t.branch(f)
	}
	if t.negate && o != notKnown {
		return met - o
	}
	return o
}

func (t *test) leaf(f *models.Facts) outcome {
	switch {
	case !f.Has(t.fact):
		return t.unknown
	case t.boolean:
		return yes(f.Bool(t.fact))
	}
	v := f.Number(t.fact)
	return yes(t.low <= v && v <= t.high)
}

// branch is all or any. all: one that is not met decides; any: one that is met; else what is not known leaves it open.
func (t *test) branch(f *models.Facts) outcome {
	decides, o := notMet, met
	if t.op == OpAny {
		decides, o = met, notMet
	}
	for i := range t.kids {
		switch t.kids[i].eval(f) {
		case decides:
			return decides
		case notKnown:
			o = notKnown
		}
	}
	return o
}

func yes(b bool) outcome {
	if b {
		return met
	}
	return notMet
}

// Judge gives the tier and the outcome of every condition, also of those that no longer matter. It does not allocate.
func (j *Judge) Judge(f *models.Facts) models.Verdict {
	var v models.Verdict
	for i := range j.tests {
		switch j.tests[i].eval(f) {
		case met:
			v.Met |= 1 << i
		case notKnown:
			v.NotKnown |= 1 << i
		}
	}
	v.Tier = j.tier(v.Met, v.NotKnown)
	return v
}

// failed are the conditions of the base standard that stand in the way: what must be met must be known to be met,
// what excludes must be known to apply.
func (r *rule) failed(met, notKnown uint64) uint64 {
	return r.require&^met | r.exclude&^(met|notKnown)
}

// tier reads the tier off the outcomes.
func (r *rule) tier(met, notKnown uint64) models.Tier {
	if r.failed(met, notKnown) != 0 {
		return models.Ineligible
	}
	return r.standards[r.standard(met)].tier
}

// standard is the position of the first that holds, whatever the base standard says; the last always does.
func (r *rule) standard(met uint64) int {
	last := len(r.standards) - 1
	for i := range last {
		if s := &r.standards[i]; met&s.all == s.all && (s.any == 0 || met&s.any != 0) {
			return i
		}
	}
	return last
}

// Conditions are the policy's conditions; bit i of a Verdict's masks is the outcome of the i-th.
func (j *Judge) Conditions() []Condition { return j.policy.Tiering.Conditions }

// Policy is what was compiled.
func (j *Judge) Policy() *Policy { return j.policy }
