package models

import "bangfu/models/calendar"

// Standing is what the newest data say of a certified household's base standards (附一(三)1, 附三(三)1).
type Standing struct {
	CertificationID int64             `json:"-"`
	Cycle           string            `json:"cycle,omitempty" doc:"数据所属年度工作，空为没有该户的登记数据"`
	On              calendar.Date     `json:"on" doc:"核对日期"`
	Findings        []StandingFinding `json:"findings" doc:"逐项核对结果"`
	DataMark        string            `json:"data_mark,omitempty" doc:"所依据的数据版本"`
}

// StandingSources are the sources that the standing of a certified household rests on, its evaluation included: a delivery of another one
// changes nothing about it.
func StandingSources() []Source {
	return append(FactSources(), SourceCityTiering, SourceHonours)
}

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
