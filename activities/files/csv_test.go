package files

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"bangfu/models"
)

const (
	codeA = "92110107MABGJ15U6K"
	codeB = "92110107MA3DCG9GLY"
	codeC = "92110107MAP8F6G3CE"
)

const insured = "统一社会信用代码,所属年度,单位参保人数\n"

func gb18030(t testing.TB, s string) []byte {
	t.Helper()
	b, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(s))
	require.NoError(t, err)
	return b
}

// refusal opens and drains a file that must be refused whole, and gives the reason.
func refusal(t testing.TB, content []byte, name string, source models.Source) string {
	t.Helper()
	r, err := Open(bytes.NewReader(content), int64(len(content)), name, source)
	if err == nil {
		_, err = drain(r)
		require.NoError(t, r.Close())
	}
	require.Error(t, err)
	require.Equal(t, models.CodeInvalid, models.CodeOf(err), "%v", err)
	return err.Error()
}

func TestAFileIsReadInEveryEncodingAndLineEnd(t *testing.T) {
	text := "统一社会信用代码,类型,证号,实际使用,有效期至\n" + codeA + ",商标,Ｔ１㐂,是,2028年12月17日\n" + codeB + ",专利,z2,,\n"
	crlf := strings.ReplaceAll(text, "\n", "\r\n")
	for name, content := range map[string][]byte{
		"UTF-8": []byte(text), "UTF-8 with BOM": []byte(utf8BOM + text), "UTF-8, CRLF": []byte(crlf), "UTF-8, CR": []byte(strings.ReplaceAll(text, "\n", "\r")),
		"GB18030": gb18030(t, text), "GB18030, CRLF": gb18030(t, crlf), "no line end": []byte(strings.TrimSuffix(text, "\n")), "GB18030, no line end": gb18030(t, strings.TrimSuffix(text, "\n")),
		"all quoted":          []byte(`"` + strings.ReplaceAll(strings.ReplaceAll(strings.TrimSuffix(text, "\n"), ",", `","`), "\n", "\"\n\"") + "\"\n"),
		"all quoted, GB18030": gb18030(t, `"`+strings.ReplaceAll(strings.ReplaceAll(strings.TrimSuffix(text, "\n"), ",", `","`), "\n", "\"\r\n\"")+"\""),
	} {
		t.Run(name, func(t *testing.T) {
			rows, r := readAll(t, content, "ip.csv", models.SourceIP)
			require.Equal(t, []string{"统一社会信用代码", "类型", "证号", "实际使用", "有效期至"}, r.Headers())
			require.Len(t, rows, 2)
			require.Empty(t, rows[0].problems)
			require.Equal(t, codeA, rows[0].values[0].Text)
			require.Equal(t, "T1㐂", rows[0].values[2].Text, "a character of four bytes in GB18030")
			require.Equal(t, "2028-12-17", rows[0].values[4].Date().String())
			require.Equal(t, "Z2", rows[1].values[2].Text)
			require.True(t, rows[1].values[3].Null)
		})
	}
}

func TestHeadersAreFoundHoweverTheyAreWritten(t *testing.T) {
	for _, header := range []string{
		"统一社会信用代码,报告年度,报送日期,营业收入(万元),从业人数",
		"统一社会信用代码,报告年度,报送日期,营业收入（万元）,从业人数",
		" 统一社会信用代码* , 报告年度＊,报送日期\u3000,营业收入 ( 万元 ),从业人数：",
		"\u200B统一社会信用代码,\"报告\n年度\",报送日期,营业收入【万元】,从业人数,,",
		"从业人数,统一社会信用代码,备注,报告年度,营业收入(万元),报送日期",
	} {
		cells := map[string]string{"统一": codeA, "报告": "2025", "报送": "2026-03-01", "营业": "12", "从业": "3", "备注": "无"}
		var row []string
		for _, h := range strings.Split(header, ",") {
			for k, v := range cells {
				if strings.Contains(h, k) {
					row = append(row, v)
				}
			}
		}
		rows, r := readAll(t, []byte(header+"\n"+strings.Join(row, ",")+"\n"), "a.csv", models.SourceAnnualReport)
		require.Len(t, rows, 1, header)
		require.Empty(t, rows[0].problems, header)
		require.EqualValues(t, 12_000_000, rows[0].values[3].Number)
		require.EqualValues(t, 3, rows[0].values[4].Number)
		if strings.Contains(header, "备注") {
			require.Equal(t, []string{"备注"}, r.Unknown())
		} else {
			require.Empty(t, r.Unknown())
		}
	}
}

