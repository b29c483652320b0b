package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// replaced is the work plan's policy with texts replaced (old, new, …).
func replaced(t *testing.T, pairs ...string) *Policy {
	t.Helper()
	p, err := Load([]byte(strings.NewReplacer(pairs...).Replace(string(Default("110107", 2026)))))
	require.NoError(t, err)
	return p
}

func lines(changes []Change) []string {
	out := make([]string, len(changes))
	for i, c := range changes {
		out[i] = c.String()
	}
	return out
}

func TestADifferenceIsSaidOnceAndInWords(t *testing.T) {
	a := workPlan(t)
	for name, c := range map[string]struct {
		b    *Policy
		want []string
	}{
		"comments and layout": {replaced(t, "format: 1", "# 另一份\nformat:   1", "{ fact: patent }", "{fact: patent}"), []string{}},
		"an amount, confirmed": {replaced(t, "value: 20万元\n    placeholder: true", "value: 25万元"),
			[]string{"改动 成长型营业收入标准（附一(三)2(2)A）：20 万元（待确认） → 25 万元"}},
		"a text": {replaced(t, "拥有1件（含）以上以个体工商户或其经营者为专利权人专利的", "拥有有效专利的"),
			[]string{"改动 拥有有效专利的条文（附一(三)2(3)E）：拥有1件（含）以上以个体工商户或其经营者为专利权人专利的 → 拥有有效专利的"}},
		"a test": {replaced(t, "at_least: growth.revenue", "above: growth.revenue"),
			[]string{"改动 营业收入达到成长型标准的判断（附一(三)2(2)A）：营业收入不低于“成长型营业收入标准” → 营业收入高于“成长型营业收入标准”"}},
		"a date": {replaced(t, "city_due: 07-15", "city_due: 07-18"),
			[]string{"改动 市级分型结果下发（二(一)2）：2026-07-15 → 2026-07-18"}},
		"an owner": {replaced(t, "honours: { department: scjg, department_name: 区市场监管局", "honours: { department: zzb, department_name: 区委组织部"),
			[]string{"改动 表彰奖励（附三(三)2(1)D）：区市场监管局（scjg），分型判定不必等待 → 区委组织部（zzb），分型判定不必等待"}},
		"added": {replaced(t, "parameters:\n", "parameters:\n  visit.days: { name: 走访期限, clause: 附三(二)2, text: 走访核实, value: 10个工作日 }\n"),
			[]string{"新增 走访期限（附三(二)2）：10 个工作日", "新增 走访期限的依据文字（附三(二)2）：走访核实"}},
	} {
		require.Equal(t, c.want, lines(Diff(a, c.b)), name)
	}
}

func TestWhatIsTakenAwayIsSaid(t *testing.T) {
	old := replaced(t, "parameters:\n", "parameters:\n  visit.days: { name: 走访期限, clause: 附三(二)2, text: 走访核实, value: 10个工作日 }\n")
	changes := Diff(old, workPlan(t))
	require.Len(t, changes, 2)
	require.Equal(t, "删除 走访期限（附三(二)2）：10 个工作日", changes[0].String())
	require.Equal(t, Removed, changes[0].Kind)
}

func TestEveryPartOfThePolicyIsInItsOutlineUnderItsOwnKey(t *testing.T) {
	keys := map[string]bool{}
	for _, s := range workPlan(t).Outline() {
		require.NotEmpty(t, s.Items, s.Title)
		for _, i := range s.Items {
			require.False(t, keys[i.Key], "%s is there twice", i.Key)
			keys[i.Key] = true
			require.NotEmpty(t, i.Name, i.Key)
			require.NotEmpty(t, i.Value, i.Key)
		}
	}
}
