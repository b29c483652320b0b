package rehearsal

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	_ "embed" // the report's page
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Report is what a rehearsal showed. Everything in it is read from the rehearsal's record.
type Report struct {
	ID         string        `json:"id"`
	District   string        `json:"district"`
	Program    string        `json:"program"`
	Rules      []rule        `json:"rules"`
	From       calendar.Date `json:"from"`
	Until      calendar.Date `json:"until"`
	Began      time.Time     `json:"began"`
	Ended      time.Time     `json:"ended"`
	Intact     bool          `json:"audit_intact" doc:"操作记录的链条完整"`
	Years      []YearReport  `json:"years"`
	Punctual   []Punctuality `json:"punctuality"`
	Mails      []MailCount   `json:"mails"`
	Months     []MailMonth   `json:"mail_months"`
	MailTotal  int64         `json:"mail_total"`
	MailFiles  int64         `json:"mail_files" doc:"暂扣在目录中的邮件文件数"`
	Repeated   int64         `json:"mails_repeated" doc:"同日同一收件人内容完全相同的邮件"`
	Certified  []store.Tally `json:"certifications"`
	Reports    []store.Tally `json:"information_reports"`
	Cases      []store.Tally `json:"cases"`
	Events     []store.Tally `json:"certified_events"`
	Objections []store.Tally `json:"objections"`
	Refused    []Refusal     `json:"refused"`
}

// YearReport is one year of the rehearsal.
type YearReport struct {
	Cycle        string                            `json:"cycle"`
	Year         int                               `json:"year"`
	Stages       []StageReport                     `json:"stages"`
	Tiers        map[string]int64                  `json:"tiers"`
	Applications map[models.ApplicationState]int64 `json:"applications"`
	Gross        int64                             `json:"gross" doc:"按比例计算的名额"`
	StillValid   int64                             `json:"still_valid" doc:"次年1月1日仍有效的认定"`
	Places       int64                             `json:"places"`
	Certified    int64                             `json:"certified" doc:"本年度认定的户数"`
}

// Applied is how many stood in the year, drafts aside.
func (y YearReport) Applied() (n int64) {
	for state, k := range y.Applications {
		if state != models.ApplicationDraft {
			n += k
		}
	}
	return n
}

// StageReport is when a stage was.
type StageReport struct {
	Stage   models.Stage  `json:"stage"`
	Name    string        `json:"name"`
	From    calendar.Date `json:"from"`
	To      calendar.Date `json:"to"`
	Planned calendar.Date `json:"planned" doc:"计划结束之日"`
	Late    int           `json:"late" doc:"比计划晚的天数"`
}

// Punctuality is how one owner kept what was owed.
type Punctuality struct {
	Owner    string `json:"owner" doc:"谁"`
	Owed     int64  `json:"owed"`
	InTime   int64  `json:"in_time"`
	Late     int64  `json:"late"`
	Open     int64  `json:"overdue" doc:"逾期未办"`
	Other    int64  `json:"other" doc:"未到期、免除或随事项终止"`
	WorstDay int    `json:"worst" doc:"最长逾期天数"`
}

// MailCount is how many mails a role would have had of a kind.
type MailCount struct {
	Role  string           `json:"role"`
	Total int64            `json:"total"`
	Most  int64            `json:"most" doc:"一个收件人最多收到的封数"`
	Addrs int64            `json:"recipients" doc:"收件人数"`
	Kinds map[string]int64 `json:"kinds"`
}

// MailMonth is how many mails each role would have had in a month.
type MailMonth struct {
	Month string           `json:"month"`
	Roles map[string]int64 `json:"roles"`
}

// Refusal is what the program refused the players, and why.
type Refusal struct {
	What string `json:"what"`
	Why  string `json:"why"`
	N    int    `json:"n"`
}

