package rehearsal

import (
	"fmt"
	"strconv"

	"bangfu/models/calendar"
)

// chart is a drawing for the report's template: what a page needs to show it without a script.
type chart struct {
	Title         string
	Width, Height int
	Boxes         []box
	Words         []word
	Lines         []stroke
}

type box struct {
	X, Y, W, H int
	Class      string // s0, s1 …: the series' colour
	Title      string // shown where somebody points
}

type word struct {
	X, Y  int
	Class string // left, right, middle, small
	Text  string
}

type stroke struct {
	X1, Y1, X2, Y2 int
	Class          string
}

const (
	chartWidth = 960
	legendSize = 24
)

func series(n int) string { return "s" + strconv.Itoa(n%8) }

// legend writes the series' names above the drawing.
func (c *chart) legend(names []string) {
	x := 0
	for n, name := range names {
		c.Boxes = append(c.Boxes, box{X: x, Y: 4, W: 12, H: 12, Class: series(n), Title: name})
		c.Words = append(c.Words, word{X: x + 17, Y: 15, Class: "left", Text: name})
		x += 34 + 14*len([]rune(name))
	}
}

// column is one place of a chart of columns: a value per series.
type column struct {
	Label  string
	Values []int64
}

// columns draws stacked columns, or beside each other.
func columns(title string, names []string, list []column, stacked bool) chart {
	const left, top, high, foot = 56, legendSize + 12, 220, 34
	c := chart{Title: title, Width: chartWidth, Height: top + high + foot}
	c.legend(names)
	var most int64 = 1
	for _, col := range list {
		var sum int64
		for _, v := range col.Values {
			if stacked {
				sum += v
			} else {
				sum = max(sum, v)
			}
		}
		most = max(most, sum)
	}
	most = roundUp(most)
	for i := range 5 {
		y := top + high - high*i/4
		c.Lines = append(c.Lines, stroke{left, y, chartWidth, y, "grid"})
		c.Words = append(c.Words, word{left - 8, y + 4, "right", fmt.Sprint(most * int64(i) / 4)})
	}
	if len(list) == 0 {
		return c
	}
	step := (chartWidth - left) / len(list)
	every := max(1, (len(list)*44+chartWidth-1)/chartWidth) // labels that do not run into each other
	for n, col := range list {
		x, wide := left+n*step+max(1, step/10), max(2, step*8/10)
		if n%every == 0 {
			c.Words = append(c.Words, word{x + wide/2, top + high + 18, "middle", col.Label})
		}
		y := top + high
		for s, v := range col.Values {
			h := int(v * high / most)
			if v > 0 {
				h = max(h, 1)
			}
			name := fmt.Sprintf("%s %s：%d", col.Label, names[s], v)
			if stacked {
				y -= h
				c.Boxes = append(c.Boxes, box{x, y, wide, h, series(s), name})
				continue
			}
			each := max(2, wide/len(col.Values))
			c.Boxes = append(c.Boxes, box{x + s*each, y - h, max(1, each-2), h, series(s), name})
			if len(list)*len(col.Values) <= 40 {
				c.Words = append(c.Words, word{x + s*each + (each-2)/2, y - h - 4, "small", fmt.Sprint(v)})
			}
		}
	}
	return c
}

// roundUp gives the next number that is easily divided by four.
func roundUp(n int64) int64 {
	unit := int64(4)
	for unit*10 < n {
		unit *= 10
	}
	return (n + unit - 1) / unit * unit
}

// shares draws one bar a row, divided among the series.
func shares(title string, names []string, list []column) chart {
	const left, high, gap = 230, 16, 8
	c := chart{Title: title, Width: chartWidth, Height: legendSize + 10 + len(list)*(high+gap)}
	c.legend(names)
	var most int64 = 1
	for _, row := range list {
		var sum int64
		for _, v := range row.Values {
			sum += v
		}
		most = max(most, sum)
	}
	for n, row := range list {
		x, y := left, legendSize+10+n*(high+gap)
		c.Words = append(c.Words, word{left - 10, y + 13, "right", row.Label})
		var sum int64
		for s, v := range row.Values {
			w := int(v * (chartWidth - left - 60) / most)
			if v > 0 {
				w = max(w, 1)
			}
			c.Boxes = append(c.Boxes, box{x, y, w, high, series(s), fmt.Sprintf("%s %s：%d", row.Label, names[s], v)})
			x, sum = x+w, sum+v
		}
		c.Words = append(c.Words, word{x + 6, y + 13, "left", fmt.Sprint(sum)})
	}
	return c
}

// span is a stage: when it was, and by when it was planned to end.
type span struct {
	Name              string
	From, To, Planned calendar.Date
}

// timeline draws spans below each other on a scale of months, with a mark where each was planned to end.
func timeline(title string, list []span) chart {
	const left, high, gap = 150, 14, 8
	c := chart{Title: title, Width: chartWidth, Height: legendSize + 34 + len(list)*(high+gap)}
	c.legend([]string{"实际（按期）", "实际（超过计划）"})
	if len(list) == 0 {
		return c
	}
	first, last := list[0].From, list[0].To
	for _, s := range list {
		first, last = min(first, s.From), max(last, s.To, s.Planned)
	}
	year, month, _ := first.Civil()
	first = calendar.NewDate(year, month, 1)
	at := func(d calendar.Date) int {
		return left + int(d-first)*(chartWidth-left-20)/max(1, int(last-first))
	}
	for m := first; m <= last; {
		c.Lines = append(c.Lines, stroke{at(m), legendSize + 4, at(m), c.Height - 22, "grid"})
		y, mm, _ := m.Civil()
		c.Words = append(c.Words, word{at(m), c.Height - 6, "middle", fmt.Sprintf("%d月", mm)})
		m = calendar.NewDate(y, mm+1, 1)
	}
	for n, s := range list {
		y, class := legendSize+8+n*(high+gap), 0
		if s.Planned != 0 && s.To > s.Planned.AddDays(1) {
			class = 1
		}
		c.Words = append(c.Words, word{left - 10, y + 12, "right", s.Name})
		c.Boxes = append(c.Boxes, box{at(s.From), y, max(2, at(s.To)-at(s.From)), high, series(class),
			fmt.Sprintf("%s：%s 至 %s，计划 %s", s.Name, s.From, s.To, s.Planned)})
		if s.Planned != 0 {
			c.Lines = append(c.Lines, stroke{at(s.Planned), y - 3, at(s.Planned), y + high + 3, "mark"})
		}
	}
	return c
}
