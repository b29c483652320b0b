package store_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

var home = models.Home{District: "110107", Year: 2026, USCC: "92110107MA3AGYGLUW", Name: "某店"}

// link issues a link and gives its secret, or "" when the household asked too often.
func link(t *testing.T, s *store.Store) (secret string) {
	t.Helper()
	issued, err := s.IssueAccessLink(context.Background(), home, func(made string) (models.Message, error) {
		secret = made
		return models.Message{District: home.District, Kind: models.MailAccess, Recipient: "owner@example.cn", OnDate: calendar.MustDate("2026-08-20"),
			Subject: "登录链接", HTML: "<p>" + made + "</p>", Text: made, Key: store.HashToken(made)}, nil
	})
	require.NoError(t, err)
	if !issued {
		return ""
	}
	return secret
}

func TestALinkOpensOneSessionHoweverManyTryAtOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		secret := link(t, s)
		require.GreaterOrEqual(t, len(secret), 22, "128 bits and more")
		var opened, refused atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				switch _, _, err := s.OpenOperatorSession(context.Background(), "", secret); {
				case err == nil:
					opened.Add(1)
				case models.CodeOf(err) == models.CodeUnauthorized:
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, opened.Load())
		require.EqualValues(t, 15, refused.Load())
	})
}

func TestANewLinkVoidsOlderOnesAndOnlySoManyAreSentInAnHour(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		now := time.Date(2026, 8, 20, 2, 0, 0, 0, time.UTC)
		s.SetNow(func() time.Time { return now })
		first := link(t, s)
		now = now.Add(time.Minute)
		second := link(t, s)
		_, _, err := s.OpenOperatorSession(ctx, "", first)
		require.Equal(t, models.CodeUnauthorized, models.CodeOf(err), "void since the newer one")
		now = now.Add(time.Minute)
		require.NotEmpty(t, link(t, s))
		require.Empty(t, link(t, s), "the fourth within an hour")
		_, _, err = s.OpenOperatorSession(ctx, "", second)
		require.Equal(t, models.CodeUnauthorized, models.CodeOf(err))
		now = now.Add(58*time.Minute + time.Second)
		require.NotEmpty(t, link(t, s), "an hour after the first")
		mails, err := s.Mails(ctx, store.MailFilter{}, 0, 10)
		require.NoError(t, err)
		require.Len(t, mails, 4, "what was refused wrote no mail")
	})
}

func TestSecretsAndSessionsEndWhenTheirTimeIsOver(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		now := time.Date(2026, 8, 20, 2, 0, 0, 0, time.UTC)
		s.SetNow(func() time.Time { return now })

		secret := link(t, s)
		now = now.Add(models.AccessLinkTime)
		_, _, err := s.OpenOperatorSession(ctx, "", secret)
		require.Equal(t, models.CodeUnauthorized, models.CodeOf(err), "30 minutes after it was made")

		secret = link(t, s)
		now = now.Add(models.AccessLinkTime - time.Millisecond)
		token, session, err := s.OpenOperatorSession(ctx, "", secret)
		require.NoError(t, err)
		require.Equal(t, models.OperatorSession{ID: session.ID, Hash: store.HashToken(token), District: home.District, USCC: home.USCC, Via: models.AccessLink,
			CreatedAt: now, ExpiresAt: now.Add(12 * time.Hour)}, session)
		now = now.Add(models.OperatorSessionTime - time.Millisecond)
		_, err = s.AuthenticateOperator(ctx, token)
		require.NoError(t, err)
		now = now.Add(time.Millisecond)
		_, err = s.AuthenticateOperator(ctx, token)
		require.Equal(t, models.CodeUnauthorized, models.CodeOf(err), "12 hours after it began")

		code, expires, err := s.IssueAccessCode(ctx, "user:3", home, 0)
		require.NoError(t, err)
		require.Equal(t, now.Add(7*24*time.Hour), expires)
		now = expires
		_, _, err = s.OpenOperatorSession(ctx, home.USCC, code)
		require.Equal(t, models.CodeUnauthorized, models.CodeOf(err), "7 days after it was handed out")

		now = now.Add(31 * 24 * time.Hour)
		code, _, err = s.IssueAccessCode(ctx, "user:3", home, 0)
		require.NoError(t, err)
		require.NotEmpty(t, link(t, s))
		_, _, err = s.OpenOperatorSession(ctx, home.USCC, code)
		require.NoError(t, err)
		for table, left := range map[string]int{"access_secrets WHERE kind = 'link'": 1, "access_secrets WHERE kind = 'code'": 2, "operator_sessions": 1} {
			var n int
			require.NoError(t, s.SQL().QueryRow("SELECT COUNT(*) FROM "+table).Scan(&n))
			require.Equal(t, left, n, "what ended long ago is forgotten, but who handed out a code: %s", table)
		}
		now = now.Add(408 * 24 * time.Hour)
		_, _, err = s.IssueAccessCode(ctx, "user:3", home, 0)
		require.NoError(t, err)
		var n int
		require.NoError(t, s.SQL().QueryRow("SELECT COUNT(*) FROM access_secrets WHERE kind = 'code'").Scan(&n))
		require.Equal(t, 1, n, "in the end that too")
	})
}

