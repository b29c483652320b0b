package store

import (
	"context"
	"fmt"
	"math"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// noticeClause is what a public notice rests on: 做好信息公示和异议处理工作.
const noticeClause = "三(二)"

// season is what the public notice of a cycle is made by.
type season struct {
	models.Cycle
	workdays *calendar.Workdays
	days     int // of a period
}

func (s *Store) season(ctx context.Context, cycleID string) (season, error) {
	c, err := s.Cycle(ctx, cycleID)
	if err != nil {
		return season{}, err
	}
	law, err := s.PolicyByID(ctx, c.PolicyID)
	if err != nil {
		return season{}, err
	}
	w, err := s.Workdays(ctx)
	return season{Cycle: c, workdays: w, days: law.Workdays("notice.days")}, err
}

// notices gives the notices of the cycle's present start, in order.
func (c season) notices(tx *gorm.DB) ([]models.Notice, error) {
	var list []models.Notice
	if err := tx.Where("cycle_id = ? AND at >= ?", c.ID, c.StartedAt).Order("number").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("reading the notices of %s: %w", c.ID, err)
	}
	return list, nil
}

// PublishNotice makes the list of all who are proposed public (公示, 三(二)), once per start of a cycle: from the day after, for as many
// working days as the policy says. Nothing is published when nobody is proposed.
func (s *Store) PublishNotice(ctx context.Context, cycleID string, today calendar.Date) (models.NoticeBoard, error) {
	failed := func(err error) (models.NoticeBoard, error) {
		return models.NoticeBoard{}, fmt.Errorf("publishing the notice of %s: %w", cycleID, err)
	}
	c, err := s.season(ctx, cycleID)
	if err != nil {
		return failed(err)
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if _, err := s.lockPlaces(tx, cycleID); err != nil {
			return err
		}
		known, err := c.notices(tx)
		if err != nil || len(known) > 0 {
			return err
		}
		var rows []applicationRow
		err = s.forUpdate(tx).Where("cycle_id = ? AND state = ?", cycleID, models.ApplicationProposed).Order("id").Find(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		list := make([]models.Application, len(rows))
		for i, r := range rows {
			list[i] = r.application()
		}
		err = tx.Model(&models.Notice{}).Where("cycle_id = ? AND closed_on IS NULL", cycleID).Update("closed_on", today).Error // of an earlier start
		if err != nil {
			return err
		}
		return s.publishList(tx, c, list, today)
	})
	if err != nil {
		return failed(err)
	}
	return s.noticeBoard(ctx, c)
}

// publishList makes one list public, with the next number.
func (s *Store) publishList(tx *gorm.DB, c season, list []models.Application, today calendar.Date) error {
	n := models.Notice{CycleID: c.ID, PublishedOn: today, WorkingDays: c.days, At: s.now()}
	if err := tx.Raw("SELECT COALESCE(MAX(number), 0) + 1 FROM notices WHERE cycle_id = ?", c.ID).Row().Scan(&n.Number); err != nil {
		return err
	}
	n.EndsOn, n.Announced = models.NoticePeriod(c.workdays, today, c.days)
	entries := make([]models.NoticeEntry, len(list))
	for i, a := range list {
		entries[i] = models.NoticeEntry{CycleID: c.ID, Number: n.Number, ApplicationID: a.ID, USCC: a.USCC, Name: a.Name, Tier: a.Tier, Category: a.Category,
			State: models.EntryListed}
	}
	n.SHA256 = models.NoticeHash(n, entries)
	if err := tx.Create(&n).Error; err != nil {
		return err
	}
	if err := tx.CreateInBatches(entries, rankPage).Error; err != nil {
		return err
	}
	text := fmt.Sprintf("公示第 %d 号名单 %d 户，公示 %d 个工作日，至%s", n.Number, len(list), n.WorkingDays, n.EndsOn.Chinese())
	if !n.Announced {
		text += "（" + calendar.Unannounced + "）"
	}
	if err := s.cycleEvent(tx, c.ID, fmt.Sprintf("%d/notice/%d", c.Attempt, n.Number), today, models.StageNotice, text, 0, models.ActorSystem); err != nil {
		return err
	}
	return s.audit(tx, models.ActorSystem, "notice.publish", "cycle/"+c.ID, map[string]any{"number": n.Number, "on": today, "ends_on": n.EndsOn,
		"announced": n.Announced, "sha256": n.SHA256, "households": len(entries)})
}

