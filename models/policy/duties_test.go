package policy

import (
	"bufio"
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
)

// laidDown is a sentence of 二(二)至(三), 三, or a part of one, with what carries it out.
type laidDown struct{ clause, kind, what, text string }

var (
	sectionHeading = regexp.MustCompile(`^（([一二三])）`)
	itemHeading    = regexp.MustCompile(`^(\d)\.`)
)

func readLaidDown(t *testing.T) (list []laidDown) {
	t.Helper()
	b, err := os.ReadFile("testdata/duties.txt")
	require.NoError(t, err)
	part, section, item := "二", "", ""
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		mark, text, ok := strings.Cut(lines.Text(), "\t")
		require.True(t, ok, lines.Text())
		kind, what, _ := strings.Cut(mark, " ")
		if kind == "标题" {
			if strings.HasPrefix(text, "三、") {
				part, section = "三", ""
			}
			if m := sectionHeading.FindStringSubmatch(text); m != nil {
				section, item = "("+m[1]+")", ""
			}
			if m := itemHeading.FindStringSubmatch(text); m != nil {
				item = m[1]
			}
		}
		list = append(list, laidDown{part + section + item, kind, what, text})
	}
	require.NoError(t, lines.Err())
	return list
}

func TestEverySentenceThatLaysSomethingOnADepartmentIsCarriedOut(t *testing.T) {
	p := workPlan(t)
	law, err := os.ReadFile("testdata/main-2-3.zh.txt")
	require.NoError(t, err)
	list := readLaidDown(t)
	var whole strings.Builder
	texts := map[string]string{}
	for _, l := range list {
		whole.WriteString(l.text)
		switch l.kind {
		case "标题":
		case "职责":
			d, ok := p.Duty(l.what)
			require.True(t, ok, "%s: %s", l.what, l.text)
			require.Equal(t, l.clause, d.Clause, l.text)
			texts[d.ID] += l.text
			for _, department := range p.Departments {
				if strings.Contains(l.text, department.Name) {
					require.Contains(t, d.Departments, department.Code, "the law names it: %s", l.text)
				}
			}
		case "流程":
			for kind := range strings.SplitSeq(l.what, ",") {
				require.Contains(t, models.ObligationKinds, models.ObligationKind(kind), l.text)
			}
		case "原则":
			require.NotEmpty(t, l.what, "why there is nothing to report: %s", l.text)
		default:
			t.Fatalf("no mark: %s", l.text)
		}
	}
	require.Equal(t, strings.Join(strings.Fields(string(law)), ""), whole.String(), "not a word is left out")
	for _, d := range p.DepartmentDuties {
		require.Equal(t, texts[d.ID], d.Text, "%s is word for word what the law says", d.ID)
	}
}

func TestTheDutiesOfTheYearAreThoseThatThePlanNames(t *testing.T) {
	p := workPlan(t)
	for id, name := range map[string]string{"service-month": "全国个体工商户服务月", "seminars": "座谈会或专题研讨会", "tier-measures": "帮扶措施", "category-measures": "培育政策措施",
		"policy-update": "支持政策", "training-list": "培训机构资源信息", "honours": "表彰奖励", "party-visits": "三送", "party-brand": "三亮", "association-service": "问情服务",
		"tax-publicity": "税法宣传", "flexible-supervision": "首违不罚", "fair-competition": "公平竞争", "publicity": "政策宣传", "supervision": "督办和反馈机制"} {
		d, ok := p.Duty(id)
		require.True(t, ok, id)
		require.Contains(t, d.Text, name)
		require.True(t, d.Placeholder, "the law states no date: %s", id)
		for _, code := range d.Departments {
			require.NotEqual(t, code, p.DepartmentName(code), "%s has a name", code)
		}
	}
	association, _ := p.Duty("association-service")
	require.Equal(t, []string{"xh"}, association.Departments)
	require.Equal(t, "区私营个体经济协会", p.DepartmentName("xh"))
	require.Equal(t, "每年4次：9月30日、12月31日、次年3月31日、次年5月25日（待确认）", association.Often())
}

func TestADutyOwedSeveralTimesIsSeveralObligationsOfEachDepartment(t *testing.T) {
	p := workPlan(t)
	plan, err := p.Plan()
	require.NoError(t, err)
	owed := map[string]calendar.Date{}
	for _, o := range p.Duties("110107-2026", plan) {
		if o.Kind != models.ObligationDuty {
			continue
		}
		key := o.Subject + " " + o.Owner
		require.NotContains(t, owed, key)
		owed[key] = o.Due
		require.Equal(t, models.OwnerDepartment, o.OwnerKind)
		require.False(t, o.Required, "no stage waits for it")
		require.LessOrEqual(t, len([]rune(o.Title)), 200)
		require.LessOrEqual(t, len(o.Subject), 60)
	}
	want := 0
	for _, d := range p.DepartmentDuties {
		want += len(d.Due) * len(d.Departments)
	}
	require.Len(t, owed, want)
	require.Equal(t, calendar.MustDate("2026-11-30"), owed["seminars/1 wlj"])
	require.Equal(t, calendar.MustDate("2027-04-30"), owed["seminars/2 wlj"])
	require.Equal(t, calendar.MustDate("2026-10-15"), owed["service-month scjg"])
	require.NotContains(t, owed, "seminars/3 wlj")
}

