package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bangfu/models"
	"bangfu/models/calendar"
)

// kleene evaluates a tree as the logic of three values is defined, one node at a time: 1 met, 0 not met, -1 not known.
func kleene(t Test, f *models.Facts, year int, asOf calendar.Date) int {
	yes := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	switch t.Op {
	case OpNot:
		if o := kleene(t.Kids[0], f, year, asOf); o >= 0 {
			return 1 - o
		}
		return -1
	case OpAll, OpAny:
		unit := yes(t.Op == OpAll)
		result := unit
		for _, k := range t.Kids {
			switch o := kleene(k, f, year, asOf); {
			case o == 1-unit:
				return 1 - unit
			case o == -1:
				result = -1
			}
		}
		return result
	}
	if !f.Has(t.Fact) {
		if t.Unknown != nil {
			return yes(*t.Unknown)
		}
		return -1
	}
	v := f.Number(t.Fact)
	switch {
	case t.Fact.Info().Kind == models.KindBool:
		return yes(f.Bool(t.Fact))
	case t.InCycleYear:
		return yes(calendar.Date(v).Year() == year)
	case t.AtLeastYears != nil:
		return yes(calendar.Date(v).AddYears(int(t.AtLeastYears.Value.Amount)) <= asOf)
	}
	ok := true
	for _, c := range []struct {
		limit *Parameter
		holds func(limit int64) bool
	}{
		{t.AtLeast, func(l int64) bool { return v >= l }}, {t.AtMost, func(l int64) bool { return v <= l }},
		{t.Above, func(l int64) bool { return v > l }}, {t.Below, func(l int64) bool { return v < l }},
	} {
		ok = ok && (c.limit == nil || c.holds(c.limit.Value.Amount))
	}
	return yes(ok)
}

func drawTest(t *rapid.T, depth int) Test {
	op := OpFact
	if depth > 0 {
		op = rapid.SampledFrom([]Op{OpFact, OpAll, OpAny, OpNot}).Draw(t, "op")
	}
	x := Test{Op: op}
	switch op {
	case OpNot:
		x.Kids = []Test{drawTest(t, depth-1)}
		return x
	case OpAll, OpAny:
		for range rapid.IntRange(1, 3).Draw(t, "kids") {
			x.Kids = append(x.Kids, drawTest(t, depth-1))
		}
		return x
	}
	x.Fact = rapid.SampledFrom([]models.Fact{models.FactRegistered, models.FactSeasonal, models.FactPatent, models.FactFounded, models.FactRevenue, models.FactInsured}).Draw(t, "fact")
	x.Unknown = rapid.SampledFrom([]*bool{nil, nil, is(true), is(false)}).Draw(t, "unknown")
	limit := func(name string) *Parameter {
		if rapid.Bool().Draw(t, name) {
			return nil
		}
		return &Parameter{Value: Value{Amount: rapid.Int64Range(0, 4).Draw(t, name)}}
	}
	switch x.Fact.Info().Kind {
	case models.KindMoney, models.KindNumber:
		x.AtLeast, x.AtMost, x.Above, x.Below = limit("at least"), limit("at most"), limit("above"), limit("below")
	case models.KindDate:
		if x.InCycleYear = rapid.Bool().Draw(t, "in year"); !x.InCycleYear {
			x.AtLeastYears = &Parameter{Value: Value{Amount: rapid.Int64Range(0, 3).Draw(t, "years"), Unit: UnitYears}}
		}
	}
	return x
}

func TestACompiledTreeSaysWhatThreeValuedLogicSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tests := []Test{drawTest(t, 4), drawTest(t, 4)}
		h := drawn(t)
		h.revenue = rapid.SampledFrom([]*int64{nil, number(0), number(1), number(2), number(3), number(5)}).Draw(t, "revenue")
		f := h.facts()
		p, err := compile(tests, 2026, firstOfJuly)
		if err != nil {
			return // more comparisons than a program holds
		}
		met, notKnown := p.run(f)
		for i, x := range tests {
			want := kleene(x, f, 2026, firstOfJuly)
			require.Equal(t, want == 1, met>>i&1 == 1, "met")
			require.Equal(t, want == -1, notKnown>>i&1 == 1, "not known")
		}
		require.Zero(t, (met|notKnown)>>len(tests), "bits beyond the tests stay clear")
	})
}
