package activities_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"bangfu/activities"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func TestTheActivitiesGiveTheSampleDistrictTheTiersOfTheWorkPlan(t *testing.T) { // 附一(三)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		sampletest.Deliver(t, s)
		run := sampletest.Judge(t, s)
		require.EqualValues(t, 500, run.Counts.Total())
		for code, tier := range sampletest.Expected(t) {
			h, err := s.HouseholdTier(context.Background(), "", code, 2026)
			require.NoError(t, err)
			require.Equal(t, tier, h.Verdict.Tier, code)
		}
		require.Equal(t, run, sampletest.Judge(t, s), "judged again, the same run counts")
	})
}

// registry is a delivery of so many households, all founded in the cycle's year.
type registry struct{ households, next int }

func (r *registry) Headers() []string { return []string{"统一社会信用代码"} }
func (r *registry) Unknown() []string { return nil }
func (r *registry) Next() (*models.Row, error) {
	if r.next == r.households {
		return nil, io.EOF
	}
	values := make([]models.Value, len(models.Specs[models.SourceRegistry].Columns))
	for v := range values {
		values[v].Null = true
	}
	values[0] = models.Value{Text: fmt.Sprintf("92110107MA%08d", r.next)}
	values[1], values[2] = models.Value{Text: "商行"}, models.Value{Text: "张三"}
	values[3], values[4] = models.Value{Number: int64(calendar.MustDate("2026-02-01"))}, models.Value{Text: "存续"}
	r.next++
	return &models.Row{Number: r.next + 1, Values: values}, nil
}

func TestAJudgingWorkerThatIsStoppedIsFollowedAtThePage(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		const households = 4_000
		ctx := context.Background()
		d, err := s.ReceiveDelivery(ctx, models.Delivery{District: sampletest.District, Year: 2026, Source: models.SourceRegistry, By: "user:1"}, strings.NewReader("x"), 1)
		require.NoError(t, err)
		_, err = s.ImportDelivery(ctx, d.ID, &registry{households: households}, nil)
		require.NoError(t, err)
		a := &activities.Tiering{Store: s, Program: "test", Page: 50}
		env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
		env.RegisterActivity(a)
		result, err := env.ExecuteActivity(a.PlanRun, activities.PlanRunInput{CycleID: sampletest.Cycle, District: sampletest.District, Year: 2026, AsOf: calendar.MustDate(sampletest.AsOf)})
		require.NoError(t, err)
		var plan activities.RunPlan
		require.NoError(t, result.Get(&plan))
		require.Equal(t, 1, plan.Parts)

		judged := func() int64 {
			parts, err := s.RunParts(ctx, plan.RunID)
			require.NoError(t, err)
			return parts[0].Counts.Total()
		}
		stopping, stop := context.WithCancel(ctx)
		defer stop()
		go func() {
			for parts, err := s.RunParts(ctx, plan.RunID); err == nil && parts[0].Counts.Total() == 0; parts, err = s.RunParts(ctx, plan.RunID) {
			}
			stop()
		}()
		stopped := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
		stopped.RegisterActivity(a)
		stopped.SetWorkerOptions(worker.Options{BackgroundActivityContext: stopping})
		_, err = stopped.ExecuteActivity(a.JudgePages, activities.JudgePagesInput{RunID: plan.RunID, Part: 1, Round: plan.Round})
		require.Error(t, err)
		done := judged()
		require.Positive(t, done)
		require.Less(t, done, int64(households))

		run := sampletest.Judge(t, s)
		require.Equal(t, plan.RunID, run.ID)
		require.Equal(t, 1, run.Round, "taken up where it stood")
		require.EqualValues(t, households, run.Counts.Total(), "nobody twice, nobody missed")
		require.EqualValues(t, households, run.Counts[models.Survival], "new this year: 生存型")
	})
}

func TestAPartThatWasBegunAnewIsLeftToOthers(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		sampletest.Deliver(t, s, models.SourceRegistry)
		a := &activities.Tiering{Store: s, Program: "test"}
		env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
		env.RegisterActivity(a)
		in := activities.PlanRunInput{CycleID: sampletest.Cycle, District: sampletest.District, Year: 2026, AsOf: calendar.MustDate(sampletest.AsOf)}
		result, err := env.ExecuteActivity(a.PlanRun, in)
		require.NoError(t, err)
		var plan activities.RunPlan
		require.NoError(t, result.Get(&plan))
		sampletest.Deliver(t, s, models.SourceCredit)
		_, err = env.ExecuteActivity(a.PlanRun, in)
		require.NoError(t, err)

		result, err = env.ExecuteActivity(a.JudgePages, activities.JudgePagesInput{RunID: plan.RunID, Part: 1, Round: plan.Round})
		require.NoError(t, err)
		var judged activities.JudgedPages
		require.NoError(t, result.Get(&judged))
		require.True(t, judged.Superseded)

		_, err = env.ExecuteActivity(a.FinishRun, activities.FinishRunInput{RunID: plan.RunID})
		require.Error(t, err, "nothing is judged yet")
	})
}
