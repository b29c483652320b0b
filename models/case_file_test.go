package models_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
)

func TestAnApplicantReadsOfAVisitWhatBothVisitorsSigned(t *testing.T) { // R24: who stands aside and why is not theirs to know
	on := calendar.MustDate("2026-10-10")
	f := models.CaseFile{Visits: []models.CaseVisit{
		{State: "已取消", PlannedOn: on, Reason: "走访人员与该户有亲属关系"},
		{State: "已记录，待另一人签认", PlannedOn: on, VisitedOn: on, Outcome: "核实不符", Record: "初稿"},
		{State: "已签认", PlannedOn: on, VisitedOn: on, Outcome: "核实相符", Record: "与申报一致", SignedBy: "区市场监管局", SignedOn: on, Reason: "改期"},
	}}
	f.ForApplicant()
	require.Equal(t, []models.CaseVisit{
		{State: "已取消", PlannedOn: on},
		{State: "已记录，待另一人签认", PlannedOn: on},
		{State: "已签认", PlannedOn: on, VisitedOn: on, Outcome: "核实相符", Record: "与申报一致", SignedBy: "区市场监管局", SignedOn: on},
	}, f.Visits)
}
