package models

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhoMayClaimReleaseAndHandOver(t *testing.T) {
	for name, c := range map[string]struct {
		reviewer   Actor
		assignment ReviewAssignment
		code       Code // "" = allowed
	}{
		"claims what nobody has":                  {"", ReviewAssignment{To: "user:1", By: "user:1"}, ""},
		"claims what they have":                   {"user:1", ReviewAssignment{To: "user:1", By: "user:1"}, ""},
		"claims what another has":                 {"user:2", ReviewAssignment{To: "user:1", By: "user:1"}, CodeConflict},
		"gives back what they have":               {"user:1", ReviewAssignment{By: "user:1"}, ""},
		"gives back what another has":             {"user:2", ReviewAssignment{By: "user:1"}, CodeForbidden},
		"gives back what nobody has":              {"", ReviewAssignment{By: "user:1"}, ""},
		"hands over what they have already":       {"user:3", ReviewAssignment{To: "user:3", By: "user:1"}, ""},
		"hands over what they have":               {"user:1", ReviewAssignment{To: "user:3", By: "user:1"}, ""},
		"hands over what another has":             {"user:2", ReviewAssignment{To: "user:3", By: "user:1"}, CodeForbidden},
		"hands over what nobody has":              {"", ReviewAssignment{To: "user:3", By: "user:1"}, CodeForbidden},
		"an administrator hands over":             {"user:2", ReviewAssignment{To: "user:3", By: "user:9", Admin: true}, ""},
		"an administrator gives back another's":   {"user:2", ReviewAssignment{By: "user:9", Admin: true}, ""},
		"an administrator hands what nobody has":  {"", ReviewAssignment{To: "user:3", By: "user:9", Admin: true}, ""},
		"an administrator takes what another has": {"user:2", ReviewAssignment{To: "user:9", By: "user:9", Admin: true}, ""},
	} {
		for _, state := range ApplicationStates {
			err := c.assignment.Allowed(Application{State: state, Reviewer: c.reviewer})
			switch {
			case !state.UnderReview():
				require.Equal(t, CodeConflict, CodeOf(err), "%s: %s", name, state)
			case c.code == "":
				require.NoError(t, err, name)
			default:
				require.Equal(t, c.code, CodeOf(err), name)
			}
		}
	}
}

func TestABulkResultNamesAtMostAThousandThatWereLeft(t *testing.T) {
	b := BulkAssigned{Assigned: map[Actor]int{}}
	for range 5 {
		b.Add(BulkAssigned{Assigned: map[Actor]int{"user:1": 200}, Left: make([]LeftUnassigned, 300), LeftAll: 300})
	}
	require.Equal(t, 1000, b.Assigned["user:1"])
	require.Equal(t, 1500, b.LeftAll)
	require.Len(t, b.Left, MaxLeft)
}
