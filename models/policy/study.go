package policy

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"bangfu/models"
)

// Cause is what a difference between the city's tier and ours rests on.
type Cause struct {
	Flips  []int // the fewest conditions that would have to be otherwise, the one in question first
	Others []int // conditions that could be in question instead
}

// Cause finds the fewest conditions whose outcome would have to be otherwise for the household to have the city's
// tier. Among several such sets the one in question is, in this order: what most sets share (of what all share, what is
// known to be otherwise); what no data says;
// amounts, the nearest to its limit first; then yes/no facts; last what hardly ever differs (登记数据).
func (p *Policy) Cause(own models.Verdict, city models.Tier, f *models.Facts) Cause {
	t := &p.Tiering
	sets := t.fewestFlips(own, city)
	if len(sets) == 0 {
		return Cause{}
	}
	shared := make([]int, len(t.Conditions))
	for _, set := range sets {
		for m := set; m != 0; m &= m - 1 {
			shared[bits.TrailingZeros64(m)]++
		}
	}
	better := func(a, b int) int {
		if shared[a] != shared[b] {
			return shared[b] - shared[a]
		}
		if blankA, blankB := own.NotKnown>>a&1, own.NotKnown>>b&1; shared[a] == len(sets) && blankA != blankB {
			return int(blankA) - int(blankB) // of what every set needs, data that say otherwise before data that say nothing
		}
		if d := t.doubt(a, own, f) - t.doubt(b, own, f); d != 0 {
			return d
		}
		return a - b
	}
	var every uint64
	for _, set := range sets {
		every |= set
	}
	first := slices.MinFunc(indexes(every), better)
	var cause Cause
	for _, set := range sets { // of the sets with the condition in question, the first whose members are most in doubt
		if set>>first&1 == 0 {
			continue
		}
		flips := indexes(set)
		slices.SortFunc(flips, better)
		if cause.Flips == nil || slices.CompareFunc(flips, cause.Flips, better) < 0 {
			cause.Flips = flips
		}
	}
	for _, i := range indexes(every) {
		if !slices.Contains(cause.Flips, i) && t.doubt(i, own, f) < hardlyEver {
			cause.Others = append(cause.Others, i)
		}
	}
	slices.SortFunc(cause.Others, better)
	return cause
}

// fewestFlips lists the smallest sets of conditions (as masks) whose opposite outcome makes the tier.
func (t *Tiering) fewestFlips(own models.Verdict, want models.Tier) []uint64 {
	rule := t.rule()
	n := len(t.Conditions)
	most := n
	if n > 20 {
		most = 5 // bounds the search for policies with very many conditions
	}
	var found []uint64
	for size := 1; size <= most && len(found) == 0; size++ {
		for set := uint64(1)<<size - 1; set < 1<<n && set != 0; set = nextOfSameSize(set) {
			if rule.tier(own.Met^set, own.NotKnown&^set) == want {
				found = append(found, set)
			}
		}
	}
	return found
}

// nextOfSameSize is the next greater mask with as many bits (Gosper).
func nextOfSameSize(m uint64) uint64 {
	low := m & -m
	ripple := m + low
	if ripple == 0 {
		return 0
	}
	return ripple | (m^ripple)/low>>2
}

func indexes(mask uint64) []int {
	var out []int
	for ; mask != 0; mask &= mask - 1 {
		out = append(out, bits.TrailingZeros64(mask))
	}
	return out
}

// hardlyEver is the doubt about what the registry says: offices seldom differ about it.
const hardlyEver = 4000

// doubt orders conditions by how likely two offices hold different data about them, the likeliest lowest.
func (t *Tiering) doubt(i int, own models.Verdict, f *models.Facts) int {
	c := &t.Conditions[i]
	switch info := c.Test.facts(nil)[0].Info(); {
	case info.Source == models.SourceRegistry:
		return hardlyEver
	case own.NotKnown>>i&1 == 1:
		return 0
	case info.Kind == models.KindMoney || info.Kind == models.KindNumber:
		return 1 + distance(&c.Test, f)
	case slices.ContainsFunc(t.Standards, func(s Standard) bool { return slices.Contains(s.All, i) }):
		return 3000 // what a standard takes for granted
	}
	return 2000
}

// distance is how far a fact lies from the nearest limit of its test, in thousandths of the limit, at most 1000.
func distance(t *Test, f *models.Facts) int {
	best := int64(1000)
	if t.Op != OpFact {
		for i := range t.Kids {
			best = min(best, int64(distance(&t.Kids[i], f)))
		}
		return int(best)
	}
	for _, limit := range []*Parameter{t.AtLeast, t.AtMost, t.Above, t.Below} {
		if limit == nil || limit.Value.Amount == 0 || f == nil || !f.Has(t.Fact) {
			continue
		}
		gap := f.Number(t.Fact) - limit.Value.Amount
		best = min(best, max(gap, -gap)*1000/limit.Value.Amount)
	}
	return int(best)
}

// Source is the delivery in question.
func (p *Policy) Source(c Cause) (models.Source, bool) {
	if len(c.Flips) == 0 {
		return 0, false
	}
	return p.Tiering.Conditions[c.Flips[0]].Sources()[0], true
}

// maxWhy bounds the explanation, in characters, as the record keeps it.
const maxWhy = 450

// Why tells officials what the difference rests on, without personal data: "市级为成长型；本区判定为生存型：
// 附一(三)2(2)C 未满足，参保 0 人". findings are those of the household, by condition.
func (p *Policy) Why(own models.Verdict, city models.Tier, c Cause, findings []models.Finding) string {
	head := fmt.Sprintf("市级为%s；本区判定为%s", city, own.Tier)
	if len(c.Flips) == 0 {
		return head + "：各项条件的结果与市级分型不能对应，请核对市级结果"
	}
	why := head + "：" + p.words(c.Flips, findings)
	if len(c.Others) > 0 {
		if longer := why + "；也可能涉及：" + p.words(c.Others, findings); len([]rune(longer)) <= maxWhy {
			return longer
		}
	}
	if r := []rune(why); len(r) > maxWhy {
		return string(r[:maxWhy-1]) + "…"
	}
	return why
}

func (p *Policy) words(conditions []int, findings []models.Finding) string {
	var parts []string
	for _, i := range conditions {
		outcome, value := "无数据", ""
		if i < len(findings) {
			switch findings[i].Outcome {
			case models.OutcomeMet:
				outcome, value = "已满足", findings[i].Value
			case models.OutcomeNotMet:
				outcome, value = "未满足", findings[i].Value
			}
		}
		text := fmt.Sprintf("%s %s（%s）", p.Tiering.Conditions[i].Clause, outcome, p.Tiering.Conditions[i].Name)
		if value != "" {
			text += "，" + value
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "；")
}
