package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strconv"
	"strings"
	"sync/atomic"

	mysqldriver "github.com/go-sql-driver/mysql"
	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// RowReader reads a delivery's rows; activities/files has one for each format.
type RowReader interface {
	Headers() []string
	Unknown() []string          // headers that the source does not have
	Next() (*models.Row, error) // io.EOF at the end; the row is valid until the next call
}

// Sizes of one batch between the parser and the database.
const (
	batchBytes   = 4 << 20
	batchRows    = 20_000
	batchRejects = 500
	insertRows   = 1_000 // of one multi-row statement, where LOAD DATA is not allowed
)

// batch is rows ready to be sent, and the rows rejected among them.
type batch struct {
	text    []byte // for LOAD DATA
	values  []any  // for statements
	rows    int
	rejects []models.RejectedRow
	bytes   int
}

func (b *batch) reset() {
	clear(b.values) // lets go of the texts
	*b = batch{text: b.text[:0], values: b.values[:0]}
}

// ImportDelivery brings a received delivery into effect: every row of the file, in its order, so that the last row
// of a key wins, the rejected rows, the receipt and the record, in one transaction. It takes effect whole or not at
// all, also when the process is killed. A settled delivery gives its receipt back; one that a later delivery of the
// same source has overtaken is CodeConflict. progress (may be nil) hears the number of rows read. A *models.Error
// from the reader refuses the file; the caller puts that on record with RefuseDelivery.
func (s *Store) ImportDelivery(ctx context.Context, id string, rows RowReader, progress func(read int)) (models.Delivery, error) {
	d, err := s.Delivery(ctx, id)
	if err != nil || d.State.Settled() {
		return d, err
	}
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := s.lockDeliveries(tx, d); err != nil {
			return err
		}
		if d, err = deliveryByID(tx, id); err != nil || d.State.Settled() {
			return err
		}
		var later string
		if err := tx.Raw("SELECT COALESCE(MAX(id), '') FROM deliveries WHERE district = ? AND year = ? AND source = ? AND state = ? AND sequence > ?",
			d.District, d.Year, d.Source.String(), string(models.DeliveryAccepted), d.Sequence).Row().Scan(&later); err != nil {
			return err
		}
		if later != "" {
			return models.Conflict("更晚的一次交付（%s）已经生效，本次不再导入；如以本文件为准，请重新交付", later)
		}
		i := &importer{store: s, tx: tx, d: d, spec: &models.Specs[d.Source], seed: maphash.MakeSeed(), keys: map[uint64]uint64{}, progress: progress}
		if err := i.run(ctx, rows); err != nil {
			return err
		}
		if d, err = i.settle(rows); err != nil {
			return err
		}
		return s.audit(tx, models.Actor(d.By), "delivery.accepted", d.ID, map[string]any{"sha256": d.SHA256, "rows": d.Rows})
	})
	if err != nil {
		return d, fmt.Errorf("importing delivery %s: %w", id, err)
	}
	return d, nil
}

// lockDeliveries lets one import of a source and year run at a time, so that deliveries take effect in their order:
// the first delivery's row is the lock. The delivery's own row is held too, so that nobody refuses it meanwhile.
// SQLite's transactions hold the one write lock anyway.
func (s *Store) lockDeliveries(tx *gorm.DB, d models.Delivery) error {
	if !s.mysql {
		return nil
	}
	for _, sequence := range [...]int{1, d.Sequence} {
		var id string
		if err := tx.Raw("SELECT id FROM deliveries WHERE district = ? AND year = ? AND source = ? AND sequence = ? FOR UPDATE",
			d.District, d.Year, d.Source.String(), sequence).Row().Scan(&id); err != nil {
			return fmt.Errorf("waiting for earlier deliveries: %w", err)
		}
	}
	return nil
}

type importer struct {
	store    *Store
	tx       *gorm.DB
	d        models.Delivery
	spec     *models.SourceSpec
	key      []int // indexes of the key's columns
	seed     maphash.Seed
	keys     map[uint64]uint64 // hash of an accepted key → hash of its row's code
	read     atomic.Int64
	progress func(read int)
	load     func(ctx context.Context, b *batch) error
	encode   func(b *batch, r *models.Row)
	width    int    // columns of the table
	scratch  []byte // the key being counted
}

