package store

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
	"bangfu/models/policy"
)

// JudgeAgain judges the household of an objection from the data as they are now, mended by what departments delivered since, with
// the policy and the tiering date of the cycle's run (附一(二)3). data is the mark of what was judged.
func (s *Store) JudgeAgain(ctx context.Context, o models.Objection) (tier models.Tier, data string, err error) {
	run, judge, facts, data, err := s.factsAgain(ctx, o)
	if err != nil {
		return 0, "", fmt.Errorf("judging the household of objection %d of run %d again: %w", o.ID, run.ID, err)
	}
	return judge.Judge(facts).Tier, data, nil
}

func (s *Store) factsAgain(ctx context.Context, o models.Objection) (run models.Run, judge *policy.Judge, facts *models.Facts, data string, err error) {
	if run, err = s.CurrentRun(ctx, o.CycleID); err != nil {
		return run, nil, nil, "", err
	}
	law, err := s.PolicyByID(ctx, run.PolicyID)
	if err != nil {
		return run, nil, nil, "", err
	}
	if judge, err = law.Judge(run.Year, run.AsOf); err != nil {
		return run, nil, nil, "", fmt.Errorf("compiling the policy of run %d: %w", run.ID, err)
	}
	delivered, data, err := s.Delivered(ctx, run.District, run.Year)
	if err != nil {
		return run, nil, nil, "", err
	}
	facts, err = s.Facts(ctx, run.District, models.NewAssembly(run.Year, run.AsOf, delivered), o.USCC)
	return run, judge, facts, data, err
}

// ObjectionCandidate is a department whose data may be in question in an objection to a tier.
type ObjectionCandidate struct {
	Department string
	Source     models.Source
	Conditions []string // in words, the likeliest in question first
}

// ObjectionCandidates says what stands between the household and the next higher tier, by the department that delivers it: the
// bureau chooses whom to ask.
func (s *Store) ObjectionCandidates(ctx context.Context, o models.Objection) ([]ObjectionCandidate, error) {
	_, judge, facts, _, err := s.factsAgain(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("looking for the data in question in objection %d: %w", o.ID, err)
	}
	law := judge.Policy()
	verdict := judge.Judge(facts)
	var list []ObjectionCandidate
	at := map[models.Source]int{}
	for _, goal := range models.Tiers {
		if goal <= verdict.Tier {
			continue
		}
		cause := law.Cause(verdict, goal, facts)
		for _, i := range append(cause.Flips, cause.Others...) {
			condition := judge.Conditions()[i]
			source := condition.Sources()[0]
			words := condition.Clause + " " + condition.Name
			n, ok := at[source]
			if !ok {
				n = len(list)
				at[source] = n
				list = append(list, ObjectionCandidate{Department: law.Sources[source].Department, Source: source})
			}
			if !slices.Contains(list[n].Conditions, words) {
				list[n].Conditions = append(list[n].Conditions, words)
			}
		}
	}
	return list, nil
}

// settleTier makes what an upheld objection decided the household's tier that counts, and publishes it: a settled row among the
// differences, which no later comparison changes. A tier that is confirmed stays as it is published.
func (s *Store) settleTier(tx *gorm.DB, k *objectionCase, c models.ObjectionCommand) error {
	r := &k.row
	_, year, err := models.ParseCycleID(r.CycleID)
	if err != nil {
		return err
	}
	if c.Event == models.ObjectionConfirm {
		err := tx.Table("published_tiers").Select("COALESCE(MAX(tier), 0)").Where("uscc = ? AND year = ? AND district = ?", r.USCC, year, r.District).Row().Scan(&r.TierAfter)
		if err != nil {
			return fmt.Errorf("reading a published tier: %w", err)
		}
		return nil
	}
	r.TierAfter, r.Effect = c.Tier, models.EffectTier
	switch {
	case c.Tier == r.TierBefore:
		return models.Invalid("tier", "%s就是被异议的分型：异议成立的，请写明应认定的分型；不成立的，请维持原结果", c.Tier)
	case c.Tier == models.NoTier && k.judged == r.TierBefore:
		return models.Invalid("tier", "按现有数据重新判定仍为%s：请先由所涉部门更正数据，或者写明应认定的分型和理由", r.TierBefore)
	case c.Tier == models.NoTier:
		r.TierAfter = k.judged
	}
	var own struct {
		RunID int64
		Own   models.Tier
		City  models.Tier
	}
	err = tx.Raw(`SELECT t.id AS run_id, r.tier AS own, COALESCE(`+cityTierSQL+`, 0) AS city FROM tiering_runs t JOIN tiering_results r ON r.run_id = t.id AND r.uscc = ?
		LEFT JOIN src_city_tiering c ON c.district = t.district AND c.year = t.year AND c.uscc = r.uscc AND c.tier_year = t.year
		WHERE t.cycle_id = ? AND t.current = ?`, r.USCC, r.CycleID, true).Scan(&own).Error
	if err != nil {
		return fmt.Errorf("reading the tier objected to: %w", err)
	}
	if own.RunID == 0 {
		return models.Conflict("该户不在本年度现行分型结果中，不能更正")
	}
	at := s.now()
	d := models.Difference{CycleID: r.CycleID, USCC: r.USCC, RunID: own.RunID, OwnTier: own.Own, CityTier: own.City, Department: r.Department,
		Why:   fmt.Sprintf("%s成立：原公布%s，按现有数据重新判定为%s，认定为%s", r.objection().Number(), r.TierBefore, k.judged, r.TierAfter),
		State: models.DifferenceSettled, DecidedTier: r.TierAfter, ReasonID: c.ReasonID, DecidedBy: c.Actor, DecidedAt: &at, ObjectionID: r.ID}
	err = tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "cycle_id"}, {Name: "uscc"}},
		DoUpdates: clause.AssignmentColumns(append([]string{"objection_id"}, differenceColumns...))}).Create(&d).Error
	if err != nil {
		return fmt.Errorf("recording the tier that an objection settled: %w", err)
	}
	err = tx.Exec("UPDATE published_tiers SET tier = ?, published_on = ? WHERE district = ? AND year = ? AND uscc = ? AND tier <> ?",
		r.TierAfter, k.today, r.District, year, r.USCC, r.TierAfter).Error
	if err != nil {
		return fmt.Errorf("publishing the tier that an objection settled: %w", err)
	}
	return s.fulfilStudyDuties(tx, r.CycleID, k.today)
}
