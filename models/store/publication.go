package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
	"bangfu/models/calendar"
)

// PublishTiers makes the tiers that count in a cycle's current run public, all of them at once: what is already public and
// the same stays as it was, so that publishing again changes nothing.
func (s *Store) PublishTiers(ctx context.Context, cycleID string, today calendar.Date) (models.Published, error) {
	var p models.Published
	run, err := s.CurrentRun(ctx, cycleID)
	if err != nil {
		return p, err
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		scope := []any{run.District, run.Year}
		stale := tx.Exec("DELETE FROM published_tiers WHERE district = ? AND year = ? AND NOT EXISTS (SELECT 1"+s.effectiveFrom()+
			" AND r.uscc = published_tiers.uscc AND g.name = published_tiers.name AND "+effectiveTierSQL+" = published_tiers.tier)",
			append(scope, effectiveArgs(run)...)...)
		if stale.Error != nil {
			return stale.Error
		}
		fresh := tx.Exec("INSERT INTO published_tiers (district, year, uscc, name, tier, run_id, published_on) SELECT ?, ?, r.uscc, g.name, "+effectiveTierSQL+", ?, ?"+
			s.effectiveFrom()+" AND NOT EXISTS (SELECT 1 FROM published_tiers p WHERE p.uscc = r.uscc AND p.year = ? AND p.district = ?)",
			append(append([]any{run.District, run.Year, run.ID, today}, effectiveArgs(run)...), run.Year, run.District)...)
		if fresh.Error != nil {
			return fresh.Error
		}
		if err := tx.Raw("SELECT COUNT(*) FROM published_tiers WHERE district = ? AND year = ?", scope...).Scan(&p.Households).Error; err != nil {
			return err
		}
		p.Changed = fresh.RowsAffected
		p.Withdrawn = max(0, stale.RowsAffected-fresh.RowsAffected)
		if stale.RowsAffected+fresh.RowsAffected == 0 {
			return nil
		}
		return s.audit(tx, models.ActorSystem, "tiering.publish", "cycle/"+cycleID, map[string]any{
			"run": run.Number, "households": p.Households, "changed": p.Changed, "withdrawn": p.Withdrawn, "on": today})
	})
	if err != nil {
		return p, fmt.Errorf("publishing the tiers of %s: %w", cycleID, err)
	}
	return p, nil
}

// PublishedPage lists, by code, up to limit published results of a district's year after a code.
func (s *Store) PublishedPage(ctx context.Context, district string, year int, after string, limit int) ([]models.PublishedTier, error) {
	rows, err := s.sql.QueryContext(ctx, "SELECT uscc, name, tier, published_on FROM published_tiers WHERE district = ? AND year = ? AND uscc > ? ORDER BY uscc LIMIT ?",
		district, year, after, limit)
	if err != nil {
		return nil, fmt.Errorf("reading published tiers: %w", err)
	}
	defer func() { _ = rows.Close() }()
	page := make([]models.PublishedTier, 0, limit)
	for rows.Next() {
		var p models.PublishedTier
		if err := rows.Scan(&p.USCC, &p.Name, &p.Tier, &p.PublishedOn); err != nil {
			return nil, fmt.Errorf("reading published tiers: %w", err)
		}
		page = append(page, p)
	}
	return page, rows.Err()
}