func TestTheUnitInTheHeaderHolds(t *testing.T) {
	rows, r := readAll(t, []byte("统一社会信用代码,报告年度,营业收入（元）\n"+codeA+",2025,200000\n"+codeB+",2025,20万元\n"), "a.csv", models.SourceAnnualReport)
	require.Empty(t, r.Unknown())
	require.EqualValues(t, 20_000_000, rows[0].values[3].Number)
	require.EqualValues(t, 20_000_000, rows[1].values[3].Number)
	_, r = readAll(t, []byte("统一社会信用代码,报告年度,营业收入\n"), "a.csv", models.SourceAnnualReport)
	require.Equal(t, []string{"营业收入"}, r.Unknown(), "without a unit it is not guessed")
}

func TestAliasesMayStandSideBySide(t *testing.T) {
	rows, _ := readAll(t, []byte("统一社会信用代码,记录类型,列入日期,移出日期,修复日期\n"+
		codeA+",经营异常,2025-01-01,2025-02-01,\n"+codeB+",严重违法失信,2025-01-01, ,2025-03-01\n"+codeC+",经营异常,2025-01-01,,\n"), "c.csv", models.SourceCredit)
	require.Equal(t, "2025-02-01", rows[0].values[3].Date().String())
	require.Equal(t, "2025-03-01", rows[1].values[3].Date().String())
	require.True(t, rows[2].values[3].Null)
}

func TestABadRowNeverStopsTheGoodOnes(t *testing.T) {
	content := insured + codeA + ",2025,2\n" + "92110107MABGJ15U6X,2025,二\n" + ",,\n" + codeB + ",2025,3\n"
	rows, _ := readAll(t, []byte(content), "s.csv", models.SourceSocialSecurity)
	require.Len(t, rows, 3, "a blank row is no row")
	require.Equal(t, []int{2, 3, 5}, []int{rows[0].number, rows[1].number, rows[2].number}, "rows are numbered as Excel counts")
	require.Equal(t, []models.Problem{
		{Column: "统一社会信用代码", Value: "92110107MABGJ15U6X", Reason: "校验码不符（GB 32100-2015），请核对代码"},
		{Column: "单位参保人数", Value: "二", Reason: "应为不小于0的整数"},
	}, rows[1].problems)
	require.Equal(t, []string{"92110107MABGJ15U6X", "2025", "二"}, rows[1].cells)
	require.Empty(t, rows[2].problems)
}

func TestShortRowsHaveEmptyCellsAndLongRowsAreRejected(t *testing.T) {
	header := "统一社会信用代码,类型,证号,实际使用,有效期至\n"
	rows, _ := readAll(t, []byte(header+codeA+",商标,T1\n"+codeA+",商标\n"+codeA+",商标,T2,是,,,\n"+codeA+",商标,T,3,是,,\n"+codeA+",商标,T4,是,2027-01-01,多\n"), "ip.csv", models.SourceIP)
	require.Empty(t, rows[0].problems)
	require.True(t, rows[0].values[4].Null)
	require.Equal(t, "必填，不能为空", rows[1].problems[0].Reason)
	require.Empty(t, rows[2].problems, "empty cells beyond the header do no harm")
	require.NotEmpty(t, rows[3].problems)
	require.Contains(t, rows[4].problems[0].Reason, "本行有6列，多于表头的5列")
}

