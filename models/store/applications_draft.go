package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// SeasonCycle gives the district's cycle in which applications are taken now: running, and in the stage 申报推荐. The error
// is a *models.Error (CodeConflict) that says when they are.
func (s *Store) SeasonCycle(ctx context.Context, district string) (models.Cycle, error) {
	var row cycleRow
	err := s.db.WithContext(ctx).Where("district = ? AND state IN ?", district, []models.CycleState{models.CycleRunning, models.CyclePaused}).
		Order("year DESC").Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return models.Cycle{}, models.Conflict("本区没有进行中的年度工作，暂不受理申报和推荐")
	}
	if err != nil {
		return models.Cycle{}, fmt.Errorf("looking for the running cycle of %s: %w", district, err)
	}
	c, err := row.cycle()
	if err != nil {
		return c, err
	}
	if c.State == models.CyclePaused {
		return c, models.Conflict("本年度工作已暂停，暂不受理申报和推荐")
	}
	if c.Stage != models.StageApplication {
		return c, models.Conflict("申报推荐时间为%s至%s，现处于“%s”阶段，不受理申报和推荐",
			c.Plan[calendar.PlanSeasonStart].Chinese(), c.Plan[calendar.PlanApplicationsUntil].Chinese(), c.Stage.Info().Name)
	}
	return c, nil
}

// DraftApplication begins a household's application or recommendation: a.CycleID, USCC, Origin, EnteredBy, and of a recommendation
// RecommendedBy and Department are given; name, street, tier and policy are taken from the record. The error is CodeConflict, with
// the application's object as its field, while another one of the household goes on in the cycle; CodeNotFound for a household without a tier.
func (s *Store) DraftApplication(ctx context.Context, a models.Application, content models.ApplicationContent) (models.Application, error) {
	if err := content.Validate(); err != nil {
		return a, err
	}
	cycle, err := s.Cycle(ctx, a.CycleID)
	if err != nil {
		return a, err
	}
	law, err := s.policyByID(ctx, cycle.PolicyID)
	if err != nil {
		return a, err
	}
	if err := law.CheckClaims(a.Origin, content); err != nil {
		return a, err
	}
	candidate, err := s.Candidate(ctx, a.CycleID, a.USCC)
	if err != nil {
		return a, err
	}
	a.District, a.Year, a.Name, a.Street, a.Tier = cycle.District, cycle.Year, candidate.Name, candidate.Street, candidate.Tier
	a.State, a.PolicyID, a.RunID, a.DataMark = models.ApplicationDraft, cycle.PolicyID, candidate.RunID, candidate.DataMark
	a.Wished, a.Statement = content.Wished, strings.TrimSpace(content.Statement)
	a.CreatedAt = s.now()
	a.UpdatedAt = a.CreatedAt
	err = s.tx(ctx, func(tx *gorm.DB) error {
		row := newApplicationRow(a)
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		a.ID = row.ID
		if err := s.putGrounds(tx, a.ID, nil, content.Grounds); err != nil {
			return err
		}
		return s.audit(tx, a.EnteredBy, "application.draft", models.ApplicationObject(a.ID), map[string]any{"cycle": a.CycleID, "uscc": a.USCC, "origin": a.Origin})
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return a, s.alreadyApplying(ctx, a.CycleID, a.USCC)
	}
	if err != nil {
		return a, fmt.Errorf("beginning an application in %s: %w", a.CycleID, err)
	}
	return a, nil
}

// alreadyApplying says which application of the household goes on.
func (s *Store) alreadyApplying(ctx context.Context, cycleID, uscc string) error {
	a, err := s.LiveApplication(ctx, cycleID, uscc)
	if err != nil {
		return err
	}
	return &models.Error{Code: models.CodeConflict, Field: models.ApplicationObject(a.ID),
		Message: fmt.Sprintf("该户本年度已有进行中的申报件 %s（%s，%s），请在该件上办理", a.Number(), a.Origin.Name(), a.State.Name())}
}

// LiveApplication gives the household's application that goes on in a cycle; CodeNotFound if none does.
func (s *Store) LiveApplication(ctx context.Context, cycleID, uscc string) (models.Application, error) {
	var r applicationRow
	switch err := s.db.WithContext(ctx).Where("cycle_id = ? AND uscc = ? AND live = 1", cycleID, uscc).Take(&r).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return models.Application{}, models.NotFound("该户本年度没有进行中的申报件")
	case err != nil:
		return models.Application{}, fmt.Errorf("looking for a household's application in %s: %w", cycleID, err)
	}
	return r.application(), nil
}

// WriteDraft replaces what a draft says.
func (s *Store) WriteDraft(ctx context.Context, actor models.Actor, id int64, content models.ApplicationContent) (a models.Application, err error) {
	if err := content.Validate(); err != nil {
		return a, err
	}
	if a, err = s.Application(ctx, id); err != nil {
		return a, err
	}
	law, err := s.policyByID(ctx, a.PolicyID)
	if err != nil {
		return a, err
	}
	if err := law.CheckClaims(a.Origin, content); err != nil {
		return a, err
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if a, err = s.lockDraft(tx, id); err != nil {
			return err
		}
		a.Wished, a.Statement, a.UpdatedAt = content.Wished, strings.TrimSpace(content.Statement), s.now()
		row := newApplicationRow(a)
		if err := tx.Model(&row).Select("wished", "statement", "updated_at").Updates(row).Error; err != nil {
			return err
		}
		before, err := s.grounds(tx, id)
		if err != nil {
			return err
		}
		if err := s.putGrounds(tx, id, before, content.Grounds); err != nil {
			return err
		}
		return s.audit(tx, actor, "application.write", models.ApplicationObject(id), map[string]any{"wished": a.Wished, "grounds": len(content.Grounds)})
	})
	if err != nil {
		return a, fmt.Errorf("writing draft %d: %w", id, err)
	}
	return a, nil
}

