package api

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
)

// Standards are the standards and measures of a district's year as the public sees them (二(一)1, 附一(二)2).
type Standards struct {
	District     string              `json:"district"`
	DistrictName string              `json:"district_name,omitempty"`
	Year         int                 `json:"year"`
	Title        string              `json:"title"`
	Document     string              `json:"document" doc:"依据文件"`
	Version      int                 `json:"version" doc:"政策版本"`
	Hash         string              `json:"hash" doc:"政策文件的 SHA-256"`
	PublishedAt  string              `json:"published_at" doc:"公布时间"`
	PublishedOn  calendar.Date       `json:"published_on" doc:"公布日期"`
	ValidFrom    calendar.Date       `json:"valid_from"`
	ValidUntil   calendar.Date       `json:"valid_until"`
	Confirm      string              `json:"confirm,omitempty" doc:"尚待确认的内容"`
	Parameters   []StandardParameter `json:"parameters" doc:"当年认定标准中的数额与期限"`
	Base         StandardBase        `json:"base" doc:"分型的基础标准"`
	Tiers        []StandardTier      `json:"tiers" doc:"分型的具体标准，自上而下，先符合的为准"`
	Categories   StandardCategories  `json:"categories" doc:"“名特优新”分类标准"`
	Places       StandardText        `json:"places" doc:"数量"`
	Validity     StandardValidity    `json:"validity" doc:"有效期和评估"`
	Measures     []StandardMeasure   `json:"measures" doc:"帮扶与培育措施"`
	Duties       []StandardDuty      `json:"duties" doc:"部门年度职责"`
}

// StandardText is a text of the plan with its clause.
type StandardText struct {
	Clause string `json:"clause" doc:"依据条款"`
	Text   string `json:"text" doc:"条文"`
}

// StandardParameter is an amount or a term of the year.
type StandardParameter struct {
	Key         string `json:"key"`
	Name        string `json:"name"`
	Clause      string `json:"clause" doc:"依据条款"`
	Text        string `json:"text" doc:"条文"`
	Value       string `json:"value" doc:"数值，如 20 万元"`
	Amount      string `json:"amount" doc:"数值；金额以元计"`
	Unit        string `json:"unit" doc:"单位；金额为元"`
	Placeholder bool   `json:"placeholder" doc:"占位值，待区里确认"`
}

// StandardCondition is a condition with what it means this year.
type StandardCondition struct {
	Clause string `json:"clause" doc:"依据条款"`
	Name   string `json:"name"`
	Text   string `json:"text" doc:"条文"`
	Rule   string `json:"rule" doc:"本年度如何判断"`
}

// StandardBase is 附一(三)1.
type StandardBase struct {
	StandardText
	Require []StandardCondition `json:"require" doc:"应当具备"`
	Exclude []StandardCondition `json:"exclude" doc:"不属于以下情形"`
}

// StandardTier is one of 附一(三)2.
type StandardTier struct {
	StandardText
	Tier models.Tier         `json:"tier"`
	All  []StandardCondition `json:"all,omitempty" doc:"须全部满足"`
	Any  []StandardCondition `json:"any,omitempty" doc:"满足其一"`
}

// StandardGround is a lettered criterion.
type StandardGround struct {
	Letter string `json:"letter"`
	Text   string `json:"text" doc:"条文"`
	Check  string `json:"check" doc:"如何核对"`
}

// StandardBar is one of 不得申报或者推荐的情形.
type StandardBar struct {
	StandardText
	Rule string `json:"rule,omitempty" doc:"本年度如何判断"`
}

// StandardComparison is the 比选 of 附三(三)2.
type StandardComparison struct {
	StandardText
	Rules []StandardRule `json:"rules" doc:"分值与同分时的次序"`
}

// StandardRule is one line of how candidates are compared.
type StandardRule struct {
	Clause string `json:"clause" doc:"依据条款"`
	Name   string `json:"name"`
	Value  string `json:"value"`
}