// TendNotice brings a cycle's public notice up to date, as often as it is asked: periods that were reckoned into a year without a
// calendar are reckoned again once it is announced; who withdrew or was refused leaves the list; a place that became free goes to the
// first of the waiting list if a full period from today still fits before the certification is due, else it stays empty, on record with
// the reason. It says where the notice then stands.
func (s *Store) TendNotice(ctx context.Context, cycleID string, certificationDue, today calendar.Date) (models.NoticeBoard, error) {
	failed := func(err error) (models.NoticeBoard, error) {
		return models.NoticeBoard{}, fmt.Errorf("tending the notice of %s: %w", cycleID, err)
	}
	c, err := s.season(ctx, cycleID)
	if err != nil {
		return failed(err)
	}
	endsOn, _ := models.NoticePeriod(c.workdays, today, c.days)
	fits := endsOn <= certificationDue
	board, err := s.SelectionBoard(ctx, cycleID)
	if err != nil {
		return failed(err)
	}
	if fits && board.Free > 0 && board.Waiting > 0 {
		if board.Unranked > 0 { // who came to the waiting list by an objection takes the place that is due
			if _, err := s.RankSelection(ctx, cycleID, today, func() {}); err != nil {
				return failed(err)
			}
		}
		if err := s.checkWaiting(ctx, c.Cycle, int(board.Free), today); err != nil {
			return failed(err)
		}
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if _, err := s.lockPlaces(tx, cycleID); err != nil {
			return err
		}
		list, err := c.notices(tx)
		if err != nil {
			return err
		}
		first := math.MaxInt32 // lists of an earlier start of the cycle are over
		if len(list) > 0 {
			first = list[0].Number
		}
		if err := s.reckonAgain(tx, c, list); err != nil {
			return err
		}
		if err := s.dropGone(tx, c, first, today); err != nil {
			return err
		}
		return s.fillVacancies(tx, c, first, fits, today)
	})
	if err != nil {
		return failed(err)
	}
	return s.noticeBoard(ctx, c)
}

// reckonAgain gives the periods that ended by a calendar not announced their right end once it is.
func (s *Store) reckonAgain(tx *gorm.DB, c season, list []models.Notice) error {
	for _, n := range list {
		if n.Announced || n.ClosedOn != 0 {
			continue
		}
		endsOn, announced := models.NoticePeriod(c.workdays, n.PublishedOn, n.WorkingDays)
		if endsOn == n.EndsOn && !announced {
			continue
		}
		err := tx.Model(&models.Notice{}).Where("cycle_id = ? AND number = ?", c.ID, n.Number).Updates(map[string]any{"ends_on": endsOn, "announced": announced}).Error
		if err != nil {
			return err
		}
		err = s.audit(tx, models.ActorSystem, "notice.reckon", "cycle/"+c.ID, map[string]any{"number": n.Number, "before": n.EndsOn, "ends_on": endsOn, "announced": announced})
		if err != nil {
			return err
		}
	}
	return nil
}

