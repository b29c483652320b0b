package policy

import (
	"fmt"

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
	policy  *Policy
	year    int
	asOf    calendar.Date
	program *program // one test per condition
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

// Judge compiles the policy for a cycle's year and tiering date. The year is the cycle's: a policy of another
// year may be tried on it. The error, in Chinese, is for a policy that compares too many different things.
func (p *Policy) Judge(year int, asOf calendar.Date) (*Judge, error) {
	if asOf == 0 || year == 0 {
		return nil, fmt.Errorf("compiling the policy of %s: year %d and asOf %q are both needed", p.District, year, asOf)
	}
	tests := make([]Test, len(p.Tiering.Conditions))
	for i, c := range p.Tiering.Conditions {
		tests[i] = c.Test
		if c.Exclude {
			tests[i] = Test{Op: OpNot, Kids: []Test{c.Test}}
		}
	}
	program, err := compile(tests, year, asOf)
	if err != nil {
		return nil, err
	}
	return &Judge{policy: p, year: year, asOf: asOf, program: program, rule: p.Tiering.rule()}, nil
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

// Judge gives the tier and the outcome of every condition, also of those that no longer matter. It does not allocate.
func (j *Judge) Judge(f *models.Facts) models.Verdict {
	met, notKnown := j.program.run(f)
	return models.Verdict{Tier: j.tier(met, notKnown), Met: met, NotKnown: notKnown}
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
		if r.standards[i].holds(met) {
			return i
		}
	}
	return last
}

// holds says whether the standard is fulfilled.
func (s *standard) holds(met uint64) bool {
	return met&s.all == s.all && (s.any == 0 || met&s.any != 0)
}

// Conditions are the policy's conditions; bit i of a Verdict's masks is the outcome of the i-th.
func (j *Judge) Conditions() []Condition { return j.policy.Tiering.Conditions }

// Policy is what was compiled.
func (j *Judge) Policy() *Policy { return j.policy }