func TestACodeOpensTheDoorOfItsHouseholdOnlyAndOnlyTheNewestDoes(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		open := func(uscc, typed string) models.Code {
			_, _, err := s.OpenOperatorSession(ctx, uscc, typed)
			if err == nil {
				return ""
			}
			return models.CodeOf(err)
		}
		old, _, err := s.IssueAccessCode(ctx, "user:3", home, 0)
		require.NoError(t, err)
		code, _, err := s.IssueAccessCode(ctx, "user:3", home, 0)
		require.NoError(t, err)
		require.Len(t, code, models.AccessCodeLength)
		require.Empty(t, strings.Trim(code, models.AccessAlphabet))
		require.Equal(t, models.CodeUnauthorized, open(home.USCC, old))
		require.Equal(t, models.CodeUnauthorized, open("92110107MA48KGC7L6", code), "another household's")
		require.Equal(t, models.CodeUnauthorized, open("", code), "without its household")
		typed := " " + strings.ToLower(models.FormatAccessCode(code)) + " "
		require.Empty(t, open(home.USCC, typed), "as a person types it")
		require.Equal(t, models.CodeUnauthorized, open(home.USCC, typed), "once")

		var kept string
		require.NoError(t, s.SQL().QueryRow("SELECT GROUP_CONCAT(hash) FROM access_secrets").Scan(&kept))
		require.NotContains(t, kept, code)
	})
}

func TestAMailWithASecretIsWipedWhenItWasSentOrFailedAndNeverTriedForLongerThanTheSecretWorks(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		now := time.Date(2026, 8, 20, 2, 0, 0, 0, time.UTC)
		s.SetNow(func() time.Time { return now })
		settle := func(event models.MailEvent) models.Mail {
			m, ok, err := s.ClaimMail(ctx)
			require.NoError(t, err)
			require.True(t, ok)
			require.NotEmpty(t, m.Text)
			require.NoError(t, s.SettleMail(ctx, m, event, "原因"))
			m, err = s.Mail(ctx, m.ID)
			require.NoError(t, err)
			return m
		}
		now = now.Add(-time.Minute)
		_, err := s.Enqueue(ctx, message("waits@example.cn", "1"))
		require.NoError(t, err)
		now = now.Add(time.Minute)
		secret := link(t, s)
		sent := settle(models.MailAccepted)
		require.Equal(t, models.MailSent, sent.State)
		require.Equal(t, models.MailAccess, sent.Kind, "before whatever waits: somebody sits in front of it")
		require.Empty(t, sent.Text+sent.HTML)
		require.Equal(t, "税务", settle(models.MailAccepted).Text, "other mails keep their text")

		link(t, s)
		failed := settle(models.MailRefused)
		require.Equal(t, models.MailFailed, failed.State)
		require.Empty(t, failed.Text+failed.HTML)
		require.Equal(t, models.CodeConflict, models.CodeOf(s.ResendMail(ctx, "user:1", failed.ID)))

		link(t, s)
		require.Equal(t, models.MailQueued, settle(models.MailDeferred).State, "again in a minute")
		now = now.Add(time.Minute)
		require.Equal(t, models.MailQueued, settle(models.MailDeferred).State, "again in five")
		now = now.Add(5 * time.Minute)
		late := settle(models.MailDeferred)
		require.Equal(t, models.MailFailed, late.State, "the next try would come when the link no longer works")
		require.Empty(t, late.Text+late.HTML)

		record, err := s.AuditPage(ctx, "", 0, 100)
		require.NoError(t, err)
		require.Len(t, record, 3)
		for _, e := range record {
			require.Equal(t, models.ActorPublic, e.Actor)
			require.NotContains(t, e.Detail, secret)
			require.NotContains(t, e.Detail, "@")
		}
	})
}
