package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
	"bangfu/models/calendar"
)

// proven says that consent c counts: it was given online, or its signed paper is on record.
const proven = "(c.how = 'online' OR EXISTS (SELECT 1 FROM documents d WHERE d.subject = "

// provenSQL is proven in the database's way of joining texts.
func (s *Store) provenSQL() string {
	subject := "'consent/' || c.id"
	if s.mysql {
		subject = "CONCAT('consent/', c.id)"
	}
	return proven + subject + "))"
}

// GiveConsent records a household's consent: in place of one that stands with another extent. One that stands already as it is given changes nothing.
func (s *Store) GiveConsent(ctx context.Context, c models.Consent) (models.Consent, error) {
	if c.Scope.Name() == "" {
		return c, models.Invalid("scope", "没有“%s”这种同意事项", string(c.Scope))
	}
	if err := c.ByActor.Personally(); err != nil {
		return c, err
	}
	one := 1
	c.Standing, c.At = &one, s.now()
	err := s.tx(ctx, func(tx *gorm.DB) error {
		c.ID = 0
		old, found, err := s.standingConsent(s.forUpdate(tx), c.District, c.USCC, c.Scope)
		if err != nil {
			return err
		}
		if found && old.Contact == c.Contact && (old.How == c.How || old.How == models.ConsentOnline) {
			c = old
			return nil
		}
		if found {
			if err := s.endConsent(tx, old, c.ByActor, c.GivenOn); err != nil {
				return err
			}
		}
		created := tx.Clauses(clause.OnConflict{DoNothing: true}).Omit("Proven").Create(&c)
		if created.Error == nil && created.RowsAffected == 0 {
			return models.Conflict("该户的同意刚刚由他人登记，请刷新后再试")
		}
		if created.Error != nil {
			return created.Error
		}
		return s.audit(tx, c.ByActor, "consent.give", models.ConsentObject(c.ID), map[string]any{"uscc": c.USCC, "scope": c.Scope, "contact": c.Contact, "how": c.How})
	})
	if err != nil {
		return c, fmt.Errorf("recording a consent: %w", err)
	}
	return c, nil
}

func (s *Store) standingConsent(tx *gorm.DB, district, uscc string, scope models.ConsentScope) (c models.Consent, found bool, err error) {
	err = tx.Omit("proven").Where("uscc = ? AND district = ? AND scope = ? AND standing = 1", uscc, district, scope).Take(&c).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return c, false, nil
	}
	return c, err == nil, err
}

func (s *Store) endConsent(tx *gorm.DB, c models.Consent, by models.Actor, on calendar.Date) error {
	return tx.Table("consents").Where("id = ?", c.ID).Updates(map[string]any{"standing": nil, "withdrawn_on": on, "withdrawn_by": string(by)}).Error
}

// WithdrawConsent ends a household's consent: from now on no list names it. CodeNotFound when none stands.
func (s *Store) WithdrawConsent(ctx context.Context, district, uscc string, scope models.ConsentScope, by models.Actor, on calendar.Date) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		c, found, err := s.standingConsent(s.forUpdate(tx), district, uscc, scope)
		if err != nil {
			return err
		}
		if !found {
			return models.NotFound("没有仍然有效的同意")
		}
		if err := s.endConsent(tx, c, by, on); err != nil {
			return err
		}
		return s.audit(tx, by, "consent.withdraw", models.ConsentObject(c.ID), map[string]any{"uscc": uscc, "scope": scope})
	})
	if err != nil {
		return fmt.Errorf("withdrawing a consent: %w", err)
	}
	return nil
}

// Consents gives a household's consents in a district, those that stand first, then the newest.
func (s *Store) Consents(ctx context.Context, district, uscc string) ([]models.Consent, error) {
	var list []models.Consent
	err := s.db.WithContext(ctx).Raw("SELECT c.*, "+s.provenSQL()+" AS proven FROM consents c WHERE c.uscc = ? AND c.district = ? ORDER BY c.standing IS NULL, c.id DESC LIMIT 100",
		uscc, district).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("reading a household's consents: %w", err)
	}
	return list, nil
}

// Consent gives one consent; CodeNotFound if there is none.
func (s *Store) Consent(ctx context.Context, id int64) (c models.Consent, err error) {
	return consent(s.db.WithContext(ctx), id)
}

func consent(tx *gorm.DB, id int64) (c models.Consent, err error) {
	switch err := tx.Omit("proven").Where("id = ?", id).Take(&c).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return c, models.NotFound("没有编号为 %d 的同意记录", id)
	case err != nil:
		return c, fmt.Errorf("reading consent %d: %w", id, err)
	}
	return c, nil
}

// bankFrom are the Growth households of a year (附二(二)3), each with its consent if one counts: c.id is NULL without one.
func (s *Store) bankFrom() string {
	return ` FROM published_tiers p LEFT JOIN src_registry g ON g.district = ? AND g.year = ? AND g.uscc = p.uscc
		LEFT JOIN consents c ON c.uscc = p.uscc AND c.district = p.district AND c.scope = 'bank_list' AND c.standing = 1 AND ` + s.provenSQL() + `
		WHERE p.district = ? AND p.year = ? AND p.tier = ?`
}

