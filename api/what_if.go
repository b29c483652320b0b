package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
)

// WhatIfView is what a policy would make of a year's real data (政策试算, B2).
type WhatIfView struct {
	Cycle        string             `json:"cycle" doc:"年度工作编号"`
	District     string             `json:"district" doc:"区划代码"`
	DistrictName string             `json:"district_name" doc:"区名"`
	Year         int                `json:"year" doc:"所用数据的年度"`
	AsOf         calendar.Date      `json:"as_of" doc:"判定日，两份政策相同"`
	Today        calendar.Date      `json:"today" doc:"核对认定户所用的日期"`
	Run          int                `json:"run" doc:"现行结果为第几次判定，0 为尚未判定"`
	Data         string             `json:"data" doc:"所据数据：来源:最新交付序号/已采用的交付数"`
	Base         WhatIfPolicyView   `json:"base" doc:"现行政策：当前结果所据的版本"`
	Draft        WhatIfPolicyView   `json:"draft" doc:"试算政策"`
	Notice       string             `json:"notice" doc:"试算的效力与读法"`
	Changes      []policy.Change    `json:"changes" doc:"试算政策与现行政策逐项的不同"`
	Households   int64              `json:"households" doc:"户数"`
	Counting     WhatIfTiersView    `json:"counting" doc:"按采用的分型：研判或异议决定优先，其次市级结果，再次本区判定"`
	Own          WhatIfTiersView    `json:"own" doc:"按本区判定"`
	HeldByCity   int64              `json:"held_by_city" doc:"本区判定会变动，但市级结果仍然有效、采用的分型不变的户数"`
	HeldDecided  int64              `json:"held_by_decision" doc:"本区判定会变动，但研判或异议决定仍然有效、采用的分型不变的户数"`
	FrozenPlaces *int64             `json:"frozen_places,omitempty" doc:"本年度已核定的名额，不因试算或以后的变动而改变；没有则尚未核定"`
	Moves        []WhatIfMoveView   `json:"moves" doc:"本区判定的变动及依据的条款"`
	Conditions   []WhatIfRule       `json:"conditions" doc:"逐项条件的前后结果"`
	Streets      []WhatIfStreetView `json:"streets" doc:"各街道的变动"`
	Certified    WhatIfHolders      `json:"certified" doc:"有效的“名特优新”认定"`
	Movers       []WhatIfMoverView  `json:"movers" doc:"本区判定会变动的户，按代码，至多1000户；全部名单见 .xlsx"`
	Truncated    bool               `json:"truncated" doc:"变动的户多于所列"`
}

// WhatIfPolicyView names one of the two policies.
type WhatIfPolicyView struct {
	ID      int64  `json:"id,omitempty" doc:"编号"`
	Version int    `json:"version,omitempty" doc:"本区本年度的第几版"`
	Hash    string `json:"hash" doc:"文件内容的 SHA-256"`
	Title   string `json:"title" doc:"名称"`
	Year    int    `json:"year" doc:"政策的年度"`
}

// WhatIfTiersView is one set of tiers under both policies.
type WhatIfTiersView struct {
	Before       TierNumbers      `json:"before" doc:"现行政策下各分型户数"`
	After        TierNumbers      `json:"after" doc:"试算政策下各分型户数"`
	Matrix       []TierPair       `json:"matrix" doc:"由现行政策下的分型到试算政策下的分型"`
	Moving       int64            `json:"moving" doc:"变动户数"`
	Rose         int64            `json:"rose" doc:"上升户数"`
	Fell         int64            `json:"fell" doc:"下降户数"`
	PlacesBefore WhatIfPlacesView `json:"places_before" doc:"现行政策下的名额（附三(四)）"`
	PlacesAfter  WhatIfPlacesView `json:"places_after" doc:"试算政策下的名额"`
}

// WhatIfPlacesView is the places that follow from a set of tiers.
type WhatIfPlacesView struct {
	Growth      int64   `json:"growth" doc:"成长型户数"`
	Development int64   `json:"development" doc:"发展型户数"`
	Share       float64 `json:"share" doc:"比例（%）"`
	Gross       int64   `json:"gross" doc:"按比例计算的数量上限"`
	StillValid  int64   `json:"still_valid" doc:"次年1月1日仍在有效期内的认定"`
	Places      int64   `json:"places" doc:"可认定的名额"`
}

