package rehearsal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"bangfu/models"
	"bangfu/models/calendar"
)

// This file plays the first half of a year: from the departments' data to the hand-over.

// stage has everybody do what the year's stage asks of them.
func (g *play) stage(ctx context.Context, c *cycleView) error {
	switch c.Stage {
	case models.StageCollection, models.StageTiering:
		return g.deliver(ctx, c)
	case models.StageStudy:
		if err := g.deliver(ctx, c); err != nil {
			return err
		}
		return g.study(ctx, c)
	case models.StagePublication:
		return g.objectToTiers(ctx, c)
	case models.StageHandover:
		return g.handOver(ctx, c)
	case models.StageApplication, models.StageReview:
		if err := g.publishStandards(ctx, c); err != nil {
			return err
		}
		if err := g.applicants(ctx, c); err != nil {
			return err
		}
		return g.reviews(ctx, c)
	case models.StageSelection:
		return g.selection(ctx, c)
	case models.StageNotice:
		return g.objectToNotice(ctx, c)
	case models.StageCertification:
		return g.certification(ctx, c)
	}
	return nil
}

// deliverOn is the day on which a department delivers a source: some days before it is due, or late.
func (r rules) deliverOn(source models.Source, c *cycleView) calendar.Date {
	due, early := c.plan(calendar.PlanDataDue), 20
	if source == models.SourceCityTiering {
		due, early = c.plan(calendar.PlanCityDue), 8
	}
	if r.chance(r.LateDeliveries, "late delivery", source, c.Year) {
		return due.AddDays(1 + r.die(r.LateDays, "days late", source, c.Year))
	}
	return due.AddDays(-r.die(early, "days early", source, c.Year))
}

// deliver has the departments deliver what is ripe.
func (g *play) deliver(ctx context.Context, c *cycleView) error {
	if err := g.layReady(ctx, c); err != nil {
		return err
	}
	type delivery struct {
		Source models.Source
		State  models.DeliveryState
	}
	query := url.Values{"district": {g.rules.District}, "year": {fmt.Sprint(c.Year)}}
	list, err := all[delivery](ctx, g.people.starter, "/api/v1/deliveries", query)
	if err != nil {
		return err
	}
	var have models.Sources
	for _, d := range list {
		if d.State == models.DeliveryAccepted {
			have = have.With(d.Source)
		}
	}
	var ripe []models.Source
	for source := range models.SourceCount {
		if !have.Has(source) && c.Today >= g.rules.deliverOn(source, c) && (source != models.SourceCityTiering || c.Stage == models.StageStudy) {
			ripe = append(ripe, source)
		}
	}
	return each(ctx, ripe, func(ctx context.Context, source models.Source) error {
		if source == models.SourceCityTiering && c.Year > g.rules.Year && g.dataFile(c.Year, source) == "" {
			if err := g.cityResult(ctx, g.people.starter, c.ID, c.Year); err != nil {
				return err
			}
		}
		name := g.dataFile(c.Year, source)
		if name == "" {
			return nil // this department has nothing
		}
		return g.act(ctx, fmt.Sprintf("deliver/%s/%s", c.ID, source), func() error {
			f, err := os.Open(name)
			if err != nil {
				return fmt.Errorf("opening a department's file: %w", err)
			}
			defer func() { _ = f.Close() }()
			return g.deliverer(ctx, c, source).deliver(ctx, source, g.rules.District, c.Year, filepath.Base(name), f)
		})
	})
}

// deliverer is whoever the policy says delivers a source.
func (g *play) deliverer(ctx context.Context, c *cycleView, source models.Source) caller {
	if law, err := g.store.PolicyByID(ctx, c.PolicyID); err == nil {
		if officer, ok := g.people.department[law.Sources[source].Department]; ok {
			return officer
		}
	}
	return g.people.starter
}

// layReady lays a later year's files ready, once.
func (g *play) layReady(ctx context.Context, c *cycleView) error {
	g.mu.Lock()
	laid := g.laid[c.Year]
	g.mu.Unlock()
	if laid || c.Year == g.rules.Year {
		return nil
	}
	if err := g.carryForward(ctx, c.Year); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.laid[c.Year] = true
	return nil
}