// dutiesOf loads the work plan with another section of duties.
func dutiesOf(t *testing.T, section string) string {
	t.Helper()
	file := string(Default("110107", 2026))
	i := strings.Index(file, "\nduties:\n")
	require.Positive(t, i)
	rest := file[i+1:]
	end := regexp.MustCompile(`(?m)^[a-z]+:`).FindAllStringIndex(rest, 2)
	after := ""
	if len(end) > 1 {
		after = rest[end[1][0]:]
	}
	return file[:i+1] + section + after
}

const oneDuty = `duties:
  - id: seminars
    clause: 二(三)7
    name: 召开座谈会
    text: 定期召开座谈会或专题研讨会
    whom: 各行业主管部门
    departments: [swj, wlj]
    due: [11-30, +04-30]
    placeholder: true
    evidence: true
`

func TestADistrictLaysItsOwnDutiesDown(t *testing.T) {
	p, err := Load([]byte(dutiesOf(t, oneDuty)))
	require.NoError(t, err)
	require.Len(t, p.DepartmentDuties, 1)
	require.Equal(t, Duty{ID: "seminars", Clause: "二(三)7", Name: "召开座谈会", Text: "定期召开座谈会或专题研讨会", Whom: "各行业主管部门", Departments: []string{"swj", "wlj"},
		Due: []string{"11-30", "+04-30"}, Placeholder: true, Evidence: true}, p.DepartmentDuties[0])
	changes := lines(Diff(workPlan(t), p))
	require.Contains(t, changes, "改动 召开座谈会的责任部门（二(三)7）：各行业主管部门：区市场监管局、区人力资源社会保障局、区经信局、区商务局、区文化和旅游局、区体育局 → 各行业主管部门：区商务局、区文化和旅游局")
	require.True(t, slices.ContainsFunc(changes, func(s string) bool {
		return strings.HasPrefix(s, "删除 开展“问情服务”活动的责任部门")
	}), "%v", changes)
}

func TestEveryMistakeInADutyIsNamedWithItsLine(t *testing.T) {
	first := 1 + strings.Count(strings.SplitAfter(string(Default("110107", 2026)), "\nduties:\n")[0], "\n")
	for _, c := range []struct {
		from, to string
		line     int
		want     string
	}{
		{"id: seminars", "id: 座谈会", 0, "职责的 id 应为小写字母、数字和“-”，以字母开头，最长40位"},
		{"[swj, wlj]", "[swj, swj]", 5, "部门“swj”重复"},
		{"[swj, wlj]", "[swj, nobody]", 5, "departments 中没有代码为“nobody”的部门"},
		{"[swj, wlj]", "[]", 5, "departments应为列表，且至少有一项"},
		{"[11-30, +04-30]", "[11-31]", 6, "“11-31”不是日期，应为“07-01”，次年写作“+01-01”"},
		{"[11-30, +04-30]", "[+04-30, 11-30]", 6, "各次期限应从早到晚排列，不能重复"},
		{"[11-30, +04-30]", "[05-31]", 6, "期限“05-31”不在本年度工作开始（2026年6月1日）后的一年之内"},
		{"[11-30, +04-30]", "[+06-01]", 6, "期限“+06-01”不在本年度工作开始（2026年6月1日）后的一年之内"},
		{"    whom: 各行业主管部门\n", "", 0, "职责缺少“whom”"},
		{"placeholder: true", "placeholder: 是", 7, "这里应为 true 或 false"},
		{"evidence: true\n", "evidence: true\n    fee: 100\n", 9, "职责中没有“fee”这一项，可用：id、clause、name、text、whom、departments、due、placeholder、evidence"},
		{"name: 召开座谈会", "name: " + strings.Repeat("会", 61), 2, "文字过长，这里不应超过 60 字"},
	} {
		require.Contains(t, oneDuty, c.from)
		problems := problemsOf(t, dutiesOf(t, strings.Replace(oneDuty, c.from, c.to, 1)))
		require.Len(t, problems, 1, "%v", problems)
		require.Equal(t, c.want, problems[0].Message)
		require.Equal(t, first+c.line, problems[0].Line, c.want)
	}
	twice := problemsOf(t, dutiesOf(t, oneDuty+strings.TrimPrefix(oneDuty, "duties:\n")))
	require.Equal(t, "职责“seminars”重复", twice[0].Message)
}

func TestAPolicyStoredBeforeThereWereDutiesHasThoseOfTheWorkPlan(t *testing.T) {
	_, old := storedBefore(t)
	require.Equal(t, workPlan(t).DepartmentDuties, old.DepartmentDuties)
	require.Equal(t, "区私营个体经济协会", old.DepartmentName("xh"))
	require.Equal(t, 5, old.Workdays("order.limit"))
}