// WhatIfMoveView is the households between two tiers and what decided.
type WhatIfMoveView struct {
	From     models.Tier          `json:"from" doc:"现行政策下的本区判定"`
	To       models.Tier          `json:"to" doc:"试算政策下的本区判定"`
	Own      int64                `json:"own" doc:"户数（本区判定）"`
	Counting int64                `json:"counting" doc:"其中采用的分型也随之变动的户数"`
	Causes   []models.WhatIfCount `json:"causes" doc:"依据的条款及户数，一户可有几项"`
}

// WhatIfRule is one condition under both policies.
type WhatIfRule struct {
	ID        string               `json:"id" doc:"条件编号"`
	Clause    string               `json:"clause" doc:"依据条款"`
	Name      string               `json:"name" doc:"条件名称"`
	BaseRule  string               `json:"base_rule,omitempty" doc:"现行政策如何判断，空为没有此项"`
	DraftRule string               `json:"draft_rule,omitempty" doc:"试算政策如何判断，空为没有此项"`
	Before    models.OutcomeCounts `json:"before" doc:"现行政策下的结果"`
	After     models.OutcomeCounts `json:"after" doc:"试算政策下的结果"`
	Changed   int64                `json:"changed" doc:"结果改变的户数"`
	Flows     []models.OutcomeFlow `json:"flows" doc:"由何结果变为何结果"`
}

// WhatIfStreetView is what moves in a street.
type WhatIfStreetView struct {
	Name         string `json:"name" doc:"所属街道"`
	Households   int64  `json:"households" doc:"户数"`
	Rose         int64  `json:"rose" doc:"本区判定上升"`
	Fell         int64  `json:"fell" doc:"本区判定下降"`
	CountingRose int64  `json:"counting_rose" doc:"采用的分型上升"`
	CountingFell int64  `json:"counting_fell" doc:"采用的分型下降"`
}

// WhatIfHolders is what the draft means for those who are certified.
type WhatIfHolders struct {
	Valid     int64          `json:"valid" doc:"有效的认定数"`
	Missing   int64          `json:"missing" doc:"本年度登记数据中没有、无从判定的"`
	Moved     int64          `json:"moved" doc:"采用的分型会变动的"`
	Out       int64          `json:"out" doc:"按采用的分型，会不再符合申报条件的（附三(三)1）"`
	OutOwn    int64          `json:"out_own" doc:"按本区判定，会不再符合申报条件的"`
	Affected  []WhatIfHolder `json:"affected" doc:"受影响的认定户，至多1000户"`
	Truncated bool           `json:"truncated" doc:"受影响的多于所列"`
}

// WhatIfHolder is one certified household that is affected.
type WhatIfHolder struct {
	Number     string               `json:"number" doc:"认定编号"`
	USCC       string               `json:"uscc" doc:"统一社会信用代码"`
	Name       string               `json:"name" doc:"名称"`
	Category   string               `json:"category" doc:"分类"`
	Origin     string               `json:"origin" doc:"自主申报或部门推荐；部门推荐的不受分型限制"`
	ValidUntil calendar.Date        `json:"valid_until" doc:"有效期至"`
	From       models.Tier          `json:"from" doc:"现在采用的分型"`
	To         models.Tier          `json:"to" doc:"试算后采用的分型"`
	OwnFrom    models.Tier          `json:"own_from" doc:"现行政策下的本区判定"`
	OwnTo      models.Tier          `json:"own_to" doc:"试算政策下的本区判定"`
	Causes     []models.WhatIfCause `json:"causes" doc:"本区判定变动所依据的条款"`
	Barred     []models.Bar         `json:"barred" doc:"按采用的分型，会因此不再符合申报条件的条款"`
	BarredOwn  []models.Bar         `json:"barred_own" doc:"按本区判定，会因此不再符合申报条件的条款"`
	Freed      []models.Bar         `json:"freed" doc:"现行政策下不符合、试算政策下不再有的条款"`
}

