package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// caseReader puts a case file together; the words for people and the texts of reasons are read once, at the end of the ids.
type caseReader struct {
	s    *Store
	tx   *gorm.DB
	own  bool // for the operator: officers by their office only
	a    models.Application
	law  PolicyVersion
	file models.CaseFile

	departments map[string]string
	words       map[int64]string
	people      map[models.Actor]string
}

// CaseFile gives everything on record about an application; own leaves out what is not for its operator's eyes. The error is CodeNotFound if there is no such application.
func (s *Store) CaseFile(ctx context.Context, id int64, own bool) (models.CaseFile, error) {
	a, err := s.Application(ctx, id)
	if err != nil {
		return models.CaseFile{}, err
	}
	r := &caseReader{s: s, tx: s.db.WithContext(ctx), own: own, a: a}
	if err := r.read(ctx); err != nil {
		return models.CaseFile{}, fmt.Errorf("reading the case file of application %d: %w", id, err)
	}
	if own {
		r.file.ForApplicant()
	}
	return r.file, nil
}

func (r *caseReader) read(ctx context.Context) (err error) {
	a := r.a
	district, err := r.s.District(ctx, a.District)
	if err != nil {
		return err
	}
	if r.law, err = r.s.PolicyByID(ctx, a.PolicyID); err != nil {
		return err
	}
	if r.departments, err = r.s.DepartmentNames(ctx, a.District, a.Year); err != nil {
		return err
	}
	steps, err := r.s.ApplicationSteps(ctx, a.ID)
	if err != nil {
		return err
	}
	grounds, err := r.s.ApplicationGrounds(ctx, a.ID)
	if err != nil {
		return err
	}
	visits, err := r.s.ApplicationVisits(ctx, a.ID)
	if err != nil {
		return err
	}
	objections, err := r.objections()
	if err != nil {
		return err
	}
	subjects := []string{models.ApplicationObject(a.ID)}
	evidence := []string{models.ApplicationObject(a.ID)}
	for _, v := range visits {
		subjects = append(subjects, models.VisitObject(v.ID))
	}
	for _, o := range objections {
		subjects = append(subjects, models.ObjectionObject(o.ID))
		if o.Kind != models.ObjectionNotice { // what others handed in against a notice is confidential
			evidence = append(evidence, models.ObjectionObject(o.ID))
		}
	}
	if !r.own {
		for _, v := range visits {
			evidence = append(evidence, models.VisitObject(v.ID))
		}
	}
	documents, err := r.s.documents(r.tx, evidence...)
	if err != nil {
		return err
	}
	var ranks []rankRow
	if err := r.tx.Where("cycle_id = ? AND application_id = ?", a.CycleID, a.ID).Find(&ranks).Error; err != nil {
		return err
	}
	var notices []caseNotice
	err = r.tx.Table("notice_entries e").Select("e.number, e.state, e.removed_on, e.reason_id, n.published_on, n.ends_on, n.sha256").
		Joins("JOIN notices n ON n.cycle_id = e.cycle_id AND n.number = e.number").Where("e.application_id = ?", a.ID).Order("e.number").Scan(&notices).Error
	if err != nil {
		return err
	}
	certification, err := r.s.CertificationOf(ctx, a.ID)
	if err != nil && models.CodeOf(err) != models.CodeNotFound {
		return err
	}

	texts := []int64{a.ReasonID, certification.ReasonID}
	actors := []models.Actor{a.EnteredBy, a.RecommendedBy}
	for _, x := range steps {
		texts, actors = append(texts, x.ReasonID), append(actors, x.Actor)
	}
	for _, x := range grounds {
		texts, actors = append(texts, x.ReasonID), append(actors, x.ByActor)
	}
	for _, x := range visits {
		actors = append(actors, x.VisitorA, x.VisitorB, x.SignedBy)
	}
	for _, x := range objections {
		texts, actors = append(texts, x.AnswerID, x.ReasonID), append(actors, x.ByActor, x.SettledBy)
	}
	for _, x := range documents {
		actors = append(actors, x.ByActor)
	}
	for _, x := range ranks {
		texts, actors = append(texts, x.ReasonID), append(actors, x.DecidedBy)
	}
	for _, x := range notices {
		texts = append(texts, x.ReasonID)
	}
	if r.words, err = r.s.Reasons(ctx, texts); err != nil {
		return err
	}
	if err := r.name(actors); err != nil {
		return err
	}

	r.head(district)
	r.grounds(grounds)
	r.events(steps)
	r.documents(documents)
	r.visits(visits)
	r.notices(notices)
	r.objected(objections)
	if err := r.facts(ctx); err != nil {
		return err
	}
	if err := r.comparison(ctx, ranks); err != nil {
		return err
	}
	if err := r.certified(certification); err != nil {
		return err
	}
	if err := r.mails(ctx, objections); err != nil {
		return err
	}
	return r.audit(subjects)
}

