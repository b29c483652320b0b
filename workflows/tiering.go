package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
)

// TieringInput names a cycle and its tiering date.
type TieringInput struct {
	CycleID  string
	District string
	Year     int
	AsOf     calendar.Date
}

// maxTieringRounds bounds the history: with deliveries arriving faster than a district can be judged, the run ends
// as a failure that names it, and what judged first counts on.
const maxTieringRounds = 20

// Tiering judges every household of a district on the tiering date (附一(三)): plan, judge the parts side by side,
// finish; begun anew while a delivery takes effect in the middle of it.
func Tiering(ctx workflow.Context, in TieringInput) (activities.TieringResult, error) {
	t := &tiering{TieringInput: in}
	for range maxTieringRounds {
		result, again, err := t.round(ctx)
		if err != nil || !again {
			return result, err
		}
	}
	return activities.TieringResult{}, refused(models.Errorf(models.CodeUnavailable, "判定期间数据不断更新，已重新判定 %d 轮仍未完成，请待数据交付平稳后再判定", maxTieringRounds))
}

type tiering struct {
	TieringInput
	a      *activities.Tiering
	plan   activities.RunPlan
	rounds int
	judged int // parts
}

func (t *tiering) round(ctx workflow.Context) (result activities.TieringResult, again bool, err error) {
	t.rounds++
	t.judged = 0
	err = workflow.ExecuteActivity(bulk(ctx, "确定判定依据，划分判定区段"), t.a.PlanRun, activities.PlanRunInput{
		CycleID: t.CycleID, District: t.District, Year: t.Year, AsOf: t.AsOf,
	}).Get(ctx, &t.plan)
	if err != nil {
		return result, false, err
	}
	if t.plan.Done {
		result = activities.TieringResult{RunID: t.plan.RunID, Number: t.plan.Number, Reused: true, Counts: t.plan.Counts}
		t.card(ctx, &result)
		return result, false, nil
	}
	if err := t.judge(ctx); err != nil {
		return result, false, err
	}
	var finished activities.FinishedRun
	err = workflow.ExecuteActivity(bulk(ctx, "汇总并启用判定结果"), t.a.FinishRun, activities.FinishRunInput{RunID: t.plan.RunID}).Get(ctx, &finished)
	if err != nil || finished.Again {
		return result, finished.Again, err
	}
	t.card(ctx, &finished.Result)
	return finished.Result, false, nil
}

// judge has every part judged, each by one activity that reports its progress and is resumed at the page.
func (t *tiering) judge(ctx workflow.Context) error {
	t.card(ctx, nil)
	selector := workflow.NewSelector(ctx)
	var failed error
	for part := 1; part <= t.plan.Parts; part++ {
		ctx := bulk(ctx, fmt.Sprintf("判定第 %d/%d 段", part, t.plan.Parts))
		selector.AddFuture(workflow.ExecuteActivity(ctx, t.a.JudgePages, activities.JudgePagesInput{
			RunID: t.plan.RunID, Part: part, Round: t.plan.Round,
		}), func(f workflow.Future) {
			if err := f.Get(ctx, nil); err != nil {
				failed = err
				return
			}
			t.judged++
			t.card(ctx, nil)
		})
	}
	for range t.plan.Parts {
		selector.Select(ctx)
		if failed != nil {
			return failed
		}
	}
	return nil
}

// card is what an official reads in Temporal's UI.
func (t *tiering) card(ctx workflow.Context, result *activities.TieringResult) {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s %d 年分型判定（第 %d 次）\n\n**判定日**：%s\n\n", t.District, t.Year, t.plan.Number, t.AsOf.Chinese())
	if t.rounds > 1 {
		fmt.Fprintf(&b, "判定期间有新数据生效，已按新数据重新开始（第 %d 轮）\n\n", t.rounds)
	}
	if result == nil {
		fmt.Fprintf(&b, "**进展**：已完成 %d/%d 段\n", t.judged, t.plan.Parts)
		workflow.SetCurrentDetails(ctx, b.String())
		return
	}
	if result.Reused {
		b.WriteString("数据、政策和判定日均未变化，沿用已有结果\n\n")
	}
	b.WriteString("| 分型 | 户数 |\n| --- | ---: |\n")
	for _, tier := range models.Tiers {
		fmt.Fprintf(&b, "| %s | %d |\n", tier, result.Counts[tier])
	}
	fmt.Fprintf(&b, "| 合计 | %d |\n", result.Counts.Total())
	workflow.SetCurrentDetails(ctx, b.String())
}
