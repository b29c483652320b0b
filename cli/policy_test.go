package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models/policy"
)

// runPolicy runs `bangfu policy …` and gives what it printed, what it complained about, and its error.
func runPolicy(t *testing.T, args ...string) (out, complaint string, err error) {
	t.Helper()
	c := policyCommand()
	var stdout, stderr bytes.Buffer
	c.SetOut(&stdout)
	c.SetErr(&stderr)
	c.SetArgs(args)
	c.SilenceErrors, c.SilenceUsage = true, true
	err = c.ExecuteContext(context.Background())
	return stdout.String(), stderr.String(), err
}

func policyFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

func TestAPolicyFileIsCheckedOnTheCommandLine(t *testing.T) {
	file := string(policy.Default("110107", 2026))
	out, complaint, err := runPolicy(t, "check", policyFile(t, file))
	require.NoError(t, err)
	require.Empty(t, complaint)
	require.Contains(t, out, "110107 区 2026 年度")
	p, err := policy.Load([]byte(file))
	require.NoError(t, err)
	open := 0
	for _, q := range p.Parameters {
		if q.Placeholder {
			open++
		}
	}
	require.Contains(t, out, fmt.Sprintf("待确认 %d 项；措施 %d 项，部门职责 %d 项", open, len(p.Measures), len(p.DepartmentDuties)))
	require.Regexp(t, `SHA-256 [0-9a-f]{64}\n$`, out)

	wrong := policyFile(t, strings.Replace(strings.Replace(file, "fact: patent", "fact: patnet", 1), "value: 20万元", "value: 20", 1))
	out, complaint, err = runPolicy(t, "check", wrong)
	require.ErrorContains(t, err, "有 2 处错误")
	require.Empty(t, out)
	require.Equal(t, 2, strings.Count(complaint, "\n"), "one mistake a line")
	require.Regexp(t, `policy\.yaml：第 \d+ 行第 \d+ 列：`, complaint)

	_, _, err = runPolicy(t, "check", "没有.yaml")
	require.ErrorContains(t, err, "没有这个文件")
}

func TestTwoPolicyFilesAreComparedOnTheCommandLine(t *testing.T) {
	file := string(policy.Default("110107", 2026))
	a, b := policyFile(t, file), policyFile(t, strings.Replace(file, "value: 20万元", "value: 25万元", 1))
	out, _, err := runPolicy(t, "diff", a, b)
	require.NoError(t, err)
	require.Equal(t, "改动 成长型营业收入标准（附一(三)2(2)A）：20 万元（待确认） → 25 万元（待确认）\n", out)
	out, _, err = runPolicy(t, "diff", a, a)
	require.NoError(t, err)
	require.Equal(t, "两份政策的内容相同\n", out)
}

func TestTheDefaultPolicyIsShownInWordsAndAsAFileToStartFrom(t *testing.T) {
	out, _, err := runPolicy(t, "show")
	require.NoError(t, err)
	require.Contains(t, out, "【当年认定标准与期限】")
	require.Contains(t, out, "成长型营业收入标准（附一(三)2(2)A）：20 万元（待确认）")
	out, _, err = runPolicy(t, "show", "--yaml", "--district", "110108", "--year", "2027")
	require.NoError(t, err)
	require.Equal(t, string(policy.Default("110108", 2027)), out)
	_, complaint, err := runPolicy(t, "show", "--district", "海淀")
	require.Error(t, err)
	require.Contains(t, complaint, "区划代码应为 6 位数字")
}
