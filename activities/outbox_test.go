package activities_test

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/jordan-wright/email"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// post is a real mail server that answers as it is told.
type post struct {
	addr string

	mu     sync.Mutex
	got    []string
	answer func(to string) error // nil = takes everything
}

func newPost(t *testing.T) *post {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &post{addr: l.Addr().String()}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &postSession{post: p}, nil }))
	server.AllowInsecureAuth = true
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.NoError(t, <-served)
	})
	return p
}

func (p *post) mails() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.got...)
}

type postSession struct{ post *post }

func (*postSession) Reset()                               {}
func (*postSession) Logout() error                        { return nil }
func (*postSession) Mail(string, *smtp.MailOptions) error { return nil }
func (*postSession) AuthMechanisms() []string             { return []string{sasl.Plain} }
func (*postSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user == "bangfu" && password == "right" {
			return nil
		}
		return &smtp.SMTPError{Code: 535, Message: "no: " + password}
	}), nil
}

func (s *postSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.post.mu.Lock()
	defer s.post.mu.Unlock()
	if s.post.answer == nil {
		return nil
	}
	return s.post.answer(to)
}

func (s *postSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.post.mu.Lock()
	defer s.post.mu.Unlock()
	s.post.got = append(s.post.got, string(b))
	return err
}

func enqueue(t *testing.T, s *store.Store, to ...string) {
	t.Helper()
	for _, a := range to {
		_, err := s.Enqueue(context.Background(), models.Message{District: shijingshan, Kind: models.MailDigest, Recipient: a, OnDate: calendar.MustDate("2026-06-29"),
			Subject: "【帮扶】2 项工作待完成，最早2026年6月30日到期", HTML: "<p>交付税务数据</p>", Text: "交付税务数据"})
		require.NoError(t, err)
	}
}

func sendMails(t *testing.T, s *store.Store, server string) activities.SendResult {
	t.Helper()
	mailer, err := activities.NewMailer(server, "帮扶系统 <bangfu@example.cn>")
	require.NoError(t, err)
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetTestTimeout(time.Minute)
	a := &activities.Outboxes{Store: s, Mailer: mailer}
	env.RegisterActivity(a)
	v, err := env.ExecuteActivity(a.SendMails)
	require.NoError(t, err)
	var r activities.SendResult
	require.NoError(t, v.Get(&r))
	return r
}

func TestAMailArrivesOnceInChineseAsTextAndHTML(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		p := newPost(t)
		enqueue(t, s, "tax@example.cn")
		r := sendMails(t, s, "smtp://bangfu:right@"+p.addr)
		require.Equal(t, activities.SendResult{Sent: 1}, r)
		require.Equal(t, activities.SendResult{}, sendMails(t, s, "smtp://bangfu:right@"+p.addr), "and never again")
		require.Len(t, p.mails(), 1)

		raw := p.mails()[0]
		m, err := mail.ReadMessage(strings.NewReader(raw))
		require.NoError(t, err)
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		require.NoError(t, err)
		require.Equal(t, "【帮扶】2 项工作待完成，最早2026年6月30日到期", subject)
		from, err := m.Header.AddressList("From")
		require.NoError(t, err)
		require.Equal(t, mail.Address{Name: "帮扶系统", Address: "bangfu@example.cn"}, *from[0])
		require.Equal(t, "auto-generated", m.Header.Get("Auto-Submitted"))
		_, err = m.Header.Date()
		require.NoError(t, err)
		kept, err := s.Mails(context.Background(), store.MailFilter{}, 0, 1)
		require.NoError(t, err)
		require.Equal(t, kept[0].MessageID, m.Header.Get("Message-Id"))
		for line := range strings.SplitSeq(raw, "\r\n") {
			require.LessOrEqual(t, len(line), 998)
		}
		parsed, err := email.NewEmailFromReader(bytes.NewReader([]byte(raw)))
		require.NoError(t, err)
		require.Equal(t, "交付税务数据", strings.TrimSpace(string(parsed.Text)))
		require.Equal(t, "<p>交付税务数据</p>", strings.TrimSpace(string(parsed.HTML)))
	})
}

func TestARefusedMailFailsAtOnceAndALaterOneIsTriedAgain(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		p := newPost(t)
		p.answer = func(to string) error {
			switch to {
			case "gone@example.cn":
				return &smtp.SMTPError{Code: 550, Message: "no such user"}
			case "full@example.cn":
				return &smtp.SMTPError{Code: 452, Message: "mailbox full"}
			}
			return nil
		}
		enqueue(t, s, "gone@example.cn", "full@example.cn", "good@example.cn")
		r := sendMails(t, s, "smtp://"+p.addr)
		require.Equal(t, 1, r.Sent)
		require.Equal(t, 1, r.Failed)
		require.Equal(t, 1, r.Deferred)
		require.True(t, r.Pending)
		require.WithinDuration(t, time.Now().Add(time.Minute), r.NextAt, 30*time.Second)
		list, err := s.Mails(context.Background(), store.MailFilter{}, 0, 10)
		require.NoError(t, err)
		for _, m := range list {
			switch m.Recipient {
			case "gone@example.cn":
				require.Equal(t, models.MailFailed, m.State)
				require.Contains(t, m.LastError, "拒收（550）：5.0.0 no such user")
			case "full@example.cn":
				require.Equal(t, models.MailQueued, m.State)
				require.Contains(t, m.LastError, "暂不接收（452）")
			default:
				require.Equal(t, models.MailSent, m.State)
			}
		}
		require.Len(t, p.mails(), 1, "one bad address keeps no other from its mail")
	})
}

func TestAnAbsentServerOrAWrongPasswordLosesNoMailAndNoSecret(t *testing.T) {
	s, err := store.Open(context.Background(), storetest.SQLite(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	p := newPost(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	absent := l.Addr().String()
	require.NoError(t, l.Close())
	for to, server := range map[string]string{"a@example.cn": "smtp://bangfu:s3cret@" + p.addr, "b@example.cn": "smtp://bangfu:s3cret@" + absent} {
		enqueue(t, s, to)
		require.Equal(t, 1, sendMails(t, s, server).Deferred, server)
	}
	list, err := s.Mails(context.Background(), store.MailFilter{}, 0, 10)
	require.NoError(t, err)
	require.Len(t, list, 2)
	for _, m := range list {
		require.Equal(t, models.MailQueued, m.State)
		require.NotEmpty(t, m.LastError)
		require.NotContains(t, m.LastError, "s3cret")
	}
	require.Empty(t, p.mails())
	for _, bad := range []string{"", "http://x:25", "smtp://:s3cret@", "smtp://u:s3cret@h:port"} {
		_, err := activities.NewMailer(bad, "bangfu@example.cn")
		require.Equal(t, models.CodeInvalid, models.CodeOf(err), bad)
		require.NotContains(t, err.Error(), "s3cret")
	}
	_, err = activities.NewMailer("smtp://h:25", "nobody")
	require.Error(t, err)
}