// lockDraft gives a draft, locked; CodeConflict once it is no draft any more.
func (s *Store) lockDraft(tx *gorm.DB, id int64) (models.Application, error) {
	a, err := s.application(s.forUpdate(tx), id)
	if err == nil && a.State != models.ApplicationDraft {
		err = models.Conflict("申报件现为“%s”，已不是草稿", a.State.Name())
	}
	return a, err
}

// DiscardDraft ends a draft at the word of whom it belongs to: what it said and its files are deleted, that it was there stays on
// record. A draft has no process.
func (s *Store) DiscardDraft(ctx context.Context, actor models.Actor, id int64, today calendar.Date) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		a, err := s.lockDraft(tx, id)
		if err != nil {
			return err
		}
		before, err := s.grounds(tx, id)
		if err != nil {
			return err
		}
		if err := s.putGrounds(tx, id, before, nil); err != nil {
			return err
		}
		files, err := s.documents(tx, models.ApplicationObject(id))
		if err != nil {
			return err
		}
		for _, d := range files {
			if err := deleteDocument(tx, d.ID); err != nil {
				return err
			}
		}
		a.Statement = ""
		c := models.ApplicationCommand{CommandID: "discard", ApplicationID: id, Event: models.EventWithdraw, Actor: actor}
		return s.move(tx, &a, c, today, nil, true)
	})
	if err != nil {
		return fmt.Errorf("discarding draft %d: %w", id, err)
	}
	return nil
}

// putGrounds replaces the claimed grounds of a draft. Each is addressed by its whole key: a range would lock the place where
// other applicants' grounds are inserted.
func (s *Store) putGrounds(tx *gorm.DB, id int64, before, now []models.ApplicationGround) error {
	failed := func(err error) error { return fmt.Errorf("replacing the grounds of application %d: %w", id, err) }
	for _, g := range before {
		err := tx.Exec("DELETE FROM application_grounds WHERE application_id = ? AND category = ? AND letter = ?", id, g.Category, g.Letter).Error
		if err != nil {
			return failed(err)
		}
	}
	if len(now) == 0 {
		return nil
	}
	rows := make([]models.ApplicationGround, len(now))
	for i, g := range now {
		rows[i] = models.ApplicationGround{ApplicationID: id, Category: g.Category, Letter: g.Letter, Claimed: true, Statement: strings.TrimSpace(g.Statement)}
	}
	if err := tx.Table("application_grounds").Create(rows).Error; err != nil {
		return failed(err)
	}
	return nil
}

// ApplicationGrounds gives the grounds of an application, claimed and found, in the order of the law.
func (s *Store) ApplicationGrounds(ctx context.Context, id int64) ([]models.ApplicationGround, error) {
	return s.grounds(s.db.WithContext(ctx), id)
}

func (s *Store) grounds(tx *gorm.DB, id int64) ([]models.ApplicationGround, error) {
	var list []models.ApplicationGround
	if err := tx.Table("application_grounds").Where("application_id = ?", id).Order("category, letter").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("reading the grounds of application %d: %w", id, err)
	}
	return list, nil
}

// ApplicationFilter selects applications; zero fields select all.
type ApplicationFilter struct {
	District   string
	CycleID    string
	USCC       string
	Department string // the recommending one
	Origin     models.Origin
	State      models.ApplicationState
}

// Applications lists applications after an id, oldest first.
func (s *Store) Applications(ctx context.Context, f ApplicationFilter, after int64, limit int) ([]models.Application, error) {
	q := s.db.WithContext(ctx).Where("id > ?", after)
	for _, w := range [...]struct{ column, value string }{{"district", f.District}, {"cycle_id", f.CycleID}, {"uscc", f.USCC},
		{"department", f.Department}, {"origin", string(f.Origin)}, {"state", string(f.State)}} {
		if w.value != "" {
			q = q.Where(w.column+" = ?", w.value)
		}
	}
	var rows []applicationRow
	if err := q.Order("id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing applications: %w", err)
	}
	return applicationsOf(rows), nil
}

func applicationsOf(rows []applicationRow) []models.Application {
	list := make([]models.Application, len(rows))
	for i, r := range rows {
		list[i] = r.application()
	}
	return list
}

// UnnoticedApplications lists, after an id, applications of a cycle to which something happened that their process has not noted.
func (s *Store) UnnoticedApplications(ctx context.Context, cycleID string, after int64, limit int) ([]models.Application, error) {
	var rows []applicationRow
	err := s.db.WithContext(ctx).Where("cycle_id = ? AND events > process_events AND id > ?", cycleID, after).Order("id").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("looking for applications of %s that changed: %w", cycleID, err)
	}
	return applicationsOf(rows), nil
}

// NoteApplication gives an application as the record has it, and notes that its process knows of everything up to there.
func (s *Store) NoteApplication(ctx context.Context, id int64) (models.Application, error) {
	a, err := s.Application(ctx, id)
	if err != nil {
		return a, err
	}
	err = s.db.WithContext(ctx).Exec("UPDATE applications SET process_events = ? WHERE id = ? AND process_events < ?", a.Events, id, a.Events).Error
	if err != nil {
		return a, fmt.Errorf("noting what the process of application %d knows: %w", id, err)
	}
	return a, nil
}

// ApplicationCommandDone says whether the command was carried out.
func (s *Store) ApplicationCommandDone(ctx context.Context, c models.ApplicationCommand) (bool, error) {
	return s.applicationCommandDone(s.db.WithContext(ctx), c)
}
