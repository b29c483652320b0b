package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// noticed is a cycle in its notice stage on a day: two places are taken, two wait, and the list is published.
func noticed(t *testing.T, s *store.Store, published string) (c *comparing, ids []int64, b models.NoticeBoard) {
	t.Helper()
	c = compared(t, s, 40, 0)
	ids = c.applyMany(4)
	c.freeze()
	c.rank()
	c.confirmAll()
	c.today = calendar.MustDate(published)
	c.stage(models.StageNotice)
	b, err := s.PublishNotice(context.Background(), sampleCycle, c.today)
	require.NoError(t, err)
	return c, ids, b
}

func (c *comparing) tend(today, due string) models.NoticeBoard {
	c.t.Helper()
	c.today = calendar.MustDate(today)
	b, err := c.TendNotice(context.Background(), sampleCycle, calendar.MustDate(due), c.today)
	require.NoError(c.t, err)
	return b
}

func (c *comparing) entries(public bool) []models.NoticeEntry {
	c.t.Helper()
	list, err := c.NoticeEntries(context.Background(), sampleCycle, public, store.NoticeEntryKey{}, 100)
	require.NoError(c.t, err)
	return list
}

func TestANoticeCountsWorkingDaysFromTheDayAfter(t *testing.T) { // 三(二): by the State Council's calendar
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c, ids, b := noticed(t, s, "2026-09-28") // Monday; 1–7 October are off, Saturday 10 October is worked
		require.Equal(t, 1, b.Notices)
		require.EqualValues(t, 2, b.Listed)
		require.True(t, b.Announced)
		require.Equal(t, calendar.MustDate("2026-10-10"), b.EndsOn, "29, 30 September, 8, 9, 10 October")
		require.False(t, b.Over(calendar.MustDate("2026-10-10")), "the last day counts")
		require.True(t, b.Over(calendar.MustDate("2026-10-11")))
		again, err := s.PublishNotice(context.Background(), sampleCycle, c.today+1)
		require.NoError(t, err)
		require.Equal(t, b, again, "published once")

		list := c.entries(true)
		require.Len(t, list, 2)
		require.Equal(t, ids[0], list[0].ApplicationID)
		notices, err := s.Notices(context.Background(), sampleCycle)
		require.NoError(t, err)
		require.Equal(t, models.NoticeHash(notices[0], list), notices[0].SHA256, "what is public is what was published")
		list[0].Name = "另一户"
		require.NotEqual(t, models.NoticeHash(notices[0], list), notices[0].SHA256)
	})
}

func TestAPeriodIntoAYearWithoutCalendarIsReckonedAgainWhenItIsAnnounced(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		c, _, b := noticed(t, s, "2026-12-28") // Monday
		require.False(t, b.Announced)
		require.Equal(t, calendar.MustDate("2027-01-05"), b.EndsOn, "29, 30, 31 December, 4, 5 January")
		require.Equal(t, b, c.tend("2026-12-29", "2027-01-31"), "nothing is known yet")
		day := func(d, kind, name string) calendar.Holiday {
			return calendar.Holiday{Day: calendar.MustDate(d), Kind: calendar.DayKind(kind), Name: name}
		}
		require.NoError(t, s.SetHolidays(ctx, "user:1", 2027, []calendar.Holiday{day("2027-01-01", "休", "元旦"), day("2027-01-02", "休", "元旦"), day("2027-01-03", "班", "元旦"),
			day("2027-01-04", "休", "元旦"), day("2027-05-01", "休", "劳动节"), day("2027-05-02", "休", "劳动节"),
			day("2027-10-01", "休", "国庆节"), day("2027-10-02", "休", "国庆节"), day("2027-10-03", "休", "国庆节"), day("2027-01-05", "休", "元旦")}))
		b = c.tend("2026-12-30", "2027-01-31")
		require.True(t, b.Announced)
		require.Equal(t, calendar.MustDate("2027-01-06"), b.EndsOn, "29, 30, 31 December, 3, 6 January")
		notices, err := s.Notices(ctx, sampleCycle)
		require.NoError(t, err)
		require.Len(t, notices, 1)
	})
}

