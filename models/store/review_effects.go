package store

import (
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
	"bangfu/models/calendar"
)

// This file says what belongs to the reviewer's and the visitors' events (R11, R12).

// mayReview refuses whoever has not the application on their list, entered it, or must stand aside.
func (s *Store) mayReview(tx *gorm.DB, a *models.Application, actor models.Actor) error {
	if err := a.ReviewedBy(actor); err != nil {
		return err
	}
	if err := s.reviewer(tx, a.District, actor); err != nil {
		return err
	}
	return s.mayDecide(tx, *a, actor)
}

// foundGround is what the record says of a finding.
type foundGround struct {
	Category  models.Category `json:"category"`
	Letter    string          `json:"letter"`
	Met       bool            `json:"met"`
	CheckedBy string          `json:"checked_by"`
	ReasonID  int64           `json:"reason_id,omitempty"`
}

// reviewed is what the record says of a review: on which data, with which findings.
type reviewed struct {
	Category models.Category `json:"category,omitempty"`
	Fitter   bool            `json:"fitter,omitempty"` // another category than those wished
	Findings []foundGround   `json:"findings"`
	DataMark string          `json:"data_mark"`
	PolicyID int64           `json:"policy_id"`
}

// findGrounds writes what the review found of the grounds: where the data decide they are the finding, and a reviewer cannot contradict
// them; elsewhere it is the reviewer's, with a reason (附三(三)2). Of category, if one is given, every claimed ground must be found.
func (s *Store) findGrounds(tx *gorm.DB, a *models.Application, c models.ApplicationCommand, t applicationTerms, category models.Category, today calendar.Date) ([]foundGround, error) {
	claimed, err := s.grounds(tx, a.ID)
	if err != nil {
		return nil, err
	}
	findings := slices.Clone(c.Findings)
	missing := func(g models.ApplicationGround) bool {
		return g.Claimed && g.Category == category && !slices.ContainsFunc(findings, func(f models.GroundFinding) bool {
			return f.Category == g.Category && f.Letter == g.Letter
		})
	}
	for _, g := range claimed {
		if !missing(g) {
			continue
		}
		check := t.policy.CheckGround(g.Category, g.Letter, t.candidate, *a, a.SubmittedOn)
		if !check.Decisive {
			return nil, models.Invalid("findings", "“%s”%s 项已申报，请写明审核结论和理由", g.Category.Name(), g.Letter)
		}
		findings = append(findings, models.GroundFinding{Category: g.Category, Letter: g.Letter, Met: check.Outcome == models.OutcomeMet})
	}
	rows := make([]models.ApplicationGround, len(findings))
	found := make([]foundGround, len(findings))
	for i, f := range findings {
		if slices.ContainsFunc(findings[:i], func(o models.GroundFinding) bool { return o.Category == f.Category && o.Letter == f.Letter }) {
			return nil, models.Invalid("findings", "“%s”%s 项重复填写", f.Category.Name(), f.Letter)
		}
		if _, ok := t.policy.Ground(f.Category, f.Letter); !ok {
			return nil, models.Invalid("findings", "“%s”没有 %s 项条件", f.Category.Name(), f.Letter)
		}
		g := models.ApplicationGround{ApplicationID: a.ID, Category: f.Category, Letter: f.Letter, Outcome: models.OutcomeNotMet,
			CheckedBy: models.CheckedByReviewer, ReasonID: f.ReasonID, ByActor: c.Actor, OnDate: today}
		if f.Met {
			g.Outcome = models.OutcomeMet
		}
		check := t.policy.CheckGround(f.Category, f.Letter, t.candidate, *a, a.SubmittedOn)
		g.Value = check.Value
		switch {
		case check.Decisive && check.Outcome != g.Outcome:
			return nil, models.Conflict("“%s”%s 项由部门数据判定为“%s”（%s），审核结论不能与数据相反；数据有误的，请由交付部门更正", f.Category.Name(), f.Letter, outcomeName(check.Outcome), check.Value)
		case check.Decisive:
			g.CheckedBy = models.CheckedByData
		case f.ReasonID == 0:
			return nil, models.Invalid("findings", "“%s”%s 项须由审核人员判断，请写明理由", f.Category.Name(), f.Letter)
		}
		rows[i], found[i] = g, foundGround{Category: f.Category, Letter: f.Letter, Met: f.Met, CheckedBy: g.CheckedBy, ReasonID: f.ReasonID}
	}
	if len(rows) == 0 {
		return found, nil
	}
	// claimed and statement stay as the applicant wrote them
	err = tx.Table("application_grounds").Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "application_id"}, {Name: "category"}, {Name: "letter"}},
		DoUpdates: clause.AssignmentColumns([]string{"outcome", "checked_by", "value", "reason_id", "by_actor", "on_date"})}).Create(rows).Error
	if err != nil {
		return nil, fmt.Errorf("writing the findings on application %d: %w", a.ID, err)
	}
	return found, nil
}

func outcomeName(o models.Outcome) string {
	if o == models.OutcomeMet {
		return "符合"
	}
	return "不符合"
}

