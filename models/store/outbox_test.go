package store_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func message(to, key string) models.Message {
	return models.Message{District: "110107", Kind: models.MailDigest, Recipient: to, OnDate: calendar.MustDate("2026-06-29"), Subject: "提醒", HTML: "<p>税务</p>", Text: "税务", Key: key}
}

func TestAMailIsWrittenOnceAndItsSendersNeverShareIt(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		for i := range 2 {
			added, err := s.Enqueue(ctx, message("a@example.cn", "1"), message("b@example.cn", "1"), message("b@example.cn", "2"))
			require.NoError(t, err)
			require.Equal(t, []int{3, 0}[i], added)
		}
		_, err := s.Enqueue(ctx, message("a@example.cn\r\nBcc: x@example.cn", "1"))
		require.Equal(t, models.CodeInvalid, models.CodeOf(err))

		var mu sync.Mutex
		var wg sync.WaitGroup
		claimed := map[int64]int{}
		for range 4 {
			wg.Go(func() {
				for {
					m, ok, err := s.ClaimMail(ctx)
					if err != nil || !ok {
						mu.Lock()
						defer mu.Unlock()
						require.NoError(t, err)
						return
					}
					mu.Lock()
					claimed[m.ID]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		require.Len(t, claimed, 3)
		for id, n := range claimed {
			require.Equal(t, 1, n, id)
		}
		at, pending, err := s.NextMailAt(ctx)
		require.NoError(t, err)
		require.True(t, pending, "a claimed mail is not forgotten: it is due again when its lease is over")
		require.False(t, at.IsZero())
	})
}

func TestAMailIsSentOrTriedAgainOrFailedAndThenResentOnRecord(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		_, err := s.Enqueue(ctx, message("a@example.cn", ""))
		require.NoError(t, err)
		m, ok, err := s.ClaimMail(ctx)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, "<p>税务</p>", m.HTML)
		require.NoError(t, s.SettleMail(ctx, m, models.MailRefused, "对方服务器拒收（550）"))
		failed, err := s.Mail(ctx, m.ID)
		require.NoError(t, err)
		require.Equal(t, models.MailFailed, failed.State)
		require.Equal(t, "对方服务器拒收（550）", failed.LastError)
		_, pending, err := s.NextMailAt(ctx)
		require.NoError(t, err)
		require.False(t, pending)

		require.NoError(t, s.ResendMail(ctx, "user:1", m.ID))
		require.Equal(t, models.CodeConflict, models.CodeOf(s.ResendMail(ctx, "user:1", m.ID)))
		record, err := s.AuditPage(ctx, "", 0, 10)
		require.NoError(t, err)
		require.Len(t, record, 1)

		again, ok, err := s.ClaimMail(ctx)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, m.MessageID, again.MessageID, "a repetition is known by its Message-ID")
		require.NoError(t, s.SettleMail(ctx, again, models.MailAccepted, ""))
		require.NoError(t, s.SettleMail(ctx, again, models.MailDeferred, "late"), "a sender that lost its lease changes nothing")
		sent, err := s.Mail(ctx, m.ID)
		require.NoError(t, err)
		require.Equal(t, models.MailSent, sent.State)
		require.Empty(t, sent.LastError)
		require.False(t, sent.SentAt.IsZero())
	})
}

func TestHolidaysOfAYearAreReplacedWholeAndOnRecord(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		year := func(extra ...string) (list []calendar.Holiday) {
			for _, d := range append([]string{"2027-01-01", "2027-05-01", "2027-10-01", "2027-10-02", "2027-10-03"}, extra...) {
				list = append(list, calendar.Holiday{Day: calendar.MustDate(d), Kind: calendar.DayOff, Name: "节日"})
			}
			return list
		}
		require.NoError(t, s.SetHolidays(ctx, "user:1", 2027, year("2027-02-08")))
		require.NoError(t, s.SetHolidays(ctx, "user:1", 2027, year("2027-02-09")))
		w, err := s.Workdays(ctx)
		require.NoError(t, err)
		require.True(t, w.Announced(2027))
		require.True(t, w.IsWorkday(calendar.MustDate("2027-02-08")))
		require.False(t, w.IsWorkday(calendar.MustDate("2027-02-09")))
		require.Equal(t, models.CodeInvalid, models.CodeOf(s.SetHolidays(ctx, "user:1", 2028, year())))
		record, err := s.AuditPage(ctx, "holidays/2027", 0, 10)
		require.NoError(t, err)
		require.Len(t, record, 2)
	})
}
