package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// caseEffect does what belongs to a step in a case; what follows from the decision happens after the decision is on record.
func (s *Store) caseEffect(tx *gorm.DB, w *certifiedWork, cmd *models.CertifiedCommand) (map[string]any, error) {
	if cmd.Event == models.CertifiedOpenCase {
		return s.openByHand(tx, w, cmd)
	}
	c, err := s.lockCase(tx, w.c.ID, cmd.CaseID)
	if err != nil {
		return nil, err
	}
	if err := s.mayStep(tx, w, c, *cmd); err != nil {
		return nil, err
	}
	from := c.State
	if c.State, err = c.Next(cmd.Event, cmd.Outcome); err != nil {
		return nil, err
	}
	if cmd.Clause == "" {
		cmd.Clause = clauseStanding
	}
	detail, err := s.caseStep(tx, w, &c, cmd)
	if err != nil {
		return nil, err
	}
	if detail == nil {
		detail = map[string]any{}
	}
	detail["from"], detail["to"] = from, c.State
	return detail, s.saveCase(tx, w, &c, cmd.Actor)
}

// mayStep refuses who must keep out of the household's matters, and as who decides whoever had a hand in them before (R12).
func (s *Store) mayStep(tx *gorm.DB, w *certifiedWork, c models.Case, cmd models.CertifiedCommand) error {
	switch {
	case cmd.Event == models.CertifiedState && cmd.Actor == models.HouseholdActor(c.USCC):
		return nil
	case cmd.Event == models.CertifiedGiveOpinion: // who recommended it speaks for the department
		return s.standsApart(tx, c.USCC, cmd.Actor)
	}
	if err := s.mayOffice(tx, w, cmd.Actor); err != nil {
		return err
	}
	if err := c.FourEyes(cmd.Event, cmd.Actor); err != nil {
		return err
	}
	if cmd.Event != models.CertifiedDecide && cmd.Event != models.CertifiedReturn {
		return nil
	}
	return broughtGrounds(tx, c, cmd.Actor)
}

// broughtGrounds refuses who brought further grounds into a case as the one who decides it, like who opened it (R12).
func broughtGrounds(tx *gorm.DB, c models.Case, actor models.Actor) error {
	var n int64
	err := tx.Table("certified_events").Where("case_id = ? AND event = ? AND actor = ?", c.ID, models.CertifiedGroundsAdded, actor).Count(&n).Error
	if err != nil {
		return fmt.Errorf("looking for who brought the grounds of case %d: %w", c.ID, err)
	}
	if n > 0 {
		return models.Errorf(models.CodeForbidden, "为本事项补充情形的人不得决定，请由他人办理")
	}
	return nil
}

// mayOffice refuses households, and officers who must keep out of this one's matters.
func (s *Store) mayOffice(tx *gorm.DB, w *certifiedWork, actor models.Actor) error {
	if _, household := actor.Household(); household {
		return models.Errorf(models.CodeForbidden, "此项由区市场监管局办理")
	}
	return s.mayDecide(tx, w.application, actor)
}

