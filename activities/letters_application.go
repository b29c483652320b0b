package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"bangfu/models"
	"bangfu/models/calendar"
)

// TellApplicationInput says that something happened to an application. Natural key: ApplicationID and each event's number.
type TellApplicationInput struct {
	ApplicationID int64
	After         int // events up to this number were told before; 0 = tell all that were not
}

// TellApplication writes a letter for each event that concerns the operator or the recommending department: what happened,
// why, by which clause, until when something is to be done, and how to object (附三(二), 三(三)). A letter that was written is not written again.
func (a *Letters) TellApplication(ctx context.Context, in TellApplicationInput) error {
	app, err := a.Store.Application(ctx, in.ApplicationID)
	if err != nil {
		return lasting(err)
	}
	steps, err := a.Store.ApplicationSteps(ctx, app.ID)
	if err != nil {
		return err
	}
	w := applicationLetters{householdLetters{Letters: a, app: app}}
	if err := w.prepare(ctx, app.PolicyID); err != nil {
		return err
	}
	return sendNews(ctx, a, steps, func(step models.ApplicationStep) bool { return step.Seq > in.After }, w.write)
}

// applicationLetters writes the letters about one application.
type applicationLetters struct{ householdLetters }

// write makes the letters of one event; none when nobody needs to hear of it or can be reached.
func (w *applicationLetters) write(ctx context.Context, step models.ApplicationStep) ([]models.Message, error) {
	l, err := w.begin(ctx, w.app.District, step.OnDate, w.cycle.Clock.Rehearsal())
	if err != nil {
		return nil, err
	}
	if step.ReasonID != 0 {
		if l.Reason, err = w.Store.Reason(ctx, step.ReasonID); err != nil {
			return nil, err
		}
	}
	l.Clause = step.Clause
	l.Facts = []letterFact{{"申报编号", w.app.Number()}, {"方式", w.app.Origin.Name()}, {"申报分类", w.wished()}}
	if w.app.Category != "" {
		l.Facts = append(l.Facts, letterFact{"审核分类", w.app.Category.Name()})
	}
	if err := w.tell(ctx, &l, step); err != nil || l.Headline == "" {
		return nil, err
	}
	l.To = w.name
	m := models.Message{District: w.app.District, CycleID: w.app.CycleID, OnDate: step.OnDate, Key: fmt.Sprintf("%s/%d", models.ApplicationObject(w.app.ID), step.Seq)}
	mails, err := l.toOperator().writeAll(models.MailApplication, m, w.operator)
	if err != nil || !concernsDepartment(step) || w.app.Department == "" {
		return mails, err
	}
	l.To, l.Appeal = w.department, ""
	l.Headline = "所推荐个体工商户的申报进展：" + step.Event.Name()
	l.Paragraphs = []string{fmt.Sprintf("贵单位推荐的“%s”：%s，现为“%s”。", w.name, step.Event.Name(), step.ToState.Name())}
	m.Key += "/department"
	copies, err := l.writeAll(models.MailApplication, m, w.officers)
	return append(mails, copies...), err
}

func (w *applicationLetters) wished() string {
	names := make([]string, len(w.app.Wished))
	for i, c := range w.app.Wished {
		names[i] = c.Name()
	}
	return strings.Join(names, "、")
}

// concernsDepartment: the recommending department hears of the operator's answer and of how it ended.
func concernsDepartment(step models.ApplicationStep) bool {
	return step.Event == models.EventConsent || step.ToState == models.ApplicationProposed || !step.ToState.Live()
}

// free is said wherever an operator is asked for something (三(二)).
const free = "申报自愿，全程免费，任何单位和个人不得借此收费、摊派或索要财物。"

