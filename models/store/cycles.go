package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
	"bangfu/models/calendar"
)

// cycleRow is a row of cycles.
type cycleRow struct {
	ID          string `gorm:"primaryKey"`
	District    string
	Year        int
	Stage       models.Stage
	State       models.CycleState
	Plan        string
	Clock       string
	RequestHash string
	PolicyID    int64
	WorkflowID  string
	RunID       string
	Attempt     int
	StartedBy   string
	StartedAt   time.Time
	UpdatedAt   time.Time
}

func (cycleRow) TableName() string { return "cycles" }

func (r cycleRow) cycle() (models.Cycle, error) {
	c := models.Cycle{ID: r.ID, District: r.District, Year: r.Year, Stage: r.Stage, State: r.State, PolicyID: r.PolicyID,
		WorkflowID: r.WorkflowID, RunID: r.RunID, RequestHash: r.RequestHash, Attempt: r.Attempt,
		StartedBy: r.StartedBy, StartedAt: r.StartedAt, UpdatedAt: r.UpdatedAt}
	if err := json.Unmarshal([]byte(r.Plan), &c.Plan); err != nil {
		return c, fmt.Errorf("reading the plan of cycle %s: %w", r.ID, err)
	}
	if err := json.Unmarshal([]byte(r.Clock), &c.Clock); err != nil {
		return c, fmt.Errorf("reading the clock of cycle %s: %w", r.ID, err)
	}
	return c, nil
}

// PlanYear gives a district's year by the policy in force: its calendar with the changes asked for, and what everybody owes.
func (s *Store) PlanYear(ctx context.Context, district string, year int, changes map[calendar.PlanKey]calendar.Date) (models.NewCycle, error) {
	n := models.NewCycle{District: district, Year: year}
	version, err := s.EnsurePolicy(ctx, district, year)
	if err != nil {
		return n, err
	}
	n.PolicyID = version.ID
	n.Plan, err = version.Plan()
	if err == nil {
		n.Plan, err = n.Plan.With(changes)
	}
	if err != nil {
		return n, models.Invalid("plan", "%s", err)
	}
	n.Duties = version.Duties(models.CycleID(district, year), n.Plan)
	if n.Connections, err = s.ConnectedSources(ctx, district); err != nil {
		return n, err
	}
	return n, nil
}

// OpenCycle writes the cycle and its obligations in one transaction; done once per attempt.
func (s *Store) OpenCycle(ctx context.Context, n models.NewCycle) error {
	plan, err := json.Marshal(n.Plan)
	if err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	clock, err := json.Marshal(n.Clock)
	if err != nil {
		return fmt.Errorf("writing the clock: %w", err)
	}
	now := s.now()
	row := cycleRow{ID: n.CycleID, District: n.District, Year: n.Year, Stage: models.StageCollection, State: models.CycleRunning,
		Plan: string(plan), Clock: string(clock), RequestHash: n.RequestHash, PolicyID: n.PolicyID, WorkflowID: n.WorkflowID, RunID: n.RunID,
		Attempt: n.Attempt, StartedBy: string(n.Actor), StartedAt: now, UpdatedAt: now}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		var old cycleRow
		err := tx.Where("id = ?", n.CycleID).Take(&old).Error
		switch {
		case err == nil && old.Attempt >= n.Attempt:
			return nil // written by an earlier try
		case err == nil:
			if err := tx.Save(&row).Error; err != nil {
				return err
			}
		case errors.Is(err, gorm.ErrRecordNotFound):
			if err := tx.Create(&row).Error; err != nil {
				return err
			}
		default:
			return err
		}
		for _, o := range n.Duties {
			if o.OpenedOn = n.Today; o.Missed(n.Today) {
				continue
			}
			if err := s.openObligation(tx, o); err != nil {
				return err
			}
		}
		key := fmt.Sprintf("%d/start", n.Attempt)
		if err := s.cycleEvent(tx, n.CycleID, key, n.Today, models.StageCollection, "年度工作开始", 0, n.Actor); err != nil {
			return err
		}
		return s.audit(tx, n.Actor, "cycle.start", "cycle/"+n.CycleID, map[string]any{"plan": n.Plan, "clock": n.Clock, "policy_id": n.PolicyID})
	})
	if err != nil {
		return fmt.Errorf("opening cycle %s: %w", n.CycleID, err)
	}
	return nil
}

