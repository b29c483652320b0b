package models_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/models"
)

// objectionTable is written from 附一(二)3 and 三(三), not from the program: what may follow in each state, for an objection to a tier
// and for any other; everything else is refused.
const objectionTable = `
received:     accept→accepted  not_accept→not_accepted  withdraw→withdrawn
accepted:     ask→asked  withdraw→withdrawn  uphold→settled(notice,decision,certification)  confirm→settled(notice,decision,certification)
asked:        ask→asked  answer→answered  withdraw→withdrawn
answered:     ask→asked  uphold→settled(tier,notice,decision,certification)  confirm→settled(tier,notice,decision,certification)  withdraw→withdrawn
not_accepted:
settled:
withdrawn:
`

func TestAnObjectionGoesThroughTheStepsOfTheWorkPlanAndNoOthers(t *testing.T) {
	allowed := map[string]string{} // kind/state/event → state
	for line := range strings.Lines(strings.TrimSpace(objectionTable)) {
		state, moves, _ := strings.Cut(line, ":")
		for _, move := range strings.Fields(moves) {
			event, to, _ := strings.Cut(move, "→")
			to, only, _ := strings.Cut(strings.TrimSuffix(to, ")"), "(")
			if only == "" {
				only = "tier,notice,decision,certification"
			}
			for kind := range strings.SplitSeq(only, ",") {
				allowed[kind+"/"+state+"/"+event] = to
			}
		}
	}
	seen := 0
	for _, kind := range models.ObjectionKinds {
		for _, state := range models.ObjectionStates {
			for _, event := range append([]models.ObjectionEvent{models.ObjectionReceive}, models.ObjectionEvents...) {
				key := string(kind) + "/" + string(state) + "/" + string(event)
				to, err := state.Next(kind, event)
				if want, ok := allowed[key]; ok {
					seen++
					require.NoError(t, err, key)
					require.Equal(t, want, string(to), key)
					continue
				}
				require.Error(t, err, key)
				require.Equal(t, state, to, "%s: nothing changes", key)
				var refusal *models.Error
				require.ErrorAs(t, err, &refusal, key)
				require.Regexp(t, `\p{Han}`, refusal.Message, key)
				if event != models.ObjectionReceive {
					require.Equal(t, models.CodeConflict, models.CodeOf(err), key)
				}
			}
		}
	}
	require.Equal(t, len(allowed), seen)
}

func TestOnlyAnEndedObjectionIsNotDealtWithAnyMore(t *testing.T) {
	live := map[models.ObjectionState]bool{models.ObjectionReceived: true, models.ObjectionAccepted: true, models.ObjectionAsked: true, models.ObjectionAnswered: true}
	for _, s := range models.ObjectionStates {
		require.Equal(t, live[s], s.Live(), s)
		require.NotEmpty(t, s.Name())
		for _, e := range models.ObjectionEvents {
			if _, err := s.Next(models.ObjectionNotice, e); err == nil {
				require.True(t, s.Live(), "%s ends it", s)
			}
			require.NotEmpty(t, e.Name())
		}
	}
}

func TestADecisionAboutAnObjectionHasReasonAndClause(t *testing.T) {
	full := models.ObjectionCommand{CommandID: "k", ObjectionID: 1, Actor: "user:1", ReasonID: 7, Clause: "附一(二)3", Department: "tax"}
	for _, c := range []struct {
		event models.ObjectionEvent
		spoil func(*models.ObjectionCommand)
		field string
	}{
		{models.ObjectionNotAccept, func(c *models.ObjectionCommand) { c.ReasonID = 0 }, "reason"},
		{models.ObjectionNotAccept, func(c *models.ObjectionCommand) { c.Clause = "" }, "clause"},
		{models.ObjectionUphold, func(c *models.ObjectionCommand) { c.ReasonID = 0 }, "reason"},
		{models.ObjectionUphold, func(c *models.ObjectionCommand) { c.Clause = "" }, "clause"},
		{models.ObjectionConfirm, func(c *models.ObjectionCommand) { c.ReasonID = 0 }, "reason"},
		{models.ObjectionConfirm, func(c *models.ObjectionCommand) { c.Clause = "" }, "clause"},
		{models.ObjectionConfirm, func(c *models.ObjectionCommand) { c.Tier = models.Growth }, "tier"},
		{models.ObjectionAsk, func(c *models.ObjectionCommand) { c.Department = "" }, "department"},
		{models.ObjectionAnswer, func(c *models.ObjectionCommand) { c.ReasonID = 0 }, "text"},
		{models.ObjectionAccept, func(c *models.ObjectionCommand) { c.CommandID = "" }, "command"},
		{models.ObjectionAccept, func(c *models.ObjectionCommand) { c.Actor = "" }, "command"},
	} {
		command := full
		command.Event = c.event
		require.NoError(t, command.Validate(), c.event)
		c.spoil(&command)
		err := command.Validate()
		require.Error(t, err, "%s without %s", c.event, c.field)
		var refusal *models.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, c.field, refusal.Field)
	}
}

