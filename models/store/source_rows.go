package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"bangfu/models"
	"bangfu/models/calendar"
)

// SourceRows gives every row of a source that is in effect for a district's year, in the order of its key. The values are by
// models.Specs[source].Columns and valid until the next row.
func (s *Store) SourceRows(ctx context.Context, district string, year int, source models.Source, f func([]models.Value) error) error {
	spec := models.Specs[source]
	names := make([]string, len(spec.Columns))
	for i, c := range spec.Columns {
		names[i] = c.Name
	}
	rows, err := s.sql.QueryContext(ctx, "SELECT "+strings.Join(names, ", ")+" FROM src_"+source.String()+ //nolint:gosec // names of ours
		" WHERE district = ? AND year = ? ORDER BY "+strings.Join(spec.Key, ", "), district, year)
	if err != nil {
		return fmt.Errorf("reading the rows of %s: %w", source, err)
	}
	defer func() { _ = rows.Close() }()
	values := make([]models.Value, len(spec.Columns))
	cells := make([]any, len(spec.Columns))
	for i, c := range spec.Columns {
		cells[i] = &cell{kind: c.Kind, value: &values[i]}
	}
	for rows.Next() {
		if err := rows.Scan(cells...); err != nil {
			return fmt.Errorf("reading a row of %s: %w", source, err)
		}
		if err := f(values); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading the rows of %s: %w", source, err)
	}
	return nil
}

// cell reads a column back into what the delivery's reader made of it.
type cell struct {
	kind  models.ColumnKind
	value *models.Value
}

// Scan reads what either database's driver returns.
func (c *cell) Scan(src any) error {
	*c.value = models.Value{Null: src == nil}
	if src == nil {
		return nil
	}
	switch c.kind {
	case models.CellUSCC, models.CellText, models.CellEnum:
		var v sql.NullString
		err := v.Scan(src)
		c.value.Text = v.String
		return err
	case models.CellDate:
		var d calendar.Date
		err := d.Scan(src)
		c.value.Number = int64(d)
		return err
	default:
		var v sql.NullInt64
		err := v.Scan(src)
		c.value.Number = v.Int64
		return err
	}
}
