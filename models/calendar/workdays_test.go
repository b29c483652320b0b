package calendar_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models/calendar"
)

var day = calendar.MustDate

func workdays(t *testing.T, entered ...calendar.Holiday) *calendar.Workdays {
	t.Helper()
	w, err := calendar.NewWorkdays(entered...)
	require.NoError(t, err)
	return w
}

func TestTermsInWorkingDaysEndAsTheStateCouncilsNoticesSay(t *testing.T) {
	w := workdays(t)
	for _, c := range []struct {
		from string
		n    int
		ends string
	}{
		{"2023-09-28", 5, "2023-10-10"}, // over 中秋 and 国庆, with the working Saturday and Sunday after
		{"2020-12-23", 5, "2020-12-29"},
		{"2023-11-07", 3, "2023-11-09"},
		{"2026-02-13", 2, "2026-02-14"}, // the working Saturday before 春节
		{"2026-02-14", 2, "2026-02-24"},
		{"2026-07-04", 1, "2026-07-06"}, // begins on a Saturday
		{"2026-09-30", 4, "2026-10-10"}, // the working Saturday after 国庆
	} {
		require.Equal(t, c.ends, w.AddWorkdays(day(c.from), c.n).String(), "%s + %d", c.from, c.n)
	}
}

func TestAWorkdayIsWhatTheNoticeMakesOfIt(t *testing.T) {
	w := workdays(t)
	for d, want := range map[string]bool{
		"2026-01-01": false, "2026-01-02": false, "2026-01-03": false, "2026-01-04": true,
		"2026-02-16": false, "2026-02-28": true, "2026-03-02": true, "2026-05-09": true,
		"2026-06-19": false, "2026-06-30": true, "2026-07-04": false, "2026-09-20": true, "2026-10-08": true,
		"2020-01-31": false, "2020-02-03": true,
	} {
		require.Equal(t, want, w.IsWorkday(day(d)), d)
	}
}

func TestWorkingDaysLeftAreCountedAfterToday(t *testing.T) {
	w := workdays(t)
	require.Equal(t, 0, w.WorkdaysBetween(day("2026-06-30"), day("2026-06-30")))
	require.Equal(t, 1, w.WorkdaysBetween(day("2026-06-29"), day("2026-06-30")))
	require.Equal(t, 5, w.WorkdaysBetween(day("2026-06-18"), day("2026-06-26")), "端午 is not counted")
	require.Equal(t, -5, w.WorkdaysBetween(day("2026-06-26"), day("2026-06-18")))
}

func TestAYearWithoutANoticeIsReckonedWithWeekendsAndFixedDaysAndSaysSo(t *testing.T) {
	w := workdays(t)
	require.True(t, w.Announced(2026))
	require.False(t, w.Announced(2027))
	require.False(t, w.AnnouncedThrough(day("2026-06-01"), day("2027-01-01")))
	require.True(t, w.AnnouncedThrough(day("2026-06-01"), day("2026-12-31")))
	require.False(t, w.IsWorkday(day("2027-01-01")))
	require.False(t, w.IsWorkday(day("2027-10-01")))
	require.True(t, w.IsWorkday(day("2027-10-04")), "only the notice moves other days")
	require.False(t, w.IsWorkday(day("2027-07-03")))
}

func TestAnEnteredNoticeReplacesTheYear(t *testing.T) {
	w := workdays(t, calendar.Holiday{Day: day("2027-02-08"), Kind: calendar.DayOff, Name: "春节"}, calendar.Holiday{Day: day("2026-07-01"), Kind: calendar.DayOff, Name: "测试"})
	require.True(t, w.Announced(2027))
	require.False(t, w.IsWorkday(day("2027-02-08")))
	require.False(t, w.IsWorkday(day("2026-07-01")))
	require.True(t, w.IsWorkday(day("2026-01-02")), "nothing of the replaced notice remains")
	require.False(t, w.IsWorkday(day("2025-01-01")), "other years stay")
	require.Len(t, w.Holidays(2027), 1)
}

func TestANoticeThatCannotBeOneIsRefused(t *testing.T) {
	w := workdays(t)
	for year := 2016; year <= 2026; year++ {
		require.NoError(t, calendar.CheckYear(year, w.Holidays(year)), year)
	}
	good := w.Holidays(2026)
	with := func(h calendar.Holiday) []calendar.Holiday { return append(append([]calendar.Holiday{}, good...), h) }
	require.ErrorContains(t, calendar.CheckYear(2026, good[1:]), "元旦")
	require.ErrorContains(t, calendar.CheckYear(2026, nil), "元旦")
	require.ErrorContains(t, calendar.CheckYear(2026, with(good[0])), "两次")
	require.ErrorContains(t, calendar.CheckYear(2026, with(calendar.Holiday{Day: day("2027-01-01"), Kind: calendar.DayOff, Name: "元旦"})), "不在 2026 年")
	require.ErrorContains(t, calendar.CheckYear(2026, with(calendar.Holiday{Day: day("2026-07-04"), Kind: "放", Name: "测试"})), "休")
	require.ErrorContains(t, calendar.CheckYear(2026, with(calendar.Holiday{Day: day("2026-07-04"), Kind: calendar.DayWork})), "名称")
}
