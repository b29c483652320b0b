package mailcatcher

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Summary is a mail in the list.
type Summary struct {
	ID      string    `json:"id"`
	From    string    `json:"from"`
	To      []string  `json:"to"`
	Subject string    `json:"subject"`
	Date    time.Time `json:"date"` // of arrival
	Size    int64     `json:"size"`
}

// Message is a mail, taken apart.
type Message struct {
	Summary
	Headers map[string][]string `json:"headers"`
	Text    string              `json:"text"`
	HTML    string              `json:"html"`
}

// names are those of keep, so that no request names another file.
var names = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}\.[0-9]{6}-[0-9]{6}$`)

var errNoMail = errors.New("没有这封邮件")

// list gives up to limit mails, newest first, that arrived before the one with id before (empty = all), whose
// recipients contain to.
func (b *mailbox) list(to, before string, limit int) ([]Summary, error) {
	entries, err := os.ReadDir(b.dir) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("reading the mails: %w", err)
	}
	list := []Summary{}
	for _, e := range slices.Backward(entries) {
		id, ok := strings.CutSuffix(e.Name(), ".eml")
		if !ok || !names.MatchString(id) || before != "" && id >= before {
			continue
		}
		m, err := b.read(id, false)
		if err != nil {
			continue // taken away meanwhile
		}
		if to != "" && !slices.ContainsFunc(m.To, func(a string) bool { return strings.Contains(strings.ToLower(a), strings.ToLower(to)) }) {
			continue
		}
		if list = append(list, m.Summary); len(list) == limit {
			break
		}
	}
	return list, nil
}

// open gives the file of a mail.
func (b *mailbox) open(id string) (*os.File, error) {
	if !names.MatchString(id) {
		return nil, errNoMail
	}
	f, err := os.Open(filepath.Join(b.dir, id+".eml")) //nolint:gosec // id is matched against the catcher's own names before
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoMail
	}
	return f, err
}

// read takes a mail apart; its bodies only if asked. A mail that is not one is shown as text, whole.
func (b *mailbox) read(id string, bodies bool) (Message, error) {
	f, err := b.open(id)
	if err != nil {
		return Message{}, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return Message{}, err
	}
	arrived, _ := time.Parse("20060102T150405.000000", id[:strings.LastIndexByte(id, '-')])
	m := Message{Summary: Summary{ID: id, To: []string{}, Date: arrived, Size: info.Size()}}
	parsed, err := mail.ReadMessage(f)
	if err != nil {
		m.Subject = "（不是合规的邮件）"
		if bodies {
			raw, err := os.ReadFile(f.Name())
			if err != nil {
				return m, err
			}
			m.Text = strings.ToValidUTF8(string(raw), "�")
		}
		return m, nil
	}
	m.From, m.Subject = decode(parsed.Header.Get("From")), decode(parsed.Header.Get("Subject"))
	if to, err := parsed.Header.AddressList("To"); err == nil {
		for _, a := range to {
			m.To = append(m.To, a.Address)
		}
	}
	if bodies {
		m.Headers = map[string][]string{}
		for k, vs := range parsed.Header {
			for _, v := range vs {
				m.Headers[k] = append(m.Headers[k], decode(v))
			}
		}
		m.take(parsed.Header.Get("Content-Type"), parsed.Header.Get("Content-Transfer-Encoding"), parsed.Body, 0)
	}
	return m, nil
}

// take finds the first text and the first HTML part, at most a few levels deep.
func (m *Message) take(contentType, encoding string, body io.Reader, depth int) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && depth < 5 {
		parts := multipart.NewReader(body, params["boundary"])
		for range 100 {
			p, err := parts.NextRawPart()
			if err != nil {
				return
			}
			m.take(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, depth+1)
		}
		return
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	raw, _ := io.ReadAll(io.LimitReader(body, maxMail)) // what can be read is shown
	text := strings.ToValidUTF8(string(raw), "�")
	switch {
	case kind == "text/html" && m.HTML == "":
		m.HTML = text
	case kind == "text/plain" && m.Text == "":
		m.Text = text
	}
}

func decode(s string) string {
	d, err := new(mime.WordDecoder).DecodeHeader(s)
	if err != nil {
		return strings.ToValidUTF8(s, "�")
	}
	return d
}
