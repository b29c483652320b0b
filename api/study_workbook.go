package api

import (
	"context"
	"fmt"
	"io"

	"github.com/xuri/excelize/v2"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/store"
)

// mostListed bounds the lists of single households in a report; the whole lists are the API's.
const mostListed = 5000

// tierColours are the charts' colours, from 不符合分型条件 up.
var tierColours = []string{"A6A6A6", "5B9BD5", "70AD47", "ED7D31"}

// workbook writes the sheets of a report. The first error is kept, and what follows it does nothing.
type workbook struct {
	file                        *excelize.File
	head, title, number, shares int // styles
	err                         error
}

// page is a sheet that is written from the top down.
type page struct {
	*workbook
	name string
	row  int // last row written
}

func newWorkbook() *workbook {
	b := &workbook{file: excelize.NewFile()}
	style := func(s excelize.Style) (id int) {
		if b.err == nil {
			id, b.err = b.file.NewStyle(&s)
		}
		return id
	}
	b.head = style(excelize.Style{Font: &excelize.Font{Bold: true}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"DDEBF7"}},
		Alignment: &excelize.Alignment{Vertical: "center", WrapText: true}})
	b.title = style(excelize.Style{Font: &excelize.Font{Bold: true, Size: 14}})
	b.number = style(excelize.Style{NumFmt: 3})
	b.shares = style(excelize.Style{NumFmt: 10})
	return b
}

// sheet begins a sheet with its columns' widths.
func (b *workbook) sheet(name string, widths ...float64) *page {
	if b.err == nil && b.file.SheetCount == 1 && b.file.GetSheetName(0) == "Sheet1" {
		b.err = b.file.SetSheetName("Sheet1", name)
	} else if b.err == nil {
		_, b.err = b.file.NewSheet(name)
	}
	p := &page{workbook: b, name: name}
	for i, w := range widths {
		column, err := excelize.ColumnNumberToName(i + 1)
		if b.err == nil {
			b.err = err
		}
		if b.err == nil {
			b.err = b.file.SetColWidth(name, column, column, w)
		}
	}
	return p
}

// put writes one row and gives its number. Texts are texts, whatever they look like; a float64 is a share of 1.
func (p *page) put(style int, cells ...any) int {
	p.row++
	for i, c := range cells {
		at, err := excelize.CoordinatesToCellName(i+1, p.row)
		if p.err == nil {
			p.err = err
		}
		if p.err != nil {
			break
		}
		s := style
		switch v := c.(type) {
		case string:
			p.err = p.file.SetCellStr(p.name, at, v)
		case float64:
			p.err = p.file.SetCellValue(p.name, at, v)
			s = max(s, p.shares)
		default:
			p.err = p.file.SetCellValue(p.name, at, v)
			s = max(s, p.number)
		}
		if p.err == nil && s != 0 {
			p.err = p.file.SetCellStyle(p.name, at, at, s)
		}
	}
	return p.row
}

// heading leaves a row empty and writes a heading.
func (p *page) heading(text string) {
	if p.row > 0 {
		p.row++
	}
	p.put(0, text)
	if p.err == nil {
		p.err = p.file.SetCellStyle(p.name, fmt.Sprintf("A%d", p.row), fmt.Sprintf("A%d", p.row), p.title)
	}
}

// span names a range of one column of the sheet, for charts.
func (p *page) span(column string, from, to int) string {
	return fmt.Sprintf("'%s'!$%s$%d:$%s$%d", p.name, column, from, column, to)
}

