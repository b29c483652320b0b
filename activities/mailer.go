package activities

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/jordan-wright/email"

	"bangfu/models"
)

// Mailer hands mail to an SMTP server. Unchanging and safe for concurrent use.
type Mailer struct {
	host, addr string
	implicit   bool // TLS from the first byte (smtps)
	auth       smtp.Auth
	from       mail.Address
	tls        *tls.Config
	held       string // the directory that takes every mail in place of a server (NewHeldMailer); empty = a server
}

// attemptTimeout bounds one attempt, from dialling to the server's acceptance; it must stay under models.MailLease.
const attemptTimeout = 90 * time.Second

// NewMailer reads smtp://user:password@host:port (STARTTLS where the server offers it) or smtps://…, and the sender.
// The error, in Chinese, never carries the password.
func NewMailer(server, from string) (*Mailer, error) {
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
		return nil, models.Invalid("BANGFU_SMTP", "应为 smtp://用户名:密码@主机:端口 或 smtps://…")
	}
	sender, err := mail.ParseAddress(from)
	if err != nil {
		return nil, models.Invalid("BANGFU_MAIL_FROM", "应为“名称 <地址>”")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"smtp": "25", "smtps": "465"}[u.Scheme]
	}
	m := &Mailer{host: u.Hostname(), addr: net.JoinHostPort(u.Hostname(), port), implicit: u.Scheme == "smtps", from: *sender,
		tls: &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}}
	if password, ok := u.User.Password(); ok {
		m.auth = smtp.PlainAuth("", u.User.Username(), password, m.host)
	}
	return m, nil
}

// Compose gives the mail as it goes over the wire: text and HTML, with the same Message-ID on every attempt, marked
// as sent by a machine so that nobody's holiday notice answers it.
func (m *Mailer) Compose(x models.Mail) ([]byte, error) {
	e := &email.Email{From: m.from.String(), To: []string{x.Recipient}, Subject: x.Subject, Text: []byte(x.Text), HTML: []byte(x.HTML),
		Headers: textproto.MIMEHeader{
			"Message-Id":     {x.MessageID},
			"Auto-Submitted": {"auto-generated"},
			"Date":           {x.CreatedAt.Format(time.RFC1123Z)},
		}}
	b, err := e.Bytes()
	if err != nil {
		return nil, fmt.Errorf("composing mail %d: %w", x.ID, err)
	}
	return b, nil
}

// Send hands one mail to the server. nil means that the server took it.
func (m *Mailer) Send(ctx context.Context, x models.Mail) error {
	body, err := m.Compose(x)
	if err != nil {
		return err
	}
	if m.held != "" {
		return m.hold(x, body)
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	conn, err := m.dial(ctx)
	if err != nil {
		return fmt.Errorf("connecting to the mail server: %w", err)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	c, err := smtp.NewClient(conn, m.host)
	if err != nil {
		return fmt.Errorf("greeting the mail server: %w", err)
	}
	if err := m.secure(c); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return c.Mail(m.from.Address) },
		func() error { return c.Rcpt(x.Recipient) },
		func() error {
			w, err := c.Data()
			if err != nil {
				return err
			}
			if _, err := w.Write(body); err != nil {
				return err
			}
			return w.Close()
		},
	} {
		if err := step(); err != nil {
			return fmt.Errorf("handing over mail %d: %w", x.ID, err)
		}
	}
	_ = c.Quit() // the mail is accepted; how they part does not matter
	return nil
}

func (m *Mailer) dial(ctx context.Context) (net.Conn, error) {
	d := &net.Dialer{Timeout: 20 * time.Second}
	if m.implicit {
		return (&tls.Dialer{NetDialer: d, Config: m.tls}).DialContext(ctx, "tcp", m.addr)
	}
	return d.DialContext(ctx, "tcp", m.addr)
}

// secure takes STARTTLS where offered, and signs in. A password never goes over a connection without TLS, except to
// this machine (smtp.PlainAuth refuses).
func (m *Mailer) secure(c *smtp.Client) error {
	if ok, _ := c.Extension("STARTTLS"); ok && !m.implicit {
		if err := c.StartTLS(m.tls); err != nil {
			return fmt.Errorf("securing the connection to the mail server: %w", err)
		}
	}
	if m.auth == nil {
		return nil
	}
	if err := c.Auth(m.auth); err != nil {
		var answer *textproto.Error
		if errors.As(err, &answer) { // the server may quote what it was told
			return &signInError{code: answer.Code}
		}
		return fmt.Errorf("signing in to the mail server: %w", err)
	}
	return nil
}

// signInError is a refused sign-in: the fault of a setting, so that mails wait for it to be mended.
type signInError struct{ code int }

func (e *signInError) Error() string {
	return fmt.Sprintf("邮件服务器拒绝登录（%d），请检查 BANGFU_SMTP 的用户名和密码", e.code)
}

// verdict says what an attempt's error makes of the mail, and describes it without secrets.
func verdict(err error) (models.MailEvent, string) {
	var answer *textproto.Error
	switch {
	case err == nil:
		return models.MailAccepted, ""
	case errors.As(err, &answer) && answer.Code >= 500:
		return models.MailRefused, fmt.Sprintf("对方服务器拒收（%d）：%s", answer.Code, oneLine(answer.Msg))
	case errors.As(err, &answer):
		return models.MailDeferred, fmt.Sprintf("对方服务器暂不接收（%d）：%s", answer.Code, oneLine(answer.Msg))
	}
	var signIn *signInError
	if errors.As(err, &signIn) {
		return models.MailDeferred, signIn.Error()
	}
	return models.MailDeferred, "邮件服务器连接不上：" + oneLine(err.Error())
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
