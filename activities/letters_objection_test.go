package activities_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// correspondence is an objection and the letters written about it.
type correspondence struct {
	*store.Store
	objection models.Objection
	letters   *activities.Letters
}

// newCorrespondence publishes the sample district's tiers and lets a household with an address object to its own on 29 September 2026.
func newCorrespondence(t *testing.T, s *store.Store) *correspondence {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: sampletest.District, Name: "石景山区", City: "北京市"}))
	require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: sampletest.District, Code: "tax", Name: "区税务局", Email: "tax@sjs.example.com"}))
	n, err := s.PlanYear(ctx, sampletest.District, sampletest.Year, nil)
	require.NoError(t, err)
	n.CycleID, n.Attempt, n.Actor, n.Today = sampletest.Cycle, 1, "user:1", calendar.MustDate("2026-06-01")
	require.NoError(t, s.OpenCycle(ctx, n))
	sampletest.Deliver(t, s)
	sampletest.Judge(t, s)
	_, err = s.PublishTiers(ctx, sampletest.Cycle, calendar.MustDate("2026-09-28"))
	require.NoError(t, err)
	c := &correspondence{Store: s, letters: &activities.Letters{Store: s, PublicURL: "https://bangfu.example.com"}}
	for _, uscc := range slices.Sorted(maps.Keys(sampletest.Expected(t))) {
		h, err := s.HouseholdTier(ctx, sampletest.District, uscc, sampletest.Year)
		require.NoError(t, err)
		_, to, err := s.Reach(ctx, sampletest.District, store.Debtor{Kind: models.OwnerHousehold, Owner: uscc})
		require.NoError(t, err)
		if len(to) > 0 && h.Effective == models.Survival {
			c.objection, err = s.FileObjection(ctx, models.NewObjection{Kind: models.ObjectionTier, District: sampletest.District, CycleID: sampletest.Cycle, USCC: uscc,
				By: models.HouseholdActor(uscc), Statement: "本户的参保人数与实际不符，请核实。", CommandID: "k"}, calendar.MustDate("2026-09-29"))
			require.NoError(t, err)
			return c
		}
	}
	require.Fail(t, "no household of the sample has an address")
	return nil
}

func (c *correspondence) act(t *testing.T, event models.ObjectionEvent, actor models.Actor, on string, change func(*models.ObjectionCommand)) {
	t.Helper()
	ctx := context.Background()
	reason, err := c.AddReason(ctx, actor, "经区人力社保局核实，参保人数属实")
	require.NoError(t, err)
	command := models.ObjectionCommand{CommandID: fmt.Sprint(event, on), ObjectionID: c.objection.ID, Event: event, Actor: actor, ReasonID: reason, Clause: "附一(三)2(2)", Department: "tax"}
	if change != nil {
		change(&command)
	}
	c.objection, err = c.ActOnObjection(ctx, command, calendar.MustDate(on))
	require.NoError(t, err)
}

// tell writes the letters, twice, and gives those that are new.
func (c *correspondence) tell(t *testing.T) []models.Mail {
	t.Helper()
	ctx := context.Background()
	before, err := c.Mails(ctx, store.MailFilter{}, 0, 1000)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, c.letters.TellObjection(ctx, activities.TellObjectionInput{ObjectionID: c.objection.ID}))
	}
	after, err := c.Mails(ctx, store.MailFilter{}, 0, 1000)
	require.NoError(t, err)
	var fresh []models.Mail
	for _, m := range after[:len(after)-len(before)] {
		full, err := c.Mail(ctx, m.ID)
		require.NoError(t, err)
		fresh = append(fresh, full)
	}
	return fresh
}

// one gives the only new letter.
func (c *correspondence) one(t *testing.T) models.Mail {
	t.Helper()
	fresh := c.tell(t)
	require.Len(t, fresh, 1)
	require.Contains(t, fresh[0].Text, c.objection.Number())
	require.Contains(t, fresh[0].HTML, c.objection.Number())
	return fresh[0]
}

func TestTheReplyToAnObjectionCitesReasonAndClauseAndSaysHowToGoOn(t *testing.T) { // R6, 三(三)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c := newCorrespondence(t, s)
		receipt := c.one(t)
		require.Contains(t, receipt.Subject, "异议已收到")
		require.Contains(t, receipt.Text, "2026年10月12日（含当日）前决定是否受理")
		require.Contains(t, receipt.Text, "不收取任何费用")
		require.NotContains(t, receipt.Subject, c.objection.USCC)
		require.Contains(t, receipt.Text, "/public/access", "operators act on their page")

		c.act(t, models.ObjectionAccept, "user:11", "2026-09-30", nil)
		require.Contains(t, c.one(t).Text, "2026年10月27日（含当日）前办结并答复您")
		c.act(t, models.ObjectionAsk, "user:11", "2026-09-30", nil)
		asked := c.one(t)
		require.Equal(t, "tax@sjs.example.com", asked.Recipient)
		require.Contains(t, asked.Text, "2026年10月15日（含当日）前在系统中答复")
		require.NotContains(t, asked.Text, c.objection.USCC)
		require.Contains(t, asked.Text, "/docs", "departments act through the API")
		c.act(t, models.ObjectionAnswer, "user:21", "2026-10-08", nil)
		require.Empty(t, c.tell(t), "the answer is part of the reply")

		c.act(t, models.ObjectionUphold, "user:11", "2026-10-09", func(c *models.ObjectionCommand) { c.Tier = models.Growth })
		reply := c.one(t)
		require.Equal(t, receipt.Recipient, reply.Recipient)
		for _, words := range []string{"异议成立", "由“生存型”更正为“成长型”", "经区人力社保局核实，参保人数属实", "附一(三)2(2)"} {
			require.Contains(t, reply.Text, words)
			require.Contains(t, reply.HTML, words)
		}
	})
}

func TestWhoseObjectionFailsLearnsHowToGoOn(t *testing.T) {
	for _, event := range []models.ObjectionEvent{models.ObjectionNotAccept, models.ObjectionConfirm} {
		t.Run(string(event), func(t *testing.T) {
			s, err := store.Open(context.Background(), storetest.SQLite(t))
			require.NoError(t, err)
			t.Cleanup(func() { _ = s.Close() })
			c := newCorrespondence(t, s)
			if event == models.ObjectionConfirm {
				c.act(t, models.ObjectionAccept, "user:11", "2026-09-30", nil)
				c.act(t, models.ObjectionAsk, "user:11", "2026-09-30", nil)
				c.act(t, models.ObjectionAnswer, "user:21", "2026-10-08", nil)
			}
			c.tell(t)
			c.act(t, event, "user:11", "2026-10-09", nil)
			reply := c.one(t)
			for _, words := range []string{"经区人力社保局核实，参保人数属实", "附一(三)2(2)", "向石景山区市场监管局书面", "投诉"} {
				require.Contains(t, reply.Text, words)
			}
			for _, promise := range []string{"复议", "诉讼", "起诉"} {
				require.NotContains(t, reply.Text, promise, "that is for others to say")
			}
		})
	}
}
