package models

import (
	"time"

	"bangfu/models/calendar"
)

// Verdict is what a policy says of one household: its tier, and two bit masks over the policy's conditions
// (bit i = condition i of policy.Judge.Conditions). A condition with neither bit is "not met".
type Verdict struct {
	Tier     Tier
	Met      uint64
	NotKnown uint64
}

// Outcome is what became of one condition.
type Outcome string

// The outcomes (contract: met|not_met|not_known).
const (
	OutcomeMet      Outcome = "met"
	OutcomeNotMet   Outcome = "not_met"
	OutcomeNotKnown Outcome = "not_known"
)

// Finding is a condition's outcome for one household, in words.
type Finding struct {
	Clause  string  `json:"clause" doc:"依据条款"`
	Text    string  `json:"text" doc:"条款原文"`
	Outcome Outcome `json:"outcome" enum:"met,not_met,not_known" doc:"met 符合，not_met 不符合，not_known 无数据"`
	Value   string  `json:"value" doc:"据以判断的数据"`
	Source  string  `json:"source" doc:"数据来源"`
}

// Explanation tells a household why it has its tier and what is missing for the next (B1).
type Explanation struct {
	Tier     Tier      `json:"tier"`
	Summary  string    `json:"summary" doc:"一句话说明"`
	Findings []Finding `json:"findings"`
	NextTier Tier      `json:"next_tier,omitempty" doc:"可以争取的上一级分型"`
	Missing  []string  `json:"missing" doc:"达到上一级分型还缺什么；不符合分型条件时为先要解决的事项"`
}

// RunState is where a tiering run stands.
type RunState string

// The states of a run. A run's results count only once it is done, all at once.
const (
	RunOpen RunState = "open"
	RunDone RunState = "done"
)

// Run is one tiering of a whole district: results are kept per run, and the cycle points to its current one.
type Run struct {
	ID         int64
	CycleID    string
	District   string
	Year       int
	Number     int // 1, 2, … within the cycle
	AsOf       calendar.Date
	PolicyID   int64
	PolicyHash string
	Program    string // program version
	DataMark   string // which deliveries it was judged on, e.g. "registry:2 tax:1"; same mark, policy and date = same results
	State      RunState
	Current    bool
	Counts     TierCounts
	StartedAt  time.Time
	FinishedAt time.Time
}

// TierCounts is households per tier, indexed by Tier.
type TierCounts [5]int64

// Total is the number of households.
func (c TierCounts) Total() (n int64) {
	for _, v := range c {
		n += v
	}
	return n
}
