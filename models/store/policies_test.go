package store_test

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

const admin = models.Actor("user:1")

// changed is the default policy of 110107/2026 with another amount for 成长型.
func changed(amount string) []byte {
	return bytes.Replace(policy.Default("110107", 2026), []byte("value: 20万元"), []byte("value: "+amount), 1)
}

func TestAYearWithoutAPolicyGetsTheWorkPlansOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		_, err := s.PolicyInForce(ctx, "110107", 2026)
		require.Equal(t, models.CodeNotFound, models.CodeOf(err))

		var group sync.WaitGroup
		for range 6 { // several workers at once
			group.Go(func() {
				_, err := s.EnsurePolicy(ctx, "110107", 2026)
				require.NoError(t, err)
			})
		}
		group.Wait()
		v, err := s.PolicyInForce(ctx, "110107", 2026)
		require.NoError(t, err)
		require.Equal(t, 1, v.Version)
		require.Equal(t, models.PolicyInForce, v.State)
		require.Equal(t, v.Policy.Hash(), v.Hash, "the record's hash is the policy's")
		all, err := s.Policies(ctx, store.PolicyFilter{District: "110107", Year: 2026}, 0, 10)
		require.NoError(t, err)
		require.Len(t, all, 1)

		other, err := s.EnsurePolicy(ctx, "110108", 2027)
		require.NoError(t, err)
		require.Equal(t, "110108", other.Policy.District)
		require.Equal(t, 2027, other.Policy.Year)
	})
}

func TestOneVersionIsInForceAndTheOthersStayReadable(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		first, err := s.EnsurePolicy(ctx, "110107", 2026)
		require.NoError(t, err)
		draft, err := s.AddPolicy(ctx, admin, "110107", 2026, changed("25万元"), "按区政府会议调整")
		require.NoError(t, err)
		require.Equal(t, 2, draft.Version)
		require.Equal(t, models.PolicyDraft, draft.State)

		again, err := s.AddPolicy(ctx, admin, "110107", 2026, changed("25万元"), "再传一次")
		require.NoError(t, err)
		require.Equal(t, draft.ID, again.ID, "the same content is the same version")

		v, err := s.PolicyInForce(ctx, "110107", 2026)
		require.NoError(t, err)
		require.Equal(t, first.ID, v.ID, "a draft changes nothing")

		require.NoError(t, s.PutInForce(ctx, admin, draft.ID))
		require.NoError(t, s.PutInForce(ctx, admin, draft.ID), "putting in force what is in force changes nothing")
		v, err = s.PolicyInForce(ctx, "110107", 2026)
		require.NoError(t, err)
		require.Equal(t, draft.ID, v.ID)
		require.Equal(t, admin, v.InForceBy)
		old, err := s.PolicyByID(ctx, first.ID)
		require.NoError(t, err)
		require.Equal(t, models.PolicyReplaced, old.State)
		growth, _ := old.Parameter("growth.revenue")
		require.Equal(t, "20 万元（待确认）", growth.Words(), "what made old results is still there")

		require.NoError(t, s.PutInForce(ctx, admin, first.ID), "and can come back")
		require.Equal(t, models.CodeNotFound, models.CodeOf(s.PutInForce(ctx, admin, 999)))

		log, err := s.AuditPage(ctx, "policy/2", 0, 10)
		require.NoError(t, err)
		require.Len(t, log, 2)
		require.Equal(t, "policy.add", log[0].Action)
		require.Equal(t, "policy.put_in_force", log[1].Action)
		require.Contains(t, log[1].Detail, draft.Hash)
	})
}

func TestVersionsPutInForceAtOnceLeaveOneInForce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		var ids []int64
		var lock sync.Mutex
		var group sync.WaitGroup
		for _, amount := range []string{"21万元", "22万元", "23万元", "24万元"} {
			group.Go(func() {
				v, err := s.AddPolicy(ctx, admin, "110107", 2026, changed(amount), "")
				require.NoError(t, err)
				lock.Lock()
				defer lock.Unlock()
				ids = append(ids, v.ID)
			})
		}
		group.Wait()
		for _, id := range ids {
			group.Go(func() { require.NoError(t, s.PutInForce(ctx, admin, id)) })
		}
		group.Wait()
		all, err := s.Policies(ctx, store.PolicyFilter{District: "110107", Year: 2026}, 0, 10)
		require.NoError(t, err)
		versions, inForce := map[int]bool{}, 0
		for _, v := range all {
			versions[v.Version] = true
			if v.State == models.PolicyInForce {
				inForce++
			}
		}
		require.Equal(t, map[int]bool{1: true, 2: true, 3: true, 4: true}, versions)
		require.Equal(t, 1, inForce)
	})
}

func TestAWrongFileIsNotStored(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		_, err := s.AddPolicy(ctx, admin, "110107", 2026, changed("很多"), "")
		require.Equal(t, models.CodeInvalid, models.CodeOf(err))
		require.ErrorContains(t, err, "“很多”不是数值")
		var problems policy.Problems
		require.ErrorAs(t, err, &problems)
		_, err = s.AddPolicy(ctx, admin, "110108", 2026, changed("30万元"), "")
		require.ErrorContains(t, err, "不符", "a file of another district")
		all, err := s.Policies(ctx, store.PolicyFilter{}, 0, 10)
		require.NoError(t, err)
		require.Empty(t, all)
	})
}

func TestStandardsArePublicOnlyOnceTheBureauPublishesThem(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		v, err := s.EnsurePolicy(ctx, "110107", 2026)
		require.NoError(t, err)
		owed := models.Obligation{CycleID: "110107-2026", District: "110107", Kind: models.ObligationStandards, Owner: models.BureauCode,
			Title: "公示分型分类标准与帮扶培育措施（2026年）", Clause: "二(一)1", Due: calendar.MustDate("2026-09-30"), OpenedOn: calendar.MustDate("2026-06-01")}
		require.NoError(t, s.OpenObligation(ctx, owed))
		_, err = s.PublishedPolicy(ctx, "110107", 2026)
		require.Equal(t, models.CodeNotFound, models.CodeOf(err), "in force is not yet public")

		draft, err := s.AddPolicy(ctx, admin, "110107", 2026, changed("25万元"), "")
		require.NoError(t, err)
		require.Equal(t, models.CodeConflict, models.CodeOf(s.PublishPolicy(ctx, admin, draft.ID)), "a draft is not published")

		require.NoError(t, s.PublishPolicy(ctx, admin, v.ID))
		require.NoError(t, s.PublishPolicy(ctx, admin, v.ID))
		public, err := s.PublishedPolicy(ctx, "110107", 2026)
		require.NoError(t, err)
		require.Equal(t, v.ID, public.ID)
		open, err := s.OpenObligations(ctx, "110107-2026")
		require.NoError(t, err)
		require.Empty(t, open, "publication is what the bureau owed")

		require.NoError(t, s.PutInForce(ctx, admin, draft.ID))
		public, err = s.PublishedPolicy(ctx, "110107", 2026)
		require.NoError(t, err)
		require.Equal(t, v.ID, public.ID, "what is public changes only by publication")
		require.NoError(t, s.PublishPolicy(ctx, admin, draft.ID))
		public, err = s.PublishedPolicy(ctx, "110107", 2026)
		require.NoError(t, err)
		require.Equal(t, draft.ID, public.ID)
	})
}
