package models

import (
	"strconv"
	"time"

	"bangfu/models/calendar"
)

// ConsentScope is what a household consents to.
type ConsentScope string

// ConsentBankList is the household's standing on the list of Growth households for the banks (附二(二)3).
const ConsentBankList ConsentScope = "bank_list"

// Name is the scope in words.
func (s ConsentScope) Name() string {
	if s == ConsentBankList {
		return "列入向驻区银行推介的“成长型”个体工商户名单"
	}
	return ""
}

// ConsentHow is how a consent was given.
type ConsentHow string

// The ways.
const (
	ConsentOnline ConsentHow = "online" // by the operator, signed in
	ConsentPaper  ConsentHow = "paper"  // on paper: it counts once the signed paper is on record
)

// Name is the way in words.
func (h ConsentHow) Name() string {
	if h == ConsentPaper {
		return "书面"
	}
	return "经营者登录后同意"
}

// Consent is a household's consent (同意) to a use of its data, until it is withdrawn.
type Consent struct {
	ID          int64
	District    string
	USCC        string `gorm:"column:uscc"`
	Scope       ConsentScope
	Contact     bool // also to handing on how the household is reached
	How         ConsentHow
	GivenOn     calendar.Date
	ByActor     Actor
	Standing    *int // 1 until it is withdrawn, nil afterwards: one of a scope at a time
	WithdrawnOn calendar.Date
	WithdrawnBy Actor
	At          time.Time
	Proven      bool `gorm:"->;-:migration"` // a paper one's document is on record; true for one given online
}

// TableName is the table of consents.
func (Consent) TableName() string { return "consents" }

// ConsentObject names a consent in the audit log and as the subject of its signed paper.
func ConsentObject(id int64) string { return "consent/" + strconv.FormatInt(id, 10) }

// MayRead refuses who may not see the consent: it is for the household, the bureau, who entered it, the city and auditors.
func (c Consent) MayRead(u User) error {
	if u.InDistrict(c.District) && (u.Bureau() || u.Role == RoleCity || u.Role == RoleAuditor || u.Actor() == c.ByActor || u.Role == RoleOperator && u.USCC == c.USCC) {
		return nil
	}
	return NotFound("没有这项同意，或不在您的职责范围内")
}

// MayAddDocument refuses a signed paper from others than who entered the consent, and for one that stands no more or was given online.
func (c Consent) MayAddDocument(u User) error {
	switch {
	case u.Actor() != c.ByActor || c.How != ConsentPaper:
		return Errorf(CodeForbidden, "书面同意书由登记该项同意的人上传")
	case c.Standing == nil:
		return Conflict("该项同意已撤回，不能再上传同意书")
	}
	return nil
}

// BankList is one hand-over of the list of Growth households to a bank (附二(二)3).
type BankList struct {
	ID         int64
	CycleID    string
	District   string
	Bank       string // to whom
	Growth     int    // Growth households
	Households int    // of them on the list
	Contacts   int    // of them with how they are reached
	SHA256     string `gorm:"column:sha256"`
	OnDate     calendar.Date
	ByActor    Actor
	At         time.Time
}

// TableName is the table of hand-overs to banks.
func (BankList) TableName() string { return "bank_lists" }

// BankListObject names a hand-over to a bank in the audit log.
func BankListObject(id int64) string { return "bank_list/" + strconv.FormatInt(id, 10) }

// BankListEntry is one household of a list. What the household did not consent to is empty.
type BankListEntry struct {
	USCC   string `gorm:"column:uscc"`
	Name   string
	Street string
	Email  string
	Phone  string
}
