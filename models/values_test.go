package models

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bangfu/models/calendar"
)

func TestACodeIsReadInEveryFormAndCheckedAgainstGB32100(t *testing.T) {
	const good = "92110107MABGJ15U6K"
	for _, s := range []string{
		good, "92110107mabgj15u6k", " 92110107MABGJ15U6K ", "\u300092110107MABGJ15U6K\u3000", "\uFEFF92110107MABGJ15U6K", "92110107MABGJ15U6K\u00A0",
		"９２１１０１０７ＭＡＢＧＪ１５Ｕ６Ｋ", "９２１１０１０７ｍａｂｇｊ１５ｕ６ｋ", "9211 0107 MABG J15U 6K", "\t92110107MABGJ15U6K\r\n",
		"91350100M000100Y43", // the example of GB 32100-2015
	} {
		got, err := ParseUSCC(s)
		require.NoError(t, err, "%q", s)
		require.Len(t, got, 18)
	}
	for s, reason := range map[string]string{
		"":                      "应为18位，这里有0位",
		"92110107MABGJ15U6":     "应为18位，这里有17位",
		"92110107MABGJ15U6KK":   "应为18位，这里有19位",
		"92110107MABGJ15U6L":    "校验码不符",
		"92110107MABGJ51U6K":    "校验码不符",
		"92110107MABGJI5U6K":    "第14位“I”",
		"92110107MABGJO5U6K":    "第14位“O”",
		"9211010家MABGJ15U6K":    "第8位“家”",
		"9.21101E+17":           "被存成了数字",
		"92110107MABGJ15U6\xff": "编码有误",
		"92110107MABGJ15U6\x00": "控制字符",
	} {
		_, err := ParseUSCC(s)
		require.ErrorContains(t, err, reason, "%q", s)
		require.Equal(t, CodeInvalid, CodeOf(err))
	}
}

func TestAnyOneWrongOrTwoSwappedCharactersOfACodeAreNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := make([]byte, 17)
		for i := range b {
			b[i] = usccAlphabet[rapid.IntRange(0, 30).Draw(t, "value")]
		}
		code := string(b) + string(USCCCheck(string(b)))
		_, err := ParseUSCC(code)
		require.NoError(t, err)
		i, j := rapid.IntRange(0, 17).Draw(t, "i"), rapid.IntRange(0, 17).Draw(t, "j")
		wrong := []byte(code)
		wrong[i] = usccAlphabet[rapid.IntRange(0, 30).Draw(t, "other")]
		if string(wrong) != code {
			_, err = ParseUSCC(string(wrong))
			require.Error(t, err)
		}
		swapped := []byte(code)
		swapped[i], swapped[j] = swapped[j], swapped[i]
		if string(swapped) != code && j == i+1 {
			_, err = ParseUSCC(string(swapped))
			require.Error(t, err)
		}
	})
}

func TestDatesAreReadInEveryFormOfTheContract(t *testing.T) {
	want := calendar.MustDate("2024-07-01")
	for _, s := range []string{
		"2024-07-01", "2024-7-1", "2024/7/1", "2024/07/01", "2024.7.1", "20240701", "2024年7月1日", "2024年07月01日",
		"２０２４年７月１日", "２０２４－０７－０１", "２０２４／７／１", "２０２４．７．１", " 2024-07-01 ", "\u30002024/7/1", "2024 年 7 月 1 日", "2024年7月1号",
		"2024-07-01 00:00:00", "2024-07-01T08:30:00", "2024/7/1 0:00", "2024-07-01 00:00:00.000", "20240701 23:59:59", "2024\u20117\u20111",
	} {
		got, err := ParseDate(s)
		require.NoError(t, err, "%q", s)
		require.Equal(t, want, got, "%q", s)
	}
	for s, reason := range map[string]string{
		"2024-02-30": "没有2024年2月30日这一天", "2023-02-29": "没有", "2024-13-01": "没有", "20240631": "没有", "2024-00-10": "没有",
		"1948-12-31": "年份应在1949至2100之间", "2101-01-01": "年份应在", "1970-01-01": "空值", "9999-12-31": "年份应在",
		"24-07-01": "不是日期", "2024-07": "不是日期", "2024年7月": "不是日期", "2024-7/1": "不是日期", "01/07/2024": "不是日期", "2024-07-01-": "不是日期",
		"46203": "不是日期", "长期": "不是日期", "2024-07-01 25:00": "不是日期", "2024-07-01T00:00:00Z": "不是日期", "2024-07-01x": "不是日期", "202407011": "不是日期",
		"2024年7-1": "不是日期", "2024月7月1日": "不是日期", "-2024-07-01": "不是日期", "2024-007-01": "不是日期", "0": "不是日期",
	} {
		_, err := ParseDate(s)
		require.ErrorContains(t, err, reason, "%q", s)
	}
	leap, err := ParseDate("2024-02-29")
	require.NoError(t, err)
	require.Equal(t, "2024-02-29", leap.String())
}

