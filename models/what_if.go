package models

import (
	"cmp"

	"bangfu/models/calendar"
)

// WhatIf is what a draft policy would make of a year's real data, beside the policy under which the year is judged (政策试算, B2).
// Both judge the same facts as of the same day; nothing of it is in the record.
type WhatIf struct {
	CycleID      string
	District     string
	DistrictName string
	Year         int
	AsOf         calendar.Date // tiering date of both
	Today        calendar.Date // by the cycle's clock: certifications and bars are judged on it
	DataMark     string        // the deliveries that both were judged on
	Run          int           // number of the current run, whose policy is Base; 0 before the first
	Base         WhatIfPolicy
	Draft        WhatIfPolicy

	Own         WhatIfTiers // 本区判定
	Counting    WhatIfTiers // the tiers that count (EffectiveTier): a draft moves nobody for whom a decision or the city's result stands
	HeldCity    int64       // moved by own judgement only, since the city's result stands
	HeldDecided int64       // moved by own judgement only, since a decision of the joint study or on an objection stands
	Frozen      *Places     // the cycle's, once they are frozen: no later change of tiers changes them

	Moves      []WhatIfMove // by own judgement, in the order of the tiers
	Conditions []WhatIfCondition
	Streets    []WhatIfStreet
	Certified  WhatIfCertifications
	Movers     []WhatIfMover // those that move by own judgement, by code: the first MaxWhatIfListed
}

// MaxWhatIfListed is how many households a result lists at most; whoever wants all gets them one by one.
const MaxWhatIfListed = 1000

// WhatIfPolicy names a policy that was tried. A file that was not stored has neither ID nor Version.
type WhatIfPolicy struct {
	ID      int64
	Version int
	Hash    string
	Title   string
	Year    int
}

// WhatIfTiers is how households are tiered by both policies, and the places (附三(四)) that follow.
type WhatIfTiers struct {
	Matrix TierMatrix // [under the present policy][under the draft]
	Base   Places     // Growth, Development, Share, Gross, StillValid and Places
	Draft  Places
}

// Before is households per tier under the present policy.
func (t WhatIfTiers) Before() TierCounts { return t.Matrix.From() }

// After is households per tier under the draft.
func (t WhatIfTiers) After() TierCounts { return t.Matrix.To() }

// Moving is how many households would have another tier.
func (t WhatIfTiers) Moving() int64 { return t.Matrix.Differing() }

// From counts households by the first of their tiers.
func (m TierMatrix) From() (c TierCounts) {
	for from := range m {
		for _, n := range m[from] {
			c[from] += n
		}
	}
	return c
}

// To counts households by the second of their tiers.
func (m TierMatrix) To() (c TierCounts) {
	for from := range m {
		for to, n := range m[from] {
			c[to] += n
		}
	}
	return c
}

// WhatIfMove is the households that go from one tier to another by own judgement, and the clauses that decided it.
type WhatIfMove struct {
	From, To Tier
	Own      int64
	Counting int64 // of those, in the tiers that count
	Causes   []WhatIfCount
}

// WhatIfCount is a clause and for how many households it decided a move; a household may have several.
type WhatIfCount struct {
	ID         string `json:"id" doc:"条件编号；standards 为标准的次序或构成本身的改动"`
	Clause     string `json:"clause" doc:"依据条款"`
	Name       string `json:"name" doc:"条件名称"`
	Households int64  `json:"households" doc:"户数"`
}

// WhatIfCause is a condition that decided one household's move, with its outcome under both policies; empty where the
// policy does not have it.
type WhatIfCause struct {
	ID     string  `json:"id" doc:"条件编号；standards 为标准的次序或构成本身的改动"`
	Clause string  `json:"clause" doc:"依据条款"`
	Name   string  `json:"name" doc:"条件名称"`
	From   Outcome `json:"from,omitempty" doc:"现行政策下是否符合，空为没有此项条件"`
	To     Outcome `json:"to,omitempty" doc:"试算政策下是否符合，空为没有此项条件"`
}

