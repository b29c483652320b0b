package store

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// This file says what belongs to the applicant's and the recommending department's events, and to those of time
// (R8–R10). Reviews and visits, selection and certification have theirs beside their own rows.

// applicationTerms is what the effects of an event may need to know beside the application.
type applicationTerms struct {
	cycle     models.Cycle
	policy    *policy.Policy
	workdays  *calendar.Workdays
	candidate *models.Candidate // what departments delivered: of submit, recommend, consent and the review
}

// applicationTerms reads them, before the transaction of the event.
func (s *Store) applicationTerms(ctx context.Context, c models.ApplicationCommand) (t applicationTerms, err error) {
	a, err := s.Application(ctx, c.ApplicationID)
	if err != nil {
		return t, err
	}
	if t.cycle, err = s.Cycle(ctx, a.CycleID); err != nil {
		return t, err
	}
	if t.policy, err = s.policyByID(ctx, t.cycle.PolicyID); err != nil {
		return t, err
	}
	if t.workdays, err = s.Workdays(ctx); err != nil {
		return t, err
	}
	switch c.Event {
	case models.EventSubmit, models.EventRecommend, models.EventConsent, models.EventPassReview, models.EventRefuse:
		candidate, err := s.Candidate(ctx, a.CycleID, a.USCC)
		if err != nil {
			return t, err
		}
		t.candidate = &candidate
	}
	return t, nil
}

// signed refuses the submission of what an officer entered without the form that the operator has signed.
func (s *Store) signed(tx *gorm.DB, a *models.Application, c models.ApplicationCommand) error {
	var n int64
	if c.DocumentID != "" {
		err := tx.Table("documents").Where("id = ? AND subject = ?", c.DocumentID, models.ApplicationObject(a.ID)).Count(&n).Error
		if err != nil {
			return fmt.Errorf("looking for the signed form of application %d: %w", a.ID, err)
		}
	}
	if n == 0 {
		return models.Invalid("signed_form", "代为录入的申报，请先上传经营者本人签字的申报表，提交时填写该材料的编号")
	}
	return nil
}

// basis is what the record says a submission or recommendation was checked on.
type basis struct {
	Tier     models.Tier `json:"tier"`
	PolicyID int64       `json:"policy_id"`
	RunID    int64       `json:"run_id"`
	DataMark string      `json:"data_mark"`
	Signed   string      `json:"signed_form,omitempty"` // the document with the operator's signature, where an officer entered it
}

// admit checks an application on the newest data: complete, and not barred (附三(三)1). It takes the tier again, checks
// by data what data can check, and notes on what.
func (s *Store) admit(tx *gorm.DB, a *models.Application, t applicationTerms, on, today calendar.Date) (basis, error) {
	if t.cycle.State != models.CycleRunning {
		return basis{}, models.Conflict("本年度工作已暂停，请在恢复后再提交")
	}
	grounds, err := s.grounds(tx, a.ID)
	if err != nil {
		return basis{}, err
	}
	content := models.ApplicationContent{Wished: a.Wished, Grounds: grounds, Statement: a.Statement}
	if err := content.Complete(); err != nil {
		return basis{}, err
	}
	if err := t.policy.CheckClaims(a.Origin, content); err != nil {
		return basis{}, err
	}
	a.Tier, a.Name, a.Street = t.candidate.Tier, t.candidate.Name, t.candidate.Street
	if err := Barred(t.policy.Bars(t.candidate, a.Origin, on, today)); err != nil {
		return basis{}, err
	}
	a.PolicyID, a.RunID, a.DataMark, a.SubmittedOn = t.cycle.PolicyID, t.candidate.RunID, t.candidate.DataMark, on
	for i := range grounds {
		g := &grounds[i]
		check := t.policy.CheckGround(g.Category, g.Letter, t.candidate, *a, on)
		g.Outcome, g.CheckedBy, g.Value, g.OnDate = "", "", check.Value, today
		if check.Decisive {
			g.Outcome, g.CheckedBy = check.Outcome, models.CheckedByData
		}
	}
	if err := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "application_id"}, {Name: "category"}, {Name: "letter"}},
		DoUpdates: clause.AssignmentColumns([]string{"outcome", "checked_by", "value", "on_date"})}).Table("application_grounds").Create(grounds).Error; err != nil {
		return basis{}, fmt.Errorf("checking the grounds of application %d: %w", a.ID, err)
	}
	return basis{Tier: a.Tier, PolicyID: a.PolicyID, RunID: a.RunID, DataMark: a.DataMark}, nil
}

// Barred is the refusal (CodeConflict) that says which bars stand, each with its clause and the data; nil without one.
func Barred(bars []models.Bar) error {
	if len(bars) == 0 {
		return nil
	}
	return models.Conflict("不得申报或推荐：%s", barWords(bars))
}

// barWords says bars in words, each with its clause and the data.
func barWords(bars []models.Bar) string {
	words := make([]string, len(bars))
	for i, b := range bars {
		words[i] = fmt.Sprintf("%s（%s）：%s", strings.TrimRight(b.Text, "。；"), b.Clause, b.Why)
	}
	return strings.Join(words, "；")
}

