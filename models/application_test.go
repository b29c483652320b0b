package models_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
)

// course is the season as 附三 tells it, written down independently of the program: what may follow in each state, and where it leads.
var course = map[models.ApplicationState]string{
	models.ApplicationDraft:      "submit→submitted recommend→consent withdraw→withdrawn lapse→lapsed",
	models.ApplicationConsent:    "consent→submitted decline→declined consent_overdue→lapsed withdraw→withdrawn lapse→lapsed",
	models.ApplicationSubmitted:  "ask_supplement→supplement pass_review→visit refuse→refused bar→refused withdraw→withdrawn lapse→lapsed",
	models.ApplicationSupplement: "supply→submitted supplement_overdue→submitted bar→refused withdraw→withdrawn lapse→lapsed",
	models.ApplicationVisit:      "pass_visit→qualified fail_visit→refused bar→refused withdraw→withdrawn lapse→lapsed",
	models.ApplicationQualified:  "propose→proposed wait_list→waiting not_select→unselected bar→refused withdraw→withdrawn lapse→lapsed",
	models.ApplicationWaiting:    "propose→proposed not_select→unselected bar→refused withdraw→withdrawn lapse→lapsed",
	models.ApplicationProposed:   "certify→certified remove→refused bar→refused withdraw→withdrawn lapse→lapsed",
	models.ApplicationCertified:  "city_refuse→refused",
	models.ApplicationRefused:    "reopen→submitted requeue→waiting",
	models.ApplicationUnselected: "requeue→waiting",
	models.ApplicationLapsed:     "reopen→submitted",
	models.ApplicationDeclined:   "",
	models.ApplicationWithdrawn:  "",
}

func TestInEveryStateOfAnApplicationOnlyWhatTheLawAllowsFollows(t *testing.T) { // 附三(二)2
	require.Len(t, course, len(models.ApplicationStates))
	for _, state := range models.ApplicationStates {
		allowed := map[models.ApplicationEvent]models.ApplicationState{}
		for move := range strings.FieldsSeq(course[state]) {
			event, next, ok := strings.Cut(move, "→")
			require.True(t, ok, move)
			require.Contains(t, models.ApplicationEvents, models.ApplicationEvent(event))
			require.Contains(t, models.ApplicationStates, models.ApplicationState(next))
			allowed[models.ApplicationEvent(event)] = models.ApplicationState(next)
		}
		for _, event := range models.ApplicationEvents {
			t.Run(string(state)+"/"+string(event), func(t *testing.T) {
				next, err := state.Next(event)
				if want, ok := allowed[event]; ok {
					require.NoError(t, err)
					require.Equal(t, want, next)
					return
				}
				require.Equal(t, models.CodeConflict, models.CodeOf(err))
				require.Contains(t, err.Error(), state.Name())
				require.Contains(t, err.Error(), event.Name())
				require.Equal(t, state, next, "what is refused changes nothing")
			})
		}
	}
	_, err := models.ApplicationDraft.Next("bribe")
	require.Equal(t, models.CodeInvalid, models.CodeOf(err))
}

func TestPeopleActOnAnApplicationOnlyInItsStageOfTheYear(t *testing.T) { // 附三(二)1
	season := []models.Stage{models.StageApplication, models.StageReview}
	within := map[models.ApplicationEvent][]models.Stage{
		models.EventSubmit: {models.StageApplication}, models.EventRecommend: {models.StageApplication},
		models.EventConsent: season, models.EventAskSupplement: season, models.EventPassReview: season, models.EventRefuse: season,
		models.EventPassVisit: season, models.EventFailVisit: season, models.EventReopen: season,
		models.EventPropose: {models.StageSelection, models.StageNotice}, models.EventWaitList: {models.StageSelection},
		models.EventRequeue: {models.StageSelection, models.StageNotice}, models.EventRemove: {models.StageNotice},
		models.EventCertify: {models.StageCertification}, models.EventCityRefuse: {models.StageCertification},
	}
	stages := []models.Stage{models.StageDone}
	for _, i := range models.Stages {
		stages = append(stages, i.Stage)
	}
	for _, event := range models.ApplicationEvents {
		in, bound := within[event]
		for _, stage := range stages {
			err := event.During(stage)
			if !bound || slices.Contains(in, stage) {
				require.NoError(t, err, "%s in %s", event, stage)
				continue
			}
			require.Equal(t, models.CodeConflict, models.CodeOf(err), "%s in %s", event, stage)
			require.Contains(t, err.Error(), stage.Info().Name)
		}
	}
}

