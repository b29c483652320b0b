package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// operatorTaken leaves out reports that were written down and not carried out.
const operatorTaken = "NOT (source = '" + string(models.OperatorReported) + "' AND reported_on IS NULL)"

// lastOperator gives who the operator is as far as is known; false before anything is.
func (s *Store) lastOperator(tx *gorm.DB, certificationID int64) (c models.OperatorChange, ok bool, err error) {
	var list []models.OperatorChange
	if err := tx.Where("certification_id = ? AND "+operatorTaken, certificationID).Order("id DESC").Limit(1).Find(&list).Error; err != nil {
		return c, false, fmt.Errorf("reading who operates certification %d: %w", certificationID, err)
	}
	if len(list) == 0 {
		return c, false, nil
	}
	return list[0], true, nil
}

// keepOperator notes who the operator was at the certification, from the registry of its year, once: later deliveries are compared with it.
func (s *Store) keepOperator(tx *gorm.DB, w *certifiedWork) error {
	if _, ok, err := s.lastOperator(tx, w.c.ID); err != nil || ok {
		return err
	}
	var names []string
	err := tx.Table("src_registry").Where("district = ? AND year = ? AND uscc = ?", w.c.District, w.c.Year, w.c.USCC).Limit(1).Pluck("operator", &names).Error
	if err != nil {
		return fmt.Errorf("reading who operated certification %s: %w", w.c.Number, err)
	}
	if len(names) == 0 || strings.TrimSpace(names[0]) == "" {
		return nil
	}
	row := models.OperatorChange{CertificationID: w.c.ID, District: w.c.District, USCC: w.c.USCC, CommandID: string(models.OperatorCertified),
		Operator: strings.TrimSpace(names[0]), NoticedOn: w.c.CertifiedOn, Source: models.OperatorCertified, RegistryOn: w.c.CertifiedOn, ByActor: models.ActorSystem, At: s.now()}
	if err := tx.Create(&row).Error; err != nil {
		return fmt.Errorf("keeping who operated certification %s: %w", w.c.Number, err)
	}
	return nil
}

// noticeOperator compares the operator that the newest registry names with the one last known (附三(五)). A change that the household reported
// is the same one; the old name in a registry that lags behind its report is none. Another one is put on record, the household is
// asked to report it, and a case opens. Called in a transaction that holds the certification.
func (s *Store) noticeOperator(tx *gorm.DB, w *certifiedWork, operator string) error {
	operator = strings.TrimSpace(operator)
	if operator == "" || w.c.State != models.CertificationValid {
		return nil
	}
	if err := s.keepOperator(tx, w); err != nil {
		return err
	}
	last, known, err := s.lastOperator(tx, w.c.ID)
	if err != nil {
		return err
	}
	row := models.OperatorChange{CertificationID: w.c.ID, District: w.c.District, USCC: w.c.USCC, Operator: operator, NoticedOn: w.today,
		RegistryOn: w.today, ByActor: models.ActorSystem, At: s.now()}
	switch {
	case !known:
		row.CommandID, row.Source = string(models.OperatorCertified), models.OperatorCertified
		return s.createOperator(tx, &row)
	case !last.News(operator):
		return nil
	case operator == last.Operator: // reported before
		return s.changeOperator(tx, last.ID, map[string]any{"registry_on": w.today})
	}
	var n int64
	if err := tx.Model(&models.OperatorChange{}).Where("certification_id = ?", w.c.ID).Count(&n).Error; err != nil {
		return fmt.Errorf("counting the operators of certification %s: %w", w.c.Number, err)
	}
	row.CommandID, row.Source, row.Previous = fmt.Sprintf("registry/%d", n), models.OperatorRegistry, last.Operator
	if err := s.createOperator(tx, &row); err != nil {
		return err
	}
	err = s.openObligation(tx, models.Obligation{CycleID: w.c.CycleID, District: w.c.District, Kind: models.ObligationReport, Subject: models.OperatorSubject(w.c.Number),
		OwnerKind: models.OwnerHousehold, Owner: w.c.USCC, Title: fmt.Sprintf("报告变更经营者（%s）", w.c.Number), Clause: clauseReport,
		Due: w.workdays.TermEnd(w.today, w.law.Workdays("operator.limit")), OpenedOn: w.today})
	if err != nil {
		return err
	}
	err = s.recordCertified(tx, w, models.CertifiedCommand{CommandID: fmt.Sprintf("operator/%d", row.ID), CertificationID: w.c.ID, Event: models.CertifiedNoticeOperator,
		Actor: models.ActorSystem, Clause: clauseReport, ChangeID: row.ID},
		map[string]any{"change": row.ID, "limit_on": w.workdays.TermEnd(w.today, w.law.Workdays("operator.limit"))})
	if err != nil {
		return err
	}
	return s.openOperatorCase(tx, w, row, models.ActorSystem, 0)
}

