package models

import (
	"slices"
	"time"

	"bangfu/models/calendar"
)

// Places are how many households a cycle may certify (附三(四)), frozen with the numbers they came from.
type Places struct {
	CycleID     string
	RunID       int64 // the tiering run that was handed over
	Growth      int64 // 成长型 households of the yearly collective tiering
	Development int64 // 发展型 households
	Share       int64 // hundredths of a percent: 5% = 500
	Gross       int64 // the share of both, rounded down
	StillValid  int64 // certifications that will still be valid on 1 January of the next year
	Places      int64 // what is left: never negative
	PolicyID    int64
	FrozenOn    calendar.Date
	At          time.Time
}

// SelectionOutcome is what the comparison (比选) makes of a qualified application.
type SelectionOutcome string

// The outcomes.
const (
	OutcomePropose   SelectionOutcome = "propose"    // 拟认定
	OutcomeWaitList  SelectionOutcome = "wait_list"  // 候补
	OutcomeNotSelect SelectionOutcome = "not_select" // 不入选
)

var selectionOutcomes = map[SelectionOutcome]struct {
	name  string
	event ApplicationEvent
}{
	OutcomePropose:   {"拟认定", EventPropose},
	OutcomeWaitList:  {"候补", EventWaitList},
	OutcomeNotSelect: {"不入选", EventNotSelect},
}

// Name is the outcome in words; empty for none.
func (o SelectionOutcome) Name() string { return selectionOutcomes[o].name }

// Event is what happens to an application with this outcome.
func (o SelectionOutcome) Event() ApplicationEvent { return selectionOutcomes[o].event }

// ComparedStates are the states of those who stand in the comparison: who waits for a decision, and who had one in it.
var ComparedStates = []ApplicationState{ApplicationQualified, ApplicationWaiting, ApplicationProposed, ApplicationUnselected}

// Rank is one application's place in the comparison, what the rule proposes and what people decided.
type Rank struct {
	CycleID       string
	ApplicationID int64
	Place         int // 1 is the first
	Score         int
	Items         []ScoreItem
	Tie           string           // what decided among equal scores; empty = nobody has the same
	Proposal      SelectionOutcome // the rule's: the first get the places that are free, the others wait
	Decision      SelectionOutcome // empty = not decided yet
	ReasonID      int64            // of a departure from the proposal; 0 = confirmed
	DecidedBy     Actor
	DecidedAt     *time.Time
}

// MaxSelected is how many applications one decision may name.
const MaxSelected = 500

// SelectionDecision confirms the proposal of a cycle's comparison, or departs from it for one household.
type SelectionDecision struct {
	CommandID      string
	CycleID        string
	ApplicationIDs []int64
	All            bool             // everything that is not decided yet, by the proposal
	Outcome        SelectionOutcome // empty = as proposed
	ReasonID       int64            // needed where the outcome is not the proposed one
	Actor          Actor
	Request        string // the words of the reason, as a hash: another reason under the same command's id is refused
}

// Validate refuses what cannot be a decision, whatever the record says: *Error with CodeInvalid.
func (d SelectionDecision) Validate() error {
	switch {
	case d.CommandID == "" || d.CycleID == "" || d.Actor == "":
		return Invalid("command", "缺少操作编号、年度工作或办理人")
	case d.Outcome != "" && d.Outcome.Name() == "":
		return Invalid("outcome", "“%s”不是比选结果，应为 propose（拟认定）、wait_list（候补）或 not_select（不入选）", string(d.Outcome))
	case d.All && (len(d.ApplicationIDs) > 0 || d.Outcome != ""):
		return Invalid("all", "确认全部方案时不能再列出申报件或另定结果")
	case !d.All && len(d.ApplicationIDs) == 0:
		return Invalid("application_ids", "请列出申报件编号，或选择确认全部方案")
	case len(d.ApplicationIDs) > MaxSelected:
		return Invalid("application_ids", "一次最多 %d 件", MaxSelected)
	case len(slices.Compact(slices.Sorted(slices.Values(d.ApplicationIDs)))) != len(d.ApplicationIDs):
		return Invalid("application_ids", "申报件编号有重复")
	}
	return nil
}

// Outcome gives what the decision makes of one ranked application that is in this state. Confirming the proposal needs no
// reason; departing from it is for one household at a time and says why (附三(三)2: every step on record).
func (r Rank) Outcome(d SelectionDecision, state ApplicationState) (SelectionOutcome, error) {
	outcome := d.Outcome
	if outcome == "" {
		outcome = r.Proposal
	}
	if _, err := state.Next(outcome.Event()); err != nil {
		return "", err
	}
	if outcome != r.Proposal || state == ApplicationWaiting {
		switch {
		case d.ReasonID == 0:
			return "", Invalid("reason", "比选方案对该户为“%s”，改为“%s”须写明理由", r.Proposal.Name(), outcome.Name())
		case len(d.ApplicationIDs) != 1:
			return "", Invalid("application_ids", "偏离比选方案须逐户决定、逐户说明理由")
		}
	}
	return outcome, nil
}

// SelectionBoard is where a cycle's comparison stands.
type SelectionBoard struct {
	Places     int64 // frozen
	Free       int64 // places that nobody holds
	Left       int64 // qualified applications without a decision
	Unranked   int64 // qualified or waiting ones that are not in the ranking yet
	Proposed   int64
	Waiting    int64
	Unselected int64
}

// Done says whether nothing is left to decide.
func (b SelectionBoard) Done() bool { return b.Left == 0 && b.Unranked == 0 }
