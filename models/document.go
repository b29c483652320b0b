package models

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits on documents of people, beside those of one file (package document).
const (
	MaxDocuments      = 20        // of one application, objection or visit
	MaxHouseholdBytes = 300 << 20 // of all documents about one household
)

// DocumentPurpose is what a document is handed in for.
type DocumentPurpose string

// The purposes.
const (
	PurposeEvidence     DocumentPurpose = "evidence"     // 佐证材料; of a case about a certification: the bureau's evidence, which the household sees when it is heard
	PurposePhoto        DocumentPurpose = "photo"        // 走访照片; pictures only
	PurposeConfidential DocumentPurpose = "confidential" // 保密证据: of such a case, for the bureau only (who told of it must not be found out)
	PurposeStatement    DocumentPurpose = "statement"    // 陈述申辩材料: of such a case, the household's
)

// Name is the purpose in words.
func (p DocumentPurpose) Name() string {
	switch p {
	case PurposePhoto:
		return "走访照片"
	case PurposeConfidential:
		return "保密证据"
	case PurposeStatement:
		return "陈述申辩材料"
	}
	return "佐证材料"
}

// Document is one file that somebody handed in, as it is kept: checked and written anew.
type Document struct {
	ID        string // not to be guessed
	District  string
	Subject   string // ApplicationObject, ObjectionObject, VisitObject, DutyObject or OrderObject
	USCC      string `gorm:"column:uscc"` // the household that it is about; empty for what a department did
	Purpose   DocumentPurpose
	Name      string // a label
	MediaType string
	Size      int64
	SHA256    string `gorm:"column:sha256"` // of the content as kept
	ByActor   Actor
	At        time.Time
}

// DocumentCase is the case that documents belong to; exactly one of the pointers but for a visit, which has its application too.
type DocumentCase struct {
	Subject     string
	District    string
	USCC        string
	Application *Application
	Objection   *Objection
	Visit       *Visit
	Duty        *Obligation
	Order       *Order
	Help        *Help
	Consent     *Consent
	Case        *Case
	Report      *Report
	Department  string    // of a report: the one that recommended the household
	LastEvent   time.Time // of the case: what was handed in before it has been submitted
	CityAsks    bool      // the city waits for supplements to the certification (附三(二)2)
}

// ParseDocumentSubject splits a subject such as application/12.
func ParseDocumentSubject(subject string) (kind string, id int64, err error) {
	kind, number, _ := strings.Cut(subject, "/")
	id, err = strconv.ParseInt(number, 10, 64)
	if err != nil || !slices.Contains([]string{"application", "objection", "visit", "duty", "order", "help", "consent", "case", "report"}, kind) {
		return "", 0, NotFound("没有“%s”这个事项", subject)
	}
	return kind, id, nil
}

// hidden answers who may not know of a case as if it were not there.
func hidden() error { return NotFound("没有这项材料，或不在您的职责范围内") }

// MayRead refuses who may not see the case's documents: they are for the household itself, who entered or recommended it, its
// department, the bureau, the city and auditors. Evidence against a public notice is confidential (三(二)): for its author and the bureau.
func (c DocumentCase) MayRead(u User) error {
	if !u.InDistrict(c.District) {
		return hidden()
	}
	if department := c.department(); department != "" { // what a department did or answered
		if u.Bureau() || u.Role == RoleCity || u.Role == RoleAuditor || u.Role == RoleDepartment && u.Department == department {
			return nil
		}
		return hidden()
	}
	switch {
	case c.Help != nil:
		return c.Help.MayRead(u)
	case c.Consent != nil:
		return c.Consent.MayRead(u)
	case c.Case != nil:
		return c.Case.mayReadDocuments(u)
	case c.Report != nil:
		return c.Report.MayRead(u, c.Department)
	}
	confidential := c.Objection != nil && c.Objection.Kind == ObjectionNotice
	switch {
	case u.Bureau():
		return nil
	case u.Role == RoleOperator:
		if c.Application != nil && c.Visit == nil && c.USCC == u.USCC || c.Objection != nil && c.Objection.ByActor == u.Actor() {
			return nil
		}
	case confidential:
	case u.Role == RoleCity || u.Role == RoleAuditor:
		return nil
	case u.Role == RoleDepartment:
		if c.Application != nil && c.Visit == nil && (c.Application.Department == u.Department || c.Application.EnteredBy == u.Actor() || c.Application.RecommendedBy == u.Actor()) ||
			c.Objection != nil && c.Objection.Department == u.Department {
			return nil
		}
	}
	return hidden()
}