// PublicHouseholds answers anyone's query: up to limit households by name and code, after a place in the list ("" = from
// the beginning), and the place that follows ("" = no more). One prepared statement.
func (s *Store) PublicHouseholds(ctx context.Context, q models.PublicQuery, after string, limit int) (list []models.PublicHousehold, next string, err error) {
	today := calendar.DateOf(s.now())
	query, args := PublicByCodeSQL, []any{today, q.USCC}
	if q.USCC == "" {
		name, uscc, err := s.publicPlace(ctx, after)
		if err != nil {
			return nil, "", err
		}
		query, args = PublicByNameSQL(len(q.Names)), append(make([]any, 0, 5*len(q.Names)+2), today)
		for _, n := range q.Names {
			args = append(args, max(n, name), n+"\U0010FFFF", name, uscc, limit+1)
		}
		args = append(args, limit+1)
	}
	stmt, err := s.prepare(ctx, query) //nolint:sqlclosecheck // kept for the life of the store
	if err != nil {
		return nil, "", err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, "", fmt.Errorf("looking up households: %w", err)
	}
	defer func() { _ = rows.Close() }()
	list = make([]models.PublicHousehold, 0, min(limit+1, 16))
	for rows.Next() {
		var h models.PublicHousehold
		var year int
		var found string // the name by which the household stands in the list: perhaps an earlier one
		var category models.Category
		if err := rows.Scan(&h.USCC, &year, &h.Name, &h.Tier, &found, &category); err != nil {
			return nil, "", fmt.Errorf("looking up households: %w", err)
		}
		h.Category = category.Name()
		// the newest year comes first, and with it the name and tier that are shown
		if last := len(list) - 1; last >= 0 && list[last].USCC == h.USCC {
			if years := &list[last].Years; !slices.Contains(*years, year) {
				*years = append(*years, year)
			}
		} else {
			h.Years = []int{year}
			list = append(list, h)
		}
		if len(list) == limit && h.Name == found {
			next = h.USCC + "." + strconv.Itoa(year)
		}
	}
	if len(list) <= limit {
		return list, "", rows.Err()
	}
	return list[:limit], next, rows.Err()
}

// publicCategory is the category of a household's certification that is valid on a date (附三(一)); its one argument is the date.
const publicCategory = "COALESCE((SELECT c.category FROM certifications c WHERE c.uscc = p.uscc AND c.state = 'valid' AND c.valid_until >= ? ORDER BY c.year DESC LIMIT 1), '')"

// PublicByCodeSQL looks for one household. Arguments: the date of today, the code.
const PublicByCodeSQL = "SELECT p.uscc, p.year, p.name, p.tier, p.name, " + publicCategory + " FROM published_tiers p WHERE p.uscc = ? ORDER BY p.year DESC"

// PublicByNameSQL looks for households that bear, in any year, a name beginning in one of n ways. Each way is a range of
// the index, read only as far as the page. The first argument is the date of today.
func PublicByNameSQL(n int) string {
	one := "SELECT * FROM (SELECT DISTINCT name, uscc FROM published_tiers WHERE name >= ? AND name < ? AND (name > ? OR uscc > ?) ORDER BY name, uscc LIMIT ?) k"
	return "SELECT p.uscc, p.year, p.name, p.tier, m.name, " + publicCategory + " FROM (SELECT uscc, MIN(name) AS name FROM (" + one + strings.Repeat(" UNION ALL "+one, n-1) +
		") f GROUP BY uscc ORDER BY name, uscc LIMIT ?) m JOIN published_tiers p ON p.uscc = m.uscc ORDER BY m.name, m.uscc, p.year DESC"
}

// publicPlace reads a place in the list: a household, and the year of the name by which it stands there.
func (s *Store) publicPlace(ctx context.Context, after string) (name, uscc string, err error) {
	if after == "" {
		return "", "", nil
	}
	uscc, year, _ := strings.Cut(after, ".")
	err = s.sql.QueryRowContext(ctx, "SELECT name FROM published_tiers WHERE uscc = ? AND year = ? LIMIT 1", uscc, year).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", models.Invalid("after", "after 不是上一页给出的值")
	}
	if err != nil {
		return "", "", fmt.Errorf("reading the place in a list: %w", err)
	}
	return name, uscc, nil
}

// prepare gives a statement that is prepared once and kept.
func (s *Store) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if kept, ok := s.statements.Load(query); ok {
		return kept.(*sql.Stmt), nil
	}
	stmt, err := s.sql.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("preparing a statement: %w", err)
	}
	kept, loaded := s.statements.LoadOrStore(query, stmt)
	if loaded {
		_ = stmt.Close() //nolint:sqlclosecheck // another was first; this one is not used
	}
	return kept.(*sql.Stmt), nil
}

type handoverRow struct {
	CycleID    string `gorm:"primaryKey"`
	RunID      int64
	Counts     string
	SHA256     string `gorm:"column:sha256"`
	PreparedOn calendar.Date
	Receipt    string
	ReceivedOn calendar.Date
	ByActor    models.Actor
	At         time.Time
}

