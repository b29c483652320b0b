package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bangfu/models"
)

// Selection is the comparison (比选, 附三(三)2): how many points what is worth, and what decides among equals.
type Selection struct {
	Clause, Text string
	Placeholder  bool // the points are not in the work plan: to be confirmed by the district (待确认)
	Ground       int  // points of a ground for which the file says none
	Tier         TierPoints
	Honours      HonourPoints
	Years        YearPoints
	Ties         []Tie // the last is TieUSCC, so that no two are equal
}

// TierPoints is what a tier is worth.
type TierPoints struct {
	Clause, Text string
	Points       map[models.Tier]int
}

// HonourPoints is what each honour of a level is worth, up to Most together.
type HonourPoints struct {
	Clause, Text string
	Parameter    *Parameter // how many years back
	Points       map[string]int
	Most         int
}

// YearPoints is what Every full years since the foundation are worth, up to Most together.
type YearPoints struct {
	Clause, Text        string
	Every, Points, Most int
}

// Tie is something that decides among equal scores.
type Tie string

// The ties.
const (
	TieGrounds   Tie = "grounds"   // 符合的标准较多
	TieTier      Tie = "tier"      // 分型较高
	TieFounded   Tie = "founded"   // 成立较早
	TieSubmitted Tie = "submitted" // 申报或推荐较早
	TieUSCC      Tie = "uscc"      // 统一社会信用代码较小
)

// ties are what can decide among equals: its words, and who comes first (negative: a).
var ties = map[Tie]struct {
	words   string
	compare func(a, b *models.Ranked) int
	value   func(r *models.Ranked) string
}{
	TieGrounds: {"符合的标准较多", func(a, b *models.Ranked) int { return b.Score.Grounds - a.Score.Grounds },
		func(r *models.Ranked) string { return strconv.Itoa(r.Score.Grounds) + "条" }},
	TieTier: {"分型较高", func(a, b *models.Ranked) int { return int(b.Tier) - int(a.Tier) },
		func(r *models.Ranked) string { return r.Tier.String() }},
	TieFounded: {"成立较早", func(a, b *models.Ranked) int { return cmp.Compare(a.Founded, b.Founded) },
		func(r *models.Ranked) string { return r.Founded.String() }},
	TieSubmitted: {"申报或推荐较早", func(a, b *models.Ranked) int { return cmp.Compare(a.SubmittedOn, b.SubmittedOn) },
		func(r *models.Ranked) string { return r.SubmittedOn.String() }},
	TieUSCC: {"统一社会信用代码较小", func(a, b *models.Ranked) int { return strings.Compare(a.USCC, b.USCC) },
		func(*models.Ranked) string { return "" }}, // an applicant reads this, and who else applied is not for them to know
}

// Score adds up what the comparison counts, on the day of the application: the grounds found met of the category in
// which the household is to be certified (a household is certified in one only: 附三(四)), its tier, its honours, its years.
// The items add up to the points.
func (p *Policy) Score(in models.ScoreInput) models.Score {
	var score models.Score
	add := func(clause, text string, points int) {
		score.Items = append(score.Items, models.ScoreItem{Clause: clause, Text: text, Points: points})
		score.Points += points
	}
	for _, k := range p.Criteria.Categories {
		for _, g := range k.Grounds {
			if k.Code == string(in.Application.Category) && slices.Contains(in.Grounds, models.GroundRef{Category: in.Application.Category, Letter: g.Letter}) {
				score.Grounds++
				add(g.Clause, k.Name+g.Letter+"："+g.Text, g.Points)
			}
		}
	}
	c, s := in.Candidate, &p.Selection
	if points := s.Tier.Points[c.Tier]; points > 0 {
		add(s.Tier.Clause, s.Tier.Text+"："+c.Tier.String(), points)
	}
	if points, words := s.Honours.count(in); points > 0 {
		add(s.Honours.Clause, s.Honours.Text+"："+words, points)
	}
	if years := fullYears(c.Founded, in.Application.SubmittedOn); c.Founded != 0 && years >= s.Years.Every {
		points := min(years/s.Years.Every*s.Years.Points, s.Years.Most)
		add(s.Years.Clause, fmt.Sprintf("%s：成立满%d年%s", s.Years.Text, years, mostWords(points, s.Years.Most)), points)
	}
	return score
}

func (h *HonourPoints) count(in models.ScoreInput) (points int, words string) {
	levels := map[string]int{}
	for _, honour := range in.Candidate.Honours {
		if within(honour.On, in.Application.SubmittedOn, h.Parameter) {
			levels[honour.Level]++
			points += h.Points[honour.Level]
		}
	}
	var list []string
	for _, level := range honourLevels {
		if levels[level] > 0 {
			list = append(list, fmt.Sprintf("%s%d项", level, levels[level]))
		}
	}
	points = min(points, h.Most)
	return points, strings.Join(list, "、") + mostWords(points, h.Most)
}

func mostWords(points, most int) string {
	if points < most {
		return ""
	}
	return fmt.Sprintf("（最高%d分）", most)
}

// Rank sorts by points, the most first, and equal points by the policy's ties; the order is the same whatever it was before.
// It fills Place and Tie, which says of everybody with equals what put them before or behind their neighbour.
func (p *Policy) Rank(list []models.Ranked) {
	slices.SortFunc(list, func(a, b models.Ranked) int {
		_, order := p.compare(&a, &b)
		return order
	})
	for i := range list {
		list[i].Place, list[i].Tie = i+1, ""
	}
	for i := 0; i+1 < len(list); i++ {
		a, b := &list[i], &list[i+1]
		tie, _ := p.compare(a, b)
		if tie == "" {
			continue
		}
		rule := ties[tie]
		words := func(neighbour *models.Ranked, way string) string {
			values := ""
			if rule.value(a) != "" {
				values = fmt.Sprintf("（%s，%s）", rule.value(a), rule.value(b))
			}
			return fmt.Sprintf("与第%d名同为%d分，按%s者优先%s%s", neighbour.Place, a.Score.Points, rule.words, way, values)
		}
		if a.Tie != "" {
			a.Tie += "；"
		}
		a.Tie += words(b, "列前")
		b.Tie = words(a, "列后")
	}
}

// compare says who comes first (negative: a) and, among equal points, which tie decides.
func (p *Policy) compare(a, b *models.Ranked) (Tie, int) {
	if a.Score.Points != b.Score.Points {
		return "", b.Score.Points - a.Score.Points
	}
	for _, t := range p.Selection.Ties {
		if order := ties[t].compare(a, b); order != 0 {
			return t, order
		}
	}
	return "", cmp.Compare(a.ApplicationID, b.ApplicationID) // one household twice: never in one cycle
}

// PlacesFor computes the places of a year (附三(四)): the share of the growth and development households of the year's
// tiering, rounded down (“控制在5%以内”), gross; less the certifications that are still valid, never below none.
func (p *Policy) PlacesFor(growth, development, stillValid int64) (gross, places int64) {
	var base int64
	for _, t := range p.Places.Tiers {
		switch t {
		case models.Growth:
			base += growth
		case models.Development:
			base += development
		}
	}
	gross = max(0, base) * p.Places.Share.Value.Amount / 10_000 // hundredths of a percent
	return gross, max(0, gross-stillValid)
}
