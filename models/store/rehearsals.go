package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"
	"gorm.io/gorm"

	"bangfu/models"
)

type rehearsalRow struct {
	ID        string
	District  string
	Year      int
	Number    int
	Rules     string
	State     models.RehearsalState
	Live      *int
	Reason    string
	Progress  string
	Place     string
	StartedBy models.Actor
	StartedAt time.Time
	EndedAt   *time.Time
}

func (rehearsalRow) TableName() string { return "rehearsals" }

func (r rehearsalRow) rehearsal() (models.Rehearsal, error) {
	x := models.Rehearsal{ID: r.ID, District: r.District, Year: r.Year, State: r.State, Reason: r.Reason, Place: r.Place, StartedBy: r.StartedBy, StartedAt: r.StartedAt}
	if r.EndedAt != nil {
		x.EndedAt = *r.EndedAt
	}
	if err := errors.Join(json.Unmarshal([]byte(r.Rules), &x.Rules), json.Unmarshal([]byte(r.Progress), &x.Progress)); err != nil {
		return x, fmt.Errorf("reading rehearsal %s: %w", r.ID, err)
	}
	return x, nil
}

// StartRehearsal takes a rehearsal on record; CodeConflict while another one of the district runs.
func (s *Store) StartRehearsal(ctx context.Context, actor models.Actor, rules models.RehearsalRules) (models.Rehearsal, error) {
	if err := rules.Validate(); err != nil {
		return models.Rehearsal{}, err
	}
	text, err := json.Marshal(rules)
	if err != nil {
		return models.Rehearsal{}, fmt.Errorf("writing a rehearsal's rules: %w", err)
	}
	one := 1
	row := rehearsalRow{District: rules.District, Year: rules.Year, Rules: string(text), State: models.RehearsalRunning, Live: &one, Progress: "{}",
		StartedBy: actor, StartedAt: s.now()}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		var running []string
		if err := tx.Raw("SELECT id FROM rehearsals WHERE district = ? AND live = 1", rules.District).Scan(&running).Error; err != nil {
			return err
		}
		if len(running) > 0 {
			return models.Conflict("演练 %s 正在进行或已中断，请等它结束、接着运行或删除后再开始", running[0])
		}
		if err := tx.Raw("SELECT COALESCE(MAX(number), 0) + 1 FROM rehearsals WHERE district = ? AND year = ?", rules.District, rules.Year).Scan(&row.Number).Error; err != nil {
			return err
		}
		row.ID = models.RehearsalID(rules.District, rules.Year, row.Number)
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return s.audit(tx, actor, "rehearsal.start", models.RehearsalObject(row.ID), rules)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return models.Rehearsal{}, models.Conflict("本区刚刚开始了另一次演练，请稍后查看")
	}
	if err != nil {
		return models.Rehearsal{}, fmt.Errorf("starting a rehearsal: %w", err)
	}
	return row.rehearsal()
}

// Rehearsal gives a rehearsal; CodeNotFound if there is none.
func (s *Store) Rehearsal(ctx context.Context, id string) (models.Rehearsal, error) {
	var row rehearsalRow
	switch err := s.db.WithContext(ctx).Where("id = ? AND state <> ?", id, models.RehearsalRemoved).Take(&row).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return models.Rehearsal{}, models.NotFound("没有编号为“%s”的演练", id)
	case err != nil:
		return models.Rehearsal{}, fmt.Errorf("reading rehearsal %s: %w", id, err)
	}
	return row.rehearsal()
}

