package models

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestACodeIsReadAsPeopleTypeIt(t *testing.T) {
	for typed, want := range map[string]string{
		"ABCDEFGH2345":     "ABCDEFGH2345",
		"abcd-efgh-2345":   "ABCDEFGH2345",
		" ABCD EFGH 2345 ": "ABCDEFGH2345",
		"ＡＢＣＤ－ＥＦＧＨ－２３４５":        "ABCDEFGH2345",
		"ABCD—EFGH—2345":        "ABCDEFGH2345",
		"ABCDEFGH234":           "", // too short
		"ABCDEFGH23456":         "", // too long
		"ABCDEFGH234O":          "", // not in the alphabet
		"ABCDEFGH2345\x00":      "",
		"":                      "",
		"汉字汉字汉字汉字汉字汉字":          "",
		FormatAccessCode("ABC"): "",
	} {
		code, ok := ParseAccessCode(typed)
		require.Equal(t, want != "", ok, typed)
		if ok {
			require.Equal(t, want, code)
		}
	}
	require.Equal(t, "ABCD-EFGH-2345", FormatAccessCode("ABCDEFGH2345"))
}
