package policy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
)

// groundCase is one household against one ground.
type groundCase struct {
	name     string
	change   func(c *models.Candidate)
	outcome  models.Outcome
	decisive bool
	value    string // part of it
}

func checkGround(t *testing.T, category models.Category, letter string, cases []groundCase) {
	t.Helper()
	p := workPlan(t)
	for _, c := range cases {
		got := p.CheckGround(category, letter, candidate(c.change), models.Application{Origin: own}, applied)
		require.Equal(t, c.outcome, got.Outcome, c.name)
		require.Equal(t, c.decisive, got.Decisive, c.name)
		require.Contains(t, got.Value, c.value, c.name)
		require.NotEmpty(t, got.Source, c.name)
	}
}

func without(sources ...models.Source) func(c *models.Candidate) {
	return func(c *models.Candidate) {
		for _, s := range sources {
			c.Delivered &^= 1 << s
		}
	}
}

func TestClauseQualityAHonestForMoreThanTwentyYears(t *testing.T) { // 附三(三)2(3)A
	founded := func(date string, more func(c *models.Candidate)) func(c *models.Candidate) {
		return func(c *models.Candidate) {
			c.Founded = day(date)
			if more != nil {
				more(c)
			}
		}
	}
	checkGround(t, models.Quality, "A", []groundCase{
		{"the day before twenty years", founded("2006-08-21", nil), models.OutcomeNotMet, true, "满19年"},
		{"exactly twenty years are not more", founded("2006-08-20", nil), models.OutcomeNotMet, true, "满20年"},
		{"the day after", founded("2006-08-19", nil), models.OutcomeMet, true, "2006年8月19日成立，至2026年8月20日满20年"},
		{"abnormal", founded("2000-01-01", func(c *models.Candidate) {
			c.Abnormal = []models.Listing{{From: day("2026-08-20")}}
		}), models.OutcomeNotMet, true, "经营异常，2026年8月20日列入，尚未移出"},
		{"dishonest", founded("2000-01-01", func(c *models.Candidate) {
			c.Dishonest = []models.Listing{{From: day("2026-01-01"), RemovedOn: day("2026-08-21")}}
		}), models.OutcomeNotMet, true, "严重违法失信"},
		{"removed on the day", founded("2000-01-01", func(c *models.Candidate) {
			c.Abnormal = []models.Listing{{From: day("2026-01-01"), RemovedOn: day("2026-08-20")}}
		}), models.OutcomeMet, true, ""},
		{"old enough, honesty not known", founded("2000-01-01", without(models.SourceCredit)), models.OutcomeNotKnown, false, "信用监管数据尚未交付"},
		{"too young, whatever else is not known", founded("2020-01-01", without(models.SourceCredit)), models.OutcomeNotMet, true, "满6年"},
	})
}

func TestClauseRenownedCATrademarkIsNeededAndItsFameIsJudged(t *testing.T) { // 附三(三)2(1)C
	mark := func(list ...models.Property) func(c *models.Candidate) {
		return func(c *models.Candidate) { c.Properties = list }
	}
	checkGround(t, models.Renowned, "C", []groundCase{
		{"none", nil, models.OutcomeNotMet, true, "没有有效商标"},
		{"a patent is none", mark(models.Property{}), models.OutcomeNotMet, true, ""},
		{"one", mark(models.Property{Trademark: true, InUse: models.Known(1)}), models.OutcomeMet, false, "有效商标1件，其中注明实际使用1件"},
		{"last day", mark(models.Property{Trademark: true, ValidUntil: day("2026-08-20")}), models.OutcomeMet, false, "其中注明实际使用0件"},
		{"expired yesterday", mark(models.Property{Trademark: true, ValidUntil: day("2026-08-19")}), models.OutcomeNotMet, true, ""},
		{"not delivered", without(models.SourceIP), models.OutcomeNotKnown, false, "尚未交付"},
	})
}

