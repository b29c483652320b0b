package models

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"bangfu/models/calendar"
)

// NoticeSubject and NoticeText bound what a notice says, in characters.
const (
	NoticeSubject = 60
	NoticeText    = 2000
)

// HelpNoticeKind is what a notice brings (附二: 对接会、补贴、培训 …).
type HelpNoticeKind string

// The kinds of notices.
const (
	NoticeTraining HelpNoticeKind = "training" // 培训
	NoticeSubsidy  HelpNoticeKind = "subsidy"  // 补贴
	NoticeMatching HelpNoticeKind = "matching" // 对接会
	NoticePolicy   HelpNoticeKind = "policy"   // 政策
	NoticeOwn      HelpNoticeKind = "own"      // 帮扶措施告知: each household its own measures
)

var helpNoticeNames = map[HelpNoticeKind]string{NoticeTraining: "培训通知", NoticeSubsidy: "补贴通知", NoticeMatching: "对接活动通知", NoticePolicy: "政策通知", NoticeOwn: "帮扶措施告知"}

// Name is the kind in words.
func (k HelpNoticeKind) Name() string { return helpNoticeNames[k] }

// HelpNotice is what a department tells every household that a part of a measure fits, without being asked (主动送帮扶). Without a clause
// (NoticeOwn) it is the bureau's, and tells each household what there is for it.
type HelpNotice struct {
	ID          int64
	CycleID     string
	District    string
	Kind        HelpNoticeKind
	Clause      string
	Part        int
	Department  string
	Subject     string
	Body        string
	EventOn     calendar.Date // of what takes place on a day; 0 if none
	OnDate      calendar.Date
	Households  int // that it fits
	Mailed      int
	Unreachable int // without an address in the registry
	Exhausted   int // that had the year's notices already
	ByActor     Actor
	CommandID   string
	RequestHash string
	At          time.Time
	DoneAt      *time.Time
}

// TableName is the table of notices of help.
func (HelpNotice) TableName() string { return "help_notices" }

// HelpNoticeObject names a notice of help in the audit log.
func HelpNoticeObject(id int64) string { return "help_notice/" + strconv.FormatInt(id, 10) }

// Validate refuses what a notice cannot be.
func (n HelpNotice) Validate() error {
	if n.Kind.Name() == "" {
		return Invalid("kind", "没有“%s”这种通知", string(n.Kind))
	}
	if (n.Kind == NoticeOwn) != (n.Clause == "") {
		return Invalid("clause", "帮扶措施告知（own）不写条款，其他通知须写明条款")
	}
	if err := ValidateName("subject", n.Subject, NoticeSubject); err != nil {
		return err
	}
	if strings.IndexFunc(n.Subject, unicode.IsControl) >= 0 {
		return Invalid("subject", "标题应为一行文字")
	}
	if err := validateText("text", n.Body, NoticeText); err != nil {
		return err
	}
	if n.EventOn != 0 && n.EventOn < n.OnDate {
		return Invalid("event_on", "活动日期%s已过", n.EventOn.Chinese())
	}
	return nil
}

// HelpOutcome is what became of a notice for one household.
type HelpOutcome string

// The outcomes.
const (
	NoticeMailed      HelpOutcome = "mailed"
	NoticeUnreachable HelpOutcome = "unreachable" // no address: for the street or the department to tell
	NoticeExhausted   HelpOutcome = "exhausted"   // had the year's notices already
)

// Name is the outcome in words.
func (o HelpOutcome) Name() string {
	switch o {
	case NoticeMailed:
		return "已发邮件"
	case NoticeUnreachable:
		return "没有登记邮箱"
	case NoticeExhausted:
		return "本年通知已达上限"
	}
	return ""
}
