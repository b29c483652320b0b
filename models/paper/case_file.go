package paper

import (
	"fmt"
	"strings"

	"github.com/signintech/gopdf"

	"bangfu/models"
	"bangfu/models/calendar"
)

// The page of a case file, A4 upright, in points.
const (
	pageW, pageH = 595.28, 841.89
	left, right  = 56.0, pageW - 56
	top, bottom  = 78.0, pageH - 66
)

var (
	heading = style{size: 13, bold: true, colour: red}
	body    = style{size: 9.5, colour: ink}
	strong  = style{size: 10.5, bold: true, colour: ink}
	note    = style{size: 8, colour: grey}
)

// leading is the distance of lines in multiples of their size.
const leading = 1.55

// dossier is a case file being written, from the top of each page to its bottom.
type dossier struct {
	*sheet
	f    models.CaseFile
	y    float64
	page int
}

// CaseFile is the case file (案卷) of an application for printing: everything that models.CaseFile holds, in the order of the
// season. The same record gives the same bytes.
func CaseFile(f models.CaseFile) ([]byte, error) {
	d := &dossier{sheet: newSheet(*gopdf.PageSizeA4, "申报案卷 "+f.Number, f.LastChangeDate), f: f}
	d.newPage()
	d.cover()
	d.facts()
	d.grounds()
	d.events()
	d.documents()
	d.visits()
	d.comparison()
	d.notices()
	d.objections()
	d.certification()
	d.mails()
	d.audit()
	if lost := d.lostText(); lost != "" {
		d.gap(8)
		d.paragraph(left, right-left, lost, note)
	}
	return d.bytes()
}

func (d *dossier) newPage() {
	d.pdf.AddPage()
	d.page++
	d.text(left, 40, d.f.District+"　个体工商户“名特优新”申报案卷", note)
	number := fmt.Sprintf("%s　第%d页", d.f.Number, d.page)
	d.text(right-d.width(number, note), 40, number, note)
	d.line(left, 56, right, 56, 0.6, gold)
	d.line(left, pageH-50, right, pageH-50, 0.4, pale)
	d.text(left, pageH-44, "由系统按记录生成，截至 "+moment(d.f.LastChange)+" 的记录；每一操作的校验值见末节", style{size: 7, colour: grey})
	d.y = top
}

// room begins a new page unless so much is left on this one.
func (d *dossier) room(h float64) {
	if d.y+h > bottom {
		d.newPage()
	}
}

func (d *dossier) gap(h float64) { d.y += h }

// paragraph writes a text in lines, over pages where it must.
func (d *dossier) paragraph(x, w float64, text string, st style) {
	for _, line := range d.wrap(text, st, w) {
		d.room(st.size * leading)
		d.text(x, d.y, line, st)
		d.y += st.size * leading
	}
}

// section begins a part; it never stands alone at the foot of a page.
func (d *dossier) section(title string) {
	d.gap(14)
	d.room(60)
	d.fill(left, d.y+1, 3, 13, red)
	d.text(left+10, d.y, title, heading)
	d.y += 26
}

// none says that a part is empty.
func (d *dossier) none(empty bool) bool {
	if empty {
		d.paragraph(left+10, right-left-10, "无", style{size: 9.5, colour: grey})
	}
	return empty
}

// pairs writes labels with their values; what is empty is left out.
func (d *dossier) pairs(x float64, rows ...[2]string) {
	const label = 78.0
	for _, row := range rows {
		if row[1] == "" {
			continue
		}
		d.room(body.size * leading)
		d.text(x, d.y, row[0], style{size: 9.5, colour: grey})
		d.paragraph(x+label, right-x-label, row[1], body)
	}
}

// table writes rows under a head; columns are widths in points. A row never breaks over pages, the head is repeated.
func (d *dossier) table(columns []float64, head []string, rows [][]string, st style) {
	write := func(cells []string, st style) {
		x, y, last := left, d.y, d.y
		for i, c := range cells {
			for j, line := range d.wrap(c, st, columns[i]-8) {
				at := y + float64(j)*st.size*leading
				d.text(x+2, at, line, st)
				last = max(last, at+st.size*leading)
			}
			x += columns[i]
		}
		d.y = last + 4
		d.line(left, d.y-1, right, d.y-1, 0.4, pale)
		d.y += 3
	}
	top := func() { write(head, style{size: st.size, colour: grey}) }
	d.room(60)
	top()
	for _, row := range rows {
		h := 0.0
		for i, c := range row {
			h = max(h, float64(len(d.wrap(c, st, columns[i]-8)))*st.size*leading)
		}
		if d.y+h+8 > bottom && h < bottom-heads {
			d.newPage()
			top()
		}
		write(row, st)
	}
}

