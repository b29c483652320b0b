package models

import "bangfu/models/calendar"

// Standing is what the newest data say of a certified household's base standards (附一(三)1, 附三(三)1).
type Standing struct {
	Cycle    string            `json:"cycle,omitempty" doc:"数据所属年度工作，空为没有该户的登记数据"`
	On       calendar.Date     `json:"on" doc:"核对日期"`
	Findings []StandingFinding `json:"findings" doc:"逐项核对结果"`
	DataMark string            `json:"data_mark,omitempty" doc:"所依据的数据版本"`
}

// StandingSources are the sources that the standing of a certified household rests on, its evaluation included. A delivery of another one changes
// nothing about it until a tiering has read it, whose publication is looked at too.
var StandingSources = []Source{SourceRegistry, SourceAnnualReport, SourceCredit, SourceTax, SourceSocialSecurity, SourceCityTiering, SourceHonours}

// FactsOn gives the facts of the base standard as they are on a day: what has a validity is judged on it and not on the tiering date. What is of a
// year (报送, 税务, 参保) stays as it is.
func (c *Candidate) FactsOn(on calendar.Date) Facts {
	a := NewAssembly(c.Year, on, c.Delivered)
	f := c.Facts
	dated := uint32(1<<FactAbnormal | 1<<FactDishonest | 1<<FactSuspended | 1<<FactTrademark | 1<<FactPatent)
	start := a.Start()
	f.Known = f.Known&^dated | start.Known
	f.Bools &^= dated
	setBool(&f, FactSuspended, suspended(c.Suspended.From, c.Suspended.Until, on))
	for _, l := range c.Abnormal {
		a.Credit(&f, &CreditRow{CreditAbnormal, l.From, l.RemovedOn})
	}
	for _, l := range c.Dishonest {
		a.Credit(&f, &CreditRow{CreditDishonest, l.From, l.RemovedOn})
	}
	for _, p := range c.Properties {
		a.IP(&f, &IPRow{p.Trademark, p.InUse, p.ValidUntil})
	}
	return f
}

// RecheckCounts is what a re-check of certified households found.
type RecheckCounts struct {
	Opened      int // cases opened, or grounds added to one
	Closed      int // cases whose grounds are gone
	Ended       int // 注销, 吊销, 撤销
	Operators   int // 变更经营者
	Evaluations int // computed anew
}

// Add adds what another page found.
func (c *RecheckCounts) Add(o RecheckCounts) {
	c.Opened += o.Opened
	c.Closed += o.Closed
	c.Ended += o.Ended
	c.Operators += o.Operators
	c.Evaluations += o.Evaluations
}

// Changed says whether anything was found.
func (c RecheckCounts) Changed() bool { return c != RecheckCounts{} }

// RecheckPage is what became of a page of certified households.
type RecheckPage struct {
	Last    int64 // the certification after which the next page begins
	Done    bool  // this was the last page
	Checked int
	RecheckCounts
	Refused []string        // numbers of those that could not be checked
	Moved   []Certification // whose processes are to be told
}
