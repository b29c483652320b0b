package policy

import (
	"cmp"
	"maps"
	"slices"

	"bangfu/models"
	"bangfu/models/calendar"
)

// Comparison holds two policies against each other, household by household: base is the one that is lived under, draft
// the one that is tried. Conditions are the same in both when they have the same ID. Not safe for concurrent use.
type Comparison struct {
	base, draft *Judge
	toDraft     []int // of base's conditions: the draft's index, -1 = the draft does not have it
	causes      map[verdicts][]models.WhatIfCause
}

// verdicts is what both policies say of a household.
type verdicts struct{ base, draft models.Verdict }

// orderCause is the ID of a cause that is no condition: the standards themselves, or their order, are others.
const orderCause = "standards"

// Compare prepares to compare two policies that were compiled for the same year and tiering date.
func Compare(base, draft *Judge) *Comparison {
	c := &Comparison{base: base, draft: draft, causes: map[verdicts][]models.WhatIfCause{}}
	for _, condition := range base.Conditions() {
		c.toDraft = append(c.toDraft, slices.IndexFunc(draft.Conditions(), func(o Condition) bool { return o.ID == condition.ID }))
	}
	return c
}

// decisive is a set of conditions: the draft's, and those that only the base has.
type decisive struct{ draft, base uint64 }

// ofBase adds some of the base's conditions.
func (d *decisive) ofBase(c *Comparison, conditions uint64) {
	for _, i := range indexes(conditions) {
		if to := c.toDraft[i]; to >= 0 {
			d.draft |= 1 << to
		} else {
			d.base |= 1 << i
		}
	}
}

// counterpart is the position of the standard in another policy that stands for standard at of this one: of the same
// tier, and the same one among those of that tier, since 生存型 has two; -1 if there is none.
func counterpart(of, in *rule, at int) int {
	tier, nth := of.standards[at].tier, 0
	for _, s := range of.standards[:at] {
		if s.tier == tier {
			nth++
		}
	}
	for i, s := range in.standards {
		if s.tier == tier {
			if nth == 0 {
				return i
			}
			nth--
		}
	}
	return -1
}

// decide finds the conditions that make a household's tier another. Whoever becomes, or no longer is, 不符合分型条件 is so by
// what fails of the base standard. Of the others, either the standard that gave the tier no longer holds (by what it lacks), or
// one that goes before it has come to hold (by what it lacked); empty: only the standards themselves or their order are others.
func (c *Comparison) decide(v verdicts) (d decisive) {
	a, b := &c.base.rule, &c.draft.rule
	if v.draft.Tier == models.Ineligible {
		d.draft = b.failed(v.draft.Met, v.draft.NotKnown)
		return d
	}
	if v.base.Tier == models.Ineligible {
		d.ofBase(c, a.failed(v.base.Met, v.base.NotKnown))
		return d
	}
	was, is := a.standard(v.base.Met), b.standard(v.draft.Met)
	gave, gives := &a.standards[was], &b.standards[is]
	if now := counterpart(a, b, was); now < 0 || now < is {
		// it would come first if it held
		if now < 0 {
			d.ofBase(c, gave.all|gave.any&v.base.Met)
			d.draft = 0 // what went with the standard, if anything did
			return d
		}
		lost := &b.standards[now]
		d.draft = lost.all &^ v.draft.Met
		if lost.any != 0 && lost.any&v.draft.Met == 0 {
			if gave.any != 0 {
				d.ofBase(c, gave.any&v.base.Met)
			} else {
				d.draft |= lost.any
			}
		}
		return d
	}
	before := counterpart(b, a, is)
	if before < 0 {
		d.draft = gives.all | gives.any&v.draft.Met
		for _, had := range c.toDraft {
			if had >= 0 {
				d.draft &^= 1 << had // what came with the standard, if anything did
			}
		}
		return d
	}
	lacked := &a.standards[before]
	if lacked.holds(v.base.Met) {
		return d
	}
	d.ofBase(c, lacked.all&^v.base.Met)
	if lacked.any != 0 && lacked.any&v.base.Met == 0 {
		if gives.any != 0 {
			d.draft |= gives.any & v.draft.Met
		} else {
			d.ofBase(c, lacked.any)
		}
	}
	return d
}