func TestAnObjectionToANoticeIsMadeUnderRealNameAndEveryObjectionSaysWhy(t *testing.T) { // 三(二)
	full := models.NewObjection{Kind: models.ObjectionNotice, District: "110107", CycleID: "110107-2026", ApplicationID: 3, By: models.ActorPublic,
		Objector: models.Objector{Name: "王某", Contact: "13800000000"}, Statement: "该户近两年内受过行政处罚，公示内容与事实不符。", CommandID: "k"}
	require.NoError(t, full.Validate())
	for field, spoil := range map[string]func(*models.NewObjection){
		"name":        func(n *models.NewObjection) { n.Objector.Name = "" },
		"contact":     func(n *models.NewObjection) { n.Objector.Contact = " " },
		"statement":   func(n *models.NewObjection) { n.Statement = "不服" + strings.Repeat(" ", 20) },
		"application": func(n *models.NewObjection) { n.ApplicationID = 0 },
		"kind":        func(n *models.NewObjection) { n.Kind = "other" },
		"command":     func(n *models.NewObjection) { n.CommandID = "" },
	} {
		n := full
		spoil(&n)
		err := n.Validate()
		require.Error(t, err, field)
		var refusal *models.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, field, refusal.Field)
	}
	for contact, fits := range map[string]bool{"abc": false, "电话123456": false, "68863211": true, "微信号同手机 138 0000 0000": true, "zhang@example.com": true} {
		n := full
		n.Objector.Contact = contact
		require.Equal(t, fits, n.Validate() == nil, contact)
	}
	long := full
	long.Statement = strings.Repeat("理", models.MaxObjection+1)
	require.Error(t, long.Validate())

	same, other := full, full
	require.Equal(t, full.ReceiptKey(), same.ReceiptKey())
	other.Objector.Contact = "13900000000"
	require.NotEqual(t, full.ReceiptKey(), other.ReceiptKey(), "two people who happen to use one key are two objections")
}

func TestAnUpheldObjectionToADecisionTakesEffectWhileTheSeasonStillAllowsIt(t *testing.T) { // R14
	applied, visited := models.ReviewedSoFar{Applied: true}, models.ReviewedSoFar{Applied: true, Visited: true}
	for _, c := range []struct {
		stage  models.Stage
		state  models.ApplicationState
		far    models.ReviewedSoFar
		effect models.ObjectionEffect
	}{
		{models.StageApplication, models.ApplicationRefused, applied, models.EffectReopened},
		{models.StageReview, models.ApplicationLapsed, applied, models.EffectReopened},
		{models.StageSelection, models.ApplicationRefused, visited, models.EffectRequeued},
		{models.StageNotice, models.ApplicationUnselected, visited, models.EffectRequeued},
		{models.StageNotice, models.ApplicationLapsed, visited, models.EffectNextYear}, // it cannot be compared
		{models.StageCertification, models.ApplicationUnselected, visited, models.EffectNextYear},
		{models.StageCertification, models.ApplicationRefused, visited, models.EffectNextYear},
		{models.StageBenefits, models.ApplicationRefused, visited, models.EffectNextYear},
		{models.StageSelection, models.ApplicationRefused, applied, models.EffectNextYear},             // nobody is certified without a visit
		{models.StageApplication, models.ApplicationLapsed, models.ReviewedSoFar{}, models.EffectAnew}, // nor without having applied or consented
		{models.StageReview, models.ApplicationLapsed, models.ReviewedSoFar{}, models.EffectNextYear},
	} {
		effect, event := models.ReviewEffect(c.stage, c.state, c.far)
		require.Equal(t, c.effect, effect, "%s in %s", c.state, c.stage)
		require.Equal(t, effect == models.EffectNextYear || effect == models.EffectAnew, event == "")
		require.NotEmpty(t, effect.Name())
	}
	for _, s := range models.ApplicationStates {
		decided := s == models.ApplicationRefused || s == models.ApplicationUnselected || s == models.ApplicationLapsed
		require.Equal(t, decided, s.Objectable(), s)
	}
}

func TestWhatAnObjectionSettledStandsWhateverTheNextComparisonSays(t *testing.T) { // 附一(二)3
	settled := models.Difference{ID: 7, CycleID: "110107-2026", USCC: "x", OwnTier: models.Survival, CityTier: models.Survival, State: models.DifferenceSettled,
		DecidedTier: models.Growth, ReasonID: 3, DecidedBy: "user:1", ObjectionID: 9}
	found := models.Difference{CycleID: "110107-2026", USCC: "x", OwnTier: models.Growth, CityTier: models.Survival}
	next, lapsed := settled.Compared(found)
	require.False(t, lapsed)
	require.Equal(t, settled, next)
	_, err := settled.Decide(models.Decision{Choice: models.ChooseCity, Admin: true, Actor: "user:2"}, time.Now())
	require.Equal(t, models.CodeConflict, models.CodeOf(err), "the study does not undo it")
}
