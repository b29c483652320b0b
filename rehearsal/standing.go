package rehearsal

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"mime/multipart"
	"net/http"
	"net/url"

	"bangfu/models"
	"bangfu/models/calendar"
)

// This file plays the three years with a certified household (附三(五)) and the departments' year (二, 三).

// certifiedView is a certification.
type certifiedView struct {
	Number      string
	Cycle       string
	USCC        string
	State       models.CertificationState
	CertifiedOn calendar.Date `json:"certified_on"`
	ValidUntil  calendar.Date `json:"valid_until"`
}

// standing has households report, the bureau review and decide, and departments do their duties.
func (g *play) standing(ctx context.Context, c *cycleView) error {
	if err := g.duties(ctx, c); err != nil {
		return err
	}
	if c.Stage != models.StageBenefits && !c.over() {
		return nil // nobody is certified yet
	}
	list, err := all[certifiedView](ctx, g.people.starter, "/api/v1/cycles/"+c.ID+"/certifications", url.Values{"state": {string(models.CertificationValid)}})
	if err != nil || len(list) == 0 {
		return err
	}
	if err := g.reports(ctx, c); err != nil {
		return err
	}
	return each(ctx, list, func(ctx context.Context, k certifiedView) error {
		if err := g.operatorChange(ctx, c, k); err != nil {
			return err
		}
		return g.accuse(ctx, c, k)
	})
}

// reportView is a yearly information report.
type reportView struct {
	Certification string
	Year          int
	USCC          string
	State         models.ReportState
	Due           calendar.Date
	LimitOn       calendar.Date `json:"limit_on"`
	SubmittedOn   calendar.Date `json:"submitted_on"`
}

// reports has households file and the bureau review.
func (g *play) reports(ctx context.Context, c *cycleView) error {
	list, err := all[reportView](ctx, g.people.starter, "/api/v1/reports", url.Values{"district": {g.rules.District}, "cycle": {c.ID}})
	if err != nil {
		return err
	}
	return each(ctx, list, func(ctx context.Context, r reportView) error {
		at := fmt.Sprintf("/api/v1/certifications/%s/reports/%d", r.Certification, r.Year)
		switch {
		case r.State == models.ReportOwed && c.Today >= g.rules.filesOn(r), r.State == models.ReportReturned && c.Today >= r.LimitOn.AddDays(-5):
			return g.act(ctx, fmt.Sprintf("report/%s/%d/%s", r.Certification, r.Year, c.Today), func() error {
				return g.asOperator(ctx, r.USCC, func(o caller) error { return fileReport(ctx, o, at) })
			})
		case r.State == models.ReportSubmitted && c.Today >= r.SubmittedOn.AddDays(2+g.rules.die(8, "reviews report", r.USCC, r.Year)):
			return g.act(ctx, fmt.Sprintf("review report/%s/%d/%s", r.Certification, r.Year, r.SubmittedOn), func() error { return g.reviewReport(ctx, at) })
		}
		return nil
	})
}

// filesOn is the day on which a household files its report: some weeks before it is due, late, or never.
func (r rules) filesOn(report reportView) calendar.Date {
	switch lot := r.die(100, "report", report.USCC, report.Year); {
	case lot < int(r.MissedReports):
		return calendar.NewDate(9999, 1, 1)
	case lot < int(r.MissedReports+r.LateReports):
		return report.Due.AddDays(1 + r.die(r.LateDays, "report days late", report.USCC, report.Year))
	}
	return report.Due.AddDays(-10 - r.die(15, "report day", report.USCC, report.Year))
}

// fileReport answers what no department has delivered, and files.
func fileReport(ctx context.Context, o caller, at string) error {
	var form struct {
		Questions []struct {
			ID, Kind, State string
			Options         []string
			Required        bool
		}
	}
	if err := o.get(ctx, at, &form); err != nil {
		return err
	}
	answers := map[string]string{}
	for _, q := range form.Questions {
		if q.State == string(models.AskKnown) || !q.Required && q.Kind != string(models.AnswerYesNo) {
			continue
		}
		switch models.AnswerKind(q.Kind) {
		case models.AnswerMoney:
			answers[q.ID] = "260000"
		case models.AnswerPeople:
			answers[q.ID] = "2"
		case models.AnswerYesNo:
			answers[q.ID] = "否"
		case models.AnswerChoice:
			answers[q.ID] = q.Options[0]
		case models.AnswerText:
			answers[q.ID] = "经营正常，无重大变化"
		}
	}
	if err := o.call(ctx, http.MethodPut, at, object{"answers": answers}, nil); err != nil {
		return err
	}
	return o.post(ctx, at+"/submit", nil, nil)
}

