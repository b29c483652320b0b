package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

const reviewer models.Actor = "user:9" // of the city

// report certifies everything and reports it to the city.
func (z *season) report(on, due calendar.Date) models.CertificationBoard {
	z.t.Helper()
	z.certify(order(director, "c1"), on, 50)
	content := []byte("report of " + on.String())
	sum := sha256.Sum256(content)
	b, err := z.s.ReportToCity(context.Background(), models.CityReport{CycleID: sampleCycle, SHA256: hex.EncodeToString(sum[:]), Certified: int64(len(z.certifications())), ReportedOn: on}, content, due)
	require.NoError(z.t, err)
	return b
}

func (z *season) reason(text string) int64 {
	z.t.Helper()
	id, err := z.s.AddReason(context.Background(), reviewer, text)
	require.NoError(z.t, err)
	return id
}

func (z *season) city(c models.CityCommand, today string) (models.CertificationBoard, error) {
	z.t.Helper()
	if c.CommandID == "" {
		c.CommandID = fmt.Sprint(c.Event, "/", c.Number)
	}
	if c.Actor == "" {
		c.Actor = reviewer
	}
	c.CycleID = sampleCycle
	return z.s.ActOnCity(context.Background(), c, calendar.MustDate(today))
}

func (z *season) cityDone(c models.CityCommand, today string) models.CityBoard {
	z.t.Helper()
	b, err := z.city(c, today)
	require.NoError(z.t, err)
	return b.City
}

func (z *season) cityRefused(code models.Code, c models.CityCommand, today string) {
	z.t.Helper()
	_, err := z.city(c, today)
	require.Equal(z.t, code, models.CodeOf(err), "%v", err)
	require.Regexp(z.t, `\p{Han}`, err.Error())
}

func (z *season) checks(state models.CityCheckState) []store.CityCheckItem {
	z.t.Helper()
	list, err := z.s.CityChecks(context.Background(), store.CityQuery{CycleID: sampleCycle, State: state, Limit: 1000})
	require.NoError(z.t, err)
	return list
}

