package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bangfu/models"
)

func compared(t testing.TB, base, draft *Policy) *Comparison {
	t.Helper()
	a, err := base.Judge(2026, firstOfJuly)
	require.NoError(t, err)
	b, err := draft.Judge(2026, firstOfJuly)
	require.NoError(t, err)
	return Compare(a, b)
}

// cut takes from the words where a part of the file begins up to those where the next one does.
func cut(t testing.TB, from, to string) string {
	t.Helper()
	file := string(Default("110107", 2026))
	i := strings.Index(file, from)
	require.GreaterOrEqual(t, i, 0)
	j := strings.Index(file[i:], to)
	require.Positive(t, j)
	return file[i : i+j]
}

func TestTheClauseThatDecidesAMoveIsNamed(t *testing.T) { // B2
	growthC := cut(t, "        - id: growth.C", "    - tier: 生存型")
	development := cut(t, "    - tier: 发展型", "    - tier: 成长型")
	growth := cut(t, "    - tier: 成长型", "    - tier: 生存型\n      clause: 附一(三)2(1)\n      text: 符合基础标准")
	shared := cut(t, "        - id: age", "      any:")
	own := func(change func(h *household)) household {
		h := settled()
		h.revenue, h.tax, h.insured = yuan(100_000), yuan(0), number(0)
		change(&h)
		return h
	}
	cases := []struct {
		name      string
		changes   []string
		household household
		from, to  models.Tier
		want      []string
	}{
		{"a higher amount", []string{"value: 20万元", "value: 30万元"}, own(func(h *household) { h.revenue = yuan(250_000) }),
			models.Growth, models.Survival, []string{"附一(三)2(2)A 营业收入达到成长型标准（符合→不符合）"}},
		{"a lower amount", []string{"value: 20万元", "value: 10万元"}, own(func(*household) {}),
			models.Survival, models.Growth, []string{"附一(三)2(2)A 营业收入达到成长型标准（不符合→符合）"}},
		{"one of two ways is lost, the other holds", []string{"value: 20万元", "value: 30万元"}, own(func(h *household) { h.revenue, h.insured = yuan(250_000), number(2) }),
			models.Growth, models.Growth, nil},
		{"up although the way to the present tier is lost too", []string{"value: 20万元", "value: 90万元", "value: 120万元", "value: 80万元"},
			own(func(h *household) { h.revenue = yuan(850_000) }), models.Growth, models.Development, []string{"附一(三)2(3)A 营业收入达到发展型标准（不符合→符合）"}},
		{"what all need", []string{"value: 2年", "value: 15年"}, own(func(h *household) { h.revenue = yuan(250_000) }),
			models.Growth, models.Survival, []string{"附一(三)2(2)、(3) 成立满2年（符合→不符合）"}},
		{"a way is taken away", []string{growthC, ""}, own(func(h *household) { h.insured = number(2) }),
			models.Growth, models.Survival, []string{"附一(三)2(2)C 以单位形式参保1至3人（符合→无此项）"}},
		{"a standard is taken away", []string{growth, "", "      any:\n        - id: development.A", "      any:\n        - id: development.A"}, own(func(h *household) { h.insured = number(2) }),
			models.Growth, models.Survival, []string{"附一(三)2(2)C 以单位形式参保1至3人（符合→无此项）"}},
		{"the base standard asks for more", []string{"    exclude:\n      - id: abnormal", `      - id: insured
        clause: 附一(三)1
        name: 参保
        text: 参保
        when: { fact: insured, at_least: growth.insured.min }
    exclude:
      - id: abnormal`}, own(func(*household) {}), models.Survival, models.Ineligible, []string{"附一(三)1 参保（无此项→不符合）"}},
		{"the base standard asks for less", []string{"when: { fact: tax_abnormal }", "when: { all: [{ fact: tax_abnormal }, { fact: abnormal }] }"}, own(func(h *household) { h.taxAbnormal = is(true) }),
			models.Ineligible, models.Survival, []string{"附一(三)1(3) 不是税务非正常户（不符合→符合）"}},
		{"a standard asks for what another asked for", []string{"all: [age, tax_registered]\n      any:\n        - id: growth.A", "all: [age, tax_registered, development.D]\n      any:\n        - id: growth.A"},
			own(func(h *household) { h.insured = number(2) }), models.Growth, models.Survival, []string{"附一(三)2(3)D 拥有在用商标（不符合，标准对此项的要求改变）"}},
		{"a standard is added", []string{"    - tier: 生存型\n      clause: 附一(三)2(1)\n      text: 符合基础标准", `    - tier: 成长型
      clause: 附一(三)2(9)
      text: 有地理标志的
      all:
        - id: old
          clause: 附一(三)2(9)
          name: 成立满2年的老店
          text: 成立2年以上
          when: { fact: founded, at_least_years: tiering.age }
    - tier: 生存型
      clause: 附一(三)2(1)
      text: 符合基础标准`}, own(func(*household) {}), models.Survival, models.Growth, []string{"附一(三)2(9) 成立满2年的老店（无此项→符合）"}},
		{"only the order is another", []string{development + growth, strings.Replace(growth, "all: [age, tax_registered]", "all:\n"+shared, 1) + strings.Replace(development, "all:\n"+shared, "all: [age, tax_registered]\n", 1)},
			own(func(h *household) { h.revenue = yuan(2_000_000) }), models.Development, models.Growth, []string{"附一(三)2(2) 分型标准的次序或构成"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			comparison := compared(t, workPlan(t), replaced(t, c.changes...))
			a, b := comparison.base.Judge(c.household.facts()), comparison.draft.Judge(c.household.facts())
			require.Equal(t, []models.Tier{c.from, c.to}, []models.Tier{a.Tier, b.Tier})
			var got []string
			for _, cause := range comparison.Causes(a, b) {
				got = append(got, cause.String())
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestWithoutTheConditionsThatDecidedNobodyWouldHaveMovedSo(t *testing.T) {
	c := compared(t, workPlan(t), workPlan(t))
	all := uint64(1)<<len(c.draft.Conditions()) - 1
	rapid.Check(t, func(t *rapid.T) {
		verdict := func(label string) models.Verdict {
			met := rapid.Uint64Range(0, all).Draw(t, label)
			if rapid.Bool().Draw(t, label+" eligible") {
				met |= c.base.require | c.base.exclude
			}
			notKnown := rapid.Uint64Range(0, all).Draw(t, label+" not known") &^ met
			return models.Verdict{Tier: c.base.tier(met, notKnown), Met: met, NotKnown: notKnown}
		}
		a, b := verdict("base"), verdict("draft")
		causes := c.Causes(a, b)
		require.Equal(t, a.Tier != b.Tier, len(causes) > 0)
		if a.Tier == b.Tier {
			return
		}
		back := b
		for _, cause := range causes {
			require.NotEqual(t, cause.From, cause.To, "the same conditions: who moves moves by an outcome that changed")
			i := slices.IndexFunc(c.draft.Conditions(), func(o Condition) bool { return o.ID == cause.ID })
			bit := uint64(1) << i
			back.Met, back.NotKnown = back.Met&^bit|a.Met&bit, back.NotKnown&^bit|a.NotKnown&bit
		}
		eligible := func(v models.Verdict) bool { return c.draft.failed(v.Met, v.NotKnown) == 0 }
		if eligible(a) && eligible(b) {
			require.NotEqual(t, c.draft.standard(b.Met), c.draft.standard(back.Met), "with the old outcomes another standard decides")
		} else {
			require.NotEqual(t, eligible(b), eligible(back))
		}
	})
}

func TestHouseholdsAreCountedOnceInEverySum(t *testing.T) {
	c := compared(t, workPlan(t), replaced(t, "value: 20万元", "value: 30万元", "value: 5%", "value: 50%"))
	rapid.Check(t, func(t *rapid.T) {
		cells, total := map[Cell]int64{}, int64(0)
		for range rapid.IntRange(0, 20).Draw(t, "cells") {
			h := settled()
			h.revenue = number(rapid.Int64Range(0, 200_000_000).Draw(t, "revenue"))
			h.abnormal = is(rapid.IntRange(0, 5).Draw(t, "abnormal") == 0)
			cell := Cell{Base: c.base.Judge(h.facts()), Draft: c.draft.Judge(h.facts()), Street: rapid.SampledFrom([]string{"", "甲街道", "乙街道"}).Draw(t, "street"),
				City: models.Tier(rapid.IntRange(0, 4).Draw(t, "city")), Decided: models.Tier(rapid.IntRange(0, 4).Draw(t, "decided"))}
			n := rapid.Int64Range(1, 1000).Draw(t, "households")
			cells[cell] += n
			total += n
		}
		var r models.WhatIf
		c.Fill(&r, cells, 3)
		require.Equal(t, total, r.Own.Before().Total())
		require.Equal(t, total, r.Counting.After().Total())
		require.Equal(t, r.Own.Moving(), r.Counting.Moving()+r.HeldCity+r.HeldDecided)
		var own, counting, streets int64
		for _, m := range r.Moves {
			own, counting = own+m.Own, counting+m.Counting
		}
		require.Equal(t, r.Own.Moving(), own)
		require.Equal(t, r.Counting.Moving(), counting)
		for _, s := range r.Streets {
			streets += s.Counting.To().Total()
		}
		require.Equal(t, total, streets)
		after := r.Own.After()
		require.Equal(t, (after[models.Growth]+after[models.Development])/2, r.Own.Draft.Gross)
		require.Equal(t, max(0, r.Own.Draft.Gross-3), r.Own.Draft.Places)
		for _, condition := range r.Conditions {
			require.Equal(t, total, condition.Before.Met+condition.Before.NotMet+condition.Before.NotKnown)
		}
	})
}