// Causes are the conditions that decide that a household's tier is another under the draft, in the order of the draft
// and then of those that it does not have; none for a household that does not move.
func (c *Comparison) Causes(base, draft models.Verdict) []models.WhatIfCause {
	if base.Tier == draft.Tier {
		return nil
	}
	v := verdicts{base, draft}
	if list, ok := c.causes[v]; ok {
		return list
	}
	d := c.decide(v)
	list := []models.WhatIfCause{}
	for _, i := range indexes(d.draft) {
		condition := c.draft.Conditions()[i]
		cause := models.WhatIfCause{ID: condition.ID, Clause: condition.Clause, Name: condition.Name, To: Outcome(draft, i)}
		if was := slices.Index(c.toDraft, i); was >= 0 {
			cause.From = Outcome(base, was)
		}
		list = append(list, cause)
	}
	for _, i := range indexes(d.base) {
		condition := c.base.Conditions()[i]
		list = append(list, models.WhatIfCause{ID: condition.ID, Clause: condition.Clause, Name: condition.Name, From: Outcome(base, i)})
	}
	if len(list) == 0 {
		gives := c.draft.policy.Tiering.Standards[c.draft.standard(draft.Met)]
		list = append(list, models.WhatIfCause{ID: orderCause, Clause: gives.Clause, Name: "分型标准的次序或构成"})
	}
	c.causes[v] = list
	return list
}

// Cell is what households that are counted together have in common.
type Cell struct {
	Base, Draft   models.Verdict
	Street        string
	City, Decided models.Tier // NoTier: none
}

// Moves says whether the own judgement is another.
func (c Cell) Moves() bool { return c.Base.Tier != c.Draft.Tier }

// Fill counts households into a result: matrices, places, moves by clause, conditions and streets.
func (c *Comparison) Fill(r *models.WhatIf, cells map[Cell]int64, stillValid int64) {
	streets := map[string]*models.WhatIfStreet{}
	pairs := map[verdicts]int64{}
	counting := map[[2]models.Tier]int64{}
	for cell, n := range cells {
		pairs[verdicts{cell.Base, cell.Draft}] += n
		from, to := models.EffectiveTier(cell.Decided, cell.City, cell.Base.Tier), models.EffectiveTier(cell.Decided, cell.City, cell.Draft.Tier)
		street := streets[cell.Street]
		if street == nil {
			street = &models.WhatIfStreet{Name: cmp.Or(cell.Street, "未填")}
			streets[cell.Street] = street
		}
		r.Own.Matrix[cell.Base.Tier][cell.Draft.Tier] += n
		r.Counting.Matrix[from][to] += n
		street.Own[cell.Base.Tier][cell.Draft.Tier] += n
		street.Counting[from][to] += n
		switch {
		case !cell.Moves():
		case cell.Decided != models.NoTier:
			r.HeldDecided += n
		case cell.City != models.NoTier:
			r.HeldCity += n
		default:
			counting[[2]models.Tier{from, to}] += n
		}
	}
	for _, name := range slices.Sorted(maps.Keys(streets)) {
		r.Streets = append(r.Streets, *streets[name])
	}
	c.places(&r.Own, stillValid)
	c.places(&r.Counting, stillValid)
	r.Moves = c.moves(pairs, counting)
	r.Conditions = c.conditions(pairs)
}

// places are those of both policies (附三(四)): certifications that hold on keep the term with which they were made.
func (c *Comparison) places(t *models.WhatIfTiers, stillValid int64) {
	fill := func(p *Policy, counts models.TierCounts) models.Places {
		out := models.Places{Growth: counts[models.Growth], Development: counts[models.Development], Share: p.Places.Share.Value.Amount, StillValid: stillValid}
		out.Gross, out.Places = p.PlacesFor(out.Growth, out.Development, stillValid)
		return out
	}
	t.Base, t.Draft = fill(c.base.policy, t.Before()), fill(c.draft.policy, t.After())
}