// passReview finds the category in which the household fits (附三(四): one only, the fitter one), and sends it on to the visit.
func (s *Store) passReview(tx *gorm.DB, a *models.Application, c models.ApplicationCommand, t applicationTerms, today calendar.Date) (any, error) {
	if err := s.mayReview(tx, a, c.Actor); err != nil {
		return nil, err
	}
	if c.Category.Name() == "" {
		return nil, models.Invalid("category", "请填写认定的分类：知名、特色、优质或新兴")
	}
	fitter := !slices.Contains(a.Wished, c.Category)
	if fitter && c.ReasonID == 0 {
		return nil, models.Invalid("reason", "“%s”不是所申报的分类，请写明以该分类认定更适宜的理由", c.Category.Name())
	}
	if err := Barred(t.policy.Bars(t.candidate, a.Origin, a.SubmittedOn, today)); err != nil {
		return nil, err
	}
	if unknown := t.policy.BarsNotKnown(t.candidate, a.Origin, a.SubmittedOn, today); len(unknown) > 0 && c.ReasonID == 0 {
		return nil, models.Invalid("reason", "部门数据不能判断是否存在以下情形，请核实后写明核实情况：%s", barWords(unknown))
	}
	found, err := s.findGrounds(tx, a, c, t, c.Category, today)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(found, func(f foundGround) bool { return f.Category == c.Category && f.Met }) {
		return nil, models.Conflict("“%s”至少须有一项条件符合，才能审核通过", c.Category.Name())
	}
	if err := s.fulfilObligation(tx, a.CycleID, models.ObligationReview, models.ApplicationObject(a.ID), string(c.Actor), today, c.Actor); err != nil {
		return nil, err
	}
	t.dueForReview(a)
	a.Category = c.Category
	a.Tier, a.RunID, a.DataMark = t.candidate.Tier, t.candidate.RunID, t.candidate.DataMark
	return reviewed{Category: c.Category, Fitter: fitter, Findings: found, DataMark: t.candidate.DataMark, PolicyID: t.cycle.PolicyID}, nil
}

// refuseReview ends the application, with the clause and a reason that the applicant reads.
func (s *Store) refuseReview(tx *gorm.DB, a *models.Application, c models.ApplicationCommand, t applicationTerms, today calendar.Date) (any, error) {
	if err := s.mayReview(tx, a, c.Actor); err != nil {
		return nil, err
	}
	if c.ReasonID == 0 || c.Clause == "" {
		return nil, models.Invalid("reason", "审核不通过须写明依据的条款和理由")
	}
	found, err := s.findGrounds(tx, a, c, t, "", today)
	if err != nil {
		return nil, err
	}
	if err := s.fulfilObligation(tx, a.CycleID, models.ObligationReview, models.ApplicationObject(a.ID), string(c.Actor), today, c.Actor); err != nil {
		return nil, err
	}
	return reviewed{Findings: found, DataMark: t.candidate.DataMark, PolicyID: t.cycle.PolicyID}, nil
}

// MaxSupplementDays is the longest limit for supplements, in working days.
const MaxSupplementDays = 30

// askSupplement asks the applicant for what is missing, within working days from today; meanwhile nobody owes the review.
func (s *Store) askSupplement(tx *gorm.DB, a *models.Application, c models.ApplicationCommand, t applicationTerms, today calendar.Date) (any, error) {
	if err := s.mayReview(tx, a, c.Actor); err != nil {
		return nil, err
	}
	if c.ReasonID == 0 {
		return nil, models.Invalid("what", "请写明需要补充的材料")
	}
	days, least := c.Days, t.policy.Workdays("supplement.limit")
	if days == 0 {
		days = least
	}
	if days < least || days > max(MaxSupplementDays, least) {
		return nil, models.Invalid("days", "补充期限应为%d至%d个工作日", least, max(MaxSupplementDays, least))
	}
	a.LimitOn = t.workdays.TermEnd(today, days)
	a.Due = a.LimitOn
	return map[string]any{"days": days, "limit_on": a.LimitOn}, s.openObligation(tx, models.Obligation{CycleID: a.CycleID, District: a.District,
		Kind: models.ObligationSupplement, Subject: models.ApplicationObject(a.ID), OwnerKind: models.OwnerHousehold, Owner: a.USCC,
		Title: "补充申报材料（" + a.Number() + "）", Clause: clauseReview, Due: a.LimitOn, OpenedOn: today})
}

// signVisit lets a recorded visit take effect: the other visitor signs what the first has written, as it is written.
func (s *Store) signVisit(tx *gorm.DB, a *models.Application, c models.ApplicationCommand, t applicationTerms, today calendar.Date) (any, error) {
	v, err := s.visit(s.forUpdate(tx), c.VisitID)
	if err != nil {
		return nil, err
	}
	if v.ApplicationID != a.ID {
		return nil, models.NotFound("该申报件没有编号为 %d 的走访", c.VisitID)
	}
	if err := v.Other(c.Actor); err != nil {
		return nil, err
	}
	if v.Outcome.Event() != c.Event || v.RecordID != c.ReasonID {
		return nil, models.Conflict("走访记录已变更，请重新查看后签认")
	}
	for _, visitor := range v.Visitors() { // the other as well: a conflict may have been declared since
		if err := s.mayDecide(tx, *a, visitor); err != nil {
			return nil, err
		}
	}
	if err := s.reviewer(tx, a.District, c.Actor); err != nil {
		return nil, err
	}
	v.SignedBy, v.SignedOn, v.State = c.Actor, today, models.VisitSigned
	if err := s.saveVisit(tx, &v); err != nil {
		return nil, err
	}
	for _, visitor := range v.Visitors() {
		if err := s.fulfilObligation(tx, a.CycleID, models.ObligationVisit, models.VisitObject(v.ID), string(visitor), today, c.Actor); err != nil {
			return nil, err
		}
	}
	a.Due = t.cycle.Plan[calendar.PlanSelectionDue]
	return map[string]any{"visit": v.ID, "visitors": v.Visitors(), "visited_on": v.VisitedOn, "outcome": v.Outcome, "recorded_by": v.RecordedBy}, nil
}
