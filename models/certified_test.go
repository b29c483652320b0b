package models_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
)

var certifiedTerms = models.CertifiedTerms{ReportDue: "07-31", EvaluationOn: "08-16", AnnounceDays: 60, Extension: 3}

func certifiedOn(on string) models.Certification {
	d := calendar.MustDate(on)
	return models.Certification{CertifiedOn: d, BenefitsFrom: calendar.NewDate(d.Year()+1, 1, 1), ValidUntil: models.ValidUntil(d, 3), State: models.CertificationValid}
}

func dates(list []models.Milestone) (words []string) {
	for _, m := range list {
		words = append(words, string(m.Kind)+" "+m.On.String())
	}
	return words
}

// TestTheCalendarOfACertificationIsTheWorkPlans (二(一)3, 附三(五)): benefits on 1 January, a report by the end of each July of validity, the
// evaluation in the last year, the end announced, and the end on the day after the last.
func TestTheCalendarOfACertificationIsTheWorkPlans(t *testing.T) {
	c := certifiedOn("2026-11-20")
	require.Equal(t, []string{"benefits 2027-01-01", "year 2027-01-01", "missed 2027-08-01", "year 2028-01-01", "missed 2028-08-01", "year 2029-01-01",
		"missed 2029-08-01", "evaluate 2029-08-16", "announce 2029-09-20", "end 2029-11-20"},
		dates(c.Milestones(certifiedTerms, c.CertifiedOn, calendar.MustDate("2040-01-01"))))
	require.Empty(t, c.Milestones(certifiedTerms, calendar.MustDate("2029-11-20"), calendar.MustDate("2040-01-01")))
	require.Equal(t, []string{"missed 2028-08-01"}, dates(c.Milestones(certifiedTerms, calendar.MustDate("2028-07-31"), calendar.MustDate("2028-08-01"))))
}

// TestAnExtensionHasACalendarOfItsOwn: the same dates again, three years later.
func TestAnExtensionHasACalendarOfItsOwn(t *testing.T) {
	c := certifiedOn("2026-11-20")
	c.ValidUntil = c.Extended(3)
	require.Equal(t, "2032-11-19", c.ValidUntil.String())
	list := dates(c.Milestones(certifiedTerms, calendar.MustDate("2029-10-01"), calendar.MustDate("2040-01-01")))
	require.Equal(t, []string{"year 2030-01-01", "missed 2030-08-01", "year 2031-01-01", "missed 2031-08-01", "year 2032-01-01", "missed 2032-08-01",
		"evaluate 2032-08-16", "announce 2032-09-20", "end 2032-11-20"}, list)
}

// TestNoReportIsAskedThatFallsDueOutsideTheValidity: validity may end before 31 July, or on it.
func TestNoReportIsAskedThatFallsDueOutsideTheValidity(t *testing.T) {
	for certified, reports := range map[string][]string{
		"2026-07-31": {"missed 2027-08-01", "missed 2028-08-01"},                      // until 2029-07-30
		"2026-08-01": {"missed 2027-08-01", "missed 2028-08-01", "missed 2029-08-01"}, // until 2029-07-31: the last day is the report's
		"2026-12-31": {"missed 2027-08-01", "missed 2028-08-01", "missed 2029-08-01"},
	} {
		c := certifiedOn(certified)
		var got []string
		for _, m := range c.Milestones(certifiedTerms, c.CertifiedOn, calendar.MustDate("2040-01-01")) {
			if m.Kind == models.MilestoneMissed {
				got = append(got, "missed "+m.On.String())
			}
		}
		require.Equal(t, reports, got, certified)
	}
}

// TestTheEvaluationBeginsInTheLastYear whatever the day of the certification, and leaves time before the end is announced.
func TestTheEvaluationBeginsInTheLastYear(t *testing.T) {
	for certified, begins := range map[string]string{
		"2026-11-20": "2029-08-16",
		"2026-10-15": "2028-10-15", // until 2029-10-14: 08-16 is too late for 60 days' notice, and a year earlier is before the last year begins
		"2026-08-01": "2028-08-16",
		"2028-02-29": "2030-08-16", // until 2031-02-27
		"2025-03-01": "2027-08-16", // until 2028-02-29
	} {
		c := certifiedOn(certified)
		on := c.EvaluationOn(certifiedTerms)
		require.Equal(t, begins, on.String(), certified)
		require.Less(t, on, c.ValidUntil.AddDays(-certifiedTerms.AnnounceDays)+1)
		require.GreaterOrEqual(t, on, c.ValidUntil.AddDays(1).AddYears(-1))
	}
}