// name finds the words for who acted: the office, for officials with the name.
func (r *caseReader) name(actors []models.Actor) error {
	var ids []int64
	for _, a := range actors {
		if id, ok := a.UserID(); ok {
			ids = append(ids, id)
		}
	}
	var users []models.User
	if err := r.tx.Where("id IN ?", ids).Find(&users).Error; err != nil {
		return fmt.Errorf("reading who acted: %w", err)
	}
	r.people = map[models.Actor]string{}
	for _, u := range users {
		office := map[models.Role]string{models.RoleAdmin: "区市场监管局", models.RoleCity: "市市场监管局", models.RoleAuditor: "审计人员"}[u.Role]
		if u.Role == models.RoleDepartment {
			if office = r.departments[u.Department]; office == "" {
				office = u.Department
			}
		}
		r.people[u.Actor()] = office
		if !r.own {
			r.people[u.Actor()] = office + " " + u.Name
		}
	}
	return nil
}

func (r *caseReader) who(a models.Actor) string {
	switch {
	case a == "":
		return ""
	case a == models.ActorSystem:
		return "系统"
	case a == models.HouseholdActor(r.a.USCC):
		return "经营者"
	case strings.HasPrefix(string(a), string(models.HouseholdActor(""))):
		return "其他经营者"
	case a == models.ActorBootstrap || a == models.ActorConsole:
		return "系统管理员"
	case a == "public":
		return "公众"
	}
	if words, ok := r.people[a]; ok {
		return words
	}
	return "工作人员"
}

func inShanghai(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(calendar.Shanghai).Format(time.RFC3339)
}

func (r *caseReader) head(district models.District) {
	a := r.a
	wished := make([]string, len(a.Wished))
	for i, c := range a.Wished {
		wished[i] = c.Name()
	}
	r.file = models.CaseFile{Number: a.Number(), District: district.City + district.Name, Cycle: a.CycleID, USCC: a.USCC, Name: a.Name, Street: a.Street, Tier: a.Tier,
		Origin: a.Origin.Name(), Department: r.departments[a.Department], EnteredBy: r.who(a.EnteredBy), State: a.State.Name(), Wished: wished, Category: a.Category.Name(),
		Statement: a.Statement, SubmittedOn: a.SubmittedOn, ClosedOn: a.ClosedOn, Reason: r.words[a.ReasonID], Clause: a.Clause, PolicyVersion: r.law.Version,
		PolicyHash: r.law.Hash, DataMark: a.DataMark, LastChange: inShanghai(a.UpdatedAt), LastChangeDate: calendar.DateOf(a.UpdatedAt)}
}

// facts are what departments have delivered by now; a household that is no longer in the data has none.
func (r *caseReader) facts(ctx context.Context) error {
	r.file.Facts = []models.CaseFact{}
	c, err := r.s.Candidate(ctx, r.a.CycleID, r.a.USCC)
	if models.CodeOf(err) == models.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	for _, i := range c.Items {
		r.file.Facts = append(r.file.Facts, models.CaseFact{Label: i.Label, Value: i.Value, Source: i.Source.Name(), DeliveredOn: i.DeliveredOn})
	}
	return nil
}

