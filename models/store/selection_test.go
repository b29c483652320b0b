package store_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// comparing is a district whose applications are compared.
type comparing struct {
	*store.Store
	t     *testing.T
	today calendar.Date
	n     int // commands
}

// compared is a cycle in its selection, whose tiering was handed over with so many 成长型 and 发展型 households.
func compared(t *testing.T, s *store.Store, growth, development int64) *comparing {
	t.Helper()
	openedCycle(t, s)
	c := &comparing{Store: s, t: t, today: calendar.MustDate("2026-10-26")}
	c.exec(`INSERT INTO handovers (cycle_id, run_id, counts, sha256, prepared_on, at) VALUES (?, 1, ?, 'x', '2026-08-15', '2026-08-15 00:00:00')`,
		sampleCycle, fmt.Sprintf(`{"ineligible":100,"survival":700,"growth":%d,"development":%d}`, growth, development))
	c.stage(models.StageSelection)
	return c
}

func (c *comparing) exec(statement string, args ...any) {
	c.t.Helper()
	_, err := c.SQL().Exec(statement, args...)
	require.NoError(c.t, err, statement)
}

func (c *comparing) stage(stage models.Stage) {
	c.t.Helper()
	require.NoError(c.t, c.EnterStage(context.Background(), sampleCycle, stage, models.CycleRunning, c.today))
}

func (c *comparing) uscc(i int) string { return fmt.Sprintf("92110107MA%07dX", i) }

// apply makes a recommended application of household i that qualified in 知名 with these grounds, founded in the year given.
func (c *comparing) apply(i int, grounds string, founded int) int64 {
	c.t.Helper()
	c.exec("INSERT INTO src_registry (district, year, uscc, name, operator, founded, status) VALUES ('110107', 2026, ?, ?, '张三', ?, '存续')",
		c.uscc(i), fmt.Sprintf("商行%d", i), fmt.Sprintf("%d-03-01", founded))
	r, err := c.SQL().Exec(`INSERT INTO applications (cycle_id, district, year, uscc, name, street, tier, origin, state, live, category, statement, entered_by, submitted_on, policy_id, events, created_at, updated_at)
		VALUES (?, '110107', 2026, ?, ?, '八宝山街道', ?, 'recommended', 'qualified', 1, 'renowned', '', 'user:3', '2026-09-01', 1, 3, '2026-09-01 00:00:00', '2026-09-01 00:00:00')`,
		sampleCycle, c.uscc(i), fmt.Sprintf("商行%d", i), int(models.Growth))
	require.NoError(c.t, err)
	id, err := r.LastInsertId()
	require.NoError(c.t, err)
	for _, letter := range grounds {
		c.exec("INSERT INTO application_grounds (application_id, category, letter, claimed, statement, outcome, value) VALUES (?, 'renowned', ?, ?, '', 'met', '')", id, string(letter), true)
	}
	return id
}

// applyMany makes n applications, the first with the most grounds… all equal but for the code.
func (c *comparing) applyMany(n int) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = c.apply(i+1, "A", 2010)
	}
	return ids
}

func (c *comparing) freeze() models.Places {
	c.t.Helper()
	p, err := c.FreezePlaces(context.Background(), sampleCycle, c.today)
	require.NoError(c.t, err)
	return p
}

func (c *comparing) rank() models.SelectionBoard {
	c.t.Helper()
	b, err := c.RankSelection(context.Background(), sampleCycle, c.today, func() {})
	require.NoError(c.t, err)
	return b
}

func (c *comparing) ranking() []store.RankItem {
	c.t.Helper()
	list, err := c.Ranking(context.Background(), sampleCycle, 0, 1000)
	require.NoError(c.t, err)
	return list
}

func (c *comparing) decide(d models.SelectionDecision) (int, models.SelectionBoard, error) {
	c.n++
	d.CycleID = sampleCycle
	if d.CommandID == "" {
		d.CommandID = "k" + strconv.Itoa(c.n)
	}
	if d.Actor == "" {
		d.Actor = "user:1"
	}
	return c.ConfirmSelection(context.Background(), d, c.today, func() {})
}

func (c *comparing) confirmAll() models.SelectionBoard {
	c.t.Helper()
	_, b, err := c.decide(models.SelectionDecision{All: true})
	require.NoError(c.t, err)
	return b
}

