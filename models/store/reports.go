package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
	"bangfu/models/calendar"
)

// clauseReport is where the plan asks for the yearly information report, its review, and the report of a change of operator.
const clauseReport = "附三(五)"

// openReport lays the report of a year on the household (附三(五): 每年7月底前). Who is asked only after that day, because the program was
// not there or the certification was restored, has the term of a return.
func (s *Store) openReport(tx *gorm.DB, w *certifiedWork, year int) error {
	due := models.MonthDay(year, w.terms.ReportDue)
	if w.today > due {
		due = w.workdays.TermEnd(w.today, w.law.Workdays("report.return"))
	}
	r := models.Report{CertificationID: w.c.ID, District: w.c.District, USCC: w.c.USCC, Year: year, State: models.ReportOwed, Due: due, LimitOn: due,
		Content: map[string]string{}, Prefilled: []models.ReportItem{}, Findings: []models.ReportFinding{}, EnteredBy: []models.Actor{}}
	created := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&r)
	if created.Error != nil {
		return fmt.Errorf("opening the report of %d of certification %s: %w", year, w.c.Number, created.Error)
	}
	if created.RowsAffected == 0 {
		return nil
	}
	if err := s.oweReport(tx, w, &r); err != nil {
		return err
	}
	return s.recordCertified(tx, w, models.CertifiedCommand{CommandID: fmt.Sprintf("report/%d/open", year), CertificationID: w.c.ID, Event: models.CertifiedReportOpened,
		Actor: models.ActorSystem, Clause: clauseReport, Year: year}, map[string]any{"year": year, "due": due})
}

// oweReport makes the household owe the report by its present term.
func (s *Store) oweReport(tx *gorm.DB, w *certifiedWork, r *models.Report) error {
	title := fmt.Sprintf("%d年度信息报告（%s）", r.Year, w.c.Number)
	if r.State == models.ReportReturned {
		title = "补正并重新报送" + title
	}
	return s.openObligation(tx, models.Obligation{CycleID: w.c.CycleID, District: w.c.District, Kind: models.ObligationReport,
		Subject: models.ReportSubject(w.c.Number, r.Year), OwnerKind: models.OwnerHousehold, Owner: w.c.USCC, Title: title, Clause: clauseReport, Due: r.LimitOn, OpenedOn: w.today})
}

// oweReview makes the bureau owe the review.
func (s *Store) oweReview(tx *gorm.DB, w *certifiedWork, r *models.Report) error {
	return s.openObligation(tx, models.Obligation{CycleID: w.c.CycleID, District: w.c.District, Kind: models.ObligationReportReview,
		Subject: models.ReportSubject(w.c.Number, r.Year), OwnerKind: models.OwnerDepartment, Owner: models.BureauCode,
		Title: fmt.Sprintf("审核%d年度信息报告（%s）", r.Year, w.c.Number), Clause: clauseReport, Due: r.ReviewDue, OpenedOn: w.today})
}

// missReport is the day after the year's date: what is not filed goes to a decision, never to a silent end.
func (s *Store) missReport(tx *gorm.DB, w *certifiedWork, _ int) error { return s.passReports(tx, w) }

