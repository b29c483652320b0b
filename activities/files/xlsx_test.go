package files

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"bangfu/models"
)

// parts are those of a workbook made by hand.
type parts map[string]string

const ns = ` xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`

// workbookOf is a workbook of one sheet with the given sheetData; more overrides or adds parts.
func workbookOf(t testing.TB, data string, more parts) []byte {
	t.Helper()
	const rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
	all := parts{
		"[Content_Types].xml": `<Types/>`,
		"_rels/.rels":         `<Relationships><Relationship Id="r1" Type="` + rel + `officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":     `<?xml version="1.0"?><workbook` + ns + `><sheets><sheet name="表" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Type="` + rel + `worksheet" Target="worksheets/sheet1.xml"/>` +
			`<Relationship Id="r2" Type="` + rel + `sharedStrings" Target="/xl/sharedStrings.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml": `<?xml version="1.0" encoding="UTF-8"?><worksheet` + ns + `><sheetData>` + data + `</sheetData></worksheet>`,
	}
	for name, content := range more {
		all[name] = content
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] == "" {
			continue
		}
		w, err := z.Create(name)
		require.NoError(t, err)
		_, err = io.WriteString(w, all[name])
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func inline(ref, text string) string {
	return `<c r="` + ref + `" t="inlineStr"><is><t>` + text + `</t></is></c>`
}

var insuredHeader = `<row r="1">` + inline("A1", "统一社会信用代码") + inline("B1", "所属年度") + inline("C1", "单位参保人数") + `</row>`

var ipHeader = `<row r="1">` + inline("A1", "统一社会信用代码") + inline("B1", "类型") + inline("C1", "证号") + inline("D1", "实际使用") + inline("E1", "有效期至") + `</row>`

func TestAWorkbookSavedByExcelIsRead(t *testing.T) {
	f := excelize.NewFile()
	defer func() { require.NoError(t, f.Close()) }()
	date, err := f.NewStyle(&excelize.Style{NumFmt: 14})
	require.NoError(t, err)
	require.NoError(t, f.SetSheetRow("Sheet1", "A1", &[]any{"统一社会信用代码", "类型", "证号", "实际使用", "有效期至", "备注"}))
	require.NoError(t, f.SetSheetRow("Sheet1", "A2", &[]any{codeA, "商标", 12345678, true, 46203, "<&>"}))
	require.NoError(t, f.SetCellStyle("Sheet1", "E2", "E2", date))
	require.NoError(t, f.SetSheetRow("Sheet1", "A5", &[]any{strings.ToLower(codeB), "专利", "ｚｌ９", nil, "2028年12月17日"}))
	require.NoError(t, f.SetCellRichText("Sheet1", "C6", []excelize.RichTextRun{{Text: "ZL"}, {Text: "10"}}))
	require.NoError(t, f.SetSheetRow("Sheet1", "A6", &[]any{codeC, "专利"}))
	_, err = f.NewSheet("另一张")
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, f.Write(&b))

	rows, r := readAll(t, b.Bytes(), "ip.xlsx", models.SourceIP)
	require.Equal(t, []string{"备注"}, r.Unknown())
	require.Len(t, rows, 3)
	require.Equal(t, []int{2, 5, 6}, []int{rows[0].number, rows[1].number, rows[2].number})
	for _, row := range rows {
		require.Empty(t, row.problems)
	}
	require.Equal(t, "12345678", rows[0].values[2].Text)
	require.EqualValues(t, 1, rows[0].values[3].Number)
	require.Equal(t, "2026-06-30", rows[0].values[4].Date().String())
	require.Equal(t, codeB, rows[1].values[0].Text)
	require.Equal(t, "ZL9", rows[1].values[2].Text)
	require.True(t, rows[1].values[3].Null)
	require.Equal(t, "2028-12-17", rows[1].values[4].Date().String())
	require.Equal(t, "ZL10", rows[2].values[2].Text)
}

