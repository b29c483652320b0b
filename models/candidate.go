package models

import (
	"fmt"
	"strings"

	"bangfu/models/calendar"
)

// Candidate is everything that departments delivered about one household, and what the record holds of it, that bars
// (附三(三)1), grounds (附三(三)2), the comparison (比选) and the prefilled form need. Rows are kept with their dates, since
// they are judged on the day of the application and once more on the day of the certification, not on the tiering date.
type Candidate struct {
	CycleID      string
	District     string
	Year         int
	USCC         string
	Name         string
	Street       string
	OperatorKind string // 经营者身份; empty = none stated
	Status       string // 登记状态
	Founded      calendar.Date
	Tier         Tier  // the tier that counts, of the cycle's current run; NoTier: the run has no result of it
	RunID        int64 // of the current run; 0 = none
	Facts        Facts // as of the tiering date
	Suspended    Term  // 歇业; zero = none

	Penalties  []Penalty       // 行政处罚
	Abnormal   []Listing       // 经营异常
	Dishonest  []Listing       // 严重违法失信
	Defaulter  []Listing       // 失信被执行人
	Properties []Property      // 商标、专利
	Honours    []Honour        // 表彰奖励
	Revoked    []calendar.Date // days on which a certification of the household was revoked (附三(五))
	Namesakes  []Revocation    // revoked certifications of other households whose operator bore the name of this one's: perhaps the same person
	Certified  calendar.Date   // last day of a certification of an earlier cycle that is valid; 0 = none

	Delivered   Sources                    // sources that were delivered: of the others nothing is known
	DeliveredOn [SourceCount]calendar.Date // latest accepted delivery, by the cycle's calendar
	DataMark    string                     // which deliveries this was read from
	Items       []PrefilledItem            // what the form shows, so that nobody is asked for it (三(二))
}

// Revocation is a certification that was revoked (撤销认定) on a day.
type Revocation struct {
	Number string // of the certification
	On     calendar.Date
}

// Penalty is one 行政处罚.
type Penalty struct {
	On         calendar.Date
	Kind       string // 处罚种类 as delivered; empty = not stated
	Published  bool   // 公示; yes unless stated otherwise
	RepairedOn calendar.Date
}

// Listing is a time on a list: from its first day until the day before RemovedOn, which is 0 while it lasts.
type Listing struct {
	From, RemovedOn calendar.Date
}

// Term is a time with both ends counted, each of them 0 when it is not known.
type Term struct {
	From, Until calendar.Date
}

// Holds says whether the listing holds on a day: a removal on that day has ended it.
func (l Listing) Holds(on calendar.Date) bool {
	return l.From <= on && (l.RemovedOn == 0 || l.RemovedOn > on)
}

// Property is one 知识产权: a trademark (商标), else a patent (专利).
type Property struct {
	Trademark  bool
	InUse      Optional // of trademarks
	ValidUntil calendar.Date
}

// Valid says whether it holds on a day; its last day counts, without one it holds for ever.
func (p Property) Valid(on calendar.Date) bool { return p.ValidUntil == 0 || p.ValidUntil >= on }

// Honour is one 表彰奖励.
type Honour struct {
	Title string
	On    calendar.Date
	Level string   // 区级, 市级, 国家级
	Party Optional // 党建
}

// PrefilledItem is one thing that departments delivered, as the form shows it.
type PrefilledItem struct {
	Label       string
	Value       string
	Source      Source
	DeliveredOn calendar.Date
}

// AddCredit adds one 信用监管 row; 公示 is yes unless stated (contract).
func (c *Candidate) AddCredit(kind string, l Listing, penalty string, published Optional) {
	switch kind {
	case "行政处罚":
		c.Penalties = append(c.Penalties, Penalty{On: l.From, Kind: penalty, Published: !published.Known || published.Yes(), RepairedOn: l.RemovedOn})
	case "经营异常":
		c.Abnormal = append(c.Abnormal, l)
	case "严重违法失信":
		c.Dishonest = append(c.Dishonest, l)
	case "失信被执行人":
		c.Defaulter = append(c.Defaulter, l)
	}
}

