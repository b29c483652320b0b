package policy

import (
	"fmt"
	"strconv"
	"strings"

	"bangfu/models"
	"bangfu/models/calendar"
)

// Duty is what the plan lays on departments in every year (二(二)至(三)，三), beside what the year's process itself makes them owe.
type Duty struct {
	ID          string // in the file and the record; never used anew for something else
	Clause      string
	Name        string   // short: 召开座谈会或专题研讨会
	Text        string   // as the plan words it
	Whom        string   // as the plan names who owes it: 各行业主管部门
	Departments []string // the codes of those who are meant
	Due         []string // month and day as in the plan, one for each time in the year: 09-30, +03-31
	Placeholder bool     // the plan states no date: to be confirmed by the district (待确认)
	Evidence    bool     // a report needs at least one document
}

// Duty finds a duty by its id.
func (p *Policy) Duty(id string) (Duty, bool) {
	for _, d := range p.DepartmentDuties {
		if d.ID == id {
			return d, true
		}
	}
	return Duty{}, false
}

// Often says how often the duty is owed, and when, marked while the dates are placeholders: “每年2次：11月30日、次年4月30日（待确认）”.
func (d Duty) Often() string {
	days := make([]string, len(d.Due))
	for i, md := range d.Due {
		days[i] = dayWords(md)
	}
	s := fmt.Sprintf("每年%d次：%s", len(d.Due), strings.Join(days, "、"))
	if d.Placeholder {
		s += "（待确认）"
	}
	return s
}

// dayWords says 09-30 as 9月30日, and +03-31 as 次年3月31日.
func dayWords(md string) string {
	day, next := strings.CutPrefix(md, "+")
	year := ""
	if next {
		year = "次年"
	}
	m, d, _ := strings.Cut(day, "-")
	return fmt.Sprintf("%s%s月%s日", year, strings.TrimPrefix(m, "0"), strings.TrimPrefix(d, "0"))
}

// DepartmentNames are the departments that the duty is laid on, by name.
func (p *Policy) DepartmentNames(d Duty) []string {
	names := make([]string, len(d.Departments))
	for i, code := range d.Departments {
		names[i] = p.DepartmentName(code)
	}
	return names
}

func (p *Policy) dutyWords() Section {
	s := Section{Title: "部门年度职责"}
	for _, d := range p.DepartmentDuties {
		key, evidence := "duties."+d.ID, "反馈时可以不附材料"
		if d.Evidence {
			evidence = "反馈时须附材料"
		}
		s.Items = append(s.Items,
			Item{key, d.Name, d.Clause, d.Text},
			Item{key + ".departments", d.Name + "的责任部门", d.Clause, d.Whom + "：" + strings.Join(p.DepartmentNames(d), "、")},
			Item{key + ".due", d.Name + "的反馈期限", d.Clause, d.Often() + "；" + evidence})
	}
	return s
}

// Duties is what everybody owes in a cycle of this policy, due by the cycle's plan: each department its deliveries
// (三(一)) and its standing duties (二(二)至(三)，三), the bureau the hand-over (附一(二)1) and the publication of standards and
// measures (二(一)1).
func (p *Policy) Duties(cycleID string, plan calendar.Plan) []models.Obligation {
	var duties []models.Obligation
	add := func(kind models.ObligationKind, subject, owner, clause, title string, required bool, due calendar.Date) {
		duties = append(duties, models.Obligation{CycleID: cycleID, District: p.District, Kind: kind, Subject: subject,
			OwnerKind: models.OwnerDepartment, Owner: owner, Required: required, Clause: clause, Title: title, Due: due})
	}
	planned := func(kind models.ObligationKind, subject, owner, clause, title string, required bool) {
		add(kind, subject, owner, clause, title, required, plan[models.DueKey(kind, subject)])
	}
	for source, d := range p.Sources {
		if d.Department == "" {
			continue
		}
		s := models.Source(source)
		planned(models.ObligationDelivery, s.String(), d.Department, d.Clause, fmt.Sprintf("交付%s数据（%d年）", s.Name(), p.Year), d.Required)
	}
	planned(models.ObligationHandover, "", models.BureauCode, "附一(二)1", fmt.Sprintf("将分型结果汇总至全国个体工商户名录（%d年）", p.Year), false)
	planned(models.ObligationStandards, "", models.BureauCode, "二(一)1", fmt.Sprintf("公示分型分类标准与帮扶培育措施（%d年）", p.Year), false)
	for _, d := range p.DepartmentDuties {
		for i, md := range d.Due {
			due, err := planDate(p.Year, md)
			if err != nil { // Load has checked it
				continue
			}
			times := ""
			if len(d.Due) > 1 {
				times = "第" + strconv.Itoa(i+1) + "次"
			}
			for _, owner := range d.Departments {
				add(models.ObligationDuty, models.DutySubject(d.ID, i+1, len(d.Due)), owner, d.Clause, fmt.Sprintf("%s（%d年%s）", d.Name, p.Year, times), false, due)
			}
		}
	}
	return duties
}

// ObligationName is a kind of what is owed, in words.
func ObligationName(k models.ObligationKind) string { return obligationNames[k] }