func TestCellsOfEveryTypeAreRead(t *testing.T) {
	row := func(n int, c, e string) string {
		return fmt.Sprintf(`<row r="%d">%s%s%s%s</row>`, n, inline(fmt.Sprint("A", n), codeA), inline(fmt.Sprint("B", n), "商标"), c, e)
	}
	data := ipHeader +
		row(2, `<c r="C2" t="s"><v>1</v></c>`, `<c r="E2" s="1"><v>46203</v></c>`) +
		row(3, `<c r="C3" t="str"><f>A1&amp;"x"</f><v>T3</v></c>`, `<c r="E3" t="d"><v>2026-06-30T00:00:00</v></c>`) +
		row(4, `<c r="C4" t="inlineStr"><is><r><t>T</t></r><rPh sb="0" eb="1"><t>guide</t></rPh><r><t xml:space="preserve">4 </t></r></is></c>`, `<c r="E4"><f>TODAY()</f><v>46203.5</v></c>`) +
		row(5, `<c r="C5" t="inlineStr"><is><t><![CDATA[T<5]]>&#65;&#x42;_x000D_</t></is></c>`, `<c r="E5" s="1"/>`) +
		row(6, `<c r="C6" t="inlineStr"><is><t>T6</t></is></c>`, `<c r="E6"><f>X()</f></c>`) +
		row(7, `<c r="C7" t="inlineStr"><is><t>T7</t></is></c>`, `<c r="E7" t="e"><v>#N/A</v></c>`) +
		row(8, `<c r="C8"><v>1.2345678901E10</v></c>`, `<c r="E8"><v>99</v></c>`) +
		`<row><c t="inlineStr"><is><t>` + codeB + `</t></is></c><c t="inlineStr"><is><t>专利</t></is></c><c t="inlineStr"><is><t>T9</t></is></c></row>`
	rows, _ := readAll(t, workbookOf(t, data, parts{"xl/sharedStrings.xml": `<sst` + ns + `><si><t>no</t></si><si><t>T2</t></si></sst>`}), "ip.xlsx", models.SourceIP)
	require.Len(t, rows, 8)
	for i, want := range map[int]string{0: "T2", 1: "T3", 2: "T4", 3: "T<5AB", 7: "T9"} {
		require.Empty(t, rows[i].problems)
		require.Equal(t, want, rows[i].values[2].Text)
	}
	for _, i := range []int{0, 1, 2} {
		require.Equal(t, "2026-06-30", rows[i].values[4].Date().String())
	}
	require.True(t, rows[3].values[4].Null)
	require.Contains(t, rows[4].problems[0].Reason, "公式没有结果")
	require.Contains(t, rows[5].problems[0].Reason, "公式错误")
	require.Contains(t, rows[6].problems[0].Reason, "不是日期")
	require.Equal(t, "12345678901", rows[6].values[2].Text)
	require.Equal(t, 9, rows[7].number, "cells and rows without references follow each other")
}

func TestARejectedRowOfAWorkbookShowsItsDatesAsDates(t *testing.T) {
	rows, _ := readAll(t, workbookOf(t, ipHeader+`<row r="2">`+inline("A2", "wrong")+inline("B2", "商标")+inline("C2", "T")+`<c r="E2"><v>46203</v></c></row>`, nil), "ip.xlsx", models.SourceIP)
	require.Equal(t, []string{"wrong", "商标", "T", "", "2026-06-30"}, rows[0].cells)
}

func TestThe1904DateSystemIsObeyed(t *testing.T) {
	book := `<workbook` + ns + `><workbookPr date1904="1"/><sheets><sheet name="隐" sheetId="1" state="hidden" r:id="r0"/><sheet name="表" sheetId="2" r:id="r1"/></sheets></workbook>`
	rows, _ := readAll(t, workbookOf(t, ipHeader+`<row r="2">`+inline("A2", codeA)+inline("B2", "商标")+inline("C2", "T")+`<c r="E2"><v>43830</v></c></row>`, parts{"xl/workbook.xml": book}), "ip.xlsx", models.SourceIP)
	require.Equal(t, "2024-01-01", rows[0].values[4].Date().String())
}