// reviewReport confirms a report unless the data say that a standard is not met.
func (g *play) reviewReport(ctx context.Context, at string) error {
	me := g.people.reviewers[0]
	var report struct {
		Findings []struct {
			ID        string
			Outcome   models.Outcome
			CheckedBy string `json:"checked_by"`
		}
	}
	if err := me.get(ctx, at, &report); err != nil {
		return err
	}
	verb, answers := "confirm", []object{}
	for _, f := range report.Findings {
		switch {
		case f.Outcome == models.OutcomeNotMet:
			verb = "fail"
		case f.CheckedBy == "" || f.Outcome == models.OutcomeNotKnown:
			answers = append(answers, object{"id": f.ID, "met": true, "reason": "现场核实，符合"})
		}
	}
	return me.post(ctx, at+"/"+verb, object{"answers": answers, "reason": "经审核信息报告和部门数据"}, nil)
}

// operatorChange has a household report that its operator changed, if the registry's data will say so too.
func (g *play) operatorChange(ctx context.Context, c *cycleView, k certifiedView) error {
	year := c.Today.Year()
	if year <= g.rules.Year || !g.rules.chance(g.rules.OperatorChanges, "operator", k.USCC, year) || !g.rules.chance(70, "reports operator", k.USCC, year) {
		return nil
	}
	changed := dayIn(year, 40+g.rules.die(60, "operator changes on", k.USCC, year))
	if c.Today < changed.AddDays(10) || c.Today > changed.AddDays(60) {
		return nil
	}
	at, name := "/api/v1/certifications/"+k.Number+"/operator-changes", fmt.Sprintf("演练经营者%d", year)
	var known struct{ Items []struct{ Operator string } }
	if err := g.people.starter.get(ctx, at, &known); err != nil {
		return err
	}
	for _, item := range known.Items {
		if item.Operator == name {
			return nil
		}
	}
	return g.once(ctx, fmt.Sprintf("operator/%s/%d", k.Number, year), func() error {
		return g.asOperator(ctx, k.USCC, func(o caller) error {
			return o.post(ctx, at, object{"name": name, "changed_on": changed, "text": "家庭成员接手经营"}, nil)
		})
	})
}

// accuse has the bureau open a case when fraud is reported to it.
func (g *play) accuse(ctx context.Context, c *cycleView, k certifiedView) error {
	year := c.Today.Year()
	on := dayIn(year, 90+g.rules.die(180, "accused on", k.USCC, year))
	if year <= k.CertifiedOn.Year() || !g.rules.chance(g.rules.Revocations, "fraud", k.USCC, year) || c.Today < on || c.Today > on.AddDays(60) {
		return nil
	}
	cases, err := all[caseView](ctx, g.people.settler, "/api/v1/cases", url.Values{"district": {g.rules.District}, "kind": {string(models.CaseFraud)}, "certification": {k.Number}})
	if err != nil || len(cases) > 0 {
		return err
	}
	return g.once(ctx, "accuse/"+k.Number, func() error {
		return g.people.settler.post(ctx, "/api/v1/certifications/"+k.Number+"/cases", object{"kind": models.CaseFraud,
			"reason": "经查，申报时提交的质量认证证书与发证机构记录不符，涉嫌以虚假材料取得认定"}, nil)
	})
}

// caseView is a case about whether a certification goes on.
type caseView struct {
	ID            int64
	Certification string
	USCC          string
	Kind          models.CaseKind
	State         models.CaseState
	OpenedOn      calendar.Date `json:"opened_on"`
	HearingDue    calendar.Date `json:"hearing_due"`
	HeardOn       calendar.Date `json:"heard_on"`
	Department    string
	OpinionDue    calendar.Date `json:"opinion_due"`
	Outcome       models.CaseOutcome
}