// MaySee refuses who may not see one of the documents: confidential evidence is for the bureau only.
func (c DocumentCase) MaySee(u User, d Document) error {
	if err := c.MayRead(u); err != nil {
		return err
	}
	if d.Purpose == PurposeConfidential && !u.Bureau() {
		return hidden()
	}
	return nil
}

// department is the department whose duty or order it is; empty for every other case.
func (c DocumentCase) department() string {
	switch {
	case c.Duty != nil:
		return c.Duty.Owner
	case c.Order != nil:
		return c.Order.Department
	}
	return ""
}

// MayAdd refuses who may not hand in documents, or not now: the operator for a draft or a supplement and for an own objection that is
// not settled, officers for the draft or a supplement of what they entered or recommend, the visitors for a visit
// that is not signed, the bureau for what the city asks, a department for its duty or order while a report or answer is owed.
func (c DocumentCase) MayAdd(u User, purpose DocumentPurpose) error {
	if err := c.MayRead(u); err != nil {
		return err
	}
	if (purpose == PurposePhoto) != (c.Visit != nil) {
		return Invalid("purpose", "走访上传照片（photo），申报和异议上传佐证材料（evidence）")
	}
	switch {
	case c.Help != nil:
		return c.Help.MayAddDocument(u)
	case c.Consent != nil:
		return c.Consent.MayAddDocument(u)
	case c.Case != nil:
		return c.Case.mayAddDocument(u, purpose)
	case c.Report != nil:
		return c.Report.MayWrite(u, c.Department)
	case c.Duty != nil:
		if err := c.Duty.MayReport(u); err != nil {
			return err
		}
		if c.Duty.State != ObligationOpen {
			return Conflict("该项职责%s，不能再上传材料", DutyStateName(c.Duty.State))
		}
	case c.Order != nil:
		if err := c.Order.MayAnswer(u); err != nil {
			return err
		}
		if !c.Order.State.Owed() {
			return Conflict("该件督办%s，不能再上传材料", c.Order.State.Name())
		}
	case c.Visit != nil:
		if err := c.Visit.MadeBy(u.Actor()); err != nil {
			return err
		}
		if !c.Visit.State.Open() {
			return Conflict("走访%s，不能再上传照片", c.Visit.State.Name())
		}
	case c.Objection != nil:
		if c.Objection.ByActor != u.Actor() {
			return Errorf(CodeForbidden, "只有异议人可以上传佐证材料")
		}
		if !c.Objection.State.Live() {
			return Conflict("该异议%s，不能再上传佐证材料", c.Objection.State.Name())
		}
	case u.Bureau() && c.CityAsks:
	case u.Role != RoleOperator && u.Actor() != c.Application.EnteredBy && u.Actor() != c.Application.RecommendedBy:
		return Errorf(CodeForbidden, "只有申报人和录入、推荐该申报件的人可以上传佐证材料")
	case c.Application.State != ApplicationDraft && c.Application.State != ApplicationSupplement:
		return Conflict("申报件现为“%s”，只能在草稿或要求补充材料时上传", c.Application.State.Name())
	}
	return nil
}

// MayDelete refuses everyone but who handed the document in, and what has been submitted: it is part of the record.
func (c DocumentCase) MayDelete(u User, d Document) error {
	if err := c.MayRead(u); err != nil {
		return err
	}
	if d.ByActor != u.Actor() {
		return Errorf(CodeForbidden, "只有上传人可以删除")
	}
	if c.Consent != nil {
		return Conflict("签字的同意书存档后不能删除；有误的，请撤回同意后重新登记")
	}
	if err := c.MayAdd(u, d.Purpose); err != nil {
		return err
	}
	if !d.At.After(c.LastEvent) {
		return Conflict("已随申报、异议或走访记录提交的材料不能删除")
	}
	return nil
}
