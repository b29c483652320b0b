package workflows

import (
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
)

// ScheduleID is the yearly schedule of a district.
func ScheduleID(district string) string { return "year/" + district }

// YearInput names the district whose year begins.
type YearInput struct{ District string }

// Year starts a district's cycle by itself; a Temporal Schedule calls it once a year. A cycle that an administrator
// has already started is left alone.
func Year(ctx workflow.Context, in YearInput) error {
	var a *activities.Cycles
	today := calendar.DateOf(workflow.Now(ctx))
	var n models.NewCycle
	err := workflow.ExecuteActivity(quick(ctx, "按现行政策排定年度计划"), a.PlanYear, activities.PlanYearInput{
		District: in.District, Year: today.Year(), Today: today,
	}).Get(ctx, &n)
	if err != nil {
		return err
	}
	n.WorkflowID = CycleWorkflowID(n.CycleID)
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            n.WorkflowID,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:         CycleSummary(n.District, n.Year),
		TypedSearchAttributes: CycleAttributes(n.District, n.Year),
	}), Cycle, NewCycleState(n))
	err = child.GetChildWorkflowExecution().Get(ctx, nil)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return nil
	}
	return err
}

// CycleSummary names a cycle in Temporal's UI.
func CycleSummary(district string, year int) string {
	return fmt.Sprintf("%s %d 年个体工商户分型分类帮扶", district, year)
}

// CycleAttributes are the search attributes with which a cycle begins.
func CycleAttributes(district string, year int) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(KeyDistrict.ValueSet(district), KeyYear.ValueSet(int64(year)),
		KeyStage.ValueSet(models.StageCollection.Info().Name))
}
