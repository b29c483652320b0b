package store_test

import (
	"context"
	"errors"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// lives are certified households to which anything happens in any order.
type lives struct {
	*season
	all   []*proceeding
	today calendar.Date
	held  map[int]int64 // places that were taken off in a year's selection, for the next 1 January
}

// TestWhateverHappensToCertifiedHouseholdsTheRecordHolds lets people, data and time act in any order and checks after each act: one valid
// certification per household, no benefits outside validity, and never more valid ones than places were kept for (附三(四), 附三(五)).
func TestWhateverHappensToCertifiedHouseholdsTheRecordHolds(t *testing.T) {
	t.Parallel()
	checks := flag.Lookup("rapid.checks")
	if checks != nil && checks.Value.String() == checks.DefValue { // each has a district of its own
		require.NoError(t, checks.Value.Set("12"))
	}
	rapid.Check(t, func(r *rapid.T) {
		s, err := store.Open(context.Background(), storetest.SQLite(t))
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		z, list := certifiedSeason(t, s, 3)
		l := &lives{season: z, today: certifyDay, held: map[int]int64{}}
		for i, c := range list {
			l.all = append(l.all, &proceeding{season: z, c: c, commands: (i + 1) * 10_000})
		}
		for range rapid.IntRange(20, 60).Draw(r, "acts") {
			p := l.all[rapid.IntRange(0, len(l.all)-1).Draw(r, "household")]
			l.act(r, p)
			l.check(r)
		}
	})
}

// may is what an act comes to: done, or refused with a reason for people; anything else is a fault.
func may(r *rapid.T, err error) bool {
	var refused *models.Error
	if err != nil && !errors.As(err, &refused) {
		r.Fatalf("not a refusal: %v", err)
	}
	return err == nil
}

func (l *lives) act(r *rapid.T, p *proceeding) {
	on := l.today.String()
	officers := []models.Actor{opener.Actor(), proposer.Actor(), decider.Actor(), settler.Actor()}
	by := rapid.SampledFrom(officers).Draw(r, "by")
	cases := p.cases(p.c)
	do := func(cmd models.CertifiedCommand) bool { return may(r, p.step(cmd, by, on)) }
	switch act := rapid.SampledFrom([]string{"wait", "wait", "wait", "long", "open", "found", "case", "case", "case", "decide", "decide", "object", "settle", "end"}).Draw(r, "act"); act {
	case "wait", "long":
		days := rapid.IntRange(1, 20).Draw(r, "days")
		if act == "long" {
			days = rapid.IntRange(60, 400).Draw(r, "long")
		}
		for range days { // every day is lived through, as the process does
			l.today++
			if l.today.String()[5:] == "10-20" { // the selection counts who holds a place
				n, err := l.s.StillValid(context.Background(), "110107", l.law.Policy, calendar.NewDate(l.today.Year()+1, 1, 1), l.today)
				require.NoError(l.t, err)
				l.held[l.today.Year()] = n
			}
			for _, q := range l.all {
				if c := q.c; c.NextOn != 0 && c.NextOn <= l.today || c.Events > c.ProcessEvents {
					q.follow(l.today.String())
				}
			}
		}
	case "open":
		do(models.CertifiedCommand{Event: models.CertifiedOpenCase, Kind: rapid.SampledFrom([]models.CaseKind{models.CaseData, models.CaseFraud}).Draw(r, "kind")})
	case "found":
		about := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "about")
		_, _, err := l.s.OpenCase(context.Background(), p.c.ID, models.CaseData, []models.StandingFinding{{ID: about, Outcome: models.OutcomeNotMet, Clause: "附一(三)1"}}, about, l.today)
		may(r, err)
	case "case", "decide":
		if len(cases) == 0 {
			return
		}
		k := rapid.SampledFrom(cases).Draw(r, "which")
		outcome := rapid.SampledFrom(k.Kind.Outcomes()).Draw(r, "outcome")
		if act == "decide" {
			if k.Kind == models.CaseFraud {
				may(r, p.upload(opener, p.read(k), models.PurposeEvidence))
			}
			steps := []models.CertifiedCommand{{Event: models.CertifiedHear}, {Event: models.CertifiedState}, {Event: models.CertifiedPropose, Outcome: outcome}, {Event: models.CertifiedDecide, Outcome: outcome}}
			for i, actor := range []models.Actor{opener.Actor(), models.HouseholdActor(p.c.USCC), proposer.Actor(), decider.Actor()} {
				steps[i].CaseID = k.ID
				may(r, p.step(steps[i], actor, on))
			}
			return
		}
		do(models.CertifiedCommand{Event: rapid.SampledFrom([]models.CertifiedEvent{models.CertifiedHear, models.CertifiedState, models.CertifiedPropose, models.CertifiedReturn,
			models.CertifiedDecide, models.CertifiedCloseCase, models.CertifiedAskOpinion}).Draw(r, "step"), CaseID: k.ID, Outcome: outcome})
	case "object":
		k := models.Case{}
		if len(cases) > 0 {
			k = rapid.SampledFrom(append(cases, k)).Draw(r, "decision")
		}
		_, err := p.object(k, on)
		may(r, err)
	case "settle":
		open, err := l.s.Objections(context.Background(), store.ObjectionFilter{USCC: p.c.USCC, Open: true}, 0, 10)
		require.NoError(l.t, err)
		if len(open) == 0 {
			return
		}
		event := rapid.SampledFrom([]models.ObjectionEvent{models.ObjectionAccept, models.ObjectionUphold, models.ObjectionUphold, models.ObjectionConfirm}).Draw(r, "event")
		_, err = actOn(l.s, open[0].Objection, event, settler.Actor(), on, func(c *models.ObjectionCommand) {
			c.ReasonID, c.Clause = reason(l.t, l.s, "经复核"), "附三(五)"
		})
		may(r, err)
	case "end":
		p.commands++
		may(r, l.s.RecordCertified(context.Background(), models.CertifiedCommand{CommandID: rapid.StringMatching(`end-[a-z]{12}`).Draw(r, "end"), CertificationID: p.c.ID,
			Event: models.CertifiedEnd, Actor: models.ActorSystem}, l.today))
	}
	for _, q := range l.all {
		q.c = l.certification(q.c.ID)
	}
}