func TestANumericCellOfAWorkbookMayBeASerialDate(t *testing.T) {
	col := Column{Header: "有效期至", Kind: CellDate}
	for _, c := range []struct {
		raw       string
		numbering Numbering
		want      string
	}{
		{"46203", Since1900, "2026-06-30"}, {"46203.75", Since1900, "2026-06-30"}, {"4.6203E4", Since1900, "2026-06-30"}, {"45292", Since1900, "2024-01-01"},
		{"43830", Since1904, "2024-01-01"}, {"20240701", Since1900, "2024-07-01"}, {"2.0240701E7", Since1900, "2024-07-01"}, {"17899", Since1900, "1949-01-01"},
	} {
		v, reason := ReadCell(&col, c.raw, c.numbering)
		require.Empty(t, reason, c.raw)
		require.Equal(t, c.want, v.Date().String(), c.raw)
	}
	for _, raw := range []string{"2024", "17898", "73416", "0", "-46203", "999999999999", "1E400", "25569", "46203E", "462031"} {
		_, reason := ReadCell(&col, raw, Since1900)
		require.NotEmpty(t, reason, raw)
	}
	_, reason := ReadCell(&col, "46203", NotNumbered)
	require.NotEmpty(t, reason, "the same digits as a text are not a date")
}

func TestAmountsAreExactToTheFen(t *testing.T) {
	yuan, wan := Column{Header: "实缴税额(元)", Kind: CellYuan}, Column{Header: "营业收入(万元)", Kind: CellWan}
	for _, c := range []struct {
		col  Column
		raw  string
		want int64
	}{
		{yuan, "0", 0}, {yuan, "1", 100}, {yuan, "1,234.50", 123450}, {yuan, "1234.5", 123450}, {yuan, "0.01", 1}, {yuan, "12.5万元", 12_500_000},
		{yuan, "3500元", 350_000}, {yuan, "3,500 元", 350_000}, {yuan, "９，９９９．９９", 999_999}, {yuan, "￥1,000.00", 100_000}, {yuan, "1.2亿元", 12_000_000_000},
		{yuan, "0元", 0}, {yuan, "0.00", 0}, {yuan, "-12.5", -1250}, {yuan, "+3", 300}, {yuan, "000123", 12300}, {yuan, "2千元", 200_000}, {yuan, "3万", 3_000_000},
		{yuan, "人民币 100元", 10_000}, {yuan, "12.", 1200}, {yuan, "900719925474.93", 90_071_992_547_493},
		{wan, "12.5", 12_500_000}, {wan, "12.5万元", 12_500_000}, {wan, "3500元", 350_000}, {wan, "119.99", 119_990_000}, {wan, "20万元", 20_000_000},
		{wan, "１２０．０１", 120_010_000}, {wan, "0.000001", 1}, {wan, "1,200.5", 1_200_500_000},
		// 四舍五入, half away from zero
		{yuan, "0.005", 1}, {yuan, "0.0049999999999999999999999", 0}, {yuan, "1.005", 101}, {yuan, "-0.005", -1}, {yuan, "2.675", 268}, {wan, "0.00000049", 0}, {wan, "0.0000005", 1},
		{yuan, "1000000000000", 100_000_000_000_000}, {yuan, "10000亿元", 100_000_000_000_000},
	} {
		v, reason := ReadCell(&c.col, c.raw, NotNumbered)
		require.Empty(t, reason, c.raw)
		require.Equal(t, c.want, v.Number, c.raw)
	}
}

