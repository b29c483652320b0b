package models

import (
	"fmt"
	"strings"
)

// usccAlphabet holds the 31 characters of GB 32100-2015 in the order of their values: no I, O, S, V, Z.
const usccAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// usccWeights are 3^i mod 31, GB 32100-2015 4.3.
var usccWeights = [17]int{1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28}

// usccValues gives a byte's value, -1 for what is not in the alphabet. Lower case is not in it.
var usccValues = func() (t [256]int8) {
	for i := range t {
		t[i] = int8(strings.IndexByte(usccAlphabet, byte(i)))
	}
	return t
}()

// USCCCheck gives the check character (校验码) of a code's first 17 characters, 0 if one of them is not in the alphabet.
func USCCCheck(body string) byte {
	if len(body) != 17 {
		return 0
	}
	sum := 0
	for i := range 17 {
		v := usccValues[body[i]]
		if v < 0 {
			return 0
		}
		sum += int(v) * usccWeights[i]
	}
	return usccAlphabet[(31-sum%31)%31]
}

// readUSCC checks a code whose full-width characters are folded already.
func readUSCC(s string) (string, string) {
	if len(s) == 18 {
		if c := USCCCheck(s[:17]); c != 0 && c == s[17] {
			return s, ""
		}
	}
	s = strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	if strings.Contains(s, "E+") {
		return "", "代码被存成了数字而丢失了末尾几位，请把该列设为文本后重新填写"
	}
	n := 0
	for _, r := range s {
		n++
		if r >= 0x80 || usccValues[byte(r)] < 0 {
			return "", fmt.Sprintf("第%d位“%c”不是统一社会信用代码的字符（数字和除 I、O、S、V、Z 外的大写字母）", n, r)
		}
	}
	if n != 18 {
		return "", fmt.Sprintf("统一社会信用代码应为18位，这里有%d位", n)
	}
	if USCCCheck(s[:17]) != s[17] {
		return "", "校验码不符（GB 32100-2015），请核对代码"
	}
	return s, ""
}
