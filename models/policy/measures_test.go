package policy

import (
	"embed"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
)

//go:embed testdata/annex-2.zh.txt testdata/annex-4.zh.txt
var annexes embed.FS

// promised is one sentence of the annexes with who is responsible for it.
type promised struct{ whom, clause, name, sentence, departments string }

var (
	headingLine = regexp.MustCompile(`^[（(]([一二三四1234])[）)]\s*“(.{2,3})”`)
	itemLine    = regexp.MustCompile(`^(\d)\.([^。]+)。(.*)$`)
	bracket     = regexp.MustCompile(`（([^（）]*?)(?:按职责分工)?(?:负责|牵头)）。?`)
)

// readAnnex reads 附二 or 附四 as it stands: every line is a heading, an item, or a framing line, of which it says how many there are.
func readAnnex(t *testing.T, file, annex string) (list []promised, framing []string) {
	t.Helper()
	b, err := annexes.ReadFile("testdata/" + file)
	require.NoError(t, err)
	number := strings.NewReplacer("1", "一", "2", "二", "3", "三", "4", "四") // the law writes （1） for （一）
	whom, group := "", ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		item := itemLine.FindStringSubmatch(line)
		heading := headingLine.FindStringSubmatch(line)
		switch {
		case line == "" || strings.HasPrefix(line, "二、") || strings.HasPrefix(line, "四、"):
		case heading != nil:
			whom, group = heading[2], number.Replace(heading[1])
		case item == nil:
			framing = append(framing, line)
		default:
			clause, rest := annex+"("+group+")"+item[1], item[3]
			for rest != "" {
				at := bracket.FindStringSubmatchIndex(rest)
				require.NotNil(t, at, "what nobody is responsible for: %q in %s", rest, clause)
				for _, s := range sentences(rest[:at[0]]) {
					list = append(list, promised{whom, clause, item[2], s, rest[at[2]:at[3]]})
				}
				rest = rest[at[1]:]
			}
		}
	}
	return list, framing
}

func sentences(text string) (list []string) {
	for s := range strings.SplitSeq(text, "。") {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, s+"。")
		}
	}
	return list
}

// 附二、附四: every sentence that promises something is in the catalogue, word for word, with its clause and who is responsible, and the
// catalogue promises nothing more.
func TestTheCatalogueIsTheAnnexesWordForWord(t *testing.T) {
	two, framing2 := readAnnex(t, "annex-2.zh.txt", "附二")
	four, framing4 := readAnnex(t, "annex-4.zh.txt", "附四")
	require.Len(t, framing2, 4, "the opening sentence and three 侧重… are no measures: %q", framing2)
	require.Len(t, framing4, 5, "the opening sentence and four 以…为主要方向 are no measures: %q", framing4)

	var catalogue []promised
	for _, m := range workPlan(t).Measures {
		for _, part := range m.Parts {
			for _, s := range sentences(part.Text) {
				catalogue = append(catalogue, promised{m.For, m.Clause, m.Name, s, strings.Join(part.Departments, "、")})
			}
		}
	}
	require.Equal(t, append(two, four...), catalogue)
	require.Len(t, workPlan(t).Measures, 26)
}

func TestEveryMeasureSaysWhetherOneAsksAndWhoIsResponsible(t *testing.T) {
	asked := map[HelpMode]int{}
	collective := map[string]bool{}
	p := workPlan(t)
	for _, m := range p.Measures {
		require.Equal(t, m.Category() != "", m.Tier() == models.NoTier, m.Clause)
		for i, part := range m.Parts {
			asked[part.Help]++
			require.Equal(t, "全年", part.Period.Words(), m.Clause)
			require.NotEmpty(t, part.Responsible(nil), "%s %d", m.Clause, i+1)
			for _, name := range part.Departments {
				if p.codeOf(name) == "" {
					collective[name] = true
				}
			}
		}
	}
	require.Equal(t, map[HelpMode]int{HelpUnasked: 28, HelpOnRequest: 12}, asked)
	require.Equal(t, map[string]bool{"各相关部门": true, "相关行政许可部门": true, "各相关执法部门": true, "各行业管理部门": true, "各相关单位": true}, collective,
		"the collective names have no code; every other name has one")
}

func TestACollectiveNameIsTheBureauUntilItSaysWho(t *testing.T) {
	p := workPlan(t)
	_, part, err := p.Measure("附二(三)1", 1) // 各相关部门
	require.NoError(t, err)
	require.Equal(t, []string{"scjg"}, part.Responsible(nil))
	require.Equal(t, []string{"tax", "hrss"}, part.Responsible([]string{"tax", "hrss"}))
	_, part, err = p.Measure("附四(二)4", 1) // 区商务局、各相关单位
	require.NoError(t, err)
	require.Equal(t, []string{"swj", "wlj"}, part.Responsible([]string{"swj", "wlj"}), "nobody twice")
	_, part, err = p.Measure("附二(二)2", 1)
	require.NoError(t, err)
	require.Equal(t, []string{"hrss"}, part.Responsible([]string{"tax"}), "who the plan names stays alone")

	_, _, err = p.Measure("附二(一)4", 1)
	require.ErrorContains(t, err, "没有条款为“附二(一)4”的措施")
	_, _, err = p.Measure("附二(一)1", 2)
	require.ErrorContains(t, err, "没有第 2 项")
}

