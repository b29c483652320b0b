package rehearsal

import (
	"context"
	"fmt"
	"net/url"

	"bangfu/models"
	"bangfu/models/calendar"
)

// This file plays the end of the season: comparison, public notice, objections, certification, the city's spot check.

// selection has an administrator confirm the comparison (附三(三)2).
func (g *play) selection(ctx context.Context, c *cycleView) error {
	var board struct{ Left int64 }
	err := g.people.chief.get(ctx, "/api/v1/cycles/"+c.ID+"/selection?limit=1", &board)
	if refused(err) || err == nil && (board.Left == 0 || c.Today < c.plan(calendar.PlanReviewDue).AddDays(1+g.rules.die(5, "confirms on", c.Year))) {
		return nil
	}
	if err != nil {
		return err
	}
	return g.act(ctx, fmt.Sprintf("confirm/%s/%s", c.ID, c.Today), func() error {
		return g.people.chief.post(ctx, "/api/v1/cycles/"+c.ID+"/selection/confirmations", object{"all": true}, nil)
	})
}

// objectToNotice has neighbours object to listed households (三(二)).
func (g *play) objectToNotice(ctx context.Context, c *cycleView) error {
	if g.rules.Objections == 0 {
		return nil
	}
	type listed struct {
		USCC        string
		PublishedOn calendar.Date `json:"published_on"`
		EndsOn      calendar.Date `json:"ends_on"`
	}
	list, err := all[listed](ctx, g.anybody(c.ID), "/public/v1/notices/"+c.ID, nil)
	if refused(err) {
		return nil
	}
	if err != nil {
		return err
	}
	made, err := g.objected(ctx, c, models.ObjectionNotice)
	if err != nil {
		return err
	}
	return each(ctx, list, func(ctx context.Context, l listed) error {
		if made[l.USCC] || c.Today > l.EndsOn || !g.rules.chance(g.rules.Objections, "notice objection", l.USCC, c.Year) {
			return nil
		}
		return g.act(ctx, fmt.Sprintf("object to notice/%s/%s", c.ID, l.USCC), func() error {
			return g.anybody(l.USCC).post(ctx, "/public/v1/notices/"+c.ID+"/objections", object{"uscc": l.USCC, "name": "演练异议人",
				"contact": "objector@rehearsal.invalid", "statement": "该户所报材料与事实不符，附近居民均可证明"}, nil)
		})
	})
}

// objections has the bureau and the departments deal with every open objection, a few days after each step.
func (g *play) objections(ctx context.Context) error {
	list, err := all[objectionView](ctx, g.people.settler, "/api/v1/objections", url.Values{"open": {"true"}, "district": {g.rules.District}})
	if err != nil {
		return err
	}
	today := map[string]calendar.Date{}
	for _, c := range g.cycles {
		today[c.ID] = c.Today
	}
	return each(ctx, list, func(ctx context.Context, o objectionView) error {
		now, at := today[o.Cycle], fmt.Sprintf("/api/v1/objections/%d/", o.ID)
		wait := func(question string, most int) int { return 1 + g.rules.die(most, question, o.USCC, o.Kind, o.Cycle) }
		switch {
		case o.State == models.ObjectionReceived && now >= o.ReceivedOn.AddDays(wait("accepts", 3)):
			return g.act(ctx, at+"accept", func() error { return g.people.settler.post(ctx, at+"accept", nil, nil) })
		case o.State == models.ObjectionAccepted && o.Kind == models.ObjectionTier:
			return g.ask(ctx, at)
		case o.State == models.ObjectionAsked && now >= o.AcceptedOn.AddDays(1+wait("answers", 4)):
			officer, ok := g.people.department[o.Department]
			if !ok {
				return nil
			}
			return g.act(ctx, at+"answer", func() error { return officer.post(ctx, at+"answer", object{"text": "经核对，数据无误"}, nil) })
		case (o.State == models.ObjectionAnswered || o.State == models.ObjectionAccepted && o.Kind != models.ObjectionTier) && now >= o.AcceptedOn.AddDays(5+wait("settles", 4)):
			return g.settleObjection(ctx, o, at)
		}
		return nil
	})
}