// Rehearsals lists rehearsals by id after one; of one district, or of all if district is empty.
func (s *Store) Rehearsals(ctx context.Context, district, after string, limit int) ([]models.Rehearsal, error) {
	q := s.db.WithContext(ctx).Where("id > ? AND state <> ?", after, models.RehearsalRemoved)
	if district != "" {
		q = q.Where("district = ?", district)
	}
	var rows []rehearsalRow
	if err := q.Order("id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing rehearsals: %w", err)
	}
	list := make([]models.Rehearsal, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.rehearsal(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// PlaceRehearsal says on which machine a rehearsal's copy lies; CodeUnavailable if it lies on another one, which has to go on with it.
func (s *Store) PlaceRehearsal(ctx context.Context, id, place string) error {
	if err := s.db.WithContext(ctx).Model(&rehearsalRow{}).Where("id = ? AND place = ''", id).Update("place", place).Error; err != nil {
		return fmt.Errorf("placing rehearsal %s: %w", id, err)
	}
	x, err := s.Rehearsal(ctx, id)
	if err == nil && x.Place != place {
		err = models.Errorf(models.CodeUnavailable, "演练 %s 的副本在 %s 上，须由那里的工作进程接着运行", id, x.Place)
	}
	return err
}

// ReportRehearsal notes how far a running rehearsal has come.
func (s *Store) ReportRehearsal(ctx context.Context, id string, p models.RehearsalProgress) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("writing a rehearsal's progress: %w", err)
	}
	if err := s.db.WithContext(ctx).Model(&rehearsalRow{}).Where("id = ? AND live = 1", id).Update("progress", string(text)).Error; err != nil {
		return fmt.Errorf("noting the progress of rehearsal %s: %w", id, err)
	}
	return nil
}

// EndRehearsal ends a rehearsal, with the files that it leaves; reason, in Chinese, is why it failed. One that has ended stays as it is.
func (s *Store) EndRehearsal(ctx context.Context, id string, state models.RehearsalState, reason string, files map[string][]byte) error {
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		return fmt.Errorf("compressing a rehearsal's files: %w", err)
	}
	defer func() { _ = encoder.Close() }()
	err = s.tx(ctx, func(tx *gorm.DB) error {
		done := tx.Model(&rehearsalRow{}).Where("id = ? AND live = 1", id).Updates(map[string]any{"state": state, "reason": reason, "live": nil, "ended_at": s.now()})
		if done.Error != nil || done.RowsAffected == 0 {
			return done.Error
		}
		for name, content := range files {
			if err := tx.Exec("INSERT INTO rehearsal_files (rehearsal_id, name, content) VALUES (?, ?, ?)", id, name, encoder.EncodeAll(content, nil)).Error; err != nil {
				return err
			}
		}
		return s.audit(tx, models.ActorSystem, "rehearsal.end", models.RehearsalObject(id), map[string]any{"state": state})
	})
	if err != nil {
		return fmt.Errorf("ending rehearsal %s: %w", id, err)
	}
	return nil
}

// RehearsalFile gives a file that a rehearsal left; CodeNotFound if it left none of this name.
func (s *Store) RehearsalFile(ctx context.Context, id, name string) ([]byte, error) {
	var content []byte
	err := s.sql.QueryRowContext(ctx, "SELECT content FROM rehearsal_files WHERE rehearsal_id = ? AND name = ?", id, name).Scan(&content)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, models.NotFound("演练 %s 没有这份文件；演练结束后才有报告", id)
	case err != nil:
		return nil, fmt.Errorf("reading %s of rehearsal %s: %w", name, id, err)
	}
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		return nil, fmt.Errorf("reading %s of rehearsal %s: %w", name, id, err)
	}
	defer decoder.Close()
	if content, err = decoder.DecodeAll(content, nil); err != nil {
		return nil, fmt.Errorf("reading %s of rehearsal %s: %w", name, id, err)
	}
	return content, nil
}

// RemoveRehearsal removes a rehearsal and its files; its number is not given again, and that it was stays in the audit log. Again
// changes nothing.
func (s *Store) RemoveRehearsal(ctx context.Context, actor models.Actor, id string) error {
	return s.tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("DELETE FROM rehearsal_files WHERE rehearsal_id = ?", id).Error; err != nil {
			return fmt.Errorf("removing the files of rehearsal %s: %w", id, err)
		}
		gone := tx.Model(&rehearsalRow{}).Where("id = ? AND state <> ?", id, models.RehearsalRemoved).
			Updates(map[string]any{"state": models.RehearsalRemoved, "live": nil, "ended_at": s.now(), "progress": "{}", "reason": ""})
		if gone.Error != nil {
			return fmt.Errorf("removing rehearsal %s: %w", id, gone.Error)
		}
		if gone.RowsAffected == 0 {
			return nil
		}
		return s.audit(tx, actor, "rehearsal.remove", models.RehearsalObject(id), nil)
	})
}
