package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/deploy/synth"
	"bangfu/models"
	"bangfu/models/calendar"
)

// Of the obligations of the measured round, so many are owed by a household each, the others by the departments.
const (
	owing       = 100_000
	households  = 20_000
	departments = 10
)

// round makes two mornings over 100,000 open obligations: one on which everything comes to a step of its ladder, and the next, on which nothing is new.
func (b *bench) round(ctx context.Context) error {
	st, db, drop, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer drop()
	say("每日提醒：准备 %s 项应办事项", thousands(owing))
	if _, err := b.seasonDistrict(ctx, st, db, households); err != nil {
		return err
	}
	cycle := models.CycleID(synth.District, synth.Year)
	if _, err := db.ExecContext(ctx, "UPDATE cycles SET clock = '{}' WHERE id = ?", cycle); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "UPDATE src_registry SET email = CONCAT(uscc, '@example.com')"); err != nil {
		return err
	}
	for i := range departments {
		d := models.Department{District: synth.District, Code: fmt.Sprintf("d%d", i), Name: fmt.Sprintf("第%d部门", i), Email: fmt.Sprintf("d%d@example.com", i)}
		if err := st.SetDepartment(ctx, models.ActorConsole, d); err != nil {
			return err
		}
	}
	morning := calendar.MustDate("2026-09-14") // a Monday
	for begin := 0; begin < owing; begin += 1000 {
		rows := make([]string, 0, 1000)
		for i := begin; i < begin+1000; i++ {
			kind, owner, ownerKind := models.ObligationHelp, fmt.Sprintf("d%d", i%departments), models.OwnerDepartment
			if i < households {
				kind, owner, ownerKind = models.ObligationReport, synth.USCC(i), models.OwnerHousehold
			}
			rows = append(rows, fmt.Sprintf("('%s', '%s', '%s', 'bench/%d', '%s', '%s', '年度应办事项', '附三(五)', '%s', '2026-09-01', 'open', NOW(3))",
				cycle, synth.District, kind, i, ownerKind, owner, morning.AddDays(7)))
		}
		//nolint:gosec // G202: every value is made above, none comes from outside
		_, err := db.ExecContext(ctx, `INSERT INTO obligations (cycle_id, district, kind, subject, owner_kind, owner, title, clause, due, opened_on, state, updated_at)
			VALUES `+strings.Join(rows, ", "))
		if err != nil {
			return err
		}
	}
	if _, err := db.ExecContext(ctx, "ANALYZE TABLE obligations"); err != nil {
		return err
	}
	rounds := &activities.Rounds{Store: st, Letters: &activities.Letters{Store: st, Wake: func(context.Context) error { return nil }}}
	b.section(fmt.Sprintf("A morning round over %s open obligations of %s households and %d departments", thousands(owing), thousands(households), departments), "morning", "time", "reminded", "mails")
	for i, name := range []string{"everything comes to a step", "nothing is new"} {
		env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
		env.SetTestTimeout(30 * time.Minute)
		env.RegisterActivity(rounds)
		begun := time.Now()
		v, err := env.ExecuteActivity(rounds.RunRound, activities.RunRoundInput{District: synth.District, Today: morning.AddDays(i)})
		if err != nil {
			return fmt.Errorf("the round: %w", err)
		}
		took := time.Since(begun)
		var r activities.RunRoundResult
		if err := v.Get(&r); err != nil {
			return err
		}
		say("每日提醒（%s）：%s，提醒 %s 项，邮件 %s 封", name, seconds(took), thousands(r.Reminded), thousands(r.Mails))
		b.row(name, seconds(took), thousands(r.Reminded), thousands(r.Mails))
	}
	return nil
}
