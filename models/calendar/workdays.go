package calendar

import (
	"bytes"
	_ "embed" // the State Council's notices
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"time"
)

//go:embed state-council.csv
var stateCouncil []byte

// Unannounced is what must stand beside every date that was reckoned into a year without a notice.
const Unannounced = "国务院办公厅尚未公布该年放假安排，暂按周末和固定节日推算"

// DayKind is what a notice makes of a day.
type DayKind string

// The kinds.
const (
	DayOff  DayKind = "休" // a day off
	DayWork DayKind = "班" // a weekend on which people work
)

// Holiday is one line of the State Council's yearly notice (国务院办公厅关于部分节假日安排的通知).
type Holiday struct {
	Day    Date    `json:"day"`
	Kind   DayKind `json:"kind" enum:"休,班"`
	Name   string  `json:"name" maxLength:"40"`
	Notice string  `json:"notice,omitempty" maxLength:"300" doc:"通知的网址或文号"`
}

// Workdays knows which days are working days (工作日): weekdays, as the yearly notices change them. In a year without
// a notice the fixed days of the law stand in (元旦, 劳动节, 国庆节); Announced tells. Unchanging after NewWorkdays.
type Workdays struct {
	days  map[Date]Holiday
	years map[int]bool
}

// NewWorkdays makes the calendar from the notices that the program brings along and those that an administrator
// entered: a year that is among the entered replaces the one of the same year that was brought along.
func NewWorkdays(entered ...Holiday) (*Workdays, error) {
	brought, err := embeddedHolidays()
	if err != nil {
		return nil, err
	}
	w := &Workdays{days: map[Date]Holiday{}, years: map[int]bool{}}
	replaced := map[int]bool{}
	for _, h := range entered {
		replaced[h.Day.Year()] = true
	}
	brought = slices.DeleteFunc(brought, func(h Holiday) bool { return replaced[h.Day.Year()] })
	for _, h := range append(brought, entered...) {
		w.years[h.Day.Year()] = true
		w.days[h.Day] = h
	}
	return w, nil
}

func embeddedHolidays() ([]Holiday, error) {
	records, err := csv.NewReader(bytes.NewReader(stateCouncil)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading the State Council's notices: %w", err)
	}
	list := make([]Holiday, 0, len(records))
	for _, r := range records[1:] {
		day, err := ParseDate(r[0])
		if err != nil {
			return nil, fmt.Errorf("reading the State Council's notices: %w", err)
		}
		list = append(list, Holiday{Day: day, Kind: DayKind(r[1]), Name: r[2], Notice: r[3]})
	}
	return list, nil
}

// Announced says whether the State Council's notice of the year is known.
func (w *Workdays) Announced(year int) bool { return w.years[year] }

// AnnouncedThrough says whether every year that a span of dates touches has its notice.
func (w *Workdays) AnnouncedThrough(from, to Date) bool {
	for y := from.Year(); y <= to.Year(); y++ {
		if !w.Announced(y) {
			return false
		}
	}
	return true
}

// Holidays lists what the notice of a year says, by day.
func (w *Workdays) Holidays(year int) []Holiday {
	var list []Holiday
	for d, h := range w.days {
		if d.Year() == year {
			list = append(list, h)
		}
	}
	slices.SortFunc(list, func(a, b Holiday) int { return int(a.Day - b.Day) })
	return list
}

// IsWorkday says whether people work on the day.
func (w *Workdays) IsWorkday(d Date) bool {
	if h, ok := w.days[d]; ok {
		return h.Kind == DayWork
	}
	if wd := d.Weekday(); wd == time.Saturday || wd == time.Sunday {
		return false
	}
	return w.Announced(d.Year()) || !fixedHoliday(d)
}

// fixedHoliday: the days of 全国年节及纪念日放假办法 that have the same date every year. Those of the lunar calendar, and
// the days that a notice moves, are known only from the notice.
func fixedHoliday(d Date) bool {
	_, m, day := d.Civil()
	switch m {
	case time.January:
		return day == 1
	case time.May:
		return day == 1 || day == 2
	case time.October:
		return day <= 3
	}
	return false
}

// NextWorkday is d if it is a working day, else the first one after it.
func (w *Workdays) NextWorkday(d Date) Date {
	for !w.IsWorkday(d) {
		d++
	}
	return d
}

// AddWorkdays gives the n-th working day from d on; d counts as the first if it is one. n must be at least 1.
func (w *Workdays) AddWorkdays(d Date, n int) Date {
	d = w.NextWorkday(d)
	for ; n > 1; n-- {
		d = w.NextWorkday(d + 1)
	}
	return d
}

// TermEnd gives the last day of a term of n working days that runs from d: the day itself does not count (民法典第二百零一条).
func (w *Workdays) TermEnd(d Date, n int) Date { return w.AddWorkdays(d+1, n) }

// WorkdaysBetween counts the working days after from, up to and including to; negative when to is earlier.
func (w *Workdays) WorkdaysBetween(from, to Date) (n int) {
	if to < from {
		return -w.WorkdaysBetween(to, from)
	}
	for d := from + 1; d <= to; d++ {
		if w.IsWorkday(d) {
			n++
		}
	}
	return n
}

// CheckYear refuses, in Chinese, a list that cannot be the notice of a year: days of other years, a day twice, a
// missing name, a missing day of 元旦, 劳动节 or 国庆节.
func CheckYear(year int, list []Holiday) error {
	seen := map[Date]bool{}
	off := map[Date]bool{}
	for _, h := range list {
		switch {
		case h.Day.Year() != year:
			return fmt.Errorf("%s 不在 %d 年", h.Day, year)
		case seen[h.Day]:
			return fmt.Errorf("%s 出现了两次", h.Day)
		case h.Kind != DayOff && h.Kind != DayWork:
			return fmt.Errorf("%s 应为“休”或“班”", h.Day)
		case strings.TrimSpace(h.Name) == "":
			return fmt.Errorf("%s 缺少节日名称", h.Day)
		}
		seen[h.Day], off[h.Day] = true, h.Kind == DayOff
	}
	for _, fixed := range [...]struct {
		month time.Month
		day   int
		name  string
	}{{time.January, 1, "元旦"}, {time.May, 1, "劳动节"}, {time.October, 1, "国庆节"}, {time.October, 2, "国庆节"}, {time.October, 3, "国庆节"}} {
		if d := NewDate(year, fixed.month, fixed.day); !off[d] {
			return fmt.Errorf("缺少%s（%s）放假", fixed.name, d)
		}
	}
	return nil
}