type cycleEventRow struct {
	ID       int64 `gorm:"primaryKey"`
	CycleID  string
	EventKey string
	OnDate   calendar.Date
	Stage    models.Stage
	Text     string
	ReasonID int64
	Actor    string
	At       time.Time
}

func (cycleEventRow) TableName() string { return "cycle_events" }

// cycleEvent tells people what happened in a cycle; once per key.
func (s *Store) cycleEvent(tx *gorm.DB, cycleID, key string, on calendar.Date, stage models.Stage, text string, reasonID int64, actor models.Actor) error {
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&cycleEventRow{
		CycleID: cycleID, EventKey: key, OnDate: on, Stage: stage, Text: text, ReasonID: reasonID, Actor: string(actor), At: s.now()}).Error
}

// Cycle reads one cycle.
func (s *Store) Cycle(ctx context.Context, id string) (models.Cycle, error) {
	var row cycleRow
	err := s.db.WithContext(ctx).Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return models.Cycle{}, models.NotFound("没有编号为“%s”的年度工作", id)
	}
	if err != nil {
		return models.Cycle{}, fmt.Errorf("reading cycle %s: %w", id, err)
	}
	return row.cycle()
}

// Cycles lists cycles by id after a key; district empty = every district.
func (s *Store) Cycles(ctx context.Context, district, after string, limit int) ([]models.Cycle, error) {
	q := s.db.WithContext(ctx).Order("id").Limit(limit).Where("id > ?", after)
	if district != "" {
		q = q.Where("district = ?", district)
	}
	var rows []cycleRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing cycles: %w", err)
	}
	out := make([]models.Cycle, len(rows))
	for i, r := range rows {
		c, err := r.cycle()
		if err != nil {
			return nil, err
		}
		out[i] = c
	}
	return out, nil
}

// EnterStage records where a cycle stands; a cycle that ends closes what is still owed in it.
func (s *Store) EnterStage(ctx context.Context, cycleID string, stage models.Stage, state models.CycleState, today calendar.Date) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		var row cycleRow
		if err := tx.Where("id = ?", cycleID).Take(&row).Error; err != nil {
			return err
		}
		if row.Stage == stage && row.State == state {
			return nil
		}
		if err := tx.Model(&cycleRow{ID: cycleID}).Updates(map[string]any{"stage": stage, "state": state, "updated_at": s.now()}).Error; err != nil {
			return err
		}
		if state == models.CycleDone || state == models.CycleCancelled {
			if err := s.closeObligations(tx, cycleID, state == models.CycleCancelled, today); err != nil {
				return err
			}
		}
		if state == models.CycleCancelled {
			if err := s.withdrawOrders(tx, cycleID, today); err != nil {
				return err
			}
		}
		key := fmt.Sprintf("%d/stage/%s/%s", row.Attempt, stage, state)
		if err := s.cycleEvent(tx, cycleID, key, today, stage, "进入阶段："+stage.Info().Name, 0, "system"); err != nil {
			return err
		}
		return s.audit(tx, "system", "cycle.stage", "cycle/"+cycleID, map[string]any{"stage": stage, "state": state, "on": today})
	})
	if err != nil {
		return fmt.Errorf("recording stage %s of cycle %s: %w", stage, cycleID, err)
	}
	return nil
}