// tell fills the letter with what the event means to the operator; an empty headline means that there is nothing to tell.
func (w *applicationLetters) tell(ctx context.Context, l *letter, step models.ApplicationStep) error {
	limit := w.limit(step)
	say := func(headline string, paragraphs ...string) { l.Headline, l.Paragraphs = headline, paragraphs }
	switch step.Event {
	case models.EventSubmit:
		say("“名特优新”申报已收到", "您的申报已提交，区市场监管局将进行审核，审核通过的还将上门走访核实。",
			"需要补充材料的，将另行通知您；审核结束前可以撤回。", free)
		l.Facts = append(l.Facts, letterFact{"审核截止", w.cycle.Plan[calendar.PlanReviewDue].Chinese()})
	case models.EventRecommend:
		say(fmt.Sprintf("%s拟推荐您为“名特优新”个体工商户，请您表示是否同意", w.department),
			fmt.Sprintf("%s拟推荐贵户申报“名特优新”个体工商户。推荐须事先征得您本人同意。", w.department),
			fmt.Sprintf("请在%s（含当日）前登录系统表示同意或不同意；逾期未答复的，视为不同意，推荐终止。", limit), free)
		l.Facts = append(l.Facts, letterFact{"推荐部门", w.department}, letterFact{"答复期限", limit})
	case models.EventConsent:
		say("您已同意推荐，申报已进入审核", "区市场监管局将进行审核，审核通过的还将上门走访核实。", free)
	case models.EventDecline:
		say("您已表示不同意推荐", "推荐就此终止，对您没有任何不利影响；本年度申报期内您仍可自主申报。")
	case models.EventConsentOverdue:
		say("推荐因逾期未获同意而终止", "您没有在期限内表示同意，推荐就此终止，对您没有任何不利影响。")
	case models.EventWithdraw:
		if step.FromState == models.ApplicationConsent {
			say("推荐部门已撤回推荐", "推荐就此终止，您无须再作答复；申报期内您仍可自主申报。")
			break
		}
		say("申报已撤回", "申报期内可以重新申报。")
	case models.EventAskSupplement:
		say("请补充申报材料", fmt.Sprintf("审核需要您补充材料，请在%s（含当日）前登录系统上传并提交。部门已掌握的数据无需提供。", limit), "逾期未补充的，按现有材料审核。")
		l.Facts = append(l.Facts, letterFact{"补充期限", limit})
	case models.EventSupply:
		say("补充材料已收到", "区市场监管局将继续审核。")
	case models.EventSupplementOverdue:
		say("未按期收到补充材料", "区市场监管局将按现有材料审核。")
	case models.EventPassReview:
		say("申报通过审核，将上门走访核实", fmt.Sprintf("贵户的申报按“%s”类通过审核，接下来由两名工作人员走访核实，请予配合。", w.app.Category.Name()), free)
	case models.EventPassVisit:
		say("走访核实通过，进入比选", "符合条件的户数多于名额时，按公布的标准比选。", "比选结果和理由将告知您。")
	case models.EventPropose:
		say("贵户列入“名特优新”拟认定名单", "名单将按规定公示，公示期满且无异议或异议不成立的，予以认定。")
		return w.rank(ctx, l)
	case models.EventWaitList:
		say("贵户列为候补", "名额已满。公示中有空出的名额且来得及完整公示的，按名次递补。") // not decided yet: what it comes to can be objected to
		return w.rank(ctx, l)
	case models.EventNotSelect:
		say("比选未入选", "本年度名额有限，贵户未能入选，欢迎明年继续申报。")
		l.Appeal = w.appeal(step.OnDate)
		return w.rank(ctx, l)
	case models.EventRemove:
		say("不予认定："+step.Event.Name(), "贵户曾列入公示的拟认定名单，经核实公示期间的异议，现移出名单，理由和依据如下。")
		l.Appeal = w.appeal(step.OnDate)
	case models.EventCityRefuse:
		return w.cityRefused(ctx, l, step, say)
	case models.EventRefuse, models.EventFailVisit, models.EventBar:
		say("不予认定："+step.Event.Name(), "贵户的申报未能通过，理由和依据如下。")
		l.Appeal = w.appeal(step.OnDate)
	case models.EventLapse:
		if step.FromState == models.ApplicationDraft {
			return nil // an unfinished draft was nobody's request
		}
		say("申报未能在期限内办结", "本年度申报就此结束，情况说明如下。")
		l.Appeal = w.appeal(step.OnDate)
	case models.EventReopen:
		say("异议成立，申报重新审核", "区市场监管局将重新审核您的申报。")
	case models.EventRequeue:
		say("异议成立，列为候补", "贵户重新列入候补名单，有空出的名额且来得及完整公示的，按名次递补。")
	case models.EventCertify:
		return w.certified(ctx, l, say)
	}
	return nil
}