// dropGone takes those off the lists who are no longer proposed and were not removed by an objection.
func (s *Store) dropGone(tx *gorm.DB, c season, first int, today calendar.Date) error {
	var gone []struct {
		Number        int
		ApplicationID int64
		State         models.ApplicationState
		ClosedOn      calendar.Date
		ReasonID      int64
	}
	err := tx.Raw(`SELECT e.number, e.application_id, a.state, a.closed_on, a.reason_id FROM notice_entries e JOIN applications a ON a.id = e.application_id
		WHERE e.cycle_id = ? AND e.number >= ? AND e.state = ? AND a.state NOT IN ? ORDER BY e.number, e.application_id`,
		c.ID, first, models.EntryListed, []models.ApplicationState{models.ApplicationProposed, models.ApplicationCertified}).Scan(&gone).Error
	if err != nil {
		return err
	}
	for _, g := range gone {
		on := g.ClosedOn
		if on == 0 {
			on = today
		}
		err := tx.Model(&models.NoticeEntry{}).Where("cycle_id = ? AND number = ? AND application_id = ?", c.ID, g.Number, g.ApplicationID).
			Updates(map[string]any{"state": models.EntryLeft(g.State), "removed_on": on, "reason_id": g.ReasonID}).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// fillVacancies moves the waiting list up, on a list of its own, and puts on record what became of each place that was left.
func (s *Store) fillVacancies(tx *gorm.DB, c season, first int, fits bool, today calendar.Date) error {
	var left []models.NoticeEntry
	err := tx.Where("cycle_id = ? AND number >= ? AND state <> ? AND vacancy IN ?", c.ID, first, models.EntryListed, []models.Vacancy{"", models.VacancyNobody}).
		Order("number, application_id").Find(&left).Error
	if err != nil {
		return err
	}
	var moved []models.Application
	if fits {
		if moved, err = s.moveUp(tx, c.ID, false, today); err != nil {
			return err
		}
	}
	if len(moved) > 0 {
		if err := s.publishList(tx, c, moved, today); err != nil {
			return err
		}
	}
	var waiting int64
	if err := tx.Model(&applicationRow{}).Where("cycle_id = ? AND state = ?", c.ID, models.ApplicationWaiting).Count(&waiting).Error; err != nil {
		return err
	}
	for i, e := range left {
		v, successor := models.VacancyNobody, int64(0)
		switch {
		case i < len(moved):
			v, successor = models.VacancyFilled, moved[i].ID
		case waiting > 0 && !fits:
			v = models.VacancyTooLate
		}
		if v == e.Vacancy {
			continue
		}
		err := tx.Model(&models.NoticeEntry{}).Where("cycle_id = ? AND number = ? AND application_id = ?", c.ID, e.Number, e.ApplicationID).
			Updates(map[string]any{"vacancy": v, "successor": successor}).Error
		if err != nil {
			return err
		}
		key := fmt.Sprintf("%d/vacancy/%d/%d/%s", c.Attempt, e.Number, e.ApplicationID, v)
		if err := s.cycleEvent(tx, c.ID, key, today, models.StageNotice, "公示名单空出名额 1 个："+v.Name(), e.ReasonID, models.ActorSystem); err != nil {
			return err
		}
		err = s.audit(tx, models.ActorSystem, "notice.vacancy", models.ApplicationObject(e.ApplicationID), map[string]any{"notice": e.Number, "state": e.State,
			"vacancy": v, "successor": successor, "on": today})
		if err != nil {
			return err
		}
	}
	return nil
}

// removeProposed takes a household off the public list because an objection to it was upheld: its place is free, and what
// becomes of it the notice decides (TendNotice). The error is a *models.Error where the application is not proposed any more.
func (s *Store) removeProposed(tx *gorm.DB, applicationID int64, commandID string, actor models.Actor, reasonID int64, clause string, today calendar.Date) error {
	a, err := s.application(s.forUpdate(tx), applicationID)
	if err != nil {
		return err
	}
	command := models.ApplicationCommand{CommandID: commandID, ApplicationID: applicationID, Event: models.EventRemove, Actor: actor, ReasonID: reasonID, Clause: clause}
	if done, err := s.applicationCommandDone(tx, command); err != nil || done {
		return err
	}
	if _, err := a.State.Next(models.EventRemove); err != nil {
		return err
	}
	err = tx.Model(&models.NoticeEntry{}).Where("cycle_id = ? AND application_id = ? AND state = ?", a.CycleID, a.ID, models.EntryListed).
		Updates(map[string]any{"state": models.EntryRemoved, "removed_on": today, "reason_id": reasonID}).Error
	if err != nil {
		return fmt.Errorf("taking application %d off the list: %w", a.ID, err)
	}
	return s.moveApplication(tx, &a, command, today, nil)
}

// CloseNotice ends a cycle's public notice: who still waits is not selected, with the reason, and the lists are closed. It is for a
// notice that is over. Closing again changes nothing.
func (s *Store) CloseNotice(ctx context.Context, cycleID string, today calendar.Date, progress func()) (models.NoticeBoard, error) {
	failed := func(err error) (models.NoticeBoard, error) {
		return models.NoticeBoard{}, fmt.Errorf("closing the notice of %s: %w", cycleID, err)
	}
	c, err := s.season(ctx, cycleID)
	if err != nil {
		return failed(err)
	}
	for more := true; more; {
		progress()
		if more, err = s.endWaiting(ctx, c, today); err != nil {
			return failed(err)
		}
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		key := fmt.Sprintf("%d/notice-closed", c.Attempt)
		if known, err := cycleEventKnown(tx, cycleID, key); err != nil || known {
			return err
		}
		if err := tx.Model(&models.Notice{}).Where("cycle_id = ? AND closed_on IS NULL", cycleID).Update("closed_on", today).Error; err != nil {
			return err
		}
		var listed int64
		err := tx.Raw("SELECT COUNT(DISTINCT application_id) FROM notice_entries WHERE cycle_id = ? AND state = ?", cycleID, models.EntryListed).Row().Scan(&listed)
		if err != nil {
			return err
		}
		if err := s.cycleEvent(tx, cycleID, key, today, models.StageNotice, fmt.Sprintf("公示结束：%d 户进入认定", listed), 0, models.ActorSystem); err != nil {
			return err
		}
		return s.audit(tx, models.ActorSystem, "notice.close", "cycle/"+cycleID, map[string]any{"on": today, "listed": listed})
	})
	if err != nil {
		return failed(err)
	}
	return s.noticeBoard(ctx, c)
}

// endWaiting ends a page of the waiting list, and says whether there may be more.
func (s *Store) endWaiting(ctx context.Context, c season, today calendar.Date) (more bool, err error) {
	err = s.tx(ctx, func(tx *gorm.DB) error {
		more = false
		p, err := s.lockPlaces(tx, c.ID)
		if err != nil {
			return err
		}
		var rows []applicationRow
		if err := tx.Raw(waitingSQL(false)+s.locking(), c.ID, models.ApplicationWaiting, rankPage).Scan(&rows).Error; err != nil || len(rows) == 0 {
			return err
		}
		more = len(rows) == rankPage
		free, err := freeSeats(tx, c.ID)
		if err != nil {
			return err
		}
		text, clause := fmt.Sprintf("本年度认定名额 %d 个均已使用，候补未能递补", p.Places), "附三(四)"
		if len(free) > 0 {
			text, clause = "公示期内空出的名额，剩余时间不足一个完整公示期，不再递补", noticeClause
		}
		reason, err := s.addReason(tx, models.ActorSystem, text)
		if err != nil {
			return err
		}
		for _, r := range rows {
			a := r.application()
			err := s.moveApplication(tx, &a, models.ApplicationCommand{CommandID: fmt.Sprintf("notice-end/%d", a.Events), ApplicationID: a.ID, Event: models.EventNotSelect,
				Actor: models.ActorSystem, ReasonID: reason, Clause: clause}, today, nil)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return more, err
}

// noticeBoard says where a cycle's public notice stands.
func (s *Store) noticeBoard(ctx context.Context, c season) (b models.NoticeBoard, err error) {
	failed := func(err error) (models.NoticeBoard, error) {
		return b, fmt.Errorf("reading where the notice of %s stands: %w", c.ID, err)
	}
	db := s.db.WithContext(ctx)
	list, err := c.notices(db)
	if err != nil {
		return failed(err)
	}
	b.Notices, b.Announced = len(list), true
	for _, n := range list {
		b.EndsOn, b.Announced = max(b.EndsOn, n.EndsOn), b.Announced && n.Announced
	}
	if len(list) > 0 {
		err := db.Raw(`SELECT COALESCE(SUM(CASE WHEN state = ? THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN state <> ? THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN number > ? THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN vacancy IN (?, ?) THEN 1 ELSE 0 END), 0)
			FROM notice_entries WHERE cycle_id = ? AND number >= ?`, models.EntryListed, models.EntryListed, list[0].Number, models.VacancyNobody, models.VacancyTooLate,
			c.ID, list[0].Number).Row().Scan(&b.Listed, &b.Left, &b.MovedUp, &b.Empty)
		if err != nil {
			return failed(err)
		}
	}
	if err := db.Model(&applicationRow{}).Where("cycle_id = ? AND state = ?", c.ID, models.ApplicationWaiting).Count(&b.Waiting).Error; err != nil {
		return failed(err)
	}
	if b.Objections, err = s.OpenObjections(ctx, c.ID, models.ObjectionNotice); err != nil {
		return failed(err)
	}
	unnoticed, err := s.UnnoticedApplications(ctx, c.ID, 0, 1)
	b.Changed = len(unnoticed) > 0
	return b, err
}
