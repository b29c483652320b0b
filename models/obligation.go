package models

import (
	"slices"
	"strings"
	"time"

	"bangfu/models/calendar"
)

// ObligationKind is what somebody owes (应办事项); the policy of the year gives each kind its ladder.
type ObligationKind string

// The kinds.
const (
	ObligationDelivery   ObligationKind = "delivery"   // a department's data delivery; Subject is the source code
	ObligationDifference ObligationKind = "difference" // a department's differences to settle; Subject is the department
	ObligationHandover   ObligationKind = "handover"   // the bureau's hand-over to the national register
	ObligationStandards  ObligationKind = "standards"  // the bureau's publication of standards and measures

	// Of the season; Subject is the case's id: application/12, objection/3, visit/5 …
	ObligationConsent        ObligationKind = "consent"         // the operator's answer to a recommendation
	ObligationSupplement     ObligationKind = "supplement"      // the operator's supplements
	ObligationReview         ObligationKind = "review"          // the review of an application: the bureau's, or its reviewer's
	ObligationVisit          ObligationKind = "visit"           // a planned visit: each visitor's
	ObligationSelection      ObligationKind = "selection"       // the bureau's confirmation of the selection
	ObligationObjection      ObligationKind = "objection"       // the bureau's acceptance, then settlement of an objection
	ObligationAnswer         ObligationKind = "answer"          // a department's answer to an objection
	ObligationCertification  ObligationKind = "certification"   // the bureau's certification and report to the city
	ObligationCityCheck      ObligationKind = "city_check"      // the city's outcome of its spot check
	ObligationCitySupplement ObligationKind = "city_supplement" // what the city asked to be supplemented: the bureau's
	ObligationComplaint      ObligationKind = "complaint"       // the bureau's answer to a complaint

	// Of the three years with a certified household, and of the departments' year; they go on when their cycle is done (Lasting).
	ObligationReport       ObligationKind = "report"        // a certified household's yearly information report (附三(五))
	ObligationReportReview ObligationKind = "report_review" // the bureau's review of it
	ObligationHearing      ObligationKind = "hearing"       // the household's statement in a case about its certification
	ObligationCase         ObligationKind = "case"          // the bureau's decision of such a case
	ObligationOpinion      ObligationKind = "opinion"       // the recommending department's answer at the evaluation
	ObligationDuty         ObligationKind = "duty"          // a department's standing duty of the year (二, 三)
	ObligationOrder        ObligationKind = "order"         // a department's answer to an order (督办)
	ObligationHelp         ObligationKind = "help"          // help that was promised or asked for (附二, 附四)
)

// ObligationKinds lists every kind.
var ObligationKinds = []ObligationKind{ObligationDelivery, ObligationDifference, ObligationHandover, ObligationStandards,
	ObligationConsent, ObligationSupplement, ObligationReview, ObligationVisit, ObligationSelection, ObligationObjection, ObligationAnswer,
	ObligationCertification, ObligationCityCheck, ObligationCitySupplement, ObligationComplaint,
	ObligationReport, ObligationReportReview, ObligationHearing, ObligationCase, ObligationOpinion, ObligationDuty, ObligationOrder, ObligationHelp}

// LastingObligations are the kinds that are owed also when the cycle from which they come is done.
var LastingObligations = []ObligationKind{ObligationReport, ObligationReportReview, ObligationHearing, ObligationCase, ObligationOpinion,
	ObligationDuty, ObligationOrder, ObligationHelp}

// Lasting says whether an obligation of this kind goes on when its cycle is done.
func (k ObligationKind) Lasting() bool { return slices.Contains(LastingObligations, k) }

// OwnerKind is who owes.
type OwnerKind string

// The owners. The bureau is the department with code BureauCode.
const (
	OwnerDepartment OwnerKind = "department" // Owner is the department's code
	OwnerHousehold  OwnerKind = "household"  // Owner is the household's USCC; reached at the address that the registry holds
	OwnerUser       OwnerKind = "user"       // Owner is the person as an Actor: user:12
	OwnerCity       OwnerKind = "city"       // Owner is CityCode: 市市场监管局
	OwnerAdmins     OwnerKind = "admins"     // Owner is AdminsCode: the bureau's administrators, not its other officers
)

// CityCode is the owner of what 市市场监管局 owes.
const CityCode = "city"

// AdminsCode is the owner of what only the bureau's administrators may see.
const AdminsCode = "admins"

// BureauCode is the department code of 区市场监管局, the administrator of a district's cycles.
const BureauCode = "scjg"

// ObligationState is where an obligation stands.
type ObligationState string

// The states of an obligation.
const (
	ObligationOpen   ObligationState = "open"
	ObligationDone   ObligationState = "done"
	ObligationWaived ObligationState = "waived" // an administrator went on without it, with a reason
	ObligationClosed ObligationState = "closed" // its cycle ended or was cancelled while it was open
)

// Obligation is anything somebody owes by a date; one per (CycleID, Kind, Subject, Owner).
type Obligation struct {
	ID          int64
	CycleID     string
	District    string
	Kind        ObligationKind
	Subject     string // what it is about: a source code, a department, "" …
	OwnerKind   OwnerKind
	Owner       string // department code
	Required    bool   // the stage cannot end without it unless waived
	Title       string // Chinese, without personal data: "交付税务数据（2026年）"
	Clause      string
	Due         calendar.Date
	OpenedOn    calendar.Date
	State       ObligationState
	DoneOn      calendar.Date
	DoneBy      string
	ReasonID    int64 // of a waiver
	Reminded    *int  // the ladder's step of the latest reminder; nil = never reminded for this due date
	RemindedOn  calendar.Date
	EscalatedOn calendar.Date
	UpdatedAt   time.Time
}

// Ladder is when the owner of a kind of obligation is reminded, and when the bureau learns of it, in days
// relative to the due date: [-14, -7, -3, -1, 0, 1, 3, 7]; Escalate 1 = the day after.
type Ladder struct {
	Steps    []int `yaml:"steps" json:"steps"`
	Escalate int   `yaml:"escalate" json:"escalate"`
}

// DueStep gives the latest step of the ladder that has come by today, so that a round that was missed is made
// good once and not once per missed step; ok is false while none has come.
func (l Ladder) DueStep(due, today calendar.Date) (step int, ok bool) {
	for _, s := range l.Steps {
		if due.AddDays(s) <= today && (!ok || s > step) {
			step, ok = s, true
		}
	}
	return step, ok
}

// Escalated says whether the bureau must know by today.
func (l Ladder) Escalated(due, today calendar.Date) bool { return due.AddDays(l.Escalate) <= today }

// DueKey is the plan's date by which an obligation is due, and with which it moves; empty for one whose date is its own.
func DueKey(kind ObligationKind, subject string) calendar.PlanKey {
	switch kind {
	case ObligationDelivery:
		if subject == SourceCityTiering.String() {
			return calendar.PlanCityDue
		}
		return calendar.PlanDataDue
	case ObligationDifference:
		return calendar.PlanStudyDue
	case ObligationHandover:
		return calendar.PlanHandoverDue
	case ObligationStandards:
		return calendar.PlanStandardsDue
	case ObligationReview:
		return calendar.PlanReviewDue
	case ObligationVisit:
		if strings.HasPrefix(subject, visitPrefix) {
			return "" // an arranged visit has its own day
		}
		return calendar.PlanReviewDue
	case ObligationSelection:
		return calendar.PlanSelectionDue
	case ObligationCertification, ObligationCityCheck:
		return calendar.PlanCertificationDue
	}
	return ""
}
