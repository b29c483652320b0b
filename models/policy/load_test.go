package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
)

func TestTheWorkPlansPolicyIsComplete(t *testing.T) {
	p := workPlan(t)
	require.Len(t, p.Tiering.Conditions, 17)
	placeholders := map[string]string{}
	for _, q := range p.Parameters {
		if q.Placeholder {
			placeholders[q.Key] = q.Value.String()
		}
	}
	require.Equal(t, map[string]string{
		"growth.revenue": "20 万元", "growth.tax": "1000 元", "development.revenue": "120 万元", "development.tax": "10000 元",
		"objection.accept": "5 个工作日", "objection.settle": "15 个工作日", "objection.window": "10 个工作日", "notice.days": "5 个工作日",
		"consent.limit": "5 个工作日", "supplement.limit": "5 个工作日", "notice.settle": "5 个工作日", "city.supplement.limit": "5 个工作日",
		"report.return": "10 个工作日", "report.review": "20 个工作日", "operator.limit": "10 个工作日", "order.limit": "5 个工作日", "case.hearing": "5 个工作日", "case.settle": "30 个工作日", "opinion.limit": "10 个工作日",
		"selection.honours": "3 年", "help.answer": "10 个工作日", "help.deliver": "30 个工作日", "evaluation.growth": "20%",
	}, placeholders, "what the work plan does not say is marked")
	letters := map[string]int{}
	for _, k := range p.Criteria.Categories {
		letters[k.Name] = len(k.Grounds)
	}
	require.Equal(t, map[string]int{"知名": 5, "特色": 5, "优质": 6, "新兴": 4}, letters)
	require.Equal(t, int64(500), p.Places.Share.Value.Amount, "5 % in hundredths of a percent")
	measures := map[string]int{}
	for _, m := range p.Measures {
		measures[m.For]++
	}
	require.Equal(t, map[string]int{"生存型": 4, "成长型": 4, "发展型": 3, "知名": 4, "特色": 4, "优质": 3, "新兴": 4}, measures)
	require.Equal(t, models.Ladder{Steps: []int{-14, -7, -3, -1, 0, 1, 3, 7}, Escalate: 1}, p.Ladders[models.ObligationDelivery])
	require.Equal(t, SourceDuty{"tax", "区税务局", true, "附一(一)"}, p.Sources[models.SourceTax])
	require.False(t, p.Sources[models.SourceCityTiering].Required)
	plan, err := p.Plan()
	require.NoError(t, err)
	require.Equal(t, calendar.DefaultPlan(2026), plan, "the file says the dates of the work plan")
}

func TestTheDefaultIsForAnyDistrictAndYear(t *testing.T) {
	p, err := Load(Default("110108", 2031))
	require.NoError(t, err)
	require.Equal(t, "110108", p.District)
	require.Equal(t, 2031, p.Year)
	require.Equal(t, calendar.MustDate("2031-12-31"), p.ValidUntil)
	plan, err := p.Plan()
	require.NoError(t, err)
	require.Equal(t, calendar.MustDate("2032-01-01"), plan[calendar.PlanBenefitsStart])
}

func TestTheHashIsOfTheBytesAsStored(t *testing.T) {
	a, b := workPlan(t), workPlan(t)
	require.Equal(t, a.Hash(), b.Hash())
	require.Regexp(t, "^[0-9a-f]{64}$", a.Hash())
	c, err := Load(append(Default("110107", 2026), "# 注释\n"...))
	require.NoError(t, err)
	require.NotEqual(t, a.Hash(), c.Hash(), "a comment is part of the file")
}

// problemsOf loads a file that must be wrong.
func problemsOf(t *testing.T, content string) Problems {
	t.Helper()
	_, err := Load([]byte(content))
	var problems Problems
	require.True(t, errors.As(err, &problems), "%v", err)
	return problems
}