// Registered says whether the household is 登记在册 by the latest delivery of the registry.
func (c *Candidate) Registered() bool { return IsRegistered(c.Status) }

// SourceText names a source with the day of its latest delivery: “知识产权（2026年6月20日交付）”.
func (c *Candidate) SourceText(s Source) string {
	if !c.Delivered.Has(s) {
		return s.Name() + "（未交付）"
	}
	return fmt.Sprintf("%s（%s交付）", s.Name(), c.DeliveredOn[s].Chinese())
}

// Prefill writes Items from the rest. What no source says is not asked for either: it shows as 无数据.
func (c *Candidate) Prefill() {
	c.Items = nil
	add := func(s Source, label, value string) {
		if value == "" {
			value = "无数据"
		}
		c.Items = append(c.Items, PrefilledItem{Label: label, Value: value, Source: s, DeliveredOn: c.DeliveredOn[s]})
	}
	add(SourceRegistry, "名称", c.Name)
	add(SourceRegistry, "统一社会信用代码", c.USCC)
	add(SourceRegistry, "登记状态", c.Status)
	add(SourceRegistry, "成立日期", c.Founded.Chinese())
	add(SourceRegistry, "所属街道", c.Street)
	if c.OperatorKind != "" {
		add(SourceRegistry, "经营者身份", c.OperatorKind)
	}
	last := fmt.Sprintf("%d年度", c.Year-1)
	add(SourceAnnualReport, last+"年度报告", c.fact(FactReportFiled))
	add(SourceAnnualReport, last+"营业收入", c.fact(FactRevenue))
	add(SourceTax, "税务登记", c.fact(FactTaxRegistered))
	add(SourceTax, last+"实缴税额", c.fact(FactTaxPaid))
	add(SourceSocialSecurity, last+"单位参保人数", c.fact(FactInsured))
	add(SourceIP, "商标、专利", c.hits(SourceIP, len(c.Properties), c.properties))
	add(SourceHonours, "表彰奖励", c.hits(SourceHonours, len(c.Honours), c.honours))
	add(SourceCredit, "行政处罚", c.hits(SourceCredit, len(c.Penalties), c.penalties))
	add(SourceCredit, "经营异常", c.hits(SourceCredit, len(c.Abnormal), func() string { return listings(c.Abnormal) }))
	add(SourceCredit, "严重违法失信", c.hits(SourceCredit, len(c.Dishonest), func() string { return listings(c.Dishonest) }))
	add(SourceCredit, "失信被执行人", c.hits(SourceCredit, len(c.Defaulter), func() string { return listings(c.Defaulter) }))
}

// fact is a tiering fact in words; empty when not known.
func (c *Candidate) fact(f Fact) string {
	switch {
	case !c.Facts.Has(f):
		return ""
	case f == FactReportFiled:
		return map[bool]string{true: "已报送", false: "未报送"}[c.Facts.Bool(f)]
	case f.Info().Kind == KindBool:
		return map[bool]string{true: "是", false: "否"}[c.Facts.Bool(f)]
	case f.Info().Kind == KindMoney:
		return FormatYuan(c.Facts.Number(f)) + "元"
	}
	return fmt.Sprintf("%d人", c.Facts.Number(f))
}

// hits words a source that lists only what there is: without a row there is nothing, unless it was never delivered.
func (c *Candidate) hits(s Source, n int, words func() string) string {
	switch {
	case !c.Delivered.Has(s):
		return ""
	case n == 0:
		return "无"
	}
	return words()
}