func (s *Store) submitApplication(tx *gorm.DB, a *models.Application, c models.ApplicationCommand, t applicationTerms, today calendar.Date) (any, error) {
	if a.Origin != models.OriginOwn {
		return nil, models.Conflict("部门推荐件须先征得经营者同意，不能直接提交")
	}
	if a.EnteredForOperator() && c.Actor != models.HouseholdActor(a.USCC) {
		if err := s.signed(tx, a, c); err != nil {
			return nil, err
		}
	}
	b, err := s.admit(tx, a, t, today, today)
	if err != nil {
		return nil, err
	}
	b.Signed = c.DocumentID
	t.dueForReview(a)
	return b, nil
}

// recommendApplication asks the operator's consent, within the policy's working days (附三(二)2).
func (s *Store) recommendApplication(tx *gorm.DB, a *models.Application, c models.ApplicationCommand, t applicationTerms, today calendar.Date) (any, error) {
	if a.Origin != models.OriginRecommended || a.RecommendedBy != c.Actor {
		return nil, models.Conflict("只能推荐本人录入的推荐件")
	}
	if err := s.standsApart(tx, a.USCC, c.Actor); err != nil {
		return nil, err
	}
	b, err := s.admit(tx, a, t, today, today)
	if err != nil {
		return nil, err
	}
	a.LimitOn = t.workdays.TermEnd(today, t.policy.Workdays("consent.limit"))
	a.Due = a.LimitOn
	return b, s.openObligation(tx, models.Obligation{CycleID: a.CycleID, District: a.District, Kind: models.ObligationConsent,
		Subject: models.ApplicationObject(a.ID), OwnerKind: models.OwnerHousehold, Owner: a.USCC,
		Title: "答复是否同意推荐为“名特优新”个体工商户（" + a.Number() + "）", Clause: clauseReview, Due: a.LimitOn, OpenedOn: today})
}

// mayWithdraw refuses who withdraws what is not theirs (自愿原则, 三(二)): an application is its applicant's, or of whom entered it for
// them; a recommendation the department's only until the operator consented.
func mayWithdraw(a *models.Application, actor models.Actor) error {
	if a.Origin == models.OriginRecommended && a.State != models.ApplicationDraft && a.State != models.ApplicationConsent && actor != models.HouseholdActor(a.USCC) {
		return models.Errorf(models.CodeForbidden, "经营者已经同意，推荐不能再撤回；经营者本人可以撤回")
	}
	return nil
}

// consentToApplication takes the operator's consent; the bars are checked as of the day of the recommendation, on today's data.
func (s *Store) consentToApplication(tx *gorm.DB, a *models.Application, c models.ApplicationCommand, t applicationTerms, today calendar.Date) (any, error) {
	if a.LimitOn != 0 && today > a.LimitOn {
		return nil, models.Conflict("答复期限%s已过，推荐已终止", a.LimitOn.Chinese())
	}
	b, err := s.admit(tx, a, t, a.SubmittedOn, today)
	if err != nil {
		return nil, err
	}
	if err := s.fulfilObligation(tx, a.CycleID, models.ObligationConsent, models.ApplicationObject(a.ID), a.USCC, today, c.Actor); err != nil {
		return nil, err
	}
	t.dueForReview(a)
	return b, nil
}

// dueForReview lets no limit run any more: the review is due by the plan's date. Who owes it follows from the new state (move).
func (t applicationTerms) dueForReview(a *models.Application) {
	a.LimitOn, a.Due = 0, t.cycle.Plan[calendar.PlanReviewDue]
}

// endSupplement goes back to the review: with what the operator supplied, or with what there is when the limit has passed.
func (s *Store) endSupplement(tx *gorm.DB, a *models.Application, c models.ApplicationCommand, t applicationTerms, today calendar.Date) (any, error) {
	if c.Event == models.EventSupplementOverdue {
		if err := limitPassed(a, today); err != nil {
			return nil, err
		}
		// nobody did what was owed: it is closed, not fulfilled
		if err := s.closeSubject(tx, a.CycleID, models.ApplicationObject(a.ID), today, c.Actor); err != nil {
			return nil, err
		}
	}
	if c.Event == models.EventSupply && a.Origin == models.OriginRecommended && c.Actor != models.HouseholdActor(a.USCC) {
		return nil, models.Errorf(models.CodeForbidden, "推荐部门可以上传材料；补充是否完毕由经营者本人确认")
	}
	if c.Event == models.EventSupply && c.ReasonID == 0 {
		if err := s.suppliedSince(tx, a); err != nil {
			return nil, err
		}
	}
	err := s.fulfilObligation(tx, a.CycleID, models.ObligationSupplement, models.ApplicationObject(a.ID), a.USCC, today, c.Actor)
	if err != nil {
		return nil, err
	}
	t.dueForReview(a)
	return nil, nil
}

// suppliedSince refuses an answer to a request for supplements that answers nothing: it would end the applicant's time unused.
func (s *Store) suppliedSince(tx *gorm.DB, a *models.Application) error {
	asked, err := s.lastEvent(tx, "application", a.ID)
	if err != nil {
		return err
	}
	documents, err := s.documents(tx, models.ApplicationObject(a.ID))
	if err != nil {
		return err
	}
	for _, d := range documents {
		if d.At.After(asked) {
			return nil
		}
	}
	return models.Conflict("请先上传需要补充的材料，或写明情况说明，再提交")
}

// limitPassed refuses what time does before its time: the record's limit counts, not the timer's.
func limitPassed(a *models.Application, today calendar.Date) error {
	if a.LimitOn == 0 || today <= a.LimitOn {
		return models.Conflict("期限未到")
	}
	return nil
}
