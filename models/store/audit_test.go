package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func writeEntries(t *testing.T, s *store.Store, n int) {
	t.Helper()
	for i := range n {
		require.NoError(t, s.Audit(context.Background(), "user:1", "cycle.advance", fmt.Sprintf("cycle/110107-%d", 2020+i), map[string]any{"原因": "按期推进", "n": i}))
	}
}

func TestTheRecordOfDecisionsIsAppendOnlyAndChained(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		report, err := s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		require.Equal(t, models.AuditReport{Head: models.AuditGenesis, Intact: true}, report, "an empty record is intact")

		writeEntries(t, s, 5)
		report, err = s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		require.True(t, report.Intact, report.Reason)
		require.EqualValues(t, 5, report.Entries)

		page, err := s.AuditPage(ctx, "", 2, 2)
		require.NoError(t, err)
		require.Len(t, page, 2)
		require.EqualValues(t, 3, page[0].Seq)
		require.Equal(t, page[0].Hash, page[1].PrevHash)
		require.True(t, json.Valid([]byte(page[0].Detail)))

		page, err = s.AuditPage(ctx, "cycle/110107-2021", 0, 10)
		require.NoError(t, err)
		require.Len(t, page, 1)
		require.Equal(t, models.Actor("user:1"), page[0].Actor)
	})
}

func TestTheRecordCannotBeChangedUnseen(t *testing.T) {
	cases := []struct {
		name       string
		statements []string
		broken     int64
	}{
		{"an edited detail", []string{`UPDATE audit_log SET detail = '{}' WHERE seq = 3`}, 3},
		{"an edited actor", []string{`UPDATE audit_log SET actor = 'user:2' WHERE seq = 1`}, 1},
		{"an edited moment", []string{`UPDATE audit_log SET at = '2020-01-01T00:00:00.000Z' WHERE seq = 5`}, 5},
		{"two fields that read the same when joined", []string{`UPDATE audit_log SET action = 'cycle.advancec', object = SUBSTR(object, 2) WHERE seq = 2`}, 2},
		{"a deleted entry", []string{`DELETE FROM audit_log WHERE seq = 2`}, 3},
		{"the deleted first entry", []string{`DELETE FROM audit_log WHERE seq = 1`}, 2},
		{"a deleted entry with the gap closed", []string{`DELETE FROM audit_log WHERE seq = 2`, `UPDATE audit_log SET seq = 2 WHERE seq = 3`}, 2},
		{"two entries that changed places", []string{`UPDATE audit_log SET seq = 9 WHERE seq = 2`, `UPDATE audit_log SET seq = 2 WHERE seq = 3`, `UPDATE audit_log SET seq = 3 WHERE seq = 9`}, 2},
		{"an inserted entry", []string{`INSERT INTO audit_log (seq, at, actor, action, object, detail, prev_hash, hash) SELECT 6, at, actor, action, object, detail, hash, 'x' FROM audit_log WHERE seq = 5`}, 6},
		{"a truncated record", []string{`DELETE FROM audit_log WHERE seq >= 4`}, 4},
		{"an emptied record", []string{`DELETE FROM audit_log`}, 1},
		{"a head moved back", []string{`UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit_log WHERE seq = 4)`}, 5},
		{"a head without its entry's hash", []string{`UPDATE audit_head SET hash = 'x'`}, 6},
		{"a deleted head", []string{`DELETE FROM audit_head`}, 1},
	}
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		do := func(statements ...string) {
			for _, statement := range statements {
				_, err := s.SQL().ExecContext(ctx, statement)
				require.NoError(t, err)
			}
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				do(`DELETE FROM audit_log`, `DELETE FROM audit_districts`, `DELETE FROM audit_head`, `INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '`+models.AuditGenesis+`')`)
				writeEntries(t, s, 5)
				do(c.statements...)
				report, err := s.VerifyAudit(ctx, nil)
				require.NoError(t, err)
				require.False(t, report.Intact)
				require.Equal(t, c.broken, report.Broken, report.Reason)
				require.NotEmpty(t, report.Reason)
			})
		}
	})
}