func TestTheCityChecksASampleAndRefusesWhatItDoesNotRecognise(t *testing.T) { // 附三(二)2
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		z := newSeason(t, s, 10, 10)
		_, err := s.OpenCertification(ctx, sampleCycle, certifyDue, certifyDay)
		require.NoError(t, err)
		z.cityRefused(models.CodeNotFound, models.CityCommand{Event: models.CitySample, Size: 3, Seed: "a"}, "2026-11-23")

		b := z.report(certifyDay, certifyDue)
		require.Equal(t, models.CityBoard{ReportedOn: certifyDay, OutcomeDue: certifyDue}, b.City)
		require.Equal(t, []int{0, 1}, []int{z.owed(models.ObligationCertification), z.owed(models.ObligationCityCheck)}, "the bureau is done, the city owes")
		content, err := s.CityReportFile(ctx, sampleCycle)
		require.NoError(t, err)
		require.Equal(t, "report of 2026-11-23", string(content))
		again, err := s.ReportToCity(ctx, models.CityReport{CycleID: sampleCycle, SHA256: strings.Repeat("0", 64), Certified: 1, ReportedOn: certifyDay.AddDays(1)}, []byte("another"), certifyDue)
		require.NoError(t, err)
		require.Equal(t, b, again, "reported once")

		var numbers []string
		for _, c := range z.certifications() {
			numbers = append(numbers, c.Number)
		}
		z.cityRefused(models.CodeInvalid, models.CityCommand{Event: models.CitySample, Size: 11, Seed: "a"}, "2026-11-24")
		require.EqualValues(t, 5, z.cityDone(models.CityCommand{Event: models.CitySample, Percent: 45, Seed: "2026-bj", CommandID: "s1"}, "2026-11-24").Sampled)
		require.EqualValues(t, 5, z.cityDone(models.CityCommand{Event: models.CitySample, Percent: 45, Seed: "another", CommandID: "s1"}, "2026-11-24").Sampled, "the same command again")
		z.cityRefused(models.CodeConflict, models.CityCommand{Event: models.CitySample, Size: 1, Seed: "another", CommandID: "s2"}, "2026-11-24")
		r, err := s.CityReport(ctx, sampleCycle)
		require.NoError(t, err)
		require.Equal(t, []any{"2026-bj", 5, reviewer}, []any{r.Seed, r.SampleSize, r.SampledBy})
		want := models.CitySampleOf("2026-bj", numbers, 5)
		var drawn []string
		for _, c := range z.checks(models.CitySampled) {
			drawn = append(drawn, c.Number)
		}
		require.ElementsMatch(t, want, drawn, "anybody draws the same from the record")

		// supplements within the limit of the policy
		one, two, three := drawn[0], drawn[1], drawn[2]
		require.EqualValues(t, 1, z.cityDone(models.CityCommand{Event: models.CityAsk, Number: one, ReasonID: z.reason("请补充食品经营许可证")}, "2026-11-24").Asked)
		check := z.checks(models.CitySupplementAsked)[0]
		require.Equal(t, "2026-12-01", check.LimitOn.String(), "5 working days")
		require.Equal(t, "请补充食品经营许可证", check.Asked)
		require.Equal(t, 1, z.owed(models.ObligationCitySupplement))
		refuse := models.CityCommand{Event: models.CityRefuse, Number: one, ReasonID: z.reason("未补充"), Clause: "附三(二)2"}
		z.cityRefused(models.CodeConflict, refuse, "2026-12-01")
		z.cityRefused(models.CodeInvalid, models.CityCommand{Event: models.CityAnswer, Number: one, ReasonID: z.reason("见附件"), Documents: []string{"nobody's"}, Actor: "user:1"}, "2026-11-25")
		z.exec("INSERT INTO documents (id, district, subject, purpose, name, media_type, size, sha256, by_actor, at) VALUES ('01D', '110107', ?, 'evidence', 'a.pdf', 'application/pdf', 1, ?, 'user:1', ?)",
			models.ApplicationObject(check.ApplicationID), strings.Repeat("0", 64), time.Now().UTC())
		z.cityDone(models.CityCommand{Event: models.CityAnswer, Number: one, ReasonID: z.reason("许可证见附件"), Documents: []string{"01D"}, Actor: "user:1"}, "2026-11-25")
		require.Zero(t, z.owed(models.ObligationCitySupplement))
		item, steps, err := s.CityCheck(ctx, sampleCycle, one)
		require.NoError(t, err)
		require.Equal(t, []string{"许可证见附件", "请补充食品经营许可证"}, []string{item.Answer, item.Asked})
		require.Len(t, steps, 2)
		require.Equal(t, []string{"01D"}, steps[1].Documents)

		// refused after all: the certification ends, the place stays empty
		refuse.CommandID = "late"
		z.cityDone(refuse, "2026-11-26")
		require.Equal(t, z.board(), func() models.CertificationBoard {
			b, err := z.city(refuse, "2026-11-27")
			require.NoError(t, err)
			return b
		}(), "once")
		c, err := s.Certification(ctx, one)
		require.NoError(t, err)
		require.Equal(t, []any{models.CertificationRefused, "2026-11-26"}, []any{c.State, c.EndedOn.String()})
		a := z.application(c.ApplicationID)
		require.Equal(t, []any{models.ApplicationRefused, "附三(二)2", refuse.ReasonID}, []any{a.State, a.Clause, a.ReasonID})
		b = z.board()
		require.Equal(t, []int64{10, 9, 1, 1}, []int64{b.Places, b.Certified, b.Refused, b.Empty})
		valid, err := s.StillValid(ctx, "110107", z.law.Policy, calendar.MustDate("2027-01-01"), calendar.MustDate("2026-11-26"))
		require.NoError(t, err)
		require.EqualValues(t, 9, valid)

		// passed while a supplement was open: nobody owes it any more
		z.cityDone(models.CityCommand{Event: models.CityAsk, Number: two, ReasonID: z.reason("补充"), Days: 2}, "2026-11-26")
		z.cityDone(models.CityCommand{Event: models.CityPass, Number: two}, "2026-11-26")
		require.Zero(t, z.owed(models.ObligationCitySupplement))
		z.cityRefused(models.CodeConflict, models.CityCommand{Event: models.CityRefuse, Number: two, ReasonID: 1, Clause: "x"}, "2026-11-27")
		z.cityRefused(models.CodeConflict, models.CityCommand{Event: models.CityPass, Number: three, CommandID: "late"}, "2026-11-27") // the id names another command
		for _, n := range numbers {
			if n != one && n != two && n != three && n != drawn[3] && n != drawn[4] {
				z.cityRefused(models.CodeNotFound, models.CityCommand{Event: models.CityPass, Number: n}, "2026-11-27")
			}
		}

		// closed only when nothing is open
		z.cityRefused(models.CodeConflict, models.CityCommand{Event: models.CityClose, CommandID: "close1"}, "2026-11-27")
		for _, n := range []string{three, drawn[3], drawn[4]} {
			z.cityDone(models.CityCommand{Event: models.CityPass, Number: n}, "2026-11-27")
		}
		city := z.cityDone(models.CityCommand{Event: models.CityClose, CommandID: "close2"}, "2026-11-27")
		require.Equal(t, models.CityBoard{ReportedOn: certifyDay, OutcomeDue: certifyDue, Sampled: 5, Passed: 4, Refused: 1, ClosedOn: calendar.MustDate("2026-11-27")}, city)
		require.Zero(t, z.owed(models.ObligationCityCheck))
		z.cityRefused(models.CodeConflict, models.CityCommand{Event: models.CityFinish, ReasonID: 1, Actor: director}, "2026-11-28")
		after, err := s.EndCityCheck(ctx, sampleCycle, calendar.MustDate("2026-12-01"))
		require.NoError(t, err)
		require.Equal(t, city, after.City, "what is closed stays as it was closed")
		report, err := s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		require.True(t, report.Intact)
	})
}

