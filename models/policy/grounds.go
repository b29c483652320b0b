package policy

import (
	"fmt"

	"bangfu/models"
	"bangfu/models/calendar"
)

// CheckGround says what the data delivered tell of a ground on the day of the application. Decisive means that they are
// all there is to it; otherwise a reviewer judges the evidence, knowing what the data say. A ground that the policy does not have,
// and data that were not delivered, are not known.
func (p *Policy) CheckGround(category models.Category, letter string, c *models.Candidate, a models.Application, on calendar.Date) models.GroundCheck {
	g, ok := p.Ground(category, letter)
	if !ok {
		return models.GroundCheck{Outcome: models.OutcomeNotKnown, Value: "政策中没有这一条标准"}
	}
	if g.Check == CheckRecommendation {
		if a.Origin == models.OriginRecommended {
			return models.GroundCheck{Outcome: models.OutcomeMet, Value: "由部门推荐", Decisive: true}
		}
		return models.GroundCheck{Outcome: models.OutcomeNotMet, Value: "自主申报，没有部门推荐", Decisive: true}
	}
	var check models.GroundCheck
	var source models.Source
	switch g.Datum {
	case DatumHonestYears:
		check, source = g.honestYears(c, on)
	case DatumTrademark:
		check, source = trademark(c, on), models.SourceIP
	case DatumProperty:
		check, source = property(c, on), models.SourceIP
	case DatumPartyHonour:
		check, source = g.partyHonour(c, on), models.SourceHonours
	default:
		return models.GroundCheck{Outcome: models.OutcomeNotKnown, Value: "凭材料审核"}
	}
	check.Source = c.SourceText(source)
	// evidence can add to what the data show, not make up for what they rule out
	check.Decisive = check.Outcome == models.OutcomeNotMet || check.Outcome == models.OutcomeMet && g.Check == CheckData
	return check
}

// honestYears is 在本地长期诚信经营超过20年 (附三(三)2(3)A). “超过” is more than: on the day that the years are full it is
// not yet over. 诚信 is denied by a listing as 经营异常 or 严重违法失信 that holds on the day.
func (g Ground) honestYears(c *models.Candidate, on calendar.Date) (models.GroundCheck, models.Source) {
	years := int(g.Parameter.Value.Amount)
	value := fmt.Sprintf("%s成立，至%s满%d年", c.Founded.Chinese(), on.Chinese(), fullYears(c.Founded, on))
	if c.Founded == 0 {
		return models.GroundCheck{Outcome: models.OutcomeNotKnown, Value: "没有成立日期"}, models.SourceRegistry
	}
	if c.Founded.AddYears(years) >= on {
		return models.GroundCheck{Outcome: models.OutcomeNotMet, Value: value}, models.SourceRegistry
	}
	if !c.Delivered.Has(models.SourceCredit) {
		return models.GroundCheck{Outcome: models.OutcomeNotKnown, Value: value + "；" + notDelivered(models.SourceCredit)}, models.SourceCredit
	}
	for _, list := range []struct {
		name    string
		entries []models.Listing
	}{{"经营异常", c.Abnormal}, {"严重违法失信", c.Dishonest}} {
		for _, l := range list.entries {
			if l.Holds(on) {
				return models.GroundCheck{Outcome: models.OutcomeNotMet, Value: value + "；" + list.name + "，" + l.String()}, models.SourceCredit
			}
		}
	}
	return models.GroundCheck{Outcome: models.OutcomeMet, Value: value + "，无未移出的经营异常、严重违法失信"}, models.SourceRegistry
}

// fullYears is how many years have passed on a day.
func fullYears(from, on calendar.Date) int {
	years := max(0, on.Year()-from.Year())
	if years > 0 && from.AddYears(years) > on {
		years--
	}
	return years
}

// trademark is 拥有商标品牌 (附三(三)2(1)C): without a valid trademark there is none; whether it is 知名 is judged.
func trademark(c *models.Candidate, on calendar.Date) models.GroundCheck {
	if !c.Delivered.Has(models.SourceIP) {
		return models.GroundCheck{Outcome: models.OutcomeNotKnown, Value: notDelivered(models.SourceIP)}
	}
	trademarks, used, _ := countProperties(c, on)
	if trademarks == 0 {
		return models.GroundCheck{Outcome: models.OutcomeNotMet, Value: "没有有效商标"}
	}
	return models.GroundCheck{Outcome: models.OutcomeMet, Value: fmt.Sprintf("有效商标%d件，其中注明实际使用%d件", trademarks, used)}
}

// property is 自主知识产权 (附三(三)2(4)B). Departments deliver patents and trademarks only: who has neither may have a
// copyright (著作权) or another right, so that no row does not mean no.
func property(c *models.Candidate, on calendar.Date) models.GroundCheck {
	if !c.Delivered.Has(models.SourceIP) {
		return models.GroundCheck{Outcome: models.OutcomeNotKnown, Value: notDelivered(models.SourceIP)}
	}
	trademarks, _, patents := countProperties(c, on)
	if trademarks+patents == 0 {
		return models.GroundCheck{Outcome: models.OutcomeNotKnown, Value: "没有有效专利、商标；著作权等其他知识产权凭材料审核"}
	}
	return models.GroundCheck{Outcome: models.OutcomeMet, Value: fmt.Sprintf("有效专利%d件、商标%d件", patents, trademarks)}
}

func countProperties(c *models.Candidate, on calendar.Date) (trademarks, used, patents int) {
	for _, q := range c.Properties {
		switch {
		case !q.Valid(on):
		case !q.Trademark:
			patents++
		default:
			trademarks++
			if q.InUse.Yes() {
				used++
			}
		}
	}
	return trademarks, used, patents
}

// partyHonour is 近三年在“小个专”党建方面获得过区级以上表彰奖励 (附三(三)2(1)D): from the same day three years before to
// the day itself. Every level that is delivered is 区级 or above. An honour of which it is not said whether it is 党建 leaves it open.
func (g Ground) partyHonour(c *models.Candidate, on calendar.Date) models.GroundCheck {
	if !c.Delivered.Has(models.SourceHonours) {
		return models.GroundCheck{Outcome: models.OutcomeNotKnown, Value: notDelivered(models.SourceHonours)}
	}
	check := models.GroundCheck{Outcome: models.OutcomeNotMet, Value: fmt.Sprintf("近%d年没有党建表彰奖励", g.Parameter.Value.Amount)}
	for _, h := range c.Honours {
		switch {
		case !within(h.On, on, g.Parameter):
		case h.Party.Yes():
			return models.GroundCheck{Outcome: models.OutcomeMet, Value: h.String()}
		case !h.Party.Known:
			check = models.GroundCheck{Outcome: models.OutcomeNotKnown, Value: h.String() + "，未注明是否党建"}
		}
	}
	return check
}

// within says whether a day lies in the years before another, both ends counted.
func within(day, on calendar.Date, years *Parameter) bool {
	return on.AddYears(-int(years.Value.Amount)) <= day && day <= on
}