// passReports opens a case about each report whose term has passed, at first or after a return.
func (s *Store) passReports(tx *gorm.DB, w *certifiedWork) error {
	if w.c.State != models.CertificationValid {
		return nil
	}
	var list []models.Report
	err := s.forUpdate(tx).Where("certification_id = ? AND state IN ? AND limit_on < ? AND missed_on IS NULL", w.c.ID,
		[]models.ReportState{models.ReportOwed, models.ReportReturned}, w.today).Order("year").Find(&list).Error
	if err != nil {
		return fmt.Errorf("looking for reports of certification %s that are missing: %w", w.c.Number, err)
	}
	for i := range list {
		if err := s.missOne(tx, w, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

// nextReport is the day after the earliest term of a certification's reports; 0 = none runs.
func (s *Store) nextReport(tx *gorm.DB, certificationID int64) (calendar.Date, error) {
	var limit []calendar.Date
	err := tx.Model(&models.Report{}).Where("certification_id = ? AND state IN ? AND missed_on IS NULL AND limit_on IS NOT NULL", certificationID,
		[]models.ReportState{models.ReportOwed, models.ReportReturned}).Order("limit_on").Limit(1).Pluck("limit_on", &limit).Error
	if err != nil {
		return 0, fmt.Errorf("looking for the next term of a report: %w", err)
	}
	if len(limit) == 0 {
		return 0, nil
	}
	return limit[0].AddDays(1), nil
}

// findingReport and the year is the id of the finding that a report is missing.
const findingReport = "information_report."

func (s *Store) missOne(tx *gorm.DB, w *certifiedWork, r *models.Report) error {
	about := fmt.Sprintf("report/%d/missing", r.Year)
	words := fmt.Sprintf("至%s未报送%d年度信息报告", r.LimitOn.Chinese(), r.Year)
	if r.State == models.ReportReturned {
		about = fmt.Sprintf("report/%d/returned/%s", r.Year, r.LimitOn)
		words = fmt.Sprintf("%d年度信息报告退回补正，至%s未重新报送", r.Year, r.LimitOn.Chinese())
	}
	r.MissedOn = w.today
	if err := s.saveReport(tx, r); err != nil {
		return err
	}
	err := s.recordCertified(tx, w, models.CertifiedCommand{CommandID: fmt.Sprintf("report/%d/missed/%s", r.Year, r.LimitOn), CertificationID: w.c.ID,
		Event: models.CertifiedReportMissed, Actor: models.ActorSystem, Clause: clauseReport, Year: r.Year}, map[string]any{"year": r.Year, "limit_on": r.LimitOn})
	if err != nil {
		return err
	}
	_, _, err = s.openCase(tx, w, models.CaseReport, []models.StandingFinding{{ID: findingReport + strconv.Itoa(r.Year), Clause: clauseReport, Text: w.law.Report.Text,
		Outcome: models.OutcomeNotMet, Value: words, Source: "信息报告记录", About: about}}, about, models.ActorSystem, 0)
	return err
}

func (s *Store) saveReport(tx *gorm.DB, r *models.Report) error {
	if err := tx.Model(&models.Report{ID: r.ID}).Select("*").Omit("id").Updates(r).Error; err != nil {
		return fmt.Errorf("keeping report %d: %w", r.ID, err)
	}
	return nil
}

// report reads a report; CodeNotFound if the year has none.
func (s *Store) report(tx *gorm.DB, certificationID int64, year int) (r models.Report, err error) {
	switch err := tx.Where("certification_id = ? AND year = ?", certificationID, year).Take(&r).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return r, models.NotFound("没有%d年度的信息报告：有效期内每年1月起可以填写", year)
	case err != nil:
		return r, fmt.Errorf("reading the report of %d of certification %d: %w", year, certificationID, err)
	}
	return r, nil
}

// reportEffect does what belongs to an event of a report.
func (s *Store) reportEffect(tx *gorm.DB, w *certifiedWork, cmd models.CertifiedCommand) (map[string]any, error) {
	r, err := s.report(s.forUpdate(tx), w.c.ID, cmd.Year)
	if err != nil {
		return nil, err
	}
	next, err := r.State.Next(cmd.Event)
	if err == nil {
		_, err = w.c.State.Next(cmd.Event)
	}
	if err != nil {
		return nil, err
	}
	if cmd.Event == models.CertifiedFileReport {
		return s.fileReport(tx, w, &r, next, cmd)
	}
	if err := r.FourEyes(cmd.Actor); err != nil {
		return nil, err
	}
	if err := s.standsApart(tx, r.USCC, cmd.Actor); err != nil {
		return nil, err
	}
	if cmd.Event == models.CertifiedReturnReport {
		return s.returnReport(tx, w, &r, next, cmd)
	}
	return s.reviewReport(tx, w, &r, next, cmd)
}

// fileReport takes the report in: complete, with what departments held on that day. Late it is taken all the same, and said to be (逾期).
func (s *Store) fileReport(tx *gorm.DB, w *certifiedWork, r *models.Report, next models.ReportState, cmd models.CertifiedCommand) (map[string]any, error) {
	if cmd.Actor != models.HouseholdActor(r.USCC) {
		if cmd.ReasonID == 0 {
			return nil, models.Invalid("reason", "代为报送须写明缘由，如：经营者到窗口口述，已当面核对")
		}
		r.Enter(cmd.Actor)
	}
	form := w.reportForm(r.Year)
	answers, err := form.Clean(r.Content)
	if err != nil {
		return nil, err
	}
	if err := form.Complete(answers); err != nil {
		return nil, err
	}
	now := s.now()
	r.State, r.Content, r.Prefilled, r.SubmittedOn, r.FiledAt = next, answers, models.ReportItems(form.Prefilled), w.today, &now
	if r.FiledOn == 0 {
		r.FiledOn = w.today
	}
	r.LimitOn, r.ReviewDue = 0, w.workdays.TermEnd(w.today, w.law.Workdays("report.review"))
	if err := s.saveReport(tx, r); err != nil {
		return nil, err
	}
	if err := s.fulfilObligation(tx, w.c.CycleID, models.ObligationReport, models.ReportSubject(w.c.Number, r.Year), r.USCC, w.today, cmd.Actor); err != nil {
		return nil, err
	}
	if err := s.oweReview(tx, w, r); err != nil {
		return nil, err
	}
	if err := s.mendMissing(tx, w, r); err != nil {
		return nil, err
	}
	return map[string]any{"year": r.Year, "report": r.ID, "late_days": r.LateDays(), "review_due": r.ReviewDue}, nil
}

// mendMissing notes with the case about a missing report that it has come: the bureau then closes the case, or decides.
func (s *Store) mendMissing(tx *gorm.DB, w *certifiedWork, r *models.Report) error {
	var cases []models.Case
	if err := s.forUpdate(tx).Where("certification_id = ? AND kind = ? AND live = 1", w.c.ID, models.CaseReport).Find(&cases).Error; err != nil {
		return fmt.Errorf("looking for the case about a missing report: %w", err)
	}
	for _, k := range cases {
		mended := false
		for i, f := range k.Ground {
			if f.ID != findingReport+strconv.Itoa(r.Year) || f.Outcome != models.OutcomeNotMet {
				continue
			}
			k.Ground[i].Outcome, mended = models.OutcomeMet, true
			k.Ground[i].Value = fmt.Sprintf("%s；已于%s补报", f.Value, w.today.Chinese())
		}
		if !mended {
			continue
		}
		if err := tx.Model(&models.Case{ID: k.ID}).Select("ground", "updated_at").Updates(&models.Case{Ground: k.Ground, UpdatedAt: s.now()}).Error; err != nil {
			return fmt.Errorf("noting that a missing report has come: %w", err)
		}
	}
	return nil
}

// returnReport sends a report back to be mended within a limit.
func (s *Store) returnReport(tx *gorm.DB, w *certifiedWork, r *models.Report, next models.ReportState, cmd models.CertifiedCommand) (map[string]any, error) {
	r.State, r.ReasonID, r.ReviewDue, r.MissedOn = next, cmd.ReasonID, 0, 0
	r.LimitOn = w.workdays.TermEnd(w.today, w.law.Workdays("report.return"))
	if err := s.saveReport(tx, r); err != nil {
		return nil, err
	}
	if err := s.fulfilObligation(tx, w.c.CycleID, models.ObligationReportReview, models.ReportSubject(w.c.Number, r.Year), models.BureauCode, w.today, cmd.Actor); err != nil {
		return nil, err
	}
	if err := s.oweReport(tx, w, r); err != nil {
		return nil, err
	}
	return map[string]any{"year": r.Year, "report": r.ID, "limit_on": r.LimitOn}, nil
}

// reviewReport confirms a report, or finds that the household no longer meets the base standards: that goes to a case. Data decide where
// they can; what they leave open the reviewer answers (附三(五)).
func (s *Store) reviewReport(tx *gorm.DB, w *certifiedWork, r *models.Report, next models.ReportState, cmd models.CertifiedCommand) (map[string]any, error) {
	findings, err := models.ReviewFindings(w.standing(), cmd.Answers)
	if err != nil {
		return nil, err
	}
	failing, open := models.FindingsOf(findings, models.OutcomeNotMet), models.FindingsOf(findings, models.OutcomeNotKnown)
	switch {
	case next == models.ReportFailed && len(failing) == 0:
		return nil, models.Conflict("没有不符合的标准，不能作不符合处理；部门数据未覆盖的标准请逐项填写核实结果")
	case next == models.ReportConfirmed && len(failing) > 0:
		return nil, models.Conflict("不符合“%s”，不能确认，请作审核不符合处理", texts(failing))
	case next == models.ReportConfirmed && len(open) > 0:
		return nil, models.Invalid("answers", "部门数据不能判断“%s”，请逐项填写核实结果和理由", texts(open))
	}
	r.State, r.Findings, r.ReasonID, r.ReviewedBy, r.ReviewedOn = next, findings, cmd.ReasonID, cmd.Actor, w.today
	if w.candidate != nil {
		r.DataMark = w.candidate.DataMark
	}
	if err := s.saveReport(tx, r); err != nil {
		return nil, err
	}
	if err := s.fulfilObligation(tx, w.c.CycleID, models.ObligationReportReview, models.ReportSubject(w.c.Number, r.Year), models.BureauCode, w.today, cmd.Actor); err != nil {
		return nil, err
	}
	detail := map[string]any{"year": r.Year, "report": r.ID, "data_mark": r.DataMark, "by_reviewer": len(cmd.Answers)}
	if next == models.ReportConfirmed {
		return detail, nil
	}
	about := fmt.Sprintf("report/%d/failed", r.Year)
	ids := make([]string, len(failing))
	for i := range failing {
		ids[i] = failing[i].ID
		if failing[i].About == "" {
			failing[i].About = about + "/" + failing[i].ID
		}
	}
	detail["failing"] = ids
	k, _, err := s.openCase(tx, w, models.CaseReport, failing, about, cmd.Actor, cmd.ReasonID)
	detail["case"] = k.ID
	return detail, err
}

func texts(list []models.StandingFinding) string {
	words := make([]string, len(list))
	for i, f := range list {
		words[i] = f.Text
	}
	return strings.Join(words, "”“")
}

// reportForm is the form of a year as it is asked today.
func (w *certifiedWork) reportForm(year int) models.ReportForm {
	return models.NewReportForm(year, w.law.Report.Questions, w.candidate, w.dataDue(year), w.today)
}

// dataDue is the day by which departments' data of a year are due, as the plan of the certification's year has it: later years' may not be
// laid down yet.
func (w *certifiedWork) dataDue(year int) calendar.Date {
	return w.cycle.Plan[calendar.PlanDataDue].AddYears(year - w.cycle.Year)
}

// settleReports ends what a decided or closed case leaves nothing to do about: a report that never came is no longer asked for, nor the
// report of a change of operator.
func (s *Store) settleReports(tx *gorm.DB, w *certifiedWork, k models.Case, by models.Actor) error {
	if k.Kind == models.CaseOperator {
		return s.closeSubject(tx, w.c.CycleID, models.OperatorSubject(w.c.Number), w.today, by)
	}
	if k.Kind != models.CaseReport {
		return nil
	}
	missing := func(f models.StandingFinding) bool {
		return strings.HasPrefix(f.ID, findingReport) && f.Outcome == models.OutcomeNotMet
	}
	if k.State == models.CaseClosed && by != models.ActorSystem && slices.ContainsFunc(k.Ground, missing) {
		return models.Conflict("信息报告尚未补报，不能终结，须作出决定；经营者不便使用网络的，可以代为录入后报送")
	}
	return s.closeReports(tx, w, by, "certification_id = ? AND state IN ? AND missed_on IS NOT NULL", w.c.ID, []models.ReportState{models.ReportOwed, models.ReportReturned})
}

// endReports closes every report of a certification that is over.
func (s *Store) endReports(tx *gorm.DB, w *certifiedWork) error {
	return s.closeReports(tx, w, models.ActorSystem, "certification_id = ? AND state IN ?", w.c.ID,
		[]models.ReportState{models.ReportOwed, models.ReportReturned, models.ReportSubmitted})
}

func (s *Store) closeReports(tx *gorm.DB, w *certifiedWork, by models.Actor, where string, args ...any) error {
	var list []models.Report
	if err := s.forUpdate(tx).Where(where, args...).Find(&list).Error; err != nil {
		return fmt.Errorf("looking for reports of certification %s to close: %w", w.c.Number, err)
	}
	for i := range list {
		list[i].State, list[i].LimitOn, list[i].ReviewDue = models.ReportClosed, 0, 0
		if err := s.saveReport(tx, &list[i]); err != nil {
			return err
		}
		if err := s.closeSubject(tx, w.c.CycleID, models.ReportSubject(w.c.Number, list[i].Year), w.today, by); err != nil {
			return fmt.Errorf("closing what is owed about a report: %w", err)
		}
	}
	return nil
}

// restoreReports opens this year's report again when a certification is restored: as filed if it had been, else to be filed.
func (s *Store) restoreReports(tx *gorm.DB, w *certifiedWork) error {
	year := w.today.Year()
	due := models.MonthDay(year, w.terms.ReportDue)
	if due < w.c.BenefitsFrom || due > w.c.ValidUntil {
		return nil
	}
	r, err := s.report(s.forUpdate(tx), w.c.ID, year)
	switch {
	case models.CodeOf(err) == models.CodeNotFound && w.today >= w.c.BenefitsFrom:
		return s.openReport(tx, w, year)
	case models.CodeOf(err) == models.CodeNotFound:
		return nil
	case err != nil:
		return err
	case r.State != models.ReportClosed:
		return nil
	}
	if r.SubmittedOn != 0 {
		r.State, r.ReviewDue = models.ReportSubmitted, w.workdays.TermEnd(w.today, w.law.Workdays("report.review"))
		if err := s.saveReport(tx, &r); err != nil {
			return err
		}
		return s.oweReview(tx, w, &r)
	}
	r.State, r.MissedOn = models.ReportOwed, 0
	r.Due = max(r.Due, w.workdays.TermEnd(w.today, w.law.Workdays("report.return")))
	r.LimitOn = r.Due
	if err := s.saveReport(tx, &r); err != nil {
		return err
	}
	return s.oweReport(tx, w, &r)
}

// WriteReport saves a draft: answers replace those of before. An officer's hand in it stays on record. The error is a *models.Error when it
// cannot be written now, or an answer cannot be taken.
func (s *Store) WriteReport(ctx context.Context, actor models.Actor, certificationID int64, year int, answers map[string]string, today calendar.Date) (r models.Report, err error) {
	w, err := s.certifiedWork(ctx, certificationID, today)
	if err != nil {
		return r, err
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if err := w.lock(s, tx, certificationID); err != nil {
			return err
		}
		if r, err = s.report(s.forUpdate(tx), certificationID, year); err != nil {
			return err
		}
		switch {
		case w.c.State != models.CertificationValid:
			return models.Conflict("该认定现为“%s”，不再填写信息报告", w.c.State.Name())
		case !r.State.Open():
			return models.Conflict("该信息报告现为“%s”，不能修改", r.State.Name())
		}
		if r.Content, err = w.reportForm(year).Clean(answers); err != nil {
			return err
		}
		if actor != models.HouseholdActor(r.USCC) {
			r.Enter(actor)
		}
		if err := s.saveReport(tx, &r); err != nil {
			return err
		}
		return s.audit(tx, actor, "report.write", models.CertificationObject(w.c.Number), map[string]any{"report": r.ID, "year": year, "answers": len(r.Content)})
	})
	if err != nil {
		return r, fmt.Errorf("writing the report of %d of certification %d: %w", year, certificationID, err)
	}
	return r, nil
}

// standing is what the newest data say of the household's base standards today: nothing, when no registry has it.
func (w *certifiedWork) standing() []models.StandingFinding {
	c := w.candidate
	if c == nil {
		c = &models.Candidate{Year: w.today.Year()}
	}
	return w.law.Standing(c, w.application.Origin, w.today, w.data.reportsIn, w.data.tiersOut)
}
