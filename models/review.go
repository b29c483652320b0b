package models

import (
	"fmt"
	"slices"

	"bangfu/models/calendar"
)

// ReviewStates are the states in which an application is on a reviewer's list (附三(二)2).
var ReviewStates = []ApplicationState{ApplicationSubmitted, ApplicationSupplement, ApplicationVisit}

// UndecidedStates are those in which an application stands in the way of the selection, drafts aside: nobody has applied yet.
var UndecidedStates = append([]ApplicationState{ApplicationConsent}, ReviewStates...)

// UnderReview says whether an application in this state is on a reviewer's list.
func (s ApplicationState) UnderReview() bool { return slices.Contains(ReviewStates, s) }

// ReviewAssignment gives an application to a reviewer, or back to the bureau's pool.
type ReviewAssignment struct {
	ApplicationID int64
	To            Actor // empty = back to the pool
	By            Actor
	Admin         bool // By is an administrator, who may move what is on another's list
	ReasonID      int64
}

// Action names the assignment in the record.
func (c ReviewAssignment) Action() string {
	switch c.To {
	case "":
		return "review.release"
	case c.By:
		return "review.claim"
	}
	return "review.hand_over"
}

// Allowed refuses a claim of what is on another's list (CodeConflict: of two who claim at once one wins), and who is neither its
// reviewer nor an administrator (CodeForbidden).
func (c ReviewAssignment) Allowed(a Application) error {
	switch {
	case !a.State.UnderReview():
		return Conflict("申报件现为“%s”，不在审核走访中", a.State.Name())
	case a.Reviewer == c.To: // is so already
		return nil
	case c.Admin || a.Reviewer == c.By || a.Reviewer == "" && c.To == c.By:
		return nil
	case a.Reviewer == "":
		return Errorf(CodeForbidden, "该申报件无人办理，请先领取，或由管理员分派")
	case c.To == c.By:
		return Conflict("该申报件已由他人领取，请先由其移交")
	}
	return Errorf(CodeForbidden, "只有办理人本人或管理员可以退回、移交")
}

// ReviewedBy refuses whoever has not the application on their list: one person answers for a review.
func (a Application) ReviewedBy(actor Actor) error {
	switch a.Reviewer {
	case actor:
		return nil
	case "":
		return Conflict("请先领取该申报件再办理")
	}
	return Errorf(CodeForbidden, "该申报件由他人办理，请先移交")
}

// BulkAssignment gives the bureau's applications of a cycle that nobody has yet to reviewers in turn.
type BulkAssignment struct {
	CycleID   string
	Street    string // empty = every street
	Reviewers []Actor
	By        Actor
}

// LeftUnassigned is an application that none of the reviewers may decide about.
type LeftUnassigned struct {
	ApplicationID int64
	Why           string // Chinese
}

// BulkAssigned is what became of a bulk assignment.
type BulkAssigned struct {
	Assigned map[Actor]int
	Left     []LeftUnassigned // at most MaxLeft of them
	LeftAll  int              // how many were left
}

// Add counts another page's result in.
func (b *BulkAssigned) Add(page BulkAssigned) {
	for r, n := range page.Assigned {
		b.Assigned[r] += n
	}
	b.LeftAll += page.LeftAll
	b.Left = append(b.Left, page.Left[:min(len(page.Left), MaxLeft-len(b.Left))]...)
}

// MaxLeft is how many applications a bulk assignment names that it left.
const MaxLeft = 1000

// ReviewBoard says how many applications of a cycle wait for whom before the selection can begin.
type ReviewBoard struct {
	Draft      int64 // 草稿: not applied for yet
	Consent    int64 // 待经营者同意
	Submitted  int64 // 待审核
	Supplement int64 // 待补充材料
	Visit      int64 // 待走访核实
	Unassigned int64 // of those under review: on nobody's list
	Overdue    int64 // of all but drafts: their due date is past
}

// Open is how many are undecided; drafts are not, nobody has applied yet.
func (b ReviewBoard) Open() int64 { return b.Consent + b.Submitted + b.Supplement + b.Visit }

// ReviewCursor is the place in a work list: after the application with this due date (0 = none) and id.
type ReviewCursor struct {
	Due calendar.Date
	ID  int64
}

// Words says where the reviews stand, for the cycle's card.
func (b ReviewBoard) Words() string {
	if b.Open() == 0 {
		return "申报件均已审核、走访完毕"
	}
	return fmt.Sprintf("尚未办结 %d 件：待经营者同意 %d、待审核 %d、待补充 %d、待走访 %d；未分派 %d，逾期 %d",
		b.Open(), b.Consent, b.Submitted, b.Supplement, b.Visit, b.Unassigned, b.Overdue)
}
