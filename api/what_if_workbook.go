package api

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/xuri/excelize/v2"

	"bangfu/activities/files"
	"bangfu/models"
)

// whatIfColours are the charts' colours: the present policy, the one that is tried.
var whatIfColours = []string{"8A9BB0", "C8642A", "3F7F4F"}

// getWhatIfWorkbook writes the list of all who move while they are judged, so that it is never held whole.
func (s *Server) getWhatIfWorkbook(ctx context.Context, u models.User, in *WhatIfInput) (_ *huma.StreamResponse, err error) {
	b := newWorkbook()
	defer func() {
		if err != nil {
			_ = b.file.Close()
		}
	}()
	// the sheets stand in the order in which they are begun
	overview, reasons := b.sheet("总览", 34, 22, 22, 16, 16, 18, 16), b.sheet("变动依据", 30, 22, 44, 44, 14, 14, 14, 14, 14, 14, 14)
	streets, holders := b.sheet("街道", 30, 14, 14, 14, 14, 14), b.sheet("认定户", 26, 34, 22, 10, 12, 14, 14, 14, 16, 16, 44, 60, 60)
	if b.err != nil {
		return nil, fmt.Errorf("beginning the workbook of a trial: %w", b.err)
	}
	list, err := files.NewSheetWriter(b.file, "变动户", 22, 36, 20, 16, 16, 16, 16, 26, 60)
	if err != nil {
		return nil, err
	}
	if err := list.Row("统一社会信用代码", "名称", "所属街道", "本区判定：现行", "本区判定：试算", "采用的分型：现行", "采用的分型：试算", "采用的分型为何不变", "依据的条款"); err != nil {
		return nil, err
	}
	w, err := s.tryPolicy(ctx, u, in, func(m models.WhatIfMover) error {
		v := viewWhatIfMover(m)
		return list.Row(v.USCC, v.Name, v.Street, v.OwnFrom.String(), v.OwnTo.String(), v.CountingFrom.String(), v.CountingTo.String(), v.Held, causeWords(v.Causes))
	})
	if err != nil {
		return nil, err
	}
	if err := list.Close(); err != nil {
		return nil, err
	}
	v := viewWhatIf(w)
	whatIfOverview(overview, w, v)
	whatIfReasons(reasons, v)
	whatIfStreets(streets, v)
	whatIfHolders(holders, w)
	if b.err != nil {
		return nil, fmt.Errorf("writing the workbook of a trial: %w", b.err)
	}
	return s.file(ctx, kindXLSX, whatIfName(w)+".xlsx", func(out io.Writer) error {
		_, err := b.file.WriteTo(out)
		if e := b.file.Close(); err == nil {
			err = e
		}
		return err
	}), nil
}

func causeWords(causes []models.WhatIfCause) string {
	words := make([]string, len(causes))
	for i, c := range causes {
		words[i] = c.String()
	}
	return strings.Join(words, "；")
}

func barWords(bars []models.Bar) string {
	words := make([]string, len(bars))
	for i, b := range bars {
		words[i] = b.Clause + "：" + b.Why
	}
	return strings.Join(words, "；")
}