// StandardCategory is one of 附三(三)2.
type StandardCategory struct {
	StandardText
	Category string           `json:"category" enum:"renowned,distinctive,quality,emerging"`
	Name     string           `json:"name" doc:"知名、特色、优质、新兴"`
	Grounds  []StandardGround `json:"grounds"`
}

// StandardCategories is 附三(三).
type StandardCategories struct {
	StandardText
	Relaxed    string             `json:"relaxed" doc:"放宽分类来源"`
	Bars       []StandardBar      `json:"bars" doc:"不得申报或者推荐的情形"`
	Categories []StandardCategory `json:"categories"`
	Comparison StandardComparison `json:"comparison" doc:"比选"`
}

// StandardValidity is 附三(五).
type StandardValidity struct {
	StandardText
	Extension string           `json:"extension" doc:"评估与延长"`
	Grounds   []StandardGround `json:"grounds" doc:"延长的情形"`
	After     StandardText     `json:"after" doc:"认定以后"`
	Rules     []StandardRule   `json:"rules" doc:"认定以后的信息报告、动态管理、期满评估如何办理"`
}

// StandardMeasure is one of 附二 or 附四.
type StandardMeasure struct {
	For    string                `json:"for" doc:"适用的分型或分类"`
	Clause string                `json:"clause" doc:"依据条款"`
	Name   string                `json:"name"`
	Parts  []StandardMeasurePart `json:"parts"`
}

// StandardMeasurePart is a sentence of a measure.
type StandardMeasurePart struct {
	Text        string          `json:"text"`
	Departments []string        `json:"departments" doc:"负责部门"`
	Help        policy.HelpMode `json:"help" enum:"unasked,on_request" doc:"unasked 主动提供，on_request 经营者申请"`
	HelpName    string          `json:"help_name" doc:"是否须申请"`
	Period      string          `json:"period" doc:"办理时间"`
}

func (s *Server) registerStandards() {
	register(s, public, huma.Operation{OperationID: "public-standards", Method: http.MethodGet, Path: "/public/v1/standards",
		Summary: "已公布的分型分类标准与帮扶培育措施", Tags: []string{"公众查询"}}, s.publicStandards)
	s.handle(public, http.MethodGet, "/public/standards/:district/:year", s.standardsPage, huma.Operation{OperationID: "public-standards-page",
		Summary: "已公布的分型分类标准与帮扶培育措施（网页）", Tags: []string{"公众查询"}})
}

func (s *Server) publicStandards(ctx context.Context, _ models.User, in *struct {
	District string `query:"district" required:"true" pattern:"^[0-9]{6}$" doc:"区划代码，如 110107"`
	Year     int    `query:"year" required:"true" minimum:"2020" maximum:"2100" doc:"年度"`
}) (*struct{ Body Standards }, error) {
	v, err := s.standards(ctx, in.District, in.Year)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Standards }{v}, nil
}

func (s *Server) standards(ctx context.Context, district string, year int) (Standards, error) {
	v, err := s.Store.PublishedPolicy(ctx, district, year)
	if err != nil {
		return Standards{}, err
	}
	out := viewStandards(v)
	switch d, err := s.Store.District(ctx, district); models.CodeOf(err) {
	case models.CodeNotFound:
	default:
		if err != nil {
			return Standards{}, err
		}
		out.DistrictName = d.City + d.Name
	}
	return out, nil
}

//go:embed standards.html
var standardsFile string

var standardsTemplate = template.Must(template.New("standards").Parse(standardsFile))

func (s *Server) standardsPage(c *gin.Context) {
	year, err := strconv.Atoi(c.Param("year"))
	if err != nil {
		s.refuse(c, models.NotFound("没有这个年度"))
		return
	}
	v, err := s.standards(c.Request.Context(), c.Param("district"), year)
	if err != nil {
		s.refuse(c, err)
		return
	}
	var page bytes.Buffer
	if err := standardsTemplate.Execute(&page, v); err != nil {
		s.refuse(c, fmt.Errorf("writing the page of the standards: %w", err))
		return
	}
	// The page has its own small style sheet and nothing else: no script, nothing from elsewhere.
	c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	c.Data(http.StatusOK, "text/html; charset=utf-8", page.Bytes())
}

