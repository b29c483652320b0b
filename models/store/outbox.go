package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
	"bangfu/models/calendar"
)

// mailRow is a row of outbox.
type mailRow struct {
	ID        int64 `gorm:"primaryKey"`
	DedupKey  string
	District  string
	CycleID   string
	Kind      models.MailKind
	Recipient string
	OnDate    calendar.Date
	Subject   string
	HTML      string `gorm:"column:html"`
	Text      string
	MessageID string
	About     string // the case that it is about
	State     models.MailState
	Attempts  int
	NextAt    time.Time
	LastError string
	CreatedAt time.Time
	SentAt    *time.Time
}

func (mailRow) TableName() string { return "outbox" }

func (r mailRow) mail() models.Mail {
	m := models.Mail{ID: r.ID, Case: r.About, MessageID: r.MessageID, State: r.State, Attempts: r.Attempts, NextAt: r.NextAt, LastError: r.LastError, CreatedAt: r.CreatedAt,
		Message: models.Message{District: r.District, CycleID: r.CycleID, Kind: r.Kind, Recipient: r.Recipient, OnDate: r.OnDate, Subject: r.Subject, HTML: r.HTML, Text: r.Text}}
	if r.SentAt != nil {
		m.SentAt = *r.SentAt
	}
	return m
}

// Enqueue writes mails that are to be sent; a message that is there already (DedupKey) is left as it is. added counts
// the new ones. Whoever enqueues wakes the sender (workflows.WakeOutbox).
func (s *Store) Enqueue(ctx context.Context, msgs ...models.Message) (added int, err error) {
	err = s.tx(ctx, func(tx *gorm.DB) error {
		added, err = s.enqueue(tx, msgs...)
		return err
	})
	return added, err
}

func (s *Store) enqueue(tx *gorm.DB, msgs ...models.Message) (added int, err error) {
	now := s.now()
	for _, m := range msgs {
		if err := models.ValidateEmail("recipient", m.Recipient); err != nil {
			return added, fmt.Errorf("enqueuing a mail: %w", err)
		}
		if m.OnDate.IsZero() || m.District == "" {
			return added, errors.New("enqueuing a mail: district and date are required")
		}
		key, next := m.DedupKey(), now
		if m.Kind.Secret() { // before whatever waits: somebody sits in front of it
			next = now.AddDate(-1, 0, 0)
		}
		res := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&mailRow{DedupKey: key, District: m.District, CycleID: m.CycleID, Kind: m.Kind,
			Recipient: m.Recipient, OnDate: m.OnDate, Subject: m.Subject, HTML: m.HTML, Text: m.Text,
			MessageID: "<" + key[:40] + "@bangfu.invalid>", About: m.About(), State: models.MailQueued, NextAt: next, CreatedAt: now})
		if res.Error != nil {
			return added, fmt.Errorf("enqueuing a mail: %w", res.Error)
		}
		added += int(res.RowsAffected)
	}
	return added, nil
}

// MailsAbout gives the mails about some cases (ApplicationObject, ObjectionObject), in order, without what they say.
func (s *Store) MailsAbout(ctx context.Context, cases ...string) ([]models.Mail, error) {
	var rows []mailRow
	err := s.db.WithContext(ctx).Select("id, district, cycle_id, kind, recipient, on_date, about, state, created_at, sent_at").Where("about IN ?", cases).Order("id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading the mails about %v: %w", cases, err)
	}
	mails := make([]models.Mail, len(rows))
	for i, r := range rows {
		mails[i] = r.mail()
	}
	return mails, nil
}

// ClaimMail takes the mail that has been due longest, for models.MailLease; ok is false when none is due. Two senders
// never get the same one.
func (s *Store) ClaimMail(ctx context.Context) (m models.Mail, ok bool, err error) {
	for {
		row, found, err := s.dueMail(ctx)
		if err != nil || !found {
			return models.Mail{}, false, err
		}
		next, err := row.mail().Next(models.MailClaimed, s.now())
		if err != nil {
			return models.Mail{}, false, err
		}
		taken, err := s.moveMail(s.db.WithContext(ctx), row, next)
		if err != nil || taken {
			return next, taken, err
		}
	}
}

// dueMail looks for a due mail, first those that wait, then those whose sender is gone.
func (s *Store) dueMail(ctx context.Context) (row mailRow, found bool, err error) {
	for _, state := range []models.MailState{models.MailQueued, models.MailSending} {
		err = s.db.WithContext(ctx).Where("state = ? AND next_at <= ?", state, s.now()).Order("next_at, id").Take(&row).Error
		if err == nil {
			return row, true, nil
		}
		if !errors.Is(err, gorm.ErrRecordNotFound) {
			return row, false, fmt.Errorf("looking for mail to send: %w", err)
		}
	}
	return row, false, nil
}