func (handoverRow) TableName() string { return "handovers" }

// HandoverWriter keeps a hand-over file as it is written. It counts only once it is committed. Not safe for concurrent use.
type HandoverWriter struct {
	s       *Store
	ctx     context.Context //nolint:containedctx // io.Writer has no place for it; a writer lives within one call
	cycleID string
	draft   string
	buf     []byte
	pieces  int
}

// handoverPiece is how much of the file, before compression, makes a piece.
const handoverPiece = 1 << 20

// NewHandover begins a hand-over file of a cycle, and forgets drafts that were never committed.
func (s *Store) NewHandover(ctx context.Context, cycleID string) (*HandoverWriter, error) {
	if err := s.db.WithContext(ctx).Exec("DELETE FROM handover_files WHERE cycle_id = ? AND sha256 LIKE 'draft-%'", cycleID).Error; err != nil {
		return nil, fmt.Errorf("forgetting an unfinished hand-over file: %w", err)
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return &HandoverWriter{s: s, ctx: ctx, cycleID: cycleID, draft: "draft-" + hex.EncodeToString(b[:]), buf: make([]byte, 0, handoverPiece)}, nil
}

// Write takes the next bytes of the file.
func (w *HandoverWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		some := min(len(p), handoverPiece-len(w.buf))
		w.buf = append(w.buf, p[:some]...)
		p = p[some:]
		if len(w.buf) == handoverPiece {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (w *HandoverWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		return fmt.Errorf("compressing a hand-over file: %w", err)
	}
	w.pieces++
	err = w.s.db.WithContext(w.ctx).Exec("INSERT INTO handover_files (cycle_id, sha256, piece, content) VALUES (?, ?, ?, ?)",
		w.cycleID, w.draft, w.pieces, enc.EncodeAll(w.buf, nil)).Error
	w.buf = w.buf[:0]
	if err != nil {
		return fmt.Errorf("keeping a hand-over file: %w", err)
	}
	return nil
}

// Commit makes the file the cycle's hand-over. The same file again changes nothing, its receipt included; another one
// takes the place of one that was not handed over, and needs a receipt of its own.
func (w *HandoverWriter) Commit(h models.Handover) error {
	if err := w.flush(); err != nil {
		return err
	}
	counts, err := json.Marshal(h.Counts)
	if err != nil {
		return fmt.Errorf("writing counts: %w", err)
	}
	s := w.s
	err = s.tx(w.ctx, func(tx *gorm.DB) error {
		var old handoverRow
		err := s.forUpdate(tx).Where("cycle_id = ?", w.cycleID).Take(&old).Error
		if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
			return err
		}
		if old.SHA256 == h.SHA256 {
			return tx.Exec("DELETE FROM handover_files WHERE cycle_id = ? AND sha256 = ?", w.cycleID, w.draft).Error
		}
		if old.SHA256 != "" && old.Receipt == "" {
			if err := tx.Exec("DELETE FROM handover_files WHERE cycle_id = ? AND sha256 = ?", w.cycleID, old.SHA256).Error; err != nil {
				return err
			}
		}
		// an earlier file with this very content may be there, of a hand-over before the last
		if err := tx.Exec("DELETE FROM handover_files WHERE cycle_id = ? AND sha256 = ?", w.cycleID, h.SHA256).Error; err != nil {
			return err
		}
		named := tx.Exec("UPDATE handover_files SET sha256 = ? WHERE cycle_id = ? AND sha256 = ?", h.SHA256, w.cycleID, w.draft)
		if named.Error != nil {
			return named.Error
		}
		if named.RowsAffected != int64(w.pieces) {
			return errors.New("another worker has begun this file anew")
		}
		row := handoverRow{CycleID: w.cycleID, RunID: h.RunID, Counts: string(counts), SHA256: h.SHA256, PreparedOn: h.PreparedOn, At: s.now()}
		if err := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "cycle_id"}}, UpdateAll: true}).Create(&row).Error; err != nil {
			return err
		}
		return s.audit(tx, models.ActorSystem, "handover.prepare", "cycle/"+w.cycleID, map[string]any{
			"sha256": h.SHA256, "counts": h.Counts, "on": h.PreparedOn, "before": old.SHA256})
	})
	if err != nil {
		return fmt.Errorf("keeping the hand-over of %s: %w", w.cycleID, err)
	}
	return nil
}

