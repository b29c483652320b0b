package models

import (
	"slices"
	"time"
)

// DifferenceState is where a difference between the city's result and ours stands (研判, 二(一)2).
type DifferenceState string

// The states of a difference.
const (
	DifferenceOpen     DifferenceState = "open"     // 待研判
	DifferenceSettled  DifferenceState = "settled"  // 已研判
	DifferenceObsolete DifferenceState = "obsolete" // 已消除: newer data brought both results together
)

// Name is the state in words.
func (s DifferenceState) Name() string {
	switch s {
	case DifferenceOpen:
		return "待研判"
	case DifferenceSettled:
		return "已研判"
	case DifferenceObsolete:
		return "已消除"
	}
	return string(s)
}

// Difference is one household of a cycle for which the city's result is not ours.
type Difference struct {
	ID          int64
	CycleID     string
	USCC        string
	RunID       int64
	OwnTier     Tier
	CityTier    Tier
	Department  string // code of the department whose data is in question
	Source      string // code of the source in question
	Why         string // Chinese, without personal data
	State       DifferenceState
	DecidedTier Tier // NoTier until settled
	ReasonID    int64
	DecidedBy   Actor
	DecidedAt   *time.Time
	ObjectionID int64 // settled by this objection (附一(二)3): stands whatever newer data say; 0 = by the joint study
}

// EffectiveTier is the tier that counts (R4): the joint study's decision, else the city's result, else our own.
// NoTier stands for what is not there. models/store has the same rule as one SQL expression.
func EffectiveTier(decided, city, own Tier) Tier {
	switch {
	case decided != NoTier:
		return decided
	case city != NoTier:
		return city
	}
	return own
}

// Effective is the household's tier as it counts now.
func (d Difference) Effective() Tier { return EffectiveTier(d.DecidedTier, d.CityTier, d.OwnTier) }

// Compared is what becomes of a known difference when a newer comparison finds it again: an open one takes the
// new values, one that was gone is open again, and a settled one stays settled unless one of the two results
// that were decided upon is another now; then lapsed is true, and the old decision must go on record. What an
// objection settled stands as it was settled.
func (d Difference) Compared(found Difference) (next Difference, lapsed bool) {
	if d.ObjectionID != 0 {
		return d, false
	}
	next = found
	next.ID, next.State = d.ID, DifferenceOpen
	if d.State != DifferenceSettled {
		return next, false
	}
	if d.OwnTier != found.OwnTier || d.CityTier != found.CityTier {
		return next, true
	}
	next.State = DifferenceSettled
	next.DecidedTier, next.ReasonID, next.DecidedBy, next.DecidedAt = d.DecidedTier, d.ReasonID, d.DecidedBy, d.DecidedAt
	next.Department, next.Source, next.Why = d.Department, d.Source, d.Why // as they were decided upon
	return next, false
}

// Gone is what becomes of a difference that a newer comparison does not find any more.
func (d Difference) Gone() Difference {
	d.State = DifferenceObsolete
	d.DecidedTier, d.ReasonID, d.DecidedBy, d.DecidedAt = NoTier, 0, "", nil
	return d
}

// MaxDecisions is how many differences one decision may settle.
const MaxDecisions = 500

// Choices of a decision that are not a tier of their own.
const (
	ChooseOwn  = "own"  // 采用本区判定
	ChooseCity = "city" // 采用市级结果
)

// Decision settles differences alike, with one reason (二(一)2).
type Decision struct {
	CommandID string // the client's idempotency key: the same decision again changes nothing
	CycleID   string
	IDs       []int64 // of differences, at most MaxDecisions
	Choice    string  // ChooseOwn, ChooseCity, or a tier's code or name
	ReasonID  int64
	Actor     Actor
	Admin     bool   // the bureau's administrator decides for every department, and may decide again
	Officer   string // else: the department whose officer decides
}

// Validate refuses what cannot be a decision, whatever the differences are.
func (c Decision) Validate() error {
	switch {
	case len(c.IDs) == 0:
		return Invalid("ids", "请选择要研判的差异")
	case len(c.IDs) > MaxDecisions:
		return Invalid("ids", "一次最多研判 %d 项差异，现为 %d 项", MaxDecisions, len(c.IDs))
	case c.CommandID == "" || c.CycleID == "" || c.Actor == "" || c.ReasonID <= 0:
		return Invalid("reason", "研判决定须有操作编号、经办人和理由")
	case !c.Admin && c.Officer == "":
		return Errorf(CodeForbidden, "只有区市场监管局管理员和数据涉及部门的工作人员可以研判")
	}
	sorted := slices.Sorted(slices.Values(c.IDs))
	if sorted[0] <= 0 || len(slices.Compact(sorted)) != len(c.IDs) {
		return Invalid("ids", "差异编号应为正整数，且不得重复")
	}
	if c.Choice != ChooseOwn && c.Choice != ChooseCity {
		if _, err := ParseTier(c.Choice); err != nil {
			return Invalid("tier", "“%s”不能作为研判结果，应为 own（采用本区判定）、city（采用市级结果）或一种分型", c.Choice)
		}
	}
	return nil
}

// Decide settles the difference, or says why this person cannot: an officer decides what is their department's
// and open; an administrator decides everything, also anew.
func (d Difference) Decide(c Decision, at time.Time) (Difference, error) {
	switch {
	case !c.Admin && c.Officer != d.Department:
		return d, Errorf(CodeForbidden, "第 %d 项差异由其他部门研判", d.ID)
	case d.ObjectionID != 0:
		return d, Conflict("第 %d 项已按异议办结，不再研判；该户仍有不同意见的，可对更正后的结果提出异议", d.ID)
	case d.State == DifferenceObsolete:
		return d, Conflict("第 %d 项差异已随新数据消除，无需研判", d.ID)
	case d.State == DifferenceSettled && !c.Admin:
		return d, Conflict("第 %d 项差异已经研判，如需更改请联系区市场监管局管理员", d.ID)
	}
	switch c.Choice {
	case ChooseOwn:
		d.DecidedTier = d.OwnTier
	case ChooseCity:
		d.DecidedTier = d.CityTier
	default:
		tier, err := ParseTier(c.Choice)
		if err != nil {
			return d, err
		}
		d.DecidedTier = tier
	}
	d.State, d.ReasonID, d.DecidedBy, d.DecidedAt = DifferenceSettled, c.ReasonID, c.Actor, &at
	return d, nil
}

// DepartmentDifferences counts a department's differences.
type DepartmentDifferences struct {
	Department string `json:"department" doc:"部门代码"`
	Name       string `json:"name" doc:"部门名称"`
	Open       int64  `json:"open" doc:"待研判"`
	Settled    int64  `json:"settled" doc:"已研判"`
}

// StudyBoard is where the joint study of a cycle stands.
type StudyBoard struct {
	Compared    bool                    `json:"compared" doc:"市级分型结果已下发并比对"`
	Open        int64                   `json:"open" doc:"待研判"`
	Settled     int64                   `json:"settled" doc:"已研判"`
	Departments []DepartmentDifferences `json:"departments" doc:"各部门差异数"`
}

// Differences is how many households differ now.
func (b StudyBoard) Differences() int64 { return b.Open + b.Settled }
