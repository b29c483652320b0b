package activities

import (
	"context"
	"fmt"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
)

// householdLetters is what the letters about an application, and about the certification that came of it, have in common: whom they reach,
// and by what law and calendar they reckon.
type householdLetters struct {
	*Letters
	app        models.Application
	cycle      models.Cycle
	policy     *policy.Policy
	workdays   *calendar.Workdays
	name       string // of the household
	operator   []string
	department string // the recommending department's name; empty = own application
	officers   []string
}

// ofTheCycle is the policy under which the cycle runs.
const ofTheCycle = 0

// prepare reads everything but app, which is given; the law is the policy with this id, or the one ofTheCycle.
func (w *householdLetters) prepare(ctx context.Context, policyID int64) (err error) {
	if w.cycle, err = w.Store.Cycle(ctx, w.app.CycleID); err != nil {
		return err
	}
	if policyID == ofTheCycle {
		policyID = w.cycle.PolicyID
	}
	version, err := w.Store.PolicyByID(ctx, policyID)
	if err != nil {
		return err
	}
	w.policy = version.Policy
	if w.workdays, err = w.Store.Workdays(ctx); err != nil {
		return err
	}
	if w.name, w.operator, err = w.Store.Reach(ctx, w.app.District, store.Debtor{Kind: models.OwnerHousehold, Owner: w.app.USCC}); err != nil {
		return err
	}
	if w.name == "" {
		w.name = w.app.Name
	}
	if w.app.Department == "" {
		return nil
	}
	names, err := w.Store.DepartmentNames(ctx, w.app.District, w.app.Year)
	if err != nil {
		return err
	}
	w.department = names[w.app.Department]
	_, w.officers, err = w.Store.Reach(ctx, w.app.District, store.Debtor{Kind: models.OwnerDepartment, Owner: w.app.Department})
	return err
}

// appeal says how to object to a decision of a day (三(三), 附三(五)).
func (w *householdLetters) appeal(decided calendar.Date) string {
	until := w.workdays.TermEnd(decided, w.policy.Workdays("objection.window"))
	return fmt.Sprintf("对以上决定有异议的，可以在%s（含当日）前登录系统向区市场监管局提出，写明理由并附材料；也可以书面提出。", until.Chinese())
}

// sendNews writes the letters of the steps that are news, and sends them.
func sendNews[S any](ctx context.Context, a *Letters, steps []S, news func(S) bool, write func(context.Context, S) ([]models.Message, error)) error {
	var mails []models.Message
	for _, step := range steps {
		if !news(step) {
			continue
		}
		written, err := write(ctx, step)
		if err != nil {
			return err
		}
		mails = append(mails, written...)
	}
	if len(mails) == 0 {
		return nil
	}
	return a.send(ctx, mails...)
}
