package models_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
)

func TestHelpIsAskedForPromisedAndGivenOrNot(t *testing.T) {
	follows := map[models.HelpState]map[models.HelpEvent]models.HelpState{
		"":                   {models.HelpRequest: models.HelpRequested, models.HelpPromise: models.HelpPromised, models.HelpDeliver: models.HelpDelivered},
		models.HelpRequested: {models.HelpPromise: models.HelpPromised, models.HelpDeliver: models.HelpDelivered, models.HelpDecline: models.HelpDeclined, models.HelpWithdraw: models.HelpWithdrawn},
		models.HelpPromised: {models.HelpPostpone: models.HelpPromised, models.HelpDeliver: models.HelpDelivered, models.HelpWithdraw: models.HelpWithdrawn,
			models.HelpRefuse: models.HelpRefused},
	}
	for _, from := range append([]models.HelpState{""}, models.HelpStates...) {
		for _, e := range models.HelpEvents {
			to, err := from.Next(e)
			want, ok := follows[from][e]
			if !ok {
				require.Error(t, err, "%s after %q", e, from)
				require.Equal(t, models.CodeConflict, models.CodeOf(err))
				continue
			}
			require.NoError(t, err)
			require.Equal(t, want, to)
		}
		require.Equal(t, from == models.HelpRequested || from == models.HelpPromised, from.Live())
	}
	_, err := models.HelpRequested.Next("lose")
	require.ErrorContains(t, err, "没有“lose”这个操作")
	for _, s := range models.HelpStates {
		require.NotEmpty(t, s.Name())
	}
}

func TestAPromiseIsForADayWithinAYearAndADeliveryForADayPast(t *testing.T) {
	today := calendar.MustDate("2026-09-01")
	officer, operator := models.Actor("user:1"), models.HouseholdActor("92110107MA3AGYGLUW")
	for _, c := range []struct {
		name    string
		command models.HelpCommand
		message string
	}{
		{"promised for today", models.HelpCommand{Event: models.HelpPromise, On: today}, ""},
		{"promised without a day: the policy's limit", models.HelpCommand{Event: models.HelpPromise}, ""},
		{"promised for yesterday", models.HelpCommand{Event: models.HelpPromise, On: today.AddDays(-1)}, "到一年之内"},
		{"promised for a year from now", models.HelpCommand{Event: models.HelpPromise, On: today.AddYears(1)}, ""},
		{"promised for later", models.HelpCommand{Event: models.HelpPromise, On: today.AddYears(1).AddDays(1)}, "到一年之内"},
		{"given today", models.HelpCommand{Event: models.HelpDeliver, On: today}, ""},
		{"given tomorrow", models.HelpCommand{Event: models.HelpDeliver, On: today.AddDays(1)}, "晚于今天"},
		{"given 366 days ago", models.HelpCommand{Event: models.HelpDeliver, On: today.AddDays(-366)}, ""},
		{"given 367 days ago", models.HelpCommand{Event: models.HelpDeliver, On: today.AddDays(-367)}, "早于一年之前"},
		{"postponed without a day", models.HelpCommand{Event: models.HelpPostpone, ReasonID: 1}, "改到哪一天"},
		{"postponed without a reason", models.HelpCommand{Event: models.HelpPostpone, On: today}, "须写明理由"},
		{"declined without a reason", models.HelpCommand{Event: models.HelpDecline}, "须写明理由"},
		{"a promise withdrawn without a reason", models.HelpCommand{Event: models.HelpWithdraw}, "须写明理由"},
		{"a request withdrawn by its operator", models.HelpCommand{Event: models.HelpWithdraw, Actor: operator}, ""},
		{"refused with a day", models.HelpCommand{Event: models.HelpRefuse, On: today}, "没有日期"},
	} {
		c.command.CommandID = "c"
		if c.command.Actor == "" {
			c.command.Actor = officer
		}
		if err := c.command.Validate(today); c.message == "" {
			require.NoError(t, err, c.name)
		} else {
			require.ErrorContains(t, err, c.message, c.name)
		}
	}
	require.Error(t, models.HelpCommand{Event: models.HelpPromise, Actor: officer}.Validate(today), "without an id")
}

func TestHelpIsForItsHouseholdAndItsDepartment(t *testing.T) {
	h := models.Help{District: "110107", USCC: "92110107MA3AGYGLUW", Department: "hrss", State: models.HelpRequested}
	who := map[string]models.User{
		"own":    {Role: models.RoleOperator, District: "110107", USCC: h.USCC},
		"other":  {Role: models.RoleOperator, District: "110107", USCC: "92110107MA00000000"},
		"hrss":   {ID: 1, Role: models.RoleDepartment, District: "110107", Department: "hrss"},
		"tax":    {ID: 2, Role: models.RoleDepartment, District: "110107", Department: "tax"},
		"bureau": {ID: 3, Role: models.RoleDepartment, District: "110107", Department: models.BureauCode},
		"away":   {ID: 4, Role: models.RoleDepartment, District: "110108", Department: "hrss"},
		"city":   {ID: 5, Role: models.RoleCity}, "auditor": {ID: 6, Role: models.RoleAuditor},
	}
	may := func(e models.HelpEvent, state models.HelpState) (list []string) {
		h.State = state
		for _, name := range []string{"own", "other", "hrss", "tax", "bureau", "away", "city", "auditor"} {
			if h.MayAct(who[name], e) == nil {
				list = append(list, name)
			}
		}
		return list
	}
	for _, e := range []models.HelpEvent{models.HelpPromise, models.HelpPostpone, models.HelpDeliver, models.HelpDecline} {
		require.Equal(t, []string{"hrss", "bureau"}, may(e, models.HelpRequested), e)
	}
	require.Equal(t, []string{"own"}, may(models.HelpWithdraw, models.HelpRequested))
	require.Equal(t, []string{"hrss", "bureau"}, may(models.HelpWithdraw, models.HelpPromised))
	require.Equal(t, []string{"own"}, may(models.HelpRefuse, models.HelpPromised))
	for name, u := range who {
		require.Equal(t, name == "other" || name == "tax" || name == "away", h.MayRead(u) != nil, name)
	}
}

func TestANoticeSaysWhatItIsAndOfWhichMeasure(t *testing.T) {
	ok := models.HelpNotice{Kind: models.NoticeTraining, Clause: "附二(二)2", Subject: "参保政策宣讲", Body: "正文", OnDate: calendar.MustDate("2026-09-01")}
	require.NoError(t, ok.Validate())
	for message, change := range map[string]func(*models.HelpNotice){
		"没有“party”这种通知":    func(n *models.HelpNotice) { n.Kind = "party" },
		"其他通知须写明条款":        func(n *models.HelpNotice) { n.Clause = "" },
		"一行文字":             func(n *models.HelpNotice) { n.Subject = "培训\r\nBcc: x" },
		"应为1至60字":          func(n *models.HelpNotice) { n.Subject = "" },
		"活动日期2026年8月31日已过": func(n *models.HelpNotice) { n.EventOn = calendar.MustDate("2026-08-31") },
	} {
		n := ok
		change(&n)
		require.ErrorContains(t, n.Validate(), message)
	}
	ok.EventOn = ok.OnDate
	require.NoError(t, ok.Validate(), "today is not past")
}
