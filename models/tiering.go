package models

import (
	"encoding/json"
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

// TieringRules is the version of what this program makes of the same data under the same policy (Assembly, and
// the policy's evaluation). It is raised whenever one of them gives another result, so that a new release judges again
// only when it would judge differently.
const TieringRules = 1

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
	Rules      int    // TieringRules of that program
	DataMark   string // which deliveries it was judged on, e.g. "registry:2/2 tax:1/1"; same mark, policy, date and rules = same results
	Round      int    // raised when the pages must be judged again because data or policy changed meanwhile
	State      RunState
	Current    bool
	Counts     TierCounts
	StartedAt  time.Time
	FinishedAt time.Time
}

// RunPart is a contiguous range of a run's households and how far it is judged: one worker's work.
type RunPart struct {
	RunID      int64
	Part       int // 1, 2, …
	Round      int // pages of an older round, judged on older rows, are void
	After      string
	UpTo       string // codes > After and <= UpTo
	At         string // judged up to and including this code
	Households int64
	Counts     TierCounts // of those judged
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

// MarshalJSON writes the counts under the tiers' codes, every judged tier named.
func (c TierCounts) MarshalJSON() ([]byte, error) {
	m := make(map[string]int64, len(Tiers))
	for _, t := range Tiers {
		m[t.Code()] = c[t]
	}
	return json.Marshal(m)
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (c *TierCounts) UnmarshalJSON(b []byte) error {
	var m map[string]int64
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*c = TierCounts{}
	for _, t := range Tiers {
		c[t] = m[t.Code()]
	}
	return nil
}