func whatIfOverview(p *page, w whatIf, v WhatIfView) {
	p.heading(fmt.Sprintf("%s政策试算（%d 年度数据）", v.DistrictName, v.Year))
	p.put(0, v.Notice)
	name := func(q WhatIfPolicyView) string {
		return fmt.Sprintf("%s %d年度%s", q.Title, q.Year, models.PolicyLabel(q.Version, q.Hash))
	}
	for _, line := range [][2]string{{"现行政策", name(v.Base)}, {"试算政策", name(v.Draft)}, {"判定日", v.AsOf.String()}, {"所据数据", v.Data}} {
		p.put(0, line[0], line[1])
	}
	p.put(0, "户数", v.Households)
	p.put(0, "市级结果仍然有效而采用的分型不变", v.HeldByCity)
	p.put(0, "研判或异议决定仍然有效而采用的分型不变", v.HeldDecided)
	for i, set := range []struct {
		title string
		tiers WhatIfTiersView
		m     models.TierMatrix
	}{{"采用的分型", v.Counting, w.Counting.Matrix}, {"本区判定", v.Own, w.Own.Matrix}} {
		p.heading(fmt.Sprintf("%s：变动 %d 户（上升 %d，下降 %d）", set.title, set.tiers.Moving, set.tiers.Rose, set.tiers.Fell))
		head := p.put(p.head, "分型", "现行", "试算")
		for _, t := range models.Tiers {
			p.put(0, t.String(), set.tiers.Before[t.String()], set.tiers.After[t.String()])
		}
		p.chart(excelize.Bar, fmt.Sprintf("I%d", 2+20*i), set.title+"：各分型户数", head, head+1, p.row, []string{"B", "C"}, whatIfColours)
		p.row++
		matrix(p, set.m, "现行 ＼ 试算", "", "")
	}
	p.heading("名额（附三(四)）")
	head := p.put(p.head, "", "成长型", "发展型", "比例", "数量上限", "减：次年1月1日仍有效", "名额")
	for _, row := range newWhatIfPage(w).PlacesRows {
		p.put(0, row.Label, row.Growth, row.Development, row.Share/100, row.Gross, row.StillValid, row.Places)
	}
	p.chart(excelize.Bar, "I42", "名额", head, head+1, p.row, []string{"E", "G"}, whatIfColours)
	if v.FrozenPlaces != nil {
		p.put(0, "本年度已核定的名额（不因试算改变）", *v.FrozenPlaces)
	}
	p.heading("改动了什么")
	p.put(p.head, "项目", "依据", "现行", "试算")
	for _, c := range v.Changes {
		p.put(0, c.Name, c.Clause, c.From, c.To)
	}
}

func whatIfReasons(p *page, v WhatIfView) {
	p.heading("变动依据的条款（本区判定；一户可有几项）")
	p.put(p.head, "变动", "依据", "条件", "", "户数", "其中该变动共", "采用的分型随之变动")
	for _, m := range v.Moves {
		for _, c := range m.Causes {
			p.put(0, m.From.String()+" → "+m.To.String(), c.Clause, c.Name, "", c.Households, m.Own, m.Counting)
		}
	}
	p.heading("逐项条件")
	head := p.put(p.head, "条件", "依据", "现行如何判断", "试算如何判断", "结果改变", "现行符合", "现行不符合", "现行无数据", "试算符合", "试算不符合", "试算无数据")
	for _, c := range v.Conditions {
		p.put(0, c.Name, c.Clause, c.BaseRule, c.DraftRule, c.Changed, c.Before.Met, c.Before.NotMet, c.Before.NotKnown, c.After.Met, c.After.NotMet, c.After.NotKnown)
	}
	p.chart(excelize.Bar, "M1", "结果改变的户数", head, head+1, p.row, []string{"E"}, whatIfColours[1:])
}

func whatIfStreets(p *page, v WhatIfView) {
	head := p.put(p.head, "所属街道", "采用的分型上升", "采用的分型下降", "本区判定上升", "本区判定下降", "户数")
	for _, s := range v.Streets {
		p.put(0, s.Name, s.CountingRose, s.CountingFell, s.Rose, s.Fell, s.Households)
	}
	p.chart(excelize.Bar, "H1", "各街道变动户数", head, head+1, p.row, []string{"B", "C", "D", "E"}, append([]string{"3F7F4F"}, "C8642A", "9CC5A8", "E3B08F"))
}

// whatIfHolders lists every certified household that is affected.
func whatIfHolders(p *page, w whatIf) {
	c := w.Certified
	p.heading(fmt.Sprintf("有效认定 %d 户（本年度登记数据中没有 %d 户）：采用的分型变动 %d 户，不再符合申报条件 %d 户（按本区判定 %d 户）", c.Valid, c.Missing, c.Moved, c.Out, c.OutOwn))
	p.put(p.head, "认定编号", "名称", "统一社会信用代码", "分类", "来源", "有效期至", "采用的分型：现行", "采用的分型：试算", "本区判定：现行", "本区判定：试算",
		"变动依据的条款", "不再符合申报条件（采用的分型）", "不再符合申报条件（本区判定）")
	for _, h := range c.Affected {
		v := viewWhatIfHolder(h)
		p.put(0, v.Number, v.Name, v.USCC, v.Category, v.Origin, v.ValidUntil.String(), v.From.String(), v.To.String(), v.OwnFrom.String(), v.OwnTo.String(),
			causeWords(v.Causes), barWords(v.Barred), barWords(v.BarredOwn))
	}
}
