package workflows

import (
	"context"
	"fmt"
	"strconv"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
)

// HelpNoticeInput names a notice of help (帮扶通知). No text: that lies in the record.
type HelpNoticeInput struct {
	NoticeID   int64
	District   string
	Year       int
	Department string
	Kind       models.HelpNoticeKind
	Clause     string
}

// HelpNoticeWorkflowID is the sending of one notice of help.
func HelpNoticeWorkflowID(id int64) string { return "help-notice/" + strconv.FormatInt(id, 10) }

// HelpNoticeSummary names a notice of help in Temporal's UI.
func HelpNoticeSummary(in HelpNoticeInput) string {
	return fmt.Sprintf("%s %d 年%s %s", in.District, in.Year, in.Kind.Name(), in.Clause)
}

// StartHelpNotice starts the sending of a notice where it does not run and did not finish.
func StartHelpNotice(ctx context.Context, c client.Client, n models.HelpNotice) error {
	_, year, err := models.ParseCycleID(n.CycleID)
	if err != nil {
		return err
	}
	in := HelpNoticeInput{NoticeID: n.ID, District: n.District, Year: year, Department: n.Department, Kind: n.Kind, Clause: n.Clause}
	_, err = c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: HelpNoticeWorkflowID(n.ID), TaskQueue: QueueMain, WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:         HelpNoticeSummary(in),
		TypedSearchAttributes: temporal.NewSearchAttributes(KeyDistrict.ValueSet(in.District), KeyYear.ValueSet(int64(in.Year)), KeyDepartment.ValueSet(in.Department)),
	}, HelpNotice, in)
	if err != nil {
		return fmt.Errorf("starting notice of help %d: %w", n.ID, err)
	}
	return nil
}

// HelpNotice sends one notice of help to every household that it fits (附二, 附四: 主动提供).
func HelpNotice(ctx workflow.Context, in HelpNoticeInput) (activities.HelpNoticeResult, error) {
	var a *activities.HelpNotices
	title := fmt.Sprintf("### %s\n\n负责部门 %s，通知编号 %d\n\n", HelpNoticeSummary(in), in.Department, in.NoticeID)
	workflow.SetCurrentDetails(ctx, title+"正在逐户发送。")
	var r activities.HelpNoticeResult
	err := workflow.ExecuteActivity(bulk(ctx, "向适用的个体工商户发送通知"), a.SendHelpNotice, activities.SendHelpNoticeInput{NoticeID: in.NoticeID}).Get(ctx, &r)
	if err != nil {
		workflow.SetCurrentDetails(ctx, title+"**未能发送**，原因见失败信息。")
		return r, err
	}
	workflow.SetCurrentDetails(ctx, title+fmt.Sprintf("**已发送**\n\n| 适用户数 | 已发邮件 | 没有登记邮箱 | 本年通知已达上限 |\n| --- | --- | --- | --- |\n| %d | %d | %d | %d |",
		r.Households, r.Mailed, r.Unreachable, r.Exhausted))
	return r, nil
}