// WhatIfMoverView is one household that moves.
type WhatIfMoverView struct {
	USCC         string               `json:"uscc" doc:"统一社会信用代码"`
	Name         string               `json:"name" doc:"名称"`
	Street       string               `json:"street,omitempty" doc:"所属街道"`
	OwnFrom      models.Tier          `json:"own_from" doc:"现行政策下的本区判定"`
	OwnTo        models.Tier          `json:"own_to" doc:"试算政策下的本区判定"`
	CountingFrom models.Tier          `json:"counting_from" doc:"现在采用的分型"`
	CountingTo   models.Tier          `json:"counting_to" doc:"试算后采用的分型"`
	Held         string               `json:"held,omitempty" doc:"采用的分型为何不变"`
	Causes       []models.WhatIfCause `json:"causes" doc:"依据的条款"`
}

// whatIfNotice says what a trial is worth, wherever one is shown.
const whatIfNotice = "试算只供参考，不写入任何结果，也不改变任何一户的分型、名额或认定。两份政策按同样的数据、同一判定日判定。" +
	"研判或异议已有决定的户、市级结果中的户，采用的分型以决定和市级结果为准，不随试算政策变动。"

func (s *Server) registerWhatIf() {
	tags := []string{"当年政策"}
	// the whole district is judged: MaxBodyBytes gives the time of a file
	register(s, admins, huma.Operation{OperationID: "try-policy", Method: http.MethodGet, Path: "/api/v1/policies/{id}/what-if", MaxBodyBytes: bodyLimit,
		Summary: "政策试算：以本年度实际数据，看这一版本会使哪些户的分型、名额、认定发生变化", Tags: tags}, s.getWhatIf)
	register(s, admins, download("try-policy-xlsx", "/api/v1/policies/{id}/what-if.xlsx", "政策试算（Excel，含图表和全部变动户）", tags, kindXLSX), s.getWhatIfWorkbook)
	register(s, admins, download("try-policy-html", "/api/v1/policies/{id}/what-if.html", "政策试算（网页，含图表，可保存）", tags, kindHTML), s.getWhatIfPage)
}

// WhatIfInput names the version that is tried, and on which year's data.
type WhatIfInput struct {
	PolicyID
	Year int `query:"year" minimum:"0" maximum:"2100" doc:"用哪一年度的数据试算，不填为政策的年度"`
}

// whatIf is a trial that was made.
type whatIf struct {
	*models.WhatIf
	changes []policy.Change
}

// tryPolicy makes a trial, unless one is being made: each takes the processors and connections of a tiering.
func (s *Server) tryPolicy(ctx context.Context, u models.User, in *WhatIfInput, each func(models.WhatIfMover) error) (w whatIf, err error) {
	draft, err := s.versionOf(ctx, u, in.ID)
	if err != nil {
		return w, err
	}
	if in.Year == 0 {
		in.Year = draft.Year
	}
	basis, err := s.Store.WhatIfBasis(ctx, draft.District, in.Year)
	if err != nil {
		return w, err
	}
	select {
	case s.trying <- struct{}{}:
	default:
		return w, models.Errorf(models.CodeUnavailable, "正在进行另一次政策试算，请稍后再试")
	}
	defer func() { <-s.trying }()
	w.changes = policy.Diff(basis.Law.Policy, draft.Policy)
	w.WhatIf, err = s.Store.WhatIf(ctx, basis, store.WhatIfDraft{Policy: draft.Policy, ID: draft.ID, Version: draft.Version}, each)
	return w, err
}

func (s *Server) getWhatIf(ctx context.Context, u models.User, in *WhatIfInput) (*struct{ Body WhatIfView }, error) {
	w, err := s.tryPolicy(ctx, u, in, nil)
	if err != nil {
		return nil, err
	}
	return &struct{ Body WhatIfView }{viewWhatIf(w)}, nil
}

