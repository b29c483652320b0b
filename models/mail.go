package models

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"bangfu/models/calendar"
)

// MailKind is why a mail is written.
type MailKind string

// The kinds of mail.
const (
	MailDigest          MailKind = "digest"           // 办事提醒: what the recipient owes, once a morning
	MailEscalation      MailKind = "escalation"       // 逾期督办: who is overdue, to the bureau
	MailConnection      MailKind = "connection"       // 取数故障: a department's source cannot be fetched
	MailCycleStarted    MailKind = "cycle_started"    // 年度工作启动
	MailPlanChanged     MailKind = "plan_changed"     // 计划或政策调整
	MailApplication     MailKind = "application"      // 申报进展: what happened to an application, to its operator or the recommending department
	MailCertified       MailKind = "certified"        // 认定后的事项: what happened to a certification, to its operator or the recommending department
	MailObjection       MailKind = "objection"        // 异议办理: to the operator who objects, or the department asked
	MailAccess          MailKind = "access"           // 登录链接: holds a secret
	MailAccessCode      MailKind = "access_code"      // 登录码发放告知: tells the operator that a code was handed out, without it
	MailNoticeObjection MailKind = "notice_objection" // 公示异议办理: to whoever objects to a notice; its recipient is for the bureau only
	MailOrder           MailKind = "order"            // 督办: an order to the department, its answer to the bureau's administrators
	MailDuty            MailKind = "duty"             // 职责反馈: a report that is sent back, to the department
	MailHelp            MailKind = "help"             // 帮扶办理: what happened to help, to the household or the department
	MailHelpNotice      MailKind = "help_notice"      // 帮扶通知: what a department offers, to each household that it fits
	MailComplaint       MailKind = "complaint"        // 举报投诉答复: to whoever complained and left an address; for the bureau only
)

var mailKindNames = map[MailKind]string{MailDigest: "办事提醒", MailEscalation: "逾期督办", MailConnection: "取数故障", MailCycleStarted: "年度工作启动",
	MailPlanChanged: "计划或政策调整", MailApplication: "申报进展", MailCertified: "认定后的事项", MailObjection: "异议办理", MailAccess: "登录链接", MailAccessCode: "登录码发放告知",
	MailNoticeObjection: "公示异议办理", MailComplaint: "举报投诉答复", MailOrder: "督办", MailDuty: "职责反馈", MailHelp: "帮扶办理", MailHelpNotice: "帮扶通知"}

// Name is the kind in words.
func (k MailKind) Name() string { return mailKindNames[k] }

// BureauOnlyMails are the kinds of which who receives them, and what they say, is for the bureau's eyes alone (三(二)).
var BureauOnlyMails = []MailKind{MailNoticeObjection, MailComplaint}

// BureauOnly says whether the kind is one of BureauOnlyMails.
func (k MailKind) BureauOnly() bool { return slices.Contains(BureauOnlyMails, k) }

// Secret says whether mails of the kind hold a secret: nobody reads them in the outbox, their text is gone once they were sent or
// failed, and they are not tried for longer than the secret works.
func (k MailKind) Secret() bool { return k == MailAccess }

// Message is a mail as it is asked for. It is written once, however often it is asked for.
type Message struct {
	District  string
	CycleID   string // empty when it is about several cycles, or none
	Kind      MailKind
	Recipient string        // one address
	OnDate    calendar.Date // the civil date it speaks of (a rehearsal's, on its clock)
	Subject   string
	HTML      string
	Text      string
	Key       string // what tells messages of one kind, recipient and date apart, such as a command's ID; may be empty
}

// DedupKey is the same for two requests of one message: same district, cycle, kind, recipient, date and key. Each
// field goes in with its length, so that no two different messages agree.
func (m Message) DedupKey() string {
	h := sha256.New()
	for _, field := range []string{m.District, m.CycleID, string(m.Kind), m.Recipient, m.OnDate.String(), m.Key} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(field)))
		h.Write(n[:])
		h.Write([]byte(field))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// About is the case that the message tells of, such as application/12; empty if none. Its key names the case and its event.
func (m Message) About() string {
	at := strings.LastIndexByte(m.Key, '/')
	if at < 0 || m.Kind != MailApplication && m.Kind != MailObjection && m.Kind != MailNoticeObjection {
		return ""
	}
	if _, _, err := ParseDocumentSubject(m.Key[:at]); err != nil {
		return ""
	}
	return m.Key[:at]
}

// Mail is a message in the outbox.
type Mail struct {
	ID int64
	Message
	Case      string // what it is about: Message.About
	MessageID string // the header, the same on every attempt, so that receivers know a repetition
	State     MailState
	Attempts  int
	NextAt    time.Time // when it is tried next; while sending, when the sender is taken for dead
	LastError string    // Chinese or the server's words; never a password
	CreatedAt time.Time
	SentAt    time.Time // zero until the server accepted it
}

// MailState is where a mail stands.
type MailState string

// The states of a mail: queued → sending → sent, or back to queued to be tried again, or failed; failed → queued by
// an administrator.
const (
	MailQueued  MailState = "queued"
	MailSending MailState = "sending"
	MailSent    MailState = "sent"
	MailFailed  MailState = "failed"
)

// MailEvent is what happens to a mail.
type MailEvent string

// The events.
const (
	MailClaimed  MailEvent = "claimed"  // a sender takes it
	MailAccepted MailEvent = "accepted" // the server took it
	MailDeferred MailEvent = "deferred" // the server is away or says later (4xx)
	MailRefused  MailEvent = "refused"  // the server says never (5xx)
	MailResend   MailEvent = "resend"   // an administrator tries again
)

// MailLease is how long a claimed mail belongs to its sender; longer than any attempt can take.
const MailLease = 5 * time.Minute

// mailRetries are the waits after the 1st, 2nd … temporary failure; after the last the mail has failed.
var mailRetries = []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour}

// late says whether the secret in the mail no longer works at a moment.
func (m Mail) late(at time.Time) bool {
	return m.Kind.Secret() && at.After(m.CreatedAt.Add(AccessLinkTime))
}

// Next gives the mail after the event at now: its state, attempts and next time. It is an error (CodeConflict) when the
// event cannot follow, such as claiming what another sender holds.
func (m Mail) Next(event MailEvent, now time.Time) (Mail, error) {
	switch {
	case event == MailClaimed && (m.State == MailQueued || m.State == MailSending) && !m.NextAt.After(now):
		m.State, m.NextAt = MailSending, now.Add(MailLease)
		m.Attempts++
	case event == MailAccepted && m.State == MailSending:
		m.State, m.SentAt, m.LastError = MailSent, now, ""
	case event == MailDeferred && m.State == MailSending && m.Attempts <= len(mailRetries) && !m.late(now.Add(mailRetries[m.Attempts-1])):
		m.State, m.NextAt = MailQueued, now.Add(mailRetries[m.Attempts-1])
	case (event == MailDeferred || event == MailRefused) && m.State == MailSending:
		m.State = MailFailed
	case event == MailResend && m.Kind.Secret():
		return m, Conflict("登录邮件不能重发，请经营者重新获取登录链接")
	case event == MailResend && m.State == MailFailed:
		m.State, m.NextAt, m.Attempts, m.LastError = MailQueued, now, 0, ""
	case event == MailResend:
		return m, Conflict("只有发送失败的邮件可以重发")
	default:
		return m, Conflict("邮件状态已变化（%s），不能执行%s", m.State, event)
	}
	return m, nil
}
