package paper

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/signintech/gopdf"
	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
)

func certification(name string) models.Certification {
	return models.Certification{Number: "110107-2026-MTYX-0007", USCC: "92110107MA3AGYGLUW", Name: name, Category: models.Renowned,
		CertifiedOn: calendar.MustDate("2026-11-20"), ValidUntil: calendar.MustDate("2029-11-19")}
}

const verifyURL = "https://bangfu.example.gov.cn/verify/110107-2026-MTYX-0007"

// pages reads a PDF as others do and gives how many pages it has.
func pages(t *testing.T, pdf []byte) int {
	t.Helper()
	ctx, err := pdfcpu.Read(bytes.NewReader(pdf), &model.Configuration{Reader15: true, Offline: true, Limits: model.DefaultResourceLimits()})
	require.NoError(t, err)
	require.NoError(t, ctx.EnsurePageCount())
	return ctx.PageCount
}

func TestACertificateIsOnePageAndTheSameCertificationGivesTheSameBytes(t *testing.T) {
	for _, c := range models.Categories {
		of := certification("北京市石景山区老张炒肝店（个体工商户）")
		of.Category = c
		pdf, err := Certificate(of, "北京市石景山区", verifyURL)
		require.NoError(t, err)
		require.Equal(t, 1, pages(t, pdf))
		require.Less(t, len(pdf), 200<<10, "only the characters that are used travel")
		again, err := Certificate(of, "北京市石景山区", verifyURL)
		require.NoError(t, err)
		require.True(t, bytes.Equal(pdf, again))
	}
}

func TestANameOfAnyLengthAndRareCharactersFitsOnACertificate(t *testing.T) {
	for _, name := range []string{"", "㐂", "䶮𠮷喆堃", strings.Repeat("焱垚鑫森", 50), strings.Repeat("A", 200), "Café “Ω” №1\n\tℵ"} {
		pdf, err := Certificate(certification(name), "北京市石景山区", verifyURL)
		require.NoError(t, err, name)
		require.Equal(t, 1, pages(t, pdf))
	}
}

func TestACharacterThatNoFontHasIsNamedAtTheFoot(t *testing.T) {
	s := newSheet(*gopdf.PageSizeA4, "t", calendar.MustDate("2026-11-20"))
	require.Equal(t, []run{{"serif", "店〓𠮷"}}, s.runs("店\U0001F600𠮷", body))
	require.Equal(t, "“〓”为字库所缺的字（U+1F600），以登记的名称为准", s.lostText())
	require.Equal(t, []run{{"serif", "炒"}, {"fallback", "㐂"}}, s.runs("炒㐂", body))
	require.NoError(t, s.err)
}

func TestHeadingsHaveEveryCharacterInBold(t *testing.T) {
	s := newSheet(*gopdf.PageSizeA4, "t", calendar.MustDate("2026-11-20"))
	words := "申报案卷部门交付的情况条件提出和认定办理经过材料走访核实比选公示异议发出通知操作记录申报人陈述扫码查验"
	for _, c := range models.Categories {
		words += "“" + c.Name() + "”个体工商户"
	}
	for _, st := range models.ApplicationStates {
		words += st.Name()
	}
	for _, e := range models.ApplicationEvents {
		words += e.Name()
	}
	for _, r := range s.runs(words, style{size: 10, bold: true}) {
		require.Equal(t, "bold", r.face, r.text)
	}
}

func TestALineDoesNotBeginWithAFullStopNorBreakANumber(t *testing.T) {
	s := newSheet(*gopdf.PageSizeA4, "t", calendar.MustDate("2026-11-20"))
	for w := 40.0; w < 200; w += 7 {
		lines := s.wrap("经审核，该户（个体工商户）编号 110107-2026 的材料齐全。予以认定！\n第二段", body, w)
		require.Contains(t, lines, "第二段")
		for _, l := range lines {
			require.LessOrEqual(t, s.width(l, body), w+0.01)
			if l != "" {
				require.NotContains(t, "，。）！", string([]rune(l)[0]), l)
			}
		}
	}
}

func TestACaseFileHoldsLongTextsAndManyEntriesOverPages(t *testing.T) {
	f := models.CaseFile{Number: "申110107-2026-12", District: "北京市石景山区", Name: "老张炒肝店", Tier: models.Growth, LastChange: "2026-11-20T10:00:00+08:00",
		LastChangeDate: calendar.MustDate("2026-11-20"), Statement: strings.Repeat("三代传承，", 1000)}
	empty, err := CaseFile(f)
	require.NoError(t, err)
	for i := range 300 {
		f.Audit = append(f.Audit, models.CaseAudit{Seq: int64(i), At: "2026-08-20T02:11:12.123Z", Action: "application.submit", Object: "application/12", Hash: strings.Repeat("0123456789abcdef", 4)})
		f.Events = append(f.Events, models.CaseEvent{Seq: i, Name: "提交申报", Reason: strings.Repeat("理由", 20)})
	}
	f.Objections = []models.CaseObjection{{Number: "异1", Kind: "对公示名单的异议", Statement: strings.Repeat("长", 4000)}}
	full, err := CaseFile(f)
	require.NoError(t, err)
	require.Greater(t, pages(t, full), pages(t, empty)+20)
	again, err := CaseFile(f)
	require.NoError(t, err)
	require.True(t, bytes.Equal(full, again))
	for i := range 3 { // a word longer than a line, an empty file: nothing hangs
		_, err := CaseFile(models.CaseFile{Number: fmt.Sprint(i), LastChangeDate: 1, Statement: strings.Repeat("x", 500*i)})
		require.NoError(t, err)
	}
}