// NoteDeliveries marks as done what has been delivered, and names, in words, the required sources that are neither
// delivered nor waived, with who owes them and until when.
func (s *Store) NoteDeliveries(ctx context.Context, cycleID string, today calendar.Date) (missing []string, err error) {
	district, year, err := models.ParseCycleID(cycleID)
	if err != nil {
		return nil, err
	}
	delivered, err := s.NewestDeliveries(ctx, district, year)
	if err != nil {
		return nil, err
	}
	owed, err := s.Obligations(ctx, ObligationFilter{CycleID: cycleID, Kind: models.ObligationDelivery, State: models.ObligationOpen}, ObligationCursor{}, 1000)
	if err != nil {
		return nil, err
	}
	departments, err := s.Departments(ctx, district)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, d := range departments {
		names[d.Code] = d.Name
	}
	by := map[string]string{}
	for _, d := range delivered {
		by[d.Source.String()] = d.By
	}
	for _, o := range owed {
		who, ok := by[o.Subject]
		switch {
		case ok:
			if err := s.FulfilObligation(ctx, cycleID, o.Kind, o.Subject, o.Owner, today, models.Actor(who)); err != nil {
				return nil, err
			}
		case o.Required:
			missing = append(missing, fmt.Sprintf("%s（%s，%s前）", o.Title, names[o.Owner], o.Due.Chinese()))
		}
	}
	return missing, nil
}

// WaiveMissing closes the required deliveries that are missing, with the reason to go on without them.
func (s *Store) WaiveMissing(ctx context.Context, cycleID string, today calendar.Date, reasonID int64, actor models.Actor) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		var subjects []string
		q := "cycle_id = ? AND kind = ? AND state = ? AND required = ?"
		args := []any{cycleID, models.ObligationDelivery, models.ObligationOpen, true}
		if err := tx.Table("obligations").Where(q, args...).Order("subject").Pluck("subject", &subjects).Error; err != nil || len(subjects) == 0 {
			return err
		}
		err := tx.Table("obligations").Where(q, args...).Updates(map[string]any{
			"state": models.ObligationWaived, "done_on": today, "done_by": string(actor), "reason_id": reasonID, "updated_at": s.now()}).Error
		if err != nil {
			return err
		}
		return s.audit(tx, actor, "cycle.waive", "cycle/"+cycleID, map[string]any{"sources": subjects, "reason_id": reasonID})
	})
	if err != nil {
		return fmt.Errorf("waiving missing deliveries of %s: %w", cycleID, err)
	}
	return nil
}

type planChangeRow struct {
	ID        int64 `gorm:"primaryKey"`
	CycleID   string
	CommandID string
	Item      string
	OldDate   calendar.Date
	NewDate   calendar.Date
	ReasonID  int64
	Actor     string
	At        time.Time
}

func (planChangeRow) TableName() string { return "plan_changes" }

// Reschedule changes dates of the plan and moves the open obligations that follow them; once per command.
func (s *Store) Reschedule(ctx context.Context, cycleID, commandID string, changes map[calendar.PlanKey]calendar.Date, reasonID int64, actor models.Actor) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		var row cycleRow
		if err := s.forUpdate(tx).Where("id = ?", cycleID).Take(&row).Error; err != nil {
			return err
		}
		c, err := row.cycle()
		if err != nil {
			return err
		}
		plan, err := c.Plan.With(changes)
		if err != nil {
			return models.Invalid("changes", "%s", err)
		}
		keys := make([]string, 0, len(changes))
		for k := range changes {
			keys = append(keys, string(k))
		}
		sort.Strings(keys)
		for _, k := range keys {
			key := calendar.PlanKey(k)
			res := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&planChangeRow{CycleID: cycleID, CommandID: commandID, Item: k,
				OldDate: c.Plan[key], NewDate: changes[key], ReasonID: reasonID, Actor: string(actor), At: s.now()})
			if res.Error != nil {
				return res.Error
			}
			if res.RowsAffected == 0 {
				return nil // an earlier try of this command wrote everything
			}
		}
		var owed []obligationRow
		if err := tx.Where("cycle_id = ? AND state = ?", cycleID, models.ObligationOpen).Find(&owed).Error; err != nil {
			return err
		}
		for _, o := range owed {
			moved := o.obligation()
			if due, ok := changes[models.DueKey(o.Kind, o.Subject)]; ok {
				moved.Due = due
				if err := s.openObligation(tx, moved); err != nil {
					return err
				}
			}
		}
		if err := s.moveReviewDues(tx, cycleID, c.Plan, changes); err != nil {
			return err
		}
		text, err := json.Marshal(plan)
		if err != nil {
			return err
		}
		if err := tx.Model(&cycleRow{ID: cycleID}).Updates(map[string]any{"plan": string(text), "updated_at": s.now()}).Error; err != nil {
			return err
		}
		return s.audit(tx, actor, "cycle.reschedule", "cycle/"+cycleID, map[string]any{"changes": changes, "reason_id": reasonID})
	})
	if err != nil {
		return fmt.Errorf("rescheduling cycle %s: %w", cycleID, err)
	}
	return nil
}

