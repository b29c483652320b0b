package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"bangfu/models"
	"bangfu/models/policy"
	"bangfu/models/store"
)

func policyWhatIfCommand() *cobra.Command {
	var district string
	var year int
	c := &cobra.Command{
		Use:   "what-if 文件或编号",
		Short: "以一年的实际数据试算一份政策：谁的分型会变、依据哪一条、名额多少、影响哪些认定户",
		Long: "以一年的实际数据试算一份政策文件，或已存入的一个版本（写它的编号），与当前结果所据的政策比较。\n" +
			"只读数据库，不改变任何结果；逐户名单、图表见接口 /api/v1/policies/{编号}/what-if.xlsx 和 .html。",
		Example: "  bangfu policy what-if 2027草案.yaml --year 2026\n  bangfu policy what-if 12",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			stored := err == nil
			var draft store.WhatIfDraft
			if !stored { // a file that is wrong is told before the database is opened
				if draft.Policy, err = loadPolicy(c, args[0]); err != nil {
					return err
				}
			}
			s, err := openStore(c.Context())
			if err != nil {
				return err
			}
			defer closeStore(s)
			if stored {
				v, err := s.PolicyByID(c.Context(), id)
				if err != nil {
					return err
				}
				draft = store.WhatIfDraft{Policy: v.Policy, ID: v.ID, Version: v.Version}
			}
			if district == "" {
				district = draft.District
			}
			if year == 0 {
				year = draft.Year
			}
			return tryPolicy(c.Context(), c.OutOrStdout(), s, draft, district, year)
		},
	}
	c.Flags().StringVar(&district, "district", "", "用哪个区的数据，不写为政策的区")
	c.Flags().IntVar(&year, "year", 0, "用哪一年度的数据，不写为政策的年度")
	return c
}

func tryPolicy(ctx context.Context, out io.Writer, s *store.Store, draft store.WhatIfDraft, district string, year int) error {
	basis, err := s.WhatIfBasis(ctx, district, year)
	if err != nil {
		return err
	}
	r, err := s.WhatIf(ctx, basis, draft, nil)
	if err != nil {
		return err
	}
	tried := "文件（" + r.Draft.Hash[:8] + "）"
	if r.Draft.ID != 0 {
		tried = models.PolicyLabel(r.Draft.Version, r.Draft.Hash)
	}
	lines := []string{fmt.Sprintf("%s %d 年度，判定日 %s，%d 户", r.DistrictName, r.Year, r.AsOf, r.Own.Before().Total()),
		"现行政策 " + models.PolicyLabel(r.Base.Version, r.Base.Hash), "试算政策 " + tried}
	for _, change := range policy.Diff(basis.Law.Policy, draft.Policy) {
		lines = append(lines, "  "+change.String())
	}
	lines = append(lines, fmt.Sprintf("变动：采用的分型 %d 户，本区判定 %d 户（其中市级结果仍然有效 %d 户，研判或异议决定仍然有效 %d 户，采用的分型不变）",
		r.Counting.Moving(), r.Own.Moving(), r.HeldCity, r.HeldDecided))
	if _, err := fmt.Fprintln(out, strings.Join(lines, "\n")); err != nil {
		return err
	}
	return printWhatIf(out, r)
}

// printWhatIf prints a trial's tables, those with something in them.
func printWhatIf(out io.Writer, r *models.WhatIf) error {
	show := func(heads []any, rows [][]any) error {
		if len(rows) == 0 {
			return nil
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
		t := newTable(out, heads...)
		for _, row := range rows {
			t.row(row...)
		}
		return t.flush()
	}
	var tiers, places, moves, conditions, certified [][]any
	own, counting := [2]models.TierCounts{r.Own.Before(), r.Own.After()}, [2]models.TierCounts{r.Counting.Before(), r.Counting.After()}
	for _, t := range models.Tiers {
		tiers = append(tiers, []any{t, counting[0][t], counting[1][t], own[0][t], own[1][t]})
	}
	for _, set := range []struct {
		name   string
		places models.Places
	}{{"采用的分型，现行", r.Counting.Base}, {"采用的分型，试算", r.Counting.Draft}, {"本区判定，现行", r.Own.Base}, {"本区判定，试算", r.Own.Draft}} {
		p := set.places
		places = append(places, []any{set.name, p.Growth, p.Development, fmt.Sprintf("%g%%", float64(p.Share)/100), p.Gross, p.StillValid, p.Places})
	}
	for _, m := range r.Moves {
		for i, c := range m.Causes {
			line := []any{"", "", "", c.Clause + " " + c.Name, c.Households}
			if i == 0 {
				line[0], line[1], line[2] = m.From.String()+"→"+m.To.String(), m.Own, m.Counting
			}
			moves = append(moves, line)
		}
	}
	for _, c := range r.Conditions {
		for _, f := range c.Flows {
			conditions = append(conditions, []any{c.Clause + " " + c.Name, f.From.Name() + "→" + f.To.Name(), f.Households})
		}
	}
	for _, c := range r.Certified.Affected {
		effect := "仍符合申报条件"
		switch {
		case len(c.Barred) > 0:
			effect = "不再符合申报条件：" + clauses(c.Barred)
		case len(c.BarredOwn) > 0:
			effect = "按本区判定不再符合申报条件：" + clauses(c.BarredOwn)
		}
		certified = append(certified, []any{c.Certification.Number, c.Certification.USCC, c.From.String() + "→" + c.To.String(), c.OwnFrom.String() + "→" + c.OwnTo.String(), effect})
	}
	for _, t := range []struct {
		heads []any
		rows  [][]any
	}{
		{[]any{"分型", "采用：现行", "采用：试算", "本区：现行", "本区：试算"}, tiers},
		{[]any{"名额（附三(四)）", "成长型", "发展型", "比例", "数量上限", "次年仍有效", "名额"}, places},
		{[]any{"变动", "本区判定", "采用的分型", "依据", "户数"}, moves},
		{[]any{"条件", "结果改变", "户数"}, conditions},
		{[]any{"认定编号", "统一社会信用代码", "采用的分型", "本区判定", "影响"}, certified},
	} {
		if err := show(t.heads, t.rows); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "\n有效认定 %d 户（本年度登记数据中没有 %d 户），采用的分型变动 %d 户，不再符合申报条件 %d 户（按本区判定 %d 户）\n",
		r.Certified.Valid, r.Certified.Missing, r.Certified.Moved, r.Certified.Out, r.Certified.OutOwn)
	return err
}

func clauses(bars []models.Bar) string {
	list := make([]string, len(bars))
	for i, b := range bars {
		list[i] = b.Clause
	}
	return strings.Join(list, "、")
}
