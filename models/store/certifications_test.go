package store_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

var (
	certifyDay = calendar.MustDate("2026-11-23")
	certifyDue = calendar.MustDate("2026-11-30")
	director   = models.Actor("user:1")
)

// season is the sample district on the day of the certification: places, and households that are proposed for them.
type season struct {
	t    *testing.T
	s    *store.Store
	law  store.PolicyVersion
	run  models.Run
	fit  []store.Result // growth and development households without a bar
	apps []int64
}

func newSeason(t *testing.T, s *store.Store, places, proposed int) *season {
	t.Helper()
	ctx := context.Background()
	n := openedCycle(t, s)
	deliverSample(t, s)
	z := &season{t: t, s: s, run: judgeAll(t, s, openRun(t, s, "2026-07-01"), 200)}
	var err error
	z.law, err = s.PolicyByID(ctx, n.PolicyID)
	require.NoError(t, err)
	require.NoError(t, s.EnterStage(ctx, sampleCycle, models.StageCertification, models.CycleRunning, certifyDay))
	list, err := s.ResultPage(ctx, z.run, store.ResultFilter{}, "", 500)
	require.NoError(t, err)
	candidates, err := s.Candidates(ctx, sampleCycle, slices.Collect(maps.Keys(sampletest.Expected(t))))
	require.NoError(t, err)
	for _, r := range list {
		c := candidates[r.USCC]
		if len(z.law.Bars(&c, models.OriginOwn, certifyDay, certifyDay)) == 0 {
			z.fit = append(z.fit, r)
		}
	}
	require.GreaterOrEqual(t, len(z.fit), proposed)
	z.exec("INSERT INTO places (cycle_id, run_id, growth, development, share, gross, still_valid, places, policy_id, frozen_on, at) VALUES (?, ?, 1000, 0, 10000, ?, 0, ?, ?, '2026-10-26', ?)",
		sampleCycle, z.run.ID, places, places, z.law.ID, time.Now().UTC())
	for seat := range places {
		z.exec("INSERT INTO place_seats (cycle_id, seat, places) VALUES (?, ?, ?)", sampleCycle, seat+1, places)
	}
	z.exec("INSERT INTO notices (cycle_id, number, published_on, working_days, ends_on, announced, sha256, closed_on, at) VALUES (?, 1, '2026-11-06', 5, '2026-11-13', TRUE, ?, '2026-11-16', ?)",
		sampleCycle, strings.Repeat("0", 64), time.Now().UTC().Add(time.Minute))
	for i := range proposed {
		z.propose(z.fit[i].USCC, z.fit[i].Name, z.fit[i].Effective, i+1)
	}
	return z
}

func (z *season) exec(query string, args ...any) {
	z.t.Helper()
	_, err := z.s.SQL().ExecContext(context.Background(), query, args...)
	require.NoError(z.t, err)
}

// propose puts a household on the closed notice with a seat.
func (z *season) propose(uscc, name string, tier models.Tier, seat int) int64 {
	z.t.Helper()
	r, err := z.s.SQL().ExecContext(context.Background(), `INSERT INTO applications (cycle_id, district, year, uscc, name, tier, origin, state, live, wished, category, statement, entered_by, submitted_on,
		policy_id, run_id, events, created_at, updated_at) VALUES (?, '110107', 2026, ?, ?, ?, 'own', 'proposed', 1, 'quality', ?, '', ?, '2026-09-01', ?, ?, 0, ?, ?)`,
		sampleCycle, uscc, name, tier, models.Categories[seat%4], models.HouseholdActor(uscc), z.law.ID, z.run.ID, time.Now().UTC(), time.Now().UTC())
	require.NoError(z.t, err)
	id, err := r.LastInsertId()
	require.NoError(z.t, err)
	z.exec("UPDATE place_seats SET application_id = ? WHERE cycle_id = ? AND seat = ?", id, sampleCycle, seat)
	z.exec("INSERT INTO notice_entries (cycle_id, number, application_id, uscc, name, tier, category, state) VALUES (?, 1, ?, ?, ?, ?, 'quality', 'listed')", sampleCycle, id, uscc, name, tier)
	z.apps = append(z.apps, id)
	return id
}

func order(by models.Actor, command string) models.CertificationOrder {
	return models.CertificationOrder{CommandID: command, Actor: by}
}