// limit is the last day of a request's term: as it stands while it runs, else as the event recorded it.
func (w *applicationLetters) limit(step models.ApplicationStep) string {
	if step.Seq == w.app.Events && w.app.LimitOn != 0 {
		return w.app.LimitOn.Chinese()
	}
	var recorded struct { // a reviewer may give longer than the policy
		LimitOn calendar.Date `json:"limit_on"`
	}
	if json.Unmarshal([]byte(step.Detail), &recorded) == nil && recorded.LimitOn != 0 {
		return recorded.LimitOn.Chinese()
	}
	key := "supplement.limit"
	if step.Event == models.EventRecommend {
		key = "consent.limit"
	}
	return w.workdays.TermEnd(step.OnDate, w.policy.Workdays(key)).Chinese()
}

// rank adds where the household stands in the comparison.
func (w *applicationLetters) rank(ctx context.Context, l *letter) error {
	r, ok, err := w.Store.ApplicationRank(ctx, w.app.ID)
	if err != nil || !ok {
		return err
	}
	l.Facts = append(l.Facts, letterFact{"比选得分", fmt.Sprint(r.Score)}, letterFact{"名次", fmt.Sprintf("第 %d 名，名额 %d 个", r.Place, r.Places)})
	if r.Tie != "" {
		l.Facts = append(l.Facts, letterFact{"同分排序", r.Tie})
	}
	return nil
}

// cityRefused tells who was congratulated before that the certification no longer holds.
func (w *applicationLetters) cityRefused(ctx context.Context, l *letter, step models.ApplicationStep, say func(string, ...string)) error {
	c, err := w.Store.CertificationOf(ctx, w.app.ID)
	if err != nil {
		return err
	}
	say("不予认定："+step.Event.Name(), fmt.Sprintf("经市市场监管局抽查，贵户不予认定，理由和依据如下。贵户此前取得的“%s”认定（认定编号 %s）自%s起无效，证书请勿再使用。",
		c.Category.Name(), c.Number, step.OnDate.Chinese()))
	l.Appeal = w.appeal(step.OnDate)
	return nil
}

func (w *applicationLetters) certified(ctx context.Context, l *letter, say func(string, ...string)) error {
	c, err := w.Store.CertificationOf(ctx, w.app.ID)
	if err != nil {
		return err
	}
	say(fmt.Sprintf("祝贺！贵户被认定为“%s”个体工商户", c.Category.Name()),
		fmt.Sprintf("贵户经申报、审核、走访、比选、公示，被认定为“名特优新”个体工商户（“%s”类），自%s起享受相关扶持政策。", c.Category.Name(), w.cycle.Plan[calendar.PlanBenefitsStart].Chinese()),
		"请于有效期内每年7月底前完成信息报告；变更经营者的，请及时报告。")
	l.Facts = append(l.Facts, letterFact{"认定编号", c.Number}, letterFact{"认定日期", c.CertifiedOn.Chinese()}, letterFact{"有效期至", c.ValidUntil.Chinese()})
	if l.URL != "" {
		l.Facts = append(l.Facts, letterFact{"证书查验", l.URL + "/verify/" + c.Number})
	}
	return nil
}
