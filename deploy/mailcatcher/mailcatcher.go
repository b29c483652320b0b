// Package mailcatcher is a mail server for one machine that delivers nothing: it keeps every mail as a file and shows
// it, so that a development stack or a rehearsal can be watched without anybody getting mail.
package mailcatcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

// maxMail is the largest mail that is taken, in bytes.
const maxMail = 32 << 20

// Options say where the catcher listens and keeps mail. Addresses must be of this machine; port 0 takes a free one.
type Options struct {
	SMTPAddr string
	HTTPAddr string
	Dir      string // one .eml file per mail
}

// Catcher is a running mail catcher.
type Catcher struct {
	SMTPAddr string // as listened on
	HTTPAddr string

	smtp *smtp.Server
	http *http.Server
	done chan error
}

// Start listens, and serves until ctx is done. An address that is taken or not of this machine is an error.
func Start(ctx context.Context, o Options) (*Catcher, error) {
	box, err := openMailbox(o.Dir)
	if err != nil {
		return nil, err
	}
	mail, err := listen(ctx, o.SMTPAddr)
	if err != nil {
		return nil, fmt.Errorf("mail catcher: SMTP: %w", err)
	}
	web, err := listen(ctx, o.HTTPAddr)
	if err != nil {
		_ = mail.Close()
		return nil, fmt.Errorf("mail catcher: HTTP: %w", err)
	}
	c := &Catcher{SMTPAddr: mail.Addr().String(), HTTPAddr: web.Addr().String(), done: make(chan error, 2)}
	c.smtp = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{box: box}, nil }))
	c.smtp.Domain = "mailcatcher.localhost"
	c.smtp.MaxMessageBytes = maxMail
	c.smtp.MaxRecipients = 100
	c.smtp.ReadTimeout, c.smtp.WriteTimeout = time.Minute, time.Minute
	c.http = &http.Server{Handler: box.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute}

	go func() { c.done <- ignore(c.smtp.Serve(mail), smtp.ErrServerClosed) }()
	go func() { c.done <- ignore(c.http.Serve(web), http.ErrServerClosed) }()
	context.AfterFunc(ctx, func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = c.smtp.Shutdown(stop)
		_ = mail.Close() // Shutdown closes only a listener that Serve has already taken up
		_ = c.http.Shutdown(stop)
	})
	return c, nil
}

// Wait waits until both servers have ended and gives the first failure, nil after an ordinary stop.
func (c *Catcher) Wait() error { return errors.Join(<-c.done, <-c.done) }

func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// listen takes only addresses of this machine: the catcher knows no passwords.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("address %q is not of this machine (127.0.0.1)", addr)
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
}

// session takes mails from one client.
type session struct {
	box *mailbox
	to  []string
}

func (s *session) Reset()        { s.to = nil }
func (s *session) Logout() error { return nil }

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		return err
	}
	if err := s.box.keep(b.Bytes()); err != nil {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "the mail could not be kept"}
	}
	return nil
}

// mailbox is the directory of mails.
type mailbox struct {
	dir string
	seq atomic.Int64
}

func openMailbox(dir string) (*mailbox, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("mail catcher: making its directory: %w", err)
	}
	return &mailbox{dir: dir}, nil
}

// keep writes a mail whole or not at all; names sort by time of arrival.
func (b *mailbox) keep(mail []byte) error {
	f, err := os.CreateTemp(b.dir, ".arriving-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // nothing is there any more once it has its name
	_, err = f.Write(mail)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	for {
		name := fmt.Sprintf("%s-%06d.eml", time.Now().UTC().Format("20060102T150405.000000"), b.seq.Add(1)%1_000_000)
		err := os.Link(f.Name(), filepath.Join(b.dir, name)) // unlike a rename, never over another mail
		if !errors.Is(err, os.ErrExist) {
			return err
		}
	}
}