// chart draws columns B… of rows from..to, one series each, with column A as categories; series are named by the row head.
func (p *page) chart(kind excelize.ChartType, at, title string, head, from, to int, columns []string, colours []string) {
	if p.err != nil || to < from {
		return
	}
	c := &excelize.Chart{Type: kind, Title: excelize.ChartTitle{Paragraph: []excelize.RichTextRun{{Text: title}}}, Legend: excelize.ChartLegend{Position: "bottom"},
		Dimension: excelize.ChartDimension{Width: 640, Height: uint(min(max(320, 26*(to-from+1)+140), 900))}}
	for i, column := range columns {
		s := excelize.ChartSeries{Name: fmt.Sprintf("'%s'!$%s$%d", p.name, column, head), Categories: p.span("A", from, to), Values: p.span(column, from, to)}
		switch {
		case kind == excelize.Doughnut:
			for j, colour := range colours {
				s.DataPoint = append(s.DataPoint, excelize.ChartDataPoint{Index: j, Fill: solid(colour)})
			}
			c.PlotArea.ShowPercent = true
		case i < len(colours):
			s.Fill = solid(colours[i])
		}
		c.Series = append(c.Series, s)
	}
	if kind == excelize.BarStacked || kind == excelize.BarPercentStacked {
		c.XAxis.ReverseOrder = true // the first row on top, as in the table
	}
	p.err = p.file.AddChart(p.name, at, c)
}

func solid(colour string) excelize.Fill {
	return excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{colour}}
}

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// writeStudyWorkbook writes the 研判报告 with its charts (B6); differences of one department, or of every one.
func (s *Server) writeStudyWorkbook(ctx context.Context, w io.Writer, r *models.StudyReport, run models.Run, department string) (err error) {
	b := newWorkbook()
	defer func() {
		if e := b.file.Close(); err == nil {
			err = e
		}
	}()
	overview(b, r)
	tiers(b, r)
	grouped(b, "街道", "所属街道", r.Distribution.Streets)
	grouped(b, "行业", "行业门类", r.Distribution.Trades)
	if err := s.movementSheet(ctx, b, r, run); err != nil {
		return err
	}
	if err := s.differenceSheet(ctx, b, r.CycleID, department); err != nil {
		return err
	}
	if err := s.gapSheet(ctx, b, r); err != nil {
		return err
	}
	if b.err != nil {
		return fmt.Errorf("writing the study report of %s: %w", r.CycleID, b.err)
	}
	if _, err := b.file.WriteTo(w); err != nil {
		return fmt.Errorf("sending the study report of %s: %w", r.CycleID, err)
	}
	return nil
}

func overview(b *workbook, r *models.StudyReport) {
	d, p := r.Distribution, b.sheet("总览", 26, 18, 18, 18, 18)
	p.heading(fmt.Sprintf("%s %d 年个体工商户分型结果研判报告", r.DistrictName, r.Year))
	for _, line := range [][2]string{{"判定日", r.AsOf.String()}, {"判定次数", fmt.Sprintf("第 %d 次", r.Run)}, {"政策版本", models.PolicyLabel(r.PolicyVersion, r.PolicyHash)}} {
		p.put(0, line[0], line[1])
	}
	p.put(0, "总户数", d.Effective.Total())
	city := "尚未下发，以本区判定为准"
	if r.Study.Compared {
		city = "已下发；研判决定优先，其次市级结果"
	}
	p.put(0, "市级结果", city)
	p.put(0, "与市级不一致", r.Study.Differences())
	p.put(0, "其中待研判", r.Study.Open)
	p.row++
	head := p.put(b.head, "分型", "户数", "占比")
	for _, t := range models.Tiers {
		p.put(0, t.String(), d.Effective[t], share(d.Effective[t], d.Effective.Total()))
	}
	p.chart(excelize.Doughnut, "G2", "分型分布", head, head+1, p.row, []string{"B"}, tierColours)
	if r.Movement.Known {
		p.heading("与上年相比")
		head = p.put(b.head, "变动", "户数")
		for _, m := range directions {
			p.put(0, m.name, r.Movement.Count(m.direction))
		}
		p.chart(excelize.Col, "G24", "与上年相比的变动", head, head+1, p.row, []string{"B"}, []string{"4472C4"})
	}
}