func TestQuotesAreTakenAsExcelTakesThem(t *testing.T) {
	header := "统一社会信用代码,名称,日期,级别\n"
	for raw, want := range map[string]string{
		`"诚信,示范"`: "诚信,示范", `"诚信""示范"""`: `诚信"示范"`, "\"诚信\n示范\"": "诚信 示范", "\"诚信\r\n示范\"": "诚信 示范", `5"电视`: `5"电视`, `"诚信" `: "诚信", `'诚信`: "'诚信", `'=1+1`: "=1+1",
		`"'=诚信"`: "=诚信",
	} {
		rows, _ := readAll(t, []byte(header+codeA+","+raw+",2025-05-01,区级\n"+codeB+",后,2025-05-01,区级\n"), "h.csv", models.SourceHonours)
		require.Len(t, rows, 2, raw)
		require.Empty(t, rows[0].problems, raw)
		require.Equal(t, want, rows[0].values[1].Text, raw)
		require.Equal(t, 3, rows[1].number, "a line break in a cell is not a row")
	}
}

func TestABrokenQuoteSwallowsNoOtherRow(t *testing.T) {
	header := "统一社会信用代码,名称,日期,级别\n"
	good := func(code string) string { return code + ",示范户,2025-05-01,区级\n" }
	quoted := func(code string) string { return `"` + code + `","","2025-05-01","区级"` + "\n" }
	for name, c := range map[string]struct {
		broken string
		after  string
	}{
		"never closed":                       {codeA + `,"示范户,2025-05-01,区级` + "\n", good(codeB) + good(codeC)},
		"closed in the middle":               {codeA + `,"示范"户,2025-05-01,区级` + "\n", good(codeB) + good(codeC)},
		"closed by the next row":             {codeA + `,"示范户,2025-05-01,区级` + "\n", codeB + `,"示范户",2025-05-01,区级` + "\n" + good(codeC)},
		"closed by an empty cell, row after": {codeA + `,"示范户,2025-05-01,区级` + "\n", good(codeB) + codeC + `,示范户,2025-05-01,"区级"` + "\n"},
		"at the end":                         {codeA + `,示范户,2025-05-01,"区级` + "\n", good(codeB) + good(codeC)},
		"a quote too many":                   {codeA + `,"示范户"",2025-05-01,区级` + "\n", good(codeB) + good(codeC)},
	} {
		t.Run(name, func(t *testing.T) {
			rows, _ := readAll(t, []byte(header+c.broken+c.after), "h.csv", models.SourceHonours)
			require.Len(t, rows, 3)
			require.Contains(t, rows[0].problems[0].Reason, "引号没有成对")
			require.Equal(t, codeA, rows[0].cells[0], "the row is kept as delivered")
			for i, row := range rows[1:] {
				require.Empty(t, row.problems)
				require.Equal(t, i+3, row.number)
			}
		})
	}
	// A doubled quote of a later row may look like the inside of the broken cell: the number of cells tells.
	rows, _ := readAll(t, []byte(header+`"`+codeA+`","示范户,"2025-05-01","区级"`+"\n"+quoted(codeB)+good(codeC)), "h.csv", models.SourceHonours)
	require.Contains(t, rows[0].problems[0].Reason, "引号没有成对")
	require.Equal(t, codeC, rows[len(rows)-1].values[0].Text)
	require.Len(t, rows, 3)
}

func TestAFileOfBrokenQuotesIsReadInTime(t *testing.T) {
	var b strings.Builder
	b.WriteString("统一社会信用代码,名称,日期,级别\n")
	for range 50_000 {
		b.WriteString("\"\"\"\",\"a\n")
	}
	rows, _ := readAll(t, []byte(b.String()), "h.csv", models.SourceHonours)
	require.NotEmpty(t, rows)
}

