package models

import "bangfu/models/calendar"

// This file is the one place where departments' rows become the facts of a household (contract "Tiering reads
// it like this", 附一(三)). Three rules run through it:
//   - an empty cell and an absent row are "not known", never "no";
//   - but credit and ip list only hits: once such a source is delivered, a household without a row in it has none;
//   - a source that was never delivered says nothing of anybody.

// Sources is a set of sources.
type Sources uint16

// With gives the set with s in it.
func (set Sources) With(s Source) Sources { return set | 1<<s }

// Has says whether s is in the set.
func (set Sources) Has(s Source) bool { return set&(1<<s) != 0 }

// FactSources are the sources that tiering reads, in order: those that some fact comes from.
func FactSources() []Source {
	var set Sources
	for f := range FactCount {
		set = set.With(factInfo[f].Source)
	}
	var list []Source
	for s := range SourceCount {
		if set.Has(s) {
			list = append(list, s)
		}
	}
	return list
}

// Optional is a number or a yes/no (1, 0) of a cell that may be empty.
type Optional struct {
	Known bool
	Value int64
}

// Known is a cell with a value.
func Known(v int64) Optional { return Optional{true, v} }

// Yes says whether the cell holds a yes.
func (o Optional) Yes() bool { return o.Known && o.Value != 0 }

// RegistryRow is what tiering reads of a household's 登记注册 row; a zero date is an empty cell.
type RegistryRow struct {
	Founded       calendar.Date
	Registered    bool // IsRegistered(登记状态)
	Seasonal      Optional
	SuspendedFrom calendar.Date
	SuspendedTo   calendar.Date
}

// AnnualReportRow is the 年度报告 row of Assembly.DataYear.
type AnnualReportRow struct {
	FiledOn calendar.Date
	Revenue Optional // 分
}

// CreditRow is one 信用监管 row.
type CreditRow struct {
	Kind      CreditKind
	ListedOn  calendar.Date
	RemovedOn calendar.Date
}

// TaxRow is the 税务 row of Assembly.DataYear.
type TaxRow struct {
	Registered Optional
	Abnormal   Optional
	General    Optional // IsGeneralTaxpayer(纳税人类型)
	Paid       Optional // 分
}

// IPRow is one 知识产权 row.
type IPRow struct {
	Trademark  bool // IsTrademark(类型); else a patent
	InUse      Optional
	ValidUntil calendar.Date
}

// CreditKind is a 记录类型 that tiering asks about.
type CreditKind uint8

// The kinds; penalties and 失信被执行人 bar from certification (附三(三)1), not from a tier.
const (
	CreditOther     CreditKind = iota
	CreditAbnormal             // 经营异常
	CreditDishonest            // 严重违法失信
)

// IsRegistered says whether a 登记状态 means 登记在册.
func IsRegistered(status string) bool {
	for _, s := range RegisteredStatuses {
		if s == status {
			return true
		}
	}
	return false
}

// CreditKindOf reads a 记录类型.
func CreditKindOf(kind string) CreditKind {
	switch kind {
	case "经营异常":
		return CreditAbnormal
	case "严重违法失信":
		return CreditDishonest
	}
	return CreditOther
}

// IsGeneralTaxpayer reads a 纳税人类型; empty is not known.
func IsGeneralTaxpayer(payer string) Optional {
	switch payer {
	case "":
		return Optional{}
	case "一般纳税人":
		return Known(1)
	}
	return Known(0)
}

// IsTrademark reads a 类型 of ip.
func IsTrademark(kind string) bool { return kind == "商标" }

// Assembly makes the facts of the households of one cycle. It is a value without state: safe for concurrent use.
type Assembly struct {
	year int
	asOf calendar.Date
	base Facts
}