func TestPrefixedNamesAreRead(t *testing.T) {
	sheet := `<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData><x:row r="1"><x:c r="A1" t="inlineStr"><x:is><x:t>统一社会信用代码</x:t></x:is></x:c>` +
		`<x:c r="B1" t="inlineStr"><x:is><x:t>所属年度</x:t></x:is></x:c><x:c r="C1" t="inlineStr"><x:is><x:t>单位参保人数</x:t></x:is></x:c></x:row>` +
		`<x:row r="2"><x:c r="A2" t="inlineStr"><x:is><x:t>` + codeA + `</x:t></x:is></x:c><x:c r="B2"><x:v>2025</x:v></x:c><x:c r="C2"><x:v>3</x:v></x:c></x:row></x:sheetData></x:worksheet>`
	rows, _ := readAll(t, workbookOf(t, "", parts{"xl/worksheets/sheet1.xml": sheet}), "s.xlsx", models.SourceSocialSecurity)
	require.Len(t, rows, 1)
	require.EqualValues(t, 3, rows[0].values[2].Number)
}

// declared makes a zip entry whose sizes and sum say what they like.
func declared(t testing.TB, name string, content []byte, unpacked uint64) []byte {
	t.Helper()
	var packed bytes.Buffer
	fw, err := flate.NewWriter(&packed, 9)
	require.NoError(t, err)
	_, err = fw.Write(content)
	require.NoError(t, err)
	require.NoError(t, fw.Close())
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	whole, err := zip.NewReader(bytes.NewReader(workbookOf(t, insuredHeader, nil)), int64(len(workbookOf(t, insuredHeader, nil))))
	require.NoError(t, err)
	for _, f := range whole.File {
		if f.Name != name {
			require.NoError(t, z.Copy(f))
		}
	}
	w, err := z.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(content), CompressedSize64: uint64(packed.Len()), UncompressedSize64: unpacked})
	require.NoError(t, err)
	_, err = w.Write(packed.Bytes())
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestAWorkbookThatCannotBeTakenIsRefusedWhole(t *testing.T) {
	sheet := "xl/worksheets/sheet1.xml"
	good := workbookOf(t, insuredHeader+`<row r="2">`+inline("A2", codeA)+`<c r="B2"><v>2025</v></c><c r="C2"><v>3</v></c></row>`, nil)
	bomb := bytes.Repeat([]byte(" "), 64<<20)
	many := parts{}
	for i := range maxParts + 1 {
		many[fmt.Sprint("junk/", i)] = "x"
	}
	flipped := bytes.Clone(good)
	at := bytes.Index(flipped, []byte("xl/worksheets/sheet1.xml")) + len(sheet) + 40
	flipped[at] ^= 0x55
	for _, c := range []struct {
		name    string
		content []byte
		reason  string
	}{
		{"empty sheet", workbookOf(t, "", nil), "没有表头"},
		{"cut off", good[:len(good)/2], "已损坏"},
		{"no directory", good[:len(good)-30], "已损坏"},
		{"a bit flipped", flipped, "已损坏"},
		{"sheet ends in the middle", workbookOf(t, "", parts{sheet: `<worksheet><sheetData>` + insuredHeader + `<row r="2">` + inline("A2", codeA)}), "已损坏"},
		{"sheet ends between rows", workbookOf(t, "", parts{sheet: `<worksheet><sheetData>` + insuredHeader}), "已损坏"},
		{"sheet missing", workbookOf(t, "", parts{sheet: ""}), "已损坏"},
		{"rows out of order", workbookOf(t, insuredHeader+insuredHeader, nil), "已损坏"},
		{"string that is not there", workbookOf(t, insuredHeader+`<row r="2"><c r="A2" t="s"><v>7</v></c></row>`, nil), "已损坏"},
		{"document type", workbookOf(t, "", parts{sheet: `<!DOCTYPE a [<!ENTITY b "b">]><worksheet><sheetData>` + insuredHeader + `</sheetData></worksheet>`}), "已损坏"},
		{"bomb", declared(t, sheet, bomb, uint64(len(bomb))), "解压后过大"},
		{"bomb that lies", declared(t, sheet, bomb, 1000), "已损坏"},
		{"declares too much", declared(t, sheet, bomb[:100], 5<<30), "解压后过大"},
		{"too many parts", workbookOf(t, insuredHeader, many), "解压后过大"},
		{"cell too long", workbookOf(t, insuredHeader+`<row r="2">`+inline("A2", strings.Repeat("长", MaxLine))+`</row>`, nil), "过长的单元格"},
		{"wide", workbookOf(t, `<row r="1">`+inline("A1", "统一社会信用代码")+inline("ZZ1", "x")+`</row>`, nil), "最多200列"},
		{"xlsb", workbookOf(t, "", parts{"xl/workbook.xml": "", "xl/workbook.bin": "x"}), ".xlsb"},
		{"docx", workbookOf(t, "", parts{"xl/workbook.xml": "", "word/document.xml": "<d/>"}), "Word"},
		{"zip", workbookOf(t, "", parts{"xl/workbook.xml": "", "a.csv": "x"}), "压缩包"},
		{"hidden only", workbookOf(t, insuredHeader, parts{"xl/workbook.xml": `<workbook` + ns + `><sheets><sheet name="表" state="veryHidden" r:id="r1"/></sheets></workbook>`}), "没有工作表"},
		{"another source", workbookOf(t, ipHeader, nil), "像是“知识产权”的文件"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, refusal(t, c.content, "s.xlsx", models.SourceSocialSecurity), c.reason)
		})
	}
	rows, _ := readAll(t, good, "s.xlsx", models.SourceSocialSecurity)
	require.Len(t, rows, 1)
}