func TestCellsThatContradictEachOtherAreRejected(t *testing.T) {
	rows, _ := readAll(t, []byte("统一社会信用代码,记录类型,列入日期,移出日期\n"+codeA+",经营异常,2025-05-02,2025-05-01\n"+codeB+",经营异常,2025-05-02,2025-05-02\n"), "c.csv", models.SourceCredit)
	require.Equal(t, []models.Problem{{Column: "移出日期", Value: "2025-05-01", Reason: "早于列入日期（2025-05-02）"}}, rows[0].problems)
	require.Empty(t, rows[1].problems)
	header := "统一社会信用代码,名称,经营者,成立日期,登记状态,歇业开始日期,歇业截止日期\n"
	rows, _ = readAll(t, []byte(header+codeA+",店,人,2020-01-01,存续,2026-05-02,2026-05-01\n"+codeB+",店,人,2020-01-01,存续,,2026-05-01\n"+codeC+",店,人,2020-01-01,存续,2026-05-02,\n"), "r.csv", models.SourceRegistry)
	require.Equal(t, "早于歇业开始日期（2026-05-02）", rows[0].problems[0].Reason)
	require.Equal(t, "有歇业截止日期，却没有歇业开始日期", rows[1].problems[0].Reason)
	require.Empty(t, rows[2].problems)
}

func TestCharactersThatCannotBeReadRejectTheirRowOnly(t *testing.T) {
	utf := []byte("统一社会信用代码,名称,日期,级别\n" + codeA + ",示\xff范,2025-05-01,区级\n" + codeB + ",示范,2025-05-01,区级\n")
	gb := append(gb18030(t, "统一社会信用代码,名称,日期,级别\n"+codeA+",示"), 0xFF)
	gb = append(gb, gb18030(t, "范,2025-05-01,区级\n"+codeB+",示范,2025-05-01,区级\n")...)
	for _, content := range [][]byte{utf, gb} {
		rows, _ := readAll(t, content, "h.csv", models.SourceHonours)
		require.Len(t, rows, 2)
		require.Contains(t, rows[0].problems[0].Reason, "无法识别的字符")
		require.Empty(t, rows[1].problems)
	}
}

func TestALongValueIsCutInTheReport(t *testing.T) {
	rows, _ := readAll(t, []byte(insured+strings.Repeat("长", 5000)+",2025,1\n"), "s.csv", models.SourceSocialSecurity)
	require.Len(t, []rune(rows[0].problems[0].Value), MaxProblems+1)
}

func TestAFileThatCannotBeTakenIsRefusedWholeWithOneClearReason(t *testing.T) {
	wide := "统一社会信用代码,所属年度,单位参保人数" + strings.Repeat(",x", 300)
	for _, c := range []struct{ name, content, reason string }{
		{"empty.csv", "", "是空的"},
		{"blank.csv", " \r\n\n\t", "是空的"},
		{"commas.csv", ",,,\n,,\n", "没有表头"},
		{"bom.csv", utf8BOM, "是空的"},
		{"missing.csv", "统一社会信用代码,所属年度,人数\n" + codeA + ",2025,1\n", "缺少必需的列“单位参保人数”"},
		{"two.csv", "所属年度,人数\n", "缺少必需的列“统一社会信用代码”“单位参保人数”"},
		{"tax.csv", "统一社会信用代码,所属年度,税务登记,实缴税额(元)\n", "像是“税务”的文件，不是“社会保障”的"},
		{"registry.csv", "统一社会信用代码,名称,经营者,成立日期,登记状态\n", "像是“登记注册”的文件"},
		{"tabs.csv", "统一社会信用代码\t所属年度\t单位参保人数\n", "制表符分隔"},
		{"semicolon.csv", "统一社会信用代码;所属年度;单位参保人数\n", "分号分隔"},
		{"title.csv", "2025年参保情况表,,\n" + insured + codeA + ",2025,1\n", "表头应在第1行，这里却在第2行"},
		{"twice.csv", "统一社会信用代码,所属年度,单位参保人数,所属年度\n", "表头“所属年度”在第2列和第4列重复出现"},
		{"wide.csv", wide, "最多200列"},
		{"quote.csv", "\"统一社会信用代码,所属年度,单位参保人数\n" + codeA + ",2025,1\n", "表头无法读取"},
		{"long.csv", insured + strings.Repeat("x", MaxLine+chunk) + "\n", "超过1048576字节"},
		{"a.xls", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1rest", "旧版 Excel"},
		{"a.pdf", "%PDF-1.7", "PDF"},
		{"a.xlsx", "%PDF-1.7", "PDF"},
		{"a.xls", "<html><table><tr><td>统一社会信用代码</td></tr></table></html>", "网页或 XML"},
		{"a.csv", "\xFF\xFE\x00\x01", "UTF-16"},
		{"a.csv", "\x00\x01\x02\x03", "不是 .xlsx 或 .csv"},
		{"a.json", `{"a":1}`, "JSON"},
		{"a.zip", "PK\x03\x04nothing", "已损坏"},
	} {
		require.Contains(t, refusal(t, []byte(c.content), c.name, models.SourceSocialSecurity), c.reason, c.name)
	}
}

// leaving is a file on a share that goes away after some bytes.
type leaving struct {
	io.ReaderAt
	after int64
}

func (l leaving) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > l.after {
		return 0, fmt.Errorf("share went away")
	}
	return l.ReaderAt.ReadAt(b, off)
}

