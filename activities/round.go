package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/activity"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Rounds is the morning round: it finds what is owed and due to be said, and says it once.
type Rounds struct {
	Store   *store.Store
	Letters *Letters
	// Nudge and Receive bring an application or an objection to its process, which they start where none runs (workflows.NudgeApplication,
	// workflows.StartObjection); nil in tests without an engine.
	Nudge   func(ctx context.Context, a models.Application, clock calendar.Clock) error
	Receive func(ctx context.Context, o models.Objection, clock calendar.Clock) error
	// Notify starts the sending of a notice of help that nobody sends (workflows.StartHelpNotice); nil in tests without an engine.
	Notify func(ctx context.Context, n models.HelpNotice) error

	Certified *Certified // nil in tests without an engine
}

// RunRoundInput is one morning. Natural key: District, CycleID and Today.
type RunRoundInput struct {
	District string
	CycleID  string // a rehearsed cycle; empty = every cycle of the district that lives in real time
	Today    calendar.Date
}

// RunRoundResult is what a morning brought.
type RunRoundResult struct {
	Reminded    int // obligations that their owners were reminded of
	Escalated   int // overdue obligations that the bureau was told of
	Mails       int // new mails
	Unreachable int // recipient groups without any address, the bureau's included
	Ended       bool
}

// shown is how many items one mail lists; the rest is counted.
const shown = 100

// page is how many obligations are read at once.
const page = 1000

// RunRound reminds the owners of what is owed, each by one digest, tells the bureau what is overdue, and brings to its process what no
// process knows of. Each group
// of recipients is one transaction: a round that died goes on where it was, and one that is repeated says nothing twice.
func (a *Rounds) RunRound(ctx context.Context, in RunRoundInput) (RunRoundResult, error) {
	r := &round{Rounds: a, RunRoundInput: in}
	ended, err := r.prepare(ctx)
	if err != nil || ended {
		return RunRoundResult{Ended: ended}, err
	}
	groups, err := r.groups(ctx)
	if err != nil {
		return r.result, err
	}
	for _, g := range groups {
		if err := r.remind(ctx, g); err != nil {
			return r.result, err
		}
	}
	if err := r.escalate(ctx); err != nil {
		return r.result, err
	}
	if err := r.attend(ctx); err != nil {
		return r.result, err
	}
	return r.result, a.Letters.wake(ctx) // also when nothing is new: this try or whoever wrote a letter may have died before waking it
}

// NextRoundInput asks for a working day.
type NextRoundInput struct{ From calendar.Date }

// NextRoundResult is the day of the next round.
type NextRoundResult struct {
	Day       calendar.Date
	Announced bool // false: the State Council has not announced that year's holidays
}

// NextRound gives the first working day from a date on, by the notices as they are known now.
func (a *Rounds) NextRound(ctx context.Context, in NextRoundInput) (NextRoundResult, error) {
	w, err := a.Store.Workdays(ctx)
	if err != nil {
		return NextRoundResult{}, err
	}
	day := w.NextWorkday(in.From)
	return NextRoundResult{Day: day, Announced: w.Announced(day.Year())}, nil
}

// round is one morning while it is worked.
type round struct {
	*Rounds
	RunRoundInput
	letter   letter
	workdays *calendar.Workdays
	names    map[string]string                                  // of those who owe
	ladders  map[string]map[models.ObligationKind]models.Ladder // by cycle
	cycles   []string
	dueBy    calendar.Date // nothing that is due later can have come to a step
	key      string        // tells this rehearsal from an earlier one of the same year
	overdue  []models.Obligation
	ids      []int64 // of everything overdue, also beyond what is shown
	result   RunRoundResult
}

// group is who gets one digest: a department, a household, a person, or the bureau for those that nobody can reach.
type group struct {
	owner  string
	kind   models.OwnerKind
	to     []string
	owners []string
}