// run parses in one goroutine and loads in another; the transaction's connection is used by this one only.
func (i *importer) run(ctx context.Context, rows RowReader) error {
	i.width = len(i.spec.Columns) + 2
	for _, name := range i.spec.Key {
		for c, column := range i.spec.Columns {
			if column.Name == name {
				i.key = append(i.key, c)
			}
		}
	}
	if err := i.choose(); err != nil {
		return err
	}
	work, free := make(chan *batch, 1), make(chan *batch, 3)
	for range cap(free) {
		free <- &batch{}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(work)
		return i.parse(gctx, rows, work, free)
	})
	g.Go(func() error {
		for b := range work {
			if err := i.load(ctx, b); err != nil {
				return fmt.Errorf("loading rows: %w", err)
			}
			if err := i.reject(b.rejects); err != nil {
				return fmt.Errorf("storing rejected rows: %w", err)
			}
			if i.progress != nil {
				i.progress(int(i.read.Load()))
			}
			b.reset()
			free <- b
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

func (i *importer) parse(ctx context.Context, rows RowReader, work chan<- *batch, free <-chan *batch) error {
	var b *batch
	send := func() error {
		select {
		case work <- b:
			b = nil
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			if b != nil {
				return send()
			}
			return nil
		}
		if err != nil {
			return err
		}
		if b == nil {
			select {
			case b = <-free:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		i.read.Add(1)
		if len(row.Problems) > 0 {
			i.d.Rows.Rejected++
			b.rejects = append(b.rejects, rejected(row))
		} else {
			i.count(row.Values)
			i.encode(b, row)
			b.rows++
		}
		if b.rows >= batchRows || b.bytes >= batchBytes || len(b.text) >= batchBytes || len(b.rejects) >= batchRejects {
			if err := send(); err != nil {
				return err
			}
		}
	}
}

// count tells a repeated key from a new one, and remembers the code that the key's last row names.
func (i *importer) count(values []models.Value) {
	t := i.scratch[:0]
	for _, c := range i.key {
		t = append(t, values[c].Text...)
		t = strconv.AppendInt(append(t, 0), values[c].Number, 10)
	}
	i.scratch = t
	key := maphash.Bytes(i.seed, t)
	if _, ok := i.keys[key]; ok {
		i.d.Rows.Repeated++
	}
	i.keys[key] = maphash.String(i.seed, values[0].Text) // every source's first column is the code
}

// rejected copies a rejected row out of the reader's buffers.
func rejected(row *models.Row) models.RejectedRow {
	r := models.RejectedRow{Number: row.Number, Problems: make([]models.Problem, len(row.Problems)), Cells: make([]string, len(row.Cells))}
	for n, p := range row.Problems {
		r.Problems[n] = models.Problem{Column: p.Column, Value: shortened(p.Value, 200), Reason: p.Reason}
	}
	for n, c := range row.Cells {
		r.Cells[n] = strings.Clone(c)
	}
	return r
}

func shortened(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return strings.Clone(s)
}

// choose picks the fastest way that the database allows.
func (i *importer) choose() error {
	i.encode = i.encodeValues
	if !i.store.mysql {
		i.load = i.insert(1) // measured: SQLite takes single rows of one prepared statement faster than long ones
		return nil
	}
	var allowed bool
	if err := i.tx.Raw("SELECT @@local_infile").Row().Scan(&allowed); err != nil {
		return fmt.Errorf("asking whether LOAD DATA is allowed: %w", err)
	}
	if !allowed || i.store.noLoadData {
		i.load = i.insert(insertRows)
		return nil
	}
	i.encode = i.encodeText
	i.load = i.loadData
	return nil
}

func (i *importer) columns() string {
	names := make([]string, 0, i.width)
	names = append(names, "district", "year")
	for _, c := range i.spec.Columns {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

func (i *importer) table() string { return "src_" + i.d.Source.String() }

// encodeText appends a row as LOAD DATA reads it by default: tabs, \N for NULL, backslash escapes.
func (i *importer) encodeText(b *batch, row *models.Row) {
	t := b.text
	t = append(t, i.d.District...)
	t = append(t, '\t')
	t = strconv.AppendInt(t, int64(i.d.Year), 10)
	for n := range i.spec.Columns {
		t = append(t, '\t')
		v := &row.Values[n]
		switch kind := i.spec.Columns[n].Kind; {
		case v.Null:
			t = append(t, '\\', 'N')
		case kind == models.CellDate:
			t = calendar.Date(v.Number).AppendText(t)
		case textual(kind):
			t = appendEscaped(t, v.Text)
		default:
			t = strconv.AppendInt(t, v.Number, 10)
		}
	}
	b.text = append(t, '\n')
}

func textual(k models.ColumnKind) bool {
	return k == models.CellUSCC || k == models.CellText || k == models.CellEnum
}

func appendEscaped(t []byte, s string) []byte {
	for n := range len(s) {
		switch c := s[n]; c {
		case '\\', '\t', '\n':
			t = append(t, '\\', c)
		case 0:
			t = append(t, '\\', '0')
		default:
			t = append(t, c)
		}
	}
	return t
}

// encodeValues appends a row as a statement's arguments.
func (i *importer) encodeValues(b *batch, row *models.Row) {
	b.values = append(b.values, i.d.District, i.d.Year)
	for n := range i.spec.Columns {
		v := &row.Values[n]
		switch kind := i.spec.Columns[n].Kind; {
		case v.Null:
			b.values = append(b.values, nil)
		case kind == models.CellDate:
			b.values = append(b.values, calendar.Date(v.Number).String())
		case textual(kind):
			b.values = append(b.values, strings.Clone(v.Text))
			b.bytes += len(v.Text)
		default:
			b.values = append(b.values, v.Number)
		}
	}
}

var loads atomic.Int64 // names each LOAD DATA's reader in the driver's registry

// loadData streams a batch through the driver. Every value was checked to fit, so that a warning is an error here.
func (i *importer) loadData(ctx context.Context, b *batch) error {
	if b.rows == 0 {
		return nil
	}
	name := "bangfu-" + strconv.FormatInt(loads.Add(1), 10)
	mysqldriver.RegisterReaderHandler(name, func() io.Reader { return bytes.NewReader(b.text) })
	defer mysqldriver.DeregisterReaderHandler(name)
	conn := i.tx.Statement.ConnPool
	if _, err := conn.ExecContext(ctx, "LOAD DATA LOCAL INFILE 'Reader::"+name+"' REPLACE INTO TABLE "+i.table()+" CHARACTER SET utf8mb4 ("+i.columns()+")"); err != nil {
		return err
	}
	var warnings int
	if err := conn.QueryRowContext(ctx, "SELECT @@warning_count").Scan(&warnings); err != nil {
		return err
	}
	if warnings == 0 {
		return nil
	}
	return fmt.Errorf("the database altered %d values of %s", warnings, i.table())
}

// insert gives a load by statements of up to n rows.
func (i *importer) insert(n int) func(ctx context.Context, b *batch) error {
	statement := func(rows int) string {
		one := "(?" + strings.Repeat(", ?", i.width-1) + ")"
		return "REPLACE INTO " + i.table() + " (" + i.columns() + ") VALUES " + one + strings.Repeat(", "+one, rows-1)
	}
	return func(ctx context.Context, b *batch) error {
		conn := i.tx.Statement.ConnPool
		values := b.values
		if len(values) >= n*i.width {
			full, err := conn.PrepareContext(ctx, statement(n))
			if err != nil {
				return err
			}
			defer func() { _ = full.Close() }()
			for ; len(values) >= n*i.width; values = values[n*i.width:] {
				if _, err := full.ExecContext(ctx, values[:n*i.width]...); err != nil {
					return err
				}
			}
		}
		if len(values) == 0 {
			return nil
		}
		_, err := conn.ExecContext(ctx, statement(len(values)/i.width), values...)
		return err
	}
}

func (i *importer) reject(rejects []models.RejectedRow) error {
	const perStatement = 100
	for len(rejects) > 0 {
		page := rejects[:min(perStatement, len(rejects))]
		rejects = rejects[len(page):]
		values := make([]any, 0, 4*len(page))
		for _, r := range page {
			problems, err1 := json.Marshal(r.Problems)
			cells, err2 := json.Marshal(r.Cells)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			values = append(values, i.d.ID, r.Number, string(problems), string(cells))
		}
		statement := "INSERT INTO delivery_rejects (delivery_id, row_no, problems, cells) VALUES (?, ?, ?, ?)" + strings.Repeat(", (?, ?, ?, ?)", len(page)-1)
		if err := i.tx.Exec(statement, values...).Error; err != nil {
			return err
		}
	}
	return nil
}

// settle counts, and writes the receipt.
func (i *importer) settle(rows RowReader) (models.Delivery, error) {
	d := i.d
	d.Rows.Read = int(i.read.Load())
	d.Rows.Accepted = len(i.keys)
	if d.Source != models.SourceRegistry {
		var err error
		if d.Rows.Unmatched, err = i.unmatched(); err != nil {
			return d, fmt.Errorf("comparing with the registry: %w", err)
		}
	}
	d.State, d.SettledAt = models.DeliveryAccepted, i.store.now()
	d.UnknownColumns = append([]string{}, rows.Unknown()...)
	headers, err1 := json.Marshal(append([]string{}, rows.Headers()...))
	unknown, err2 := json.Marshal(d.UnknownColumns)
	if err := errors.Join(err1, err2); err != nil {
		return d, err
	}
	return d, i.tx.Exec(`UPDATE deliveries SET state = ?, rows_read = ?, rows_accepted = ?, rows_repeated = ?, rows_rejected = ?,
		rows_unmatched = ?, headers = ?, unknown_columns = ?, settled_at = ? WHERE id = ?`,
		string(d.State), d.Rows.Read, d.Rows.Accepted, d.Rows.Repeated, d.Rows.Rejected,
		d.Rows.Unmatched, string(headers), string(unknown), d.SettledAt, d.ID).Error
}

// unmatched counts the accepted rows whose code the registry does not hold.
func (i *importer) unmatched() (int, error) {
	if len(i.keys) == 0 {
		return 0, nil
	}
	registry := map[uint64]struct{}{}
	rows, err := i.tx.Raw("SELECT uscc FROM src_registry WHERE district = ? AND year = ?", i.d.District, i.d.Year).Rows()
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	var code string
	for rows.Next() {
		if err := rows.Scan(&code); err != nil {
			return 0, err
		}
		registry[maphash.String(i.seed, code)] = struct{}{}
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	n := 0
	for _, code := range i.keys {
		if _, ok := registry[code]; !ok {
			n++
		}
	}
	return n, nil
}