func (r *caseReader) grounds(list []models.ApplicationGround) {
	r.file.Grounds = []models.CaseGround{}
	for _, g := range list {
		c := models.CaseGround{Category: g.Category.Name(), Letter: g.Letter, Claimed: g.Claimed, Statement: g.Statement, Outcome: g.Outcome, Value: g.Value, Reason: r.words[g.ReasonID], On: g.OnDate}
		if ground, ok := r.law.Ground(g.Category, g.Letter); ok {
			c.Clause, c.Text = ground.Clause, ground.Text
		}
		switch g.CheckedBy {
		case models.CheckedByData:
			c.CheckedBy = "部门数据"
		case models.CheckedByReviewer:
			c.CheckedBy = r.who(g.ByActor)
		}
		r.file.Grounds = append(r.file.Grounds, c)
	}
}

func (r *caseReader) events(steps []models.ApplicationStep) {
	r.file.Events = []models.CaseEvent{}
	for _, x := range steps {
		r.file.Events = append(r.file.Events, models.CaseEvent{Seq: x.Seq, Event: x.Event, Name: x.Event.Name(), From: x.FromState.Name(), To: x.ToState.Name(), On: x.OnDate,
			At: inShanghai(x.At), By: r.who(x.Actor), Reason: r.words[x.ReasonID], Clause: x.Clause, PolicyVersion: r.law.Version})
	}
}

func (r *caseReader) documents(list []models.Document) {
	r.file.Documents = []models.CaseDocument{}
	for _, d := range list {
		kind, _, _ := models.ParseDocumentSubject(d.Subject) // the record holds no other subjects
		r.file.Documents = append(r.file.Documents, models.CaseDocument{ID: d.ID, Of: map[string]string{"application": "申报", "visit": "走访", "objection": "异议"}[kind],
			Purpose: d.Purpose.Name(), Name: d.Name, MediaType: d.MediaType, Size: d.Size, SHA256: d.SHA256, By: r.who(d.ByActor), At: inShanghai(d.At)})
	}
}

func (r *caseReader) visits(list []VisitItem) {
	r.file.Visits = []models.CaseVisit{}
	for _, v := range list {
		outcome := map[models.VisitOutcome]string{models.VisitMet: "核实相符", models.VisitNotMet: "核实不符"}[v.Outcome]
		r.file.Visits = append(r.file.Visits, models.CaseVisit{State: v.State.Name(), Visitors: []string{r.who(v.VisitorA), r.who(v.VisitorB)}, PlannedOn: v.PlannedOn,
			VisitedOn: v.VisitedOn, Outcome: outcome, Record: v.Record, SignedBy: r.who(v.SignedBy), SignedOn: v.SignedOn, Reason: v.Reason})
	}
}

func (r *caseReader) comparison(ctx context.Context, ranks []rankRow) error {
	if len(ranks) == 0 {
		return nil
	}
	rank, err := ranks[0].rank()
	if err != nil {
		return err
	}
	places, err := r.s.Places(ctx, r.a.CycleID)
	if err != nil && models.CodeOf(err) != models.CodeNotFound {
		return err
	}
	c := &models.CaseComparison{Place: rank.Place, Places: places.Places, Score: rank.Score, Items: rank.Items, Tie: rank.Tie, Proposal: rank.Proposal.Name(),
		Decision: rank.Decision.Name(), Reason: r.words[rank.ReasonID], By: r.who(rank.DecidedBy)}
	if rank.DecidedAt != nil {
		c.At = inShanghai(*rank.DecidedAt)
	}
	r.file.Comparison = c
	return nil
}

// caseNotice is an entry with its notice.
type caseNotice struct {
	Number      int
	State       models.EntryState
	RemovedOn   calendar.Date
	ReasonID    int64
	PublishedOn calendar.Date
	EndsOn      calendar.Date
	SHA256      string `gorm:"column:sha256"`
}

