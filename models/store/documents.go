package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/document"
)

// DocumentCase gives the case that a subject's documents belong to; CodeNotFound if there is none.
func (s *Store) DocumentCase(ctx context.Context, subject string) (models.DocumentCase, error) {
	return s.documentCase(s.db.WithContext(ctx), subject, false)
}

// documentCase reads a case; lock keeps it as it is until the transaction ends.
func (s *Store) documentCase(tx *gorm.DB, subject string, lock bool) (c models.DocumentCase, err error) {
	kind, id, err := models.ParseDocumentSubject(subject)
	if err != nil {
		return c, err
	}
	locked := func() *gorm.DB {
		if lock {
			return s.forUpdate(tx)
		}
		return tx
	}
	c.Subject = subject
	switch kind {
	case "help":
		h, err := takeHelp(locked(), id)
		if err != nil {
			return c, err
		}
		c.District, c.USCC, c.Help = h.District, h.USCC, &h
		c.LastEvent, err = s.lastEvent(tx, kind, id)
		return c, err
	case "consent":
		g, err := consent(locked(), id)
		c.District, c.USCC, c.Consent = g.District, g.USCC, &g
		return c, err
	case "case":
		k, err := takeCase(locked().Where("id = ?", id))
		if err != nil {
			return c, err
		}
		c.District, c.USCC, c.Case = k.District, k.USCC, &k
		c.LastEvent, err = s.lastEvent(tx, kind, id)
		return c, err
	case "report":
		var r models.Report
		if err := locked().Where("id = ?", id).Take(&r).Error; errors.Is(err, gorm.ErrRecordNotFound) {
			return c, models.NotFound("没有这份信息报告")
		} else if err != nil {
			return c, fmt.Errorf("reading report %d: %w", id, err)
		}
		c.District, c.USCC, c.Report = r.District, r.USCC, &r
		if r.FiledAt != nil {
			c.LastEvent = *r.FiledAt
		}
		c.Department, err = recommendedBy(tx, r.CertificationID)
		return c, err
	case "duty":
		o, err := s.duty(locked(), id)
		if err != nil {
			return c, err
		}
		c.District, c.Duty = o.District, &o
		c.LastEvent, err = s.lastEvent(tx, kind, id)
		return c, err
	case "order":
		r, err := s.order(locked(), id)
		if err != nil {
			return c, err
		}
		o := r.order()
		c.District, c.Order = o.District, &o
		c.LastEvent, err = s.lastEvent(tx, kind, id)
		return c, err
	case "objection":
		r, err := s.objection(locked(), id)
		if err != nil {
			return c, err
		}
		o := r.objection()
		c.District, c.USCC, c.Objection = o.District, o.USCC, &o
	case "visit":
		v, err := s.visit(locked(), id)
		if err != nil {
			return c, err
		}
		if v.State != models.VisitPlanned { // recorded: its photographs belong to the record
			c.LastEvent = v.UpdatedAt
		}
		c.Visit = &v
		id = v.ApplicationID
	}
	if kind != "objection" {
		a, err := s.application(locked(), id)
		if err != nil {
			return c, err
		}
		c.District, c.USCC, c.Application = a.District, a.USCC, &a
		if a.State == models.ApplicationCertified {
			if c.CityAsks, err = cityAsks(tx, a.ID); err != nil {
				return c, err
			}
		}
	}
	if c.Visit == nil {
		c.LastEvent, err = s.lastEvent(tx, kind, id)
	}
	return c, err
}

// recommendedBy is the department that recommended a certified household; empty for its own application.
func recommendedBy(tx *gorm.DB, certificationID int64) (department string, err error) {
	err = tx.Raw("SELECT a.department FROM certifications c JOIN applications a ON a.id = c.application_id WHERE c.id = ?", certificationID).Scan(&department).Error
	if err != nil {
		return "", fmt.Errorf("reading who recommended certification %d: %w", certificationID, err)
	}
	return department, nil
}

