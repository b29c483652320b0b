package models

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models/calendar"
)

func TestEveryStepInACaseFollowsInItsStatesOnly(t *testing.T) { // 附三(五)
	to := map[CertifiedEvent]map[CaseState]CaseState{
		CertifiedHear:         {CaseOpen: CaseHearing, CaseHeard: CaseHearing},
		CertifiedState:        {CaseHearing: CaseHeard},
		CertifiedHearingOver:  {CaseHearing: CaseHeard},
		CertifiedAskOpinion:   {CaseOpen: CaseOpen, CaseHearing: CaseHearing, CaseHeard: CaseHeard},
		CertifiedGiveOpinion:  {CaseOpen: CaseOpen, CaseHearing: CaseHearing, CaseHeard: CaseHeard},
		CertifiedPropose:      {CaseOpen: CaseProposed, CaseHeard: CaseProposed},
		CertifiedReturn:       {CaseProposed: CaseHeard},
		CertifiedDecide:       {CaseProposed: CaseDecided},
		CertifiedCloseCase:    {CaseOpen: CaseClosed, CaseHearing: CaseClosed, CaseHeard: CaseClosed, CaseProposed: CaseClosed},
		CertifiedGroundsAdded: {CaseOpen: CaseOpen, CaseHearing: CaseHearing, CaseHeard: CaseHearing, CaseProposed: CaseHearing},
	}
	require.Len(t, to, len(caseMoves))
	for event := range caseMoves {
		require.True(t, event.OfCase())
		for _, from := range CaseStates {
			c := Case{Kind: CaseEvaluation, State: from, Outcome: OutcomeExtend}
			if from != CaseOpen {
				c.HearingDue = calendar.MustDate("2027-03-01")
			}
			next, err := c.Next(event, OutcomeExtend)
			want, follows := to[event][from]
			if !follows {
				require.Equal(t, CodeConflict, CodeOf(err), "%s while %s", event, from)
				require.Equal(t, from, next)
				continue
			}
			require.NoError(t, err, "%s while %s", event, from)
			require.Equal(t, want, next, "%s while %s", event, from)
		}
	}
	for event := range certifiedEventNames {
		if _, ok := caseMoves[event]; !ok {
			_, err := Case{State: CaseOpen}.Next(event, "")
			require.Equal(t, CodeInvalid, CodeOf(err), "%s is no step in a case", event)
		}
	}
	for _, event := range []CertifiedEvent{CertifiedReturn, CertifiedGroundsAdded} {
		next, err := Case{Kind: CaseEvaluation, State: CaseProposed}.Next(event, "")
		require.NoError(t, err)
		require.Equal(t, CaseOpen, next, "nobody was heard yet")
	}
}

func TestWhatTakesSomethingIsProposedOnlyAfterTheHouseholdWasHeard(t *testing.T) { // 附三(五)
	for _, kind := range CaseKinds {
		require.NotEmpty(t, kind.Name())
		outcomes := kind.Outcomes()
		require.Len(t, outcomes, 2)
		require.False(t, outcomes[0].Adverse())
		require.True(t, outcomes[1].Adverse())
		for _, o := range []CaseOutcome{OutcomeKeep, OutcomeCancel, OutcomeExtend, OutcomeLapse, OutcomeRevoke} {
			_, open := Case{Kind: kind, State: CaseOpen}.Next(CertifiedPropose, o)
			_, heard := Case{Kind: kind, State: CaseHeard}.Next(CertifiedPropose, o)
			switch {
			case !slices.Contains(outcomes, o):
				require.Equal(t, CodeInvalid, CodeOf(open), "%s of %s", o, kind)
				require.Equal(t, CodeInvalid, CodeOf(heard))
			case o.Adverse():
				require.Equal(t, CodeConflict, CodeOf(open), "%s of %s", o, kind)
				require.NoError(t, heard)
			default:
				require.NoError(t, open)
				require.NoError(t, heard)
			}
		}
		_, err := Case{Kind: kind, State: CaseOpen}.Next(CertifiedAskOpinion, "")
		require.Equal(t, kind == CaseEvaluation, err == nil, "D is of the evaluation only")
	}
}

