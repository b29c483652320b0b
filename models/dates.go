package models

import (
	"fmt"
	"time"

	"bangfu/models/calendar"
)

const dateReason = "不是日期，应如 2024-07-01"

// excelEpoch is serial 0 of the 1900 date system, counted so that every serial after its wrong 29 February 1900 is right.
var excelEpoch = calendar.NewDate(1899, time.December, 30)

// days1904 is how much later the 1904 date system begins.
const days1904 = 1462

// readDate reads the forms 2024-07-01, 2024/7/1, 2024.7.1, 20240701, 2024年7月1日, each also with a time of day behind it,
// which is left out; and a numeric cell's serial number.
func readDate(s string, numbering Numbering) (int64, string) {
	if numbering != NotNumbered {
		if n, ok := wholePart(s); ok {
			if len(n) == 8 {
				return civil(n[:4], n[4:6], n[6:])
			}
			return serialDate(n, numbering)
		}
	}
	if len(s) < 8 {
		return 0, dateReason
	}
	if _, ok := digits(s[:8]); ok {
		if !timeOfDay(s[8:]) {
			return 0, dateReason
		}
		return civil(s[:4], s[4:6], s[6:8])
	}
	year, rest, ok := number(s, 4, 4)
	if !ok {
		return 0, dateReason
	}
	first, rest := separator(rest)
	month, rest, ok := number(rest, 1, 2)
	if !ok || first == "" {
		return 0, dateReason
	}
	second, rest := separator(rest)
	day, rest, ok := number(rest, 1, 2)
	if !ok {
		return 0, dateReason
	}
	if first == "年" {
		var third string
		third, rest = separator(rest)
		ok = second == "月" && (third == "日" || third == "号")
	} else {
		ok = second == first && first != "月" && first != "日" && first != "号"
	}
	if !ok || !timeOfDay(rest) {
		return 0, dateReason
	}
	return civil(year, month, day)
}

// number cuts a run of min to max digits off the front.
func number(s string, minLen, maxLen int) (n, rest string, ok bool) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:], i >= minLen && i <= maxLen
}

// separator cuts one separator and the spaces around it off the front; empty when none is there.
func separator(s string) (sep, rest string) {
	for s != "" && s[0] == ' ' {
		s = s[1:]
	}
	switch {
	case s != "" && (s[0] == '-' || s[0] == '/' || s[0] == '.'):
		sep = s[:1]
	case len(s) >= 3 && (s[:3] == "年" || s[:3] == "月" || s[:3] == "日" || s[:3] == "号"):
		sep = s[:3]
	}
	rest = s[len(sep):]
	for rest != "" && rest[0] == ' ' {
		rest = rest[1:]
	}
	return sep, rest
}

// timeOfDay says whether s is empty or a time of day such as " 00:00:00", "T08:30" or " 0:00:00.000". A zone is not
// taken: with one the civil date would depend on it.
func timeOfDay(s string) bool {
	for s != "" && s[0] == ' ' {
		s = s[1:]
	}
	if s == "" {
		return true
	}
	if s[0] == 'T' {
		s = s[1:]
	}
	hour, s, ok := number(s, 1, 2)
	if h, _ := digits(hour); !ok || h > 23 {
		return false
	}
	for part := 0; s != "" && s[0] == ':' && part < 2; part++ {
		var sixty string
		sixty, s, ok = number(s[1:], 2, 2)
		if n, _ := digits(sixty); !ok || n > 59 {
			return false
		}
		if s == "" {
			return true
		}
	}
	if s == "" || s[0] != '.' {
		return false
	}
	_, s, ok = number(s[1:], 1, 9)
	return ok && s == ""
}

// civil makes a date of digits, if there is such a day.
func civil(year, month, day string) (int64, string) {
	y, _ := digits(year)
	m, _ := digits(month)
	d, _ := digits(day)
	if y < FirstYear || y > LastYear {
		return 0, fmt.Sprintf("年份应在%d至%d之间", FirstYear, LastYear)
	}
	if m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, fmt.Sprintf("没有%d年%d月%d日这一天", y, m, d)
	}
	return known(calendar.NewDate(y, time.Month(m), d))
}

// known refuses 1970-01-01: it is what systems write where they have no date, and calendar.Date takes it for none.
func known(d calendar.Date) (int64, string) {
	if d.IsZero() {
		return 0, "1970年1月1日是系统的空值，不是真实日期，请填写真实日期或留空"
	}
	return int64(d), ""
}

func daysIn(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// serialDate reads the whole part of Excel's serial number; the fraction is a time of day.
func serialDate(whole string, numbering Numbering) (int64, string) {
	n, ok := digits(whole)
	if numbering == Since1904 {
		n += days1904
	}
	if d := excelEpoch.AddDays(n); ok && len(whole) <= 6 && d.Year() >= FirstYear && d.Year() <= LastYear {
		return known(d)
	}
	return 0, fmt.Sprintf("数字“%s”不是日期", whole)
}