func (s *Store) caseStep(tx *gorm.DB, w *certifiedWork, c *models.Case, cmd *models.CertifiedCommand) (map[string]any, error) {
	switch cmd.Event {
	case models.CertifiedHear:
		if c.Kind == models.CaseFraud {
			if n, err := s.caseDocuments(tx, c.ID, 0, models.PurposeEvidence, models.PurposeConfidential); err != nil || n == 0 {
				return nil, errors.Join(err, models.Conflict("请先上传证据材料，再书面告知该户"))
			}
		}
		return s.hear(tx, w, c)
	case models.CertifiedState:
		return s.state(tx, w, c, *cmd)
	case models.CertifiedAskOpinion:
		if w.application.Department == "" {
			return nil, models.Conflict("该户是自主申报，没有推荐部门（附三(五)D）")
		}
		return s.askOpinion(tx, w, c, w.application.Department)
	case models.CertifiedGiveOpinion:
		if c.Department == "" || cmd.Department != c.Department {
			return nil, models.Errorf(models.CodeForbidden, "该事项未征求贵部门意见")
		}
		c.Opinion, c.OpinionID, c.OpinionBy = cmd.Opinion, cmd.ReasonID, cmd.Actor
		return map[string]any{"department": c.Department, "opinion": c.Opinion},
			s.fulfilObligation(tx, c.CycleID, models.ObligationOpinion, models.CaseObject(c.ID), c.Department, w.today, cmd.Actor)
	case models.CertifiedPropose:
		return s.proposeOutcome(tx, w, c, *cmd)
	case models.CertifiedReturn:
		before := c.Outcome
		c.Outcome, c.ProposedBy, c.ProposedOn, c.ProposalID, c.Clause = "", "", 0, 0, ""
		return map[string]any{"outcome": before}, nil
	case models.CertifiedDecide:
		return s.decideCase(tx, w, c, cmd)
	case models.CertifiedCloseCase:
		switch {
		case cmd.ReasonID == 0:
			return nil, models.Invalid("reason", "请写明情形如何消失")
		case c.Kind == models.CaseEvaluation, c.Kind == models.CaseOperator: // one pair of eyes closes what is gone, and decides nothing
			return nil, models.Conflict("“%s”事项须作出决定，不能终结", c.Kind.Name())
		case c.Kind == models.CaseReport && slices.ContainsFunc(c.Ground, failedReview):
			return nil, models.Conflict("信息报告审核不符合的情形仍在，不能终结，须作出决定")
		}
		c.DecidedOn, c.DecidedBy, c.ReasonID = w.today, cmd.Actor, cmd.ReasonID
		return nil, nil
	}
	return nil, models.Invalid("event", "“%s”不是由人办理的操作", cmd.Event.Name())
}

// failedReview says whether a ground of a case about a report is what its review found, not that it was missing (settleReports).
func failedReview(f models.StandingFinding) bool {
	return f.Outcome == models.OutcomeNotMet && !strings.HasPrefix(f.ID, findingReport)
}

// openByHand opens a case that an officer of the bureau brings: a suspicion of fraud with its evidence, or that the standards are no longer
// met. The household hears of it when the bureau begins the hearing.
func (s *Store) openByHand(tx *gorm.DB, w *certifiedWork, cmd *models.CertifiedCommand) (map[string]any, error) {
	switch {
	case cmd.Kind != models.CaseFraud && cmd.Kind != models.CaseData:
		return nil, models.Conflict("“%s”事项由系统按日程或报告立项", cmd.Kind.Name())
	case cmd.ReasonID == 0:
		return nil, models.Invalid("reason", "请写明立项的情形和依据")
	case cmd.Kind == models.CaseFraud && (w.c.State == models.CertificationRevoked || w.c.State == models.CertificationRefused):
		return nil, models.Conflict("该认定现为“%s”，不必再立项", w.c.State.Name())
	}
	if err := s.mayOffice(tx, w, cmd.Actor); err != nil {
		return nil, err
	}
	switch live, err := s.liveCase(tx, w.c.ID, cmd.Kind); {
	case err == nil:
		return nil, models.Conflict("该户已有进行中的“%s”事项（%s），请在该事项中办理", cmd.Kind.Name(), live.CaseNumber())
	case models.CodeOf(err) != models.CodeNotFound:
		return nil, err
	}
	if w.c.State != models.CertificationValid && cmd.Kind != models.CaseFraud {
		return nil, models.Conflict("该认定现为“%s”，不能立项处理“%s”", w.c.State.Name(), cmd.Kind.Name())
	}
	c, err := s.newCase(tx, w, cmd.Kind, nil, fingerprintOf("hand/"+cmd.CommandID), cmd.Actor, cmd.ReasonID)
	if err != nil {
		return nil, err
	}
	cmd.CaseID = c.ID
	if cmd.Clause == "" {
		cmd.Clause = clauseStanding
	}
	return map[string]any{"kind": c.Kind, "due": c.Due, "data": c.DataMark}, nil
}