func TestNumericCellsKeepTheirExactAmount(t *testing.T) {
	yuan := Column{Header: "实缴税额(元)", Kind: CellYuan}
	for raw, want := range map[string]int64{"1E3": 100_000, "1.5E-2": 2, "9.9989999999999995": 1000, "119.98999999999999": 11999, "1.2345E+2": 12345, "0E5": 0} {
		v, reason := ReadCell(&yuan, raw, Since1900)
		require.Empty(t, reason, raw)
		require.Equal(t, want, v.Number, raw)
	}
	_, reason := ReadCell(&yuan, "1.2E+5", NotNumbered)
	require.Contains(t, reason, "科学计数法")
}

func TestWhatIsNoAmountIsRefused(t *testing.T) {
	yuan := Column{Header: "实缴税额(元)", Kind: CellYuan}
	for raw, reason := range map[string]string{
		"一千": "不是数字", "abc": "不是数字", "1.2.3": "不是数字", ".5": "不是数字", "-": "不是数字", "元": "不是数字", "万元": "不是数字", "--1": "不是数字", "1 234": "不是数字",
		"1,23": "千分位", "12,34.5": "千分位", "1,2345": "千分位", ",123": "千分位", "1234,567": "千分位", "12,5万元": "千分位",
		"1000000000000.01": "上限", "1000000000001": "上限", "99999999999999999999999": "上限", "1元5": "不是数字", "5美元": "不是数字",
	} {
		_, got := ReadCell(&yuan, raw, NotNumbered)
		require.Contains(t, got, reason, raw)
	}
}

func TestFenAreWrittenAsYuanAndReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fen := rapid.Int64Range(-MaxYuan*100, MaxYuan*100).Draw(t, "fen")
		got, err := ParseYuan(FormatYuan(fen))
		require.NoError(t, err)
		require.Equal(t, fen, got)
	})
	require.Equal(t, "1234.50", FormatYuan(123450))
	require.Equal(t, "-0.05", FormatYuan(-5))
}

func TestYesAndNoAreReadInEveryForm(t *testing.T) {
	col := Column{Header: "非正常户", Kind: CellBool}
	for want, forms := range map[int64][]string{1: {"是", "Y", "y", "1", "true", "TRUE", "True", "Ｙ", "１", " 是 ", "是\u3000", "yes"}, 0: {"否", "N", "n", "0", "false", "FALSE", "Ｎ", "０", " 否"}} {
		for _, raw := range forms {
			v, reason := ReadCell(&col, raw, NotNumbered)
			require.Empty(t, reason, raw)
			require.False(t, v.Null)
			require.Equal(t, want, v.Number, raw)
		}
	}
	for _, raw := range []string{"2", "有", "是否", "√", "-"} {
		_, reason := ReadCell(&col, raw, NotNumbered)
		require.NotEmpty(t, reason, raw)
	}
}

func TestAnEmptyCellIsNotKnownAndNeverNo(t *testing.T) {
	for kind := CellUSCC; kind <= CellWan; kind++ {
		for _, raw := range []string{"", " ", "\u3000", "\uFEFF", "\u00A0\t", "\u200B"} {
			v, reason := ReadCell(&Column{Kind: kind}, raw, NotNumbered)
			require.Empty(t, reason)
			require.True(t, v.Null)
			_, reason = ReadCell(&Column{Kind: kind, Required: true}, raw, NotNumbered)
			require.Equal(t, "必填，不能为空", reason)
		}
	}
}