func TestAFailureToReadIsNoRefusal(t *testing.T) {
	content := []byte(insured + strings.Repeat(codeA+",2025,1\n", 50_000))
	for _, after := range []int64{10, chunk, chunk + 10} {
		r, err := Open(leaving{bytes.NewReader(content), after}, int64(len(content)), "s.csv", models.SourceSocialSecurity)
		if err == nil {
			_, err = drain(r)
		}
		require.ErrorContains(t, err, "share went away")
		require.Equal(t, models.CodeInternal, models.CodeOf(err), "the engine tries again")
	}
	require.Contains(t, func() string {
		r, err := Open(bytes.NewReader(content[:len(content)/2]), int64(len(content)), "s.csv", models.SourceSocialSecurity)
		require.NoError(t, err)
		_, err = drain(r)
		return err.Error()
	}(), "不完整")
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte(insured + codeA + ",2025,1\n"))
	f.Add([]byte("\"统一社会信用代码\",所属年度,单位参保人数\r\n\"" + codeA + "\",\"2025\n\",\"\"\"1\"\n"))
	f.Add([]byte(utf8BOM + insured + "\"" + codeA + ",2025,1\n\"\",,,\n"))
	f.Add(gb18030(f, insured+"９２１１０１０７ＭＡＢＧＪ１５Ｕ６Ｋ,２０２５年,３人\r\n"))
	f.Add([]byte("统一社会信用代码,所属年度,单位参保人数\r" + codeA + ",2025,1\r"))
	f.Fuzz(func(t *testing.T, content []byte) { checkFile(t, content, "f.csv") })
}

// checkFile holds for whatever content: no panic, rows in order, an end, and only refusals as errors.
func checkFile(t *testing.T, content []byte, name string) {
	r, err := Open(bytes.NewReader(content), int64(len(content)), name, models.SourceSocialSecurity)
	if err != nil {
		require.Equal(t, models.CodeInvalid, models.CodeOf(err), "%v", err)
		return
	}
	rows, err := drain(r)
	if err != nil {
		require.Equal(t, models.CodeInvalid, models.CodeOf(err), "%v", err)
	}
	last := 1
	for _, row := range rows {
		require.Greater(t, row.number, 1)
		require.GreaterOrEqual(t, row.number, last)
		last = row.number
		if len(row.problems) == 0 {
			require.Len(t, row.values[0].Text, 18)
		} else {
			require.NotNil(t, row.cells)
		}
	}
	require.NoError(t, r.Close())
}
