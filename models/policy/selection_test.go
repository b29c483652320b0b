package policy

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bangfu/models"
	"bangfu/models/calendar"
)

func TestClausePlacesAreFivePercentRoundedDownLessTheStillValid(t *testing.T) { // 附三(四)
	p := workPlan(t)
	for _, c := range []struct{ growth, development, valid, gross, places int64 }{
		{39, 0, 0, 1, 1},
		{40, 0, 0, 2, 2},
		{41, 0, 0, 2, 2},
		{20, 20, 0, 2, 2}, // both tiers together, not each
		{19, 20, 0, 1, 1},
		{0, 40, 0, 2, 2},
		{0, 0, 0, 0, 0},
		{19, 0, 0, 0, 0},
		{40, 0, 1, 2, 1},
		{40, 0, 2, 2, 0},
		{40, 0, 3, 2, 0}, // never below none
		{0, 0, 5, 0, 0},
		{6600, 390, 120, 349, 229},
	} {
		gross, places := p.PlacesFor(c.growth, c.development, c.valid)
		require.Equal(t, [2]int64{c.gross, c.places}, [2]int64{gross, places}, "%+v", c)
	}
	gross, _ := replaced(t, "value: 5%", "value: 2.5%").PlacesFor(79, 0, 0)
	require.Equal(t, int64(1), gross, "2.5 % of 79 is 1.975")
}

func TestPlacesNeverPassTheShare(t *testing.T) { // 附三(四) 控制在5%以内
	p := workPlan(t)
	rapid.Check(t, func(t *rapid.T) {
		growth, development := rapid.Int64Range(0, 1_000_000).Draw(t, "growth"), rapid.Int64Range(0, 1_000_000).Draw(t, "development")
		valid := rapid.Int64Range(0, 100_000).Draw(t, "valid")
		gross, places := p.PlacesFor(growth, development, valid)
		require.LessOrEqual(t, gross*100, 5*(growth+development), "within the share")
		require.Greater(t, (gross+1)*100, 5*(growth+development), "and not one less than it allows")
		require.GreaterOrEqual(t, places, int64(0))
		require.LessOrEqual(t, places, max(gross-valid, 0))
		more, _ := p.PlacesFor(growth+1, development, valid)
		require.GreaterOrEqual(t, more, gross)
	})
}

func TestTheScoreAddsUpWhatThePolicyCounts(t *testing.T) { // 附三(三)2
	p := workPlan(t)
	c := candidate(func(c *models.Candidate) {
		c.Tier, c.Founded = models.Development, day("2006-08-20") // 20 years: 4 points
		c.Honours = []models.Honour{{Title: "a", On: day("2023-08-20"), Level: "区级"}, {Title: "b", On: day("2024-01-01"), Level: "市级"},
			{Title: "too old", On: day("2023-08-19"), Level: "国家级"}}
	})
	got := p.Score(models.ScoreInput{Application: models.Application{Category: models.Quality, SubmittedOn: applied}, Candidate: c, Grounds: []models.GroundRef{
		{Category: models.Quality, Letter: "F"}, {Category: models.Quality, Letter: "A"}, {Category: models.Quality, Letter: "A"}, {Category: models.Renowned, Letter: "A"}}})
	require.Equal(t, models.Score{Points: 10 + 5 + 10 + 6 + 4, Grounds: 2, Items: []models.ScoreItem{
		{Clause: "附三(三)2(3)A", Text: "优质A：在本地长期诚信经营超过20年的", Points: 10},
		{Clause: "附三(三)2(3)F", Text: "优质F：经相关部门推荐的", Points: 5},
		{Clause: "附三(三)1", Text: "本年度分型：发展型", Points: 10},
		{Clause: "附三(三)2", Text: "申报或推荐之日前获得的区级以上表彰奖励，逐项计分：区级1项、市级1项", Points: 6},
		{Clause: "附三(三)2", Text: "成立每满一定年限计分：成立满20年", Points: 4},
	}}, got, "a ground counts once, and only those of its category")
}

func TestHonoursAndYearsCountUpToTheirMost(t *testing.T) {
	p := workPlan(t)
	c := candidate(func(c *models.Candidate) {
		c.Founded = day("1980-01-01")
		for i := range 5 {
			c.Honours = append(c.Honours, models.Honour{Title: fmt.Sprint(i), On: day("2025-01-01"), Level: "国家级"})
		}
	})
	got := p.Score(models.ScoreInput{Application: models.Application{Category: models.Quality, SubmittedOn: applied}, Candidate: c})
	require.Equal(t, 5+12+6, got.Points)
	require.Contains(t, got.Items[1].Text, "国家级5项（最高12分）")
	young := candidate(func(c *models.Candidate) { c.Founded, c.Tier = day("2021-08-21"), models.Survival })
	require.Equal(t, models.Score{}, p.Score(models.ScoreInput{Application: models.Application{SubmittedOn: applied}, Candidate: young}), "five years only tomorrow")
	young.Founded = day("2021-08-20")
	require.Equal(t, 1, p.Score(models.ScoreInput{Application: models.Application{SubmittedOn: applied}, Candidate: young}).Points, "five years today")
}