// heads is what the heads of a page and of a table take.
const heads = 140.0

func date(d calendar.Date) string {
	if d == 0 {
		return ""
	}
	return d.Chinese()
}

// moment shortens an RFC 3339 moment to what people read.
func moment(s string) string {
	if len(s) < 16 {
		return s
	}
	return strings.Replace(s[:16], "T", " ", 1)
}

func (d *dossier) cover() {
	f := d.f
	d.y = 92
	d.centred(pageW/2, d.y, right-left, "申报案卷", style{size: 26, bold: true, colour: red, spacing: 10})
	d.y += 48
	d.centred(pageW/2, d.y, right-left, f.Name, style{size: 17, colour: ink})
	d.y += 30
	d.centred(pageW/2, d.y, right-left, f.Number, style{size: 11, colour: grey})
	d.y += 30
	policy := fmt.Sprintf("第%d版，校验值 %s", f.PolicyVersion, f.PolicyHash)
	d.pairs(left, [][2]string{
		{"现状", f.State}, {"信用代码", f.USCC}, {"所属街道", f.Street}, {"分型", f.Tier.String()}, {"方式", f.Origin}, {"推荐部门", f.Department}, {"录入", f.EnteredBy},
		{"申报分类", strings.Join(f.Wished, "、")}, {"审核分类", f.Category}, {"申报日期", date(f.SubmittedOn)}, {"办结日期", date(f.ClosedOn)},
		{"最近决定", f.Reason}, {"依据", f.Clause}, {"政策版本", policy}, {"数据版本", f.DataMark},
	}...)
	if f.ForOperator {
		d.pairs(left, [2]string{"说明", "本份供经营者查阅，不含他人的保密内容"})
	}
	if f.Statement != "" {
		d.section("申报人陈述")
		d.paragraph(left+10, right-left-10, f.Statement, body)
	}
}

func (d *dossier) facts() {
	d.section("部门交付的情况")
	if d.none(len(d.f.Facts) == 0) {
		return
	}
	var rows [][]string
	for _, x := range d.f.Facts {
		rows = append(rows, []string{x.Label, x.Value, x.Source, date(x.DeliveredOn)})
	}
	d.table([]float64{120, 190, 85, 88}, []string{"事项", "内容", "来源", "交付日期"}, rows, body)
}

func (d *dossier) grounds() {
	d.section("条件：提出的和认定的")
	d.none(len(d.f.Grounds) == 0)
	for _, g := range d.f.Grounds {
		d.room(44)
		outcome := map[models.Outcome]string{models.OutcomeMet: "符合", models.OutcomeNotMet: "不符合", models.OutcomeNotKnown: "数据不能判断", "": "未认定"}[g.Outcome]
		d.paragraph(left+10, right-left-10, fmt.Sprintf("“%s”%s　%s", g.Category, g.Letter, outcome), strong)
		claimed := "未提出，由审核认定"
		if g.Claimed {
			claimed = "已提出"
		}
		d.pairs(left+10, [][2]string{{"条款", g.Clause}, {"原文", g.Text}, {"提出", claimed}, {"说明", g.Statement}, {"认定", join(g.CheckedBy, date(g.On))}, {"数据", g.Value}, {"理由", g.Reason}}...)
		d.gap(5)
	}
}

// join puts together what is there.
func join(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "　")
}

func (d *dossier) events() {
	d.section("办理经过")
	d.none(len(d.f.Events) == 0)
	for _, e := range d.f.Events {
		d.room(44)
		d.paragraph(left+10, right-left-10, fmt.Sprintf("%d　%s", e.Seq, e.Name), strong)
		d.pairs(left+10, [][2]string{{"日期", join(date(e.On), "记录于 "+moment(e.At))}, {"状态", e.From + " → " + e.To}, {"办理", e.By}, {"理由", e.Reason},
			{"依据", join(e.Clause, fmt.Sprintf("政策第%d版", e.PolicyVersion))}}...)
		d.gap(5)
	}
}

func (d *dossier) documents() {
	d.section("材料")
	if d.none(len(d.f.Documents) == 0) {
		return
	}
	var rows [][]string
	for _, x := range d.f.Documents {
		rows = append(rows, []string{x.Of + x.Purpose, x.Name + "\n" + x.SHA256, fmt.Sprintf("%d KB", (x.Size+1023)/1024), x.By + "\n" + moment(x.At)})
	}
	d.table([]float64{80, 255, 48, 100}, []string{"类别", "文件名和校验值（SHA-256）", "大小", "上传"}, rows, style{size: 8.5, colour: ink})
}