// report reads the rehearsal's record.
func (i *installation) report(ctx context.Context) (*Report, error) {
	district, err := i.store.District(ctx, i.rules.District)
	if err != nil {
		return nil, err
	}
	r := &Report{ID: i.id, District: district.Name, Program: i.Program, Rules: i.rules.words(), Began: i.record.StartedAt.In(calendar.Shanghai), Ended: time.Now().In(calendar.Shanghai)}
	steps := []func(context.Context, *Report) error{i.reportYears, i.reportPunctuality, i.reportMails, i.reportCertified, i.reportRefusals, i.reportAudit}
	for _, step := range steps {
		if err := step(ctx, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (i *installation) reportYears(ctx context.Context, r *Report) error {
	cycles, err := i.store.Cycles(ctx, i.rules.District, "", 1000)
	if err != nil {
		return err
	}
	for n, c := range cycles {
		if n == 0 {
			r.From, r.Until = c.Clock.Start, c.Clock.Today(time.Now())
		}
		y := YearReport{Cycle: c.ID, Year: c.Year, Tiers: map[string]int64{}}
		if y.Stages, err = i.stagesOf(ctx, c, r.Until); err != nil {
			return err
		}
		if y.Applications, err = i.store.CountApplications(ctx, c.ID); err != nil {
			return err
		}
		study, err := i.store.StudyReport(ctx, c.ID)
		switch {
		case err == nil:
			for _, t := range models.Tiers {
				y.Tiers[t.String()] = study.Distribution.Effective[t]
			}
		case models.CodeOf(err) != models.CodeNotFound:
			return err
		}
		p, err := i.store.Places(ctx, c.ID)
		switch {
		case err == nil:
			y.Gross, y.StillValid, y.Places = p.Gross, p.StillValid, p.Places
		case models.CodeOf(err) != models.CodeNotFound:
			return err
		}
		r.Years = append(r.Years, y)
	}
	return nil
}

// stagesOf gives a year's stages from the record of when each began.
func (i *installation) stagesOf(ctx context.Context, c models.Cycle, until calendar.Date) ([]StageReport, error) {
	events, err := i.store.CycleEvents(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	var list []StageReport
	for _, e := range events {
		if len(list) > 0 && list[len(list)-1].Stage == e.Stage {
			continue
		}
		if len(list) > 0 {
			list[len(list)-1].To = e.OnDate
		}
		if e.Stage == models.StageDone {
			break
		}
		list = append(list, StageReport{Stage: e.Stage, Name: e.Stage.Info().Name, From: e.OnDate, To: until, Planned: c.Plan[e.Stage.Info().Ends]})
	}
	for n := range list {
		if s := &list[n]; s.Planned != 0 {
			s.Late = max(0, int(s.To-s.Planned))
		}
	}
	return list, nil
}

func (i *installation) reportPunctuality(ctx context.Context, r *Report) error {
	groups, err := i.store.OwedGroups(ctx, i.rules.District)
	if err != nil {
		return err
	}
	departments, err := i.store.Departments(ctx, i.rules.District)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, d := range departments {
		names[d.Code] = d.Name
	}
	byOwner := map[string]*Punctuality{}
	for _, g := range groups {
		owner := map[models.OwnerKind]string{models.OwnerHousehold: "经营者", models.OwnerUser: "审核走访人员", models.OwnerCity: "市市场监管局", models.OwnerAdmins: "管理员"}[g.OwnerKind]
		if g.OwnerKind == models.OwnerDepartment {
			owner = cmp.Or(names[g.Owner], g.Owner)
		}
		p := byOwner[owner]
		if p == nil {
			p = &Punctuality{Owner: owner}
			byOwner[owner] = p
		}
		p.Owed += g.N
		switch {
		case g.State == models.ObligationDone && g.DoneOn <= g.Due:
			p.InTime += g.N
		case g.State == models.ObligationDone:
			p.Late += g.N
			p.WorstDay = max(p.WorstDay, int(g.DoneOn-g.Due))
		case g.State == models.ObligationOpen && g.Due < r.Until:
			p.Open += g.N
			p.WorstDay = max(p.WorstDay, int(r.Until-g.Due))
		default:
			p.Other += g.N
		}
	}
	for _, owner := range slices.Sorted(maps.Keys(byOwner)) {
		r.Punctual = append(r.Punctual, *byOwner[owner])
	}
	slices.SortStableFunc(r.Punctual, func(a, b Punctuality) int { return cmp.Compare(b.Late+b.Open, a.Late+a.Open) })
	return nil
}

// roleOf says whom an address belongs to.
func (i *installation) roles(ctx context.Context) (func(address string) string, error) {
	roles := map[string]string{"objector@rehearsal.invalid": "公示异议人"}
	departments, err := i.store.Departments(ctx, i.rules.District)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, d := range departments {
		names[d.Code], roles[strings.ToLower(d.Email)] = d.Name, d.Name
	}
	users, err := i.store.Users(ctx, i.rules.District, 0, 100_000)
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		switch {
		case u.Role == models.RoleDepartment && u.Department == models.BureauCode:
			roles[u.Email] = "区市场监管局工作人员"
		case u.Role == models.RoleDepartment:
			roles[u.Email] = cmp.Or(names[u.Department], u.Department)
		default:
			roles[u.Email] = map[models.Role]string{models.RoleAdmin: "管理员", models.RoleCity: "市级审核人员", models.RoleAuditor: "审计人员"}[u.Role]
		}
	}
	return func(address string) string { return cmp.Or(roles[strings.ToLower(address)], "经营者") }, nil
}

func (i *installation) reportMails(ctx context.Context, r *Report) error {
	groups, err := i.store.MailGroups(ctx, i.rules.District)
	if err != nil {
		return err
	}
	role, err := i.roles(ctx)
	if err != nil {
		return err
	}
	counts, months := map[string]*MailCount{}, map[string]*MailMonth{}
	addresses := map[string]map[string]int64{}
	for _, g := range groups {
		name := role(g.Recipient)
		if counts[name] == nil {
			counts[name], addresses[name] = &MailCount{Role: name, Kinds: map[string]int64{}}, map[string]int64{}
		}
		if months[g.Month] == nil {
			months[g.Month] = &MailMonth{Month: g.Month, Roles: map[string]int64{}}
		}
		counts[name].Total += g.N
		counts[name].Kinds[cmp.Or(g.Kind.Name(), string(g.Kind))] += g.N
		months[g.Month].Roles[name] += g.N
		addresses[name][g.Recipient] += g.N
		r.MailTotal += g.N
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		c := counts[name]
		for _, n := range addresses[name] {
			c.Addrs, c.Most = c.Addrs+1, max(c.Most, n)
		}
		r.Mails = append(r.Mails, *c)
	}
	slices.SortStableFunc(r.Mails, func(a, b MailCount) int { return cmp.Compare(b.Total, a.Total) })
	for _, m := range slices.Sorted(maps.Keys(months)) {
		r.Months = append(r.Months, *months[m])
	}
	held, err := filepath.Glob(filepath.Join(i.dir, "mail", "*.eml"))
	if err != nil {
		return fmt.Errorf("counting held mails: %w", err)
	}
	r.MailFiles = int64(len(held))
	r.Repeated, err = i.store.RepeatedMails(ctx, i.rules.District)
	return err
}

func (i *installation) reportCertified(ctx context.Context, r *Report) error {
	for what, list := range map[string]*[]store.Tally{"certifications": &r.Certified, "reports": &r.Reports, "cases": &r.Cases, "events": &r.Events, "objections": &r.Objections} {
		var err error
		if *list, err = i.store.Tally(ctx, what, i.rules.District); err != nil {
			return err
		}
	}
	for n := range r.Years {
		for _, t := range r.Certified {
			if t.Year == r.Years[n].Year {
				r.Years[n].Certified += t.N
			}
		}
	}
	return nil
}

// reportRefusals counts what the program refused: that is no fault, but shows what people will try in vain.
func (i *installation) reportRefusals(_ context.Context, r *Report) error {
	f, err := os.Open(filepath.Join(i.dir, refusedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading what was refused: %w", err)
	}
	defer func() { _ = f.Close() }()
	counts := map[[2]string]int{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var a refusedAct
		if json.Unmarshal(lines.Bytes(), &a) == nil { // a line that a death cut off is left out
			counts[[2]string{a.What, a.Why}]++
		}
	}
	for k, n := range counts {
		r.Refused = append(r.Refused, Refusal{k[0], k[1], n})
	}
	slices.SortFunc(r.Refused, func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.What, b.What), cmp.Compare(a.Why, b.Why))
	})
	r.Refused = r.Refused[:min(len(r.Refused), 50)]
	return lines.Err()
}

func (i *installation) reportAudit(ctx context.Context, r *Report) error {
	a, err := i.store.VerifyAudit(ctx, nil)
	r.Intact = a.Intact
	return err
}

//go:embed report.html
var reportFile string

var reportTemplate = template.Must(template.New("report").Parse(reportFile))

// page is the report laid out.
type page struct {
	*Report
	Timelines                                  []chart
	Late, MailsByMonth, PlacesChart, TierChart chart
	TierNames                                  []string
	Outcomes                                   []outcomeRow
}

// outcomeRow is one line of what became of certified households.
type outcomeRow struct {
	Year            int
	What, Kind, How string
	N               int64
}

// HTML writes the report as one page with its charts, without scripts and without anything from elsewhere.
func (r *Report) HTML() ([]byte, error) {
	p := page{Report: r, Outcomes: r.outcomes()}
	for _, t := range models.Tiers {
		p.TierNames = append(p.TierNames, t.String())
	}
	var tiers, places []column
	for _, y := range r.Years {
		var spans []span
		for _, s := range y.Stages {
			spans = append(spans, span{s.Name, s.From, s.To, s.Planned})
		}
		p.Timelines = append(p.Timelines, timeline(fmt.Sprintf("%d 年度各阶段（竖线为计划结束之日）", y.Year), spans))
		t := column{Label: fmt.Sprint(y.Year)}
		for _, name := range p.TierNames {
			t.Values = append(t.Values, y.Tiers[name])
		}
		tiers = append(tiers, t)
		places = append(places, column{fmt.Sprint(y.Year), []int64{y.Gross, y.StillValid, y.Places, y.Certified}})
	}
	p.TierChart = columns("各年度分型户数", p.TierNames, tiers, true)
	p.PlacesChart = columns("各年度名额", []string{"按比例计算的名额", "仍有效的认定", "本年度名额", "本年度认定"}, places, false)
	var late []column
	for _, o := range r.Punctual {
		late = append(late, column{o.Owner, []int64{o.InTime, o.Late, o.Open, o.Other}})
	}
	p.Late = shares("应办事项：谁按期，谁逾期", []string{"按期办结", "逾期办结", "逾期未办", "未到期、免除或终止"}, late)
	var names []string
	for _, m := range r.Mails {
		if len(names) < 8 {
			names = append(names, m.Role)
		}
	}
	var months []column
	for _, m := range r.Months {
		c := column{Label: m.Month}
		for _, name := range names {
			c.Values = append(c.Values, m.Roles[name])
		}
		months = append(months, c)
	}
	p.MailsByMonth = columns("各月邮件（按收件人类别）", names, months, true)
	var b bytes.Buffer
	if err := reportTemplate.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("writing the report: %w", err)
	}
	return b.Bytes(), nil
}