func (s *Store) createOperator(tx *gorm.DB, row *models.OperatorChange) error {
	if err := tx.Create(row).Error; err != nil {
		return fmt.Errorf("recording a change of operator of certification %d: %w", row.CertificationID, err)
	}
	return nil
}

func (s *Store) changeOperator(tx *gorm.DB, id int64, change map[string]any) error {
	if err := tx.Model(&models.OperatorChange{}).Where("id = ?", id).Updates(change).Error; err != nil {
		return fmt.Errorf("recording about change of operator %d: %w", id, err)
	}
	return nil
}

// DraftOperatorChange writes down what is reported, so that the command that carries it out need name nobody; it counts once that took
// effect. The same command again gives the same row. The error is a *models.Error for what cannot be taken.
func (s *Store) DraftOperatorChange(ctx context.Context, c models.OperatorChange, today calendar.Date) (models.OperatorChange, error) {
	c.Operator = strings.TrimSpace(c.Operator)
	if err := c.Validate(today); err != nil {
		return c, err
	}
	c.Source, c.NoticedOn, c.ReportedOn, c.RegistryOn, c.At = models.OperatorReported, today, 0, 0, s.now()
	err := s.db.WithContext(ctx).Create(&c).Error
	if !errors.Is(err, gorm.ErrDuplicatedKey) {
		if err != nil {
			err = fmt.Errorf("writing down a reported change of operator: %w", err)
		}
		return c, err
	}
	var was models.OperatorChange
	if err := s.db.WithContext(ctx).Where("certification_id = ? AND command_id = ?", c.CertificationID, c.CommandID).Take(&was).Error; err != nil {
		return c, fmt.Errorf("reading a reported change of operator: %w", err)
	}
	if was.Operator != c.Operator || was.ChangedOn != c.ChangedOn || was.ByActor != c.ByActor {
		return c, models.Conflict("这个操作编号已用于另一项操作，请换一个编号")
	}
	return was, nil
}