func TestAnAdministratorFinishesASpotCheckThatNobodyEndsOnRecord(t *testing.T) { // 附三(二)2
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		z := newSeason(t, s, 3, 3)
		require.Equal(t, "2026-12-07", z.report(certifyDue, certifyDue).City.OutcomeDue.String(), "reported on the last day, the city has the policy's term")
		b, err := s.MoveCityDue(ctx, sampleCycle, calendar.MustDate("2026-12-20"), certifyDue)
		require.NoError(t, err)
		require.Equal(t, "2026-12-20", b.City.OutcomeDue.String())
		b, err = s.MoveCityDue(ctx, sampleCycle, calendar.MustDate("2026-11-01"), certifyDue)
		require.NoError(t, err)
		require.Equal(t, certifyDue, b.City.OutcomeDue, "never a day that is over")

		z.cityDone(models.CityCommand{Event: models.CitySample, Percent: 100, Seed: "s"}, "2026-12-01")
		open := z.checks("")
		z.cityDone(models.CityCommand{Event: models.CityAsk, Number: open[0].Number, ReasonID: z.reason("补充")}, "2026-12-01")
		z.cityDone(models.CityCommand{Event: models.CityPass, Number: open[1].Number}, "2026-12-01")
		_, err = s.EndCityCheck(ctx, sampleCycle, calendar.MustDate("2026-12-21"))
		require.Equal(t, models.CodeConflict, models.CodeOf(err), "what is open is waited for")

		reason := z.reason("市局未在期限内答复")
		city := z.cityDone(models.CityCommand{Event: models.CityFinish, ReasonID: reason, Actor: director}, "2026-12-22")
		require.Equal(t, []int64{3, 0, 3, 0}, []int64{city.Sampled, city.Open, city.Passed, city.Refused})
		require.Zero(t, z.owed(models.ObligationCityCheck)+z.owed(models.ObligationCitySupplement))
		r, err := s.CityReport(ctx, sampleCycle)
		require.NoError(t, err)
		require.Equal(t, []any{director, reason}, []any{r.ClosedBy, r.ReasonID})
		_, steps, err := s.CityCheck(ctx, sampleCycle, open[0].Number)
		require.NoError(t, err)
		require.Equal(t, models.CityNoObjection, steps[1].Event)
		require.Equal(t, director, steps[1].Actor)
	})
}

func TestTheCitysReviewerStandsAsideInADeclaredConflict(t *testing.T) { // R12, 三(二)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z := newSeason(t, s, 1, 1)
		z.report(certifyDay, calendar.MustDate("2026-11-30"))
		c := z.certifications()[0]
		_, err := s.DeclareConflict(context.Background(), models.ConflictOfInterest{District: "110107", Actor: reviewer, USCC: c.USCC, ReasonID: z.reason("亲属经营"), DeclaredBy: reviewer})
		require.NoError(t, err)
		z.cityDone(models.CityCommand{Event: models.CitySample, Size: 1, Seed: "seed"}, "2026-11-25")
		z.cityRefused(models.CodeForbidden, models.CityCommand{Event: models.CityPass, Number: c.Number}, "2026-11-26")
		z.cityDone(models.CityCommand{Event: models.CityPass, Number: c.Number, Actor: "user:77"}, "2026-11-26")
	})
}
