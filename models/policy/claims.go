package policy

import (
	"bangfu/models"
)

// CheckClaims refuses grounds that the policy does not have, and in an applicant's own application the ground of being
// recommended, which only a department can bring (附三(三)2). The error is a *models.Error with CodeInvalid.
func (p *Policy) CheckClaims(origin models.Origin, c models.ApplicationContent) error {
	for _, g := range c.Grounds {
		ground, ok := p.Ground(g.Category, g.Letter)
		switch {
		case !ok:
			return models.Invalid("grounds", "“%s”没有 %s 项条件", g.Category.Name(), g.Letter)
		case ground.Check == CheckRecommendation && origin == models.OriginOwn:
			return models.Invalid("grounds", "“%s”%s 项（%s）须由部门推荐，自主申报请选择其他条件", g.Category.Name(), g.Letter, ground.Text)
		}
	}
	return nil
}

// Ground finds a lettered ground of a category.
func (p *Policy) Ground(category models.Category, letter string) (Ground, bool) {
	for _, g := range p.groundsOf(category) {
		if g.Letter == letter {
			return g, true
		}
	}
	return Ground{}, false
}

// Recommended is the claim that a recommendation itself is: the category's ground 经相关部门推荐的, if it has one.
func (p *Policy) Recommended(category models.Category) (models.ApplicationGround, bool) {
	for _, g := range p.groundsOf(category) {
		if g.Check == CheckRecommendation {
			return models.ApplicationGround{Category: category, Letter: g.Letter, Claimed: true}, true
		}
	}
	return models.ApplicationGround{}, false
}

func (p *Policy) groundsOf(category models.Category) []Ground {
	for _, c := range p.Criteria.Categories {
		if c.Code == string(category) {
			return c.Grounds
		}
	}
	return nil
}
