package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAValueIsReadAndWrittenWithItsUnit(t *testing.T) {
	for in, c := range map[string]struct {
		amount int64
		out    string
	}{
		"20万元": {20_000_000, "20 万元"}, "12.5万元": {12_500_000, "12.5 万元"}, "0.000001万元": {1, "0.000001 万元"},
		"1000元": {100_000, "1000 元"}, "1,000元": {100_000, "1000 元"}, "0.01元": {1, "0.01 元"},
		"4人": {4, "4 人"}, "2年": {2, "2 年"}, "5%": {500, "5%"}, "2.5%": {250, "2.5%"}, "5个工作日": {5, "5 个工作日"}, "30天": {30, "30 天"},
	} {
		v, err := ParseValue(in)
		require.NoError(t, err, in)
		require.Equal(t, c.amount, v.Amount, in)
		require.Equal(t, c.out, v.String())
	}
	for _, in := range []string{"", "万元", "20", "20万", "-1元", "1e3元", "1.2.3元", "0.001元", "1.5人", "0.001%", "99999999999999999999元", "1000000000万元", "二元", ".元"} {
		_, err := ParseValue(in)
		require.Error(t, err, in)
		require.Regexp(t, `\p{Han}`, err.Error())
	}
}

func TestAnAmountNextToALimitIsNeverRoundedOntoIt(t *testing.T) {
	limit, err := ParseValue("20万元")
	require.NoError(t, err)
	require.Equal(t, "19.999999 万元", limit.like(limit.Amount-1))
	require.Equal(t, "19.99 万元", limit.like(19_990_000))
	require.Equal(t, "20.00 万元", limit.like(limit.Amount))
}