func TestEveryMistakeIsNamedWithItsLine(t *testing.T) {
	file := string(Default("110107", 2026))
	cases := []struct {
		name, old, new string
		where          string // the text whose line the problem names; empty = of new
		message        string
	}{
		{"unknown key", "format: 1\n", "format: 1\nfromat: 1\n", "fromat", "没有“fromat”这一项"},
		{"unknown key below", "    name: 成立年限\n", "    name: 成立年限\n    nema: 成立年限\n", "nema", "没有“nema”这一项"},
		{"duplicate key", "year: 2026\n", "year: 2026\nyear: 2027\n", "year: 2027", "“year”重复"},
		{"duplicate parameter", "  growth.tax:\n", "  growth.revenue:\n", "  growth.revenue:\n    name: 成长型实缴", "“growth.revenue”重复"},
		{"duplicate condition", "id: development.B\n          clause: 附一(三)2(3)B", "id: development.A\n          clause: 附一(三)2(3)B", "", "条件名“development.A”重复"},
		{"conditions of one name", "name: 拥有有效专利", "name: 拥有在用商标", "id: development.E", "名称相同"},
		{"unknown fact", "fact: dishonest", "fact: dishonset", "", "没有“dishonset”这个事实"},
		{"comparison of a yes/no fact", "{ fact: patent }", "{ fact: patent, at_least: growth.tax }", "", "不用比较"},
		{"amount for persons", "at_least: growth.insured.min", "at_least: growth.tax", "at_least: growth.tax, at_most", "这里应为人数"},
		{"persons for an amount", "at_least: development.tax", "at_least: growth.insured.min", "at_least: growth.insured.min }", "这里应为金额"},
		{"persons for years", "at_least_years: tiering.age", "at_least_years: growth.tax", "", "这里应为年限"},
		{"years of an amount", "{ fact: revenue, at_least: growth.revenue }", "{ fact: revenue, at_least_years: tiering.age }", "", "金额参数"},
		{"no comparison", "{ fact: revenue, at_least: growth.revenue }", "{ fact: revenue }", "", "要有比较"},
		{"missing parameter", "at_least: growth.revenue", "at_least: growth.revneue", "", "没有“growth.revneue”这个参数"},
		{"missing clause", "        clause: 附一(三)1(2)\n", "", "id: dishonest", "条件缺少“clause”"},
		{"missing text", "        text: 被列入市场监督管理严重违法失信名单，未实施信用修复的\n", "", "id: dishonest", "条件缺少“text”"},
		{"empty text", "    name: 成长型实缴税额标准\n", "    name:\n", "    name:\n", "内容不能为空"},
		{"unknown condition", "all: [age, tax_registered]", "all: [age, tax_regisered]", "", "没有名为“tax_regisered”的条件"},
		{"wrong amount", "value: 20万元", "value: 二十万元", "", "“二十万元”不是数值"},
		{"too fine an amount", "value: 1000元", "value: 1000.001元", "", "金额最小到分"},
		{"negative amount", "value: 1000元", "value: -1000元", "", "不是数值"},
		{"wrong flag", "    placeholder: true\n", "    placeholder: yes\n", "    placeholder: yes\n", "应为 true 或 false"},
		{"wrong tier", "    - tier: 发展型", "    - tier: 大型", "", "“大型”不是分型"},
		{"ineligible as a standard", "    - tier: 发展型", "    - tier: 不符合分型条件", "", "由基础标准得出"},
		{"unknown source", "  honours: {", "  honour: {", "", "没有“honour”这一项"},
		{"ladder out of order", "steps: [-7, -3, -1, 0, 1, 3]", "steps: [-7, -3, -3, 0, 1, 3]", "", "从早到晚"},
		{"wrong date", "  data_due: 06-30", "  data_due: 06-31", "", "“06-31”不是日期"},
		{"impossible order of dates", "  data_due: 06-30", "  data_due: 07-30", "  start: 06-01", "不能早于"},
		{"wrong district", `district: "110107"`, `district: "1107"`, "", "6 位数字"},
		{"wrong year", "year: 2026", "year: 二〇二六", "", "整数"},
		{"wrong placeholder in advice", "补报{上一年度}年度报告", "补报{去年}年度报告", "", "{上一年度}"},
		{"letters out of order", "letter: B, check: evidence, text: 在区级", "letter: C, check: evidence, text: 在区级", "", "这里应为“B”"},
		{"measure for nobody", "  - for: 新兴\n    clause: 附四(四)1", "  - for: 新型\n    clause: 附四(四)1", "", "“新型”不是分型或分类"},
		{"unknown datum", "data: trademark", "data: brand", "", "honest_years、trademark"},
		{"data of a ground without data", "check: data, data: party_honour", "check: evidence, data: party_honour", "", "data 或 data_and_evidence"},
		{"data without their years", ", parameter: renowned.honour.lookback", "", "data: party_honour", "要有以“年”为单位的 parameter"},
		{"unknown check", "letter: B, check: evidence, text: 在区级", "letter: B, check: proof, text: 在区级", "", "data_and_evidence"},
		{"too many points", "有一定品牌影响力的, points: 10", "有一定品牌影响力的, points: 1001", "", "0 到 1000 的整数"},
		{"points of the evaluation", "letter: A, check: data, text: 销售额", "letter: A, check: data, points: 1, text: 销售额", "", "没有“points”这一项"},
		{"a limit in other days", "value: 15个工作日", "value: 15天", "  tiering.age:", "应为 1 到 250 个工作日"},
		{"no tie that always decides", "founded, submitted, uscc]", "founded, submitted]", "", "最后一项应为 uscc"},
		{"unknown tie", "[grounds, tier, founded", "[luck, tier, founded", "", "不能决定次序"},
		{"tie twice", "[grounds, tier, founded", "[tier, tier, founded", "", "“tier”重复"},
		{"unknown level", "points: { 区级: 2", "points: { 省级: 2", "", "不是表彰级别"},
		{"no years", "    every: 5\n", "    every: 0\n", "", "1 到 100 的整数"},
		{"missing category", "    - category: emerging\n      name: 新兴", "    - category: quality\n      name: 优质", "  base:\n    clause: 附三", "缺少分类“新兴”"},
		{"anchor", "  delivery: {", "  delivery: &d {", "", "锚点"},
		{"list for a mapping", "places:\n", "places:\n  - 1\nplace:\n", "  - 1\n", "places应为“名称: 值”"},
		{"a condition of two forms", "          any:\n            - { fact: report_filed }", "          not: { fact: abnormal }\n          any:\n            - { fact: report_filed }", "          not: { fact: abnormal }", "中的一个"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, file, c.old)
			content := strings.Replace(file, c.old, c.new, 1)
			where := c.where
			if where == "" {
				where = c.new
			}
			at := strings.Index(content, where)
			require.GreaterOrEqual(t, at, 0, "the text that the case names")
			line := 1 + strings.Count(content[:at], "\n")
			problems := problemsOf(t, content)
			for _, p := range problems {
				if p.Line == line && strings.Contains(p.Message, c.message) {
					require.True(t, strings.HasPrefix(p.String(), fmt.Sprintf("第 %d 行第 %d 列：", line, p.Column)), p.String())
					return
				}
			}
			require.Fail(t, "not named", "line %d %q, got:\n%v", line, c.message, problems)
		})
	}
}

