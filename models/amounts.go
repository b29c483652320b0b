package models

import (
	"fmt"
	"strings"
)

// MaxYuan is the largest amount taken, either sign: one trillion 元 (1万亿元).
const MaxYuan = 1_000_000_000_000

// units are the units of amounts, longest first, with their power of ten.
var units = [...]struct {
	name  string
	power int
}{
	{"千万元", 7}, {"百万元", 6}, {"万元", 4}, {"亿元", 8}, {"千元", 3}, {"元", 0}, {"圆", 0}, {"万", 4}, {"亿", 8},
}

// readAmount gives 分. power is that of the unit in which the column counts, used where the cell names none (4: 万元).
// Decimal digits are moved, never multiplied as floats, and rounded half away from zero (四舍五入) to 分.
func readAmount(s string, power int, numbering Numbering) (int64, string) {
	if c := s[max(len(s)-1, 0):]; c != "" && c[0] >= 0x80 {
		for _, u := range units {
			if t, ok := strings.CutSuffix(s, u.name); ok {
				s, power = strings.TrimRight(t, " "), u.power
				break
			}
		}
	}
	for _, sign := range [...]string{"¥", "人民币"} {
		s = strings.TrimLeft(strings.TrimPrefix(s, sign), " ")
	}
	d, reason := readDecimal(s, numbering)
	if reason != "" {
		return 0, reason
	}
	n, _, ok := d.scaled(power + 2)
	if !ok || n > MaxYuan*100 {
		return 0, "金额超过上限1万亿元"
	}
	if d.negative {
		n = -n
	}
	return n, ""
}

const amountReason = "不是数字，应如 1234.50"

// decimal is a number as its digits: whole.fraction × 10^power. No digit is lost in reading.
type decimal struct {
	negative        bool
	whole, fraction string
	power           int
}

// readDecimal reads digits with a sign, thousands separators and a point; in numeric cells of a workbook also an exponent.
// In a text an exponent is refused, for the program that wrote 1.2E+10 has rounded the number.
func readDecimal(s string, numbering Numbering) (decimal, string) {
	var d decimal
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	if i := strings.IndexAny(s, "eE"); i > 0 {
		if numbering == NotNumbered {
			return d, "科学计数法丢失了位数，请填写完整数字"
		}
		exponent := s[i+1:]
		negative := exponent != "" && exponent[0] == '-'
		exponent = strings.TrimLeft(exponent, "+-")
		n, ok := digits(exponent)
		if !ok || len(exponent) > 3 {
			return d, amountReason
		}
		if d.power = n; negative {
			d.power = -n
		}
		s = s[:i]
	}
	d.whole, d.fraction, _ = strings.Cut(s, ".")
	if strings.IndexByte(d.whole, ',') >= 0 {
		groups := strings.Split(d.whole, ",")
		for i, g := range groups {
			if i == 0 && (len(g) < 1 || len(g) > 3) || i > 0 && len(g) != 3 {
				return d, "千分位逗号的位置不对，应如 1,234.50"
			}
		}
		d.whole = strings.Join(groups, "")
	}
	for _, part := range [...]string{d.whole, d.fraction} {
		if _, ok := digits(part); !ok && part != "" {
			return d, amountReason
		}
	}
	if d.whole == "" {
		return d, amountReason
	}
	return d, ""
}

// zero says whether every digit is 0.
func (d decimal) zero() bool {
	return strings.Trim(d.whole, "0") == "" && strings.Trim(d.fraction, "0") == ""
}

// digit gives the i-th digit of whole and fraction together, 0 outside.
func (d decimal) digit(i int) byte {
	if i < len(d.whole) {
		return d.whole[i] - '0'
	}
	if i -= len(d.whole); i < len(d.fraction) {
		return d.fraction[i] - '0'
	}
	return 0
}

// scaled gives the absolute value × 10^power, rounded half up, and whether it was whole; not ok when it has more than 17 digits.
func (d decimal) scaled(power int) (n int64, exact, ok bool) {
	end := len(d.whole) + d.power + power // digits before end are whole after scaling
	total := len(d.whole) + len(d.fraction)
	first := 0
	for first < total && d.digit(first) == 0 {
		first++
	}
	if first == total {
		return 0, true, true
	}
	if end-first > 17 {
		return 0, false, false
	}
	for i := first; i < end; i++ {
		n = n*10 + int64(d.digit(i))
	}
	exact = true
	for i := max(end, first); i < total; i++ {
		exact = exact && d.digit(i) == 0
	}
	if end >= 0 && d.digit(end) >= 5 {
		n++
	}
	return n, exact, true
}

// wholePart gives the digits before the point of a number that is not negative, an exponent worked in.
func wholePart(s string) (string, bool) {
	if n, ok := digits(s); ok && len(s) < 10 && n > 0 {
		return s, true
	}
	d, reason := readDecimal(s, Since1900)
	if reason != "" || d.negative {
		return "", false
	}
	end := len(d.whole) + d.power
	if end < 1 || end > 18 {
		return "", false
	}
	b := make([]byte, 0, end)
	for i := range end {
		if c := d.digit(i); c != 0 || len(b) > 0 {
			b = append(b, '0'+c)
		}
	}
	return string(b), len(b) > 0
}

// wholeNumber writes a number with an exponent in full, if it is whole.
func wholeNumber(s string) (string, bool) {
	if !strings.ContainsAny(s, "eE") {
		return "", false
	}
	d, reason := readDecimal(s, Since1900)
	if reason != "" {
		return "", false
	}
	n, exact, ok := d.scaled(0)
	if !ok || !exact || d.negative {
		return "", false
	}
	return fmt.Sprint(n), true
}
