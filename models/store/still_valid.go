package store

import (
	"context"
	"fmt"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// StillValid counts a district's certifications that hold a place on a date to come, as things stand today (附三(四): they take places of the
// next selection): those that are valid then, and those that may yet turn out to be, so that no later decision breaks the cap: the evaluation of
// one that runs out before is not decided, or what took one from a household can still be, or is being, objected to.
func (s *Store) StillValid(ctx context.Context, district string, law *policy.Policy, on, today calendar.Date) (int64, error) {
	failed := func(err error) (int64, error) {
		return 0, fmt.Errorf("counting the certifications of %s that hold a place on %s: %w", district, on, err)
	}
	workdays, err := s.Workdays(ctx)
	if err != nil {
		return failed(err)
	}
	window := law.Workdays("objection.window")
	open := today // decisions since then can still be objected to
	for workdays.TermEnd(open.AddDays(-1), window) >= today {
		open = open.AddDays(-1)
	}
	args := []any{district, on, on}
	extended, undecided := " AND c.extensions = 0", ""
	if !law.Validity.ExtensionFree { // an extension takes a place, also one that may yet be decided
		extended, undecided = "", `OR c.state IN ('valid', 'lapsed') AND EXISTS (SELECT 1 FROM cases k WHERE k.certification_id = c.id AND k.kind = 'evaluation'
			AND (k.live = 1 AND c.state = 'valid' OR k.outcome = 'lapse' AND k.state = 'decided' AND `+stillObjectable+`))`
		args = append(args, models.LiveObjectionStates, open)
	}
	args = append(args, on, open, models.LiveObjectionStates)
	var n int64
	err = s.db.WithContext(ctx).Raw(`SELECT COUNT(*) FROM certifications c WHERE c.district = ? AND c.certified_on <= ?`+extended+` AND (
			c.state = 'valid' AND c.valid_until >= ? `+undecided+`
			OR c.state IN ('cancelled', 'revoked') AND c.valid_until >= ? AND (c.ended_on >= ? OR EXISTS (SELECT 1 FROM objections o
				WHERE o.application_id = c.application_id AND o.kind = 'certification' AND o.state IN ?)))`, args...).Scan(&n).Error
	if err != nil {
		return failed(err)
	}
	return n, nil
}

// stillObjectable says of a decided case k that an objection to it goes on, or can still be made. Arguments: the live states, the day since
// which decisions can be objected to.
const stillObjectable = `(EXISTS (SELECT 1 FROM objections o WHERE o.case_id = k.id AND o.state IN ?) OR k.decided_on >= ?)`