func viewStandards(v store.PolicyVersion) Standards {
	p := v.Policy
	out := Standards{District: v.District, Year: v.Year, Title: p.Title, Document: p.Document, Version: v.Version, Hash: v.Hash,
		PublishedAt: momentOrEmpty(v.PublishedAt), ValidFrom: p.ValidFrom, ValidUntil: p.ValidUntil, Confirm: p.Confirm,
		Base:   StandardBase{StandardText: StandardText{p.Tiering.Clause, p.Tiering.Text}},
		Places: StandardText{p.Places.Clause, p.Places.Text},
		Validity: StandardValidity{StandardText: StandardText{p.Validity.Clause, p.Validity.Text},
			Extension: p.Validity.ExtensionText, Grounds: viewGrounds(p.Validity.Grounds), After: StandardText{p.Certified.Clause, p.Certified.Text}},
		Categories: StandardCategories{StandardText: StandardText{p.Criteria.Clause, p.Criteria.Text}, Relaxed: p.Criteria.RelaxedText},
	}
	if v.PublishedAt != nil {
		out.PublishedOn = calendar.DateOf(*v.PublishedAt)
	}
	for _, q := range p.Parameters {
		out.Parameters = append(out.Parameters, viewParameter(q))
	}
	conditions := func(indexes []int) (list []StandardCondition) {
		for _, i := range indexes {
			c := p.Tiering.Conditions[i]
			list = append(list, StandardCondition{c.Clause, c.Name, c.Text, c.Rule()})
		}
		return list
	}
	out.Base.Require, out.Base.Exclude = conditions(p.Tiering.Require), conditions(p.Tiering.Exclude)
	for _, t := range p.Tiering.Standards {
		out.Tiers = append(out.Tiers, StandardTier{StandardText{t.Clause, t.Text}, t.Tier, conditions(t.All), conditions(t.Any)})
	}
	for _, b := range p.Criteria.Bars {
		out.Categories.Bars = append(out.Categories.Bars, StandardBar{StandardText{b.Clause, b.Text}, b.Rule()})
	}
	for _, k := range p.Criteria.Categories {
		out.Categories.Categories = append(out.Categories.Categories,
			StandardCategory{StandardText{k.Clause, k.Text}, k.Code, k.Name, viewGrounds(k.Grounds)})
	}
	out.Categories.Comparison.StandardText = StandardText{p.Selection.Clause, p.Selection.Text}
	for _, i := range append(p.AfterCertification(), p.ReportQuestions()...) {
		out.Validity.Rules = append(out.Validity.Rules, StandardRule{i.Clause, i.Name, i.Value})
	}
	for _, i := range p.Comparison() {
		out.Categories.Comparison.Rules = append(out.Categories.Comparison.Rules, StandardRule{i.Clause, i.Name, i.Value})
	}
	for _, m := range p.Measures {
		out.Measures = append(out.Measures, viewMeasure(m))
	}
	for _, d := range p.DepartmentDuties {
		out.Duties = append(out.Duties, viewStandardDuty(p, d))
	}
	return out
}

func viewGrounds(grounds []policy.Ground) []StandardGround {
	list := make([]StandardGround, len(grounds))
	for i, g := range grounds {
		list[i] = StandardGround{g.Letter, g.Text, g.Words()}
	}
	return list
}

func viewParameter(q policy.Parameter) StandardParameter {
	v := StandardParameter{Key: q.Key, Name: q.Name, Clause: q.Clause, Text: q.Text, Value: q.Value.String(),
		Amount: q.Value.Number(), Unit: string(q.Value.Unit), Placeholder: q.Placeholder}
	if q.Value.Unit.Money() {
		v.Amount, v.Unit = models.FormatYuan(q.Value.Amount), string(policy.UnitYuan)
	}
	return v
}
