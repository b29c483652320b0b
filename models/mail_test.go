package models_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
)

func TestAMailIsRetriedOverHoursAndThenFails(t *testing.T) {
	now := time.Date(2026, 6, 30, 0, 30, 0, 0, time.UTC)
	m := models.Mail{State: models.MailQueued, NextAt: now}
	for i, wait := range []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour} {
		_, err := m.Next(models.MailClaimed, m.NextAt.Add(-time.Millisecond))
		require.Error(t, err, "not before its time")
		m, err = m.Next(models.MailClaimed, m.NextAt)
		require.NoError(t, err)
		require.Equal(t, i+1, m.Attempts)
		at := m.NextAt.Add(-time.Minute)
		m, err = m.Next(models.MailDeferred, at)
		require.NoError(t, err)
		require.Equal(t, at.Add(wait), m.NextAt)
		require.Equal(t, models.MailQueued, m.State)
	}
	m, err := m.Next(models.MailClaimed, m.NextAt)
	require.NoError(t, err)
	m, err = m.Next(models.MailDeferred, m.NextAt)
	require.NoError(t, err)
	require.Equal(t, models.MailFailed, m.State)
	m, err = m.Next(models.MailResend, now)
	require.NoError(t, err)
	require.Equal(t, models.MailQueued, m.State)
	require.Zero(t, m.Attempts)
}

func TestWhatMayFollowForAMail(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		state models.MailState
		event models.MailEvent
		after models.MailState // empty = refused
	}{
		{models.MailQueued, models.MailClaimed, models.MailSending},
		{models.MailSending, models.MailClaimed, models.MailSending}, // the lease is over
		{models.MailSending, models.MailAccepted, models.MailSent},
		{models.MailSending, models.MailRefused, models.MailFailed},
		{models.MailFailed, models.MailResend, models.MailQueued},
		{models.MailQueued, models.MailAccepted, ""},
		{models.MailQueued, models.MailResend, ""},
		{models.MailSent, models.MailClaimed, ""},
		{models.MailSent, models.MailResend, ""},
		{models.MailFailed, models.MailClaimed, ""},
		{models.MailSending, models.MailResend, ""},
	} {
		after, err := models.Mail{State: c.state, Attempts: 1, NextAt: now}.Next(c.event, now)
		if c.after == "" {
			require.Equal(t, models.CodeConflict, models.CodeOf(err), "%s %s", c.state, c.event)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.after, after.State, "%s %s", c.state, c.event)
	}
}

func TestTwoDifferentMessagesAreNeverTakenForOne(t *testing.T) {
	m := models.Message{District: "110107", Kind: models.MailDigest, Recipient: "a@example.cn", OnDate: calendar.MustDate("2026-06-30"), Key: "x"}
	seen := map[string]bool{m.DedupKey(): true}
	for _, change := range []func(*models.Message){
		func(m *models.Message) { m.District = "110108" },
		func(m *models.Message) { m.CycleID = "110107-2026" },
		func(m *models.Message) { m.Kind = models.MailEscalation },
		func(m *models.Message) { m.Recipient = "b@example.cn" },
		func(m *models.Message) { m.OnDate++ },
		func(m *models.Message) { m.Key = "" },
		func(m *models.Message) { m.Recipient, m.Key = "a@example.c", "nx" },
	} {
		other := m
		change(&other)
		require.False(t, seen[other.DedupKey()])
		seen[other.DedupKey()] = true
	}
	same := m
	same.Subject, same.Text = "另一个主题", "另一段话"
	require.Equal(t, m.DedupKey(), same.DedupKey(), "words do not make another message")
}

func TestTheLadderSaysEachStepOnItsDayAndAMissedOneOnce(t *testing.T) {
	l := models.Ladder{Steps: []int{-14, -7, -3, -1, 0, 1, 3, 7}, Escalate: 1}
	due := calendar.MustDate("2026-06-30")
	for _, c := range []struct {
		day  string
		step int
		none bool
	}{
		{day: "2026-06-15", none: true}, {day: "2026-06-16", step: -14}, {day: "2026-06-22", step: -14}, {day: "2026-06-23", step: -7},
		{day: "2026-06-29", step: -1}, {day: "2026-06-30", step: 0}, {day: "2026-07-01", step: 1}, {day: "2026-07-02", step: 1}, {day: "2026-08-30", step: 7},
	} {
		step, ok := l.DueStep(due, calendar.MustDate(c.day))
		require.Equal(t, !c.none, ok, c.day)
		require.Equal(t, c.step, step, c.day)
	}
	require.False(t, l.Escalated(due, due))
	require.True(t, l.Escalated(due, due+1))
}
