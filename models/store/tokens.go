package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
)

// tokenPrefix begins every token, so that one that leaked is recognised as ours.
const tokenPrefix = "bf_"

// HashToken is what is kept of a token. 256 random bits need no slow hash.
func HashToken(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// CreateToken makes a token for a user, valid for the given time; 0 = until revoked, a past one never. The secret is given once and
// never again. The error is a *models.Error for a name that is too long or a user who is not there.
func (s *Store) CreateToken(ctx context.Context, actor models.Actor, userID int64, name string, valid time.Duration) (secret string, t models.Token, err error) {
	if err := models.ValidateName("name", name, 100); err != nil {
		return "", t, err
	}
	if _, err := s.User(ctx, userID); err != nil {
		return "", t, err
	}
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return "", t, fmt.Errorf("making a token: %w", err)
	}
	secret = tokenPrefix + base64.RawURLEncoding.EncodeToString(b)
	t = models.Token{UserID: userID, Name: name, Prefix: secret[:10], Hash: HashToken(secret), CreatedAt: s.now()}
	if valid != 0 {
		expires := t.CreatedAt.Add(valid)
		t.ExpiresAt = &expires
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		t.ID = 0
		if err := tx.Create(&t).Error; err != nil {
			return fmt.Errorf("keeping a token: %w", err)
		}
		return s.audit(tx, actor, "token.create", tokenObject(t.ID), map[string]any{"user": userID, "name": name, "expires_at": t.ExpiresAt})
	})
	return secret, t, err
}

func tokenObject(id int64) string { return fmt.Sprintf("token/%d", id) }

// Token gives a token; CodeNotFound if there is none with this id.
func (s *Store) Token(ctx context.Context, id int64) (models.Token, error) {
	var t models.Token
	switch err := s.db.WithContext(ctx).Take(&t, id).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return t, models.NotFound("没有这个令牌")
	case err != nil:
		return t, fmt.Errorf("reading a token: %w", err)
	}
	return t, nil
}

// Tokens lists up to limit tokens with ids after the given one, of one user.
func (s *Store) Tokens(ctx context.Context, userID, after int64, limit int) ([]models.Token, error) {
	var list []models.Token
	if err := s.db.WithContext(ctx).Where("user_id = ? AND id > ?", userID, after).Order("id").Limit(limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("listing tokens: %w", err)
	}
	return list, nil
}

// RevokeToken ends a token at once and for ever.
func (s *Store) RevokeToken(ctx context.Context, actor models.Actor, id int64) error {
	return s.tx(ctx, func(tx *gorm.DB) error {
		r := tx.Model(&models.Token{}).Where("id = ? AND revoked_at IS NULL", id).Update("revoked_at", s.now())
		if r.Error != nil {
			return fmt.Errorf("revoking a token: %w", r.Error)
		}
		if r.RowsAffected == 0 {
			return nil // is so already
		}
		return s.audit(tx, actor, "token.revoke", tokenObject(id), nil)
	})
}

// Authenticate gives the token and its user. The error is CodeUnauthorized for a token that is unknown, revoked
// or expired, or whose user is disabled. The secret is looked up by its hash, which tells nothing by its timing.
func (s *Store) Authenticate(ctx context.Context, secret string) (models.Token, models.User, error) {
	refused := models.Errorf(models.CodeUnauthorized, "令牌无效、已过期或已被撤销，请重新登录")
	if !strings.HasPrefix(secret, tokenPrefix) || len(secret) > 100 {
		return models.Token{}, models.User{}, refused
	}
	var t models.Token
	switch err := s.db.WithContext(ctx).Where("hash = ?", HashToken(secret)).Take(&t).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return t, models.User{}, refused
	case err != nil:
		return t, models.User{}, fmt.Errorf("looking a token up: %w", err)
	}
	if t.RevokedAt != nil || t.ExpiresAt != nil && !s.now().Before(*t.ExpiresAt) {
		return t, models.User{}, refused
	}
	u, err := s.User(ctx, t.UserID)
	if err != nil && models.CodeOf(err) != models.CodeNotFound {
		return t, u, err
	}
	if err != nil || u.Disabled {
		return t, models.User{}, refused
	}
	return t, u, nil
}

// TouchToken notes that a token was used.
func (s *Store) TouchToken(ctx context.Context, id int64) error {
	if err := s.db.WithContext(ctx).Model(&models.Token{}).Where("id = ?", id).Update("last_used_at", s.now()).Error; err != nil {
		return fmt.Errorf("noting a token's use: %w", err)
	}
	return nil
}
