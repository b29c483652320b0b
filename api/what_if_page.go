package api

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
)

//go:embed what_if.html
var whatIfFile string

var whatIfTemplate = pageWithCharts("what-if", whatIfFile)

// whatIfPage is the view with its charts and tables laid out.
type whatIfPage struct {
	WhatIfView
	CountingChart, OwnChart, MovesChart, CausesChart, ConditionsChart, StreetsChart, PlacesChart barChart
	CountingMatrix, OwnMatrix                                                                    tierTable
	PlacesRows                                                                                   []placesRow
}

// tierTable is a matrix of tiers as a table.
type tierTable struct {
	Tiers []models.Tier
	Rows  []tierRow
}

type tierRow struct {
	Tier  models.Tier
	Cells []tierCell
}

type tierCell struct {
	Households int64
	Same       bool
}

func newTierTable(m models.TierMatrix) tierTable {
	t := tierTable{Tiers: models.Tiers}
	for _, from := range models.Tiers {
		row := tierRow{Tier: from}
		for _, to := range models.Tiers {
			row.Cells = append(row.Cells, tierCell{m[from][to], from == to})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

type placesRow struct {
	Label string
	WhatIfPlacesView
}

var bothPolicies = []string{"现行政策", "试算政策"}

func newWhatIfPage(w whatIf) whatIfPage {
	v := viewWhatIf(w)
	p := whatIfPage{WhatIfView: v, CountingMatrix: newTierTable(w.Counting.Matrix), OwnMatrix: newTierTable(w.Own.Matrix),
		CountingChart: tierChart("按采用的分型：各分型户数", v.Counting), OwnChart: tierChart("按本区判定：各分型户数", v.Own),
		PlacesRows: []placesRow{{"采用的分型，现行", v.Counting.PlacesBefore}, {"采用的分型，试算", v.Counting.PlacesAfter},
			{"本区判定，现行", v.Own.PlacesBefore}, {"本区判定，试算", v.Own.PlacesAfter}},
		PlacesChart: newBarChart("名额", bothPolicies, []chartData{
			{"采用的分型：数量上限", []int64{v.Counting.PlacesBefore.Gross, v.Counting.PlacesAfter.Gross}},
			{"采用的分型：名额", []int64{v.Counting.PlacesBefore.Places, v.Counting.PlacesAfter.Places}},
			{"本区判定：数量上限", []int64{v.Own.PlacesBefore.Gross, v.Own.PlacesAfter.Gross}},
			{"本区判定：名额", []int64{v.Own.PlacesBefore.Places, v.Own.PlacesAfter.Places}}})}
	var moves, causes, conditions, streets []chartData
	for _, m := range v.Moves {
		label := m.From.String() + " → " + m.To.String()
		moves = append(moves, chartData{label, []int64{m.Own, m.Counting}})
		for _, c := range m.Causes {
			causes = append(causes, chartData{c.Clause + " " + label, []int64{c.Households}})
		}
	}
	for _, c := range v.Conditions {
		if c.Changed > 0 {
			conditions = append(conditions, chartData{c.Clause + " " + c.Name, []int64{c.Changed}})
		}
	}
	for _, s := range v.Streets {
		if s.Rose+s.Fell > 0 {
			streets = append(streets, chartData{s.Name, []int64{s.Rose, s.Fell, s.CountingRose + s.CountingFell}})
		}
	}
	p.MovesChart = newBarChart("变动去向（户）", []string{"本区判定", "采用的分型"}, moves)
	p.CausesChart = newBarChart("变动依据的条款（户；一户可有几项）", []string{"本区判定"}, causes)
	p.ConditionsChart = newBarChart("结果改变的条件（户）", []string{"结果改变"}, conditions)
	p.StreetsChart = newBarChart("各街道变动（户）", []string{"本区判定上升", "本区判定下降", "采用的分型变动"}, streets)
	return p
}

func tierChart(title string, v WhatIfTiersView) barChart {
	var rows []chartData
	for _, t := range models.Tiers {
		rows = append(rows, chartData{t.String(), []int64{v.Before[t.String()], v.After[t.String()]}})
	}
	return newBarChart(title, bothPolicies, rows)
}

// whatIfName names a trial's files; ASCII.
func whatIfName(w whatIf) string { return fmt.Sprintf("what-if-%s-policy-%d", w.CycleID, w.Draft.ID) }

func (s *Server) getWhatIfPage(ctx context.Context, u models.User, in *WhatIfInput) (*huma.StreamResponse, error) {
	w, err := s.tryPolicy(ctx, u, in, nil)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	if err := whatIfTemplate.Execute(&page, newWhatIfPage(w)); err != nil {
		return nil, fmt.Errorf("writing the page of a trial: %w", err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetStatus(http.StatusOK)
		hc.SetHeader("Content-Type", kindHTML)
		hc.SetHeader("Content-Disposition", fmt.Sprintf("inline; filename=%q", whatIfName(w)+".html"))
		// The page has its own small style sheet and charts in itself: no script, nothing from elsewhere.
		hc.SetHeader("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		_, _ = hc.BodyWriter().Write(page.Bytes())
	}}, nil
}