func (l *lives) check(r *rapid.T) {
	live, valid := map[string]int{}, int64(0)
	for _, p := range l.all {
		c := p.c
		if c.Live != nil {
			live[c.USCC]++
		}
		require.Equal(r, c.State == models.CertificationValid, c.Live != nil, "%s is %s", c.Number, c.State)
		require.Equal(r, c.State == models.CertificationValid, c.EndedOn == 0)
		require.LessOrEqual(r, live[c.USCC], 1)
		require.Equal(r, models.ValidUntil(c.CertifiedOn, 3*(1+c.Extensions)), c.ValidUntil, "three years, and three more for each extension")
		if c.EndedOn != 0 {
			require.False(r, c.Beneficiary(l.today), "no benefits after the end")
		}
		if c.Beneficiary(l.today) {
			require.Equal(r, models.CertificationValid, c.State)
			require.True(r, l.today >= c.BenefitsFrom && l.today <= c.ValidUntil, "no benefits outside validity")
		}
		if c.On(l.today) == models.CertificationValid {
			valid++
		}
		if c.State != models.CertificationValid {
			for _, k := range p.cases(c) {
				require.False(r, k.State.Live() && k.Kind != models.CaseFraud, "nothing is left to decide about %s", c.Number)
			}
		}
	}
	if kept, counted := l.held[l.today.Year()-1]; counted {
		require.LessOrEqual(r, valid, kept, "places were kept for all that are valid on %s", l.today)
	}
}