func TestAllMistakesAreNamedAtOnceInTheirOrder(t *testing.T) {
	content := strings.NewReplacer("value: 20万元", "value: 很多", "fact: dishonest", "fact: dishonset",
		"handover: { steps: [-7, -3, -1, 0, 1, 3]", "handover: { steps: []", "check: recommendation, text: 推荐认定的", "check: vote, text: 推荐认定的").
		Replace(string(Default("110107", 2026)))
	problems := problemsOf(t, content)
	require.Len(t, problems, 4, problems.Error())
	for i := 1; i < len(problems); i++ {
		require.Less(t, problems[i-1].Line, problems[i].Line)
	}
	require.Equal(t, 3, strings.Count(problems.Error(), "\n"), "one a line")
}

func TestMoreConditionsThanAVerdictHoldsAreRefused(t *testing.T) {
	var more strings.Builder
	for i := range 60 {
		fmt.Fprintf(&more, "        - { id: x%d, clause: 附, name: 名%d, text: 文, when: { fact: patent } }\n", i, i)
	}
	content := strings.Replace(string(Default("110107", 2026)), "        - id: development.A\n", more.String()+"        - id: development.A\n", 1)
	require.Contains(t, problemsOf(t, content).Error(), "条件共 77 项，最多 64 项")
}

