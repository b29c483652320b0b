package activities_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/document"
	"bangfu/models/store"
)

// standing is a certified household with an address, and the letters about it.
type standing struct {
	*store.Store
	t        *testing.T
	c        models.Certification
	letters  *activities.Letters
	commands int
	told     int
}

func newStanding(t *testing.T) *standing {
	t.Helper()
	ctx := context.Background()
	s, c := certifiedOne(t)
	p := &standing{Store: s, t: t, c: c, letters: &activities.Letters{Store: s, PublicURL: "https://bangfu.example.com/"}}
	_, to, err := s.Reach(ctx, sampletest.District, store.Debtor{Kind: models.OwnerHousehold, Owner: c.USCC})
	require.NoError(t, err)
	require.NotEmpty(t, to)
	return p
}

func (p *standing) step(on string, by models.Actor, cmd models.CertifiedCommand, words string) {
	p.t.Helper()
	ctx := context.Background()
	if p.commands++; words != "" {
		var err error
		cmd.ReasonID, err = p.AddReason(ctx, by, words)
		require.NoError(p.t, err)
	}
	cmd.CommandID, cmd.CertificationID, cmd.Actor = fmt.Sprint("case-", p.commands), p.c.ID, by
	if cmd.Event != models.CertifiedOpenCase {
		cases, err := p.Cases(ctx, store.CaseQuery{Number: p.c.Number, Live: true, Limit: 1})
		require.NoError(p.t, err)
		cmd.CaseID = cases[0].ID
	}
	_, err := p.ActOnCertified(ctx, cmd, calendar.MustDate(on))
	require.NoError(p.t, err)
}

// news writes the letters, twice, and gives those that are new, in order.
func (p *standing) news() []models.Mail {
	p.t.Helper()
	ctx := context.Background()
	for range 2 {
		require.NoError(p.t, p.letters.TellCertified(ctx, activities.TellCertifiedInput{CertificationID: p.c.ID}))
	}
	mails, err := p.Mails(ctx, store.MailFilter{}, 0, 1000)
	require.NoError(p.t, err)
	var fresh []models.Mail
	for _, m := range mails[:len(mails)-p.told] {
		full, err := p.Mail(ctx, m.ID)
		require.NoError(p.t, err)
		require.Equal(p.t, models.MailCertified, full.Kind)
		require.NotContains(p.t, full.Subject, p.c.USCC)
		fresh = append(fresh, full)
	}
	p.told = len(mails)
	slices.Reverse(fresh)
	return fresh
}

// one gives the only new letter, which says all the words.
func (p *standing) one(subject string, words ...string) models.Mail {
	p.t.Helper()
	fresh := p.news()
	require.Len(p.t, fresh, 1, subject)
	require.Contains(p.t, fresh[0].Subject, subject)
	for _, w := range append(words, p.c.Number) {
		require.Contains(p.t, fresh[0].Text, w)
		require.Contains(p.t, fresh[0].HTML, w)
	}
	return fresh[0]
}

