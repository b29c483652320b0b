package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/store"
	"bangfu/workflows"
)

// MailView is a mail of the outbox.
type MailView struct {
	ID        int64  `json:"id"`
	District  string `json:"district"`
	Cycle     string `json:"cycle,omitempty"`
	Kind      string `json:"kind" enum:"digest,escalation,connection,cycle_started,plan_changed,application,objection,notice_objection,access,access_code,complaint"`
	Recipient string `json:"recipient"`
	On        string `json:"on" doc:"邮件所述日期；演练时为模拟日期"`
	Subject   string `json:"subject"`
	State     string `json:"state" enum:"queued,sending,sent,failed"`
	Attempts  int    `json:"attempts" doc:"已尝试次数"`
	NextAt    string `json:"next_at,omitempty" doc:"下一次尝试"`
	LastError string `json:"last_error,omitempty"`
	CreatedAt string `json:"created_at"`
	SentAt    string `json:"sent_at,omitempty" doc:"邮件服务器接收的时刻"`
}

// MailDetail is a mail with what it says.
type MailDetail struct {
	MailView
	MessageID string `json:"message_id"`
	Text      string `json:"text"`
	HTML      string `json:"html"`
}

func viewMail(m models.Mail) MailView {
	v := MailView{ID: m.ID, District: m.District, Cycle: m.CycleID, Kind: string(m.Kind), Recipient: m.Recipient, On: m.OnDate.String(),
		Subject: m.Subject, State: string(m.State), Attempts: m.Attempts, LastError: m.LastError, CreatedAt: moment(m.CreatedAt)}
	if m.State == models.MailQueued {
		v.NextAt = moment(m.NextAt)
	}
	if !m.SentAt.IsZero() {
		v.SentAt = moment(m.SentAt)
	}
	return v
}

func (s *Server) registerMails() {
	tags := []string{"邮件"}
	register(s, overseers, huma.Operation{OperationID: "list-mails", Method: http.MethodGet, Path: "/api/v1/mails", Summary: "邮件列表，最新在前", Tags: tags}, s.listMails)
	register(s, overseers, huma.Operation{OperationID: "get-mail", Method: http.MethodGet, Path: "/api/v1/mails/{id}", Summary: "一封邮件", Tags: tags}, s.getMail)
	register(s, admins, huma.Operation{OperationID: "resend-mail", Method: http.MethodPost, Path: "/api/v1/mails/{id}/resend", Summary: "重发发送失败的邮件", Tags: tags}, s.resendMail)
}

func (s *Server) listMails(ctx context.Context, u models.User, in *struct {
	PageInput
	State     string `query:"state" enum:"queued,sending,sent,failed"`
	Recipient string `query:"recipient" maxLength:"200"`
}) (*struct{ Body Page[MailView] }, error) {
	f := store.MailFilter{District: u.District, State: models.MailState(in.State), Recipient: in.Recipient}
	if !u.Bureau() { // who objects to a notice or complains stays confidential (三(二))
		f.Without = models.BureauOnlyMails
	}
	list, err := s.Store.Mails(ctx, f, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[MailView] }{newPage(list, in.Limit, viewMail, func(m models.Mail) any { return m.ID })}, nil
}

func (s *Server) getMail(ctx context.Context, u models.User, in *struct {
	ID int64 `path:"id" minimum:"1"`
}) (*struct{ Body MailDetail }, error) {
	return s.mail(ctx, u, in.ID)
}

func (s *Server) mail(ctx context.Context, u models.User, id int64) (*struct{ Body MailDetail }, error) {
	m, err := s.Store.Mail(ctx, id)
	if err == nil {
		err = inDistrict(u, m.District)
	}
	if err == nil && m.Kind.BureauOnly() && !u.Bureau() {
		err = models.NotFound("没有编号为 %d 的邮件", id)
	}
	if err != nil {
		return nil, err
	}
	if m.Kind.Secret() {
		m.Text, m.HTML = "登录邮件的内容不予显示。", ""
	}
	return &struct{ Body MailDetail }{MailDetail{MailView: viewMail(m), MessageID: m.MessageID, Text: m.Text, HTML: m.HTML}}, nil
}

// resendMail puts the mail back into the queue; when the engine is away it goes out when the sender is woken next, by
// a morning round or a worker that starts.
func (s *Server) resendMail(ctx context.Context, u models.User, in *struct {
	ID int64 `path:"id" minimum:"1"`
}) (*struct{ Body MailDetail }, error) {
	if _, err := s.mail(ctx, u, in.ID); err != nil {
		return nil, err
	}
	if err := s.Store.ResendMail(ctx, u.Actor(), in.ID); err != nil {
		return nil, err
	}
	s.wakeOutbox(ctx)
	return s.mail(ctx, u, in.ID)
}

// wakeOutbox tells the sender that there is mail; without an engine, mail waits for a worker that starts.
func (s *Server) wakeOutbox(ctx context.Context) {
	if s.Temporal == nil {
		return
	}
	if err := workflows.WakeOutbox(ctx, s.Temporal); err != nil {
		s.Options.Logger.WarnContext(ctx, "mail waits for its sender", "error", err)
	}
}