func TestMoreComparisonsThanAProgramHoldsAreRefused(t *testing.T) {
	var parameters, kids strings.Builder
	for i := range 60 {
		fmt.Fprintf(&parameters, "  p%d: { name: 数%d, clause: 附, text: 文, value: %d元 }\n", i, i, i+1)
		fmt.Fprintf(&kids, "{ fact: tax_paid, above: p%d }, ", i)
	}
	content := strings.Replace(string(Default("110107", 2026)), "parameters:\n", "parameters:\n"+parameters.String(), 1)
	content = strings.Replace(content, "when: { fact: patent }", "when: { any: ["+kids.String()+"] }", 1)
	require.Contains(t, problemsOf(t, content).Error(), "不同的比较太多")
}

func TestStandardsMustTakeEverybodyAndNoneInVain(t *testing.T) {
	file := string(Default("110107", 2026))
	last := file[strings.LastIndex(file, "    - tier: 生存型"):]
	last = last[:strings.Index(last, "\n\n")+1]
	require.Contains(t, problemsOf(t, strings.Replace(file, last, "", 1)).Error(), "最后一项具体标准（成长型）不能有条件")
	require.Contains(t, problemsOf(t, strings.Replace(file, "  standards:\n", "  standards:\n"+last, 1)).Error(), "其后的标准永远不会用到")
}

func TestWhatIsNoPolicyFileIsRefusedInWords(t *testing.T) {
	deep := strings.Repeat("- ", 5000)
	for name, c := range map[string]struct{ content, want string }{
		"nothing":       {"", "空的"},
		"only comments": {"# 无\n", "空的"},
		"a list":        {"- 1\n", "政策文件应为"},
		"a word":        {"政策\n", "政策文件应为"},
		"too large":     {strings.Repeat("#", MaxSize+1), "超过 1 MB"},
		"another code":  {"title: \xd5\xfe\xb2\xdf\n", "UTF-8"},
		"no YAML":       {"title: [\n", "不是正确的 YAML"},
		"tabs":          {"title:\n\t- 1\n", "第 2 行"},
		"two documents": {string(Default("110107", 2026)) + "---\nformat: 1\n", "只能有一份"},
		"alias bomb":    {"a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nd: [*c,*c,*c]\n", "锚点"},
		"deep":          {deep + "x\n", "层级过深"},
		"merge":         {"<<: { format: 1 }\n", "没有“<<”"},
	} {
		problems := problemsOf(t, c.content)
		require.Contains(t, problems.Error(), c.want, name)
		require.NotRegexp(t, `yaml:|unmarshal`, problems.Error(), name)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(Default("110107", 2026))
	f.Add([]byte("format: 1\ntiering:\n  base: { require: [a] }\n  standards: [ { tier: 生存型, all: [b] } ]\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Load(b)
		if err != nil {
			var problems Problems
			require.True(t, errors.As(err, &problems))
			require.NotEmpty(t, problems)
			return
		}
		j, err := p.Judge(p.Year, p.ValidFrom)
		require.NoError(t, err, "what loads can be judged by")
		facts := settled().facts()
		v := j.Judge(facts)
		require.NotEqual(t, models.NoTier, v.Tier)
		j.Explain(facts, v)
		require.Empty(t, Diff(p, p))
	})
}
