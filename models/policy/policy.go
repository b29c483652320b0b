// Package policy is the law as data: a district's policy of one year (当年政策), read from a YAML file that
// reads like the work plan, checked when loaded, compiled once, and run over every household. Nothing about
// amounts, conditions, dates or wording is decided in code (B4).
package policy

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"

	"bangfu/models"
	"bangfu/models/calendar"
)

// Format is the version of the file format that this program reads.
const Format = 1

//go:embed default.yaml
var defaultFile string

// Default is the work plan's policy file with the header of a district and year; its amounts are placeholders.
func Default(district string, year int) []byte {
	return For([]byte(defaultFile), district, year)
}

// Policy is one district's policy of one year, loaded and checked. It is not changed after Load, so that it
// can be shared between goroutines.
type Policy struct {
	Title       string
	Document    string // the plan that it comes from
	District    string
	Year        int
	ValidFrom   calendar.Date
	ValidUntil  calendar.Date
	Confirm     string // what the district has yet to confirm; empty when nothing is open
	Parameters  []Parameter
	Tiering     Tiering
	Sources     [models.SourceCount]SourceDuty
	Ladders     map[models.ObligationKind]models.Ladder
	Criteria    Criteria
	Selection   Selection
	Places      Places
	Validity    Validity
	Departments []Department // that measures name
	Help        Help
	Measures    []Measure

	DepartmentDuties []Duty // 部门年度职责
	Certified        Certified
	Report           Report

	dates map[calendar.PlanKey]string // month and day as in calendar.PlanItem.Default
	hash  string
}

// Parameter is a named value of the year (当年认定标准).
type Parameter struct {
	Key         string
	Name        string
	Clause      string
	Text        string
	Value       Value
	Placeholder bool // not in the work plan: to be confirmed by the district (待确认)
}

// Words is the value for people, marked while it is a placeholder: "20 万元（待确认）".
func (p Parameter) Words() string { return p.Value.String() + p.mark() }

func (p Parameter) mark() string {
	if p.Placeholder {
		return "（待确认）"
	}
	return ""
}

// Tiering is 附一(三): the conditions in the order of the file, and how they make a tier.
type Tiering struct {
	Clause, Text string      // of the base standard
	Conditions   []Condition // bit i of a models.Verdict is Conditions[i]
	Require      []int       // 基础标准: indexes of conditions that must be met; not known does not fulfil them
	Exclude      []int       // 不属于以下情形: only what is known to apply stands in the way
	Standards    []Standard  // from the top, the first that holds gives the tier; the last has no conditions
}

// Condition is one finding: its clause, its text, and the test that decides it.
type Condition struct {
	ID      string
	Clause  string
	Name    string // short: 成立满2年
	Text    string // as the plan words it
	Advice  string // what an operator does about it; {上一年度} and {本年度} stand for the years
	Exclude bool   // the test describes a situation that must not apply: the condition is met when it does not
	Test    Test
}

// Op is the kind of a Test.
type Op uint8

// The kinds of tests.
const (
	OpFact Op = iota
	OpAll
	OpAny
	OpNot
)

// Test is a tree over facts. A leaf compares one fact with parameters; all its comparisons must hold.
type Test struct {
	Op   Op
	Kids []Test

	Fact         models.Fact
	AtLeast      *Parameter // 不低于
	AtMost       *Parameter // 不高于
	Above        *Parameter // 高于
	Below        *Parameter // 低于
	AtLeastYears *Parameter // a date: that many years have passed on asOf
	InCycleYear  bool       // a date: it lies in the cycle's year
	Unknown      *bool      // what the leaf counts as when the fact is not known; nil = not known
}

// facts gives every fact of the tree once, in order.
func (t Test) facts(seen []models.Fact) []models.Fact {
	if t.Op != OpFact {
		for _, k := range t.Kids {
			seen = k.facts(seen)
		}
		return seen
	}
	for _, f := range seen {
		if f == t.Fact {
			return seen
		}
	}
	return append(seen, t.Fact)
}

// Sources are the deliveries that the condition rests on, in order of use.
func (c Condition) Sources() []models.Source {
	var out []models.Source
next:
	for _, f := range c.Test.facts(nil) {
		for _, s := range out {
			if s == f.Info().Source {
				continue next
			}
		}
		out = append(out, f.Info().Source)
	}
	return out
}