func (c *Comparison) moves(pairs map[verdicts]int64, counting map[[2]models.Tier]int64) []models.WhatIfMove {
	type move struct {
		own    int64
		causes map[models.WhatIfCount]int64
	}
	all := map[[2]models.Tier]*move{}
	for v, n := range pairs {
		if v.base.Tier == v.draft.Tier {
			continue
		}
		key := [2]models.Tier{v.base.Tier, v.draft.Tier}
		if all[key] == nil {
			all[key] = &move{causes: map[models.WhatIfCount]int64{}}
		}
		all[key].own += n
		for _, cause := range c.Causes(v.base, v.draft) {
			all[key].causes[models.WhatIfCount{ID: cause.ID, Clause: cause.Clause, Name: cause.Name}] += n
		}
	}
	list := make([]models.WhatIfMove, 0, len(all))
	for key, m := range all {
		out := models.WhatIfMove{From: key[0], To: key[1], Own: m.own, Counting: counting[key], Causes: []models.WhatIfCount{}}
		for cause, n := range m.causes {
			cause.Households = n
			out.Causes = append(out.Causes, cause)
		}
		slices.SortFunc(out.Causes, func(a, b models.WhatIfCount) int {
			return cmp.Or(cmp.Compare(b.Households, a.Households), cmp.Compare(a.ID, b.ID))
		})
		list = append(list, out)
	}
	slices.SortFunc(list, func(a, b models.WhatIfMove) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return list
}

// conditions lists the draft's conditions and then those that only the base has.
func (c *Comparison) conditions(pairs map[verdicts]int64) []models.WhatIfCondition {
	var list []models.WhatIfCondition
	add := func(words Condition, was, is int) {
		out := models.WhatIfCondition{ID: words.ID, Clause: words.Clause, Name: words.Name}
		if was >= 0 {
			out.BaseRule = c.base.Conditions()[was].Rule()
		}
		if is >= 0 {
			out.DraftRule = c.draft.Conditions()[is].Rule()
		}
		flows := map[[2]models.Outcome]int64{}
		for v, n := range pairs {
			var flow [2]models.Outcome
			if was >= 0 {
				flow[0] = Outcome(v.base, was)
				out.Before.Add(flow[0], n)
			}
			if is >= 0 {
				flow[1] = Outcome(v.draft, is)
				out.After.Add(flow[1], n)
			}
			if was >= 0 && is >= 0 && flow[0] != flow[1] {
				flows[flow] += n
			}
		}
		for flow, n := range flows {
			out.Flows = append(out.Flows, models.OutcomeFlow{From: flow[0], To: flow[1], Households: n})
		}
		slices.SortFunc(out.Flows, func(a, b models.OutcomeFlow) int {
			return cmp.Or(cmp.Compare(b.Households, a.Households), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
		})
		list = append(list, out)
	}
	for i, condition := range c.draft.Conditions() {
		add(condition, slices.Index(c.toDraft, i), i)
	}
	for i, condition := range c.base.Conditions() {
		if c.toDraft[i] < 0 {
			add(condition, i, -1)
		}
	}
	return list
}

// Eligible compares what bars a certified household under both policies, were it to apply today: barred is what bars it
// under the draft only, freed what bars it under the base only. from and to are its tiers. Its own certification is no bar.
func (c *Comparison) Eligible(household models.Candidate, origin models.Origin, from, to models.Tier, today calendar.Date) (barred, freed []models.Bar) {
	household.Certified = 0
	household.Tier = from
	before := c.base.policy.Bars(&household, origin, today, today)
	household.Tier = to
	after := c.draft.policy.Bars(&household, origin, today, today)
	return beyond(after, before), beyond(before, after)
}

func beyond(list, others []models.Bar) (rest []models.Bar) {
	for _, b := range list {
		if !slices.ContainsFunc(others, func(o models.Bar) bool { return o.ID == b.ID }) {
			rest = append(rest, b)
		}
	}
	return rest
}
