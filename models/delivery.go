package models

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// ColumnKind says how a cell of a delivery is read and what its Value holds.
type ColumnKind uint8

// The kinds of cells (contract/data-deliveries.md, "Values as they really come").
const (
	CellUSCC  ColumnKind = iota // Text: 18 characters, checked against GB 32100-2015
	CellText                    // Text
	CellEnum                    // Text: one of Column.Values
	CellDate                    // Number: days, a calendar.Date
	CellBool                    // Number: 1 or 0
	CellCount                   // Number: persons, >= 0
	CellYear                    // Number: a civil year
	CellYuan                    // Number: 分; the cell is in 元 unless it names 万元
	CellWan                     // Number: 分; the cell is in 万元 unless it names 元
)

// Column is one column of a source.
type Column struct {
	Header   string   // as departments write it
	Aliases  []string // other headers taken for it
	Name     string   // column in the source's table
	Kind     ColumnKind
	Required bool     // column and value are both required
	Values   []string // for CellEnum
	Max      int      // longest text taken, in characters
	Form     TextForm // for CellText
}

// TextForm says how a text's full-width characters and lower-case letters are kept.
type TextForm uint8

// The forms of texts.
const (
	TextAsWritten TextForm = iota // names, places: as the department wrote them
	TextNarrow                    // addresses and numbers to be used: full-width becomes half-width
	TextCode                      // codes, which are compared: half-width and upper case
)

// SourceSpec is the form of one source's files and of its table src_<code>.
type SourceSpec struct {
	Source  Source
	Columns []Column
	Key     []string // names of the columns that make the key, with district and year before them
}

// RegisteredStatuses are the values of 登记状态 that mean 登记在册 (附一(三)1); the rest mean not.
var RegisteredStatuses = []string{"存续", "在业", "开业"}

var uscc = Column{Header: "统一社会信用代码", Name: "uscc", Kind: CellUSCC, Required: true}

// Specs holds every source's form, indexed by Source.
var Specs = [SourceCount]SourceSpec{
	SourceRegistry: {SourceRegistry, []Column{
		uscc,
		{Header: "名称", Name: "name", Kind: CellText, Required: true, Max: 200},
		{Header: "经营者", Name: "operator", Kind: CellText, Required: true, Max: 100},
		{Header: "成立日期", Name: "founded", Kind: CellDate, Required: true},
		{Header: "登记状态", Name: "status", Kind: CellEnum, Required: true, Values: []string{"存续", "在业", "开业", "吊销", "注销", "撤销"}},
		{Header: "所属街道", Name: "street", Kind: CellText, Max: 60},
		{Header: "经营场所", Name: "premises", Kind: CellText, Max: 300},
		{Header: "行业代码", Name: "trade", Kind: CellText, Max: 10, Form: TextCode},
		{Header: "经营范围", Name: "scope", Kind: CellText, Max: 4000},
		{Header: "电子邮箱", Name: "email", Kind: CellText, Max: 200, Form: TextNarrow},
		{Header: "联系电话", Name: "phone", Kind: CellText, Max: 60, Form: TextNarrow},
		{Header: "经营者身份", Name: "operator_kind", Kind: CellEnum, Values: []string{"退役军人", "高校毕业生", "残疾人", "返乡创业农民工"}},
		{Header: "季节性经营", Name: "seasonal", Kind: CellBool},
		{Header: "歇业开始日期", Name: "suspended_from", Kind: CellDate},
		{Header: "歇业截止日期", Name: "suspended_to", Kind: CellDate},
	}, []string{"uscc"}},
	SourceAnnualReport: {SourceAnnualReport, []Column{
		uscc,
		{Header: "报告年度", Name: "report_year", Kind: CellYear, Required: true},
		{Header: "报送日期", Name: "filed_on", Kind: CellDate},
		{Header: "营业收入(万元)", Name: "revenue", Kind: CellWan},
		{Header: "从业人数", Name: "employees", Kind: CellCount},
	}, []string{"uscc", "report_year"}},
	SourceCredit: {SourceCredit, []Column{
		uscc,
		{Header: "记录类型", Name: "kind", Kind: CellEnum, Required: true, Values: []string{"经营异常", "严重违法失信", "行政处罚", "失信被执行人"}},
		{Header: "列入日期", Name: "listed_on", Kind: CellDate, Required: true},
		{Header: "移出日期", Aliases: []string{"修复日期"}, Name: "removed_on", Kind: CellDate},
		{Header: "处罚种类", Name: "penalty", Kind: CellText, Max: 60},
		{Header: "公示", Name: "published", Kind: CellBool}, // 是 unless stated
	}, []string{"uscc", "kind", "listed_on"}},
	SourceTax: {SourceTax, []Column{
		uscc,
		{Header: "所属年度", Name: "tax_year", Kind: CellYear, Required: true},
		{Header: "税务登记", Name: "registered", Kind: CellBool, Required: true},
		{Header: "非正常户", Name: "abnormal", Kind: CellBool},
		{Header: "纳税人类型", Name: "payer", Kind: CellEnum, Values: []string{"一般纳税人", "小规模纳税人"}},
		{Header: "实缴税额(元)", Name: "paid", Kind: CellYuan},
	}, []string{"uscc", "tax_year"}},
	SourceSocialSecurity: {SourceSocialSecurity, []Column{
		uscc,
		{Header: "所属年度", Name: "insured_year", Kind: CellYear, Required: true},
		{Header: "单位参保人数", Name: "insured", Kind: CellCount, Required: true},
	}, []string{"uscc", "insured_year"}},
	SourceIP: {SourceIP, []Column{
		uscc,
		{Header: "类型", Name: "kind", Kind: CellEnum, Required: true, Values: []string{"商标", "专利"}},
		{Header: "证号", Name: "certificate", Kind: CellText, Required: true, Max: 100, Form: TextCode},
		{Header: "实际使用", Name: "in_use", Kind: CellBool},
		{Header: "有效期至", Name: "valid_until", Kind: CellDate},
	}, []string{"certificate"}},
	SourceCityTiering: {SourceCityTiering, []Column{
		uscc,
		{Header: "年度", Name: "tier_year", Kind: CellYear, Required: true},
		{Header: "分型结果", Name: "tier", Kind: CellEnum, Required: true, Values: []string{"生存型", "成长型", "发展型", "不符合分型条件"}},
	}, []string{"uscc", "tier_year"}},
	SourceHonours: {SourceHonours, []Column{
		uscc,
		{Header: "名称", Name: "title", Kind: CellText, Required: true, Max: 200},
		{Header: "日期", Name: "awarded_on", Kind: CellDate, Required: true},
		{Header: "级别", Name: "level", Kind: CellEnum, Required: true, Values: []string{"区级", "市级", "国家级"}},
		{Header: "党建", Name: "party", Kind: CellBool},
	}, []string{"uscc", "title", "awarded_on"}},
}

