package models

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhoMayReadAddAndDeleteDocuments(t *testing.T) {
	const district, uscc = "110107", "92110107MA3AGYGLUW"
	operator := User{Role: RoleOperator, District: district, USCC: uscc}
	stranger := User{Role: RoleOperator, District: district, USCC: "92110107MA00000007"}
	bureau := User{ID: 1, Role: RoleDepartment, District: district, Department: BureauCode}
	visitor := User{ID: 2, Role: RoleDepartment, District: district, Department: BureauCode}
	recommender := User{ID: 3, Role: RoleDepartment, District: district, Department: "tax"}
	colleague := User{ID: 4, Role: RoleDepartment, District: district, Department: "tax"}
	other := User{ID: 5, Role: RoleDepartment, District: district, Department: "culture"}
	elsewhere := User{ID: 6, Role: RoleDepartment, District: "110108", Department: BureauCode}
	city, auditor := User{ID: 7, Role: RoleCity}, User{ID: 8, Role: RoleAuditor}

	application := func(state ApplicationState) DocumentCase {
		return DocumentCase{District: district, USCC: uscc, Application: &Application{USCC: uscc, State: state, EnteredBy: operator.Actor(), RecommendedBy: recommender.Actor(), Department: "tax"}}
	}
	objection := func(kind ObjectionKind, by Actor) DocumentCase {
		return DocumentCase{District: district, USCC: uscc, Objection: &Objection{Kind: kind, ByActor: by, State: ObjectionReceived, Department: "tax"}}
	}
	visit := application(ApplicationVisit)
	visit.Visit = &Visit{VisitorA: bureau.Actor(), VisitorB: visitor.Actor(), State: VisitPlanned}
	signed := application(ApplicationQualified)
	signed.Visit = &Visit{VisitorA: bureau.Actor(), VisitorB: visitor.Actor(), State: VisitSigned}
	asked := application(ApplicationCertified)
	asked.CityAsks = true

	for name, c := range map[string]struct {
		of      DocumentCase
		purpose DocumentPurpose
		read    []User
		not     []User
		add     []User
		notAdd  []User
	}{
		"a draft": {application(ApplicationDraft), PurposeEvidence, []User{operator, bureau, recommender, colleague, city, auditor}, []User{stranger, other, elsewhere},
			[]User{operator, recommender}, []User{bureau, colleague, city, auditor, stranger, other}},
		"a supplement":        {application(ApplicationSupplement), PurposeEvidence, []User{operator}, []User{stranger}, []User{operator, recommender}, []User{bureau, colleague}},
		"a submitted one":     {application(ApplicationSubmitted), PurposeEvidence, []User{operator}, nil, nil, []User{operator, recommender, bureau}},
		"what the city asks":  {asked, PurposeEvidence, []User{city}, nil, []User{bureau}, []User{operator, recommender, city, elsewhere}},
		"a visit":             {visit, PurposePhoto, []User{bureau, visitor, city, auditor}, []User{operator, recommender, other, elsewhere}, []User{bureau, visitor}, []User{operator, city, auditor, {ID: 9, Role: RoleAdmin}}},
		"a signed visit":      {signed, PurposePhoto, []User{bureau}, nil, nil, []User{bureau, visitor}},
		"an own objection":    {objection(ObjectionTier, operator.Actor()), PurposeEvidence, []User{operator, bureau, recommender, city, auditor}, []User{stranger, other, elsewhere}, []User{operator}, []User{bureau, recommender, city}},
		"against a notice":    {objection(ObjectionNotice, stranger.Actor()), PurposeEvidence, []User{stranger, bureau}, []User{operator, recommender, city, auditor, elsewhere}, []User{stranger}, []User{operator, bureau}},
		"wrong purpose":       {application(ApplicationDraft), PurposePhoto, nil, nil, nil, []User{operator}},
		"evidence of a visit": {visit, PurposeEvidence, nil, nil, nil, []User{bureau}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, u := range c.read {
				require.NoError(t, c.of.MayRead(u), "%+v", u)
			}
			for _, u := range c.not {
				require.Equal(t, CodeNotFound, CodeOf(c.of.MayRead(u)), "%+v", u)
			}
			for _, u := range c.add {
				require.NoError(t, c.of.MayAdd(u, c.purpose), "%+v", u)
			}
			for _, u := range c.notAdd {
				require.Error(t, c.of.MayAdd(u, c.purpose), "%+v", u)
			}
		})
	}

	at := time.Date(2026, 8, 20, 10, 0, 0, 0, time.UTC)
	c := application(ApplicationSupplement)
	c.LastEvent = at
	before := Document{ByActor: operator.Actor(), Purpose: PurposeEvidence, At: at.Add(-time.Hour)}
	after := Document{ByActor: operator.Actor(), Purpose: PurposeEvidence, At: at.Add(time.Hour)}
	require.NoError(t, c.MayDelete(operator, after))
	require.Equal(t, CodeConflict, CodeOf(c.MayDelete(operator, before)), "what was reviewed stays")
	require.Equal(t, CodeForbidden, CodeOf(c.MayDelete(bureau, after)), "only who handed it in")
}