// BankListCounts says how many Growth households a year has, how many of them consented to the list, and to being reached.
func (s *Store) BankListCounts(ctx context.Context, district string, year int) (b models.BankList, err error) {
	err = s.db.WithContext(ctx).Raw("SELECT COUNT(*), COUNT(c.id), COALESCE(SUM(CASE WHEN c.contact THEN 1 ELSE 0 END), 0)"+s.bankFrom(),
		district, year, district, year, models.Growth).Row().Scan(&b.Growth, &b.Households, &b.Contacts)
	if err != nil {
		return b, fmt.Errorf("counting the list for the banks of %s: %w", district, err)
	}
	return b, nil
}

// maxBankList bounds a list for the banks: a district has a few thousand Growth households.
const maxBankList = 50000

// HandOverBankList records the hand-over of a list to a bank and gives the file that write makes of it: who consented, or every Growth household where the
// policy asks for no consent; how a household is reached only where it consented to that. What is on record is what the file holds.
func (s *Store) HandOverBankList(ctx context.Context, b models.BankList, year int, consent bool, write func([]models.BankListEntry) ([]byte, error)) (models.BankList, []byte, error) {
	if err := models.ValidateName("bank", b.Bank, 100); err != nil {
		return b, nil, err
	}
	if err := b.ByActor.Personally(); err != nil {
		return b, nil, err
	}
	var file []byte
	err := s.tx(ctx, func(tx *gorm.DB) error {
		b.ID, b.At = 0, s.now()
		list, growth, err := s.bankEntries(tx, b.District, year, consent)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return models.Conflict("没有可以推介的“成长型”个体工商户：%d 户成长型中无人同意列入名单", growth)
		}
		b.Growth, b.Households, b.Contacts = growth, len(list), 0
		rows := make([]map[string]any, len(list))
		for i, e := range list {
			contact := e.Email != "" || e.Phone != ""
			if contact {
				b.Contacts++
			}
			rows[i] = map[string]any{"uscc": e.USCC, "contact": contact}
		}
		if file, err = write(list); err != nil {
			return err
		}
		sum := sha256.Sum256(file)
		b.SHA256 = hex.EncodeToString(sum[:])
		if err := tx.Create(&b).Error; err != nil {
			return err
		}
		for i := range rows {
			rows[i]["list_id"] = b.ID
		}
		if err := tx.Table("bank_list_households").CreateInBatches(rows, 500).Error; err != nil {
			return err
		}
		return s.audit(tx, b.ByActor, "bank_list.hand_over", models.BankListObject(b.ID), map[string]any{"households": b.Households, "contacts": b.Contacts,
			"growth": b.Growth, "sha256": b.SHA256, "consent": consent})
	})
	if err != nil {
		return b, nil, fmt.Errorf("handing over the list for a bank: %w", err)
	}
	return b, file, nil
}

// bankEntries reads the list, and how many Growth households there are.
func (s *Store) bankEntries(tx *gorm.DB, district string, year int, consent bool) (list []models.BankListEntry, growth int, err error) {
	args := []any{district, year, district, year, models.Growth}
	if err := tx.Raw("SELECT COUNT(*)"+s.bankFrom(), args...).Row().Scan(&growth); err != nil {
		return nil, 0, err
	}
	query := `SELECT p.uscc, COALESCE(g.name, p.name) AS name, COALESCE(g.street, '') AS street,
		CASE WHEN c.contact THEN COALESCE(g.email, '') ELSE '' END AS email, CASE WHEN c.contact THEN COALESCE(g.phone, '') ELSE '' END AS phone` + s.bankFrom()
	if consent {
		query += " AND c.id IS NOT NULL"
	}
	if err := tx.Raw(query+" ORDER BY p.uscc LIMIT ?", append(args, maxBankList+1)...).Scan(&list).Error; err != nil {
		return nil, 0, err
	}
	if len(list) > maxBankList {
		return nil, 0, models.Conflict("名单超过 %d 户，不能一次推介", maxBankList)
	}
	return list, growth, nil
}

// BankLists lists the hand-overs of a cycle's list, newest first, before an id (0 = from the newest).
func (s *Store) BankLists(ctx context.Context, cycleID string, before int64, limit int) ([]models.BankList, error) {
	q := s.db.WithContext(ctx).Where("cycle_id = ?", cycleID)
	if before > 0 {
		q = q.Where("id < ?", before)
	}
	var list []models.BankList
	if err := q.Order("id DESC").Limit(limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("listing the hand-overs of %s to banks: %w", cycleID, err)
	}
	return list, nil
}

// BanksTold gives the hand-overs that named a household, newest first: to whom its data went.
func (s *Store) BanksTold(ctx context.Context, district, uscc string, limit int) ([]models.BankList, error) {
	var list []models.BankList
	err := s.db.WithContext(ctx).Raw(`SELECT b.* FROM bank_list_households h JOIN bank_lists b ON b.id = h.list_id
		WHERE h.uscc = ? AND b.district = ? ORDER BY h.list_id DESC LIMIT ?`, uscc, district, limit).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("reading to which banks a household was named: %w", err)
	}
	return list, nil
}