// certify carries an order out page by page.
func (z *season) certify(o models.CertificationOrder, on calendar.Date, page int) (sum models.CertificationPage) {
	z.t.Helper()
	for after := int64(0); ; {
		p, err := z.s.CertifyProposed(context.Background(), sampleCycle, o, on, "test 1.0", after, page)
		require.NoError(z.t, err)
		sum.Certified, sum.Barred, sum.Conflict, sum.Unsettled = p.Certified, p.Barred, sum.Conflict+p.Conflict, sum.Unsettled+p.Unsettled
		if after = p.Last; p.Done {
			return sum
		}
	}
}

func (z *season) board() models.CertificationBoard {
	z.t.Helper()
	b, err := z.s.CertificationBoard(context.Background(), sampleCycle)
	require.NoError(z.t, err)
	return b
}

func (z *season) certifications() []models.Certification {
	z.t.Helper()
	list, err := z.s.Certifications(context.Background(), store.CertificationQuery{CycleID: sampleCycle, Limit: 1000})
	require.NoError(z.t, err)
	return list
}

func (z *season) application(id int64) models.Application {
	z.t.Helper()
	a, err := z.s.Application(context.Background(), id)
	require.NoError(z.t, err)
	return a
}

func TestWhoIsProposedIsCertifiedOnceForThreeYearsWithANumberOfItsOwn(t *testing.T) { // 二(一)3, 附三(五)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		z := newSeason(t, s, 8, 7)
		b, err := s.OpenCertification(ctx, sampleCycle, certifyDue, certifyDay)
		require.NoError(t, err)
		require.Equal(t, []int64{8, 7, 0, 1}, []int64{b.Places, b.Proposed, b.Certified, b.Empty})
		require.Equal(t, 1, z.owed(models.ObligationCertification))

		require.Equal(t, models.CertificationPage{Certified: 7}, z.certify(order(director, "c1"), certifyDay, 3))
		require.Equal(t, models.CertificationPage{Certified: 7}, z.certify(order(director, "c1"), certifyDay.AddDays(1), 3), "the same order again changes nothing")

		list := z.certifications()
		require.Len(t, list, 7)
		for i, c := range list {
			require.Equal(t, fmt.Sprintf("110107-2026-MTYX-%04d", i+1), c.Number)
			require.Equal(t, []any{certifyDay, "2029-11-22", models.CertificationValid, "test 1.0", z.law.ID, z.law.Hash, z.run.ID, z.fit[i].USCC, z.fit[i].Effective},
				[]any{c.CertifiedOn, c.ValidUntil.String(), c.State, c.Program, c.PolicyID, c.PolicyHash, c.RunID, c.USCC, c.Tier})
			a := z.application(c.ApplicationID)
			require.Equal(t, models.ApplicationCertified, a.State)
			require.Equal(t, a.Category, c.Category)
		}
		b = z.board()
		require.Equal(t, []int64{8, 0, 7, 1}, []int64{b.Places, b.Proposed, b.Certified, b.Empty})

		for on, n := range map[string]int64{"2026-11-22": 0, "2026-11-23": 7, "2027-01-01": 7, "2029-11-22": 7, "2029-11-23": 0, "2030-01-01": 0} {
			valid, err := s.StillValid(ctx, "110107", z.law.Policy, calendar.MustDate(on), certifyDay)
			require.NoError(t, err)
			require.Equal(t, n, valid, on)
		}
		valid, err := s.StillValid(ctx, "110108", z.law.Policy, certifyDay, certifyDay)
		require.NoError(t, err)
		require.Zero(t, valid, "another district's")

		report, err := s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		require.True(t, report.Intact)
	})
}

func (z *season) owed(kind models.ObligationKind) (n int) {
	z.t.Helper()
	list, err := z.s.OpenObligations(context.Background(), sampleCycle)
	require.NoError(z.t, err)
	for _, o := range list {
		if o.Kind == kind {
			n++
		}
	}
	return n
}

