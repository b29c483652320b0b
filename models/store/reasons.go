package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"bangfu/models"
)

// reason is what a person wrote to justify a command or decision; processes carry only its id.
type reason struct {
	ID    int64
	Text  string
	Actor models.Actor
	At    time.Time
}

// MaxReason is the longest reason, in characters.
const MaxReason = 2000

// AddReason keeps what a person wrote as the reason of a command or decision and gives its id. The error is a
// *models.Error with CodeInvalid for a reason that is empty or too long.
func (s *Store) AddReason(ctx context.Context, actor models.Actor, text string) (int64, error) {
	return s.addReason(s.db.WithContext(ctx), actor, text)
}

func (s *Store) addReason(tx *gorm.DB, actor models.Actor, text string) (int64, error) {
	text = strings.TrimSpace(text)
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return 0, models.Invalid("reason", "请写明理由")
	case n > MaxReason:
		return 0, models.Invalid("reason", "理由最长%d字，现为%d字", MaxReason, n)
	case !utf8.ValidString(text):
		return 0, models.Invalid("reason", "理由含有无法识别的字符，请用 UTF-8 编码")
	}
	r := reason{Text: text, Actor: actor, At: s.now()}
	if err := tx.Create(&r).Error; err != nil {
		return 0, fmt.Errorf("keeping a reason: %w", err)
	}
	return r.ID, nil
}

// Reason gives the text of a reason; CodeNotFound if there is none with this id.
func (s *Store) Reason(ctx context.Context, id int64) (string, error) {
	var r reason
	switch err := s.db.WithContext(ctx).Take(&r, id).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return "", models.NotFound("没有编号为%d的理由", id)
	case err != nil:
		return "", fmt.Errorf("reading a reason: %w", err)
	}
	return r.Text, nil
}

// Reasons gives the texts of reasons by their ids; one that is not there is missing.
func (s *Store) Reasons(ctx context.Context, ids []int64) (map[int64]string, error) {
	var rows []reason
	if err := s.db.WithContext(ctx).Where("id IN ?", ids).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading reasons: %w", err)
	}
	texts := make(map[int64]string, len(rows))
	for _, r := range rows {
		texts[r.ID] = r.Text
	}
	return texts, nil
}