// Standard gives a tier to who meets all of All and, unless it is empty, one of Any (indexes of conditions).
type Standard struct {
	Tier   models.Tier
	Clause string
	Text   string
	All    []int
	Any    []int
}

// SourceDuty says which department owes a source, and whether tiering must wait for it.
type SourceDuty struct {
	Department     string // code
	DepartmentName string
	Required       bool
	Clause         string
}

// Check is how a ground of the criteria is checked.
type Check string

// The ways of checking.
const (
	CheckData            Check = "data"              // 以部门数据核对，数据即可认定
	CheckDataAndEvidence Check = "data_and_evidence" // 先以部门数据核对，再凭材料审核
	CheckEvidence        Check = "evidence"          // 凭材料审核
	CheckRecommendation  Check = "recommendation"    // 由部门推荐
)

// Datum is what a ground is checked against.
type Datum string

// The data of grounds (grounds.go).
const (
	DatumHonestYears Datum = "honest_years"          // 成立超过若干年，且无未移出的经营异常、严重违法失信
	DatumTrademark   Datum = "trademark"             // 有效商标
	DatumProperty    Datum = "intellectual_property" // 有效专利或商标
	DatumPartyHonour Datum = "party_honour"          // 近若干年的党建表彰奖励
)

// Criteria is 附三(三): who may be certified as 名特优新, and on what grounds.
type Criteria struct {
	Clause, Text string
	Tiers        []models.Tier // from which self-applicants come
	RelaxedText  string
	Relaxed      []string // operators (经营者身份) for whom the source is opened
	Bars         []Bar
	Categories   []Category
}

// Bar is a reason why somebody may not be certified; bars.go holds what each ID means.
type Bar struct {
	ID, Clause, Text string
	Parameter        *Parameter // its term, if it has one
	Lighter          []string   // 处罚种类 lighter than a fine
}

// Category is one of 知名, 特色, 优质, 新兴.
type Category struct {
	Code, Name, Clause, Text string
	Grounds                  []Ground
}

// Ground is one lettered criterion.
type Ground struct {
	Letter    string
	Clause    string // its category's with the letter, such as 附三(三)2(1)C
	Text      string
	Check     Check
	Datum     Datum      // empty: no data speak of it
	Parameter *Parameter // nil if it has none
	Points    int        // in the comparison
	Operator  bool       // it may rest on the operator's person: a change of operator calls it into question (附三(五))
}

// Places is 附三(四): how many may be certified.
type Places struct {
	Clause, Text string
	Share        *Parameter // percent
	Tiers        []models.Tier
}

// Validity is 附三(五): how long a certification holds, and what extends it.
type Validity struct {
	Clause, Text     string
	Years, Extension *Parameter
	ExtensionText    string
	Grounds          []Ground
	ExtensionFree    bool // an extended certification takes no place of later years (附三(四) says nothing of it: it does unless the file says no)
}

// Hash is the SHA-256 (hexadecimal) of the file's bytes as stored, comments included: a result that names it
// can be derived again from exactly that file.
func (p *Policy) Hash() string { return p.hash }

func hashOf(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Parameter finds a parameter by its key, such as growth.revenue.
func (p *Policy) Parameter(key string) (Parameter, bool) {
	if q := p.parameter(key); q != nil {
		return *q, true
	}
	return Parameter{}, false
}

func (p *Policy) parameter(key string) *Parameter {
	for i := range p.Parameters {
		if p.Parameters[i].Key == key {
			return &p.Parameters[i]
		}
	}
	return nil
}

// Plan is the calendar of the policy's year: the work plan's dates with the policy's laid over them. The error,
// in Chinese, names the date that is impossible.
func (p *Policy) Plan() (calendar.Plan, error) {
	changes := map[calendar.PlanKey]calendar.Date{}
	for key, md := range p.dates {
		d, err := planDate(p.Year, md)
		if err != nil {
			return nil, err
		}
		changes[key] = d
	}
	return calendar.DefaultPlan(p.Year).With(changes)
}

// planDate reads 07-01, or +01-01 for the next year.
func planDate(year int, md string) (calendar.Date, error) {
	day, next := strings.CutPrefix(md, "+")
	if next {
		year++
	}
	d, err := calendar.ParseDate(fmt.Sprintf("%04d-%s", year, day))
	if err != nil {
		return 0, fmt.Errorf("“%s”不是日期，应为“07-01”，次年写作“+01-01”", md)
	}
	return d, nil
}