func TestTheWaitingListMovesUpOnlyIfAFullPeriodFits(t *testing.T) { // 三(二)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c, ids, _ := noticed(t, s, "2026-11-06") // Friday; ends on the 13th
		c.act(ids[1], models.EventWithdraw)
		// Monday 9: five working days end on Monday 16
		b := c.tend("2026-11-09", "2026-11-16")
		require.Equal(t, 2, b.Notices)
		require.EqualValues(t, 1, b.MovedUp)
		require.True(t, b.Changed)
		require.Equal(t, calendar.MustDate("2026-11-16"), b.EndsOn, "its own full period, to the last day")
		require.Equal(t, models.ApplicationProposed, c.state(ids[2]))
		list := c.entries(false)
		require.Len(t, list, 3)
		require.Equal(t, models.EntryWithdrawn, list[1].State)
		require.Equal(t, models.VacancyFilled, list[1].Vacancy)
		require.Equal(t, ids[2], list[1].Successor)
		require.Equal(t, 2, list[2].Number)
		require.Equal(t, b, c.tend("2026-11-09", "2026-11-16"), "tended again it stays as it is")

		c.act(ids[0], models.EventWithdraw)
		b = c.tend("2026-11-10", "2026-11-16")
		require.Equal(t, 2, b.Notices, "a day too late")
		require.EqualValues(t, 1, b.Empty)
		require.EqualValues(t, 1, b.Waiting)
		require.Equal(t, models.ApplicationWaiting, c.state(ids[3]))
		require.Equal(t, models.VacancyTooLate, c.entries(false)[0].Vacancy)
		require.Len(t, c.entries(true), 1, "who left is not shown any more")
		events, err := s.CycleEvents(context.Background(), sampleCycle)
		require.NoError(t, err)
		require.Contains(t, events[len(events)-1].Text, models.VacancyTooLate.Name())

		c.today = calendar.MustDate("2026-11-17")
		for range 2 {
			b, err = s.CloseNotice(context.Background(), sampleCycle, c.today, func() {})
			require.NoError(t, err)
			require.EqualValues(t, 1, b.Listed)
			require.Zero(t, b.Waiting)
		}
		require.Equal(t, models.ApplicationUnselected, c.state(ids[3]))
		a, err := s.Application(context.Background(), ids[3])
		require.NoError(t, err)
		reason, err := s.Reason(context.Background(), a.ReasonID)
		require.NoError(t, err)
		require.Contains(t, reason, "剩余时间不足")
		require.Empty(t, c.entries(true), "a closed list is not public any more")
		report, err := s.VerifyAudit(context.Background(), nil)
		require.NoError(t, err)
		require.Empty(t, report.Broken)
	})
}

func TestAPlaceStaysFreeWhenNobodyWaitsUntilSomebodyDoes(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c, ids, _ := noticed(t, s, "2026-11-06")
		c.act(ids[2], models.EventWithdraw)
		c.act(ids[3], models.EventWithdraw)
		c.act(ids[0], models.EventWithdraw)
		require.EqualValues(t, 1, c.tend("2026-11-09", "2026-11-30").Empty)
		require.Equal(t, models.VacancyNobody, c.entries(false)[0].Vacancy)
		late := c.apply(9, "A", 2010) // an objection to a decision was upheld
		c.exec("UPDATE applications SET state = 'waiting' WHERE id = ?", late)
		b := c.tend("2026-11-10", "2026-11-30")
		require.Zero(t, b.Empty)
		require.Equal(t, models.ApplicationProposed, c.state(late))
		require.Equal(t, late, c.entries(false)[0].Successor)
	})
}

func TestWhoIsBarredOnTheWaitingListDoesNotMoveUp(t *testing.T) { // 附三(三)1
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c, ids, _ := noticed(t, s, "2026-11-06")
		c.exec("UPDATE src_registry SET status = '注销' WHERE uscc = ?", c.uscc(3))
		c.act(ids[0], models.EventWithdraw)
		c.tend("2026-11-09", "2026-11-30")
		require.Equal(t, models.ApplicationRefused, c.state(ids[2]))
		require.Equal(t, models.ApplicationProposed, c.state(ids[3]))
	})
}

func TestWithoutAProposalThereIsNothingToNotice(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		c := compared(t, s, 19, 0) // no place
		id := c.apply(1, "A", 2010)
		c.freeze()
		require.EqualValues(t, 1, c.rank().Left)
		require.EqualValues(t, 1, c.confirmAll().Waiting)
		c.stage(models.StageNotice)
		b, err := s.PublishNotice(ctx, sampleCycle, c.today)
		require.NoError(t, err)
		require.True(t, b.Over(c.today))
		_, err = s.CloseNotice(ctx, sampleCycle, c.today, func() {})
		require.NoError(t, err)
		require.Equal(t, models.ApplicationUnselected, c.state(id))
	})
}

func TestAnUpheldObjectionTakesAHouseholdOffTheListOnceWithItsReason(t *testing.T) { // 三(二)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		c, ids, _ := noticed(t, s, "2026-11-06")
		why := c.reason("经核实，申报材料与事实不符")
		for range 2 {
			require.NoError(t, s.RemoveProposed(ctx, ids[0], "objection/1", "user:7", why, "附三(三)1", calendar.MustDate("2026-11-09")))
		}
		require.Equal(t, models.ApplicationRefused, c.state(ids[0]))
		require.Equal(t, 1, c.count("SELECT COUNT(*) FROM place_seats WHERE application_id IS NULL"), "its place is free")
		require.Equal(t, 1, c.count("SELECT COUNT(*) FROM application_events WHERE application_id = ? AND event = 'remove'", ids[0]))
		e := c.entries(false)[0]
		require.Equal(t, models.EntryRemoved, e.State)
		require.Equal(t, why, e.ReasonID)
		require.Equal(t, calendar.MustDate("2026-11-09"), e.RemovedOn)
		require.Equal(t, models.CodeConflict, models.CodeOf(s.RemoveProposed(ctx, ids[2], "objection/2", "user:7", why, "附三(三)1", c.today)), "who waits is on no list")
		b := c.tend("2026-11-09", "2026-11-30")
		require.EqualValues(t, 1, b.MovedUp)
		require.Equal(t, models.ApplicationProposed, c.state(ids[2]))
		require.Equal(t, models.EntryRemoved, c.entries(false)[0].State, "removed, not barred")
	})
}
