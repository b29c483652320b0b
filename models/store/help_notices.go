package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
	"bangfu/models/policy"
)

// AddHelpNotice keeps a notice before its process sends it; the same command gives the notice that it made. CodeConflict in a cycle that was
// cancelled, and for a department that the part is not of.
func (s *Store) AddHelpNotice(ctx context.Context, n models.HelpNotice) (models.HelpNotice, error) {
	if err := n.Validate(); err != nil {
		return n, err
	}
	if err := n.ByActor.Personally(); err != nil {
		return n, err
	}
	t, err := s.helpTerms(ctx, n.CycleID, n.OnDate, nil)
	if err != nil {
		return n, err
	}
	if n.Clause != "" {
		m, part, err := t.policy.Measure(n.Clause, n.Part)
		if err != nil {
			return n, err
		}
		if who := part.Responsible(t.named[MeasureKey{n.Clause, n.Part}]); !slices.Contains(who, n.Department) {
			return n, models.Invalid("department", "%s“%s”第 %d 项不由“%s”负责", m.Clause, m.Name, n.Part, t.policy.DepartmentName(n.Department))
		}
	}
	n.District, n.At = t.cycle.District, s.now()
	err = s.tx(ctx, func(tx *gorm.DB) error {
		n.ID = 0
		created := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&n)
		if created.Error != nil {
			return created.Error
		}
		if created.RowsAffected == 0 {
			asked := n
			n = models.HelpNotice{}
			if err := tx.Where("cycle_id = ? AND command_id = ?", asked.CycleID, asked.CommandID).Take(&n).Error; err != nil {
				return err
			}
			return models.Commanded{Actor: n.ByActor, RequestHash: n.RequestHash}.Same("", asked.ByActor, asked.RequestHash)
		}
		return s.audit(tx, n.ByActor, "help.notice", models.HelpNoticeObject(n.ID), map[string]any{"kind": n.Kind, "clause": n.Clause, "part": n.Part,
			"department": n.Department, "event_on": n.EventOn})
	})
	if err != nil {
		return n, fmt.Errorf("keeping a notice of help: %w", err)
	}
	return n, nil
}

// HelpNotice gives one notice; CodeNotFound if there is none.
func (s *Store) HelpNotice(ctx context.Context, id int64) (n models.HelpNotice, err error) {
	switch err := s.db.WithContext(ctx).Where("id = ?", id).Take(&n).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return n, models.NotFound("没有编号为 %d 的帮扶通知", id)
	case err != nil:
		return n, fmt.Errorf("reading notice of help %d: %w", id, err)
	}
	return n, nil
}

// HelpNotices lists a cycle's notices, newest first, before an id (0 = from the newest); of one department if it is named.
func (s *Store) HelpNotices(ctx context.Context, cycleID, department string, before int64, limit int) ([]models.HelpNotice, error) {
	q := s.db.WithContext(ctx).Where("cycle_id = ?", cycleID)
	if department != "" {
		q = q.Where("department = ?", department)
	}
	if before > 0 {
		q = q.Where("id < ?", before)
	}
	var list []models.HelpNotice
	if err := q.Order("id DESC").Limit(limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("listing the notices of help of %s: %w", cycleID, err)
	}
	return list, nil
}

// OpenHelpNotices gives a cycle's notices that are not done, oldest first: their processes may not have been started.
func (s *Store) OpenHelpNotices(ctx context.Context, cycleID string, after int64, limit int) ([]models.HelpNotice, error) {
	var list []models.HelpNotice
	err := s.db.WithContext(ctx).Where("cycle_id = ? AND done_at IS NULL AND id > ?", cycleID, after).Order("id").Limit(limit).Find(&list).Error
	if err != nil {
		return nil, fmt.Errorf("listing the open notices of help of %s: %w", cycleID, err)
	}
	return list, nil
}

// HelpNoticePage is what a page of a notice's households brought.
type HelpNoticePage struct {
	Last       string // the household after which the next page begins
	Households int
	Mailed     int
	Done       bool
}

// HelpNoticeLetter writes a notice to one household; it is called within a transaction and only computes.
type HelpNoticeLetter func(Entitled) (models.Message, error)

