package activities_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// standingDistrict is the sample district with so many certified households, and a Standing that notes whom it tells and asks.
type standingDistrict struct {
	*testing.T
	s       *store.Store
	exec    func(query string, args ...any)
	list    []models.Certification
	a       *activities.Standing
	told    []string
	started []string
	broken  error // of the engine
}

func newStandingDistrict(t *testing.T, n int) *standingDistrict {
	t.Helper()
	ctx := context.Background()
	dsn := storetest.SQLite(t)
	s, err := store.Open(ctx, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	applications, _ := applied(t, s, n)
	raw, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(dsn, "sqlite://")+"?_pragma=busy_timeout(60000)&_pragma=foreign_keys(0)")
	require.NoError(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	d := &standingDistrict{T: t, s: s, exec: func(query string, args ...any) {
		t.Helper()
		_, err := raw.ExecContext(ctx, query, args...)
		require.NoError(t, err)
	}}
	for i, a := range applications {
		number := models.CertificationNumber(sampletest.District, 2026, i+1)
		d.exec(`INSERT INTO certifications (number, cycle_id, seat, application_id, district, year, uscc, name, tier, category, certified_on, valid_until, state, live,
			benefits_from, reached, next_on, policy_id, policy_hash, run_id, program, at) VALUES (?, ?, ?, ?, ?, 2026, ?, ?, 3, 'quality', '2026-11-23', '2029-11-22', 'valid', 1,
			'2027-01-01', '2026-11-23', '2026-11-23', ?, '', 0, 'test', ?)`, number, a.CycleID, i+1, a.ID, a.District, a.USCC, a.Name, a.PolicyID, time.Now().UTC())
		c, err := s.Certification(ctx, number)
		require.NoError(t, err)
		_, _, err = s.FollowCertified(ctx, c.ID, calendar.MustDate("2026-11-23"))
		require.NoError(t, err)
		d.list = append(d.list, c)
	}
	d.a = &activities.Standing{Store: s, Nudge: func(_ context.Context, c models.Certification, clock calendar.Clock) error {
		require.False(t, clock.Rehearsal())
		d.told = append(d.told, c.Number)
		return d.broken
	}, Start: func(_ context.Context, c models.Cycle) error {
		d.started = append(d.started, c.ID)
		return nil
	}}
	return d
}

// recheck checks again, going on after what an attempt before has told the engine.
func (d *standingDistrict) recheck(before any) (r activities.RecheckResult, beats []int64, err error) {
	d.Helper()
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.RegisterActivity(d.a)
	if before != nil {
		env.SetHeartbeatDetails(before)
	}
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var at progress
		require.NoError(d, details.Get(&at))
		beats = append(beats, at.Last)
	})
	value, err := env.ExecuteActivity(d.a.RecheckCertified, activities.RecheckInput{District: sampletest.District, Today: calendar.MustDate("2026-12-02")})
	if err == nil {
		require.NoError(d, value.Get(&r))
	}
	return r, beats, err
}

// progress is what the activity tells the engine.
type progress struct {
	Last   int64
	Result activities.RecheckResult
}

func (d *standingDistrict) listed(i int) {
	d.exec("INSERT INTO src_credit (district, year, uscc, kind, listed_on) VALUES ('110107', 2026, ?, '失信被执行人', '2026-12-01')", d.list[i].USCC)
}

func TestARecheckTellsTheProcessesOfThoseAboutWhomItFoundSomething(t *testing.T) { // 附三(五)
	d := newStandingDistrict(t, 3)
	r, _, err := d.recheck(nil)
	require.NoError(t, err)
	require.Equal(t, activities.RecheckResult{Checked: 3}, r)
	require.Empty(t, d.told)

	d.listed(1)
	d.broken = errors.New("the engine is away")
	_, _, err = d.recheck(nil)
	require.Error(t, err)
	d.broken, d.told = nil, nil
	r, _, err = d.recheck(nil) // the case is there already; its process still does not know
	require.NoError(t, err)
	require.Equal(t, activities.RecheckResult{Checked: 3}, r)
	require.Equal(t, []string{d.list[1].Number}, d.told)
}

func TestARecheckGoesOnAfterTheLastPage(t *testing.T) {
	d := newStandingDistrict(t, 3)
	d.listed(0)
	d.listed(2)
	before := progress{Last: d.list[1].ID, Result: activities.RecheckResult{Checked: 2, RecheckCounts: models.RecheckCounts{Opened: 1}}}
	r, beats, err := d.recheck(before)
	require.NoError(t, err)
	require.Equal(t, activities.RecheckResult{Checked: 3, RecheckCounts: models.RecheckCounts{Opened: 2}}, r)
	require.Equal(t, []string{d.list[2].Number}, d.told, "the page before is not checked again")
	require.Equal(t, []int64{d.list[1].ID}, beats)
}

func TestARecheckIsAskedForWhereThereAreCertifiedHouseholds(t *testing.T) {
	ask := func(a *activities.Standing, year int) error {
		env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
		env.RegisterActivity(a)
		_, err := env.ExecuteActivity(a.AskRecheck, activities.AskRecheckInput{District: sampletest.District, Year: year})
		return err
	}
	d := newStandingDistrict(t, 1)
	d.exec("UPDATE certifications SET state = 'cancelled', live = NULL")
	require.NoError(t, ask(d.a, 2026))
	require.Empty(t, d.started)
	d.exec("UPDATE certifications SET state = 'valid', live = 1")
	require.NoError(t, ask(d.a, 2027))
	require.Empty(t, d.started, "a year that has not begun")
	require.NoError(t, ask(d.a, 2026))
	require.Equal(t, []string{sampletest.Cycle}, d.started)

	p := &activities.Publication{Store: d.s, Standing: d.a}
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.RegisterActivity(p)
	_, err := env.ExecuteActivity(p.PublishTiers, activities.PublishInput{CycleID: sampletest.Cycle, Today: calendar.MustDate("2026-08-13")})
	require.NoError(t, err)
	require.Equal(t, []string{sampletest.Cycle, sampletest.Cycle}, d.started, "published tiers are one of the standards")
}