// outcomes puts what became of certified households into words.
func (r *Report) outcomes() []outcomeRow {
	var list []outcomeRow
	for _, t := range r.Certified {
		list = append(list, outcomeRow{t.Year, "认定", models.Category(t.A).Name(), models.CertificationState(t.B).Name(), t.N})
	}
	for _, t := range r.Reports {
		how := models.ReportState(t.A).Name()
		if t.B != "" {
			how += "（逾期报送）"
		}
		list = append(list, outcomeRow{t.Year, "年度信息报告", "", how, t.N})
	}
	for _, t := range r.Cases {
		list = append(list, outcomeRow{t.Year, "事项", models.CaseKind(t.A).Name(), cmp.Or(models.CaseOutcome(t.C).Name(), models.CaseState(t.B).Name()), t.N})
	}
	for _, t := range r.Objections {
		list = append(list, outcomeRow{t.Year, "异议", models.ObjectionKind(t.A).Name(), cmp.Or(models.ObjectionOutcome(t.C).Name(), models.ObjectionState(t.B).Name()), t.N})
	}
	for _, t := range r.Events {
		list = append(list, outcomeRow{t.Year, "认定户大事", "", models.CertifiedEvent(t.A).Name(), t.N})
	}
	return list
}

// files makes what the rehearsal leaves, and lays the report into its directory too.
func (i *installation) files(ctx context.Context) (map[string][]byte, error) {
	r, err := i.report(ctx)
	if err != nil {
		return nil, err
	}
	files, err := i.heldMails(ctx)
	if err != nil {
		return nil, err
	}
	if files[models.RehearsalReportJSON], err = json.MarshalIndent(r, "", "  "); err != nil {
		return nil, fmt.Errorf("writing the report: %w", err)
	}
	if files[models.RehearsalReportHTML], err = r.HTML(); err != nil {
		return nil, err
	}
	for _, name := range []string{models.RehearsalReportJSON, models.RehearsalReportHTML} {
		if err := writeFile(filepath.Join(i.dir, name), files[name]); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// heldMails are the mails as the record keeps them: readable when the copy is gone.
func (i *installation) heldMails(ctx context.Context) (map[string][]byte, error) {
	role, err := i.roles(ctx)
	if err != nil {
		return nil, err
	}
	files, n := map[string][]byte{}, int64(0)
	for after := int64(0); ; {
		mails, err := i.store.MailTexts(ctx, i.rules.District, after, models.HeldPerFile)
		if err != nil {
			return nil, err
		}
		if len(mails) == 0 {
			return files, nil
		}
		list := make([]models.HeldMail, len(mails))
		for k, m := range mails {
			n, after = n+1, m.ID
			list[k] = models.HeldMail{N: n, On: m.OnDate, Role: role(m.Recipient), Recipient: m.Recipient, Kind: cmp.Or(m.Kind.Name(), string(m.Kind)), Subject: m.Subject, Text: m.Text}
		}
		if files[models.HeldMailsFile(list[0].N)], err = json.Marshal(list); err != nil {
			return nil, fmt.Errorf("writing the held mails: %w", err)
		}
	}
}
