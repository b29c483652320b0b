package store

import (
	"context"
	"fmt"

	"bangfu/models"
)

// RankItem is an application in the comparison as it is listed to officials.
type RankItem struct {
	models.Rank
	USCC     string
	Name     string
	Street   string
	Tier     models.Tier
	Category models.Category
	Origin   models.Origin
	State    models.ApplicationState
	Reason   string // of a departure from the proposal
}

// Ranking lists a cycle's comparison in order, after a place (0 = from the first).
func (s *Store) Ranking(ctx context.Context, cycleID string, after, limit int) ([]RankItem, error) {
	var rows []struct {
		Row      rankRow `gorm:"embedded"`
		USCC     string  `gorm:"column:uscc"`
		Name     string
		Street   string
		Tier     models.Tier
		Category models.Category
		Origin   models.Origin
		State    models.ApplicationState
		Reason   string
	}
	err := s.db.WithContext(ctx).Raw(`SELECT r.*, a.uscc, a.name, a.street, a.tier, a.category, a.origin, a.state, COALESCE(t.text, '') AS reason
		FROM selection_ranks r JOIN applications a ON a.id = r.application_id LEFT JOIN reasons t ON t.id = r.reason_id
		WHERE r.cycle_id = ? AND r.place > ? ORDER BY r.place LIMIT ?`, cycleID, after, limit).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("listing the comparison of %s: %w", cycleID, err)
	}
	list := make([]RankItem, len(rows))
	for i, r := range rows {
		k, err := r.Row.rank()
		if err != nil {
			return nil, err
		}
		list[i] = RankItem{Rank: k, USCC: r.USCC, Name: r.Name, Street: r.Street, Tier: r.Tier, Category: r.Category, Origin: r.Origin, State: r.State, Reason: r.Reason}
	}
	return list, nil
}

// NoticeKey is the place of a notice in a list; the zero one is the beginning.
type NoticeKey struct {
	CycleID string
	Number  int
}

// NoticeHead is a notice without its households, and how many are on it.
type NoticeHead struct {
	models.Notice
	Listed int64
}

// PublicNotices lists a district's notices, the newest first, of one year or (0) of every year, after a key.
func (s *Store) PublicNotices(ctx context.Context, district string, year int, after NoticeKey, limit int) ([]NoticeHead, error) {
	q := s.db.WithContext(ctx).Table("notices n").Select("n.*, (SELECT COUNT(*) FROM notice_entries e WHERE e.cycle_id = n.cycle_id AND e.number = n.number AND e.state = ?) AS listed", models.EntryListed)
	if year != 0 {
		q = q.Where("n.cycle_id = ?", models.CycleID(district, year))
	} else {
		q = q.Where("n.cycle_id LIKE ?", district+"-%")
	}
	if after.Number != 0 {
		q = q.Where("n.cycle_id < ? OR n.cycle_id = ? AND n.number < ?", after.CycleID, after.CycleID, after.Number)
	}
	var list []NoticeHead
	if err := q.Order("n.cycle_id DESC, n.number DESC").Limit(limit).Scan(&list).Error; err != nil {
		return nil, fmt.Errorf("listing the notices of %s: %w", district, err)
	}
	return list, nil
}

// Notices gives the notices of a cycle, in order.
func (s *Store) Notices(ctx context.Context, cycleID string) ([]models.Notice, error) {
	var list []models.Notice
	if err := s.db.WithContext(ctx).Where("cycle_id = ?", cycleID).Order("number").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("reading the notices of %s: %w", cycleID, err)
	}
	return list, nil
}

// NoticeEntryKey is the place of a household in a cycle's lists; the zero one is the beginning.
type NoticeEntryKey struct {
	Number int
	USCC   string
}

// NoticeEntries lists the households of a cycle's notices by number and code, after a key; public: only those that anyone sees,
// who are on a list that is still open.
func (s *Store) NoticeEntries(ctx context.Context, cycleID string, public bool, after NoticeEntryKey, limit int) ([]models.NoticeEntry, error) {
	q := s.db.WithContext(ctx).Table("notice_entries e").Select("e.*").Where("e.cycle_id = ?", cycleID)
	if public {
		q = q.Joins("JOIN notices n ON n.cycle_id = e.cycle_id AND n.number = e.number").Where("n.closed_on IS NULL AND e.state = ?", models.EntryListed)
	}
	if after.Number != 0 {
		q = q.Where("e.number > ? OR e.number = ? AND e.uscc > ?", after.Number, after.Number, after.USCC)
	}
	var list []models.NoticeEntry
	if err := q.Order("e.number, e.uscc").Limit(limit).Scan(&list).Error; err != nil {
		return nil, fmt.Errorf("listing the households under notice of %s: %w", cycleID, err)
	}
	return list, nil
}
