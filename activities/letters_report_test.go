package activities_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/activities"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// certifiedOne is a household of the sample district that was certified on 23 November 2026.
func certifiedOne(t *testing.T) (*store.Store, models.Certification) {
	t.Helper()
	ctx := context.Background()
	dsn := storetest.SQLite(t)
	s, err := store.Open(ctx, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	list, _ := applied(t, s, 1)
	raw, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(dsn, "sqlite://")+"?_pragma=busy_timeout(60000)&_pragma=foreign_keys(0)")
	require.NoError(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	a := list[0]
	_, err = raw.ExecContext(ctx, `INSERT INTO certifications (number, cycle_id, seat, application_id, district, year, uscc, name, tier, category, certified_on, valid_until, state, live,
		benefits_from, reached, next_on, policy_id, policy_hash, run_id, program, at) VALUES (?, ?, 1, ?, ?, 2026, ?, ?, 2, 'quality', '2026-11-23', '2029-11-22', 'valid', 1,
		'2027-01-01', '2026-11-23', '2026-11-23', ?, '', 0, 'test', ?)`, models.CertificationNumber(sampletest.District, 2026, 1), a.CycleID, a.ID, a.District, a.USCC, a.Name, a.PolicyID, time.Now().UTC())
	require.NoError(t, err)
	c, err := s.Certification(ctx, models.CertificationNumber(sampletest.District, 2026, 1))
	require.NoError(t, err)
	return s, c
}

func TestAHouseholdIsToldOfEveryStepOfItsReport(t *testing.T) { // 附三(五), 三(二)
	ctx := context.Background()
	s, c := certifiedOne(t)
	letters := &activities.Letters{Store: s, PublicURL: "https://bangfu.example.com/"}
	me, officer := models.HouseholdActor(c.USCC), models.Actor("user:1")
	n, told := 0, 0
	act := func(on string, cmd models.CertifiedCommand, reason string) {
		t.Helper()
		if n++; reason != "" {
			var err error
			cmd.ReasonID, err = s.AddReason(ctx, officer, reason)
			require.NoError(t, err)
		}
		cmd.CommandID, cmd.CertificationID, cmd.Clause = fmt.Sprint(n), c.ID, "附三(五)"
		_, err := s.ActOnCertified(ctx, cmd, calendar.MustDate(on))
		require.NoError(t, err)
	}
	follow := func(on string) {
		t.Helper()
		_, _, err := s.FollowCertified(ctx, c.ID, calendar.MustDate(on))
		require.NoError(t, err)
	}
	// letter gives the one with a headline among those written since.
	letter := func(headline string, words ...string) models.Mail {
		t.Helper()
		for range 2 {
			require.NoError(t, letters.TellCertified(ctx, activities.TellCertifiedInput{CertificationID: c.ID}))
		}
		mails, err := s.Mails(ctx, store.MailFilter{}, 0, 50)
		require.NoError(t, err)
		var found []models.Mail
		for _, m := range mails[:len(mails)-told] {
			if m.Kind == models.MailCertified && strings.Contains(m.Subject, headline) {
				full, err := s.Mail(ctx, m.ID)
				require.NoError(t, err)
				found = append(found, full)
			}
		}
		require.Len(t, found, 1, "one letter for each step: %s", headline)
		told = len(mails)
		for _, w := range append(words, c.Number, "办理入口：https://bangfu.example.com/public/access\n") {
			require.Contains(t, found[0].Text, w)
		}
		return found[0]
	}
	follow("2027-01-01")
	letter("请报送2027年度信息报告", "在2027年7月31日（含当日）前登录系统报送", "部门没有的几项", "逾期未报送的")
	answers := map[string]string{"revenue": "1", "tax": "1", "insured": "1", "trading": "是", "trading-how": "照常", "contact": "王某 13800000000"}
	write := func(on string) {
		t.Helper()
		_, err := s.WriteReport(ctx, me, c.ID, 2027, answers, calendar.MustDate(on))
		require.NoError(t, err)
	}
	write("2027-08-05")
	follow("2027-08-05")
	require.NoError(t, letters.TellCertified(ctx, activities.TellCertifiedInput{CertificationID: c.ID}))
	before, err := s.Mails(ctx, store.MailFilter{}, 0, 50)
	require.NoError(t, err)
	told = len(before) // the letters about the case are others
	act("2027-08-06", models.CertifiedCommand{Event: models.CertifiedFileReport, Year: 2027, Actor: me}, "")
	m := letter("2027年度信息报告已收到", "逾期6天", "回执编号："+c.Number+"-报2027", calendar.Unannounced)
	require.NotContains(t, m.Text, "13800000000")
	act("2027-08-09", models.CertifiedCommand{Event: models.CertifiedReturnReport, Year: 2027, Actor: officer}, "请写明品牌变化")
	letter("请补正2027年度信息报告", "理由：请写明品牌变化", "在2027年8月23日（含当日）前", calendar.Unannounced)
	act("2027-08-10", models.CertifiedCommand{Event: models.CertifiedFileReport, Year: 2027, Actor: me}, "")
	letter("2027年度信息报告已收到")
	sheet, err := s.ReportSheet(ctx, c.ID, 2027, calendar.MustDate("2027-08-11"))
	require.NoError(t, err)
	cmd := models.CertifiedCommand{Event: models.CertifiedFailReport, Year: 2027, Actor: officer}
	for _, f := range sheet.Standing {
		if f.Outcome == models.OutcomeNotKnown {
			why, err := s.AddReason(ctx, officer, "现场核实")
			require.NoError(t, err)
			cmd.Answers = append(cmd.Answers, models.StandardAnswer{ID: f.ID, ReasonID: why})
		}
	}
	require.NotEmpty(t, cmd.Answers)
	act("2027-08-11", cmd, "已不符合分型标准")
	m = letter("信息报告审核不符合", "理由：已不符合分型标准", "这不是取消认定的决定")
	require.NotContains(t, m.Subject, c.USCC)
}
