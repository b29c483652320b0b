package models

import "bangfu/models/calendar"

// Fact names one thing that departments' data say of a household; policy conditions speak of facts by Key.
type Fact uint8

// The facts that tiering conditions may use (附一(三)). Revenue, tax and staff are those of the year before
// the cycle's year (上一年度); what has a validity is judged on the cycle's tiering date (asOf).
const (
	FactRegistered      Fact = iota // 登记在册
	FactFounded                     // 成立日期
	FactReportFiled                 // 上一年度已报送年度报告
	FactAbnormal                    // 经营异常，尚未移出
	FactDishonest                   // 严重违法失信，尚未修复
	FactTaxAbnormal                 // 税务非正常户
	FactSuspended                   // 歇业期内
	FactSeasonal                    // 季节性经营
	FactTaxRegistered               // 已做税务登记
	FactGeneralTaxpayer             // 一般纳税人
	FactRevenue                     // 营业收入, 分
	FactTaxPaid                     // 实缴税额, 分
	FactInsured                     // 单位参保人数
	FactTrademark                   // 在用有效商标
	FactPatent                      // 有效专利
	FactCount
)

// FactKind is the type of a fact's value.
type FactKind uint8

// The kinds.
const (
	KindBool FactKind = iota
	KindNumber
	KindMoney // 分
	KindDate
)

// FactInfo describes a fact to policy files and to people.
type FactInfo struct {
	Key    string // name in policy files
	Name   string // Chinese name
	Kind   FactKind
	Source Source // the delivery that it comes from
}

var factInfo = [FactCount]FactInfo{
	FactRegistered:      {"registered", "登记在册", KindBool, SourceRegistry},
	FactFounded:         {"founded", "成立日期", KindDate, SourceRegistry},
	FactReportFiled:     {"report_filed", "已报送年度报告", KindBool, SourceAnnualReport},
	FactAbnormal:        {"abnormal", "列入经营异常", KindBool, SourceCredit},
	FactDishonest:       {"dishonest", "列入严重违法失信名单", KindBool, SourceCredit},
	FactTaxAbnormal:     {"tax_abnormal", "税务非正常户", KindBool, SourceTax},
	FactSuspended:       {"suspended", "歇业期内", KindBool, SourceRegistry},
	FactSeasonal:        {"seasonal", "季节性经营", KindBool, SourceRegistry},
	FactTaxRegistered:   {"tax_registered", "已做税务登记", KindBool, SourceTax},
	FactGeneralTaxpayer: {"general_taxpayer", "一般纳税人", KindBool, SourceTax},
	FactRevenue:         {"revenue", "营业收入", KindMoney, SourceAnnualReport},
	FactTaxPaid:         {"tax_paid", "实缴税额", KindMoney, SourceTax},
	FactInsured:         {"insured", "单位参保人数", KindNumber, SourceSocialSecurity},
	FactTrademark:       {"trademark", "在用有效商标", KindBool, SourceIP},
	FactPatent:          {"patent", "有效专利", KindBool, SourceIP},
}

// Info describes the fact.
func (f Fact) Info() FactInfo { return factInfo[f] }

// FactByKey finds a fact by its name in policy files.
func FactByKey(key string) (Fact, bool) {
	for f := range FactCount {
		if factInfo[f].Key == key {
			return f, true
		}
	}
	return 0, false
}

// Facts is what all sources together say of one household for one cycle, the input of tiering. A fact counts
// only where its bit in Known is set: an absent row or an empty cell is "not known", never "no" (contract).
type Facts struct {
	Known   uint32 // bit f set: fact f is known
	Bools   uint32 // bit f: the value of a KindBool fact
	Founded calendar.Date
	Revenue int64 // 分
	TaxPaid int64 // 分
	Insured int32
}

// SetBool records a yes/no fact.
func (f *Facts) SetBool(fact Fact, v bool) {
	f.Known |= 1 << fact
	if v {
		f.Bools |= 1 << fact
	} else {
		f.Bools &^= 1 << fact
	}
}

// SetNumber records a number (persons), money (分) or date (days) fact.
func (f *Facts) SetNumber(fact Fact, v int64) {
	f.Known |= 1 << fact
	switch fact {
	case FactFounded:
		f.Founded = calendar.Date(v)
	case FactRevenue:
		f.Revenue = v
	case FactTaxPaid:
		f.TaxPaid = v
	case FactInsured:
		f.Insured = int32(v)
	}
}

// Number reads back what SetNumber recorded.
func (f *Facts) Number(fact Fact) int64 {
	switch fact {
	case FactFounded:
		return int64(f.Founded)
	case FactRevenue:
		return f.Revenue
	case FactTaxPaid:
		return f.TaxPaid
	case FactInsured:
		return int64(f.Insured)
	}
	return 0
}

// Has says whether the fact is known.
func (f *Facts) Has(fact Fact) bool { return f.Known&(1<<fact) != 0 }

// Bool gives a yes/no fact's value; false when not known.
func (f *Facts) Bool(fact Fact) bool { return f.Known&f.Bools&(1<<fact) != 0 }
