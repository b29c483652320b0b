package policy

import (
	"testing"

	"bangfu/models"
	"bangfu/models/calendar"
)

func BenchmarkJudge(b *testing.B) {
	p, err := Load(Default("110107", 2026))
	if err != nil {
		b.Fatal(err)
	}
	j, err := p.Judge(2026, calendar.MustDate("2026-07-01"))
	if err != nil {
		b.Fatal(err)
	}
	var f models.Facts
	f.SetBool(models.FactRegistered, true)
	f.SetBool(models.FactReportFiled, true)
	f.SetBool(models.FactTaxRegistered, true)
	f.SetBool(models.FactSuspended, false)
	f.SetBool(models.FactAbnormal, false)
	f.SetNumber(models.FactFounded, int64(calendar.MustDate("2020-01-01")))
	f.SetNumber(models.FactRevenue, 30_000_000)
	b.ReportAllocs()
	for b.Loop() {
		if j.Judge(&f).Tier != models.Growth {
			b.Fatal("wrong tier")
		}
	}
}
