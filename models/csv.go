package models

import "strings"

// SafeCell gives the text as it may stand in a CSV or Excel file: what a spreadsheet would take for a formula
// (also behind spaces, and in the full-width forms that Chinese spreadsheets accept) is written behind an
// apostrophe, which spreadsheets show as plain text. A plain negative number stays one. PlainCell is the inverse.
func SafeCell(s string) string {
	if looksLikeFormula(s) {
		return "'" + s
	}
	return s
}

// PlainCell takes back what SafeCell added, so that a file which was exported can be mended and delivered again.
func PlainCell(s string) string {
	if rest, ok := strings.CutPrefix(s, "'"); ok && looksLikeFormula(rest) {
		return rest
	}
	return s
}

func looksLikeFormula(s string) bool {
	if s == "" {
		return false
	}
	if s[0] == '\t' || s[0] == '\r' || s[0] == '\n' {
		return true
	}
	t := strings.TrimLeft(s, " \u3000\u00a0\ufeff\t\r\n")
	for _, mark := range []string{"=", "+", "@", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(t, mark) {
			return true
		}
	}
	return strings.HasPrefix(t, "-") && !plainNumber(t[1:])
}

// plainNumber: digits with at most one point between them.
func plainNumber(s string) bool {
	whole, part, point := strings.Cut(s, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(whole) && (!point || digits(part))
}
