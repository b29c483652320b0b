// Package sampledistrict is the made-up district that comes with the program: the departments' files of 500 households for 2026, so
// that a first walk or a rehearsal needs no data of anybody.
package sampledistrict

import (
	"embed"

	"bangfu/models"
)

// Files are the departments' files, each named after its source.
//
//go:embed registry.csv annual_report.csv credit.csv tax.xlsx social_security.csv ip.xlsx city_tiering.csv honours.csv
var Files embed.FS

// Year is the year of the files.
const Year = 2026

// District is the district to which they belong.
var District = models.District{Code: "110107", Name: "石景山区", City: "北京市"}

// Departments are those that the default policy expects data from.
func Departments() []models.Department {
	list := []models.Department{
		{Code: models.BureauCode, Name: "石景山区市场监督管理局", Email: "scjg@shijingshan.example.cn"},
		{Code: "tax", Name: "石景山区税务局", Email: "tax@shijingshan.example.cn"},
		{Code: "hrss", Name: "石景山区人力资源和社会保障局", Email: "hrss@shijingshan.example.cn"},
	}
	for i := range list {
		list[i].District = District.Code
	}
	return list
}
