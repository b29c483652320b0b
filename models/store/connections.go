package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
)

type connectionRow struct {
	District           string `gorm:"primaryKey"`
	Source             string `gorm:"primaryKey"`
	Kind               string
	Address            string
	SecretEnv          string
	ClientCert         string
	ClientKey          string
	CAFile             string `gorm:"column:ca_file"`
	PollMinutes        int
	ReportAfterMinutes int
	Etag               string
	EtagYear           int
	LastOkAt           *time.Time
	FailingSince       *time.Time
	ReportedAt         *time.Time
	LastError          string
}

func (connectionRow) TableName() string { return "connections" }

func (r connectionRow) connection() (models.Connection, error) {
	source, err := models.ParseSource(r.Source)
	if err != nil {
		return models.Connection{}, fmt.Errorf("reading the connection %s/%s: %w", r.District, r.Source, err)
	}
	c := models.Connection{
		District: r.District, Source: source, Kind: models.Channel(r.Kind), Address: r.Address, SecretEnv: r.SecretEnv,
		ClientCert: r.ClientCert, ClientKey: r.ClientKey, CAFile: r.CAFile, Poll: r.PollMinutes, ReportAfter: r.ReportAfterMinutes,
		ETag: r.Etag, ETagYear: r.EtagYear, LastError: r.LastError,
	}
	if r.LastOkAt != nil {
		c.LastOKAt = *r.LastOkAt
	}
	if r.FailingSince != nil {
		c.FailingSince = *r.FailingSince
	}
	return c, nil
}

// SetConnection puts a connection on the list, or changes it; what is known of its last file is forgotten, so that
// the next look fetches anew. The caller has validated it.
func (s *Store) SetConnection(ctx context.Context, actor models.Actor, c models.Connection) error {
	row := connectionRow{
		District: c.District, Source: c.Source.String(), Kind: string(c.Kind), Address: c.Address, SecretEnv: c.SecretEnv,
		ClientCert: c.ClientCert, ClientKey: c.ClientKey, CAFile: c.CAFile, PollMinutes: c.Poll, ReportAfterMinutes: c.ReportAfter,
	}
	err := s.tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error; err != nil {
			return err
		}
		return s.audit(tx, actor, "connection.set", connectionObject(c.District, c.Source), map[string]any{
			"kind": row.Kind, "address": row.Address, "secret_env": row.SecretEnv, "client_cert": row.ClientCert, "client_key": row.ClientKey,
			"ca_file": row.CAFile, "poll_minutes": row.PollMinutes, "report_after_minutes": row.ReportAfterMinutes})
	})
	if err != nil {
		return fmt.Errorf("setting the connection %s/%s: %w", c.District, c.Source, err)
	}
	return nil
}

func connectionObject(district string, source models.Source) string {
	return "connection:" + district + "/" + source.String()
}

// DeleteConnection takes a connection off the list: its address is not called again. CodeNotFound if it is not on it.
func (s *Store) DeleteConnection(ctx context.Context, actor models.Actor, district string, source models.Source) error {
	return s.tx(ctx, func(tx *gorm.DB) error {
		done := tx.Exec("DELETE FROM connections WHERE district = ? AND source = ?", district, source.String())
		if done.Error != nil {
			return fmt.Errorf("deleting the connection %s/%s: %w", district, source, done.Error)
		}
		if done.RowsAffected == 0 {
			return models.NotFound("没有%s的数据连接", source.Name())
		}
		return s.audit(tx, actor, "connection.delete", connectionObject(district, source), struct{}{})
	})
}

// Connection gives a source's connection; CodeNotFound if the source is delivered by people.
func (s *Store) Connection(ctx context.Context, district string, source models.Source) (models.Connection, error) {
	var row connectionRow
	switch err := s.db.WithContext(ctx).Where("district = ? AND source = ?", district, source.String()).Take(&row).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return models.Connection{}, models.NotFound("没有%s的数据连接", source.Name())
	case err != nil:
		return models.Connection{}, fmt.Errorf("reading the connection %s/%s: %w", district, source, err)
	}
	return row.connection()
}

// Connections lists a district's connections, of every district if it is empty: at most eight a district.
func (s *Store) Connections(ctx context.Context, district string) ([]models.Connection, error) {
	q := s.db.WithContext(ctx).Order("district, source")
	if district != "" {
		q = q.Where("district = ?", district)
	}
	var rows []connectionRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing connections: %w", err)
	}
	out := make([]models.Connection, 0, len(rows))
	for _, r := range rows {
		c, err := r.connection()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// ConnectedSources lists the sources of a district that bangfu fetches itself.
func (s *Store) ConnectedSources(ctx context.Context, district string) ([]models.Source, error) {
	all, err := s.Connections(ctx, district)
	sources := make([]models.Source, 0, len(all))
	for _, c := range all {
		sources = append(sources, c.Source)
	}
	return sources, err
}

// ConnectionWorked notes that a look succeeded; etag names the file for the year once it has been imported, so that it is not
// fetched again. An empty etag leaves what is known as it is.
func (s *Store) ConnectionWorked(ctx context.Context, district string, source models.Source, year int, etag string) error {
	now := s.now()
	err := s.db.WithContext(ctx).Exec("UPDATE connections SET last_ok_at = ?, failing_since = NULL, reported_at = NULL, last_error = '' WHERE district = ? AND source = ?",
		now, district, source.String()).Error
	if err == nil && etag != "" && len(etag) <= 300 {
		err = s.db.WithContext(ctx).Exec("UPDATE connections SET etag = ?, etag_year = ? WHERE district = ? AND source = ?",
			etag, year, district, source.String()).Error
	}
	if err != nil {
		return fmt.Errorf("noting that the connection %s/%s works: %w", district, source, err)
	}
	return nil
}

// ConnectionFailed notes a failed look and gives since when the connection has been failing, and whether that must be
// told now: it has lasted for ReportAfter and was not told yet.
func (s *Store) ConnectionFailed(ctx context.Context, district string, source models.Source, reason string) (since time.Time, report bool, err error) {
	now := s.now()
	err = s.db.WithContext(ctx).Exec("UPDATE connections SET failing_since = COALESCE(failing_since, ?), last_error = ? WHERE district = ? AND source = ?",
		now, shortened(reason, 500), district, source.String()).Error
	var row connectionRow
	if err == nil {
		err = s.db.WithContext(ctx).Where("district = ? AND source = ?", district, source.String()).Limit(1).Find(&row).Error
	}
	if err != nil || row.FailingSince == nil {
		if err != nil {
			err = fmt.Errorf("noting that the connection %s/%s fails: %w", district, source, err)
		}
		return since, false, err
	}
	since = *row.FailingSince
	return since, row.ReportedAt == nil && now.Sub(since) >= time.Duration(row.ReportAfterMinutes)*time.Minute, nil
}

// ConnectionReported notes that the failure has been told; it is told again only after the connection has worked.
func (s *Store) ConnectionReported(ctx context.Context, district string, source models.Source) error {
	err := s.db.WithContext(ctx).Exec("UPDATE connections SET reported_at = ? WHERE district = ? AND source = ? AND failing_since IS NOT NULL",
		s.now(), district, source.String()).Error
	if err != nil {
		return fmt.Errorf("noting that the failure of %s/%s was told: %w", district, source, err)
	}
	return nil
}
