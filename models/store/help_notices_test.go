package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func helpNotice(command string) models.HelpNotice {
	return models.HelpNotice{CycleID: "110107-2026", Kind: models.NoticeTraining, Clause: "附二(二)2", Part: 1, Department: "hrss", Subject: "参保政策宣讲", Body: "周五上门宣讲。", OnDate: helpDay,
		ByActor: hrss, CommandID: command, RequestHash: command}
}

// notify sends a notice to everybody, in pages of one.
func notify(t *testing.T, s *store.Store, n models.HelpNotice) (models.HelpNotice, []string) {
	t.Helper()
	ctx := context.Background()
	law, err := s.PolicyInForce(ctx, "110107", 2026)
	require.NoError(t, err)
	var to []string
	for after := ""; ; {
		page, err := s.NotifyHouseholds(ctx, n, law.Policy, 2026, after, 1, func(e store.Entitled) (models.Message, error) {
			to = append(to, e.USCC)
			return models.Message{District: "110107", CycleID: n.CycleID, Kind: models.MailHelpNotice, Recipient: e.Email, OnDate: n.OnDate, Subject: n.Subject,
				Key: models.HelpNoticeObject(n.ID) + "/" + e.USCC}, nil
		})
		require.NoError(t, err)
		if after = page.Last; page.Done {
			break
		}
	}
	n, err = s.EndHelpNotice(ctx, n.ID)
	require.NoError(t, err)
	return n, to
}

func TestANoticeReachesEveryHouseholdThatItFitsOnceAndNamesWhomItCannotReach(t *testing.T) { // 附二: 主动提供
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		helpYear(t, s)
		n, err := s.AddHelpNotice(ctx, helpNotice("1"))
		require.NoError(t, err)
		again, err := s.AddHelpNotice(ctx, helpNotice("1"))
		require.NoError(t, err)
		require.Equal(t, n.ID, again.ID)
		other := helpNotice("1")
		other.RequestHash = "another"
		_, err = s.AddHelpNotice(ctx, other)
		require.ErrorContains(t, err, "已用于另一项操作")
		open, err := s.OpenHelpNotices(ctx, "110107-2026", 0, 10)
		require.NoError(t, err)
		require.Len(t, open, 1)

		n, to := notify(t, s, n)
		require.Equal(t, []string{growing}, to)
		require.Equal(t, [4]int{2, 1, 1, 0}, [4]int{n.Households, n.Mailed, n.Unreachable, n.Exhausted})
		require.NotNil(t, n.DoneAt)
		n, to = notify(t, s, n)
		require.Empty(t, to, "sent again, nobody hears of it twice")
		require.Equal(t, 2, n.Households)
		list, err := s.NoticedHouseholds(ctx, n.ID, models.NoticeUnreachable, "", "", 10)
		require.NoError(t, err)
		require.Equal(t, []store.NoticedHousehold{{USCC: growing2, Name: "第2店", Street: "鲁谷街道", Outcome: models.NoticeUnreachable}}, list, "for the street to tell")
		open, err = s.OpenHelpNotices(ctx, "110107-2026", 0, 10)
		require.NoError(t, err)
		require.Empty(t, open)

		wrong := helpNotice("2")
		wrong.Department = "wlj"
		_, err = s.AddHelpNotice(ctx, wrong)
		require.ErrorContains(t, err, "不由“区文化和旅游局”负责")
	})
}

func TestNobodyGetsMoreNoticesInAYearThanThePolicySays(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		helpYear(t, s)
		law, err := s.PolicyInForce(ctx, "110107", 2026)
		require.NoError(t, err)
		for i := range law.Help.Notices {
			n, err := s.AddHelpNotice(ctx, helpNotice(fmt.Sprint(i)))
			require.NoError(t, err)
			n, _ = notify(t, s, n)
			require.Equal(t, 1, n.Mailed, "notice %d", i+1)
		}
		n, err := s.AddHelpNotice(ctx, helpNotice("more"))
		require.NoError(t, err)
		n, to := notify(t, s, n)
		require.Empty(t, to)
		require.Equal(t, [3]int{0, 1, 1}, [3]int{n.Mailed, n.Unreachable, n.Exhausted})
	})
}

func TestTheBureauTellsEachHouseholdItsOwnMeasures(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		helpYear(t, s)
		n := helpNotice("own")
		n.Kind, n.Clause, n.Part, n.Department, n.ByActor = models.NoticeOwn, "", 0, models.BureauCode, director
		n, err := s.AddHelpNotice(context.Background(), n)
		require.NoError(t, err)
		n, to := notify(t, s, n)
		require.Equal(t, []string{growing, renowned, developing}, to, "everybody but 不符合分型条件, whom no measure is for")
		require.Equal(t, 4, n.Households)
	})
}