func TestTheDatabaseAdmitsNoCertificationWithoutAPlaceOfItsOwn(t *testing.T) { // 附三(四)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z := newSeason(t, s, 2, 1)
		z.certify(order(director, "c1"), certifyDay, 10)
		insert := func(number string, seat int, application int64, uscc string) error {
			_, err := s.SQL().ExecContext(context.Background(), `INSERT INTO certifications (number, cycle_id, seat, application_id, district, year, uscc, name, tier, category, certified_on, valid_until, state,
				policy_id, policy_hash, run_id, program, at) VALUES (?, ?, ?, ?, '110107', 2026, ?, '', 2, 'quality', '2026-11-23', '2029-11-22', 'valid', 1, '', 1, '', ?)`,
				number, sampleCycle, seat, application, uscc, time.Now().UTC())
			return err
		}
		first := z.certifications()[0]
		require.Error(t, insert("n3", 3, 900, "X"), "there are two places")
		require.Error(t, insert("n1", 1, 900, "X"), "the first place is taken")
		require.Error(t, insert(first.Number, 2, 900, "X"), "the number is taken")
		require.Error(t, insert("n2", 2, first.ApplicationID, "X"), "the application is certified")
		require.Error(t, insert("n2", 2, 900, first.USCC), "the household is certified")
		require.NoError(t, insert("n2", 2, 900, "X"))
	})
}

func TestAHouseholdWithVeryManyPenaltiesDoesNotKeepOthersFromBeingCertified(t *testing.T) { // 附三(三)1(1)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z := newSeason(t, s, 2, 2)
		for n := range 200 { // more than a reason has room for
			z.exec("INSERT INTO src_credit (district, year, uscc, kind, listed_on, penalty, published) VALUES (?, 2026, ?, '行政处罚', ?, '罚款并没收违法所得', 1)",
				sampletest.District, z.fit[0].USCC, certifyDay.AddDays(-1-n))
		}
		require.Equal(t, models.CertificationPage{Certified: 1, Barred: 1}, z.certify(order(director, "c1"), certifyDay, 2))
		why, err := s.Reason(context.Background(), z.application(z.apps[0]).ReasonID)
		require.NoError(t, err)
		require.Equal(t, store.MaxReason, len([]rune(why)))
	})
}

func TestWhoIsBarredByTodaysDataIsNotCertifiedAndThePlaceStaysEmpty(t *testing.T) { // 附三(三)1
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		z := newSeason(t, s, 4, 4)
		fined, gone := z.fit[1].USCC, z.fit[2].USCC
		z.exec(`UPDATE src_registry SET status = '注销' WHERE uscc = ?`, fined)
		z.exec(`DELETE FROM src_registry WHERE uscc = ?`, gone)
		require.Equal(t, models.CertificationPage{Certified: 2, Barred: 2}, z.certify(order(director, "c1"), certifyDay, 2))
		for _, id := range z.apps[1:3] {
			a := z.application(id)
			require.Equal(t, models.ApplicationRefused, a.State)
			require.NotEmpty(t, a.Clause)
			why, err := s.Reason(ctx, a.ReasonID)
			require.NoError(t, err)
			require.Contains(t, why, "认定前复核：")
			_, err = s.CertificationOf(ctx, id)
			require.Equal(t, models.CodeNotFound, models.CodeOf(err))
		}
		b := z.board()
		require.EqualValues(t, 2, b.Empty)
		require.Equal(t, []models.CertificationCount{{Event: models.EventBar, Name: "出现不得认定的情形", Count: 2}}, b.Why)
		var free int
		require.NoError(t, s.SQL().QueryRowContext(ctx, "SELECT COUNT(*) FROM place_seats WHERE cycle_id = ? AND application_id IS NULL", sampleCycle).Scan(&free))
		require.Equal(t, 2, free)
	})
}

func TestNobodyCertifiesWhatTheyHaveAHandIn(t *testing.T) { // R12, 三(二)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z := newSeason(t, s, 4, 4)
		z.exec("UPDATE applications SET recommended_by = ?, origin = 'recommended' WHERE id = ?", director, z.apps[0])
		z.exec("UPDATE applications SET entered_by = ? WHERE id = ?", director, z.apps[1])
		reason, err := s.AddReason(context.Background(), director, "亲属经营")
		require.NoError(t, err)
		_, err = s.DeclareConflict(context.Background(), models.ConflictOfInterest{District: "110107", Actor: director, USCC: z.fit[2].USCC, ReasonID: reason, DeclaredBy: director})
		require.NoError(t, err)
		require.Equal(t, models.CertificationPage{Certified: 1, Conflict: 3}, z.certify(order(director, "c1"), certifyDay, 2))
		require.EqualValues(t, 3, z.board().Proposed)
		require.Equal(t, models.CertificationPage{Certified: 3}, z.certify(order("user:2", "c2"), certifyDay, 2), "another administrator does")
	})
}