func TestAHouseholdReadsWhatIsHeldAgainstItAndWhatWasDecided(t *testing.T) { // 附三(五), 三(三)
	p := newStanding(t)
	me := models.HouseholdActor(p.c.USCC)
	p.step("2027-03-01", "user:11", models.CertifiedCommand{Event: models.CertifiedOpenCase, Kind: models.CaseFraud}, "申报时提交的获奖证书系伪造，发证单位已书面说明。")
	require.Empty(t, p.news(), "nobody is warned while evidence is collected")
	cases, err := p.Cases(context.Background(), store.CaseQuery{Limit: 1})
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))))
	clean, err := document.Clean("证书.png", b.Bytes())
	require.NoError(t, err)
	officer := models.User{ID: 11, Role: models.RoleDepartment, Department: models.BureauCode, District: sampletest.District}
	_, err = p.AddDocument(context.Background(), officer, models.CaseObject(cases[0].ID), models.PurposeConfidential, clean)
	require.NoError(t, err)

	p.step("2027-03-01", "user:11", models.CertifiedCommand{Event: models.CertifiedHear}, "")
	notice := p.one("陈述申辩", "可能作出“撤销认定”的决定。尚未作出决定", "请于2027年3月8日（含当日）前登录系统填写", "申报时提交的获奖证书系伪造", "附三(五)", "不收取任何费用", calendar.Unannounced)
	require.NotContains(t, notice.Text, "证书.png")
	require.Contains(t, notice.Text, "/public/access")
	p.step("2027-03-02", me, models.CertifiedCommand{Event: models.CertifiedState}, "本户不知情。")
	receipt := p.one("陈述申辩已收到", "2027年4月12日前")
	require.NotContains(t, receipt.Text, "本户不知情")
	p.step("2027-03-03", "user:12", models.CertifiedCommand{Event: models.CertifiedPropose, Outcome: models.OutcomeRevoke, Clause: "附三(五)"}, "内部意见")
	p.step("2027-03-04", "user:13", models.CertifiedCommand{Event: models.CertifiedReturn}, "内部退回")
	p.step("2027-03-04", "user:12", models.CertifiedCommand{Event: models.CertifiedPropose, Outcome: models.OutcomeRevoke, Clause: "附三(五)"}, "内部意见")
	require.Empty(t, p.news(), "what the bureau weighs is in no letter")
	p.step("2027-03-05", "user:13", models.CertifiedCommand{Event: models.CertifiedDecide, Outcome: models.OutcomeRevoke}, "伪造证书骗取认定，予以撤销。")
	p.one("认定撤销", "经听取陈述申辩，", "自2027年3月5日起撤销", "至2032年3月5日，含当日", "伪造证书骗取认定，予以撤销。", "附三(五)", "在2027年3月19日（含当日）前登录系统", "异议")
}

func TestAHouseholdThatSaidNothingIsNotToldThatItWasListenedTo(t *testing.T) { // 附三(五)
	p := newStanding(t)
	p.step("2027-03-01", "user:11", models.CertifiedCommand{Event: models.CertifiedOpenCase, Kind: models.CaseData}, "现场检查发现长期停业，拟核实是否仍在经营。")
	p.step("2027-03-01", "user:11", models.CertifiedCommand{Event: models.CertifiedHear}, "")
	p.one("陈述申辩", "可能作出“取消认定”的决定")
	_, _, err := p.FollowCertified(context.Background(), p.c.ID, calendar.MustDate("2027-03-20"))
	require.NoError(t, err)
	p.news()
	p.step("2027-03-22", "user:12", models.CertifiedCommand{Event: models.CertifiedPropose, Outcome: models.OutcomeCancel, Clause: "附三(五)"}, "长期停业")
	p.step("2027-03-23", "user:13", models.CertifiedCommand{Event: models.CertifiedDecide, Outcome: models.OutcomeCancel}, "长期停业，予以取消。")
	letter := p.one("认定取消", "贵户在期限内未作陈述申辩", "相应的培育措施随之终止")
	require.NotContains(t, letter.Text, "经听取")
}

func TestAHouseholdReadsThatItsCertificationGoesOn(t *testing.T) { // 附三(五)
	p := newStanding(t)
	p.step("2027-03-01", "user:11", models.CertifiedCommand{Event: models.CertifiedOpenCase, Kind: models.CaseData}, "现场检查发现长期停业，拟核实是否仍在经营。")
	p.step("2027-03-01", "user:11", models.CertifiedCommand{Event: models.CertifiedHear}, "")
	p.one("陈述申辩", "可能作出“取消认定”的决定", "长期停业")
	p.step("2027-03-02", "user:11", models.CertifiedCommand{Event: models.CertifiedCloseCase}, "已恢复经营")
	p.one("事项终结", "已恢复经营", "不需要再办理")
	p.step("2027-04-01", "user:11", models.CertifiedCommand{Event: models.CertifiedOpenCase, Kind: models.CaseData}, "现场检查发现招牌和经营地址不一致，拟核实。")
	p.step("2027-04-01", "user:12", models.CertifiedCommand{Event: models.CertifiedPropose, Outcome: models.OutcomeKeep, Clause: "附三(五)"}, "已核实")
	p.step("2027-04-02", "user:13", models.CertifiedCommand{Event: models.CertifiedDecide, Outcome: models.OutcomeKeep}, "经营正常")
	p.one("认定继续有效", "经营正常", "各项扶持政策不变")
}
