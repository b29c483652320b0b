package cli

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/policy"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func TestAPolicyFileIsTriedOnTheCommandLine(t *testing.T) { // B2
	dsn := storetest.SQLite(t)
	t.Setenv("BANGFU_DB", dsn)
	t.Setenv("BANGFU_DATA_DIR", t.TempDir())
	s, err := store.Open(context.Background(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	file := string(policy.Default("110107", 2026))
	draft := policyFile(t, strings.Replace(file, "value: 20万元", "value: 60万元", 1))
	_, _, err = runPolicy(t, "what-if", draft)
	require.Equal(t, models.CodeNotFound, models.CodeOf(err), "nothing delivered")

	sampletest.Deliver(t, s)
	run := sampletest.Judge(t, s)
	out, _, err := runPolicy(t, "what-if", draft)
	require.NoError(t, err)
	for _, want := range []string{"110107 2026 年度，判定日 2026-07-01，500 户", "改动 成长型营业收入标准（附一(三)2(2)A）：20 万元（待确认） → 60 万元（待确认）",
		"成长型→生存型", "附一(三)2(2)A 营业收入达到成长型标准", "符合→不符合", "名额（附三(四)）", "有效认定 0 户"} {
		require.Contains(t, out, want)
	}
	out, _, err = runPolicy(t, "what-if", "1")
	require.NoError(t, err)
	require.Contains(t, out, "采用的分型 0 户，本区判定 0 户")
	require.Contains(t, out, models.PolicyLabel(1, run.PolicyHash))
	require.NotContains(t, out, "依据", "tables without rows are left out")

	_, _, err = runPolicy(t, "what-if", draft, "--year", "2025")
	require.Equal(t, models.CodeNotFound, models.CodeOf(err))
	_, _, err = runPolicy(t, "what-if", "99")
	require.Equal(t, models.CodeNotFound, models.CodeOf(err))
	_, complaint, err := runPolicy(t, "what-if", policyFile(t, "format: 1\n"))
	require.Equal(t, models.CodeInvalid, models.CodeOf(err))
	require.NotEmpty(t, complaint)
}
