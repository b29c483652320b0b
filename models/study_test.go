package models_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/models"
)

func TestTheDecisionStandsAboveTheCityAndTheCityAboveTheDistrict(t *testing.T) {
	for _, c := range []struct{ decided, city, own, want models.Tier }{
		{models.NoTier, models.NoTier, models.Survival, models.Survival},
		{models.NoTier, models.Growth, models.Survival, models.Growth},
		{models.Development, models.Growth, models.Survival, models.Development},
		{models.Survival, models.Growth, models.Survival, models.Survival},
		{models.Ineligible, models.Growth, models.Survival, models.Ineligible},
	} {
		require.Equal(t, c.want, models.EffectiveTier(c.decided, c.city, c.own))
	}
}

func TestWhatIsSettledStaysSettledUnlessAResultIsAnotherOne(t *testing.T) {
	at := time.Date(2026, 7, 16, 1, 0, 0, 0, time.UTC)
	settled := models.Difference{ID: 7, CycleID: "110107-2026", USCC: "x", RunID: 1, OwnTier: models.Survival, CityTier: models.Growth, Department: "tax",
		Source: "tax", Why: "旧", State: models.DifferenceSettled, DecidedTier: models.Survival, ReasonID: 3, DecidedBy: "user:1", DecidedAt: &at}
	found := models.Difference{CycleID: "110107-2026", USCC: "x", RunID: 2, OwnTier: models.Survival, CityTier: models.Growth, Department: "hrss", Source: "social_security", Why: "新"}

	next, lapsed := settled.Compared(found)
	require.False(t, lapsed)
	want := settled
	want.RunID = 2
	require.Equal(t, want, next, "as it was decided upon, in the newer run")

	found.OwnTier = models.Development
	next, lapsed = settled.Compared(found)
	require.True(t, lapsed)
	want = found
	want.ID, want.State = 7, models.DifferenceOpen
	require.Equal(t, want, next)

	for _, state := range []models.DifferenceState{models.DifferenceOpen, models.DifferenceObsolete} {
		old := settled.Gone()
		old.State = state
		next, lapsed = old.Compared(found)
		require.False(t, lapsed)
		require.Equal(t, want, next, "%s takes the new values", state)
	}
	require.Equal(t, models.NoTier, settled.Gone().DecidedTier, "what is no difference is not decided either")
}

func TestTheTradeOfAHouseholdIsASectionOfGBT4754(t *testing.T) {
	for code, want := range map[string]string{
		"5291": "F", "52": "F", "F5291": "F", "f52": "F", "0111": "A", "2439": "C", "6422": "I", "6210": "H", "8010": "O", "8299": "O", "8310": "P",
		"9700": "T", "97": "T", "9800": "", "00": "", "": "", "5": "", "餐饮": "", "Z12": "", "五金店": "",
	} {
		require.Equal(t, want, models.TradeOf(code).Letter, "%q", code)
		require.NotEmpty(t, models.TradeOf(code).Name)
	}
}

func TestAQueryIsACodeOrHowANameBegins(t *testing.T) {
	q, err := models.ParsePublicQuery("　９２１１０１０７ma3agygluw ")
	require.NoError(t, err)
	require.Equal(t, models.PublicQuery{USCC: "92110107MA3AGYGLUW"}, q)
	q, err = models.ParsePublicQuery(" 北京样例　五金店 ")
	require.NoError(t, err)
	require.Equal(t, models.PublicQuery{Names: []string{"北京样例 五金店"}}, q, "one way where there is but one")
	q, err = models.ParsePublicQuery("ab店(北京)")
	require.NoError(t, err)
	for _, way := range []string{"ab店(北京)", "AB店(北京)", "AB店（北京）", "ａｂ店（北京）", "ＡＢ店（北京）"} {
		require.Contains(t, q.Names, way)
	}
	require.LessOrEqual(t, len(q.Names), 7, "bounds the statement")
}