func (c *Candidate) properties() string {
	words := make([]string, len(c.Properties))
	for i, p := range c.Properties {
		words[i] = "专利"
		if p.Trademark {
			words[i] = "商标" + map[bool]string{true: "（实际使用）"}[p.InUse.Yes()]
		}
		if p.ValidUntil != 0 {
			words[i] += "，有效期至" + p.ValidUntil.Chinese()
		}
	}
	return strings.Join(words, "；")
}

func (c *Candidate) honours() string {
	words := make([]string, len(c.Honours))
	for i, h := range c.Honours {
		words[i] = h.String()
	}
	return strings.Join(words, "；")
}

func (c *Candidate) penalties() string {
	words := make([]string, len(c.Penalties))
	for i, p := range c.Penalties {
		words[i] = p.String()
	}
	return strings.Join(words, "；")
}

func listings(list []Listing) string {
	words := make([]string, len(list))
	for i, l := range list {
		words[i] = l.String()
	}
	return strings.Join(words, "；")
}

// String is 2025年5月1日“诚信经营示范”（区级，党建）.
func (h Honour) String() string {
	s := h.On.Chinese() + "“" + h.Title + "”（" + h.Level
	if h.Party.Yes() {
		s += "，党建"
	}
	return s + "）"
}

// String is 2025年9月4日罚款（未修复）.
func (p Penalty) String() string {
	kind := p.Kind
	if kind == "" {
		kind = "行政处罚（种类未注明）"
	}
	s := p.On.Chinese() + kind
	if !p.Published {
		s += "（未公示）"
	}
	if p.RepairedOn != 0 {
		return s + "（" + p.RepairedOn.Chinese() + "修复）"
	}
	return s + "（未修复）"
}

// String is 2025年9月4日列入，2026年7月1日移出.
func (l Listing) String() string {
	if l.RemovedOn == 0 {
		return l.From.Chinese() + "列入，尚未移出"
	}
	return l.From.Chinese() + "列入，" + l.RemovedOn.Chinese() + "移出"
}

// Bar is one reason why a household may not apply, be recommended or be certified (附三(三)1, 附三(五)).
type Bar struct {
	ID     string `json:"id" doc:"情形编号"`
	Clause string `json:"clause" doc:"依据条款"`
	Text   string `json:"text" doc:"条款原文"`
	Why    string `json:"why" doc:"据以判断的数据"`
}

// GroundCheck is what departments' data say of one ground (附三(三)2).
type GroundCheck struct {
	Outcome  Outcome `json:"outcome" enum:"met,not_met,not_known" doc:"met 符合，not_met 不符合，not_known 数据不能判断"`
	Value    string  `json:"value" doc:"据以判断的数据"`
	Source   string  `json:"source,omitempty" doc:"数据来源与交付日期"`
	Decisive bool    `json:"decisive" doc:"仅凭数据即可认定，不必审核人判断"`
}

// GroundRef names one ground, such as 知名 C.
type GroundRef struct {
	Category Category
	Letter   string
}

// ScoreInput is what the comparison (比选) looks at. Only what was found counts, not what was claimed.
type ScoreInput struct {
	Application Application // its Category and SubmittedOn
	Candidate   *Candidate
	Grounds     []GroundRef // found met
}

// ScoreItem is one addend of a score.
type ScoreItem struct {
	Clause string `json:"clause" doc:"依据条款"`
	Text   string `json:"text" doc:"得分事项"`
	Points int    `json:"points" doc:"得分"`
}

// Score is a household's points in the comparison with where they come from.
type Score struct {
	Points  int         `json:"points" doc:"总分"`
	Grounds int         `json:"grounds" doc:"所认定分类中符合的标准条数"`
	Items   []ScoreItem `json:"items" doc:"逐项得分，合计即总分"`
}

// Ranked is one household in the comparison; the ranking fills Place and Tie.
type Ranked struct {
	ApplicationID int64
	USCC          string
	Score         Score
	Tier          Tier
	Founded       calendar.Date
	SubmittedOn   calendar.Date

	Place int    // 1, 2, …
	Tie   string // what decided among equal scores; empty = nobody has the same
}