// Handover gives a cycle's hand-over; CodeNotFound before its file is prepared.
func (s *Store) Handover(ctx context.Context, cycleID string) (models.Handover, error) {
	var r handoverRow
	err := s.db.WithContext(ctx).Where("cycle_id = ?", cycleID).Take(&r).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return models.Handover{}, models.NotFound("%s 年度的名录汇总文件尚未生成", cycleID)
	}
	if err != nil {
		return models.Handover{}, fmt.Errorf("reading the hand-over of %s: %w", cycleID, err)
	}
	h := models.Handover{CycleID: r.CycleID, RunID: r.RunID, SHA256: r.SHA256, PreparedOn: r.PreparedOn, Receipt: r.Receipt,
		ReceivedOn: r.ReceivedOn, By: r.ByActor, At: r.At}
	if err := json.Unmarshal([]byte(r.Counts), &h.Counts); err != nil {
		return h, fmt.Errorf("reading the counts of the hand-over of %s: %w", cycleID, err)
	}
	return h, nil
}

// HandoverFile writes a cycle's hand-over file, as it was prepared, to out.
func (s *Store) HandoverFile(ctx context.Context, h models.Handover, out io.Writer) error {
	dec, err := zstd.NewReader(nil)
	if err != nil {
		return fmt.Errorf("decompressing a hand-over file: %w", err)
	}
	defer dec.Close()
	var raw []byte
	for piece := 1; ; piece++ {
		var content []byte
		err := s.sql.QueryRowContext(ctx, "SELECT content FROM handover_files WHERE cycle_id = ? AND sha256 = ? AND piece = ?", h.CycleID, h.SHA256, piece).Scan(&content)
		if errors.Is(err, sql.ErrNoRows) && piece > 1 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a hand-over file: %w", err)
		}
		if raw, err = dec.DecodeAll(content, raw[:0]); err != nil {
			return fmt.Errorf("decompressing a hand-over file: %w", err)
		}
		if _, err := out.Write(raw); err != nil {
			return fmt.Errorf("sending a hand-over file: %w", err)
		}
	}
}

// ReceiveHandover records the national register's receipt and fulfils the bureau's obligation. The same receipt again
// changes nothing; another one corrects it, on record.
func (s *Store) ReceiveHandover(ctx context.Context, cycleID, receipt string, receivedOn calendar.Date, actor models.Actor) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		var r handoverRow
		err := s.forUpdate(tx).Where("cycle_id = ?", cycleID).Take(&r).Error
		switch {
		case errors.Is(err, gorm.ErrRecordNotFound):
			return models.Conflict("名录汇总文件尚未生成，不能登记回执")
		case err != nil:
			return err
		case r.Receipt == receipt && r.ReceivedOn == receivedOn:
			return nil
		case receivedOn < r.PreparedOn:
			return models.Invalid("received_on", "回执日期 %s 早于汇总文件生成日期 %s", receivedOn, r.PreparedOn)
		}
		err = tx.Model(&handoverRow{}).Where("cycle_id = ?", cycleID).
			Updates(map[string]any{"receipt": receipt, "received_on": receivedOn, "by_actor": actor, "at": s.now()}).Error
		if err != nil {
			return err
		}
		if err := s.fulfilObligation(tx, cycleID, models.ObligationHandover, "", models.BureauCode, receivedOn, actor); err != nil {
			return err
		}
		return s.audit(tx, actor, "handover.receipt", "cycle/"+cycleID, map[string]any{"receipt": receipt, "received_on": receivedOn, "sha256": r.SHA256, "before": r.Receipt})
	})
	if err != nil {
		return fmt.Errorf("recording the receipt of %s: %w", cycleID, err)
	}
	return nil
}
