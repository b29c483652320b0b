package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"bangfu/models"
	"bangfu/models/calendar"
)

// This file plays operators and departments in the certification season, and the bureau's reviewers and visitors (附三(二)2).

// evidence are the grounds that no data decide, one per category.
var evidence = map[models.Category]string{models.Renowned: "A", models.Distinctive: "A", models.Quality: "E", models.Emerging: "C"}

// wish is the category for which a household stands.
func (r rules) wish(uscc string, year int) models.Category {
	return models.Categories[r.die(len(models.Categories), "category", uscc, year)]
}

func (r rules) grounds(uscc string, year int) []object {
	category := r.wish(uscc, year)
	return []object{{"category": category, "letter": evidence[category], "statement": "详见所附材料"}}
}

// applicationItem is an application in a list.
type applicationItem struct {
	ID          int64
	USCC        string
	State       models.ApplicationState
	Origin      models.Origin
	SubmittedOn calendar.Date `json:"submitted_on"`
	LimitOn     calendar.Date `json:"limit_on"`
}

// applicants has operators apply, and departments recommend and operators answer.
func (g *play) applicants(ctx context.Context, c *cycleView) error {
	households, err := g.tiers(ctx, c)
	if err != nil {
		return err
	}
	list, err := all[applicationItem](ctx, g.people.starter, "/api/v1/applications", url.Values{"cycle": {c.ID}})
	if err != nil {
		return err
	}
	stands := make(map[string]applicationItem, len(list))
	for _, a := range list {
		if old, ok := stands[a.USCC]; !ok || a.ID > old.ID {
			stands[a.USCC] = a
		}
	}
	type step struct {
		household resultView
		what      string
		a         applicationItem
	}
	var ripe []step
	window := max(2, int(c.plan(calendar.PlanApplicationsUntil)-c.plan(calendar.PlanSeasonStart)))
	for _, h := range households {
		a, applied := stands[h.USCC]
		own := h.Tier == models.Growth || h.Tier == models.Development
		day := c.plan(calendar.PlanSeasonStart).AddDays(1 + g.rules.die(max(1, window/2), "applies on", h.USCC, c.Year))
		what := ""
		switch {
		case applied && a.State == models.ApplicationDraft && a.Origin == models.OriginOwn && c.Stage == models.StageApplication:
			what = "submit"
		case applied && a.State == models.ApplicationConsent && c.Today >= a.SubmittedOn.AddDays(1+g.rules.die(4, "consents on", h.USCC, c.Year)):
			what = "decline"
			if g.rules.chance(g.rules.Consents, "consents", h.USCC, c.Year) {
				what = "consent"
			}
		case applied && a.State == models.ApplicationSupplement && c.Today >= a.LimitOn.AddDays(-2-g.rules.die(3, "supplies on", h.USCC, c.Year)):
			what = "supply"
		case applied || c.Stage != models.StageApplication || c.Today < day:
		case own && g.rules.chance(g.rules.Applicants, "applies", h.USCC, c.Year):
			what = "apply"
		case !own && g.rules.chance(g.rules.Recommended, "recommended", h.USCC, c.Year):
			what = "recommend"
		}
		if what != "" {
			ripe = append(ripe, step{h, what, a})
		}
	}
	return each(ctx, ripe, func(ctx context.Context, s step) error {
		return g.act(ctx, fmt.Sprintf("%s/%s/%s", s.what, c.ID, s.household.USCC), func() error { return g.applicant(ctx, c, s.household.USCC, s.what, s.a.ID) })
	})
}

// applicant has one household do one thing about its application.
func (g *play) applicant(ctx context.Context, c *cycleView, uscc, what string, id int64) error {
	if what == "recommend" {
		return g.recommender(uscc, c.Year).post(ctx, "/api/v1/recommendations", object{"uscc": uscc, "categories": []models.Category{g.rules.wish(uscc, c.Year)},
			"grounds": g.rules.grounds(uscc, c.Year), "reason": "行业代表性强"}, nil)
	}
	return g.asOperator(ctx, uscc, func(o caller) error {
		switch what {
		case "apply":
			var a struct{ ID int64 }
			err := o.post(ctx, "/api/v1/applications", object{"wished": []models.Category{g.rules.wish(uscc, c.Year)}, "grounds": g.rules.grounds(uscc, c.Year)}, &a)
			if err != nil {
				return err
			}
			id, what = a.ID, "submit"
		case "supply":
			return o.post(ctx, fmt.Sprintf("/api/v1/applications/%d/supply", id), object{"statement": "材料已备齐"}, nil)
		}
		return o.post(ctx, fmt.Sprintf("/api/v1/applications/%d/%s", id, what), nil, nil)
	})
}

// recommender is the department that recommends a household: any but the bureau.
func (g *play) recommender(uscc string, year int) caller {
	codes := slices.DeleteFunc(slices.Sorted(maps.Keys(g.people.department)), func(code string) bool { return code == models.BureauCode })
	return g.people.department[codes[g.rules.die(len(codes), "recommender", uscc, year)]]
}

// reviewItem is an application on the bureau's list.
type reviewItem struct {
	ID          int64
	USCC        string
	State       models.ApplicationState
	Reviewer    models.Actor
	SubmittedOn calendar.Date `json:"submitted_on"`
}

// visitView is a visit that is planned or recorded.
type visitView struct {
	ID          int64
	Application int64
	USCC        string
	Visitors    [2]models.Actor
	PlannedOn   calendar.Date `json:"planned_on"`
	State       models.VisitState
	RecordedBy  models.Actor `json:"recorded_by"`
}