func (c *comparing) state(id int64) models.ApplicationState {
	c.t.Helper()
	a, err := c.Application(context.Background(), id)
	require.NoError(c.t, err)
	return a.State
}

func (c *comparing) reason(text string) int64 {
	c.t.Helper()
	id, err := c.AddReason(context.Background(), "user:1", text)
	require.NoError(c.t, err)
	return id
}

func (c *comparing) count(query string, args ...any) (n int) {
	c.t.Helper()
	require.NoError(c.t, c.SQL().QueryRow(query, args...).Scan(&n))
	return n
}

func TestPlacesAreFivePercentRoundedDownLessWhatIsStillValid(t *testing.T) { // 附三(四)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c := compared(t, s, 30, 9)
		for i, test := range []struct{ growth, development, valid, gross, places int64 }{
			{30, 9, 0, 1, 1}, {30, 10, 0, 2, 2}, {31, 10, 0, 2, 2}, {0, 0, 0, 0, 0}, {19, 0, 0, 0, 0}, {400, 100, 7, 25, 18}, {20, 20, 3, 2, 0},
		} {
			c.exec("UPDATE handovers SET counts = ?", fmt.Sprintf(`{"growth":%d,"development":%d,"survival":9000}`, test.growth, test.development))
			c.exec("DELETE FROM certifications")
			c.exec("DELETE FROM place_seats")
			c.exec("DELETE FROM places")
			for n := range test.valid + 2 { // two run out before 1 January
				until := "2027-01-01"
				if n >= test.valid {
					until = "2026-12-31"
				}
				c.exec("INSERT INTO places (cycle_id, run_id, growth, development, share, gross, still_valid, places, policy_id, frozen_on, at) VALUES (?, 1, 100, 0, 500, 5, 4, 1, 1, '2024-10-26', '2024-10-26 00:00:00')", fmt.Sprintf("110107-%d", 1000+n))
				c.exec("INSERT INTO place_seats (cycle_id, seat, places) VALUES (?, 1, 1)", fmt.Sprintf("110107-%d", 1000+n))
				c.exec(`INSERT INTO certifications (number, cycle_id, seat, application_id, district, year, uscc, name, tier, category, certified_on, valid_until, state, policy_id, policy_hash, run_id, program, at)
					VALUES (?, ?, 1, ?, '110107', 2024, ?, 'x', 3, 'quality', '2024-01-02', ?, 'valid', 1, '', 1, '', '2024-01-02 00:00:00')`, n, fmt.Sprintf("110107-%d", 1000+n), -1-n, c.uscc(int(n)), until)
			}
			p := c.freeze()
			require.Equal(t, test.gross, p.Gross, i)
			require.Equal(t, test.places, p.Places, i)
			require.Equal(t, test.valid, p.StillValid, i)
			require.Equal(t, int(test.places), c.count("SELECT COUNT(*) FROM place_seats WHERE cycle_id = ?", sampleCycle))
		}
	})
}

func TestPlacesAreFrozenOnceAndAnewOnlyWhenTheCycleIs(t *testing.T) { // R13: objections later do not change the base
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c := compared(t, s, 30, 10)
		first := c.freeze()
		c.exec("UPDATE handovers SET counts = ?", `{"growth":400,"development":0}`)
		require.Equal(t, first.Places, c.freeze().Places, "what changes the tiers later does not change the base")
		events, err := s.CycleEvents(context.Background(), sampleCycle)
		require.NoError(t, err)
		require.Len(t, events, 3, "started, in selection, frozen once")

		id := c.apply(1, "A", 2010)
		c.rank()
		c.confirmAll()
		c.exec("UPDATE cycles SET started_at = ?, attempt = 2", "2099-01-01 00:00:00.000")
		require.Equal(t, first.Places, c.freeze().Places, "somebody is proposed")
		require.Equal(t, models.ApplicationProposed, c.state(id))
		c.exec("UPDATE place_seats SET application_id = NULL")
		require.EqualValues(t, 20, c.freeze().Places)
		require.Equal(t, 20, c.count("SELECT COUNT(*) FROM place_seats"))
		require.Empty(t, c.ranking())
	})
}

