package workflows_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/workflows"
)

var training = workflows.HelpNoticeInput{NoticeID: 12, District: "110107", Year: 2026, Department: "hrss", Kind: models.NoticeTraining, Clause: "附二(二)2"}

func sendNotice(t *testing.T, result activities.HelpNoticeResult, err error) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	env := (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment()
	a := &activities.HelpNotices{}
	env.RegisterActivity(a)
	env.OnActivity(a.SendHelpNotice, mock.Anything, activities.SendHelpNoticeInput{NoticeID: 12}).Return(result, err).Once()
	env.ExecuteWorkflow(workflows.HelpNotice, training)
	require.True(t, env.IsWorkflowCompleted())
	return env
}

func TestANoticeOfHelpIsSentOnceAndItsCountsAreKept(t *testing.T) { // 附二: 主动提供
	want := activities.HelpNoticeResult{Households: 40, Mailed: 30, Unreachable: 8, Exhausted: 2}
	env := sendNotice(t, want, nil)
	require.NoError(t, env.GetWorkflowError())
	var got activities.HelpNoticeResult
	require.NoError(t, env.GetWorkflowResult(&got))
	require.Equal(t, want, got)
	require.Equal(t, "help-notice/12", workflows.HelpNoticeWorkflowID(training.NoticeID))
	require.Equal(t, "110107 2026 年培训通知 附二(二)2", workflows.HelpNoticeSummary(training))
}

func TestANoticeOfHelpThatCannotBeSentFailsSeen(t *testing.T) {
	env := sendNotice(t, activities.HelpNoticeResult{}, temporal.NewNonRetryableApplicationError("没有编号为 12 的帮扶通知", "not_found", nil))
	var app *temporal.ApplicationError
	require.True(t, errors.As(env.GetWorkflowError(), &app))
	require.Contains(t, app.Message(), "没有编号为 12 的帮扶通知")
}