func TestCountsAndYearsAreWholeAndInRange(t *testing.T) {
	count, year := Column{Kind: CellCount}, Column{Kind: CellYear}
	for _, c := range []struct {
		col  Column
		raw  string
		want int64
	}{
		{count, "0", 0}, {count, "12", 12}, {count, "３", 3}, {count, "5人", 5}, {count, "1,200", 1200}, {count, "4.0", 4}, {count, "1000000", MaxCount}, {count, "-0", 0},
		{year, "2025", 2025}, {year, "２０２５", 2025}, {year, "2025年", 2025}, {year, "2025年度", 2025}, {year, "2025.0", 2025}, {year, " 2025 年", 2025},
	} {
		v, reason := ReadCell(&c.col, c.raw, NotNumbered)
		require.Empty(t, reason, c.raw)
		require.Equal(t, c.want, v.Number, c.raw)
	}
	for _, raw := range []string{"-1", "1.5", "abc", "1000001", "99999999999999999999", "人", "1e2"} {
		_, reason := ReadCell(&count, raw, NotNumbered)
		require.NotEmpty(t, reason, raw)
	}
	for _, raw := range []string{"25", "20256", "1948", "2101", "二〇二五", "2025.5", "年"} {
		_, reason := ReadCell(&year, raw, NotNumbered)
		require.NotEmpty(t, reason, raw)
	}
}

func TestAnEnumeratedValueMayBeExplainedInBrackets(t *testing.T) {
	status := Specs[SourceRegistry].Columns[4]
	for raw, want := range map[string]string{"存续": "存续", " 在业\u3000": "在业", "存续（在营、开业、在册）": "存续", "吊销(未注销)": "吊销"} {
		v, reason := ReadCell(&status, raw, NotNumbered)
		require.Empty(t, reason, raw)
		require.Equal(t, want, v.Text)
	}
	for _, raw := range []string{"正常", "存续在业", "（存续）", "存"} {
		_, reason := ReadCell(&status, raw, NotNumbered)
		require.Contains(t, reason, "应为存续、在业、开业", raw)
	}
}

func TestTextsAreTidiedAndKeptAsWritten(t *testing.T) {
	name, code := Column{Kind: CellText, Max: 20}, Column{Kind: CellText, Max: 20, Form: TextCode}
	for _, c := range []struct {
		col       Column
		raw, want string
	}{
		{name, "北京样例（五金）店", "北京样例（五金）店"}, {name, "\u3000北京\u3000样例 ", "北京 样例"}, {name, "北京\r\n样例", "北京 样例"}, {name, "a  b", "a b"},
		{name, "北\u200B京\u202E样例", "北京样例"}, {name, "ＡＢＣ店", "ＡＢＣ店"}, {name, "𠮷野家", "𠮷野家"}, {name, strings.Repeat("店", 20), strings.Repeat("店", 20)},
		{code, "ｚｌ５８５８０５４３２", "ZL585805432"}, {code, "zl1", "ZL1"},
		{Column{Kind: CellText, Form: TextNarrow}, "Ａ＠ｂ．ｃｎ", "A@b.cn"},
	} {
		v, reason := ReadCell(&c.col, c.raw, NotNumbered)
		require.Empty(t, reason, "%q", c.raw)
		require.Equal(t, c.want, v.Text, "%q", c.raw)
	}
	for raw, reason := range map[string]string{strings.Repeat("店", 21): "超过20个字", "a\x00b": "控制字符", "a\x1bb": "控制字符", "北\xff": "编码", "\uFFFD": "编码"} {
		_, got := ReadCell(&name, raw, NotNumbered)
		require.Contains(t, got, reason, "%q", raw)
	}
	v, reason := ReadCell(&code, "1.3800138E10", Since1900)
	require.Empty(t, reason)
	require.Equal(t, "13800138000", v.Text, "a number typed into a text column keeps its digits")
}