func TestWhatHasEndedIsNotLive(t *testing.T) {
	ended := []models.ApplicationState{models.ApplicationCertified, models.ApplicationRefused, models.ApplicationUnselected, models.ApplicationDeclined,
		models.ApplicationWithdrawn, models.ApplicationLapsed}
	for _, state := range models.ApplicationStates {
		require.Equal(t, !slices.Contains(ended, state), state.Live(), state)
		require.Regexp(t, `\p{Han}`, state.Name())
		require.Equal(t, slices.Contains(ended, state), state.NextStep() == "已办结", state)
		for _, event := range models.ApplicationEvents {
			if next, err := state.Next(event); err == nil && !state.Live() && state != models.ApplicationCertified {
				require.Contains(t, []models.ApplicationEvent{models.EventReopen, models.EventRequeue}, event, "only an objection that is upheld begins anew")
				require.True(t, next.Live())
			}
		}
	}
}

func TestWhoEnteredOrRecommendedDoesNotDecide(t *testing.T) { // R12
	a := models.Application{USCC: "92110107MA3AGYGLUW", EnteredBy: "user:3", RecommendedBy: "user:4"}
	for _, actor := range []models.Actor{"user:3", "user:4", models.HouseholdActor(a.USCC)} {
		require.Equal(t, models.CodeForbidden, models.CodeOf(a.FourEyes(actor)), actor)
	}
	require.NoError(t, a.FourEyes("user:5"))
	require.True(t, models.Application{USCC: "x", Origin: models.OriginOwn, EnteredBy: "user:3"}.EnteredForOperator())
	require.False(t, models.Application{USCC: "x", Origin: models.OriginOwn, EnteredBy: models.HouseholdActor("x")}.EnteredForOperator())
	require.False(t, models.Application{USCC: "x", Origin: models.OriginRecommended, EnteredBy: "user:3"}.EnteredForOperator())
}

func TestAnApplicationNamesCategoriesAndTheirGroundsOnceAndShortly(t *testing.T) { // 附三(三)2
	ground := func(c models.Category, letter string) models.ApplicationGround {
		return models.ApplicationGround{Category: c, Letter: letter}
	}
	long := strings.Repeat("字", models.MaxStatement+1)
	good := models.ApplicationContent{Wished: []models.Category{models.Quality, models.Renowned},
		Grounds: []models.ApplicationGround{ground(models.Quality, "A"), ground(models.Renowned, "A")}, Statement: long[:3*models.MaxStatement]}
	require.NoError(t, good.Validate())
	require.NoError(t, good.Complete())
	require.NoError(t, models.ApplicationContent{}.Validate(), "a draft may be empty")
	for name, bad := range map[string]struct {
		content models.ApplicationContent
		field   string
	}{
		"no such category":        {models.ApplicationContent{Wished: []models.Category{"famous"}}, "wished"},
		"a category twice":        {models.ApplicationContent{Wished: []models.Category{models.Quality, models.Quality}}, "wished"},
		"a ground of another one": {models.ApplicationContent{Wished: good.Wished, Grounds: []models.ApplicationGround{ground(models.Emerging, "A")}}, "grounds[0]"},
		"a ground twice": {models.ApplicationContent{Wished: good.Wished,
			Grounds: []models.ApplicationGround{ground(models.Quality, "A"), ground(models.Quality, "A")}}, "grounds[1]"},
		"a long statement": {models.ApplicationContent{Statement: long}, "statement"},
		"broken text":      {models.ApplicationContent{Statement: "\xff"}, "statement"},
		"a long ground": {models.ApplicationContent{Wished: good.Wished,
			Grounds: []models.ApplicationGround{{Category: models.Quality, Letter: "A", Statement: long[:3*(models.MaxGroundStatement+1)]}}}, "grounds[0].statement"},
	} {
		t.Run(name, func(t *testing.T) {
			var e *models.Error
			require.ErrorAs(t, bad.content.Validate(), &e)
			require.Equal(t, models.CodeInvalid, e.Code)
			require.Equal(t, bad.field, e.Field)
		})
	}
	require.Equal(t, models.CodeInvalid, models.CodeOf(models.ApplicationContent{}.Complete()))
	require.Equal(t, models.CodeInvalid, models.CodeOf(models.ApplicationContent{Wished: good.Wished}.Complete()), "a category without a ground")
}