var directions = []struct {
	direction models.Direction
	name      string
}{{models.DirectionRose, "上升"}, {models.DirectionFell, "下降"}, {models.DirectionNew, "新增"}, {models.DirectionLeft, "退出"}}

func tiers(b *workbook, r *models.StudyReport) {
	d, p := r.Distribution, b.sheet("分型", 20, 14, 14, 14, 14)
	p.put(b.head, "分型", "分型结果", "本区判定", "市级结果", "占比")
	for _, t := range models.Tiers {
		p.put(0, t.String(), d.Effective[t], d.Own[t], d.City[t], share(d.Effective[t], d.Effective.Total()))
	}
	p.chart(excelize.Col, "G1", "分型结果、本区判定与市级结果", 1, 2, p.row, []string{"B", "C", "D"}, []string{"4472C4", "ED7D31", "A5A5A5"})
	p.put(0, "合计", d.Effective.Total(), d.Own.Total(), d.City.Total(), share(d.Effective.Total(), d.Effective.Total()))
	if !r.Study.Compared {
		return
	}
	p.heading("本区判定与市级结果对照（行为本区判定，列为市级结果）")
	matrix(p, d.OwnByCity, "本区判定 ＼ 市级结果", "市级结果中没有", "")
}

// matrix writes counts of households by two tiers; none names the empty tier of the columns and of the rows, where they have one.
func matrix(p *page, m models.TierMatrix, corner, noneColumn, noneRow string) (head int) {
	header := []any{corner}
	for _, t := range models.Tiers {
		header = append(header, t.String())
	}
	if noneColumn != "" {
		header = append(header, noneColumn)
	}
	head = p.put(p.head, header...)
	rows := models.Tiers
	if noneRow != "" {
		rows = append([]models.Tier{models.NoTier}, rows...)
	}
	for _, from := range rows {
		name := from.String()
		if from == models.NoTier {
			name = noneRow
		}
		line := []any{name}
		for _, to := range models.Tiers {
			line = append(line, m[from][to])
		}
		if noneColumn != "" {
			line = append(line, m[from][models.NoTier])
		}
		p.put(0, line...)
	}
	return head
}

func grouped(b *workbook, sheet, label string, groups []models.GroupCounts) {
	p := b.sheet(sheet, 34, 16, 12, 12, 12, 12, 16, 12, 12, 12)
	header := []any{label}
	for _, t := range models.Tiers {
		header = append(header, t.String())
	}
	header = append(header, "合计")
	for _, t := range models.Tiers {
		header = append(header, t.String()+"占比")
	}
	p.put(b.head, header...)
	for _, g := range groups {
		name := g.Name
		if sheet == "行业" && g.Key != "" {
			name = g.Key + " " + g.Name
		}
		line := []any{name}
		for _, t := range models.Tiers {
			line = append(line, g.Counts[t])
		}
		line = append(line, g.Counts.Total())
		for _, t := range models.Tiers {
			line = append(line, share(g.Counts[t], g.Counts.Total()))
		}
		p.put(0, line...)
	}
	p.chart(excelize.BarStacked, "L1", "各"+sheet+"分型户数", 1, 2, p.row, []string{"B", "C", "D", "E"}, tierColours)
	p.chart(excelize.BarPercentStacked, "W1", "各"+sheet+"分型构成", 1, 2, p.row, []string{"B", "C", "D", "E"}, tierColours)
}