// cityAsks says whether the city waits for supplements to an application's certification.
func cityAsks(tx *gorm.DB, applicationID int64) (bool, error) {
	var n int64
	err := tx.Table("city_checks k").Joins("JOIN certifications c ON c.id = k.certification_id").
		Where("c.application_id = ? AND k.state = ?", applicationID, models.CitySupplementAsked).Count(&n).Error
	if err != nil {
		return false, fmt.Errorf("reading whether the city asks about application %d: %w", applicationID, err)
	}
	return n > 0, nil
}

// lastEvent is when something last happened to an application or objection; zero for a draft. Receiving an objection is no
// such event: its evidence follows.
func (s *Store) lastEvent(tx *gorm.DB, kind string, id int64) (time.Time, error) {
	var at []time.Time
	q := tx.Table("application_events").Where("application_id = ?", id)
	switch kind {
	case "objection":
		q = tx.Table("objection_events").Where("objection_id = ? AND event <> ?", id, models.ObjectionReceive)
	case "case": // the evidence follows its opening
		q = tx.Table("certified_events").Where("case_id = ? AND event <> ?", id, models.CertifiedOpenCase)
	case "help":
		q = tx.Table("help_events").Where("help_id = ?", id)
	case "duty":
		q = tx.Table("duty_reports").Where("obligation_id = ?", id)
	case "order":
		q = tx.Table("order_events").Where("order_id = ? AND event = ?", id, models.OrderAnswer)
	}
	if err := q.Order("seq DESC").Limit(1).Pluck("at", &at).Error; err != nil {
		return time.Time{}, fmt.Errorf("reading when %s %d last changed: %w", kind, id, err)
	}
	if len(at) == 0 {
		return time.Time{}, nil
	}
	return at[0], nil
}

// AddDocument keeps a cleaned file with its case, if the user may hand it in now and it is not one too many. The same
// content handed in again gives the document that is there. The error is a *models.Error when it is refused.
func (s *Store) AddDocument(ctx context.Context, u models.User, subject string, purpose models.DocumentPurpose, file document.Document) (d models.Document, err error) {
	sum := sha256.Sum256(file.Content)
	err = s.tx(ctx, func(tx *gorm.DB) error {
		c, err := s.documentCase(tx, subject, true)
		if err != nil {
			return err
		}
		if err := c.MayAdd(u, purpose); err != nil {
			return err
		}
		if purpose == models.PurposePhoto && !file.Image() {
			return models.Invalid("file", "走访照片应为 JPG 或 PNG 图片")
		}
		d = models.Document{ID: rand.Text(), District: c.District, Subject: subject, USCC: c.USCC, Purpose: purpose, Name: file.Name, MediaType: file.MediaType,
			Size: int64(len(file.Content)), SHA256: hex.EncodeToString(sum[:]), ByActor: u.Actor(), At: s.now()}
		if !d.At.After(c.LastEvent) { // in the same millisecond
			d.At = c.LastEvent.Add(time.Millisecond)
		}
		kept, err := s.documents(tx, subject)
		if err != nil {
			return err
		}
		for _, k := range kept {
			if k.SHA256 == d.SHA256 && k.ByActor == d.ByActor {
				d = k
				return nil
			}
		}
		if len(kept) >= models.MaxDocuments {
			return models.Conflict("每一事项最多上传%d个文件，请合并或删除后再上传", models.MaxDocuments)
		}
		if err := roomFor(tx, d); err != nil {
			return err
		}
		if err := tx.Create(&d).Error; err != nil {
			return fmt.Errorf("keeping a document of %s: %w", subject, err)
		}
		for piece, rest := 0, file.Content; len(rest) > 0; piece++ {
			n := min(pieceSize, len(rest))
			if err := tx.Exec("INSERT INTO document_pieces (document_id, piece, content) VALUES (?, ?, ?)", d.ID, piece, rest[:n]).Error; err != nil {
				return fmt.Errorf("keeping a document of %s: %w", subject, err)
			}
			rest = rest[n:]
		}
		return s.audit(tx, u.Actor(), "document.add", subject, documentDetail(d))
	})
	return d, err
}