func viewWhatIf(w whatIf) WhatIfView {
	r := w.WhatIf
	v := WhatIfView{Cycle: r.CycleID, District: r.District, DistrictName: r.DistrictName, Year: r.Year, AsOf: r.AsOf, Today: r.Today, Run: r.Run, Data: r.DataMark,
		Base: WhatIfPolicyView(r.Base), Draft: WhatIfPolicyView(r.Draft), Notice: whatIfNotice, Changes: listOf(w.changes), Households: r.Own.Before().Total(),
		Counting: viewWhatIfTiers(r.Counting), Own: viewWhatIfTiers(r.Own), HeldByCity: r.HeldCity, HeldDecided: r.HeldDecided,
		Moves: []WhatIfMoveView{}, Conditions: []WhatIfRule{}, Streets: []WhatIfStreetView{}, Movers: []WhatIfMoverView{}, Truncated: r.Own.Moving() > int64(len(r.Movers)),
		Certified: WhatIfHolders{Valid: r.Certified.Valid, Missing: r.Certified.Missing, Moved: r.Certified.Moved, Out: r.Certified.Out, OutOwn: r.Certified.OutOwn, Affected: []WhatIfHolder{},
			Truncated: len(r.Certified.Affected) > models.MaxWhatIfListed}}
	if r.Frozen != nil {
		v.FrozenPlaces = &r.Frozen.Places
	}
	for _, m := range r.Moves {
		v.Moves = append(v.Moves, WhatIfMoveView(m))
	}
	for _, c := range r.Conditions {
		v.Conditions = append(v.Conditions, WhatIfRule{ID: c.ID, Clause: c.Clause, Name: c.Name, BaseRule: c.BaseRule, DraftRule: c.DraftRule,
			Before: c.Before, After: c.After, Changed: c.Changed(), Flows: listOf(c.Flows)})
	}
	for _, street := range r.Streets {
		own, counting := models.Movement{Matrix: street.Own}, models.Movement{Matrix: street.Counting}
		v.Streets = append(v.Streets, WhatIfStreetView{Name: street.Name, Households: street.Own.From().Total(), Rose: own.Count(models.DirectionRose), Fell: own.Count(models.DirectionFell),
			CountingRose: counting.Count(models.DirectionRose), CountingFell: counting.Count(models.DirectionFell)})
	}
	for _, c := range r.Certified.Affected[:min(len(r.Certified.Affected), models.MaxWhatIfListed)] {
		v.Certified.Affected = append(v.Certified.Affected, viewWhatIfHolder(c))
	}
	for _, m := range r.Movers {
		v.Movers = append(v.Movers, viewWhatIfMover(m))
	}
	return v
}

// listOf makes a list that is written as one also when it is empty.
func listOf[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func viewWhatIfTiers(t models.WhatIfTiers) WhatIfTiersView {
	m := models.Movement{Matrix: t.Matrix}
	return WhatIfTiersView{Before: tierNumbers(t.Before()), After: tierNumbers(t.After()), Matrix: tierPairs(t.Matrix), Moving: t.Moving(),
		Rose: m.Count(models.DirectionRose), Fell: m.Count(models.DirectionFell), PlacesBefore: viewWhatIfPlaces(t.Base), PlacesAfter: viewWhatIfPlaces(t.Draft)}
}

func viewWhatIfPlaces(p models.Places) WhatIfPlacesView {
	return WhatIfPlacesView{Growth: p.Growth, Development: p.Development, Share: float64(p.Share) / 100, Gross: p.Gross, StillValid: p.StillValid, Places: p.Places}
}

func viewWhatIfHolder(h models.WhatIfCertified) WhatIfHolder {
	c := h.Certification
	return WhatIfHolder{Number: c.Number, USCC: c.USCC, Name: c.Name, Category: c.Category.Name(), Origin: h.Origin.Name(), ValidUntil: c.ValidUntil,
		From: h.From, To: h.To, OwnFrom: h.OwnFrom, OwnTo: h.OwnTo, Causes: listOf(h.Causes), Barred: listOf(h.Barred), BarredOwn: listOf(h.BarredOwn), Freed: listOf(h.Freed)}
}

func viewWhatIfMover(m models.WhatIfMover) WhatIfMoverView {
	v := WhatIfMoverView{USCC: m.USCC, Name: m.Name, Street: m.Street, OwnFrom: m.From, OwnTo: m.To, CountingFrom: m.CountingFrom(), CountingTo: m.CountingTo(), Causes: m.Causes}
	switch {
	case m.Decided != models.NoTier:
		v.Held = "研判或异议决定仍然有效"
	case m.City != models.NoTier:
		v.Held = "市级结果仍然有效"
	}
	return v
}
