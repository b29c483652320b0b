package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	mysqldriver "github.com/go-sql-driver/mysql"

	"bangfu/models"
)

// ErrSuperseded says that a page belongs to work that another worker goes on with, or that was begun anew.
var ErrSuperseded = errors.New("another worker has gone on with this part of the run, or it was begun anew")

// ResultsWriter writes the results of one part of a run page by page. The page and how far the part has come are one
// transaction, so that every page is written once, whoever is killed or late. Not safe for concurrent use.
type ResultsWriter struct {
	conn *sql.Conn
	load func(ctx context.Context, tx *sql.Tx, p *FactsPage, verdicts []models.Verdict) error
	part models.RunPart
	buf  []byte
}

// OpenResults opens a writer for a part of a run, at the place that it has reached; ErrSuperseded when the part is no
// longer of this round.
func (s *Store) OpenResults(ctx context.Context, runID int64, part, round int) (*ResultsWriter, error) {
	parts, err := s.RunParts(ctx, runID)
	if err != nil {
		return nil, err
	}
	w := &ResultsWriter{}
	for _, p := range parts {
		if p.Part == part && p.Round == round {
			w.part = p
		}
	}
	if w.part.Part == 0 {
		return nil, ErrSuperseded
	}
	if w.conn, err = s.sql.Conn(ctx); err != nil {
		return nil, fmt.Errorf("reaching the database to write results: %w", err)
	}
	w.load = w.rowByRow
	if s.mysql {
		var localInfile bool
		if err := w.conn.QueryRowContext(ctx, "SELECT @@local_infile").Scan(&localInfile); err != nil {
			_ = w.conn.Close()
			return nil, fmt.Errorf("asking whether the database takes LOAD DATA LOCAL: %w", err)
		}
		if w.load = w.multiRow; localInfile && !s.noLoadData {
			w.load = w.loadData
		}
	}
	return w, nil
}

// Part is the part as far as it is judged.
func (w *ResultsWriter) Part() models.RunPart { return w.part }

// Write writes the verdicts of the next page of the part's households.
func (w *ResultsWriter) Write(ctx context.Context, p *FactsPage, verdicts []models.Verdict) error {
	if len(verdicts) == 0 {
		return nil
	}
	next := w.part
	next.At = p.USCC(len(verdicts) - 1)
	for _, v := range verdicts {
		next.Counts[v.Tier]++
	}
	if err := w.write(ctx, p, verdicts, next); err != nil {
		return fmt.Errorf("writing a page of run %d: %w", w.part.RunID, err)
	}
	w.part = next
	return nil
}

func (w *ResultsWriter) write(ctx context.Context, p *FactsPage, verdicts []models.Verdict, next models.RunPart) error {
	tx, err := w.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	c := next.Counts
	moved, err := tx.ExecContext(ctx, `UPDATE tiering_parts SET at_uscc = ?, ineligible = ?, survival = ?, growth = ?, development = ?
		WHERE run_id = ? AND part = ? AND round = ? AND at_uscc = ?`, next.At, c[models.Ineligible], c[models.Survival], c[models.Growth], c[models.Development],
		next.RunID, next.Part, next.Round, w.part.At)
	if err != nil {
		return err
	}
	if n, err := moved.RowsAffected(); err != nil || n != 1 {
		return errors.Join(ErrSuperseded, err)
	}
	if err := w.load(ctx, tx, p, verdicts); err != nil {
		return err
	}
	return tx.Commit()
}

// Close gives the connection back.
func (w *ResultsWriter) Close() error { return w.conn.Close() }

const resultColumns = "tiering_results (run_id, uscc, tier, met, not_known)"

// rowByRow is the fastest way into SQLite: one prepared statement in one transaction.
func (w *ResultsWriter) rowByRow(ctx context.Context, tx *sql.Tx, p *FactsPage, verdicts []models.Verdict) error {
	stmt, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO "+resultColumns+" VALUES (?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer func() { _ = stmt.Close() }()
	for i, v := range verdicts {
		if _, err := stmt.ExecContext(ctx, w.part.RunID, p.USCC(i), int64(v.Tier), int64(v.Met), int64(v.NotKnown)); err != nil {
			return err
		}
	}
	return nil
}

// multiRow is for servers that refuse LOAD DATA LOCAL.
func (w *ResultsWriter) multiRow(ctx context.Context, tx *sql.Tx, p *FactsPage, verdicts []models.Verdict) error {
	const most, row = 1000, "(?, ?, ?, ?, ?)"
	for from := 0; from < len(verdicts); from += most {
		some := verdicts[from:min(from+most, len(verdicts))]
		args := make([]any, 0, 5*len(some))
		for i, v := range some {
			args = append(args, w.part.RunID, p.USCC(from+i), int64(v.Tier), int64(v.Met), int64(v.NotKnown))
		}
		if _, err := tx.ExecContext(ctx, "REPLACE INTO "+resultColumns+" VALUES "+row+strings.Repeat(", "+row, len(some)-1), args...); err != nil { //nolint:gosec // constants and placeholders only
			return err
		}
	}
	return nil
}

// loadData streams the page to the server as text: 18 checked characters and numbers, nothing to escape. LOCAL turns
// errors into warnings, so that the rows are counted.
func (w *ResultsWriter) loadData(ctx context.Context, tx *sql.Tx, p *FactsPage, verdicts []models.Verdict) error {
	b := w.buf[:0]
	for i, v := range verdicts {
		b = append(strconv.AppendInt(b, w.part.RunID, 10), '\t')
		b = append(append(b, p.code(i)...), '\t')
		b = append(strconv.AppendInt(b, int64(v.Tier), 10), '\t')
		b = append(strconv.AppendInt(b, int64(v.Met), 10), '\t')
		b = append(strconv.AppendInt(b, int64(v.NotKnown), 10), '\n')
	}
	w.buf = b
	name := "bangfu-" + strconv.FormatInt(loads.Add(1), 10)
	mysqldriver.RegisterReaderHandler(name, func() io.Reader { return bytes.NewReader(b) })
	defer mysqldriver.DeregisterReaderHandler(name)
	result, err := tx.ExecContext(ctx, "LOAD DATA LOCAL INFILE 'Reader::"+name+"' REPLACE INTO TABLE tiering_results CHARACTER SET ascii (run_id, uscc, tier, met, not_known)")
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n < int64(len(verdicts)) { // a row that was there counts twice
		err = fmt.Errorf("the database took %d of %d rows", n, len(verdicts))
	}
	return err
}
