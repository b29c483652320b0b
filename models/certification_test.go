package models_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
)

func TestACertificationHoldsThreeYearsFromTheDayItWasMade(t *testing.T) { // 附三(五)
	for certified, until := range map[string]string{
		"2026-11-23": "2029-11-22",
		"2026-11-30": "2029-11-29",
		"2027-01-01": "2029-12-31",
		"2026-03-01": "2029-02-28",
		"2025-03-01": "2028-02-29", // the year of its end has a 29 February
		"2028-02-29": "2031-02-27", // there is no 29 February 2031: its anniversary is the 28th
		"2028-02-28": "2031-02-27",
	} {
		require.Equal(t, until, models.ValidUntil(calendar.MustDate(certified), 3).String(), certified)
	}
	require.Equal(t, "2032-02-28", models.ValidUntil(calendar.MustDate("2028-02-29"), 4).String())
}

func TestACertificationEndsWithItsLastDay(t *testing.T) {
	c := models.Certification{State: models.CertificationValid, ValidUntil: calendar.MustDate("2029-11-22")}
	require.Equal(t, models.CertificationValid, c.On(calendar.MustDate("2029-11-22")))
	require.Equal(t, models.CertificationLapsed, c.On(calendar.MustDate("2029-11-23")))
	c.State = models.CertificationRevoked
	require.Equal(t, models.CertificationRevoked, c.On(calendar.MustDate("2029-11-23")), "what ended earlier ended so")
}

func TestANumberSaysDistrictYearAndPlace(t *testing.T) {
	require.Equal(t, "110107-2026-MTYX-0007", models.CertificationNumber("110107", 2026, 7))
	require.Equal(t, "110107-2026-MTYX-12345", models.CertificationNumber("110107", 2026, 12345))
	for _, s := range []string{"110107-2026-MTYX-0007", " 110107-2026-mtyx-0007 "} {
		n, err := models.ParseCertificationNumber(s)
		require.NoError(t, err)
		require.Equal(t, "110107-2026-MTYX-0007", n)
	}
	for _, s := range []string{"", "7", "110107-2026-MTYX-07", "110107-2026-ABCD-0007", "11010-2026-MTYX-0007", "110107-2026-MTYX-0007-1", "110107-2026-MTYX-０００７", "110107-2026-MTYX-0007'--"} {
		_, err := models.ParseCertificationNumber(s)
		require.Equal(t, models.CodeInvalid, models.CodeOf(err), s)
	}
}
