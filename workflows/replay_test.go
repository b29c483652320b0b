package workflows_test

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	bangfuworker "bangfu/worker"
)

// registered notes the workflow types that a worker knows.
type registered struct {
	worker.WorkflowReplayer
	worker.Registry
	types []string
}

// TestProcessesBegunUnderEarlierVersionsGoOn replays the recorded histories of every workflow type
// (testdata/histories/record.sh): a process that began in July must be finished by the code of next January.
func TestProcessesBegunUnderEarlierVersionsGoOn(t *testing.T) {
	files, err := filepath.Glob("testdata/histories/*.json")
	require.NoError(t, err)
	recorded := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			h := &history.History{}
			require.NoError(t, temporalproto.CustomJSONUnmarshalOptions{DiscardUnknown: true}.Unmarshal(b, h))
			require.NotEmpty(t, h.Events)
			require.Equal(t, enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, h.Events[0].EventType)
			recorded[h.Events[0].GetWorkflowExecutionStartedEventAttributes().WorkflowType.Name] = true
			replayer := worker.NewWorkflowReplayer()
			bangfuworker.Register(&registered{WorkflowReplayer: replayer})
			require.NoError(t, replayer.ReplayWorkflowHistory(nil, h))
		})
	}
	known := &registered{WorkflowReplayer: worker.NewWorkflowReplayer()}
	bangfuworker.Register(known)
	for _, name := range known.types {
		require.True(t, recorded[name], "no history of %s is recorded", name)
	}
}

// typeName is the name under which the SDK registers a function.
func typeName(w any) string {
	full := runtime.FuncForPC(reflect.ValueOf(w).Pointer()).Name()
	return full[strings.LastIndex(full, ".")+1:]
}

func (r *registered) RegisterWorkflow(w any) {
	r.types = append(r.types, typeName(w))
	r.WorkflowReplayer.RegisterWorkflow(w)
}

func (r *registered) RegisterWorkflowWithOptions(w any, o workflow.RegisterOptions) {
	r.types = append(r.types, o.Name)
	r.WorkflowReplayer.RegisterWorkflowWithOptions(w, o)
}

func (r *registered) RegisterDynamicWorkflow(w any, o workflow.DynamicRegisterOptions) {
	r.WorkflowReplayer.RegisterDynamicWorkflow(w, o)
}