func TestTheFirstAreProposedTheRestWaitAndTiesSayWhatDecided(t *testing.T) { // 附三(三)2
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c := compared(t, s, 40, 20) // 3 places
		c.freeze()
		late := c.apply(1, "AB", 2020)
		best := c.apply(2, "ABC", 2015)
		old := c.apply(3, "AB", 2018)
		equalB := c.apply(5, "A", 2010)
		equalA := c.apply(4, "A", 2010)
		b := c.rank()
		require.Equal(t, models.SelectionBoard{Places: 3, Free: 3, Left: 5}, b)
		list := c.ranking()
		order := make([]int64, len(list))
		for i, r := range list {
			order[i] = r.ApplicationID
			require.Equal(t, i+1, r.Place)
			sum := 0
			for _, item := range r.Items {
				require.NotEmpty(t, item.Clause)
				sum += item.Points
			}
			require.Equal(t, r.Score, sum, "the items add up")
		}
		require.Equal(t, []int64{best, old, late, equalA, equalB}, order)
		require.Contains(t, list[3].Tie, "统一社会信用代码较小")
		require.Contains(t, list[4].Tie, "统一社会信用代码较小")
		require.Empty(t, list[0].Tie)
		for i, r := range list {
			want := models.OutcomePropose
			if i >= 3 {
				want = models.OutcomeWaitList
			}
			require.Equal(t, want, r.Proposal, i)
		}
		audited := c.count("SELECT COUNT(*) FROM audit_log")
		require.Equal(t, b, c.rank(), "the same data give the same ranking")
		require.Equal(t, audited, c.count("SELECT COUNT(*) FROM audit_log"), "and nothing is written")

		b = c.confirmAll()
		require.Equal(t, models.SelectionBoard{Places: 3, Proposed: 3, Waiting: 2}, b)
		require.True(t, b.Done())
		require.Equal(t, models.ApplicationWaiting, c.state(equalA))
		require.Equal(t, models.ApplicationProposed, c.state(late))
	})
}

func TestWhoIsBarredNowIsRefusedBeforeTheRanking(t *testing.T) { // 附三(三)1: checked again
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c := compared(t, s, 40, 0)
		sampletest.Deliver(t, s, models.SourceRegistry, models.SourceCredit)
		c.freeze()
		fined, gone, clean := c.apply(1, "ABC", 2000), c.apply(2, "AB", 2000), c.apply(3, "A", 2020)
		c.exec("UPDATE src_registry SET status = '注销' WHERE uscc = ?", c.uscc(2))
		c.exec("INSERT INTO src_credit (district, year, uscc, kind, listed_on, penalty) VALUES ('110107', 2026, ?, '行政处罚', '2026-10-01', '罚款')", c.uscc(1))
		b := c.rank()
		require.EqualValues(t, 1, b.Left)
		require.Equal(t, models.ApplicationRefused, c.state(gone))
		require.Equal(t, models.ApplicationRefused, c.state(fined))
		require.Len(t, c.ranking(), 1)
		require.Equal(t, clean, c.ranking()[0].ApplicationID)
		a, err := s.Application(context.Background(), gone)
		require.NoError(t, err)
		reason, err := s.Reason(context.Background(), a.ReasonID)
		require.NoError(t, err)
		require.Contains(t, reason, "注销")
		require.NotEmpty(t, a.Clause)
		require.Equal(t, b, c.rank(), "refused once")
	})
}