func (s *Server) movementSheet(ctx context.Context, b *workbook, r *models.StudyReport, run models.Run) error {
	p := b.sheet("变动", 24, 36, 16, 16, 16, 18)
	if !r.Movement.Known {
		p.put(0, fmt.Sprintf("没有 %d 年的分型结果可比", r.Year-1))
		return nil
	}
	p.heading(fmt.Sprintf("%d 年与 %d 年相比（行为上年，列为本年）", r.Year, r.Year-1))
	head := matrix(p, r.Movement.Matrix, "上年 ＼ 本年", "退出", "上年没有（新增）")
	p.chart(excelize.ColStacked, "H1", "上年各分型的户本年的去向", head, head+1, p.row, []string{"B", "C", "D", "E", "F"}, append(tierColours[:len(tierColours):len(tierColours)], "000000"))
	for _, m := range directions {
		n := r.Movement.Count(m.direction)
		p.heading(fmt.Sprintf("%s %d 户", m.name, n))
		if m.direction == models.DirectionNew {
			continue // every household of a first year: the results list has them
		}
		if n > mostListed {
			p.put(0, fmt.Sprintf("只列前 %d 户，全部名单见系统", mostListed))
		}
		p.put(b.head, "统一社会信用代码", "名称", "上年", "本年")
		movers, err := s.Store.Movers(ctx, run, m.direction, "", mostListed)
		if err != nil {
			return err
		}
		for _, h := range movers {
			p.put(0, h.USCC, h.Name, h.From.String(), h.To.String())
		}
	}
	return nil
}

// differenceSheet lists every difference, streamed: there may be very many.
func (s *Server) differenceSheet(ctx context.Context, b *workbook, cycleID, department string) error {
	if b.err != nil {
		return b.err
	}
	list, err := files.NewSheetWriter(b.file, "差异", 10, 22, 36, 16, 16, 16, 20, 14, 90, 10, 40, 26)
	if err != nil {
		return err
	}
	if err := list.Row("编号", "统一社会信用代码", "名称", "本区判定", "市级结果", "采用分型", "涉及部门", "数据来源", "差异原因", "状态", "研判理由", "研判时间"); err != nil {
		return err
	}
	for after := int64(0); ; {
		differences, names, err := s.differences(ctx, store.DifferenceQuery{CycleID: cycleID, Department: department, After: after, Limit: 1000})
		if err != nil {
			return err
		}
		for _, d := range differences {
			v, source := viewDifference(d, names), d.Source
			if code, err := models.ParseSource(d.Source); err == nil {
				source = code.Name()
			}
			err := list.Row(fmt.Sprint(d.ID), d.USCC, d.Name, d.OwnTier.String(), d.CityTier.String(), v.Tier.String(), v.DepartmentName, source, d.Why, d.State.Name(), d.Reason, v.DecidedAt)
			if err != nil {
				return err
			}
			after = d.ID
		}
		if len(differences) < 1000 {
			return list.Close()
		}
	}
}

func (s *Server) gapSheet(ctx context.Context, b *workbook, r *models.StudyReport) error {
	p := b.sheet("数据缺口", 24, 24, 12, 16, 20, 16, 70)
	head := p.put(b.head, "数据", "提供部门", "已交付", "缺少的户数", "登记中没有的代码数", "被拒绝的行数", "说明")
	for _, g := range r.Gaps {
		delivered := "否"
		if g.Delivered {
			delivered = "是"
		}
		p.put(0, g.Name, g.Department, delivered, g.Missing, g.Unmatched, g.Rejected, g.Note)
	}
	p.chart(excelize.Bar, "I1", "各项数据缺少的户数", head, head+1, p.row, []string{"D"}, []string{"ED7D31"})
	p.heading("因无数据而不能判断的条件")
	p.put(b.head, "条款", "条件", "数据来源", "户数")
	for _, c := range r.NotKnown {
		p.put(0, c.Clause, c.Name, c.Source, c.Households)
	}
	if !r.Study.Compared {
		return nil
	}
	for _, side := range []struct {
		kind models.GapKind
		text string
	}{{models.GapMissing, "市级结果中没有的户（以本区判定为准）"}, {models.GapUnmatched, "市级结果中有而登记数据中没有的代码"}} {
		codes, err := s.Store.GapPage(ctx, r.District, r.Year, models.SourceCityTiering, side.kind, "", mostListed)
		if err != nil {
			return err
		}
		p.heading(fmt.Sprintf("%s（至多列 %d 个）", side.text, mostListed))
		for _, code := range codes {
			p.put(0, code)
		}
	}
	return nil
}
