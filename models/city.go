package models

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"bangfu/models/calendar"
)

// CityCheckState is where the city's check (市级抽查) of one certification stands (附三(二)2).
type CityCheckState string

// The states of a check.
const (
	CitySampled         CityCheckState = "sampled"          // 待抽查
	CitySupplementAsked CityCheckState = "supplement_asked" // 待补充材料
	CitySupplemented    CityCheckState = "supplemented"     // 已补充，待抽查结论
	CityPassed          CityCheckState = "passed"           // 无异议
	CityRefused         CityCheckState = "refused"          // 不予认定
)

// CityCheckStates lists every state, in order.
var CityCheckStates = []CityCheckState{CitySampled, CitySupplementAsked, CitySupplemented, CityPassed, CityRefused}

// Name is the state in words.
func (s CityCheckState) Name() string {
	switch s {
	case CitySampled:
		return "待抽查"
	case CitySupplementAsked:
		return "待补充材料"
	case CitySupplemented:
		return "已补充材料，待结论"
	case CityPassed:
		return "无异议"
	case CityRefused:
		return "不予认定"
	}
	return string(s)
}

// Open says whether the check still waits for its outcome.
func (s CityCheckState) Open() bool { return s != CityPassed && s != CityRefused }

// CityEvent is what happens in a spot check.
type CityEvent string

// The events: the first five concern one certification, the others the whole check.
const (
	CityAsk         CityEvent = "ask"          // city: 要求限期补充材料
	CityAnswer      CityEvent = "answer"       // bureau: 补充材料
	CityPass        CityEvent = "pass"         // city: 无异议
	CityRefuse      CityEvent = "refuse"       // city: 不予认定
	CityNoObjection CityEvent = "no_objection" // the check was finished without the city's word on this one: 视为无异议

	CitySample CityEvent = "sample" // city: 抽取样本
	CityClose  CityEvent = "close"  // city: 抽查结束
	CityFinish CityEvent = "finish" // bureau's administrator, with a reason: 结束抽查，未有结论的视为无异议
)

// CityEvents lists every event.
var CityEvents = []CityEvent{CityAsk, CityAnswer, CityPass, CityRefuse, CityNoObjection, CitySample, CityClose, CityFinish}

// cityMoves is the whole state machine of one check.
var cityMoves = map[CityEvent]struct {
	name string
	from []CityCheckState
	to   CityCheckState
}{
	CityAsk:         {"要求补充材料", []CityCheckState{CitySampled, CitySupplemented}, CitySupplementAsked},
	CityAnswer:      {"补充材料", []CityCheckState{CitySupplementAsked}, CitySupplemented},
	CityPass:        {"作出“无异议”结论", []CityCheckState{CitySampled, CitySupplementAsked, CitySupplemented}, CityPassed},
	CityRefuse:      {"作出“不予认定”结论", []CityCheckState{CitySampled, CitySupplementAsked, CitySupplemented}, CityRefused},
	CityNoObjection: {"视为无异议", []CityCheckState{CitySampled, CitySupplementAsked, CitySupplemented}, CityPassed},
}

// Name is the event in words.
func (e CityEvent) Name() string {
	switch e {
	case CitySample:
		return "抽取样本"
	case CityClose:
		return "结束抽查"
	case CityFinish:
		return "结束抽查，未有结论的视为无异议"
	}
	return cityMoves[e].name
}

// Next gives the state after an event on a date, or says (CodeConflict) why it cannot follow. What the city asked for may be
// supplied through the whole of limit: until then nothing is refused for want of it.
func (s CityCheckState) Next(e CityEvent, limit, today calendar.Date) (CityCheckState, error) {
	m, ok := cityMoves[e]
	if !ok {
		return s, Invalid("event", "没有“%s”这个操作", string(e))
	}
	if !slices.Contains(m.from, s) {
		return s, Conflict("该项抽查现为“%s”，不能%s", s.Name(), m.name)
	}
	if s == CitySupplementAsked && e == CityRefuse && today <= limit {
		return s, Conflict("补充材料的期限至%s，期满前不能以此不予认定", limit.Chinese())
	}
	return m.to, nil
}

// Bounds of a command.
const (
	MaxCityDays      = 60 // working days for supplements
	MaxCityDocuments = 20
	MaxCitySeed      = 64
)

// CityCommand brings an event about. It carries identifiers and codes only: what people wrote is a reason's id.
type CityCommand struct {
	CommandID string
	CycleID   string
	Event     CityEvent
	Number    string // of the certification; empty for sample, close and finish
	Actor     Actor
	ReasonID  int64    // ask, refuse, finish: why; answer: what the bureau says
	Clause    string   // refuse
	Days      int      // ask: working days; 0 = the policy's
	Documents []string // answer: ids of documents of the application
	Size      int      // sample: how many, or
	Percent   int      // which share of the certified, rounded up
	Seed      string   // sample
	Request   string   // what was asked for, as a hash (Asked)
}