func (d *dossier) visits() {
	d.section("走访核实")
	d.none(len(d.f.Visits) == 0)
	for _, v := range d.f.Visits {
		d.room(44)
		d.paragraph(left+10, right-left-10, join(v.State, v.Outcome), strong)
		d.pairs(left+10, [][2]string{{"走访人员", strings.Join(v.Visitors, "、")}, {"计划日期", date(v.PlannedOn)}, {"走访日期", date(v.VisitedOn)}, {"情况", v.Record},
			{"签认", join(v.SignedBy, date(v.SignedOn))}, {"变更原因", v.Reason}}...)
		d.gap(5)
	}
}

func (d *dossier) comparison() {
	d.section("比选")
	c := d.f.Comparison
	if d.none(c == nil) {
		return
	}
	d.pairs(left+10, [][2]string{{"名次", fmt.Sprintf("第%d名，本年度名额%d个", c.Place, c.Places)}, {"总分", fmt.Sprintf("%d分", c.Score)}, {"同分先后", c.Tie}, {"比选方案", c.Proposal},
		{"决定", join(c.Decision, c.By, moment(c.At))}, {"理由", c.Reason}}...)
	d.gap(6)
	var rows [][]string
	for _, i := range c.Items {
		rows = append(rows, []string{i.Clause, i.Text, fmt.Sprintf("%d", i.Points)})
	}
	if len(rows) > 0 {
		d.table([]float64{100, 323, 60}, []string{"条款", "得分事项", "得分"}, rows, body)
	}
}

func (d *dossier) notices() {
	d.section("公示")
	d.none(len(d.f.Notices) == 0)
	for _, n := range d.f.Notices {
		state := map[models.EntryState]string{models.EntryListed: "列入名单", models.EntryRemoved: "异议成立，移出名单", models.EntryWithdrawn: "申请人撤回", models.EntryBarred: "出现不得认定的情形"}[n.State]
		d.room(44)
		d.paragraph(left+10, right-left-10, fmt.Sprintf("第%d次公示　%s", n.Number, state), strong)
		d.pairs(left+10, [][2]string{{"公示期", date(n.PublishedOn) + "至" + date(n.EndsOn)}, {"移出日期", date(n.RemovedOn)}, {"理由", n.Reason}, {"名单校验值", n.SHA256}}...)
		d.gap(5)
	}
}

func (d *dossier) objections() {
	d.section("异议")
	d.none(len(d.f.Objections) == 0)
	for _, o := range d.f.Objections {
		d.room(44)
		d.paragraph(left+10, right-left-10, join(o.Number, o.Kind, o.State), strong)
		d.pairs(left+10, [][2]string{{"提出", join(o.By, date(o.ReceivedOn))}, {"内容", o.Statement}, {"受理日期", date(o.AcceptedOn)}, {"部门答复", join(o.Department, o.Answer)},
			{"结果", o.Outcome}, {"理由", o.Reason}, {"依据", o.Clause}, {"办结", join(o.SettledBy, date(o.SettledOn))}}...)
		d.gap(5)
	}
}

func (d *dossier) certification() {
	d.section("认定")
	c := d.f.Certification
	if d.none(c == nil) {
		return
	}
	d.pairs(left+10, [][2]string{{"证书编号", c.Number}, {"分类", c.Category}, {"认定日期", date(c.CertifiedOn)}, {"有效期至", date(c.ValidUntil)}, {"现状", c.State}, {"终止日期", date(c.EndedOn)},
		{"理由", c.Reason}, {"市级抽查", c.CityCheck}, {"政策校验值", c.PolicyHash}, {"程序版本", c.Program}}...)
}

func (d *dossier) mails() {
	d.section("发出的通知")
	if d.none(len(d.f.Mails) == 0) {
		return
	}
	states := map[models.MailState]string{models.MailQueued: "待发送", models.MailSending: "发送中", models.MailSent: "已发送", models.MailFailed: "发送失败"}
	var rows [][]string
	for _, m := range d.f.Mails {
		rows = append(rows, []string{date(m.On), m.Name, m.About, join(states[m.State], moment(m.SentAt))})
	}
	d.table([]float64{95, 105, 133, 150}, []string{"日期", "通知", "关于", "状态"}, rows, body)
}

func (d *dossier) audit() {
	d.section("操作记录")
	d.paragraph(left+10, right-left-10, "每条记录以校验值与上一条相连，可与审计链逐条核对。", note)
	d.gap(4)
	if d.none(len(d.f.Audit) == 0) {
		return
	}
	var rows [][]string
	for _, e := range d.f.Audit {
		rows = append(rows, []string{fmt.Sprintf("%d", e.Seq), e.At, join(e.Action, string(e.Actor)) + "\n" + e.Object, e.Hash})
	}
	d.table([]float64{40, 105, 140, 198}, []string{"编号", "时间（世界时）", "操作", "校验值"}, rows, style{size: 7, colour: ink})
}
