package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func owe(subject, due string) models.Obligation {
	return models.Obligation{CycleID: "110107-2026", District: "110107", Kind: models.ObligationDelivery, Subject: subject, Owner: "swj",
		Required: true, Title: "交付" + subject, Clause: "二(一)2", Due: calendar.MustDate(due), OpenedOn: calendar.MustDate("2026-06-01")}
}

func one(t *testing.T, s *store.Store, subject string) models.Obligation {
	t.Helper()
	list, err := s.Obligations(context.Background(), store.ObligationFilter{CycleID: "110107-2026"}, store.ObligationCursor{}, 100)
	require.NoError(t, err)
	for _, o := range list {
		if o.Subject == subject {
			return o
		}
	}
	require.Fail(t, "no such obligation", subject)
	return models.Obligation{}
}

func TestWhatIsOwedIsOpenedOnceAndRemindedAnewWhenItsDateMoves(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		require.NoError(t, s.OpenObligation(ctx, owe("tax", "2026-06-30")))
		o := one(t, s, "tax")
		on := calendar.MustDate("2026-06-29")
		mail := models.Message{District: "110107", Kind: models.MailDigest, Recipient: "a@example.cn", OnDate: on}
		added, err := s.Remind(ctx, []models.Message{mail}, []store.Reminded{{ID: o.ID, Step: -1}}, on)
		require.NoError(t, err)
		require.Equal(t, 1, added)

		require.NoError(t, s.OpenObligation(ctx, owe("tax", "2026-06-30")))
		again := one(t, s, "tax")
		require.Equal(t, o.ID, again.ID)
		require.Equal(t, -1, *again.Reminded, "opening what is open changes nothing")
		require.Equal(t, on, again.RemindedOn)

		require.NoError(t, s.OpenObligation(ctx, owe("tax", "2026-07-10")))
		moved := one(t, s, "tax")
		require.Equal(t, calendar.MustDate("2026-07-10"), moved.Due)
		require.Nil(t, moved.Reminded)

		require.NoError(t, s.MoveDue(ctx, "110107-2026", models.ObligationDelivery, "tax", calendar.MustDate("2026-07-12")))
		require.Equal(t, calendar.MustDate("2026-07-12"), one(t, s, "tax").Due)
	})
}

func TestWhatWasDoneCanBeOwedAgain(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		on := calendar.MustDate("2026-06-20")
		require.NoError(t, s.OpenObligation(ctx, owe("tax", "2026-06-30")))
		for range 2 {
			require.NoError(t, s.FulfilObligation(ctx, "110107-2026", models.ObligationDelivery, "tax", "swj", on, "connection:tax"))
		}
		done := one(t, s, "tax")
		require.Equal(t, models.ObligationDone, done.State)
		require.Equal(t, on, done.DoneOn)
		require.NoError(t, s.WaiveObligation(ctx, "110107-2026", models.ObligationDelivery, "tax", "swj", on, "user:1", 1))
		require.Equal(t, models.ObligationDone, one(t, s, "tax").State, "what is done is not waived")

		require.NoError(t, s.OpenObligation(ctx, owe("tax", "2026-06-30")))
		require.Equal(t, models.ObligationOpen, one(t, s, "tax").State)
		require.Zero(t, one(t, s, "tax").DoneOn)
		require.NoError(t, s.WaiveObligation(ctx, "110107-2026", models.ObligationDelivery, "tax", "swj", on, "user:1", 7))
		waived := one(t, s, "tax")
		require.Equal(t, models.ObligationWaived, waived.State)
		require.Equal(t, int64(7), waived.ReasonID)
		record, err := s.AuditPage(ctx, "cycle/110107-2026", 0, 10)
		require.NoError(t, err)
		require.Len(t, record, 1, "a waiver is on record")
	})
}

func TestAnInboxIsPagedByDueDateWithoutLosingAnything(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		for i := range 25 {
			require.NoError(t, s.OpenObligation(ctx, owe(fmt.Sprintf("s%02d", i), calendar.MustDate("2026-06-30").AddDays(-i/3).String())))
		}
		f := store.ObligationFilter{District: "110107", Owner: "swj", State: models.ObligationOpen}
		seen := map[string]bool{}
		var after store.ObligationCursor
		for {
			list, err := s.Obligations(ctx, f, after, 4)
			require.NoError(t, err)
			for _, o := range list {
				require.False(t, seen[o.Subject])
				require.GreaterOrEqual(t, o.Due, after.Due)
				seen[o.Subject] = true
				after = store.ObligationCursor{Due: o.Due, ID: o.ID}
			}
			if len(list) < 4 {
				break
			}
		}
		require.Len(t, seen, 25)
		f.DueBefore = calendar.MustDate("2026-06-30")
		list, err := s.Obligations(ctx, f, store.ObligationCursor{}, 100)
		require.NoError(t, err)
		require.Len(t, list, 22, "what is due on the day is not overdue")
	})
}

func TestAReminderAndItsMarkAreOneTransaction(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		on := calendar.MustDate("2026-06-29")
		require.NoError(t, s.OpenObligation(ctx, owe("tax", "2026-06-30")))
		o := one(t, s, "tax")
		good := models.Message{District: "110107", Kind: models.MailDigest, Recipient: "a@example.cn", OnDate: on}
		bad := good
		bad.Recipient = "not an address"
		_, err := s.Remind(ctx, []models.Message{good, bad}, []store.Reminded{{ID: o.ID, Step: -1}}, on)
		require.Error(t, err)
		require.Nil(t, one(t, s, "tax").Reminded)
		mails, err := s.Mails(ctx, store.MailFilter{}, 0, 10)
		require.NoError(t, err)
		require.Empty(t, mails, "a round that dies in the middle leaves neither mail nor mark")

		dying, die := context.WithCancel(ctx)
		die()
		_, err = s.Remind(dying, []models.Message{good}, []store.Reminded{{ID: o.ID, Step: -1}}, on)
		require.True(t, errors.Is(err, context.Canceled), "%v", err)
		added, err := s.Remind(ctx, []models.Message{good}, []store.Reminded{{ID: o.ID, Step: -1}}, on)
		require.NoError(t, err)
		require.Equal(t, 1, added)
		require.NoError(t, s.OpenObligation(ctx, owe("ip", "2026-06-30")))
		added, err = s.Remind(ctx, []models.Message{good}, []store.Reminded{{ID: one(t, s, "ip").ID, Step: -1}}, on)
		require.NoError(t, err)
		require.Zero(t, added)
		require.Nil(t, one(t, s, "ip").Reminded, "what no mail speaks of is not marked: it waits for the next round")
	})
}