// NotifyHouseholds sends a notice to a page of the households that it fits, each once: who has no address in the registry, or had the year's
// notices already, is noted. One page is one transaction; doing it again changes nothing.
func (s *Store) NotifyHouseholds(ctx context.Context, n models.HelpNotice, law *policy.Policy, year int, after string, limit int, letter HelpNoticeLetter) (page HelpNoticePage, err error) {
	q := MeasureQuery{CycleID: n.CycleID, District: n.District, Year: year, Today: n.OnDate, Part: n.Part, After: after, Limit: limit}
	if n.Clause != "" {
		if q.Measure, _, err = law.Measure(n.Clause, n.Part); err != nil {
			return page, err
		}
	}
	list, err := s.MeasureHouseholds(ctx, q)
	if err != nil {
		return page, err
	}
	page.Done, page.Last = len(list) < limit, after
	if len(list) == 0 {
		return page, nil
	}
	page.Last = list[len(list)-1].USCC
	err = s.tx(ctx, func(tx *gorm.DB) error {
		page.Households, page.Mailed = 0, 0
		had, told, err := noticesHad(tx, n, list)
		if err != nil {
			return err
		}
		for _, e := range list {
			if told[e.USCC] {
				continue
			}
			row := map[string]any{"notice_id": n.ID, "uscc": e.USCC, "cycle_id": n.CycleID, "name": e.Name, "street": e.Street}
			switch {
			case had[e.USCC] >= law.Help.Notices:
				row["outcome"] = models.NoticeExhausted
			case e.Email == "":
				row["outcome"] = models.NoticeUnreachable
			default:
				m, err := letter(e)
				if err == nil {
					_, err = s.enqueue(tx, m)
				}
				if err != nil {
					return err
				}
				row["outcome"] = models.NoticeMailed
				page.Mailed++
			}
			if err := tx.Table("help_notice_households").Create(row).Error; err != nil {
				return err
			}
			page.Households++
		}
		return nil
	})
	if err != nil {
		return page, fmt.Errorf("sending notice of help %d: %w", n.ID, err)
	}
	return page, nil
}

// noticesHad counts the mails that households had in the year, and says who was told of this notice before.
func noticesHad(tx *gorm.DB, n models.HelpNotice, list []Entitled) (had map[string]int, told map[string]bool, err error) {
	codes := make([]string, len(list))
	for i, e := range list {
		codes[i] = e.USCC
	}
	var rows []struct {
		USCC string `gorm:"column:uscc"`
		N    int
	}
	if err := tx.Raw("SELECT uscc, COUNT(*) AS n FROM help_notice_households WHERE cycle_id = ? AND uscc IN ? AND outcome = ? GROUP BY uscc",
		n.CycleID, codes, models.NoticeMailed).Scan(&rows).Error; err != nil {
		return nil, nil, err
	}
	had, told = map[string]int{}, map[string]bool{}
	for _, r := range rows {
		had[r.USCC] = r.N
	}
	var before []string
	if err := tx.Raw("SELECT uscc FROM help_notice_households WHERE notice_id = ? AND uscc IN ?", n.ID, codes).Scan(&before).Error; err != nil {
		return nil, nil, err
	}
	for _, u := range before {
		told[u] = true
	}
	return had, told, nil
}

// EndHelpNotice notes that everybody whom a notice fits was told or noted, with the counts, once.
func (s *Store) EndHelpNotice(ctx context.Context, id int64) (n models.HelpNotice, err error) {
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if err := s.forUpdate(tx).Where("id = ?", id).Take(&n).Error; err != nil {
			return err
		}
		if n.DoneAt != nil {
			return nil
		}
		var counts []struct {
			Outcome models.HelpOutcome
			N       int
		}
		if err := tx.Raw("SELECT outcome, COUNT(*) AS n FROM help_notice_households WHERE notice_id = ? GROUP BY outcome", id).Scan(&counts).Error; err != nil {
			return err
		}
		now := s.now()
		n.Households, n.DoneAt = 0, &now
		for _, c := range counts {
			n.Households += c.N
			switch c.Outcome {
			case models.NoticeMailed:
				n.Mailed = c.N
			case models.NoticeUnreachable:
				n.Unreachable = c.N
			case models.NoticeExhausted:
				n.Exhausted = c.N
			}
		}
		if err := tx.Model(&n).Select("households", "mailed", "unreachable", "exhausted", "done_at").Updates(&n).Error; err != nil {
			return err
		}
		return s.audit(tx, models.ActorSystem, "help.notice_sent", models.HelpNoticeObject(id), map[string]any{"households": n.Households, "mailed": n.Mailed,
			"unreachable": n.Unreachable, "exhausted": n.Exhausted})
	})
	if err != nil {
		return n, fmt.Errorf("ending notice of help %d: %w", id, err)
	}
	return n, nil
}

// NoticedHousehold is what became of a notice for one household.
type NoticedHousehold struct {
	USCC    string `gorm:"column:uscc"`
	Name    string
	Street  string
	Outcome models.HelpOutcome
}

// NoticedHouseholds lists whom a notice fits, by code after one; only one outcome or street if they are named.
func (s *Store) NoticedHouseholds(ctx context.Context, id int64, outcome models.HelpOutcome, street, after string, limit int) ([]NoticedHousehold, error) {
	q := s.db.WithContext(ctx).Table("help_notice_households").Where("notice_id = ? AND uscc > ?", id, after)
	if outcome != "" {
		q = q.Where("outcome = ?", outcome)
	}
	if street != "" {
		q = q.Where("street = ?", street)
	}
	var list []NoticedHousehold
	if err := q.Order("uscc").Limit(limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("listing whom notice of help %d fits: %w", id, err)
	}
	return list, nil
}