// prepare reads what the whole round needs; ended says that the rehearsed cycle is over.
func (r *round) prepare(ctx context.Context) (ended bool, err error) {
	if r.CycleID != "" {
		c, err := r.Store.Cycle(ctx, r.CycleID)
		if err != nil {
			return false, err
		}
		if ended, err := r.Store.RoundEnded(ctx, c); ended || err != nil {
			return ended, err
		}
		r.key = fmt.Sprintf("/%d", c.Attempt)
	}
	if r.letter, err = r.Letters.begin(ctx, r.District, r.Today, r.CycleID != ""); err != nil {
		return false, err
	}
	if r.workdays, err = r.Store.Workdays(ctx); err != nil {
		return false, err
	}
	departments, err := r.Store.Departments(ctx, r.District)
	if err != nil {
		return false, err
	}
	r.names = map[string]string{}
	for _, d := range departments {
		r.names[d.Code] = d.Name
	}
	cycles, err := r.Store.RoundCycles(ctx, r.District, r.CycleID)
	if err != nil {
		return false, err
	}
	r.ladders = map[string]map[models.ObligationKind]models.Ladder{}
	lead := 0
	for _, c := range cycles {
		policy, err := r.Store.PolicyByID(ctx, c.PolicyID)
		if err != nil {
			return false, err
		}
		for _, source := range policy.Sources {
			if r.names[source.Department] == "" {
				r.names[source.Department] = source.DepartmentName
			}
		}
		for _, d := range policy.Departments { // 区私营个体经济协会 is in no district's list of offices unless it was entered
			if r.names[d.Code] == "" {
				r.names[d.Code] = d.Name
			}
		}
		r.cycles = append(r.cycles, c.ID)
		r.ladders[c.ID] = policy.Ladders
		for _, l := range policy.Ladders {
			for _, s := range append([]int{l.Escalate}, l.Steps...) {
				lead = max(lead, -s)
			}
		}
	}
	r.dueBy = r.Today.AddDays(lead)
	return false, nil
}

// groups finds whom there is something to say to or of, and at which addresses they are reached.
func (r *round) groups(ctx context.Context) ([]*group, error) {
	if len(r.cycles) == 0 {
		return nil, nil
	}
	owners, err := r.Store.Debtors(ctx, r.District, r.cycles, r.dueBy, func(o models.Obligation) bool {
		_, reminds := r.reminds(o)
		return reminds || r.escalates(o)
	})
	if err != nil {
		return nil, err
	}
	bureau := &group{owner: models.BureauCode}
	if bureau.to, err = r.Store.Recipients(ctx, r.District, models.BureauCode); err != nil {
		return nil, err
	}
	groups := []*group{bureau}
	for _, d := range owners {
		if d.Owner == models.BureauCode {
			bureau.owners = append([]string{d.Owner}, bureau.owners...)
			continue
		}
		name, to, err := r.Store.Reach(ctx, r.District, d)
		if err != nil {
			return nil, err
		}
		if name != "" {
			r.names[d.Owner] = name
		}
		if len(to) == 0 {
			r.result.Unreachable++
			bureau.owners = append(bureau.owners, d.Owner)
			continue
		}
		groups = append(groups, &group{owner: d.Owner, kind: d.Kind, to: to, owners: []string{d.Owner}})
	}
	if len(bureau.to) == 0 {
		r.result.Unreachable++
	}
	return groups, nil
}

// reminds gives the step of the ladder that has come and of which the owner was not reminded.
func (r *round) reminds(o models.Obligation) (step int, ok bool) {
	step, ok = r.ladders[o.CycleID][o.Kind].DueStep(o.Due, r.Today)
	return step, ok && (o.Reminded == nil || *o.Reminded < step)
}

// escalates says whether the bureau is to learn of it now. What a household lets pass has its own consequence.
func (r *round) escalates(o models.Obligation) bool {
	ladder, ok := r.ladders[o.CycleID][o.Kind]
	return ok && o.EscalatedOn == 0 && o.OwnerKind != models.OwnerHousehold && ladder.Escalated(o.Due, r.Today)
}

