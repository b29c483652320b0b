package policy

import (
	"fmt"
	"math"
	"math/bits"

	"bangfu/models"
	"bangfu/models/calendar"
)

// program evaluates tests without branches that depend on the household, so that a million different households
// cost as little as one a million times. Every distinct leaf has a bit in two words, true and false (neither: not
// known); bits below FactCount are the yes/no facts as models.Facts holds them. A test is then a few masks.
type program struct {
	numbers []comparison
	assumed []assumption
	nodes   []node // one per test
	negated uint64 // tests whose node is negated
	all     uint64 // every test
}

// comparison is a leaf on a number: low ≤ value ≤ high.
type comparison struct {
	fact  models.Fact
	bit   uint8
	low   int64
	width uint64 // high - low: one unsigned comparison does for both bounds
}

// assumption is a leaf whose fact counts as a value while it is not known.
type assumption struct {
	from, bit uint8
	value     bool
}

// node is met when every bit of pos is true, every bit of neg is false, and every kid is met; any is written as
// the negation of all negations.
type node struct {
	pos, neg uint64
	kids     []node
	negate   bool
}

// compile makes the program of tests for a cycle's year and tiering date.
func compile(tests []Test, year int, asOf calendar.Date) (*program, error) {
	p := &program{}
	for _, t := range tests {
		n, err := p.node(t, year, asOf)
		if err != nil {
			return nil, err
		}
		p.negated |= bit(n.negate) << len(p.nodes)
		p.all |= 1 << len(p.nodes)
		p.nodes = append(p.nodes, n)
	}
	return p, nil
}

func (p *program) node(t Test, year int, asOf calendar.Date) (node, error) {
	var n node
	switch t.Op {
	case OpFact:
		bit, err := p.leaf(t, year, asOf)
		n.pos = 1 << bit
		return n, err
	case OpNot:
		n, err := p.node(t.Kids[0], year, asOf)
		n.negate = !n.negate
		return n, err
	}
	n.negate = t.Op == OpAny
	for _, k := range t.Kids {
		kid, err := p.node(k, year, asOf)
		if err != nil {
			return n, err
		}
		kid.negate = kid.negate != n.negate
		n.add(kid)
	}
	return n, nil
}

// add takes a kid into the masks where that is possible.
func (n *node) add(kid node) {
	single := len(kid.kids) == 0 && bits.OnesCount64(kid.pos)+bits.OnesCount64(kid.neg) == 1
	switch {
	case !kid.negate:
		n.pos, n.neg, n.kids = n.pos|kid.pos, n.neg|kid.neg, append(n.kids, kid.kids...)
	case single:
		n.pos, n.neg = n.pos|kid.neg, n.neg|kid.pos
	default:
		n.kids = append(n.kids, kid)
	}
}

// leaf finds or makes the bit of a leaf.
func (p *program) leaf(t Test, year int, asOf calendar.Date) (uint8, error) {
	bit := uint8(t.Fact)
	if t.Fact.Info().Kind != models.KindBool {
		low, high := t.limits(year, asOf)
		c := comparison{fact: t.Fact, low: low, width: uint64(high - low)}
		var err error
		if bit, err = p.comparison(c); err != nil {
			return 0, err
		}
	}
	if t.Unknown == nil {
		return bit, nil
	}
	for _, a := range p.assumed {
		if a.from == bit && a.value == *t.Unknown {
			return a.bit, nil
		}
	}
	next, err := p.next()
	p.assumed = append(p.assumed, assumption{bit, next, *t.Unknown})
	return next, err
}

func (p *program) comparison(c comparison) (uint8, error) {
	for _, known := range p.numbers {
		if known.fact == c.fact && known.low == c.low && known.width == c.width {
			return known.bit, nil
		}
	}
	var err error
	c.bit, err = p.next()
	p.numbers = append(p.numbers, c)
	return c.bit, err
}

func (p *program) next() (uint8, error) {
	bit := int(models.FactCount) + len(p.numbers) + len(p.assumed)
	if bit >= 64 {
		return 0, fmt.Errorf("不同的比较太多，最多 %d 种", 64-int(models.FactCount))
	}
	return uint8(bit), nil
}

// limits is the leaf's comparisons as one range; one that no value lies in is [MaxInt64, MaxInt64].
func (t Test) limits(year int, asOf calendar.Date) (low, high int64) {
	low, high = math.MinInt64, math.MaxInt64
	if t.AtLeast != nil {
		low = max(low, t.AtLeast.Value.Amount)
	}
	if t.Above != nil {
		low = max(low, t.Above.Value.Amount+1)
	}
	if t.AtMost != nil {
		high = min(high, t.AtMost.Value.Amount)
	}
	if t.Below != nil {
		high = min(high, t.Below.Value.Amount-1)
	}
	if t.AtLeastYears != nil {
		high = min(high, int64(latestStart(asOf, int(t.AtLeastYears.Value.Amount))))
	}
	if t.InCycleYear {
		low = max(low, int64(calendar.NewDate(year, 1, 1)))
		high = min(high, int64(calendar.NewDate(year, 12, 31)))
	}
	if low > high {
		return math.MaxInt64, math.MaxInt64
	}
	return low, high
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

// run gives the outcome of every test as masks over the tests. It does not allocate. Shifts are by &63 so that the
// compiler needs no case for 64 and more.
func (p *program) run(f *models.Facts) (met, notKnown uint64) {
	yes, no := uint64(f.Known&f.Bools), uint64(f.Known&^f.Bools)
	values := [models.FactCount]int64{
		models.FactFounded: int64(f.Founded), models.FactRevenue: f.Revenue, models.FactTaxPaid: f.TaxPaid, models.FactInsured: int64(f.Insured),
	}
	for i := range p.numbers {
		c := &p.numbers[i]
		known := uint64(f.Known) >> (c.fact & 63) & 1
		in := bit(uint64(values[c.fact]-c.low) <= c.width)
		yes |= (known & in) << (c.bit & 63)
		no |= (known &^ in) << (c.bit & 63)
	}
	for i := range p.assumed {
		a := &p.assumed[i]
		t, f := yes>>(a.from&63)&1, no>>(a.from&63)&1
		if a.value {
			t = 1 &^ f
		} else {
			f = 1 &^ t
		}
		yes, no = yes|t<<(a.bit&63), no|f<<(a.bit&63)
	}
	var notMet uint64
	for i := range p.nodes {
		n := &p.nodes[i]
		t := bit((yes&n.pos^n.pos)|(no&n.neg^n.neg) == 0)
		f := bit(no&n.pos|yes&n.neg != 0)
		if n.kids != nil {
			t, f = n.with(yes, no, t, f)
		}
		met |= t << (uint(i) & 63)
		notMet |= f << (uint(i) & 63)
	}
	swap := (met ^ notMet) & p.negated
	met, notMet = met^swap, notMet^swap
	return met, ^(met | notMet) & p.all
}

// with adds the kids' outcomes to those of a node's own masks: t, f is 1, 0 for met, 0, 1 for not met, 0, 0 for not
// known (Kleene).
func (n *node) with(yes, no, t, f uint64) (met, notMet uint64) {
	for i := range n.kids {
		k := &n.kids[i]
		kt, kf := k.with(yes, no, bit((yes&k.pos^k.pos)|(no&k.neg^k.neg) == 0), bit(no&k.pos|yes&k.neg != 0))
		if k.negate {
			kt, kf = kf, kt
		}
		t, f = t&kt, f|kf
	}
	return t, f
}

// bit is 1 for true; the compiler makes one instruction of it.
func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