// study has the departments settle the differences from the city's result (二(一)2): the own result two times in three.
func (g *play) study(ctx context.Context, c *cycleView) error {
	type difference struct {
		ID         int64
		USCC       string
		Department string
	}
	list, err := all[difference](ctx, g.people.starter, "/api/v1/cycles/"+c.ID+"/differences", url.Values{"state": {"open"}})
	if err != nil {
		return err
	}
	type choice struct{ department, tier string }
	ripe := map[choice][]int64{}
	for _, d := range list {
		if c.Today < c.plan(calendar.PlanStudyDue).AddDays(-2-g.rules.die(6, "study day", d.USCC, c.Year)) {
			continue
		}
		tier := "own"
		if g.rules.chance(33, "study", d.USCC, c.Year) {
			tier = "city"
		}
		key := choice{d.Department, tier}
		if len(ripe[key]) < 500 {
			ripe[key] = append(ripe[key], d.ID)
		}
	}
	for key, ids := range ripe {
		officer, ok := g.people.department[key.department]
		if !ok {
			officer = g.people.settler
		}
		err := g.act(ctx, fmt.Sprintf("study/%s/%d", c.ID, ids[0]), func() error {
			return officer.post(ctx, "/api/v1/cycles/"+c.ID+"/differences/decisions", object{"ids": ids, "tier": key.tier, "reason": "经核对原始数据"}, nil)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// objectToTiers has operators object to the published tier (附一(二)3).
func (g *play) objectToTiers(ctx context.Context, c *cycleView) error {
	households, err := g.tiers(ctx, c)
	if err != nil {
		return err
	}
	made, err := g.objected(ctx, c, models.ObjectionTier)
	if err != nil {
		return err
	}
	var ripe []resultView
	until := c.plan(calendar.PlanObjectionsUntil)
	for _, h := range households {
		if !made[h.USCC] && h.Tier != models.Development && g.rules.chance(g.rules.TierObjections, "tier objection", h.USCC, c.Year) &&
			c.Today >= until.AddDays(-4-g.rules.die(10, "tier objection day", h.USCC, c.Year)) {
			ripe = append(ripe, h)
		}
	}
	return each(ctx, ripe, func(ctx context.Context, h resultView) error {
		return g.act(ctx, fmt.Sprintf("object/%s/%s", c.ID, h.USCC), func() error {
			return g.asOperator(ctx, h.USCC, func(o caller) error {
				return o.post(ctx, "/api/v1/me/objections", object{"kind": "tier", "statement": "本户上年度的经营数据与公布的分型结果不符，请核对"}, nil)
			})
		})
	})
}

// asOperator does something as a household's operator, who signs in anew when the session is over.
func (g *play) asOperator(ctx context.Context, uscc string, f func(o caller) error) error {
	o, err := g.operator(ctx, uscc)
	if err != nil {
		return err
	}
	err = f(o)
	if models.CodeOf(err) == models.CodeUnavailable {
		g.forget(uscc)
	}
	return err
}

// objectionView is an objection.
type objectionView struct {
	ID          int64
	Kind        models.ObjectionKind
	State       models.ObjectionState
	Cycle       string
	USCC        string
	Application int64
	ReceivedOn  calendar.Date `json:"received_on"`
	AcceptedOn  calendar.Date `json:"accepted_on"`
	SettleDue   calendar.Date `json:"settle_due"`
	Department  string
	TierBefore  models.Tier `json:"tier_before"`
}

// objected gives who of a year has objected, or was objected to.
func (g *play) objected(ctx context.Context, c *cycleView, kind models.ObjectionKind) (map[string]bool, error) {
	list, err := all[objectionView](ctx, g.people.settler, "/api/v1/objections", url.Values{"cycle": {c.ID}, "kind": {string(kind)}})
	made := make(map[string]bool, len(list))
	for _, o := range list {
		made[o.USCC] = true
	}
	return made, err
}

// handOver has the bureau hand the result over to the national register (附一(二)1).
func (g *play) handOver(ctx context.Context, c *cycleView) error {
	var h struct {
		PreparedOn calendar.Date `json:"prepared_on"`
		Receipt    string
	}
	err := g.people.starter.get(ctx, "/api/v1/cycles/"+c.ID+"/handover", &h)
	if refused(err) || err == nil && (h.Receipt != "" || c.Today < h.PreparedOn.AddDays(1)) {
		return nil
	}
	if err != nil {
		return err
	}
	return g.act(ctx, "handover/"+c.ID, func() error {
		return g.people.starter.post(ctx, "/api/v1/cycles/"+c.ID+"/handover/receipt", object{"receipt": "演练回执-" + c.ID, "received_on": c.Today}, nil)
	})
}

// publishStandards publishes the year's standards and measures (二(一)1).
func (g *play) publishStandards(ctx context.Context, c *cycleView) error {
	if c.Today < c.plan(calendar.PlanStandardsDue).AddDays(-g.rules.die(15, "standards", c.Year)) {
		return nil
	}
	return g.once(ctx, "standards/"+c.ID, func() error { // again would change nothing
		return g.people.starter.call(ctx, http.MethodPost, fmt.Sprintf("/api/v1/policies/%d/publish", c.PolicyID), object{}, nil)
	})
}