// moveMail writes the mail's new state if nobody changed it since it was read.
func (s *Store) moveMail(tx *gorm.DB, old mailRow, m models.Mail) (moved bool, err error) {
	change := map[string]any{"state": m.State, "attempts": m.Attempts, "next_at": m.NextAt, "last_error": m.LastError}
	if !m.SentAt.IsZero() {
		change["sent_at"] = m.SentAt
	}
	if m.Kind.Secret() && (m.State == models.MailSent || m.State == models.MailFailed) {
		change["html"], change["text"] = "", ""
	}
	res := tx.Model(&mailRow{}).Where("id = ? AND state = ? AND attempts = ? AND next_at = ?", old.ID, old.State, old.Attempts, old.NextAt).Updates(change)
	if res.Error != nil {
		return false, fmt.Errorf("recording what became of a mail: %w", res.Error)
	}
	return res.RowsAffected > 0, nil
}

// SettleMail records what became of a claimed mail; problem is why it was not accepted, without secrets. Nothing
// happens when the lease ran out and another sender has it now.
func (s *Store) SettleMail(ctx context.Context, claimed models.Mail, event models.MailEvent, problem string) error {
	next, err := claimed.Next(event, s.now())
	if err != nil {
		return fmt.Errorf("recording what became of a mail: %w", err)
	}
	if r := []rune(problem); len(r) > 480 {
		problem = string(r[:480]) + "…"
	}
	if event != models.MailAccepted {
		next.LastError = problem
	}
	_, err = s.moveMail(s.db.WithContext(ctx), mailRow{ID: claimed.ID, State: claimed.State, Attempts: claimed.Attempts, NextAt: claimed.NextAt}, next)
	return err
}

// NextMailAt gives the moment at which the next mail is to be tried; ok is false when none waits.
func (s *Store) NextMailAt(ctx context.Context) (at time.Time, ok bool, err error) {
	for _, state := range []models.MailState{models.MailQueued, models.MailSending} {
		var row mailRow
		err := s.db.WithContext(ctx).Select("next_at").Where("state = ?", state).Order("next_at, id").Take(&row).Error
		switch {
		case errors.Is(err, gorm.ErrRecordNotFound):
			continue
		case err != nil:
			return at, false, fmt.Errorf("looking for the next mail: %w", err)
		}
		if !ok || row.NextAt.Before(at) {
			at, ok = row.NextAt, true
		}
	}
	return at, ok, nil
}

// Mail gives one mail; CodeNotFound if there is none.
func (s *Store) Mail(ctx context.Context, id int64) (models.Mail, error) {
	row, err := mailByID(s.db.WithContext(ctx), id)
	return row.mail(), err
}

func mailByID(tx *gorm.DB, id int64) (mailRow, error) {
	var row mailRow
	switch err := tx.Where("id = ?", id).Take(&row).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return row, models.NotFound("没有编号为 %d 的邮件", id)
	case err != nil:
		return row, fmt.Errorf("reading mail %d: %w", id, err)
	}
	return row, nil
}

// MailFilter selects mails; an empty field selects all.
type MailFilter struct {
	District  string
	State     models.MailState
	Recipient string
	Without   []models.MailKind // leaves out these kinds
}

// Mails lists mails, newest first, before the id (0 = from the newest), without their bodies.
func (s *Store) Mails(ctx context.Context, f MailFilter, before int64, limit int) ([]models.Mail, error) {
	q := s.db.WithContext(ctx).Omit("html", "text")
	for _, w := range [...]struct{ column, value string }{{"district", f.District}, {"state", string(f.State)}, {"recipient", f.Recipient}} {
		if w.value != "" {
			q = q.Where(w.column+" = ?", w.value)
		}
	}
	if len(f.Without) > 0 {
		q = q.Where("kind NOT IN ?", f.Without)
	}
	if before != 0 {
		q = q.Where("id < ?", before)
	}
	var rows []mailRow
	if err := q.Order("id DESC").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing mails: %w", err)
	}
	list := make([]models.Mail, len(rows))
	for i, r := range rows {
		list[i] = r.mail()
	}
	return list, nil
}

// ResendMail puts a failed mail back into the queue, on record.
func (s *Store) ResendMail(ctx context.Context, actor models.Actor, id int64) error {
	return s.tx(ctx, func(tx *gorm.DB) error {
		row, err := mailByID(tx, id)
		if err != nil {
			return err
		}
		next, err := row.mail().Next(models.MailResend, s.now())
		if err != nil {
			return err
		}
		moved, err := s.moveMail(tx, row, next)
		if err != nil {
			return err
		}
		if !moved {
			return models.Conflict("邮件状态刚刚变化，请刷新后再试")
		}
		return s.audit(tx, actor, "mail.resend", fmt.Sprintf("mail/%d", id), map[string]any{"kind": row.Kind, "on": row.OnDate})
	})
}