func TestAHouseholdHasTheMeasuresOfItsTierAndOfItsCategory(t *testing.T) {
	p := workPlan(t)
	clauses := func(tier models.Tier, category models.Category) (list []string) {
		for _, m := range p.MeasuresFor(tier, category) {
			list = append(list, m.Clause)
		}
		return list
	}
	survival := []string{"附二(一)1", "附二(一)2", "附二(一)3", "附二(一)5"}
	require.Equal(t, survival, clauses(models.Survival, ""))
	require.Equal(t, append(survival, "附四(四)1", "附四(四)2", "附四(四)3", "附四(四)4"), clauses(models.Survival, "emerging"),
		"附四: who is certified has the tier's measures besides")
	require.Empty(t, clauses(models.Ineligible, ""), "不符合分型条件: nothing of 附二")
	require.Empty(t, clauses(models.NoTier, ""))
	require.Equal(t, []string{"附四(一)1", "附四(一)2", "附四(一)3", "附四(一)4"}, clauses(models.Ineligible, "renowned"))
	require.Equal(t, []string{"附二(三)1", "附二(三)2", "附二(三)3"}, clauses(models.Development, ""))
}

func TestAPeriodHoldsItsFirstAndLastDay(t *testing.T) {
	spring := Period{From: "03-01", Until: "05-31"}
	winter := Period{From: "11-15", Until: "02-29"}
	for _, c := range []struct {
		period Period
		day    string
		in     bool
	}{
		{Period{}, "2026-01-01", true}, {Period{Once: true}, "2026-12-31", true},
		{spring, "2026-02-28", false}, {spring, "2026-03-01", true}, {spring, "2026-05-31", true}, {spring, "2026-06-01", false},
		{winter, "2026-11-14", false}, {winter, "2026-11-15", true}, {winter, "2027-01-01", true}, {winter, "2028-02-29", true}, {winter, "2027-03-01", false},
	} {
		require.Equal(t, c.in, c.period.Includes(calendar.MustDate(c.day)), "%s %s", c.period.Words(), c.day)
	}
	require.Equal(t, "每年3月1日至5月31日", spring.Words())
	require.Equal(t, "每年一次", Period{Once: true}.Words())
}

// oldMeasures is the work plan's file as it was stored before measures said how help comes.
func oldMeasures(t *testing.T) string {
	t.Helper()
	file := string(Default("110107", 2026))
	file = regexp.MustCompile(`(?m)^        (help|period): .*\n`).ReplaceAllString(file, "")
	file = regexp.MustCompile(`(?ms)^(departments|help):\n(  .*?\n)+`).ReplaceAllString(file, "")
	split := "与采集" // the part was one with the next
	require.Contains(t, file, split)
	return strings.Replace(file, "做好用工与服务保障。\n        departments: [区人力资源社会保障局]\n      - text: 招用", "做好用工与服务保障。招用", 1)
}

func TestAFileWithoutHowHelpComesHasTheWorkPlans(t *testing.T) {
	old, err := Load([]byte(oldMeasures(t)))
	require.NoError(t, err)
	require.Empty(t, Diff(old, workPlan(t)))
	require.Equal(t, workPlan(t).Measures, old.Measures)

	other, err := Load([]byte(strings.Replace(oldMeasures(t), "在各类商圈和交易市场", "在各类商圈", 1)))
	require.NoError(t, err)
	_, part, err := other.Measure("附二(二)2", 1)
	require.NoError(t, err)
	require.Equal(t, HelpOnRequest, part.Help, "of other words nobody knows that they come unasked")
	require.Equal(t, []string{"hrss"}, part.Codes)
}

func TestWhatAMeasureSaysAmissIsNamed(t *testing.T) {
	file := string(Default("110107", 2026))
	for _, c := range []struct{ old, new, message string }{
		{"        help: unasked", "        help: free", "help 应为 unasked"},
		{"        period: 全年", "        period: 13-01至05-31", "period 应为"},
		{"        period: 全年", "        period: 夏天", "period 应为"},
		{"  区税务局: tax", "  区税务局: TAX", "不是部门代码"},
		{"  区税务局: tax", "  区税务局: scjg", "部门代码“scjg”重复"},
		{"  notices: 12", "  notices: 0", "1 到 52"},
		{"  bank_consent: true", "  bank_consent: 是", "true 或 false"},
	} {
		require.Contains(t, problemsOf(t, strings.Replace(file, c.old, c.new, 1)).Error(), c.message, c.new)
	}
}

func TestAChangeOfHowHelpComesIsShown(t *testing.T) {
	file := strings.NewReplacer("  notices: 12", "  notices: 6", "  bank_consent: true", "  bank_consent: false").Replace(string(Default("110107", 2026)))
	file = strings.Replace(file, "        help: unasked\n        period: 全年", "        help: on_request\n        period: 每年一次", 1)
	changed, err := Load([]byte(file))
	require.NoError(t, err)
	var lines []string
	for _, c := range Diff(workPlan(t), changed) {
		lines = append(lines, c.Key)
	}
	require.Equal(t, []string{"help.notices", "help.bank_consent", "measures.附二(一)1"}, lines)
}
