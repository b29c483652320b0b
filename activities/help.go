package activities

import (
	"context"
	"fmt"
	"strings"

	"go.temporal.io/sdk/activity"

	"bangfu/models"
	"bangfu/models/policy"
	"bangfu/models/store"
)

// HelpNotices tells households what departments offer without being asked (附二, 附四).
type HelpNotices struct {
	Store   *store.Store
	Letters *Letters
}

// SendHelpNoticeInput names a notice. Natural key: NoticeID, and each household.
type SendHelpNoticeInput struct{ NoticeID int64 }

// HelpNoticeResult is how many households a notice fits, and what became of it. No text, no name.
type HelpNoticeResult struct {
	Households  int
	Mailed      int
	Unreachable int
	Exhausted   int
}

// noticePage is how many households one transaction tells.
const noticePage = 200

// SendHelpNotice writes the notice to every household that it fits, page by page, each once; a worker that died goes on after the last page.
func (a *HelpNotices) SendHelpNotice(ctx context.Context, in SendHelpNoticeInput) (HelpNoticeResult, error) {
	n, err := a.Store.HelpNotice(ctx, in.NoticeID)
	if err != nil {
		return HelpNoticeResult{}, lasting(err)
	}
	w, err := a.writer(ctx, n)
	if err != nil {
		return HelpNoticeResult{}, lasting(err)
	}
	after := ""
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &after) // unreadable = from the beginning
	}
	for done := n.DoneAt != nil; !done; {
		page, err := a.Store.NotifyHouseholds(ctx, n, w.law, w.year, after, noticePage, w.write)
		if err != nil {
			return HelpNoticeResult{}, lasting(err)
		}
		after, done = page.Last, page.Done
		activity.RecordHeartbeat(ctx, after)
		if page.Mailed > 0 {
			if err := a.Letters.wake(ctx); err != nil {
				return HelpNoticeResult{}, err
			}
		}
	}
	if n, err = a.Store.EndHelpNotice(ctx, n.ID); err != nil {
		return HelpNoticeResult{}, lasting(err)
	}
	return HelpNoticeResult{n.Households, n.Mailed, n.Unreachable, n.Exhausted}, a.Letters.wake(ctx)
}

// helpNoticeWriter writes one notice to many households.
type helpNoticeWriter struct {
	letter letter
	notice models.HelpNotice
	law    *policy.Policy
	year   int
}

func (a *HelpNotices) writer(ctx context.Context, n models.HelpNotice) (*helpNoticeWriter, error) {
	c, err := a.Store.Cycle(ctx, n.CycleID)
	if err != nil {
		return nil, err
	}
	law, err := a.Store.PolicyByID(ctx, c.PolicyID)
	if err != nil {
		return nil, err
	}
	l, err := a.Letters.begin(ctx, n.District, n.OnDate, c.Clock.Rehearsal())
	if err != nil {
		return nil, err
	}
	w := &helpNoticeWriter{letter: l.toOperator(), notice: n, law: law.Policy, year: c.Year}
	w.letter.Headline, w.letter.Paragraphs = n.Subject, lines(n.Body)
	if n.Clause == "" {
		return w, nil
	}
	m, part, err := law.Measure(n.Clause, n.Part)
	if err != nil {
		return nil, err
	}
	w.letter.Facts = []letterFact{{"来自", law.DepartmentName(n.Department)}, {"措施", m.Name + "（" + m.Clause + "）：" + part.Text}, {"如何办理", part.Help.Name() + "，" + part.Period.Words()}}
	if n.EventOn != 0 {
		w.letter.Facts = append(w.letter.Facts, letterFact{"日期", n.EventOn.Chinese()})
	}
	w.letter.Clause = m.Clause
	return w, nil
}

func (w *helpNoticeWriter) write(e store.Entitled) (models.Message, error) {
	l := w.letter
	l.To = e.Name
	if w.notice.Clause == "" {
		for _, m := range w.law.MeasuresFor(e.Tier, e.Category) {
			for i, part := range m.Parts {
				name := m.Name
				if len(m.Parts) > 1 {
					name = fmt.Sprintf("%s（%d）", m.Name, i+1)
				}
				l.Facts = append(l.Facts, letterFact{name, part.Words()})
			}
		}
	}
	return l.write(models.MailHelpNotice, models.Message{District: w.notice.District, CycleID: w.notice.CycleID, Recipient: e.Email, OnDate: w.notice.OnDate,
		Key: models.HelpNoticeObject(w.notice.ID) + "/" + e.USCC})
}

// lines are the paragraphs of a text.
func lines(text string) (list []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}
