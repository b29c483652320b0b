package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"bangfu/models"
)

// audit appends to the record within the transaction of what it records. It takes the lock that serialises all
// writers of the record, so it must be the last statement of the transaction.
func (s *Store) audit(tx *gorm.DB, actor models.Actor, action, object string, detail any) error {
	if actor == "" || action == "" || object == "" {
		return errors.New("writing the audit log: actor, action and object are required")
	}
	b, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	lock := ""
	if s.mysql { // SQLite's transactions hold the write lock from their beginning
		lock = " FOR UPDATE"
	}
	var head models.AuditAnchor
	if err := tx.Raw("SELECT seq, hash FROM audit_head WHERE id = 1"+lock).Row().Scan(&head.Seq, &head.Hash); err != nil {
		return fmt.Errorf("reading the audit log's head: %w", err)
	}
	// only now: a plain read before the lock would fix what the transaction sees, and the lock be refused where another wrote since
	district, err := s.auditDistrict(tx, object)
	if err != nil {
		return err
	}
	e := models.AuditEntry{Seq: head.Seq + 1, At: models.AuditTime(s.now()), Actor: actor, Action: action, Object: object, Detail: string(b), PrevHash: head.Hash}
	e.Hash = e.Digest()
	if err := tx.Exec("INSERT INTO audit_log (seq, at, actor, action, object, detail, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		e.Seq, e.At, e.Actor, e.Action, e.Object, e.Detail, e.PrevHash, e.Hash).Error; err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	if district != "" {
		if err := tx.Exec("INSERT INTO audit_districts (district, seq) VALUES (?, ?)", district, e.Seq).Error; err != nil {
			return fmt.Errorf("writing the audit log: %w", err)
		}
	}
	if err := tx.Exec("UPDATE audit_head SET seq = ?, hash = ? WHERE id = 1", e.Seq, e.Hash).Error; err != nil {
		return fmt.Errorf("moving the audit log's head: %w", err)
	}
	return nil
}

// auditTables are the tables whose rows are named in the record by their number, and know their district.
var auditTables = map[string]string{
	"application": "applications", "objection": "objections", "visit": "visits", "complaint": "complaints", "conflict": "conflicts",
	"certification": "certifications", "case": "cases", "report": "information_reports", "user": "users", "policy": "policies", "mail": "outbox",
	"obligation": "obligations", "duty": "obligations", "order": "orders",
	"help": "help", "help_notice": "help_notices", "consent": "consents", "bank_list": "bank_lists",
}

// auditDistrict is the district that an object belongs to, so that those who may read only their own district's record find
// it; empty if it belongs to none, or to all. It reads without locking anything.
func (s *Store) auditDistrict(tx *gorm.DB, object string) (district string, err error) {
	cut := strings.IndexAny(object, "/:")
	kind, name := object[:max(cut, 0)], object[cut+1:]
	var found []string
	id, number := strconv.ParseInt(name, 10, 64)
	switch table := auditTables[kind]; {
	case table != "" && number == nil:
		err = tx.Raw("SELECT district FROM "+table+" WHERE id = ?", id).Scan(&found).Error
	case kind == "token":
		err = tx.Raw("SELECT u.district FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.id = ?", id).Scan(&found).Error
	case kind == "document":
		err = tx.Raw("SELECT district FROM documents WHERE id = ?", name).Scan(&found).Error
	case kind == "household":
		var home models.Home
		if home, err = s.householdHome(tx, name); models.CodeOf(err) == models.CodeNotFound {
			err = nil
		}
		found = []string{home.District}
	default: // cycle/110107-2026, department/110107/tax, and a delivery, which is named by its number alone
		if len(name) >= 6 && strings.Trim(name[:6], "0123456789") == "" && (len(name) == 6 || name[6] == '-' || name[6] == '/') {
			return name[:6], nil
		}
	}
	if err != nil {
		return "", fmt.Errorf("looking for the district of an entry in the audit log: %w", err)
	}
	if len(found) == 0 {
		return "", nil
	}
	return found[0], nil
}

// Audit appends one entry to the record by itself, for what changes nothing else, such as a download.
func (s *Store) Audit(ctx context.Context, actor models.Actor, action, object string, detail any) error {
	return s.tx(ctx, func(tx *gorm.DB) error { return s.audit(tx, actor, action, object, detail) })
}

