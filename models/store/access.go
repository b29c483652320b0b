package store

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
)

// operatorPrefix begins every token of an operator; no user's token begins so.
const operatorPrefix = "bfo_"

// accessKept is how long used and expired secrets and sessions stay before they are deleted; what they were is in the audit log.
const accessKept = 30 * 24 * time.Hour

// codesKept is how long a code stays: for the season and what follows it, whoever handed it out decides nothing about the household.
const codesKept = 400 * 24 * time.Hour

// kept is how long a secret that ended stays.
func (r accessRow) kept() time.Duration {
	if r.Kind == models.AccessCode {
		return codesKept
	}
	return accessKept
}

// accessRow is a row of access_secrets.
type accessRow struct {
	Hash      string `gorm:"primaryKey"`
	Kind      models.AccessKind
	District  string
	USCC      string `gorm:"column:uscc"`
	IssuedBy  models.Actor
	ReasonID  int64
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    *time.Time
}

func (accessRow) TableName() string { return "access_secrets" }

// HouseholdHome gives where a household is registered; CodeNotFound if no 登记注册 delivery holds it.
func (s *Store) HouseholdHome(ctx context.Context, uscc string) (models.Home, error) {
	return s.householdHome(s.db.WithContext(ctx), uscc)
}

func (s *Store) householdHome(tx *gorm.DB, uscc string) (models.Home, error) {
	var homes []models.Home
	// the registry is ordered by district and year: one look for each delivered pair of them
	err := tx.Raw(`SELECT g.district, g.year, g.uscc, g.name FROM (SELECT DISTINCT district, year FROM deliveries WHERE source = ?) k
		`+s.inOrder()+` src_registry g ON g.district = k.district AND g.year = k.year AND g.uscc = ? ORDER BY g.year DESC, g.district LIMIT 1`,
		models.SourceRegistry.String(), uscc).Scan(&homes).Error
	if err != nil {
		return models.Home{}, fmt.Errorf("looking for where a household is registered: %w", err)
	}
	if len(homes) == 0 {
		return models.Home{}, models.NotFound("登记数据中没有这户个体工商户，请核对统一社会信用代码")
	}
	return homes[0], nil
}

// IssueAccessLink makes a one-time link for a household and puts the mail that write makes of its secret into the outbox; older links
// no longer work. issued is false, and nothing happens, when the household was sent AccessLinksPerHour links within the hour.
func (s *Store) IssueAccessLink(ctx context.Context, home models.Home, write func(secret string) (models.Message, error)) (issued bool, err error) {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return false, fmt.Errorf("making an access link: %w", err)
	}
	secret := base64.RawURLEncoding.EncodeToString(b)
	mail, err := write(secret)
	if err != nil {
		return false, err
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		row := accessRow{Hash: HashToken(secret), Kind: models.AccessLink, District: home.District, USCC: home.USCC, IssuedBy: models.ActorPublic}
		recent, err := s.issueAccess(tx, &row, home.Year)
		if err != nil {
			return err
		}
		if issued = recent < models.AccessLinksPerHour; !issued {
			return errAccessLimit
		}
		if _, err := s.enqueue(tx, mail); err != nil {
			return err
		}
		return s.audit(tx, row.IssuedBy, "access.link", models.HouseholdObject(row.USCC), map[string]any{"expires_at": row.ExpiresAt})
	})
	switch {
	case errors.Is(err, errAccessLimit):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("issuing an access link: %w", err)
	}
	return true, nil
}

var errAccessLimit = errors.New("enough links were sent within the hour")