// String is the cause in one line: 附一(三)2(2)A 营业收入达到成长型标准（符合→不符合）.
func (c WhatIfCause) String() string {
	s := c.Clause + " " + c.Name
	word := func(o Outcome) string { return cmp.Or(o.Name(), "无此项") }
	switch {
	case c.From != c.To:
		s += "（" + word(c.From) + "→" + word(c.To) + "）"
	case c.From != "":
		s += "（" + word(c.From) + "，标准对此项的要求改变）"
	}
	return s
}

// Name is the outcome in words; empty for none.
func (o Outcome) Name() string {
	switch o {
	case OutcomeMet:
		return "符合"
	case OutcomeNotMet:
		return "不符合"
	case OutcomeNotKnown:
		return "无数据"
	}
	return ""
}

// WhatIfCondition is one condition, matched by its ID, and what became of it.
type WhatIfCondition struct {
	ID, Clause, Name    string
	BaseRule, DraftRule string // what it means with each policy's amounts; empty where the policy does not have it
	Before, After       OutcomeCounts
	Flows               []OutcomeFlow // households whose outcome changes; none for a condition that one policy lacks
}

// Changed is how many households' outcome changes.
func (c WhatIfCondition) Changed() (n int64) {
	for _, f := range c.Flows {
		n += f.Households
	}
	return n
}

// OutcomeCounts is households by a condition's outcome.
type OutcomeCounts struct {
	Met      int64 `json:"met" doc:"符合"`
	NotMet   int64 `json:"not_met" doc:"不符合"`
	NotKnown int64 `json:"not_known" doc:"无数据"`
}

// Add counts households with an outcome.
func (c *OutcomeCounts) Add(o Outcome, households int64) {
	switch o {
	case OutcomeMet:
		c.Met += households
	case OutcomeNotKnown:
		c.NotKnown += households
	default:
		c.NotMet += households
	}
}

// OutcomeFlow is the households for which a condition's outcome becomes another.
type OutcomeFlow struct {
	From       Outcome `json:"from" enum:"met,not_met,not_known" doc:"现行政策下的结果：met 符合，not_met 不符合，not_known 无数据"`
	To         Outcome `json:"to" enum:"met,not_met,not_known" doc:"试算政策下的结果"`
	Households int64   `json:"households" doc:"户数"`
}

// WhatIfStreet is what moves in one 所属街道.
type WhatIfStreet struct {
	Name     string
	Own      TierMatrix
	Counting TierMatrix
}

// WhatIfMover is one household that moves by own judgement.
type WhatIfMover struct {
	USCC, Name, Street string
	From, To           Tier // 本区判定
	City, Decided      Tier // NoTier: none stands in the way
	Causes             []WhatIfCause
}

// CountingFrom is the tier that counts under the present policy.
func (m WhatIfMover) CountingFrom() Tier { return EffectiveTier(m.Decided, m.City, m.From) }

// CountingTo is the tier that would count under the draft.
func (m WhatIfMover) CountingTo() Tier { return EffectiveTier(m.Decided, m.City, m.To) }

// WhatIfCertifications is what the draft means for the district's households that are certified now (附三(三)1).
type WhatIfCertifications struct {
	Valid    int64 // certifications that hold today
	Missing  int64 // of those, whom this year's registry lacks: no policy can judge them
	Moved    int64 // whose tier that counts would be another
	Out      int64 // who could not be certified any more, by the tiers that count
	OutOwn   int64 // the same by own judgement
	Affected []WhatIfCertified
}

// WhatIfCertified is one certified household that the draft affects, by either set of tiers.
type WhatIfCertified struct {
	Certification Certification
	Origin        Origin // recommended households may be of any tier
	OwnFrom       Tier
	OwnTo         Tier
	From          Tier // that counts
	To            Tier
	Barred        []Bar // under the draft and not under the present policy, by the tiers that count
	BarredOwn     []Bar // the same by own judgement
	Freed         []Bar // under the present policy only, by the tiers that count
	Causes        []WhatIfCause
}