func TestSharedStringsAreKeptInMemoryAndInAFileAlike(t *testing.T) {
	const n = 200_000
	text := func(i int) string { return fmt.Sprintf("文本-%d-%s", i, strings.Repeat("x", i%700)) }
	var s sharedStrings
	t.Cleanup(func() { require.NoError(t, s.close()) })
	for i := range n {
		require.NoError(t, s.add([]byte(text(i))))
	}
	require.NotNil(t, s.file, "the test reaches the file")
	for k := range n {
		i := k * 7919 % n
		got, err := s.appendTo(nil, i)
		require.NoError(t, err)
		if string(got) != text(i) {
			require.Equal(t, text(i), string(got))
		}
	}
	_, err := s.appendTo(nil, n)
	require.Error(t, err)
}

func FuzzXLSX(f *testing.F) {
	f.Add(workbookOf(f, insuredHeader+`<row r="2">`+inline("A2", codeA)+`<c r="B2"><v>2025</v></c><c r="C2"><v>3</v></c></row>`, nil))
	f.Add(workbookOf(f, "", parts{"xl/workbook.bin": "x"}))
	f.Fuzz(func(t *testing.T, content []byte) { checkFile(t, content, "f.xlsx") })
}

func FuzzSheet(f *testing.F) {
	f.Add(insuredHeader+`<row r="2">`+inline("A2", codeA)+`<c r="B2"><v>2025</v></c><c r="C2" t="s"><v>0</v></c></row>`, `<sst><si><t>3</t></si></sst>`)
	f.Add(insuredHeader+`<row><c t="e"><v>#N/A</v></c><c><f>x</f></c></row><!-- --><?p?>`, `<sst><si><r><t>&#65;</t></r><rPh><t>x</t></rPh></si><si/></sst>`)
	f.Fuzz(func(t *testing.T, data, shared string) {
		checkFile(t, workbookOf(t, data, parts{"xl/sharedStrings.xml": shared}), "f.xlsx")
	})
}
