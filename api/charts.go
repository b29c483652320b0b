package api

import (
	_ "embed"
	"html/template"
	"strconv"
	"strings"
	"unicode/utf8"
)

// barChart is a chart of horizontal bars, laid out for the template “chart”: drawn as SVG in the page itself, so that a
// page with charts needs no script and nothing from elsewhere.
type barChart struct {
	Title         string
	Legend        []chartLegend
	Rows          []chartRow
	Width, Height int
	Left          int // where the bars begin
}

type chartLegend struct {
	X     int
	Class string
	Name  string
}

type chartRow struct {
	Label, Full string
	Y           int
	Bars        []chartBar
}

type chartBar struct {
	Class                  string
	Name                   string // of the series
	Y, Width, TextX, TextY int
	Value                  string
}

// chartData is a row of a chart: one value per series.
type chartData struct {
	Label  string
	Values []int64
}

const (
	chartWidth   = 900
	chartLeft    = 300
	longestBar   = 480 // width of the longest bar
	barHeight    = 14  // height of a bar
	labelLength  = 42  // of a label, a Chinese character being 2
	legendHeight = 26  // height of the legend
)

// newBarChart lays a chart out; its colours are the classes s0, s1 … of the page's style sheet, one per series.
func newBarChart(title string, series []string, rows []chartData) barChart {
	c := barChart{Title: title, Width: chartWidth, Left: chartLeft, Height: legendHeight}
	for i, name := range series {
		c.Legend = append(c.Legend, chartLegend{X: chartLeft + 160*i, Class: "s" + strconv.Itoa(i), Name: name})
	}
	var most int64 = 1
	for _, r := range rows {
		for _, v := range r.Values {
			most = max(most, v)
		}
	}
	for _, r := range rows {
		row := chartRow{Full: r.Label, Y: c.Height + len(r.Values)*barHeight/2 + 5}
		row.Label = shorten(r.Label, labelLength)
		for i, v := range r.Values {
			bar := chartBar{Class: "s" + strconv.Itoa(i), Y: c.Height + i*barHeight, Width: int(v * longestBar / most), Value: thousands(v)}
			if i < len(series) {
				bar.Name = series[i]
			}
			if v > 0 {
				bar.Width = max(bar.Width, 1)
			}
			bar.TextX, bar.TextY = chartLeft+bar.Width+6, bar.Y+barHeight-3
			row.Bars = append(row.Bars, bar)
		}
		c.Rows = append(c.Rows, row)
		c.Height += len(r.Values)*barHeight + 10
	}
	return c
}

// shorten cuts a text that is wider than most, a Chinese character being 2 wide.
func shorten(text string, most int) string {
	width, cut := 0, 0
	for i, r := range text {
		if width++; r >= 0x1100 {
			width++
		}
		if width <= most-2 {
			cut = i + utf8.RuneLen(r)
		}
	}
	if width <= most {
		return text
	}
	return text[:cut] + "…"
}

// thousands writes a number as people read it: 1,000,000.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

//go:embed charts.html
var chartsFile string

// pageWithCharts reads a page's template, which may draw a barChart with {{template "chart" .}}.
func pageWithCharts(name, file string) *template.Template {
	t := template.New(name).Funcs(template.FuncMap{"thousands": thousands})
	return template.Must(template.Must(t.Parse(chartsFile)).Parse(file))
}