// CycleCommand is an administrator's command that took effect.
type CycleCommand struct {
	CycleID   string
	CommandID string
	Command   models.Command
	Stage     models.Stage
	State     models.CycleState
	Today     calendar.Date
	ReasonID  int64
	Actor     models.Actor
}

// commandNames are the commands in words.
var commandNames = map[models.Command]string{
	models.CommandAdvance: "推进", models.CommandPause: "暂停", models.CommandResume: "恢复", models.CommandCancel: "取消",
}

// RecordCommand puts a command on record; once per command.
func (s *Store) RecordCommand(ctx context.Context, c CycleCommand) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		var row cycleRow
		if err := tx.Where("id = ?", c.CycleID).Take(&row).Error; err != nil {
			return err
		}
		res := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&cycleEventRow{CycleID: c.CycleID, EventKey: "command/" + c.CommandID,
			OnDate: c.Today, Stage: c.Stage, Text: "管理员操作：" + commandNames[c.Command], ReasonID: c.ReasonID, Actor: string(c.Actor), At: s.now()})
		if res.Error != nil || res.RowsAffected == 0 {
			return res.Error
		}
		if err := tx.Model(&cycleRow{ID: c.CycleID}).Updates(map[string]any{"state": c.State, "updated_at": s.now()}).Error; err != nil {
			return err
		}
		return s.audit(tx, c.Actor, "cycle."+string(c.Command), "cycle/"+c.CycleID, map[string]any{"stage": c.Stage, "reason_id": c.ReasonID, "on": c.Today})
	})
	if err != nil {
		return fmt.Errorf("recording %s of cycle %s: %w", c.Command, c.CycleID, err)
	}
	return nil
}

// CycleEvent is one thing that happened in a cycle.
type CycleEvent struct {
	ID     int64         `json:"id"`
	OnDate calendar.Date `json:"on" doc:"业务日期（演练时为模拟日期）"`
	Stage  models.Stage  `json:"stage"`
	Text   string        `json:"text"`
	Reason string        `json:"reason,omitempty"`
	Actor  string        `json:"actor"`
	At     time.Time     `json:"at"`
}

// CycleEvents lists what happened, newest last.
func (s *Store) CycleEvents(ctx context.Context, cycleID string) ([]CycleEvent, error) {
	var out []CycleEvent
	err := s.db.WithContext(ctx).Raw(`SELECT e.id, e.on_date, e.stage, e.text, COALESCE(r.text, '') AS reason, e.actor, e.at
		FROM cycle_events e LEFT JOIN reasons r ON r.id = e.reason_id WHERE e.cycle_id = ? ORDER BY e.id LIMIT 1000`, cycleID).Scan(&out).Error
	if err != nil {
		return nil, fmt.Errorf("reading the events of cycle %s: %w", cycleID, err)
	}
	return out, nil
}
