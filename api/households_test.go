package api

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func TestAnOperatorSeesWhereTheHouseholdStandsWhyWhatIsMissingAndWhatHelpThereIs(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		ctx := context.Background()
		people(t, db)
		run := sampleRun(t, db)
		s := newTestServer(db)
		results, err := db.ResultPage(ctx, run, store.ResultFilter{}, "", 500)
		require.NoError(t, err)
		of := map[models.Tier]store.Result{}
		for _, r := range results {
			if r.Own == r.Effective {
				of[r.Effective] = r
			}
		}
		see := func(r store.Result) OwnHousehold {
			return answer[OwnHousehold](t, call(t, s, operatorToken(t, db, sampletest.District, r.USCC), "GET", "/api/v1/me/household", nil), http.StatusOK)
		}
		h := see(of[models.Growth])
		require.Equal(t, of[models.Growth].Name, h.Name)
		require.Equal(t, models.NoTier, h.Tier)
		require.Nil(t, h.Tiering, "nothing is said before it is published")
		require.Contains(t, h.Note, "尚未公布")
		require.Empty(t, h.Measures)

		publish(t, db, "2026-07-26")
		law, err := db.PolicyInForce(ctx, sampletest.District, sampletest.Year)
		require.NoError(t, err)
		for _, tier := range models.Tiers {
			h := see(of[tier])
			require.Equal(t, tier, h.Tier)
			require.Equal(t, 2026, h.Year)
			require.NotEmpty(t, h.Tiering.Findings)
			require.NotEmpty(t, h.Tiering.Summary)
			require.Equal(t, tier == models.Development, len(h.Tiering.Missing) == 0, "%s: what is missing for the next tier", tier)
			var names []string
			for _, m := range law.Measures {
				if m.For == tier.String() {
					names = append(names, m.Name)
				}
			}
			require.Equal(t, tier == models.Ineligible, len(names) == 0)
			require.Len(t, h.Measures, len(names))
			for i, m := range h.Measures {
				require.Equal(t, names[i], m.Name)
				require.NotEmpty(t, m.Parts[0].Departments)
			}
			require.NotNil(t, h.Applications)
			require.NotNil(t, h.Objections)
			require.NotNil(t, h.Certifications)
		}
	})
}

func TestAnOperatorSeesTheirOwnCasesAndNobodyElses(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		ctx := context.Background()
		people(t, db)
		register110107(t, db)
		s := newTestServer(db)
		today := calendar.DateOf(time.Now())
		for i, uscc := range []string{withAddress, withoutAddress} {
			require.NoError(t, db.OpenObligation(ctx, models.Obligation{CycleID: "110107-2026", District: "110107", Kind: models.ObligationConsent, Subject: models.ApplicationObject(int64(i)),
				OwnerKind: models.OwnerHousehold, Owner: uscc, Title: fmt.Sprintf("对推荐表示是否同意%d", i), Clause: "附三(二)2", Due: today.AddDays(i*2 - 1), OpenedOn: today.AddDays(-5)}))
		}
		for i, uscc := range []string{withAddress, withoutAddress} {
			h := answer[OwnHousehold](t, call(t, s, operatorToken(t, db, "110107", uscc), "GET", "/api/v1/me/household", nil), http.StatusOK)
			require.Equal(t, "石景山区", h.DistrictName)
			require.Equal(t, []OwnObligation{{Title: fmt.Sprintf("对推荐表示是否同意%d", i), Clause: "附三(二)2", Due: today.AddDays(i*2 - 1).String(),
				Subject: models.ApplicationObject(int64(i)), Overdue: i == 0}}, h.Owed)
		}
		h := answer[OwnHousehold](t, call(t, s, operatorToken(t, db, "110107", nowhere), "GET", "/api/v1/me/household", nil), http.StatusOK)
		require.Empty(t, h.Owed)
		require.Empty(t, h.Name)
	})
}
