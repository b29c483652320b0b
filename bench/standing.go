package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/deploy/synth"
	"bangfu/models"
	"bangfu/models/calendar"
)

// standing checks n certified households again: on data that say nothing new, after a delivery that lists one in a hundred of them, and after
// the same delivery again.
func (b *bench) standing(ctx context.Context, n int) error {
	st, db, drop, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer drop()
	say("重新核对：准备 %s 户", thousands(n))
	if err := b.certifiedDistrict(ctx, st, db, n); err != nil {
		return fmt.Errorf("preparing certified households: %w", err)
	}
	if err := b.inGoodStanding(ctx, db); err != nil {
		return fmt.Errorf("bringing them into good standing: %w", err)
	}
	if _, err := st.PublishTiers(ctx, models.CycleID(synth.District, synth.Year), certifiedSeat); err != nil {
		return err
	}
	told := 0
	a := &activities.Standing{Store: st, Nudge: func(context.Context, models.Certification, calendar.Clock) error { told++; return nil }}
	b.section(fmt.Sprintf("Re-check of %s certified households after a delivery", thousands(n)), "delivery", "time", "households/s", "cases opened", "closed")
	listed := "kind = '失信被执行人' AND listed_on = '2026-12-01'"
	for _, run := range []struct {
		name   string
		change string
	}{
		{"nothing new", ""},
		{"one in a hundred is listed", `INSERT INTO src_credit (district, year, uscc, kind, listed_on) SELECT district, year, uscc, '失信被执行人', '2026-12-01'
			FROM certifications WHERE MOD(id, 100) = 0`},
		{"the same again", ""},
		{"these are removed", "UPDATE src_credit SET removed_on = '2026-12-02' WHERE " + listed},
	} {
		if run.change != "" {
			if _, err := db.ExecContext(ctx, run.change); err != nil {
				return err
			}
		}
		suite := &testsuite.WorkflowTestSuite{}
		suite.SetLogger(quiet{})
		env := suite.NewTestActivityEnvironment()
		env.SetTestTimeout(time.Hour)
		env.RegisterActivity(a)
		begun := time.Now()
		value, err := env.ExecuteActivity(a.RecheckCertified, activities.RecheckInput{District: synth.District, Today: certifiedDay})
		if err != nil {
			return err
		}
		took := time.Since(begun)
		var r activities.RecheckResult
		if err := value.Get(&r); err != nil {
			return err
		}
		if r.Checked != n || r.Refused > 0 || r.Ended+r.Operators > 0 {
			return fmt.Errorf("the re-check went wrong: %+v", r)
		}
		b.row(run.name, seconds(took), rate(n, took), thousands(r.Opened), thousands(r.Closed))
		if _, err := db.ExecContext(ctx, "UPDATE certifications SET process_events = events"); err != nil { // as their processes do
			return err
		}
	}
	return nil
}

// inGoodStanding takes out of the synthetic data whatever speaks against a certified household, and notes who the operators are, as the
// certification does.
func (b *bench) inGoodStanding(ctx context.Context, db *sql.DB) error {
	for _, q := range []string{
		"UPDATE cycles SET clock = '{}'",
		"DELETE FROM src_credit",
		"UPDATE src_registry SET status = '存续', suspended_from = NULL, suspended_to = NULL",
		"UPDATE src_annual_report SET filed_on = '2026-05-01'",
		"UPDATE src_tax SET abnormal = 0",
		"UPDATE applications SET origin = 'recommended'",
		`INSERT INTO operator_changes (certification_id, district, uscc, command_id, operator, noticed_on, source, registry_on, by_actor, at)
			SELECT c.id, c.district, c.uscc, 'certified', TRIM(g.operator), c.certified_on, 'certified', c.certified_on, 'system', NOW(3)
			FROM certifications c JOIN src_registry g ON g.district = c.district AND g.year = c.year AND g.uscc = c.uscc`,
		"ANALYZE TABLE src_registry, src_credit, src_annual_report, src_tax, certifications, operator_changes",
	} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return nil
}
