package activities

import (
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"os"
	"path/filepath"
	"strings"

	"bangfu/models"
)

// NewHeldMailer makes a mailer that sends nothing: each mail becomes a file of the directory, as it would have gone over the wire, for a
// rehearsal. A mail that is there already is not written again, so that the directory holds each once.
func NewHeldMailer(dir, from string) (*Mailer, error) {
	sender, err := mail.ParseAddress(from)
	if err != nil {
		return nil, models.Invalid("BANGFU_MAIL_FROM", "应为“名称 <地址>”")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of held mail: %w", err)
	}
	return &Mailer{from: *sender, held: dir}, nil
}

func (m *Mailer) hold(x models.Mail, body []byte) error {
	id, _, _ := strings.Cut(strings.TrimPrefix(x.MessageID, "<"), "@")
	name := filepath.Join(m.held, fmt.Sprintf("%06d-%s.eml", x.ID, filepath.Base(id)))
	if err := os.WriteFile(name+".new", body, 0o600); err != nil {
		return fmt.Errorf("holding mail %d: %w", x.ID, err)
	}
	defer func() { _ = os.Remove(name + ".new") }()
	if err := os.Link(name+".new", name); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("holding mail %d: %w", x.ID, err)
	}
	return nil
}