// hear tells the household what is held against it, and lets the term for its statement run (听取陈述申辩).
func (s *Store) hear(tx *gorm.DB, w *certifiedWork, c *models.Case) (map[string]any, error) {
	c.HearingDue, c.HeardOn = w.workdays.TermEnd(w.today, w.law.Workdays("case.hearing")), 0
	return map[string]any{"hearing_due": c.HearingDue},
		s.openObligation(tx, caseDuty(*c, models.ObligationHearing, models.OwnerHousehold, c.USCC, "就“"+c.Kind.Name()+"”事项陈述申辩", c.HearingDue, w.today))
}

// state takes the household's statement; one on paper an officer enters, with the paper.
func (s *Store) state(tx *gorm.DB, w *certifiedWork, c *models.Case, cmd models.CertifiedCommand) (map[string]any, error) {
	own := cmd.Actor == models.HouseholdActor(c.USCC)
	if !own {
		if n, err := s.caseDocuments(tx, c.ID, c.HearingDue, models.PurposeStatement); err != nil || n == 0 {
			return nil, errors.Join(err, models.Conflict("代为登记的陈述申辩，请先上传经营者签字的书面材料"))
		}
	}
	c.StatementID, c.HeardOn = cmd.ReasonID, w.today
	return map[string]any{"own": own}, s.fulfilObligation(tx, c.CycleID, models.ObligationHearing, models.CaseObject(c.ID), c.USCC, w.today, cmd.Actor)
}

// caseDocuments counts documents of a case for some purposes; since the latest hearing began, where one has (hearing not 0).
func (s *Store) caseDocuments(tx *gorm.DB, caseID int64, hearing calendar.Date, purposes ...models.DocumentPurpose) (n int64, err error) {
	q := tx.Model(&models.Document{}).Where("subject = ? AND purpose IN ?", models.CaseObject(caseID), purposes)
	if hearing != 0 {
		q = q.Where("at > (SELECT MAX(e.at) FROM certified_events e WHERE e.case_id = ? AND e.event IN ?)", caseID,
			[]models.CertifiedEvent{models.CertifiedHear, models.CertifiedGroundsAdded})
	}
	if err := q.Count(&n).Error; err != nil {
		return 0, fmt.Errorf("looking for the documents of case %d: %w", caseID, err)
	}
	return n, nil
}

// askOpinion asks the department that recommended the household whether it agrees to an extension (附三(五)D).
func (s *Store) askOpinion(tx *gorm.DB, w *certifiedWork, c *models.Case, department string) (map[string]any, error) {
	if c.Opinion != "" {
		return nil, models.Conflict("推荐部门已提出意见：%s", c.Opinion.Name())
	}
	c.Department, c.OpinionDue = department, w.workdays.TermEnd(w.today, w.law.Workdays("opinion.limit"))
	return map[string]any{"department": department, "opinion_due": c.OpinionDue},
		s.openObligation(tx, caseDuty(*c, models.ObligationOpinion, models.OwnerDepartment, department, "对所推荐“名特优新”个体工商户是否延长有效期提出意见", c.OpinionDue, w.today))
}

func (s *Store) proposeOutcome(tx *gorm.DB, w *certifiedWork, c *models.Case, cmd models.CertifiedCommand) (map[string]any, error) {
	if err := c.Supports(cmd.Outcome); err != nil {
		return nil, err
	}
	switch {
	case cmd.Outcome == models.OutcomeLapse && c.Department != "" && c.Opinion == "" && w.today <= c.OpinionDue:
		return nil, models.Conflict("推荐部门应在%s（含当日）前提出意见，此前不能拟不予延长（附三(五)D）", c.OpinionDue.Chinese())
	case cmd.Outcome.Adverse():
		if n, err := s.caseDocuments(tx, c.ID, c.HearingDue, models.PurposeEvidence, models.PurposeConfidential); err != nil || n > 0 {
			return nil, errors.Join(err, models.Conflict("听取陈述申辩之后又补充了证据，请再次书面告知并听取该户陈述申辩"))
		}
	case cmd.Outcome == models.OutcomeExtend:
		if err := s.extensionBarred(tx, w); err != nil {
			return nil, err
		}
	}
	c.Outcome, c.ProposedBy, c.ProposedOn, c.ProposalID, c.Clause = cmd.Outcome, cmd.Actor, w.today, cmd.ReasonID, cmd.Clause
	return map[string]any{"outcome": c.Outcome}, nil
}

