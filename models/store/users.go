package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
)

// AddUser adds a user; an empty password means that the user has tokens only. The errors are *models.Error:
// CodeInvalid with its field, CodeConflict when the address is taken, CodeNotFound for a district or department
// that is not there.
func (s *Store) AddUser(ctx context.Context, actor models.Actor, u models.User, password string) (models.User, error) {
	u.ID, u.Email, u.PasswordHash, u.Disabled, u.CreatedAt = 0, strings.ToLower(strings.TrimSpace(u.Email)), "", false, s.now()
	if err := u.Validate(); err != nil {
		return u, err
	}
	if u.District != "" {
		if _, err := s.District(ctx, u.District); err != nil {
			return u, err
		}
	}
	if u.Department != "" {
		if _, err := s.Department(ctx, u.District, u.Department); err != nil {
			return u, err
		}
	}
	if password != "" {
		if err := validatePassword(password, u); err != nil {
			return u, err
		}
		var err error
		if u.PasswordHash, err = hashPassword(password); err != nil {
			return u, err
		}
	}
	err := s.tx(ctx, func(tx *gorm.DB) error {
		u.ID = 0
		if err := tx.Create(&u).Error; err != nil {
			return err
		}
		return s.audit(tx, actor, "user.create", userObject(u.ID), map[string]any{"role": u.Role, "district": u.District, "department": u.Department})
	})
	switch {
	case errors.Is(err, gorm.ErrDuplicatedKey):
		return u, models.Conflict("邮箱“%s”已有用户使用", u.Email)
	case err != nil:
		return u, fmt.Errorf("adding a user: %w", err)
	}
	return u, nil
}

func userObject(id int64) string { return fmt.Sprintf("user/%d", id) }

// User gives a user; CodeNotFound if there is none with this id.
func (s *Store) User(ctx context.Context, id int64) (models.User, error) {
	return s.user(ctx, "id = ?", id)
}

// UserByEmail gives the user with this address; CodeNotFound if there is none.
func (s *Store) UserByEmail(ctx context.Context, email string) (models.User, error) {
	return s.user(ctx, "email = ?", strings.ToLower(strings.TrimSpace(email)))
}

func (s *Store) user(ctx context.Context, where string, value any) (models.User, error) {
	var u models.User
	switch err := s.db.WithContext(ctx).Where(where, value).Take(&u).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return u, models.NotFound("没有这个用户")
	case err != nil:
		return u, fmt.Errorf("reading a user: %w", err)
	}
	return u, nil
}

// Users lists up to limit users with ids after the given one; of one district, or of all if district is empty.
func (s *Store) Users(ctx context.Context, district string, after int64, limit int) ([]models.User, error) {
	q := s.db.WithContext(ctx).Where("id > ?", after)
	if district != "" {
		q = q.Where("district = ?", district)
	}
	var list []models.User
	if err := q.Order("id").Limit(limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("listing users: %w", err)
	}
	return list, nil
}

// Officers lists the enabled users of a department, who get its reminders.
func (s *Store) Officers(ctx context.Context, district, department string) ([]models.User, error) {
	var list []models.User
	if err := s.db.WithContext(ctx).Where("district = ? AND department = ? AND NOT disabled", district, department).Order("id").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("listing the officers of %s/%s: %w", district, department, err)
	}
	return list, nil
}

// DisableUser shuts a user out, or lets them in again; their tokens stop and work again with it.
func (s *Store) DisableUser(ctx context.Context, actor models.Actor, id int64, disabled bool) error {
	action := "user.disable"
	if !disabled {
		action = "user.enable"
	}
	return s.tx(ctx, func(tx *gorm.DB) error {
		r := tx.Model(&models.User{}).Where("id = ? AND disabled <> ?", id, disabled).Update("disabled", disabled)
		if r.Error != nil {
			return fmt.Errorf("disabling a user: %w", r.Error)
		}
		if r.RowsAffected == 0 {
			return nil // is so already
		}
		return s.audit(tx, actor, action, userObject(id), nil)
	})
}

// SetPassword replaces a user's password and ends all of their sessions.
func (s *Store) SetPassword(ctx context.Context, actor models.Actor, u models.User, password string) error {
	if err := validatePassword(password, u); err != nil {
		return err
	}
	hash, err := hashPassword(password)
	if err != nil {
		return err
	}
	return s.tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Model(&models.User{}).Where("id = ?", u.ID).Update("password_hash", hash).Error; err != nil {
			return fmt.Errorf("setting a password: %w", err)
		}
		if err := tx.Model(&models.Token{}).Where("user_id = ? AND name = ? AND revoked_at IS NULL", u.ID, sessionName).
			Update("revoked_at", s.now()).Error; err != nil {
			return fmt.Errorf("ending sessions: %w", err)
		}
		return s.audit(tx, actor, "user.password", userObject(u.ID), nil)
	})
}

// SignIn checks an address and a password and opens a session: a token for SessionTime. The one error for a wrong
// address, a wrong password and a disabled user is CodeUnauthorized, and all take equally long: a hash is always computed.
func (s *Store) SignIn(ctx context.Context, email, password string) (secret string, t models.Token, u models.User, err error) {
	u, err = s.UserByEmail(ctx, email)
	if err != nil && models.CodeOf(err) != models.CodeNotFound {
		return "", t, u, err
	}
	hash := u.PasswordHash
	if hash == "" {
		hash = nobodysHash
	}
	ok, stale := checkPassword(hash, password)
	if !ok || u.ID == 0 || u.PasswordHash == "" || u.Disabled {
		return "", t, models.User{}, models.Errorf(models.CodeUnauthorized, "邮箱或密码不正确")
	}
	if stale {
		if err := s.rehash(ctx, u, password); err != nil {
			return "", t, u, err
		}
	}
	secret, t, err = s.CreateToken(ctx, u.Actor(), u.ID, sessionName, SessionTime)
	return secret, t, u, err
}

// rehash replaces a hash that was made with parameters of another day, unless the password changed meanwhile.
func (s *Store) rehash(ctx context.Context, u models.User, password string) error {
	hash, err := hashPassword(password)
	if err != nil {
		return err
	}
	if err := s.db.WithContext(ctx).Model(&models.User{}).Where("id = ? AND password_hash = ?", u.ID, u.PasswordHash).
		Update("password_hash", hash).Error; err != nil {
		return fmt.Errorf("renewing a password's hash: %w", err)
	}
	return nil
}

// CheckPassword says whether this is the user's password, for changing it.
func (s *Store) CheckPassword(u models.User, password string) bool {
	hash := u.PasswordHash
	if hash == "" {
		hash = nobodysHash
	}
	ok, _ := checkPassword(hash, password)
	return ok && u.PasswordHash != ""
}

// SessionTime is how long a session lasts.
const SessionTime = 12 * time.Hour

// sessionName marks the tokens that are sessions.
const sessionName = "登录会话"

// ActorNames gives the names of the users among actors; programs and households have none.
func (s *Store) ActorNames(ctx context.Context, actors []models.Actor) (map[models.Actor]string, error) {
	var ids []int64
	for _, a := range actors {
		if id, ok := a.UserID(); ok {
			ids = append(ids, id)
		}
	}
	var users []models.User
	if err := s.db.WithContext(ctx).Where("id IN ?", ids).Find(&users).Error; err != nil {
		return nil, fmt.Errorf("reading the names of users: %w", err)
	}
	names := make(map[models.Actor]string, len(users))
	for _, u := range users {
		names[u.Actor()] = u.Name
	}
	return names, nil
}