func TestTheDecisionIsTheProposalOrGoesBack(t *testing.T) { // R12
	c := Case{Kind: CaseData, State: CaseProposed, Outcome: OutcomeCancel, OpenedBy: "user:1", ProposedBy: "user:2", OpinionBy: "user:3"}
	_, err := c.Next(CertifiedDecide, OutcomeKeep)
	require.Equal(t, CodeConflict, CodeOf(err))
	for _, e := range []CertifiedEvent{CertifiedDecide, CertifiedReturn} {
		for _, who := range []Actor{"user:1", "user:2", "user:3"} {
			require.Equal(t, CodeForbidden, CodeOf(c.FourEyes(e, who)), "%s by %s", e, who)
		}
		require.NoError(t, c.FourEyes(e, "user:4"))
	}
	require.NoError(t, c.FourEyes(CertifiedCloseCase, "user:1"))
	c.Kind = CaseFraud
	require.Equal(t, CodeForbidden, CodeOf(c.FourEyes(CertifiedCloseCase, "user:1")), "who suspects fraud does not drop it alone")
}

func TestTheEvaluationExtendsWhereAnyPointIsMetAndOnlyThere(t *testing.T) { // 附三(五)A–D
	found := func(outcomes ...Outcome) Case {
		c := Case{Kind: CaseEvaluation}
		for _, o := range outcomes {
			c.Ground = append(c.Ground, StandingFinding{Outcome: o})
		}
		return c
	}
	agreed, opposed := found(OutcomeNotMet), found(OutcomeNotMet)
	agreed.Opinion, opposed.Opinion = OpinionAgrees, OpinionDisagrees
	for name, c := range map[string]struct {
		c             Case
		extend, lapse bool
	}{
		"none":              {found(OutcomeNotMet, OutcomeNotMet), false, true},
		"one":               {found(OutcomeNotMet, OutcomeMet), true, false},
		"no data":           {found(OutcomeNotMet, OutcomeNotKnown), true, true},
		"department agrees": {agreed, true, false},
		"opposes":           {opposed, false, true},
	} {
		require.Equal(t, c.extend, c.c.Supports(OutcomeExtend) == nil, name)
		require.Equal(t, c.lapse, c.c.Supports(OutcomeLapse) == nil, name)
	}
}

func TestADocumentOfACaseIsSeenByWhomItConcerns(t *testing.T) { // R24, R21
	household := User{Role: RoleOperator, USCC: "A", District: "110107"}
	officer := User{ID: 7, Role: RoleDepartment, Department: BureauCode, District: "110107"}
	tax := User{ID: 8, Role: RoleDepartment, Department: "tax", District: "110107"}
	auditor := User{ID: 9, Role: RoleAuditor}
	k := Case{USCC: "A", Kind: CaseFraud, State: CaseOpen, Department: "tax"}
	of := func(k Case) DocumentCase { return DocumentCase{District: "110107", USCC: "A", Case: &k} }
	evidence, confidential := Document{Purpose: PurposeEvidence}, Document{Purpose: PurposeConfidential}

	require.Error(t, of(k).MaySee(household, evidence), "nobody is warned before the evidence is collected")
	require.NoError(t, of(k).MayAdd(officer, PurposeEvidence))
	require.NoError(t, of(k).MayAdd(officer, PurposeConfidential))
	require.Error(t, of(k).MayAdd(household, PurposeStatement))
	require.Error(t, of(k).MayAdd(tax, PurposeEvidence))

	k.State, k.HearingDue = CaseHearing, calendar.MustDate("2027-03-01")
	require.NoError(t, of(k).MaySee(household, evidence), "it is heard about what is held against it")
	require.NoError(t, of(k).MaySee(auditor, evidence))
	for _, u := range []User{household, tax, auditor, {Role: RoleOperator, USCC: "B", District: "110107"}} {
		require.Equal(t, CodeNotFound, CodeOf(of(k).MaySee(u, confidential)), "who told of it is known to the bureau only")
	}
	require.NoError(t, of(k).MaySee(officer, confidential))
	require.NoError(t, of(k).MayAdd(household, PurposeStatement))
	require.Error(t, of(k).MayAdd(household, PurposeEvidence))
	require.Error(t, of(k).MayAdd(officer, PurposeEvidence), "not behind its back while it is heard")
	require.Equal(t, PurposeStatement, k.DocumentPurpose(officer, false), "a statement on paper")
	require.Equal(t, PurposeConfidential, k.DocumentPurpose(officer, true))

	k.State = CaseHeard
	require.NoError(t, of(k).MayAdd(officer, PurposeEvidence), "and then it is heard again")
	require.Error(t, of(k).MayAdd(household, PurposeStatement))
	k.State = CaseDecided
	require.Error(t, of(k).MayAdd(officer, PurposeEvidence))
}