func TestDepartingFromTheProposalTakesAReasonPerHousehold(t *testing.T) { // R13: every step on record
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c := compared(t, s, 40, 0) // 2 places
		ids := c.applyMany(4)
		c.freeze()
		c.rank()
		one := func(outcome models.SelectionOutcome, reason int64, ids ...int64) error {
			_, _, err := c.decide(models.SelectionDecision{ApplicationIDs: ids, Outcome: outcome, ReasonID: reason})
			return err
		}
		require.Equal(t, models.CodeInvalid, models.CodeOf(one(models.OutcomeWaitList, 0, ids[0])), "without a reason")
		why := c.reason("比选会议认为该户近期经营不稳定")
		require.Equal(t, models.CodeInvalid, models.CodeOf(one(models.OutcomeWaitList, why, ids[0], ids[1])), "two at once")
		require.Equal(t, models.ApplicationQualified, c.state(ids[0]), "refused is not done by half")
		require.NoError(t, one(models.OutcomeWaitList, why, ids[0]))
		list := c.ranking()
		require.Equal(t, models.OutcomeWaitList, list[0].Decision)
		require.Equal(t, "比选会议认为该户近期经营不稳定", list[0].Reason)
		require.Equal(t, models.OutcomePropose, list[2].Proposal, "the place goes to the next by the rule")
		require.Equal(t, models.OutcomeWaitList, list[3].Proposal)
		require.NoError(t, one(models.OutcomePropose, 0, ids[1], ids[2]), "confirming needs no reason")
		require.Equal(t, models.CodeConflict, models.CodeOf(one(models.OutcomePropose, why, ids[3])), "no place is free")
		require.NoError(t, one(models.OutcomeNotSelect, why, ids[3]))
		require.Equal(t, models.CodeConflict, models.CodeOf(one("", 0, ids[1])), "decided already")
		require.Equal(t, models.CodeNotFound, models.CodeOf(one("", 0, 999999)))
		b, err := s.CloseSelection(context.Background(), sampleCycle, c.today)
		require.NoError(t, err)
		require.Equal(t, models.SelectionBoard{Places: 2, Proposed: 2, Waiting: 1, Unselected: 1}, b)
		report, err := s.VerifyAudit(context.Background(), nil)
		require.NoError(t, err)
		require.Empty(t, report.Broken, "the record is whole")
	})
}

func TestADecisionIsCarriedOutOnceAndNobodyDecidesAboutTheirOwn(t *testing.T) { // R12
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c := compared(t, s, 40, 0)
		ids := c.applyMany(3)
		c.exec("UPDATE applications SET entered_by = 'user:1' WHERE id = ?", ids[0])
		c.freeze()
		c.rank()
		_, _, err := c.decide(models.SelectionDecision{ApplicationIDs: ids[:1]})
		require.Equal(t, models.CodeForbidden, models.CodeOf(err))
		decided, b, err := c.decide(models.SelectionDecision{CommandID: "all", All: true})
		require.NoError(t, err)
		require.Equal(t, 2, decided)
		require.EqualValues(t, 1, b.Left, "who entered it leaves it to another")
		for range 2 {
			decided, _, err = c.decide(models.SelectionDecision{CommandID: "all", All: true})
			require.NoError(t, err)
			require.Equal(t, 2, decided, "the same command again")
		}
		_, _, err = c.decide(models.SelectionDecision{CommandID: "all", ApplicationIDs: ids[:1], Actor: "user:2"})
		require.Equal(t, models.CodeConflict, models.CodeOf(err), "another request under the same key")
		_, b, err = c.decide(models.SelectionDecision{All: true, Actor: "user:2"})
		require.NoError(t, err)
		require.True(t, b.Done())
		require.Equal(t, models.ApplicationProposed, c.state(ids[0]))
		c.stage(models.StageNotice)
		_, _, err = c.decide(models.SelectionDecision{All: true})
		require.NoError(t, err, "nothing is left")
	})
}

func TestAPlaceGivenBackInTheSelectionGoesToTheFirstWhoWaits(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c := compared(t, s, 40, 0)
		ids := c.applyMany(4)
		c.freeze()
		c.rank()
		c.confirmAll()
		c.act(ids[0], models.EventWithdraw)
		b, err := s.CloseSelection(context.Background(), sampleCycle, c.today)
		require.NoError(t, err)
		require.Equal(t, models.SelectionBoard{Places: 2, Proposed: 2, Waiting: 1}, b)
		require.Equal(t, models.ApplicationProposed, c.state(ids[2]))
		again, err := s.CloseSelection(context.Background(), sampleCycle, c.today)
		require.NoError(t, err)
		require.Equal(t, b, again)
	})
}

// act lets the household's operator act on an application.
func (c *comparing) act(id int64, e models.ApplicationEvent) {
	c.t.Helper()
	a, err := c.Application(context.Background(), id)
	require.NoError(c.t, err)
	c.n++
	_, err = c.ActOnApplication(context.Background(), models.ApplicationCommand{CommandID: "act" + strconv.Itoa(c.n), ApplicationID: id, Event: e,
		Actor: models.HouseholdActor(a.USCC)}, c.today)
	require.NoError(c.t, err)
}