// Asked notes what is asked for, with the words that came with it (ApplicationCommand.Asked); a seed that the program draws is not asked for.
func (c CityCommand) Asked(words ...string) CityCommand {
	c.Request = requestDigest([]any{c.Event, c.Number, c.Clause, c.Days, c.Documents, c.Size, c.Percent}, words)
	return c
}

// Validate refuses what cannot be a command, whatever the record holds.
func (c CityCommand) Validate() error {
	if c.CommandID == "" || len(c.CommandID) > 100 || c.CycleID == "" || c.Actor == "" {
		return Invalid("command", "操作须有操作编号、年度工作编号和经办人")
	}
	_, single := cityMoves[c.Event]
	if !single && !slices.Contains(CityEvents, c.Event) || c.Event == CityNoObjection {
		return Invalid("event", "没有“%s”这个操作", string(c.Event))
	}
	if single {
		if _, err := ParseCertificationNumber(c.Number); err != nil {
			return err
		}
	}
	needs := c.Event == CityAsk || c.Event == CityAnswer || c.Event == CityRefuse || c.Event == CityFinish
	switch {
	case needs && c.ReasonID <= 0:
		return Invalid("reason", "%s须写明理由或说明", c.Event.Name())
	case c.Event == CityRefuse && strings.TrimSpace(c.Clause) == "":
		return Invalid("clause", "不予认定须写明依据的条款，如 附三(三)1")
	case len(c.Clause) > 60:
		return Invalid("clause", "条款最长20字")
	case c.Days < 0 || c.Days > MaxCityDays:
		return Invalid("days", "补充期限应为1至%d个工作日", MaxCityDays)
	case len(c.Documents) > MaxCityDocuments:
		return Invalid("documents", "一次最多附%d份材料", MaxCityDocuments)
	case c.Event == CitySample:
		return c.validateSample()
	}
	return nil
}

func (c CityCommand) validateSample() error {
	switch {
	case (c.Size > 0) == (c.Percent > 0) || c.Size < 0 || c.Percent < 0 || c.Percent > 100:
		return Invalid("size", "请填写抽取户数（size，至少1户）或比例（percent，1至100），二者填一项")
	case c.Seed == "" || len(c.Seed) > MaxCitySeed || strings.Trim(c.Seed, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") != "":
		return Invalid("seed", "随机种子应为1至%d位字母、数字、“-”“_”“.”", MaxCitySeed)
	}
	return nil
}

// SampleSize is how many of total the command asks for.
func (c CityCommand) SampleSize(total int) (int, error) {
	if c.Percent > 0 {
		return (total*c.Percent + 99) / 100, nil
	}
	if c.Size > total {
		return 0, Invalid("size", "共认定%d户，不能抽取%d户", total, c.Size)
	}
	return c.Size, nil
}

// CitySampleOf draws n of the numbers: the first by the SHA-256 (hexadecimal) of the seed followed by the number. Anybody
// draws the same from the seed and the reported list, with this line in a shell:
//
//	while read -r n; do printf '%s %s\n' "$(printf %s "$seed$n" | sha256sum | cut -c1-64)" "$n"; done <numbers.txt | sort | head -n "$size"
func CitySampleOf(seed string, numbers []string, n int) []string {
	type drawn struct{ hash, number string }
	list := make([]drawn, len(numbers))
	for i, number := range numbers {
		sum := sha256.Sum256([]byte(seed + number))
		list[i] = drawn{hex.EncodeToString(sum[:]), number}
	}
	slices.SortFunc(list, func(a, b drawn) int { return cmp.Compare(a.hash, b.hash) })
	sample := make([]string, min(n, len(list)))
	for i := range sample {
		sample[i] = list[i].number
	}
	return sample
}

// CityReport is the report of a cycle's certifications to the city, and its spot check.
type CityReport struct {
	CycleID    string
	SHA256     string // of the CSV file
	Certified  int64
	ReportedOn calendar.Date
	OutcomeDue calendar.Date // last day on which the city may say something
	Seed       string        // empty until a sample was drawn
	SampleSize int
	SampledBy  Actor
	ClosedOn   calendar.Date
	ClosedBy   Actor // the city's reviewer; the administrator who finished it; the program, when its date came with nothing open
	ReasonID   int64 // of an administrator's finish
	At         time.Time
}

// CityCheck is the city's check of one certification.
type CityCheck struct {
	Certification
	Check     CityCheckState `gorm:"column:check_state"`
	LimitOn   calendar.Date  // until when the bureau supplies what was asked for
	AskedID   int64          // reason of the latest request or of the outcome
	AnswerID  int64          // what the bureau answered last
	CheckedBy Actor
	UpdatedAt time.Time
}

// CityStep is one event of a spot check on record.
type CityStep struct {
	CommandID string
	Number    string
	Event     CityEvent
	FromState CityCheckState
	ToState   CityCheckState
	OnDate    calendar.Date
	ReasonID  int64
	Clause    string
	Detail    string // JSON: limit, documents, seed, size
	Actor     Actor
	At        time.Time
}