// reviews has administrators assign, reviewers decide and visitors visit.
func (g *play) reviews(ctx context.Context, c *cycleView) error {
	list, err := all[reviewItem](ctx, g.people.starter, "/api/v1/reviews", url.Values{"cycle": {c.ID}, "district": {g.rules.District}})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(list, func(r reviewItem) bool { return r.Reviewer == "" }) {
		var ids []int64
		for _, r := range g.people.reviewers {
			ids = append(ids, r.id)
		}
		return g.people.starter.post(ctx, "/api/v1/cycles/"+c.ID+"/reviews/assignments", object{"reviewers": ids}, nil)
	}
	visits := map[int64]visitView{}
	for _, r := range g.people.reviewers {
		mine, err := all[visitView](ctx, r, "/api/v1/visits", nil)
		if err != nil {
			return err
		}
		for _, v := range mine {
			visits[v.Application] = v
		}
	}
	return each(ctx, list, func(ctx context.Context, a reviewItem) error {
		n := slices.IndexFunc(g.people.reviewers, func(r caller) bool { return models.User{ID: r.id}.Actor() == a.Reviewer })
		if n < 0 {
			return nil
		}
		me, other := g.people.reviewers[n], g.people.reviewers[(n+1)%len(g.people.reviewers)]
		visit, planned := visits[a.ID]
		switch {
		case a.State == models.ApplicationSubmitted && c.Today >= a.SubmittedOn.AddDays(1+g.rules.die(max(1, g.rules.ReviewDays*2/3), "reviews on", a.USCC, c.Year)):
			return g.review(ctx, c, me, a)
		case a.State == models.ApplicationVisit && !planned:
			return g.act(ctx, fmt.Sprintf("visit/%d/%s", a.ID, c.Today), func() error {
				return me.post(ctx, fmt.Sprintf("/api/v1/reviews/%d/visits", a.ID), object{"visitors": []int64{me.id, other.id},
					"planned_on": c.Today.AddDays(3 + g.rules.die(max(1, g.rules.ReviewDays/3), "visits on", a.USCC, c.Year))}, nil)
			})
		case a.State == models.ApplicationVisit && visit.State == models.VisitPlanned && c.Today >= visit.PlannedOn:
			return g.act(ctx, fmt.Sprintf("record/%d/%s", visit.ID, c.Today), func() error {
				return me.post(ctx, fmt.Sprintf("/api/v1/visits/%d/record", visit.ID), object{"visited_on": c.Today, "record": "经营场所与登记一致，现场核实",
					"met": !g.rules.chance(g.rules.FailedVisits, "visit fails", a.USCC, c.Year)}, nil)
			})
		case a.State == models.ApplicationVisit && visit.State == models.VisitRecorded:
			signer := other
			if visit.RecordedBy == (models.User{ID: other.id}).Actor() {
				signer = me
			}
			return g.act(ctx, fmt.Sprintf("sign/%d/%s", visit.ID, c.Today), func() error {
				return signer.post(ctx, fmt.Sprintf("/api/v1/visits/%d/sign", visit.ID), nil, nil)
			})
		}
		return nil
	})
}

// review has a reviewer decide: ask for a supplement once, refuse, or pass.
func (g *play) review(ctx context.Context, c *cycleView, me caller, a reviewItem) error {
	at := fmt.Sprintf("/api/v1/reviews/%d/", a.ID)
	if g.rules.chance(g.rules.Supplements, "supplement", a.USCC, c.Year) {
		asked, err := g.happened(ctx, a.ID, models.EventAskSupplement)
		if err != nil {
			return err
		}
		if !asked {
			return g.act(ctx, fmt.Sprintf("ask/%d/%s", a.ID, c.Today), func() error { return me.post(ctx, at+"supplement", object{"what": "请补充证书照片"}, nil) })
		}
	}
	if g.rules.chance(g.rules.Refusals, "refused", a.USCC, c.Year) {
		return g.act(ctx, fmt.Sprintf("refuse/%d/%s", a.ID, c.Today), func() error {
			return me.post(ctx, at+"refuse", object{"clause": "附三(三)2", "reason": "所附材料不足以证明所报条件"}, nil)
		})
	}
	category := g.rules.wish(a.USCC, c.Year)
	err := me.post(ctx, at+"pass", object{"category": category, "reason": "经核实，没有不得认定的情形",
		"findings": []object{{"category": category, "letter": evidence[category], "met": true, "reason": "材料核实无误"}}}, nil)
	var no *refusal
	if errors.As(err, &no) { // the program says why it may not be: so does the reviewer
		return g.act(ctx, fmt.Sprintf("refuse/%d/%s", a.ID, c.Today), func() error {
			return me.post(ctx, at+"refuse", object{"clause": "附三(三)1", "reason": "经核对部门数据，不得认定：" + no.words}, nil)
		})
	}
	return err
}

// happened says whether an event is in an application's story.
func (g *play) happened(ctx context.Context, id int64, event models.ApplicationEvent) (bool, error) {
	var a struct {
		Story []struct{ Event models.ApplicationEvent }
	}
	err := g.people.starter.get(ctx, fmt.Sprintf("/api/v1/applications/%d", id), &a)
	for _, s := range a.Story {
		if s.Event == event {
			return true, err
		}
	}
	return false, err
}