// cases has the bureau, the households and the departments bring every open case to its decision.
func (g *play) cases(ctx context.Context) error {
	list, err := all[caseView](ctx, g.people.chief, "/api/v1/cases", url.Values{"live": {"true"}, "district": {g.rules.District}})
	if err != nil {
		return err
	}
	return each(ctx, list, func(ctx context.Context, k caseView) error {
		at := fmt.Sprintf("/api/v1/cases/%d/", k.ID)
		wait := func(question string, most int) int {
			return 2 + g.rules.die(most, question, k.USCC, k.Kind, k.OpenedOn.Year())
		}
		me := g.people.reviewers[0]
		act := func(who caller, what string, body object) error {
			return g.act(ctx, fmt.Sprintf("%s%s/%s", at, what, g.today), func() error { return who.post(ctx, at+what, body, nil) })
		}
		switch {
		case k.Department != "" && k.OpinionDue != 0 && g.today >= k.OpenedOn.AddDays(wait("opinion", 10)) && g.today <= k.OpinionDue.AddDays(20):
			if err := g.opinion(ctx, k, at); err != nil {
				return err
			}
		case k.State == models.CaseHearing && g.today < k.HearingDue && g.rules.chance(60, "states", k.USCC, k.Kind, k.OpenedOn.Year()):
			return g.once(ctx, at+"statement", func() error {
				return g.asOperator(ctx, k.USCC, func(o caller) error {
					return o.post(ctx, at+"statement", object{"text": "情况属实部分已整改，请予考虑"}, nil)
				})
			})
		}
		outcome := g.outcome(k)
		body := object{"outcome": outcome, "clause": "附三(五)", "reason": "经核实部门数据和有关材料"}
		switch {
		case k.State == models.CaseProposed && g.today >= k.OpenedOn.AddDays(8):
			err := g.people.chief.post(ctx, at+"decision", object{"outcome": k.Outcome, "reason": "同意拟定的意见"}, nil)
			if refused(err) { // what it rested on has changed since
				return act(g.people.chief, "return", object{"reason": "情况有变化，请重新拟定"})
			}
			return err
		case k.State == models.CaseOpen && g.today >= k.OpenedOn.AddDays(wait("begins", 8)):
			if k.Kind == models.CaseEvaluation { // what the data and the department say decides: the bureau tries in the household's favour
				if k.Department != "" && g.today < k.OpenedOn.AddDays(20) {
					return nil
				}
				return g.extendOrHear(ctx, at, me, k)
			}
			if outcome.Adverse() {
				if k.Kind == models.CaseFraud {
					if err := me.upload(ctx, at+"documents"); err != nil && !refused(err) { // evidence first
						return err
					}
				}
				return act(me, "hear", nil)
			}
			return act(me, "proposal", body)
		case k.State == models.CaseHeard && g.today >= k.HeardOn.AddDays(2):
			return act(me, "proposal", body)
		}
		return nil
	})
}

// extendOrHear proposes the extension, and where nothing supports it hears the household about the lapse.
func (g *play) extendOrHear(ctx context.Context, at string, me caller, k caseView) error {
	err := me.post(ctx, at+"proposal", object{"outcome": models.OutcomeExtend, "clause": "附三(五)", "reason": "符合延长条件之一"}, nil)
	if refused(err) {
		return g.act(ctx, fmt.Sprintf("%shear/%s", at, g.today), func() error { return me.post(ctx, at+"hear", nil, nil) })
	}
	return err
}

// outcome is how the bureau sees a case of a kind.
func (g *play) outcome(k caseView) models.CaseOutcome {
	share, outcomes := models.Percent(50), k.Kind.Outcomes()
	switch k.Kind {
	case models.CaseEvaluation: // one that is heard is about to lapse
		return models.OutcomeLapse
	case models.CaseOperator:
		share = 90
	case models.CaseFraud:
		share = 30
	}
	if g.rules.chance(share, "in favour", k.USCC, k.Kind, k.OpenedOn.Year()) {
		return outcomes[0]
	}
	return outcomes[1]
}

// opinion has the recommending department say whether it agrees to the extension (附三(五)D).
func (g *play) opinion(ctx context.Context, k caseView, at string) error {
	officer, ok := g.people.department[k.Department]
	if !ok {
		return nil
	}
	opinion := "disagrees"
	if g.rules.chance(70, "opinion", k.USCC, k.OpenedOn.Year()) {
		opinion = "agrees"
	}
	return g.once(ctx, at+"opinion", func() error {
		return officer.post(ctx, at+"opinion", object{"opinion": opinion, "reason": "该户经营情况良好"}, nil)
	})
}

