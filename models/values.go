package models

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"bangfu/models/calendar"
)

// Numbering says what a bare number in a date's cell means.
type Numbering uint8

// The numberings. Only numeric cells of a workbook are numbered: the same digits written as text are not a date.
const (
	NotNumbered Numbering = iota // a text: digits are 20240701 or nothing
	Since1900                    // a numeric cell; its number may be Excel's serial date
	Since1904                    // the same in a workbook of the 1904 date system (old Mac)
)

// The first and last year that a date or a year in a delivery may name.
const (
	FirstYear = 1949
	LastYear  = 2100
)

// MaxCount is the largest number of persons taken for one household.
const MaxCount = 1_000_000

// Date is the value of a CellDate; no date if Null.
func (v Value) Date() calendar.Date { return calendar.Date(v.Number) }

// ReadCell reads one cell as it really comes (contract/data-deliveries.md, "Values as they really come"). The reason, in
// Chinese and empty when the cell is good, says what is wrong with it. An empty cell is Null, which means "not known". The
// value's text may share raw's memory.
func ReadCell(col *Column, raw string, numbering Numbering) (Value, string) {
	s := raw
	if !plain(s) {
		switch col.Kind {
		case CellEnum:
			for _, v := range col.Values {
				if s == v {
					return Value{Text: v}, ""
				}
			}
		case CellBool:
			if s == "是" {
				return Value{Number: 1}, ""
			}
			if s == "否" {
				return Value{}, ""
			}
		}
		var reason string
		if col.Kind == CellText && col.Form == TextAsWritten {
			s, reason = tidy(s)
		} else {
			s, reason = narrow(s)
		}
		if reason != "" {
			return Value{}, reason
		}
	}
	if s == "" {
		if col.Required {
			return Value{}, "必填，不能为空"
		}
		return Value{Null: true}, ""
	}
	var n int64
	var reason string
	switch col.Kind {
	case CellUSCC:
		s, reason = readUSCC(s)
		return Value{Text: s}, reason
	case CellEnum:
		s, reason = readEnum(col.Values, s)
		return Value{Text: s}, reason
	case CellDate:
		n, reason = readDate(s, numbering)
	case CellBool:
		n, reason = readBool(s)
	case CellCount:
		n, reason = readCount(s, numbering)
	case CellYear:
		n, reason = readYear(s)
	case CellYuan:
		n, reason = readAmount(s, 0, numbering)
	case CellWan:
		n, reason = readAmount(s, 4, numbering)
	default:
		s, reason = readText(col, s, numbering)
		return Value{Text: s}, reason
	}
	if reason != "" {
		return Value{}, reason
	}
	return Value{Number: n}, ""
}

// ParseUSCC reads a 统一社会信用代码 in any form in which people write it, checks it against GB 32100-2015 and gives its
// 18 upper-case characters. The error is an *Error with CodeInvalid.
func ParseUSCC(s string) (string, error) {
	s, reason := narrow(s)
	if reason == "" {
		s, reason = readUSCC(s)
	}
	if reason != "" {
		return "", Invalid("uscc", "%s", reason)
	}
	return s, nil
}

// ParseDate reads a date in any of the forms in which departments write it. The error is an *Error with CodeInvalid.
func ParseDate(s string) (calendar.Date, error) {
	s, reason := narrow(s)
	var n int64
	if reason == "" {
		n, reason = readDate(s, NotNumbered)
	}
	if reason != "" {
		return 0, Invalid("date", "%s", reason)
	}
	return calendar.Date(n), nil
}

// ParseYuan reads an amount and gives 分; without a unit it is in 元. More than two decimals are rounded half away from
// zero (四舍五入), exactly. The error is an *Error with CodeInvalid.
func ParseYuan(s string) (int64, error) {
	s, reason := narrow(s)
	var n int64
	if reason == "" {
		n, reason = readAmount(s, 0, NotNumbered)
	}
	if reason != "" {
		return 0, Invalid("amount", "%s", reason)
	}
	return n, nil
}

// FormatYuan writes 分 as a decimal number of 元, 1234.50, as JSON and files carry it.
func FormatYuan(fen int64) string {
	sign, n := "", uint64(fen)
	if fen < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
}

// plain says whether s is printable ASCII without spaces, which needs no tidying: most cells.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7F {
			return false
		}
	}
	return true
}

const damaged = "含有无法识别的字符，可能是文件编码有误"

// sort of a character when texts are tidied.
type charSort uint8

const (
	charKeep  charSort = iota
	charSpace          // any white space, also tabs and line breaks
	charDrop           // invisible: byte order marks, zero width, direction controls
	charBad            // other control characters, undecodable bytes
)