// Value is one cell, read. Null means an empty cell: not known.
type Value struct {
	Null   bool
	Text   string
	Number int64
}

// Row is one row of a delivery. A row with Problems is rejected; its Values are then void.
type Row struct {
	Number   int       // as Excel counts: the header is row 1
	Values   []Value   // by Specs[source].Columns; valid until the next row is read
	Problems []Problem // why the row is rejected, one per bad column
	Cells    []string  // the cells as delivered, by the file's own columns; set only when rejected
}

// Problem is why a row is rejected.
type Problem struct {
	Column string // the header
	Value  string // as delivered
	Reason string // Chinese
}

// DeliveryState is where a delivery stands.
type DeliveryState string

// The states of a delivery: received → importing is not kept, since a delivery takes effect whole or not at all.
const (
	DeliveryReceived DeliveryState = "received" // the file is stored, not yet read
	DeliveryAccepted DeliveryState = "accepted" // in effect
	DeliveryRefused  DeliveryState = "refused"  // refused whole, with Reason
)

// Channel is the way by which a delivery came.
type Channel string

// The channels (contract, "How a delivery comes").
const (
	ChannelUpload Channel = "upload"
	ChannelHTTP   Channel = "http"
	ChannelFolder Channel = "folder"
)

// Rows counts a delivery's rows.
type Rows struct {
	Read      int `json:"read" doc:"读到的数据行数（不含表头）"`
	Accepted  int `json:"accepted" doc:"采用的行数"`
	Repeated  int `json:"repeated" doc:"同一关键字重复出现而被后面的行取代的行数"`
	Rejected  int `json:"rejected" doc:"被拒绝的行数"`
	Unmatched int `json:"unmatched" doc:"登记数据中没有该代码、待其登记后生效的行数"`
}

// Delivery is one file of one source, district and year, and its receipt.
type Delivery struct {
	ID             string // <district>-<year>-<source>-<sequence>
	District       string
	Year           int
	Source         Source
	Sequence       int
	Channel        Channel
	FileName       string
	SHA256         string
	Size           int64
	State          DeliveryState
	Reason         string // why refused, Chinese
	Rows           Rows
	UnknownColumns []string
	By             string // user who delivered, or the connection
	ReceivedAt     time.Time
	SettledAt      time.Time // accepted or refused
}

// DeliveryID names one delivery, such as 110107-2026-tax-3.
func DeliveryID(district string, year int, source Source, sequence int) string {
	return fmt.Sprintf("%s-%d-%s-%d", district, year, source, sequence)
}

// Settled says whether the delivery has been taken or refused.
func (s DeliveryState) Settled() bool { return s == DeliveryAccepted || s == DeliveryRefused }

// RejectedRow is one row that a delivery did not take, as it came.
type RejectedRow struct {
	Number   int
	Problems []Problem
	Cells    []string
}

// CleanFileName keeps the last element of a path of any system, without control characters, at most 200
// characters: what a sender calls a file is a label and never a place.
func CleanFileName(name string) string {
	name = name[strings.LastIndexAny(name, `/\:`)+1:]
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, name)
	if r := []rune(name); len(r) > 200 {
		name = string(r[len(r)-200:]) // the extension says what it is
	}
	if strings.Trim(name, ". ") == "" {
		return "未命名"
	}
	return name
}

// Text is the receipt in words, for people.
func (d Delivery) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "数据交付回执 %s\n%s数据（%d年，%s）\n", d.ID, d.Source.Name(), d.Year, d.District)
	if d.FileName != "" {
		fmt.Fprintf(&b, "文件：%s\n", d.FileName)
	}
	if d.SHA256 != "" {
		fmt.Fprintf(&b, "SHA-256：%s\n", d.SHA256)
	}
	switch d.State {
	case DeliveryRefused:
		fmt.Fprintf(&b, "结果：整体退回，原有数据不变\n原因：%s\n", d.Reason)
	case DeliveryReceived:
		b.WriteString("结果：已收到，尚未生效\n")
	case DeliveryAccepted:
		fmt.Fprintf(&b, "结果：已生效\n读取 %d 行，采用 %d 行，重复 %d 行，拒绝 %d 行，登记数据中尚无 %d 行\n",
			d.Rows.Read, d.Rows.Accepted, d.Rows.Repeated, d.Rows.Rejected, d.Rows.Unmatched)
		if len(d.UnknownColumns) > 0 {
			fmt.Fprintf(&b, "未采用的列：%s\n", strings.Join(d.UnknownColumns, "、"))
		}
	}
	return b.String()
}
