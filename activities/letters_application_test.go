package activities_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func TestAnOperatorIsToldOnceOfEveryStepAndWhereToAct(t *testing.T) { // 附三(二), 三(二)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		list, today := applied(t, s, 1)
		a := list[0]
		name, to, err := s.Reach(ctx, sampletest.District, store.Debtor{Kind: models.OwnerHousehold, Owner: a.USCC})
		require.NoError(t, err)
		require.Len(t, to, 1)
		letters := &activities.Letters{Store: s, PublicURL: "https://bangfu.example.com/"}
		for _, step := range []struct {
			event models.ApplicationEvent
			words []string
		}{
			{models.EventSubmit, []string{"“名特优新”申报已收到", "全程免费", "审核截止：2026年10月25日", "申报分类：优质"}},
			{models.EventWithdraw, []string{"申报已撤回"}},
		} {
			_, err := s.ActOnApplication(ctx, models.ApplicationCommand{CommandID: string(step.event), ApplicationID: a.ID, Event: step.event, Actor: a.EnteredBy}, today)
			require.NoError(t, err)
			for range 2 {
				require.NoError(t, letters.TellApplication(ctx, activities.TellApplicationInput{ApplicationID: a.ID}))
			}
			mails, err := s.Mails(ctx, store.MailFilter{}, 0, 10)
			require.NoError(t, err)
			m, err := s.Mail(ctx, mails[0].ID)
			require.NoError(t, err)
			require.Equal(t, to[0], m.Recipient)
			for _, words := range append(step.words, name, a.Number(), "办理入口：https://bangfu.example.com/public/access\n") {
				require.Contains(t, m.Text, words)
			}
			require.Contains(t, m.HTML, `href="https://bangfu.example.com/public/access"`)
			require.NotContains(t, m.Subject, a.USCC)
		}
		mails, err := s.Mails(ctx, store.MailFilter{}, 0, 10)
		require.NoError(t, err)
		require.Len(t, mails, 2, "one letter for each step")
	})
}