func TestAnAnchorKeptElsewhereRevealsARecordThatWasRewrittenAsAWhole(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		writeEntries(t, s, 5)
		before, err := s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		anchor := models.AuditAnchor{Seq: before.Entries, Hash: before.Head}

		for _, table := range []string{"audit_log", "audit_districts"} {
			_, err = s.SQL().Exec(`DELETE FROM ` + table + ` WHERE seq >= 4`)
			require.NoError(t, err)
		}
		_, err = s.SQL().Exec(`UPDATE audit_head SET seq = 3, hash = (SELECT hash FROM audit_log WHERE seq = 3)`)
		require.NoError(t, err)
		report, err := s.VerifyAudit(ctx, nil, anchor)
		require.NoError(t, err)
		require.False(t, report.Intact, "shortened together with its head")

		writeEntries(t, s, 3)
		report, err = s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		require.True(t, report.Intact, "the chain alone cannot tell")
		report, err = s.VerifyAudit(ctx, nil, anchor)
		require.NoError(t, err)
		require.False(t, report.Intact)
		require.EqualValues(t, 5, report.Broken)
	})
}

func TestManyWritersAtOnceMakeOneChain(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		var g errgroup.Group
		for range 8 {
			g.Go(func() error {
				for i := range 10 {
					if err := s.Audit(ctx, models.ActorSystem, "test.write", "test/1", i); err != nil {
						return err
					}
				}
				return nil
			})
		}
		require.NoError(t, g.Wait())
		report, err := s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		require.True(t, report.Intact, report.Reason)
		require.EqualValues(t, 80, report.Entries)
	})
}

func TestEveryEntryIsFoundInTheDistrictThatItConcerns(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		for _, code := range []string{"110107", "110108"} {
			require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: code, Name: "区", City: "市"}))
		}
		local, err := s.AddUser(ctx, models.ActorConsole, models.User{Email: "a@example.com", Name: "甲", Role: models.RoleAuditor, District: "110107"}, "")
		require.NoError(t, err)
		_, _, err = s.CreateToken(ctx, models.ActorConsole, local.ID, "令牌", 0)
		require.NoError(t, err)
		all, err := s.AddUser(ctx, models.ActorConsole, models.User{Email: "b@example.com", Name: "乙", Role: models.RoleAuditor}, "")
		require.NoError(t, err)
		_, err = s.EnsurePolicy(ctx, "110108", 2026)
		require.NoError(t, err)
		_, err = s.AddComplaint(ctx, models.Complaint{District: "110108", About: "事项", Statement: "情况", ByActor: models.ActorPublic})
		require.NoError(t, err)
		for _, object := range []string{"cycle/110107-2026", "department/110108/tax", "connection:110107/tax", "110107-2026-tax-3", "certification/110108-2026-MTYX-0001",
			"holidays/2026", "system", "user/999999", "complaint/110107", "household/92110107MA3AGYGLUW"} {
			require.NoError(t, s.Audit(ctx, models.ActorConsole, "test", object, nil))
		}
		of := func(district string) (objects []string) {
			page, err := s.DistrictAudit(ctx, district, "", 0, 100)
			require.NoError(t, err)
			for _, e := range page {
				objects = append(objects, e.Object)
			}
			return objects
		}
		require.Equal(t, []string{"district/110107", fmt.Sprintf("user/%d", local.ID), "token/1", "cycle/110107-2026", "connection:110107/tax", "110107-2026-tax-3"}, of("110107"))
		require.Equal(t, []string{"district/110108", "policy/1", "complaint/1", "department/110108/tax", "certification/110108-2026-MTYX-0001"}, of("110108"))
		require.Contains(t, of(""), fmt.Sprintf("user/%d", all.ID), "who belongs to no district is for those of all")
		report, err := s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		require.True(t, report.Intact, "the chain is as it was")
	})
}

// A record that was written before entries were found by district is sorted into districts once.
func TestAnOlderRecordIsSortedIntoItsDistricts(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: "110107", Name: "区", City: "市"}))
		require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: "110107", Code: "tax", Name: "区税务局"}))
		u, err := s.AddUser(ctx, models.ActorConsole, models.User{Email: "a@example.com", Name: "甲", Role: models.RoleAuditor, District: "110107"}, "")
		require.NoError(t, err)
		_, _, err = s.CreateToken(ctx, models.ActorConsole, u.ID, "令牌", 0)
		require.NoError(t, err)
		_, err = s.EnsurePolicy(ctx, "110107", 2026)
		require.NoError(t, err)
		require.NoError(t, s.Audit(ctx, models.ActorConsole, "test", "cycle/110107-2026", nil))
		require.NoError(t, s.Audit(ctx, models.ActorConsole, "test", "holidays/2026", nil))
		before, err := s.DistrictAudit(ctx, "110107", "", 0, 100)
		require.NoError(t, err)
		require.Len(t, before, 6)

		require.NoError(t, s.MigrateDown(ctx))
		require.NoError(t, s.Migrate(ctx))
		after, err := s.DistrictAudit(ctx, "110107", "", 0, 100)
		require.NoError(t, err)
		require.Equal(t, before, after)
	})
}