// operatorEffect takes a reported change (附三(五): 要在变更后及时报告). One that the registry showed before is the same one: its case goes on.
func (s *Store) operatorEffect(tx *gorm.DB, w *certifiedWork, cmd models.CertifiedCommand) (map[string]any, error) {
	if _, err := w.c.State.Next(cmd.Event); err != nil {
		return nil, err
	}
	var row models.OperatorChange
	switch err := s.forUpdate(tx).Where("id = ? AND certification_id = ?", cmd.ChangeID, w.c.ID).Take(&row).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, models.NotFound("没有这项变更报告")
	case err != nil:
		return nil, fmt.Errorf("reading change of operator %d: %w", cmd.ChangeID, err)
	case !row.Pending():
		return nil, models.Conflict("这项变更已经报告")
	}
	if cmd.Actor != models.HouseholdActor(w.c.USCC) && cmd.ReasonID == 0 {
		return nil, models.Invalid("text", "代为报告须写明缘由，如：经营者到窗口口述，已当面核对")
	}
	if err := s.keepOperator(tx, w); err != nil {
		return nil, err
	}
	last, known, err := s.lastOperator(tx, w.c.ID)
	if err != nil {
		return nil, err
	}
	same := known && last.Operator == row.Operator
	if same && (last.Source == models.OperatorCertified || last.ReportedOn != 0) {
		return nil, models.Conflict("记录中的经营者就是“%s”，没有变更；姓名相同而确系变更的，请到区市场监管局办理", row.Operator)
	}
	if err := s.fulfilObligation(tx, w.c.CycleID, models.ObligationReport, models.OperatorSubject(w.c.Number), w.c.USCC, w.today, cmd.Actor); err != nil {
		return nil, err
	}
	said := map[string]any{"changed_on": row.ChangedOn, "reported_on": w.today, "reason_id": cmd.ReasonID, "by_actor": cmd.Actor}
	if same {
		if err := tx.Where("id = ?", row.ID).Delete(&models.OperatorChange{}).Error; err != nil {
			return nil, fmt.Errorf("joining a reported change of operator with the one noticed: %w", err)
		}
		return map[string]any{"change": last.ID, "changed_on": row.ChangedOn, "noticed_on": last.NoticedOn}, s.changeOperator(tx, last.ID, said)
	}
	row.Previous = last.Operator
	said["previous"] = last.Operator
	if err := s.changeOperator(tx, row.ID, said); err != nil {
		return nil, err
	}
	return map[string]any{"change": row.ID, "changed_on": row.ChangedOn}, s.openOperatorCase(tx, w, row, cmd.Actor, cmd.ReasonID)
}

// openOperatorCase asks whether the certification goes on with another operator: what it rested on of the person before, and the base
// standards as the data show them. It names nobody.
func (s *Store) openOperatorCase(tx *gorm.DB, w *certifiedWork, row models.OperatorChange, actor models.Actor, reasonID int64) error {
	about := fmt.Sprintf("operator/%d", row.ID)
	words := "登记数据显示已变更经营者"
	if row.Source == models.OperatorReported {
		words = fmt.Sprintf("报告已于%s变更经营者", row.ChangedOn.Chinese())
	}
	ground := []models.StandingFinding{{ID: about, Clause: clauseReport, Text: "个体工商户变更经营者的，要在变更后及时报告", Outcome: models.OutcomeNotKnown,
		Value: words, Source: row.Source.Name(), About: about}}
	personal, err := s.personalGrounds(tx, w)
	if err != nil {
		return err
	}
	ground = append(append(ground, personal...), w.standing()...)
	for i := range ground {
		if ground[i].About == "" {
			ground[i].About = about + "/" + ground[i].ID
		}
	}
	k, _, err := s.openCase(tx, w, models.CaseOperator, ground, about, actor, reasonID)
	if err != nil {
		return err
	}
	return s.changeOperator(tx, row.ID, map[string]any{"case_id": k.ID})
}

// personalGrounds are the grounds on which the household was certified that may rest on the operator's person (policy: operator).
func (s *Store) personalGrounds(tx *gorm.DB, w *certifiedWork) ([]models.StandingFinding, error) {
	grounds, err := s.grounds(tx, w.c.ApplicationID)
	if err != nil {
		return nil, err
	}
	var list []models.StandingFinding
	for _, g := range grounds {
		law, ok := w.law.Ground(g.Category, g.Letter)
		if !ok || !law.Operator || g.Outcome != models.OutcomeMet || g.Category != w.c.Category {
			continue
		}
		list = append(list, models.StandingFinding{ID: string(g.Category) + "." + g.Letter, Clause: law.Clause, Text: law.Text, Outcome: models.OutcomeNotKnown,
			Value: "认定时符合；该条件可能以原经营者本人为据，须核实变更后是否仍然符合", Source: "认定时的审核记录"})
	}
	return list, nil
}

// OperatorChanges gives who operated a certified household since its certification, oldest first.
func (s *Store) OperatorChanges(ctx context.Context, certificationID int64) ([]models.OperatorChange, error) {
	var list []models.OperatorChange
	if err := s.db.WithContext(ctx).Where("certification_id = ? AND "+operatorTaken, certificationID).Order("id").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("reading the operators of certification %d: %w", certificationID, err)
	}
	return list, nil
}