// IssueAccessCode makes a one-time code that an officer hands out; it is given once and never again, and older codes of the household no
// longer work. mails go into the outbox with it. From then on the officer has no hand in the household's matters (standsApart): what they
// had of it goes back to the bureau. CodeForbidden for who recommends the household: its consent comes from itself (附三(二)2).
func (s *Store) IssueAccessCode(ctx context.Context, actor models.Actor, home models.Home, reasonID int64, mails ...models.Message) (code string, expires time.Time, err error) {
	if code, err = newAccessCode(); err != nil {
		return "", expires, err
	}
	row := accessRow{Hash: hashAccessCode(home.USCC, code), Kind: models.AccessCode, District: home.District, USCC: home.USCC, IssuedBy: actor, ReasonID: reasonID}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		released, err := s.leave(tx, models.ConflictOfInterest{Actor: actor, USCC: home.USCC, ReasonID: reasonID, DeclaredBy: actor}, func(a models.Application) error {
			if a.RecommendedBy == actor && (a.State == models.ApplicationDraft || a.State == models.ApplicationConsent) {
				return models.Errorf(models.CodeForbidden, "您是该户的推荐人：是否同意推荐须由经营者本人表示，登录码请由同事或区市场监管局发放")
			}
			return nil
		})
		if err != nil {
			return err
		}
		if _, err := s.issueAccess(tx, &row, home.Year); err != nil {
			return err
		}
		if _, err := s.enqueue(tx, mails...); err != nil {
			return err
		}
		return s.audit(tx, actor, "access.code", models.HouseholdObject(row.USCC), map[string]any{"expires_at": row.ExpiresAt, "reason_id": reasonID, "released": released})
	})
	if err != nil {
		return "", expires, fmt.Errorf("issuing an access code: %w", err)
	}
	return code, row.ExpiresAt, nil
}

func newAccessCode() (string, error) {
	most := big.NewInt(int64(len(models.AccessAlphabet)))
	code := make([]byte, models.AccessCodeLength)
	for i := range code {
		n, err := rand.Int(rand.Reader, most)
		if err != nil {
			return "", fmt.Errorf("making an access code: %w", err)
		}
		code[i] = models.AccessAlphabet[n.Int64()]
	}
	return string(code), nil
}

// hashAccessCode is what is kept of a code. The household goes in, so that a code opens no other one's door.
func hashAccessCode(uscc, code string) string { return HashToken("code/" + uscc + "/" + code) }

// issueAccess writes a secret, voids the household's older ones of the kind, forgets those of long ago, and counts those of the last hour.
// The household's row in the registry is the lock that makes two of them come one after the other.
func (s *Store) issueAccess(tx *gorm.DB, row *accessRow, year int) (recent int, err error) {
	row.CreatedAt = s.now()
	row.ExpiresAt = row.CreatedAt.Add(row.Kind.Time())
	var locked []string
	if err := s.forUpdate(tx).Table("src_registry").Where("district = ? AND year = ? AND uscc = ?", row.District, year, row.USCC).Pluck("uscc", &locked).Error; err != nil {
		return 0, fmt.Errorf("locking a household: %w", err)
	}
	var older []accessRow
	if err := tx.Where("uscc = ? AND kind = ?", row.USCC, row.Kind).Find(&older).Error; err != nil {
		return 0, fmt.Errorf("reading a household's secrets: %w", err)
	}
	var void, forget []string
	for _, o := range older {
		if o.CreatedAt.After(row.CreatedAt.Add(-time.Hour)) {
			recent++
		}
		switch {
		case o.ExpiresAt.Before(row.CreatedAt.Add(-o.kept())):
			forget = append(forget, o.Hash)
		case o.UsedAt == nil && o.ExpiresAt.After(row.CreatedAt):
			void = append(void, o.Hash)
		}
	}
	if len(void) > 0 {
		if err := tx.Model(&accessRow{}).Where("hash IN ? AND used_at IS NULL", void).Update("expires_at", row.CreatedAt).Error; err != nil {
			return 0, fmt.Errorf("voiding older secrets: %w", err)
		}
	}
	if len(forget) > 0 {
		if err := tx.Where("hash IN ?", forget).Delete(&accessRow{}).Error; err != nil {
			return 0, fmt.Errorf("forgetting old secrets: %w", err)
		}
	}
	if err := tx.Create(row).Error; err != nil {
		return 0, fmt.Errorf("keeping a secret: %w", err)
	}
	return recent, nil
}