func TestWhatIsStillUnderNoticeOrObjectedToIsNotCertified(t *testing.T) { // 三(二)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z := newSeason(t, s, 4, 4)
		z.exec("UPDATE notice_entries SET removed_on = '2026-11-12' WHERE application_id = ?", z.apps[0])
		z.exec("INSERT INTO notices (cycle_id, number, published_on, working_days, ends_on, announced, sha256, at) VALUES (?, 2, '2026-11-16', 5, '2026-11-23', TRUE, '', ?)", sampleCycle, time.Now().UTC().Add(time.Minute))
		z.exec("UPDATE notice_entries SET number = 2 WHERE application_id = ?", z.apps[1])
		object := func(application int64, kind models.ObjectionKind, state models.ObjectionState) {
			z.exec("INSERT INTO objections (district, cycle_id, kind, uscc, application_id, by_actor, statement, state, receipt_key, received_on, accept_due, at, updated_at) VALUES ('110107', ?, ?, ?, ?, 'public', '', ?, ?, '2026-11-12', '2026-11-19', ?, ?)",
				sampleCycle, kind, fmt.Sprint("X", application), application, state, fmt.Sprint(application, kind, state), time.Now().UTC(), time.Now().UTC())
		}
		object(z.apps[2], models.ObjectionNotice, models.ObjectionAccepted)
		object(z.apps[3], models.ObjectionNotice, models.ObjectionSettled)
		object(z.apps[3], models.ObjectionNotice, models.ObjectionWithdrawn)
		require.Equal(t, models.CertificationPage{Certified: 1, Unsettled: 3}, z.certify(order(director, "c1"), certifyDay, 10))
		require.Equal(t, z.apps[3], z.certifications()[0].ApplicationID)

		z.exec("UPDATE notices SET closed_on = '2026-11-24' WHERE number = 2")
		z.exec("UPDATE objections SET state = 'settled'")
		require.Equal(t, models.CertificationPage{Certified: 2, Unsettled: 1}, z.certify(order(director, "c2"), certifyDay, 10))
	})
}

func TestTwoOrdersAtOnceCertifyEachHouseholdOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z := newSeason(t, s, 12, 12)
		done := make(chan error, 4)
		for i := range cap(done) {
			go func() {
				_, err := s.CertifyProposed(context.Background(), sampleCycle, order(director, fmt.Sprint("c", i)), certifyDay, "test", 0, 50)
				done <- err
			}()
		}
		for range cap(done) {
			require.NoError(t, <-done)
		}
		numbers := map[string]bool{}
		for _, c := range z.certifications() {
			numbers[c.Number] = true
		}
		require.Len(t, numbers, 12)
	})
}

func TestTheCategoryOfAValidCertificationIsPublic(t *testing.T) { // 附三(一)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		z := newSeason(t, s, 2, 2)
		_, err := s.PublishTiers(ctx, sampleCycle, calendar.MustDate("2026-07-26"))
		require.NoError(t, err)
		look := func(q models.PublicQuery) models.PublicHousehold {
			list, _, err := s.PublicHouseholds(ctx, q, "", 20)
			require.NoError(t, err)
			i := slices.IndexFunc(list, func(h models.PublicHousehold) bool { return h.USCC == z.fit[0].USCC })
			require.GreaterOrEqual(t, i, 0)
			return list[i]
		}
		byCode, byName := models.PublicQuery{USCC: z.fit[0].USCC}, models.PublicQuery{Names: []string{z.fit[0].Name}}
		require.Empty(t, look(byCode).Category, "proposed is not certified")
		z.certify(order(director, "c1"), calendar.DateOf(time.Now()), 10)
		want := models.Categories[1].Name()
		require.Equal(t, want, look(byCode).Category)
		require.Equal(t, want, look(byName).Category)

		z.exec("UPDATE certifications SET valid_until = ? WHERE uscc = ?", calendar.DateOf(time.Now()).AddDays(-1).String(), z.fit[0].USCC)
		require.Empty(t, look(byCode).Category, "its last day was yesterday")
		z.exec("UPDATE certifications SET valid_until = ? WHERE uscc = ?", calendar.DateOf(time.Now()).String(), z.fit[0].USCC)
		require.Equal(t, want, look(byName).Category, "today is its last day")
		z.exec("UPDATE certifications SET state = 'refused' WHERE uscc = ?", z.fit[0].USCC)
		require.Empty(t, look(byName).Category, "the city has refused it")
	})
}
