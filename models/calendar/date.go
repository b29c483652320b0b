// Package calendar reckons with civil dates (公历日期) in Asia/Shanghai: dates, working days by the
// State Council's yearly notices, and the clock that a cycle runs on.
package calendar

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Shanghai is the one time zone of the law. A fixed zone, because China has had no daylight saving since
// 1991 and workflow code must not depend on the tzdata of the machine it runs on.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// Date is a civil date: days since 1970-01-01. The zero Date is "no date" (1970-01-01 itself is not
// representable, which no household of this program needs: 个体工商户 are registered since 1979).
type Date int32

// NewDate gives the date of a year, month and day; the values are normalised as time.Date does.
func NewDate(year int, month time.Month, day int) Date {
	return Date(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// DateOf is the civil date in Shanghai at moment t.
func DateOf(t time.Time) Date {
	y, m, d := t.In(Shanghai).Date()
	return NewDate(y, m, d)
}

// ParseDate reads the program's own form, 2026-07-01. Departments' many forms are read by models.ParseDate.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("date %q is not like 2026-07-01", s)
	}
	return Date(t.Unix() / 86400), nil
}

// MustDate is ParseDate for constants and tests.
func MustDate(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func (d Date) utc() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// IsZero says whether there is no date.
func (d Date) IsZero() bool { return d == 0 }

// Civil gives year, month and day.
func (d Date) Civil() (year int, month time.Month, day int) { return d.utc().Date() }

// Year gives the civil year.
func (d Date) Year() int { return d.utc().Year() }

// Weekday gives the day of the week.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

// AddDays gives the date n days later (earlier if negative).
func (d Date) AddDays(n int) Date { return d + Date(n) }

// AddYears gives the same day n years later; 29 February becomes 28 February where there is none, so that
// a term of years never ends later than its anniversary.
func (d Date) AddYears(n int) Date {
	y, m, day := d.Civil()
	r := NewDate(y+n, m, day)
	if _, rm, _ := r.Civil(); rm != m {
		return NewDate(y+n, m, day-1)
	}
	return r
}

// At is the moment hour:minute of this date in Shanghai.
func (d Date) At(hour, minute int) time.Time {
	y, m, day := d.Civil()
	return time.Date(y, m, day, hour, minute, 0, 0, Shanghai)
}

// String is 2026-07-01, or empty for no date.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	return d.utc().Format(time.DateOnly)
}

// Chinese is 2026年7月1日, for people.
func (d Date) Chinese() string {
	if d == 0 {
		return ""
	}
	y, m, day := d.Civil()
	return fmt.Sprintf("%d年%d月%d日", y, m, day)
}

// MarshalText writes 2026-07-01 (JSON, YAML).
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads 2026-07-01, or nothing.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	v, err := ParseDate(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

// Value stores a date as its text, NULL for none: readable in both databases, and it sorts.
func (d Date) Value() (driver.Value, error) {
	if d == 0 {
		return nil, nil
	}
	return d.String(), nil
}

// Scan reads what either database's driver returns for a DATE.
func (d *Date) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d = 0
		return nil
	case time.Time:
		y, m, day := v.Date()
		*d = NewDate(y, m, day)
		return nil
	case string:
		return d.scanText([]byte(v))
	case []byte:
		return d.scanText(v)
	}
	return fmt.Errorf("cannot read a date from %T", src)
}

// scanText reads the first ten characters, 2026-07-01: some drivers add a midnight.
func (d *Date) scanText(b []byte) error {
	if len(b) < 10 {
		return d.UnmarshalText(b)
	}
	if n, ok := parseDigits(b); ok {
		*d = n
		return nil
	}
	return fmt.Errorf("cannot read a date from %q", b)
}

// parseDigits is the fast path of bulk reads: no time.Parse per row.
func parseDigits(b []byte) (Date, bool) {
	if b[4] != '-' || b[7] != '-' {
		return 0, false
	}
	num := func(s []byte) (n int, ok bool) {
		for _, c := range s {
			if c < '0' || c > '9' {
				return 0, false
			}
			n = n*10 + int(c-'0')
		}
		return n, true
	}
	y, ok1 := num(b[:4])
	m, ok2 := num(b[5:7])
	day, ok3 := num(b[8:10])
	if !ok1 || !ok2 || !ok3 {
		return 0, false
	}
	return fromCivil(y, m, day), true
}

// fromCivil counts days with integers only (the proleptic Gregorian calendar, March-based years).
func fromCivil(y, m, d int) Date {
	if m <= 2 {
		y--
	}
	era := y / 400
	yoe := y - era*400
	mp := (m + 9) % 12
	doy := (153*mp+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return Date(era*146097 + doe - 719468)
}

// AppendText appends 2026-07-01, without allocating: bulk loads write millions of dates.
func (d Date) AppendText(b []byte) []byte {
	if d == 0 {
		return b
	}
	return d.utc().AppendFormat(b, time.DateOnly)
}