func TestTheScoreIsTheSumOfItsItems(t *testing.T) {
	p := workPlan(t)
	rapid.Check(t, func(t *rapid.T) {
		in := models.ScoreInput{Application: models.Application{Category: rapid.SampledFrom(models.Categories).Draw(t, "category"), SubmittedOn: applied},
			Candidate: candidate(func(c *models.Candidate) {
				c.Tier = rapid.SampledFrom(models.Tiers).Draw(t, "tier")
				c.Founded = applied.AddDays(-rapid.IntRange(0, 20_000).Draw(t, "age"))
				for range rapid.IntRange(0, 6).Draw(t, "honours") {
					c.Honours = append(c.Honours, models.Honour{On: applied.AddDays(-rapid.IntRange(0, 1500).Draw(t, "on")), Level: rapid.SampledFrom(honourLevels).Draw(t, "level")})
				}
			})}
		for range rapid.IntRange(0, 8).Draw(t, "grounds") {
			in.Grounds = append(in.Grounds, models.GroundRef{Category: rapid.SampledFrom(models.Categories).Draw(t, "of"), Letter: rapid.SampledFrom([]string{"A", "B", "C", "D", "E", "F"}).Draw(t, "letter")})
		}
		score, sum := p.Score(in), 0
		for _, i := range score.Items {
			sum += i.Points
			require.Positive(t, i.Points)
			require.NotEmpty(t, i.Clause)
		}
		require.Equal(t, sum, score.Points)
	})
}

func ranked(id int64, points, grounds int, tier models.Tier, founded, submitted string) models.Ranked {
	return models.Ranked{ApplicationID: id, USCC: fmt.Sprintf("92110107MA%08d", id), Score: models.Score{Points: points, Grounds: grounds}, Tier: tier,
		Founded: day(founded), SubmittedOn: day(submitted)}
}

func TestClauseComparisonTiesAreBrokenInTheOrderOfThePolicy(t *testing.T) { // 附三(三)2 相同条件下经比选认定
	list := []models.Ranked{
		ranked(7, 20, 1, models.Growth, "2010-01-01", "2026-08-21"),
		ranked(6, 20, 1, models.Growth, "2010-01-01", "2026-08-21"),
		ranked(5, 20, 1, models.Growth, "2010-01-01", "2026-08-20"),
		ranked(4, 20, 1, models.Growth, "2009-12-31", "2026-09-01"),
		ranked(3, 20, 1, models.Development, "2020-01-01", "2026-09-02"),
		ranked(2, 20, 2, models.Growth, "2020-01-01", "2026-09-03"),
		ranked(1, 21, 1, models.Growth, "2020-01-01", "2026-09-04"),
	}
	p := workPlan(t)
	p.Rank(list)
	var order []int64
	for i, r := range list {
		order = append(order, r.ApplicationID)
		require.Equal(t, i+1, r.Place)
	}
	require.Equal(t, []int64{1, 2, 3, 4, 5, 6, 7}, order)
	require.Empty(t, list[0].Tie, "nobody has the same")
	require.Equal(t, "与第3名同为20分，按符合的标准较多者优先列前（2条，1条）", list[1].Tie)
	require.Equal(t, "与第2名同为20分，按符合的标准较多者优先列后（2条，1条）；与第4名同为20分，按分型较高者优先列前（发展型，成长型）", list[2].Tie)
	require.Contains(t, list[3].Tie, "成立较早者优先列前（2009-12-31，2010-01-01）")
	require.Contains(t, list[4].Tie, "申报或推荐较早者优先列前（2026-08-20，2026-08-21）")
	require.Contains(t, list[5].Tie, "统一社会信用代码较小者优先列前")
	require.Equal(t, "与第6名同为20分，按统一社会信用代码较小者优先列后", list[6].Tie)

	other := replaced(t, "ties: [grounds, tier, founded, submitted, uscc]", "ties: [submitted, uscc]")
	other.Rank(list)
	require.Equal(t, []int64{1, 5, 6, 7, 4, 3, 2}, []int64{list[0].ApplicationID, list[1].ApplicationID, list[2].ApplicationID, list[3].ApplicationID,
		list[4].ApplicationID, list[5].ApplicationID, list[6].ApplicationID}, "the order of the ties is data")
	p.Rank(nil)
}

func TestTheRankingIsATotalOrderThatDoesNotDependOnTheOrderBefore(t *testing.T) {
	p := workPlan(t)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 30).Draw(t, "n")
		list := make([]models.Ranked, n)
		for i := range list { // few values, so that ties are many
			list[i] = ranked(int64(i+1), rapid.IntRange(0, 2).Draw(t, "points"), rapid.IntRange(0, 1).Draw(t, "grounds"),
				rapid.SampledFrom([]models.Tier{models.Survival, models.Growth, models.Development}).Draw(t, "tier"), "2010-01-01", "2026-08-20")
			list[i].Founded += calendar.Date(rapid.IntRange(0, 1).Draw(t, "founded"))
			list[i].SubmittedOn += calendar.Date(rapid.IntRange(0, 1).Draw(t, "submitted"))
		}
		shuffled := slices.Clone(list)
		rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed"))).Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		p.Rank(list)
		p.Rank(shuffled)
		require.Equal(t, list, shuffled, "the same whatever the order before")
		for i := range list {
			require.Equal(t, i+1, list[i].Place)
			for j := range list[:i] { // everybody before is before: total, transitive
				_, order := p.compare(&list[j], &list[i])
				require.Negative(t, order)
				_, back := p.compare(&list[i], &list[j])
				require.Positive(t, back, "antisymmetric")
			}
			alone := (i == 0 || list[i-1].Score.Points != list[i].Score.Points) && (i == n-1 || list[i+1].Score.Points != list[i].Score.Points)
			require.Equal(t, alone, list[i].Tie == "", "whoever has an equal is told what decided")
		}
	})
}