func (r *caseReader) notices(list []caseNotice) {
	r.file.Notices = []models.CaseNotice{}
	for _, n := range list {
		r.file.Notices = append(r.file.Notices, models.CaseNotice{Number: n.Number, PublishedOn: n.PublishedOn, EndsOn: n.EndsOn, SHA256: n.SHA256, State: n.State, RemovedOn: n.RemovedOn, Reason: r.words[n.ReasonID]})
	}
}

// objections are those about the application, and those to the household's tier of the year.
func (r *caseReader) objections() ([]models.Objection, error) {
	var rows []objectionRow
	err := r.tx.Where("application_id = ?", r.a.ID).Or("uscc = ? AND cycle_id = ? AND kind = ?", r.a.USCC, r.a.CycleID, models.ObjectionTier).Order("id").Find(&rows).Error
	list := make([]models.Objection, len(rows))
	for i, row := range rows {
		list[i] = row.objection()
	}
	return list, err
}

func (r *caseReader) objected(list []models.Objection) {
	r.file.Objections = []models.CaseObjection{}
	for _, o := range list {
		r.file.Objections = append(r.file.Objections, models.CaseObjection{Number: o.Number(), Kind: o.Kind.Name(), By: r.who(o.ByActor), Statement: o.Statement, State: o.State.Name(),
			ReceivedOn: o.ReceivedOn, AcceptedOn: o.AcceptedOn, Department: r.departments[o.Department], Answer: r.words[o.AnswerID], Outcome: o.Outcome.Name(),
			Reason: r.words[o.ReasonID], Clause: o.Clause, SettledBy: r.who(o.SettledBy), SettledOn: o.SettledOn})
	}
}

func (r *caseReader) certified(c models.Certification) error {
	if c.ID == 0 {
		return nil
	}
	v := &models.CaseCertification{Number: c.Number, Category: c.Category.Name(), CertifiedOn: c.CertifiedOn, ValidUntil: c.ValidUntil, State: c.State.Name(), EndedOn: c.EndedOn,
		Reason: r.words[c.ReasonID], PolicyHash: c.PolicyHash, Program: c.Program}
	var check []models.CityCheckState
	if err := r.tx.Table("city_checks").Where("certification_id = ?", c.ID).Pluck("state", &check).Error; err != nil {
		return err
	}
	if len(check) > 0 {
		v.CityCheck = check[0].Name()
	}
	r.file.Certification = v
	return nil
}

// mails are those about the case; to its operator without those that others got about their objections to the notice.
func (r *caseReader) mails(ctx context.Context, objections []models.Objection) error {
	about := map[string]string{models.ApplicationObject(r.a.ID): r.a.Number()}
	cases := []string{models.ApplicationObject(r.a.ID)}
	for _, o := range objections {
		if !r.own || o.Kind != models.ObjectionNotice {
			cases = append(cases, models.ObjectionObject(o.ID))
			about[models.ObjectionObject(o.ID)] = o.Number()
		}
	}
	list, err := r.s.MailsAbout(ctx, cases...)
	if err != nil {
		return err
	}
	r.file.Mails = []models.CaseMail{}
	for _, m := range list {
		r.file.Mails = append(r.file.Mails, models.CaseMail{Kind: m.Kind, Name: m.Kind.Name(), About: about[m.Case], On: m.OnDate, State: m.State, SentAt: inShanghai(m.SentAt)})
	}
	return nil
}

// maxCaseAudit bounds the record in a case file: who read it is on it too.
const maxCaseAudit = 2000

func (r *caseReader) audit(objects []string) error {
	var list []models.AuditEntry
	err := r.tx.Table("audit_log").Select(auditColumns).Where("object IN ?", objects).Order("seq").Limit(maxCaseAudit).Find(&list).Error
	if err != nil {
		return err
	}
	r.file.Audit = []models.CaseAudit{}
	for _, e := range list {
		r.file.Audit = append(r.file.Audit, models.CaseAudit(e))
	}
	return nil
}