func sortOf(r rune) charSort {
	switch {
	case r > ' ' && r < 0x7F, r > 0x3000 && r < 0xFE00:
		return charKeep
	case r == ' ', r >= '\t' && r <= '\r', r == 0x85, r == 0xA0, r == 0x1680, r >= 0x2000 && r <= 0x200A,
		r == 0x2028, r == 0x2029, r == 0x202F, r == 0x205F, r == 0x3000:
		return charSpace
	case r == 0xAD, r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x206F, r == 0xFEFF:
		return charDrop
	case r < ' ', r >= 0x7F && r < 0xA0, r == utf8.RuneError, r >= 0xFFF0 && r <= 0xFFFB, r&0xFFFE == 0xFFFE:
		return charBad
	}
	return charKeep
}

// tidy trims a text, makes each run of white space one space and drops what cannot be seen; the rest stays as written.
func tidy(s string) (string, string) {
	space := true // a space here would be the first character or the second of a run
	for i, r := range s {
		k := sortOf(r)
		if k == charKeep {
			space = false
			continue
		}
		if r == ' ' && !space {
			space = true
			continue
		}
		return retidy(s, i, false)
	}
	if space && s != "" {
		s = s[:len(s)-1]
	}
	return s, ""
}

// narrow is tidy that also makes full-width letters, digits and punctuation half-width.
func narrow(s string) (string, string) {
	if plain(s) {
		return s, ""
	}
	return retidy(s, 0, true)
}

// retidy does the work of tidy and narrow from byte from on.
func retidy(s string, from int, fold bool) (string, string) {
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:from])
	space := from == 0 || s[from-1] == ' '
	for _, r := range s[from:] {
		switch sortOf(r) {
		case charBad:
			if r == utf8.RuneError {
				return "", damaged
			}
			return "", "含有控制字符"
		case charSpace:
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		case charDrop:
			continue
		}
		space = false
		if fold {
			r = half(r)
		}
		b.WriteRune(r)
	}
	return strings.TrimSuffix(b.String(), " "), ""
}

// half gives the half-width form of a full-width character, and one form of the many dashes.
func half(r rune) rune {
	switch {
	case r >= 0xFF01 && r <= 0xFF5E:
		return r - 0xFEE0
	case r == 0xFFE5:
		return '¥'
	case r >= 0x2010 && r <= 0x2015, r == 0x2212:
		return '-'
	}
	return r
}

// readText checks a text's length and gives codes their one form.
func readText(col *Column, s string, numbering Numbering) (string, string) {
	if numbering != NotNumbered {
		// Excel keeps a long number that was typed into a text column as 1.38E+10.
		if n, ok := wholeNumber(s); ok {
			s = n
		}
	}
	if col.Form == TextCode {
		s = strings.ToUpper(s)
	}
	if col.Max > 0 && len(s) > col.Max && utf8.RuneCountInString(s) > col.Max {
		return "", fmt.Sprintf("超过%d个字", col.Max)
	}
	return s, ""
}

// readEnum finds the value; what stands in brackets behind it, such as 存续（在营、开业、在册）, explains it only.
func readEnum(values []string, s string) (string, string) {
	word := s
	if i := strings.IndexAny(s, "(（"); i > 0 {
		word = strings.TrimRight(s[:i], " ")
	}
	for _, v := range values {
		if word == v {
			return v, ""
		}
	}
	return "", "应为" + strings.Join(values, "、") + "之一"
}

func readBool(s string) (int64, string) {
	switch s {
	case "1", "是", "Y", "y", "true", "TRUE":
		return 1, ""
	case "0", "否", "N", "n", "false", "FALSE":
		return 0, ""
	}
	switch strings.ToLower(s) {
	case "yes", "true":
		return 1, ""
	case "no", "false":
		return 0, ""
	}
	return 0, "应为“是”或“否”"
}

const countReason = "应为不小于0的整数"

func readCount(s string, numbering Numbering) (int64, string) {
	for _, unit := range [...]string{"人", "名", "个", "户"} {
		if t, ok := strings.CutSuffix(s, unit); ok {
			s = strings.TrimRight(t, " ")
			break
		}
	}
	d, reason := readDecimal(s, numbering)
	if reason != "" || d.negative && !d.zero() {
		return 0, countReason
	}
	n, exact, ok := d.scaled(0)
	if !ok || n > MaxCount {
		return 0, fmt.Sprintf("超过上限%d", MaxCount)
	}
	if !exact {
		return 0, countReason
	}
	return n, ""
}

func readYear(s string) (int64, string) {
	s = strings.TrimSuffix(s, "度")
	s = strings.TrimRight(strings.TrimSuffix(s, "年"), " ")
	s = strings.TrimSuffix(s, ".0")
	if len(s) == 4 {
		if y, ok := digits(s); ok {
			if y < FirstYear || y > LastYear {
				return 0, fmt.Sprintf("年份应在%d至%d之间", FirstYear, LastYear)
			}
			return int64(y), ""
		}
	}
	return 0, "应为四位年份，如 2025"
}

// digits reads a short run of ASCII digits.
func digits(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int(c)
	}
	return n, s != ""
}