// TestValidityAcrossTheTwentyNinthOfFebruary: extension on extension never ends later than the anniversary, nor loses a day each time.
func TestValidityAcrossTheTwentyNinthOfFebruary(t *testing.T) {
	for certified, ends := range map[string][]string{
		"2025-03-01": {"2028-02-29", "2031-02-28", "2034-02-28", "2037-02-28", "2040-02-29"},
		"2028-02-29": {"2031-02-27", "2034-02-27", "2037-02-27"},
		"2026-11-30": {"2029-11-29", "2032-11-29", "2035-11-29"},
	} {
		c := certifiedOn(certified)
		for _, end := range ends {
			require.Equal(t, end, c.ValidUntil.String(), certified)
			c.ValidUntil = c.Extended(3)
		}
	}
}

// TestBenefitsAreNeverOutsideTheValidity (二(一)3): from 1 January, and not on the day on which it ends.
func TestBenefitsAreNeverOutsideTheValidity(t *testing.T) {
	c := certifiedOn("2026-11-20")
	on := func(d string) bool { return c.Beneficiary(calendar.MustDate(d)) }
	require.False(t, on("2026-12-31"))
	require.True(t, on("2027-01-01"))
	require.True(t, on("2029-11-19"))
	require.False(t, on("2029-11-20"))
	c.State, c.EndedOn = models.CertificationCancelled, calendar.MustDate("2028-03-05")
	require.False(t, on("2028-03-05"))
}

// TestWhatMayHappenToACertification tries every event in every state.
func TestWhatMayHappenToACertification(t *testing.T) {
	moves := map[models.CertifiedEvent]map[models.CertificationState]models.CertificationState{
		models.CertifiedLapse:    {models.CertificationValid: models.CertificationLapsed},
		models.CertifiedSucceed:  {models.CertificationValid: models.CertificationLapsed},
		models.CertifiedExtend:   {models.CertificationValid: models.CertificationValid, models.CertificationLapsed: models.CertificationValid},
		models.CertifiedCancel:   {models.CertificationValid: models.CertificationCancelled},
		models.CertifiedEnd:      {models.CertificationValid: models.CertificationCancelled},
		models.CertifiedRevoke:   {models.CertificationValid: models.CertificationRevoked, models.CertificationCancelled: models.CertificationRevoked, models.CertificationLapsed: models.CertificationRevoked},
		models.CertifiedRestore:  {models.CertificationCancelled: models.CertificationValid, models.CertificationRevoked: models.CertificationValid},
		models.CertifiedCityLeft: {models.CertificationValid: models.CertificationRefused},
	}
	states := []models.CertificationState{models.CertificationValid, models.CertificationRefused, models.CertificationCancelled, models.CertificationRevoked, models.CertificationLapsed}
	for e, to := range moves {
		require.True(t, e.Moves())
		for _, from := range states {
			next, err := from.Next(e)
			if want, may := to[from]; may {
				require.NoError(t, err, "%s in %s", e, from)
				require.Equal(t, want, next)
				continue
			}
			require.Equal(t, models.CodeConflict, models.CodeOf(err), "%s in %s", e, from)
			require.Equal(t, from, next)
		}
	}
	for _, e := range []models.CertifiedEvent{models.CertifiedFileReport, models.CertifiedReportOperator, models.CertifiedEvaluate, models.CertifiedBenefits} {
		for _, from := range states {
			_, err := from.Next(e)
			require.Equal(t, from != models.CertificationValid, err != nil, "%s in %s", e, from)
		}
	}
	_, err := models.CertificationValid.Next("unheard-of")
	require.Equal(t, models.CodeInvalid, models.CodeOf(err))
}
