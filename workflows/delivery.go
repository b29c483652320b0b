package workflows

import (
	"errors"
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
)

// DeliveryInput names a received delivery.
type DeliveryInput struct {
	DeliveryID string
	District   string
	Year       int
	Source     models.Source
}

// DeliverySummary names a delivery in Temporal's UI.
func DeliverySummary(in DeliveryInput) string {
	return fmt.Sprintf("%s %d 年%s数据交付", in.District, in.Year, in.Source.Name())
}

// DeliveryAttributes are the search attributes of a delivery, and of the fetching of its source.
func DeliveryAttributes(district string, year int, source models.Source) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(KeyDistrict.ValueSet(district), KeyYear.ValueSet(int64(year)), KeySource.ValueSet(source.String()))
}

// Delivery brings one delivery into effect and tells the year that it belongs to, if that has begun.
func Delivery(ctx workflow.Context, in DeliveryInput) (activities.ImportResult, error) {
	var a *activities.Deliveries
	var result activities.ImportResult
	title := fmt.Sprintf("### %s（%s）\n\n", DeliverySummary(in), in.DeliveryID)
	workflow.SetCurrentDetails(ctx, title+"正在读取、校验并导入。")
	err := workflow.ExecuteActivity(bulk(ctx, "读取、校验并导入"+in.Source.Name()+"数据"), a.ImportDelivery,
		activities.ImportInput{DeliveryID: in.DeliveryID}).Get(ctx, &result)
	if err != nil {
		return result, err
	}
	workflow.SetCurrentDetails(ctx, title+receiptCard(result))
	if result.State != models.DeliveryAccepted {
		return result, nil
	}
	if slices.Contains(models.StandingSources, in.Source) && workflow.GetVersion(ctx, "recheck", workflow.DefaultVersion, 1) != workflow.DefaultVersion {
		var s *activities.Standing
		err := workflow.ExecuteActivity(quick(ctx, "安排重新核对“名特优新”个体工商户"), s.AskRecheck, activities.AskRecheckInput{District: in.District, Year: in.Year}).Get(ctx, nil)
		if err != nil {
			return result, err
		}
	}
	cycle := CycleWorkflowID(models.CycleID(in.District, in.Year))
	err = workflow.SignalExternalWorkflow(ctx, cycle, "", SignalDelivered, Delivered{Source: in.Source.String(), DeliveryID: in.DeliveryID}).Get(ctx, nil)
	var unknown *temporal.UnknownExternalWorkflowExecutionError
	if errors.As(err, &unknown) {
		return result, nil // the year has not begun, or is over: it reads what is there when it does
	}
	return result, err
}

func receiptCard(r activities.ImportResult) string {
	if r.State == models.DeliveryRefused {
		return "**整体退回**，原有数据不变；原因见回执。"
	}
	return fmt.Sprintf("**已生效**\n\n| 读取 | 采用 | 重复 | 拒绝 | 未匹配 |\n| --- | --- | --- | --- | --- |\n| %d | %d | %d | %d | %d |",
		r.Rows.Read, r.Rows.Accepted, r.Rows.Repeated, r.Rows.Rejected, r.Rows.Unmatched)
}