func TestConcurrentConfirmationsNeverPassTheCap(t *testing.T) { // 附三(四): a database invariant
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c := compared(t, s, 100, 40) // 7 places
		ids := c.applyMany(30)
		require.EqualValues(t, 7, c.freeze().Places)
		c.rank()
		why := c.reason("人人都想拟认定")
		var wg sync.WaitGroup
		var mu sync.Mutex
		proposed, full := 0, 0
		start := make(chan struct{})
		for worker := range 24 {
			wg.Go(func() {
				<-start
				for i := range ids {
					id := ids[(i+worker*5)%len(ids)]
					_, _, err := s.ConfirmSelection(context.Background(), models.SelectionDecision{CommandID: fmt.Sprintf("w%d-%d", worker, i), CycleID: sampleCycle,
						ApplicationIDs: []int64{id}, Outcome: models.OutcomePropose, ReasonID: why, Actor: models.Actor(fmt.Sprintf("user:%d", 100+worker))}, c.today, func() {})
					mu.Lock()
					switch {
					case err == nil:
						proposed++
					case models.CodeOf(err) == models.CodeConflict && strings.Contains(err.Error(), "附三(四)"):
						full++
					case models.CodeOf(err) != models.CodeConflict: // decided by another
						t.Error(err)
					}
					mu.Unlock()
				}
			})
			if worker%6 == 0 { // operators withdraw meanwhile
				wg.Go(func() {
					<-start
					a, err := s.Application(context.Background(), ids[worker])
					if err == nil {
						_, err = s.ActOnApplication(context.Background(), models.ApplicationCommand{CommandID: "gone", ApplicationID: a.ID, Event: models.EventWithdraw,
							Actor: models.HouseholdActor(a.USCC)}, c.today)
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
		}
		close(start)
		wg.Wait()
		require.GreaterOrEqual(t, proposed, 7)
		require.Positive(t, full, "somebody was refused for want of places")
		require.Equal(t, 7, c.count("SELECT COUNT(*) FROM place_seats"))
		require.LessOrEqual(t, c.count("SELECT COUNT(*) FROM applications WHERE state = 'proposed'"), 7)
		require.Equal(t, c.count("SELECT COUNT(*) FROM applications WHERE state = 'proposed'"), c.count("SELECT COUNT(*) FROM place_seats WHERE application_id IS NOT NULL"))
		require.Equal(t, 0, c.count(`SELECT COUNT(*) FROM applications a WHERE a.state = 'proposed' AND NOT EXISTS (SELECT 1 FROM place_seats p WHERE p.application_id = a.id)`))
		report, err := s.VerifyAudit(context.Background(), nil)
		require.NoError(t, err)
		require.Empty(t, report.Broken)
	})
}

func TestTheDatabaseAdmitsNeitherSeatsNorCertificationsBeyondThePlaces(t *testing.T) { // 附三(四)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c := compared(t, s, 40, 0) // 2 places
		ids := c.applyMany(3)
		c.freeze()
		refused := func(what, statement string, args ...any) {
			_, err := s.SQL().Exec(statement, args...)
			require.Error(t, err, what)
		}
		certify := `INSERT INTO certifications (number, cycle_id, seat, application_id, district, year, uscc, name, tier, category, certified_on, valid_until, state, policy_id, policy_hash, run_id, program, at)
			VALUES (?, '110107-2026', ?, ?, '110107', 2026, ?, 'x', 3, 'quality', '2026-11-25', '2029-11-24', 'valid', 1, '', 1, '', '2026-11-25 00:00:00')`
		c.exec(certify, "N1", 1, ids[0], c.uscc(1))
		c.exec(certify, "N2", 2, ids[1], c.uscc(2))
		refused("a certification without a place", certify, "N3", 3, ids[2], c.uscc(3))
		refused("two in one place", certify, "N3", 2, ids[2], c.uscc(3))
		refused("a place too many", "INSERT INTO place_seats (cycle_id, seat, places) VALUES ('110107-2026', 3, 2)")
		refused("a place of another number", "INSERT INTO place_seats (cycle_id, seat, places) VALUES ('110107-2026', 3, 3)")
		refused("more places than counted", "UPDATE places SET places = 3 WHERE cycle_id = '110107-2026'")
		refused("more than the share", "UPDATE places SET gross = 3, places = 3 WHERE cycle_id = '110107-2026'")
		c.exec("UPDATE place_seats SET application_id = ? WHERE seat = 1", ids[0])
		refused("one household in two places", "UPDATE place_seats SET application_id = ? WHERE seat = 2", ids[0])
	})
}