// NewAssembly is for the cycle of a year, judged on asOf, for which these sources were delivered.
func NewAssembly(year int, asOf calendar.Date, delivered Sources) Assembly {
	a := Assembly{year: year, asOf: asOf}
	if delivered.Has(SourceCredit) {
		a.base.SetBool(FactAbnormal, false)
		a.base.SetBool(FactDishonest, false)
	}
	if delivered.Has(SourceIP) {
		a.base.SetBool(FactTrademark, false)
		a.base.SetBool(FactPatent, false)
	}
	return a
}

// Year is the cycle's year.
func (a Assembly) Year() int { return a.year }

// AsOf is the tiering date.
func (a Assembly) AsOf() calendar.Date { return a.asOf }

// DataYear is 上一年度, the year of the reports, tax and insurance rows that count.
func (a Assembly) DataYear() int { return a.year - 1 }

// Start gives what is known of a household before any row of it is read.
func (a Assembly) Start() Facts { return a.base }

// Registry adds the household's 登记注册 row.
func (a Assembly) Registry(f *Facts, r *RegistryRow) {
	f.SetBool(FactRegistered, r.Registered)
	f.SetNumber(FactFounded, int64(r.Founded))
	setBool(f, FactSeasonal, r.Seasonal)
	setBool(f, FactSuspended, suspended(r.SuspendedFrom, r.SuspendedTo, a.asOf))
}

// suspended says whether a 歇业 from..to holds on a day, both ends counted. Without an end it lasts 3 years
// (《市场主体登记管理条例》第三十条); with an end but no beginning it is not known until the end has passed.
func suspended(from, to, on calendar.Date) Optional {
	switch {
	case from == 0 && to == 0:
		return Known(0)
	case from == 0 && on <= to:
		return Optional{}
	case from == 0:
		return Known(0)
	case to == 0:
		to = from.AddYears(3)
	}
	if from <= on && on <= to {
		return Known(1)
	}
	return Known(0)
}

// AnnualReport adds the household's 年度报告 of the data year: a row without 报送日期 was not submitted.
func (a Assembly) AnnualReport(f *Facts, r *AnnualReportRow) {
	f.SetBool(FactReportFiled, r.FiledOn != 0)
	setNumber(f, FactRevenue, r.Revenue)
}

// Credit adds one 信用监管 row: a listing is open from 列入日期 until the day before 移出日期.
func (a Assembly) Credit(f *Facts, r *CreditRow) {
	if r.ListedOn > a.asOf || r.RemovedOn != 0 && r.RemovedOn <= a.asOf {
		return
	}
	switch r.Kind {
	case CreditAbnormal:
		f.SetBool(FactAbnormal, true)
	case CreditDishonest:
		f.SetBool(FactDishonest, true)
	}
}

// Tax adds the household's 税务 row of the data year.
func (a Assembly) Tax(f *Facts, r *TaxRow) {
	setBool(f, FactTaxRegistered, r.Registered)
	setBool(f, FactTaxAbnormal, r.Abnormal)
	setBool(f, FactGeneralTaxpayer, r.General)
	setNumber(f, FactTaxPaid, r.Paid)
}

// SocialSecurity adds the 单位参保人数 of the data year.
func (a Assembly) SocialSecurity(f *Facts, insured int64) { f.SetNumber(FactInsured, insured) }

// IP adds one 知识产权 row, in any order: it counts up to and on 有效期至, without one for ever. A valid
// trademark of which it is not said whether it is used leaves the fact not known, unless another one is.
func (a Assembly) IP(f *Facts, r *IPRow) {
	switch {
	case r.ValidUntil != 0 && r.ValidUntil < a.asOf:
	case !r.Trademark:
		f.SetBool(FactPatent, true)
	case r.InUse.Yes():
		f.SetBool(FactTrademark, true)
	case !r.InUse.Known && !f.Bool(FactTrademark):
		f.Known &^= 1 << FactTrademark
	}
}

func setBool(f *Facts, fact Fact, v Optional) {
	if v.Known {
		f.SetBool(fact, v.Value != 0)
	}
}

func setNumber(f *Facts, fact Fact, v Optional) {
	if v.Known {
		f.SetNumber(fact, v.Value)
	}
}
