package policy

import (
	"fmt"

	"bangfu/models"
	"bangfu/models/calendar"
)

// Duties is what everybody owes in a cycle of this policy, due by the cycle's plan: each department its deliveries
// (三(一)), the bureau the hand-over (附一(二)1) and the publication of standards and measures (二(一)1).
func (p *Policy) Duties(cycleID string, plan calendar.Plan) []models.Obligation {
	var duties []models.Obligation
	add := func(kind models.ObligationKind, subject, owner, clause, title string, required bool) {
		duties = append(duties, models.Obligation{CycleID: cycleID, District: p.District, Kind: kind, Subject: subject,
			OwnerKind: models.OwnerDepartment, Owner: owner, Required: required, Clause: clause, Title: title,
			Due: plan[models.DueKey(kind, subject)]})
	}
	for source, d := range p.Sources {
		if d.Department == "" {
			continue
		}
		s := models.Source(source)
		add(models.ObligationDelivery, s.String(), d.Department, d.Clause, fmt.Sprintf("交付%s数据（%d年）", s.Name(), p.Year), d.Required)
	}
	add(models.ObligationHandover, "", models.BureauCode, "附一(二)1", fmt.Sprintf("将分型结果汇总至全国个体工商户名录（%d年）", p.Year), false)
	add(models.ObligationStandards, "", models.BureauCode, "二(一)1", fmt.Sprintf("公示分型分类标准与帮扶培育措施（%d年）", p.Year), false)
	return duties
}