const auditColumns = "seq, at, actor, action, object, detail, prev_hash, hash"

// AuditPage gives up to limit entries after number after, oldest first; of one object if object is not empty.
func (s *Store) AuditPage(ctx context.Context, object string, after int64, limit int) ([]models.AuditEntry, error) {
	return s.DistrictAudit(ctx, "", object, after, limit)
}

// DistrictAudit is AuditPage of the entries that concern one district; of all if it is empty.
func (s *Store) DistrictAudit(ctx context.Context, district, object string, after int64, limit int) ([]models.AuditEntry, error) {
	q := s.db.WithContext(ctx).Table("audit_log a").Select("a." + auditColumns)
	switch {
	case object != "" && district != "":
		q = q.Where("a.object = ? AND EXISTS (SELECT 1 FROM audit_districts d WHERE d.district = ? AND d.seq = a.seq)", object, district)
	case object != "":
		q = q.Where("a.object = ?", object)
	case district != "": // its entries in their order, each then looked up
		q = s.db.WithContext(ctx).Table("audit_districts d").Joins(s.inOrder()+" audit_log a ON a.seq = d.seq").Select("a."+auditColumns).
			Where("d.district = ? AND d.seq > ?", district, after).Order("d.seq")
	}
	var page []models.AuditEntry
	if err := q.Where("a.seq > ?", after).Order("a.seq").Limit(limit).Find(&page).Error; err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	return page, nil
}

// VerifyAudit reads the whole record once, in order, on one snapshot, and says whether each entry is as it was
// written and follows the one before, and whether the last is the one that the head names. progress (may be nil)
// hears from time to time how many entries were read. Anchors are compared with the entries that they name.
func (s *Store) VerifyAudit(ctx context.Context, progress func(entries int64), anchors ...models.AuditAnchor) (models.AuditReport, error) {
	report := models.AuditReport{Head: models.AuditGenesis}
	broken := func(seq int64, reason string) (models.AuditReport, error) {
		report.Broken, report.Reason = seq, reason
		return report, nil
	}
	tx, err := s.sql.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return report, fmt.Errorf("verifying the audit log: %w", err)
	}
	defer func() { _ = tx.Rollback() }()

	var head models.AuditAnchor
	switch err := tx.QueryRowContext(ctx, "SELECT seq, hash FROM audit_head WHERE id = 1").Scan(&head.Seq, &head.Hash); {
	case errors.Is(err, sql.ErrNoRows):
		return broken(1, "记录的末条标记被删除")
	case err != nil:
		return report, fmt.Errorf("reading the audit log's head: %w", err)
	}
	noted := make(map[int64]string, len(anchors))
	for _, a := range anchors {
		noted[a.Seq] = a.Hash
	}

	rows, err := tx.QueryContext(ctx, "SELECT "+auditColumns+" FROM audit_log ORDER BY seq")
	if err != nil {
		return report, fmt.Errorf("reading the audit log: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e models.AuditEntry
		if err := rows.Scan(&e.Seq, &e.At, &e.Actor, &e.Action, &e.Object, &e.Detail, &e.PrevHash, &e.Hash); err != nil {
			return report, fmt.Errorf("reading the audit log: %w", err)
		}
		if reason := e.Follows(report.Entries, report.Head); reason != "" {
			return broken(e.Seq, reason)
		}
		if hash, ok := noted[e.Seq]; ok && hash != e.Hash {
			return broken(e.Seq, "与另行留存的校验值不符：记录被整体改写过")
		}
		delete(noted, e.Seq)
		report.Entries, report.Head = e.Seq, e.Hash
		if progress != nil && e.Seq%1000 == 0 {
			progress(e.Seq)
		}
	}
	if err := rows.Err(); err != nil {
		return report, fmt.Errorf("reading the audit log: %w", err)
	}
	switch {
	case report.Entries < head.Seq:
		return broken(report.Entries+1, fmt.Sprintf("末尾缺少记录：应有%d条，只有%d条", head.Seq, report.Entries))
	case report.Entries > head.Seq || report.Head != head.Hash:
		return broken(head.Seq+1, "末尾与末条标记不符：有记录未经本系统写入")
	case len(noted) > 0:
		return broken(report.Entries+1, "缺少另行留存了校验值的记录：记录被截短过")
	}
	report.Intact = true
	return report, nil
}