// remind writes the digest of one group and marks what it says.
func (r *round) remind(ctx context.Context, g *group) error {
	l := r.letter
	if g.kind == models.OwnerHousehold {
		l = l.toOperator()
	}
	l.To = r.name(g.owner)
	var marks []store.Reminded
	var orphans []string
	first := calendar.Date(0)
	for _, owner := range g.owners {
		before := len(marks)
		err := r.each(ctx, owner, func(o models.Obligation) {
			if r.escalates(o) {
				r.ids = append(r.ids, o.ID)
				if len(r.overdue) < shown {
					r.overdue = append(r.overdue, o)
				}
			}
			step, ok := r.reminds(o)
			if !ok {
				return
			}
			marks = append(marks, store.Reminded{ID: o.ID, Step: step})
			if first == 0 || o.Due < first {
				first = o.Due
			}
			if len(l.Items) < shown {
				department := ""
				if owner != g.owner {
					department = r.name(owner)
				}
				l.Items = append(l.Items, item(o, r.ladders[o.CycleID][o.Kind], r.workdays, r.Today, department))
			}
		})
		if err != nil {
			return err
		}
		if owner != g.owner && len(marks) > before {
			orphans = append(orphans, r.name(owner))
		}
	}
	if len(marks) == 0 || len(g.to) == 0 {
		return nil
	}
	l.Count, l.More, l.Orphans = len(marks), len(marks)-len(l.Items), strings.Join(orphans, "、")
	l.Headline = fmt.Sprintf("%d 项工作待完成，最早%s到期", l.Count, first.Chinese())
	if first < r.Today {
		l.Headline = fmt.Sprintf("%d 项工作待完成，有逾期", l.Count)
	}
	l.Note = r.note(first)
	mails, err := l.writeAll(models.MailDigest, r.message(g.owner), g.to)
	if err != nil {
		return err
	}
	added, err := r.Store.Remind(ctx, mails, marks, r.Today)
	if err != nil {
		return err
	}
	r.result.Mails += added
	if added > 0 {
		r.result.Reminded += len(marks)
	}
	return nil
}

// escalate tells the bureau what became overdue.
func (r *round) escalate(ctx context.Context) error {
	if len(r.ids) == 0 {
		return nil
	}
	to, err := r.Store.Recipients(ctx, r.District, models.BureauCode)
	if err != nil || len(to) == 0 {
		return err
	}
	l := r.letter
	l.Count, l.More = len(r.ids), len(r.ids)-len(r.overdue)
	l.Headline = fmt.Sprintf("%d 项工作逾期未完成", l.Count)
	slices.SortStableFunc(r.overdue, func(x, y models.Obligation) int { return strings.Compare(x.Owner, y.Owner) })
	for _, o := range r.overdue {
		i := item(o, r.ladders[o.CycleID][o.Kind], r.workdays, r.Today, r.name(o.Owner))
		i.After, i.How = "", ""
		l.Items = append(l.Items, i)
	}
	mails, err := l.writeAll(models.MailEscalation, r.message(models.BureauCode), to)
	if err != nil {
		return err
	}
	added, err := r.Store.Escalate(ctx, mails, r.ids, r.Today)
	if err != nil {
		return err
	}
	r.result.Mails += added
	if added > 0 {
		r.result.Escalated = len(r.ids)
	}
	return nil
}

// each reads what an owner owes, in pages.
func (r *round) each(ctx context.Context, owner string, f func(models.Obligation)) error {
	var after store.ObligationCursor
	for {
		list, err := r.Store.Owed(ctx, r.District, owner, r.cycles, r.dueBy, after, page)
		if err != nil {
			return err
		}
		for _, o := range list {
			f(o)
			after = store.ObligationCursor{Due: o.Due, ID: o.ID}
		}
		activity.RecordHeartbeat(ctx)
		if len(list) < page {
			return nil
		}
	}
}

func (r *round) message(owner string) models.Message {
	return models.Message{District: r.District, CycleID: r.CycleID, OnDate: r.Today, Key: owner + r.key}
}

// name is how an owner is called: a department by its code where the district has not named it.
func (r *round) name(owner string) string {
	if n := r.names[owner]; n != "" {
		return n
	}
	return owner
}

func (r *round) note(due calendar.Date) string {
	if r.workdays.AnnouncedThrough(min(r.Today, due), max(r.Today, due)) {
		return ""
	}
	return calendar.Unannounced + "。"
}