// roomFor refuses a document that is too much for its household; what a department did is bounded by its number of files alone.
func roomFor(tx *gorm.DB, d models.Document) error {
	if d.USCC == "" {
		return nil
	}
	var total int64
	if err := tx.Model(&models.Document{}).Where("uscc = ?", d.USCC).Select("COALESCE(SUM(size), 0)").Row().Scan(&total); err != nil {
		return fmt.Errorf("adding up the documents about a household: %w", err)
	}
	if total+d.Size > models.MaxHouseholdBytes {
		return models.Errorf(models.CodeTooLarge, "该户的材料合计超过%dMB，不能再上传", models.MaxHouseholdBytes>>20)
	}
	return nil
}

// documentDetail is what the record says of a document: not what somebody called it.
func documentDetail(d models.Document) map[string]any {
	return map[string]any{"document": d.ID, "purpose": d.Purpose, "media_type": d.MediaType, "size": d.Size, "sha256": d.SHA256}
}

// DeleteDocument removes a document that its uploader takes back before it was submitted.
func (s *Store) DeleteDocument(ctx context.Context, u models.User, id string) error {
	d, err := s.Document(ctx, id)
	if err != nil {
		return err
	}
	return s.tx(ctx, func(tx *gorm.DB) error {
		c, err := s.documentCase(tx, d.Subject, true)
		if err != nil {
			return err
		}
		if err := c.MayDelete(u, d); err != nil {
			return err
		}
		if err := deleteDocument(tx, id); err != nil {
			return err
		}
		return s.audit(tx, u.Actor(), "document.delete", d.Subject, documentDetail(d))
	})
}

// deleteDocument deletes a file and what is known of it; CodeNotFound when somebody else has.
func deleteDocument(tx *gorm.DB, id string) error {
	if err := tx.Exec("DELETE FROM document_pieces WHERE document_id = ?", id).Error; err != nil {
		return fmt.Errorf("deleting document %s: %w", id, err)
	}
	gone := tx.Exec("DELETE FROM documents WHERE id = ?", id)
	if gone.Error != nil {
		return fmt.Errorf("deleting document %s: %w", id, gone.Error)
	}
	if gone.RowsAffected == 0 {
		return noDocument()
	}
	return nil
}

func noDocument() error { return models.NotFound("没有这个文件，或已被删除") }

// Documents gives what was handed in for subjects such as application/12, in order.
func (s *Store) Documents(ctx context.Context, subjects ...string) ([]models.Document, error) {
	return s.documents(s.db.WithContext(ctx), subjects...)
}

func (s *Store) documents(tx *gorm.DB, subjects ...string) ([]models.Document, error) {
	var list []models.Document
	if err := tx.Where("subject IN ?", subjects).Order("at, id").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("reading the documents of %v: %w", subjects, err)
	}
	return list, nil
}

// Document gives what is known of one document; CodeNotFound if there is none.
func (s *Store) Document(ctx context.Context, id string) (d models.Document, err error) {
	switch err := s.db.WithContext(ctx).Where("id = ?", id).Take(&d).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return d, noDocument()
	case err != nil:
		return d, fmt.Errorf("reading document %s: %w", id, err)
	}
	return d, nil
}

// DocumentContent gives the file, checked against the hash that the record holds.
func (s *Store) DocumentContent(ctx context.Context, d models.Document) ([]byte, error) {
	rows, err := s.sql.QueryContext(ctx, "SELECT content FROM document_pieces WHERE document_id = ? ORDER BY piece", d.ID)
	if err != nil {
		return nil, fmt.Errorf("reading document %s: %w", d.ID, err)
	}
	defer func() { _ = rows.Close() }()
	var content bytes.Buffer
	for rows.Next() {
		var piece []byte
		if err := rows.Scan(&piece); err != nil {
			return nil, fmt.Errorf("reading document %s: %w", d.ID, err)
		}
		content.Write(piece)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading document %s: %w", d.ID, err)
	}
	if sum := sha256.Sum256(content.Bytes()); hex.EncodeToString(sum[:]) != d.SHA256 {
		return nil, fmt.Errorf("document %s is not what was handed in: its hash differs", d.ID)
	}
	return content.Bytes(), nil
}