func TestClauseRenownedDPartyHonourInThreeYears(t *testing.T) { // 附三(三)2(1)D
	honour := func(on, level string, party models.Optional) func(c *models.Candidate) {
		return func(c *models.Candidate) {
			c.Honours = append(c.Honours, models.Honour{Title: "先锋", On: day(on), Level: level, Party: party})
		}
	}
	yes, no := models.Known(1), models.Known(0)
	checkGround(t, models.Renowned, "D", []groundCase{
		{"none", nil, models.OutcomeNotMet, true, "近3年没有党建表彰奖励"},
		{"exactly three years ago", honour("2023-08-20", "区级", yes), models.OutcomeMet, true, "2023年8月20日“先锋”（区级，党建）"},
		{"the day before", honour("2023-08-19", "区级", yes), models.OutcomeNotMet, true, ""},
		{"the day itself", honour("2026-08-20", "国家级", yes), models.OutcomeMet, true, ""},
		{"not yet", honour("2026-08-21", "市级", yes), models.OutcomeNotMet, true, ""},
		{"not of the party", honour("2025-05-01", "市级", no), models.OutcomeNotMet, true, ""},
		{"not stated", honour("2025-05-01", "市级", models.Optional{}), models.OutcomeNotKnown, false, "未注明是否党建"},
		{"not delivered", without(models.SourceHonours), models.OutcomeNotKnown, false, "尚未交付"},
	})
}

func TestClauseEmergingBPatentsAndTrademarksSpeakForButNotAgainst(t *testing.T) { // 附三(三)2(4)B
	checkGround(t, models.Emerging, "B", []groundCase{
		{"none: a copyright is not delivered by anybody", nil, models.OutcomeNotKnown, false, "著作权"},
		{"a patent; its bearing on the business is judged", func(c *models.Candidate) { c.Properties = []models.Property{{}} }, models.OutcomeMet, false, "有效专利1件、商标0件"},
		{"a trademark", func(c *models.Candidate) { c.Properties = []models.Property{{Trademark: true}} }, models.OutcomeMet, false, "商标1件"},
		{"expired", func(c *models.Candidate) { c.Properties = []models.Property{{ValidUntil: day("2026-08-19")}} }, models.OutcomeNotKnown, false, ""},
		{"not delivered", without(models.SourceIP), models.OutcomeNotKnown, false, "尚未交付"},
	})
}

func TestClauseRecommendedIsMetByARecommendationAndNothingElse(t *testing.T) { // 附三(三)2(1)E, (2)E, (3)F, (4)D
	p := workPlan(t)
	for category, letter := range map[models.Category]string{models.Renowned: "E", models.Distinctive: "E", models.Quality: "F", models.Emerging: "D"} {
		check := func(origin models.Origin) models.GroundCheck {
			return p.CheckGround(category, letter, candidate(nil), models.Application{Origin: origin}, applied)
		}
		require.Equal(t, models.GroundCheck{Outcome: models.OutcomeMet, Value: "由部门推荐", Decisive: true}, check(invited), category)
		require.Equal(t, models.GroundCheck{Outcome: models.OutcomeNotMet, Value: "自主申报，没有部门推荐", Decisive: true}, check(own), category)
	}
}

func TestEveryOtherGroundIsJudgedOnItsEvidence(t *testing.T) { // 附三(三)2
	p := workPlan(t)
	byData := map[string]bool{"renowned.C": true, "renowned.D": true, "renowned.E": true, "distinctive.E": true, "quality.A": true, "quality.F": true,
		"emerging.B": true, "emerging.D": true}
	grounds := 0
	for _, k := range p.Criteria.Categories {
		for _, g := range k.Grounds {
			grounds++
			if byData[k.Code+"."+g.Letter] {
				continue
			}
			got := p.CheckGround(models.Category(k.Code), g.Letter, candidate(nil), models.Application{Origin: invited}, applied)
			require.Equal(t, models.GroundCheck{Outcome: models.OutcomeNotKnown, Value: "凭材料审核"}, got, g.Clause)
		}
	}
	require.Equal(t, 20, grounds, "A–E, A–E, A–F, A–D")
	require.Equal(t, models.OutcomeNotKnown, p.CheckGround(models.Emerging, "E", candidate(nil), models.Application{}, applied).Outcome, "no such ground")
}