// checkRead holds whatever a cell is: what is read can be stored, and reading it again gives the same.
func checkRead(t *testing.T, col Column, raw string, numbering Numbering) {
	v, reason := ReadCell(&col, raw, numbering)
	if reason != "" {
		require.True(t, utf8.ValidString(reason))
		return
	}
	require.True(t, utf8.ValidString(v.Text))
	require.NotContains(t, v.Text, "\x00")
	switch col.Kind {
	case CellUSCC, CellText, CellEnum:
		again, reason := ReadCell(&col, v.Text, NotNumbered)
		require.Empty(t, reason, "%q", v.Text)
		require.Equal(t, v, again)
	case CellDate:
		if !v.Null {
			require.True(t, v.Date().Year() >= FirstYear && v.Date().Year() <= LastYear)
			again, err := ParseDate(v.Date().String())
			require.NoError(t, err)
			require.Equal(t, v.Date(), again)
		}
	case CellYuan, CellWan:
		require.LessOrEqual(t, max(v.Number, -v.Number), int64(MaxYuan*100))
	case CellCount:
		require.True(t, v.Number >= 0 && v.Number <= MaxCount)
	}
}

func FuzzCell(f *testing.F) {
	for _, s := range []string{
		"92110107MABGJ15U6K", "９２１１０１０７ＭＡＢＧＪ１５Ｕ６Ｋ", "2024年7月1日", "2024/7/1", "20240701", "46203.5", "1,234.50", "12.5万元", "-0.005亿元", "1E400", "是", "\u3000否",
		"存续（在营）", "\xff\xfe", "a\x00", "\uFEFF", "￥1", "5人", "2025年度", "9.2E+17", "", " \t",
	} {
		f.Add(s, uint8(0), false)
	}
	f.Fuzz(func(t *testing.T, raw string, kind uint8, numeric bool) {
		col := Column{Kind: ColumnKind(kind % 9), Values: []string{"存续", "在业"}, Max: 50, Form: TextForm(kind / 9 % 3)}
		numbering := NotNumbered
		if numeric {
			numbering = Since1900
		}
		checkRead(t, col, raw, numbering)
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"2024-07-01", "2024/7/1", "2024.7.1", "20240701", "2024年7月1日", "２０２４年７月１日", "46203", "2024-07-01 00:00:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, n := range []Numbering{NotNumbered, Since1900, Since1904} {
			checkRead(t, Column{Kind: CellDate}, raw, n)
		}
	})
}

func FuzzAmount(f *testing.F) {
	for _, s := range []string{"0", "1,234.50", "12.5万元", "3500元", "-1", "1e-9", "9.9999999999999999", "￥1亿"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, kind := range []ColumnKind{CellYuan, CellWan} {
			checkRead(t, Column{Kind: kind}, raw, NotNumbered)
			checkRead(t, Column{Kind: kind}, raw, Since1900)
		}
	})
}

func FuzzUSCC(f *testing.F) {
	for _, s := range []string{"92110107MABGJ15U6K", "９２１１０１０７ＭＡＢＧＪ１５Ｕ６Ｋ", "92110107mabgj15u6k", "I"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		code, err := ParseUSCC(raw)
		if err == nil {
			require.Len(t, code, 18)
			require.Equal(t, code[17], USCCCheck(code[:17]))
		}
	})
}

func BenchmarkReadCell(b *testing.B) {
	for _, c := range []struct {
		name string
		col  Column
		raw  string
	}{
		{"code", Column{Kind: CellUSCC, Required: true}, "92110107MABGJ15U6K"},
		{"date", Column{Kind: CellDate}, "2024-07-01"},
		{"name", Column{Kind: CellText, Max: 200}, "北京样例000258工艺品店"},
		{"status", Specs[SourceRegistry].Columns[4], "存续"},
		{"amount", Column{Kind: CellWan}, "119.99"},
		{"full width code", Column{Kind: CellUSCC}, "９２１１０１０７ＭＡＢＧＪ１５Ｕ６Ｋ"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ReadCell(&c.col, c.raw, NotNumbered)
			}
		})
	}
}