// OpenOperatorSession takes a one-time secret — a link's, or a code typed together with the household's USCC — and opens a session for
// OperatorSessionTime. A secret works once, whoever else tries at the same moment. The one error for every secret that does not is
// CodeUnauthorized.
func (s *Store) OpenOperatorSession(ctx context.Context, uscc, typed string) (token string, session models.OperatorSession, err error) {
	refused := models.Errorf(models.CodeUnauthorized, "登录链接或登录码不正确、已用过或已过期，请重新获取")
	hash := HashToken(strings.TrimSpace(typed))
	if uscc != "" {
		code, ok := models.ParseAccessCode(typed)
		if !ok {
			return "", session, refused
		}
		hash = hashAccessCode(uscc, code)
	}
	// a guess must not take the one writer's place that SQLite has: what is not there is refused without a transaction
	var row accessRow
	switch err := s.db.WithContext(ctx).Where("hash = ? AND used_at IS NULL AND expires_at > ?", hash, s.now()).Take(&row).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return "", session, refused
	case err != nil:
		return "", session, fmt.Errorf("looking a one-time secret up: %w", err)
	}
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return "", session, fmt.Errorf("opening an operator's session: %w", err)
	}
	token = operatorPrefix + base64.RawURLEncoding.EncodeToString(b)
	err = s.tx(ctx, func(tx *gorm.DB) error {
		now := s.now()
		used := tx.Model(&accessRow{}).Where("hash = ? AND used_at IS NULL AND expires_at > ?", hash, now).Update("used_at", now)
		if used.Error != nil {
			return used.Error
		}
		if used.RowsAffected == 0 {
			return refused
		}
		if err := s.forgetSessions(tx, row.USCC, now.Add(-accessKept)); err != nil {
			return err
		}
		session = models.OperatorSession{Hash: HashToken(token), District: row.District, USCC: row.USCC, Via: row.Kind, CreatedAt: now,
			ExpiresAt: now.Add(models.OperatorSessionTime)}
		if err := tx.Create(&session).Error; err != nil {
			return err
		}
		return s.audit(tx, models.HouseholdActor(row.USCC), "access.session", models.HouseholdObject(row.USCC),
			map[string]any{"session": session.ID, "via": row.Kind, "issued_by": row.IssuedBy, "expires_at": session.ExpiresAt})
	})
	if err != nil {
		return "", models.OperatorSession{}, fmt.Errorf("opening an operator's session: %w", err)
	}
	return token, session, nil
}

// forgetSessions deletes a household's sessions that ended before a moment.
func (s *Store) forgetSessions(tx *gorm.DB, uscc string, before time.Time) error {
	var ids []int64
	if err := tx.Model(&models.OperatorSession{}).Where("uscc = ? AND expires_at < ?", uscc, before).Pluck("id", &ids).Error; err != nil || len(ids) == 0 {
		return err
	}
	return tx.Delete(&models.OperatorSession{}, ids).Error
}

// IsOperatorToken says whether a token is an operator's, by how it begins.
func IsOperatorToken(secret string) bool { return strings.HasPrefix(secret, operatorPrefix) }

// AuthenticateOperator gives the session that a token opens; CodeUnauthorized for a token that is unknown, revoked or expired.
func (s *Store) AuthenticateOperator(ctx context.Context, token string) (models.OperatorSession, error) {
	refused := models.Errorf(models.CodeUnauthorized, "登录已失效，请重新获取登录链接")
	if !IsOperatorToken(token) || len(token) > 100 {
		return models.OperatorSession{}, refused
	}
	var session models.OperatorSession
	switch err := s.db.WithContext(ctx).Where("hash = ?", HashToken(token)).Take(&session).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return session, refused
	case err != nil:
		return session, fmt.Errorf("looking an operator's session up: %w", err)
	}
	if session.RevokedAt != nil || !s.now().Before(session.ExpiresAt) {
		return models.OperatorSession{}, refused
	}
	return session, nil
}

// RevokeOperatorSession ends a session at once and for ever.
func (s *Store) RevokeOperatorSession(ctx context.Context, actor models.Actor, session models.OperatorSession) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		r := tx.Model(&models.OperatorSession{}).Where("id = ? AND revoked_at IS NULL", session.ID).Update("revoked_at", s.now())
		if r.Error != nil || r.RowsAffected == 0 {
			return r.Error
		}
		return s.audit(tx, actor, "access.sign_out", models.HouseholdObject(session.USCC), map[string]any{"session": session.ID})
	})
	if err != nil {
		return fmt.Errorf("ending an operator's session: %w", err)
	}
	return nil
}

// TouchOperatorSession notes that a session was used.
func (s *Store) TouchOperatorSession(ctx context.Context, id int64) error {
	if err := s.db.WithContext(ctx).Model(&models.OperatorSession{}).Where("id = ?", id).Update("last_used_at", s.now()).Error; err != nil {
		return fmt.Errorf("noting a session's use: %w", err)
	}
	return nil
}