// extensionBarred refuses to extend what a household holds of which another certification was revoked within the years of the ban (附三(五)).
func (s *Store) extensionBarred(tx *gorm.DB, w *certifiedWork) error {
	candidate := models.Candidate{USCC: w.c.USCC, Year: w.today.Year()}
	err := tx.Model(&models.Certification{}).Where("uscc = ? AND state = ?", w.c.USCC, models.CertificationRevoked).Order("ended_on").Pluck("ended_on", &candidate.Revoked).Error
	if err != nil {
		return fmt.Errorf("looking for revocations of the household of certification %s: %w", w.c.Number, err)
	}
	bars := w.law.Bars(&candidate, models.OriginRecommended, w.today, w.today)
	i := slices.IndexFunc(bars, func(b models.Bar) bool { return b.ID == policy.BarRevoked })
	if i < 0 {
		return nil
	}
	return models.Conflict("不得延长：%s", barWords(bars[i:i+1]))
}

// decideCase puts the decision on record, with the data and the policy that it rests on, and has it carried out after that.
func (s *Store) decideCase(tx *gorm.DB, w *certifiedWork, c *models.Case, cmd *models.CertifiedCommand) (map[string]any, error) {
	if err := c.Supports(c.Outcome); err != nil { // the data may have changed since it was proposed
		return nil, err
	}
	if c.Outcome == models.OutcomeExtend {
		if err := s.extensionBarred(tx, w); err != nil {
			return nil, err
		}
	}
	c.DecidedBy, c.DecidedOn, c.ReasonID, c.PolicyID, c.DataMark = cmd.Actor, w.today, cmd.ReasonID, w.cycle.PolicyID, w.dataMark()
	cmd.Clause = c.Clause
	w.then = append(w.then, func() error { return s.carryOut(tx, w, *c, *cmd) })
	return map[string]any{"outcome": c.Outcome, "policy": c.PolicyID, "policy_hash": w.law.Hash(), "data": c.DataMark}, nil
}

// carryOut does to the certification what was decided about it.
func (s *Store) carryOut(tx *gorm.DB, w *certifiedWork, c models.Case, decision models.CertifiedCommand) error {
	event := c.Outcome.Event()
	if c.Outcome == models.OutcomeLapse && w.today > w.c.ValidUntil { // else the calendar does it in its time
		event = models.CertifiedLapse
	}
	if event == "" {
		return nil
	}
	cmd := models.CertifiedCommand{CommandID: derivedCommand("decide/", decision.CommandID), CertificationID: w.c.ID, Event: event, Actor: decision.Actor,
		ReasonID: decision.ReasonID, Clause: decision.Clause, CaseID: c.ID}
	if event == models.CertifiedRevoke {
		if err := s.noteRevocation(tx, w, c); err != nil {
			return err
		}
	}
	return s.recordCertified(tx, w, cmd, nil)
}

// noteRevocation keeps who was the operator, at the certification and now, also where only a report says so yet: whether an operator of the same
// name is the same person, a reviewer finds out when that one applies (附三(五); the name is personal data and stays in this table).
func (s *Store) noteRevocation(tx *gorm.DB, w *certifiedWork, c models.Case) error {
	years := []int{w.c.Year}
	if w.candidate != nil {
		years = append(years, w.candidate.Year)
	}
	last, _, err := s.lastOperator(tx, w.c.ID)
	if err != nil {
		return err
	}
	err = tx.Exec(`INSERT INTO revocations (case_id, certification_id, number, uscc, operator, ended_on)
		SELECT ?, ?, ?, uscc, operator, ? FROM src_registry WHERE district = ? AND year IN ? AND uscc = ? AND operator <> ''
		UNION SELECT ?, ?, ?, uscc, operator, ? FROM operator_changes WHERE id = ?`,
		c.ID, w.c.ID, w.c.Number, w.today, w.c.District, years, w.c.USCC, c.ID, w.c.ID, w.c.Number, w.today, last.ID).Error
	if err != nil {
		return fmt.Errorf("noting the revocation of certification %s: %w", w.c.Number, err)
	}
	return nil
}