// ask puts an objection to the department whose data stand between the household and the next tier.
func (g *play) ask(ctx context.Context, at string) error {
	var detail struct {
		Candidates []struct{ Department string }
	}
	if err := g.people.settler.get(ctx, at[:len(at)-1], &detail); err != nil {
		return err
	}
	department := models.BureauCode
	for _, c := range detail.Candidates {
		if c.Department != "" {
			department = c.Department
			break
		}
	}
	return g.act(ctx, at+"ask", func() error { return g.people.settler.post(ctx, at+"ask", object{"department": department}, nil) })
}

func (g *play) settleObjection(ctx context.Context, o objectionView, at string) error {
	body := object{"outcome": models.ObjectionConfirmed, "reason": "经核实，原结果无误", "clause": o.Kind.Clause()}
	if g.rules.chance(g.rules.Upheld, "upheld", o.USCC, o.Kind, o.Cycle) {
		body["outcome"], body["reason"] = models.ObjectionUpheld, "经核实，异议属实"
		if o.Kind == models.ObjectionTier && o.TierBefore < models.Development {
			body["tier"] = (o.TierBefore + 1).String()
		}
	}
	for n, settler := range []caller{g.people.settler, g.people.chief, g.people.starter} { // whoever has no part in what is objected to
		key := fmt.Sprintf("%ssettle/%d", at, n)
		if err := g.act(ctx, key, func() error { return settler.post(ctx, at+"settle", body, nil) }); err != nil {
			return err
		}
		g.mu.Lock()
		muted := g.mute[key]
		g.mu.Unlock()
		if !muted {
			return nil
		}
	}
	return nil
}

// certification has the administrator certify, and the city check (二(一)3, 附三(二)2).
func (g *play) certification(ctx context.Context, c *cycleView) error {
	at := "/api/v1/cycles/" + c.ID
	var b models.CertificationBoard
	err := g.people.starter.get(ctx, at+"/certification", &b)
	if refused(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if b.City.ReportedOn == 0 || b.Proposed > 0 {
		return g.act(ctx, fmt.Sprintf("certify/%s/%s", c.ID, c.Today), func() error {
			return g.people.starter.post(ctx, at+"/certification", object{"reason": "公示期满"}, nil)
		})
	}
	if b.City.ClosedOn != 0 {
		return nil
	}
	return g.cityCheck(ctx, c, b.City)
}

// cityCheck has the city draw its sample, decide on each, and close.
func (g *play) cityCheck(ctx context.Context, c *cycleView, b models.CityBoard) error {
	at := "/api/v1/cycles/" + c.ID + "/city/"
	switch {
	case c.Today < b.ReportedOn.AddDays(1+g.rules.die(2, "samples on", c.Year)):
		return nil
	case b.Sampled == 0 && g.rules.SpotChecks > 0:
		return g.act(ctx, "sample/"+c.ID, func() error {
			return g.people.city.post(ctx, at+"sample", object{"percent": int(g.rules.SpotChecks), "seed": "rehearsal-" + c.ID}, nil)
		})
	case b.Open > 0:
		type check struct {
			Number, USCC string
			State        models.CityCheckState
		}
		list, err := all[check](ctx, g.people.city, at+"checks", url.Values{"state": {string(models.CitySampled)}})
		if err != nil {
			return err
		}
		return each(ctx, list, func(ctx context.Context, k check) error {
			body := object{"outcome": models.CityPass}
			if g.rules.chance(g.rules.CityRefusals, "city refuses", k.USCC, c.Year) {
				body = object{"outcome": models.CityRefuse, "reason": "现场已停业", "clause": "附三(二)2"}
			}
			return g.act(ctx, "check/"+k.Number, func() error { return g.people.city.post(ctx, at+"checks/"+k.Number+"/decision", body, nil) })
		})
	}
	return g.act(ctx, "close/"+c.ID, func() error { return g.people.city.post(ctx, at+"close", nil, nil) })
}
