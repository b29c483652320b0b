package workflows

import (
	"context"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
)

// SignalRecheck asks for a re-check of certified households.
const SignalRecheck = "recheck"

// RecheckState is a re-check's input, and what it tells in its card; it crosses continue-as-new.
type RecheckState struct {
	District string
	Clock    calendar.Clock
	Runs     int
	On       calendar.Date // of the latest run
	Result   activities.RecheckResult
}

// StartRecheck asks for a re-check of the certified households on a cycle's clock: of the district in real time, or of one rehearsed cycle. What
// is asked while one is made becomes one more after it.
func StartRecheck(ctx context.Context, c client.Client, cycle models.Cycle) error {
	whose := cycle.District
	if cycle.Clock.Rehearsal() {
		whose = cycle.ID
	}
	_, err := c.SignalWithStartWorkflow(ctx, RecheckWorkflowID(whose), SignalRecheck, nil, client.StartWorkflowOptions{
		TaskQueue: QueueMain, StaticSummary: whose + " “名特优新”个体工商户重新核对",
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		TypedSearchAttributes: temporal.NewSearchAttributes(KeyDistrict.ValueSet(cycle.District)),
	}, Recheck, RecheckState{District: cycle.District, Clock: cycle.Clock})
	if err != nil {
		return fmt.Errorf("asking for a re-check of the certified households of %s: %w", whose, err)
	}
	return nil
}

// rechecksPerRun is how many re-checks one run makes before it begins a new history.
const rechecksPerRun = 100

// Recheck checks the certified households of a district against the newest data (附三(五) 动态管理), once for whatever was delivered before it
// begins, and once more when something came meanwhile; then it is over.
func Recheck(ctx workflow.Context, state RecheckState) error {
	asked := workflow.GetSignalChannel(ctx, SignalRecheck)
	var a *activities.Standing
	for n := range rechecksPerRun {
		more := n == 0 // begun to make one
		for asked.ReceiveAsync(nil) {
			more = true
		}
		if !more {
			return nil
		}
		state.On = state.Clock.Today(workflow.Now(ctx))
		workflow.SetCurrentDetails(ctx, recheckCard(state)+"\n\n正在逐户核对。")
		in := activities.RecheckInput{District: state.District, Rehearsal: state.Clock.Rehearsal(), Today: state.On}
		if err := workflow.ExecuteActivity(bulk(ctx, "按最新数据重新核对“名特优新”个体工商户"), a.RecheckCertified, in).Get(ctx, &state.Result); err != nil {
			return err
		}
		state.Runs++
		workflow.SetCurrentDetails(ctx, recheckCard(state))
	}
	return workflow.NewContinueAsNewError(ctx, Recheck, state)
}

func recheckCard(s RecheckState) string {
	r := s.Result
	card := fmt.Sprintf("### %s “名特优新”个体工商户重新核对（%s）", s.District, s.On.Chinese())
	if s.Runs == 0 {
		return card
	}
	card += fmt.Sprintf("\n\n| 核对 | 立项或新增情形 | 情形消失 | 认定终止 | 变更经营者 | 评估更新 |\n| --- | --- | --- | --- | --- | --- |\n| %d | %d | %d | %d | %d | %d |",
		r.Checked, r.Opened, r.Closed, r.Ended, r.Operators, r.Evaluations)
	if r.Refused > 0 {
		card += fmt.Sprintf("\n\n**%d 户未能核对**，见日志。", r.Refused)
	}
	return card
}