// dutyView is a department's duty of the year.
type dutyView struct {
	ID       int64
	Duty     string
	Number   int
	Owner    string
	Due      calendar.Date
	Evidence bool
}

// duties has departments report what they did, most in time; the bureau orders an answer about what is long overdue (督办).
func (g *play) duties(ctx context.Context, c *cycleView) error {
	list, err := all[dutyView](ctx, g.people.starter, "/api/v1/cycles/"+c.ID+"/duties", url.Values{"state": {"open"}})
	if err != nil {
		return err
	}
	late := map[string]bool{}
	var ripe []dutyView
	for _, d := range list {
		on := d.Due.AddDays(-1 - g.rules.die(12, "duty day", d.Duty, d.Number, d.Owner, c.Year))
		if g.rules.chance(g.rules.LateDeliveries, "duty late", d.Duty, d.Number, d.Owner, c.Year) {
			on = d.Due.AddDays(2 + g.rules.die(2*g.rules.LateDays, "duty days late", d.Duty, d.Number, d.Owner, c.Year))
		}
		if c.Today >= on {
			ripe = append(ripe, d)
		} else if c.Today > d.Due.AddDays(5) {
			late[d.Owner] = true
		}
	}
	err = each(ctx, ripe, func(ctx context.Context, d dutyView) error {
		officer, ok := g.people.department[d.Owner]
		if !ok {
			return nil
		}
		return g.act(ctx, fmt.Sprintf("duty/%d", d.ID), func() error {
			if d.Evidence {
				if err := officer.upload(ctx, fmt.Sprintf("/api/v1/duties/%d/documents", d.ID)); err != nil {
					return err
				}
			}
			return officer.post(ctx, fmt.Sprintf("/api/v1/duties/%d/reports", d.ID), object{"text": "已按要求完成", "done_on": c.Today, "households": 20}, nil)
		})
	})
	if err != nil {
		return err
	}
	return g.orders(ctx, c, late)
}

// orderView is an order to answer.
type orderView struct {
	ID         int64
	Department string
	State      models.OrderState
	IssuedOn   calendar.Date `json:"issued_on"`
	AnsweredOn calendar.Date `json:"answered_on"`
}

// orders has the bureau order departments that are late to answer, once a year each, and closes what was answered.
func (g *play) orders(ctx context.Context, c *cycleView, late map[string]bool) error {
	list, err := all[orderView](ctx, g.people.starter, "/api/v1/cycles/"+c.ID+"/orders", nil)
	if err != nil {
		return err
	}
	for _, o := range list {
		delete(late, o.Department)
	}
	for department := range late {
		if department == models.BureauCode {
			continue
		}
		err := g.act(ctx, "order/"+c.ID+"/"+department, func() error {
			return g.people.starter.post(ctx, "/api/v1/cycles/"+c.ID+"/orders", object{"department": department, "text": "贵部门有职责逾期未反馈，请说明情况并尽快办理"}, nil)
		})
		if err != nil {
			return err
		}
	}
	return each(ctx, list, func(ctx context.Context, o orderView) error {
		at, officer := fmt.Sprintf("/api/v1/orders/%d/", o.ID), g.people.department[o.Department]
		switch {
		case o.State == models.OrderIssued && officer.token != "" && c.Today >= o.IssuedOn.AddDays(1+g.rules.die(8, "order", o.Department, c.Year)):
			return g.act(ctx, at+"answer", func() error {
				return officer.post(ctx, at+"answer", object{"text": "已督促办理，将于近日反馈"}, nil)
			})
		case o.State == models.OrderAnswered && c.Today >= o.AnsweredOn.AddDays(2):
			return g.act(ctx, at+"close", func() error { return g.people.starter.post(ctx, at+"close", nil, nil) })
		}
		return nil
	})
}

// upload hands a photograph in.
func (c caller) upload(ctx context.Context, path string) error {
	var photo, body bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewRGBA(image.Rect(0, 0, 48, 48)), nil); err != nil {
		return fmt.Errorf("drawing a photograph: %w", err)
	}
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "现场照片.jpg")
	if err == nil {
		_, err = part.Write(photo.Bytes())
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return fmt.Errorf("writing a form: %w", err)
	}
	_, err = c.send(ctx, http.MethodPost, path, form.FormDataContentType(), &body)
	return err
}
