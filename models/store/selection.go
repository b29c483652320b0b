package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// selectionClause is what every decision of the comparison rests on: 相同条件下经比选认定.
const selectionClause = "附三(三)2"

// rankRow is a row of selection_ranks.
type rankRow struct {
	CycleID       string `gorm:"primaryKey"`
	ApplicationID int64  `gorm:"primaryKey;autoIncrement:false"`
	Place         int
	Score         int
	Items         string
	Tie           string
	Proposal      models.SelectionOutcome
	Decision      models.SelectionOutcome
	ReasonID      int64
	DecidedBy     models.Actor
	DecidedAt     *time.Time
}

func (rankRow) TableName() string { return "selection_ranks" }

func (r rankRow) rank() (models.Rank, error) {
	k := models.Rank{CycleID: r.CycleID, ApplicationID: r.ApplicationID, Place: r.Place, Score: r.Score, Tie: r.Tie, Proposal: r.Proposal,
		Decision: r.Decision, ReasonID: r.ReasonID, DecidedBy: r.DecidedBy, DecidedAt: r.DecidedAt}
	if err := json.Unmarshal([]byte(r.Items), &k.Items); err != nil {
		return k, fmt.Errorf("reading the score of application %d: %w", r.ApplicationID, err)
	}
	return k, nil
}

// rankPage is how many applications are looked at between two signs of life, and moved in one transaction.
const rankPage = 200

// OpenSelection makes the bureau owe the confirmation of a cycle's comparison by a date.
func (s *Store) OpenSelection(ctx context.Context, cycleID string, due, today calendar.Date) error {
	district, year, err := models.ParseCycleID(cycleID)
	if err != nil {
		return err
	}
	return s.OpenObligation(ctx, models.Obligation{CycleID: cycleID, District: district, Kind: models.ObligationSelection, OwnerKind: models.OwnerDepartment,
		Owner: models.BureauCode, Title: fmt.Sprintf("确认%d年“名特优新”比选结果", year), Clause: selectionClause, Due: due, OpenedOn: today})
}

// RankSelection compares all who qualified in a cycle (附三(三)2): whoever is barred on today's data is refused, the others are scored
// and ranked by the cycle's policy, and the first are proposed for the places that are free. What was decided before stays decided. The
// same data give the same ranking, and then nothing is written. progress is called between pages.
func (s *Store) RankSelection(ctx context.Context, cycleID string, today calendar.Date, progress func()) (models.SelectionBoard, error) {
	failed := func(err error) (models.SelectionBoard, error) {
		return models.SelectionBoard{}, fmt.Errorf("comparing the applications of %s: %w", cycleID, err)
	}
	c, err := s.Cycle(ctx, cycleID)
	if err != nil {
		return failed(err)
	}
	law, err := s.PolicyByID(ctx, c.PolicyID)
	if err != nil {
		return failed(err)
	}
	var ranked []models.Ranked
	for after := int64(0); ; {
		progress()
		var page []applicationRow
		err := s.db.WithContext(ctx).Where("cycle_id = ? AND state IN ? AND id > ?", cycleID, models.ComparedStates, after).Order("id").Limit(rankPage).Find(&page).Error
		if err != nil {
			return failed(err)
		}
		if len(page) == 0 {
			break
		}
		after = page[len(page)-1].ID
		fit, err := s.comparePage(ctx, law, page, today)
		if err != nil {
			return failed(err)
		}
		ranked = append(ranked, fit...)
	}
	law.Rank(ranked)
	var board models.SelectionBoard
	err = s.tx(ctx, func(tx *gorm.DB) (err error) {
		if _, err := s.lockPlaces(tx, cycleID); err != nil {
			return err
		}
		changed, err := s.keepRanks(tx, cycleID, ranked)
		if err != nil {
			return err
		}
		if err := proposeByRank(tx, cycleID); err != nil {
			return err
		}
		if board, err = selectionBoard(tx, cycleID); err != nil || !changed {
			return err
		}
		return s.audit(tx, models.ActorSystem, "selection.rank", "cycle/"+cycleID, map[string]any{
			"on": today, "policy_id": law.ID, "policy_hash": law.Hash, "board": board, "ranking": rankingOf(ranked)})
	})
	if err != nil {
		return failed(err)
	}
	return board, nil
}

// rankingOf is a ranking as the audit log keeps it: application and score, in order.
func rankingOf(ranked []models.Ranked) [][2]int64 {
	list := make([][2]int64, len(ranked))
	for i, r := range ranked {
		list[i] = [2]int64{r.ApplicationID, int64(r.Score.Points)}
	}
	return list
}

// comparePage refuses who is barred now and scores the others.
func (s *Store) comparePage(ctx context.Context, law PolicyVersion, page []applicationRow, today calendar.Date) ([]models.Ranked, error) {
	ids, usccs := make([]int64, len(page)), make([]string, len(page))
	for i, r := range page {
		ids[i], usccs[i] = r.ID, r.USCC
	}
	candidates, err := s.Candidates(ctx, page[0].CycleID, usccs)
	if err != nil {
		return nil, err
	}
	var met []struct {
		ApplicationID int64
		models.GroundRef
	}
	err = s.db.WithContext(ctx).Table("application_grounds").Select("application_id, category, letter").
		Where("application_id IN ? AND outcome = ?", ids, models.OutcomeMet).Order("application_id, category, letter").Scan(&met).Error
	if err != nil {
		return nil, err
	}
	grounds := map[int64][]models.GroundRef{}
	for _, g := range met {
		grounds[g.ApplicationID] = append(grounds[g.ApplicationID], g.GroundRef)
	}
	var fit []models.Ranked
	barred := map[int64][]models.Bar{}
	for _, r := range page {
		a, c := r.application(), candidates[r.USCC]
		if bars := law.Bars(&c, a.Origin, a.SubmittedOn, today); len(bars) > 0 && a.State.Live() {
			barred[a.ID] = bars
			continue
		}
		tier := a.Tier
		if c.Tier != models.NoTier {
			tier = c.Tier
		}
		fit = append(fit, models.Ranked{ApplicationID: a.ID, USCC: a.USCC, Tier: tier, Founded: c.Founded, SubmittedOn: a.SubmittedOn,
			Score: law.Score(models.ScoreInput{Application: a, Candidate: &c, Grounds: grounds[a.ID]})})
	}
	return fit, s.barAll(ctx, barred, today)
}

// barAll refuses applications that are barred, in one transaction; one that was closed meanwhile is left alone.
func (s *Store) barAll(ctx context.Context, barred map[int64][]models.Bar, today calendar.Date) error {
	if len(barred) == 0 {
		return nil
	}
	ids := make([]int64, 0, len(barred))
	for id := range barred {
		ids = append(ids, id)
	}
	return s.tx(ctx, func(tx *gorm.DB) error {
		list, err := s.lockApplications(tx, ids)
		if err != nil {
			return err
		}
		for _, a := range list {
			if err := s.barApplication(tx, &a, barred[a.ID], today); err != nil {
				return err
			}
		}
		return nil
	})
}

// barApplication refuses one application because of bars, with their words as the reason; nothing happens where it cannot follow.
func (s *Store) barApplication(tx *gorm.DB, a *models.Application, bars []models.Bar, today calendar.Date) error {
	if !a.State.May(models.EventBar) {
		return nil // closed meanwhile: nothing to refuse
	}
	reason, err := s.barReason(tx, "", bars)
	if err != nil {
		return err
	}
	return s.moveApplication(tx, a, models.ApplicationCommand{CommandID: fmt.Sprintf("bar/%d", a.Events), ApplicationID: a.ID, Event: models.EventBar,
		Actor: models.ActorSystem, ReasonID: reason, Clause: bars[0].Clause}, today, map[string]any{"bars": bars})
}

// barReason keeps bars as the reason of a refusal: in words, after what says when it was found, at most as long as a reason may be.
func (s *Store) barReason(tx *gorm.DB, found string, bars []models.Bar) (int64, error) {
	text := []rune(found + barWords(bars))
	return s.addReason(tx, models.ActorSystem, string(text[:min(len(text), MaxReason)]))
}

// lockApplications reads applications in the order of their ids and locks them.
func (s *Store) lockApplications(tx *gorm.DB, ids []int64) ([]models.Application, error) {
	var rows []applicationRow
	if err := s.forUpdate(tx).Where("id IN ?", ids).Order("id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading applications: %w", err)
	}
	list := make([]models.Application, len(rows))
	for i, r := range rows {
		list[i] = r.application()
	}
	return list, nil
}

// keepRanks writes a ranking in place of the earlier one; decisions stay with their applications.
func (s *Store) keepRanks(tx *gorm.DB, cycleID string, ranked []models.Ranked) (changed bool, err error) {
	var old []rankRow
	if err := tx.Where("cycle_id = ?", cycleID).Order("place").Find(&old).Error; err != nil {
		return false, err
	}
	known := make(map[int64]rankRow, len(old))
	for _, r := range old {
		known[r.ApplicationID] = r
	}
	rows := make([]rankRow, len(ranked))
	changed = len(old) != len(ranked)
	for i, r := range ranked {
		items, err := json.Marshal(r.Score.Items)
		if err != nil {
			return false, fmt.Errorf("writing the score of application %d: %w", r.ApplicationID, err)
		}
		before := known[r.ApplicationID]
		row := before
		row.CycleID, row.ApplicationID, row.Place, row.Score, row.Items, row.Tie = cycleID, r.ApplicationID, r.Place, r.Score.Points, string(items), r.Tie
		if row.Proposal == "" {
			row.Proposal = models.OutcomeWaitList // until proposeByRank
		}
		changed = changed || row != before
		rows[i] = row
	}
	if !changed {
		return false, nil
	}
	if err := tx.Exec("DELETE FROM selection_ranks WHERE cycle_id = ?", cycleID).Error; err != nil {
		return false, err
	}
	return true, tx.CreateInBatches(rows, rankPage).Error
}

// proposeByRank gives the places that are free to the first in the ranking who have none: those who are not decided yet get the
// proposal to be proposed, their followers to wait. Whom the bureau put on the waiting list against the proposal is passed over.
func proposeByRank(tx *gorm.DB, cycleID string) error {
	free, err := freeSeats(tx, cycleID)
	if err != nil {
		return err
	}
	var open []struct {
		ApplicationID int64
		State         models.ApplicationState
	}
	err = tx.Raw(`SELECT r.application_id, a.state FROM selection_ranks r JOIN applications a ON a.id = r.application_id
		WHERE r.cycle_id = ? AND (a.state = ? OR a.state = ? AND r.reason_id = 0) ORDER BY r.place LIMIT ?`,
		cycleID, models.ApplicationQualified, models.ApplicationWaiting, len(free)).Scan(&open).Error
	if err != nil {
		return fmt.Errorf("making the proposal of %s: %w", cycleID, err)
	}
	first := make([]int64, 0, len(open))
	for _, o := range open {
		if o.State == models.ApplicationQualified {
			first = append(first, o.ApplicationID)
		}
	}
	err = tx.Exec("UPDATE selection_ranks SET proposal = ? WHERE cycle_id = ? AND decision = ''", models.OutcomeWaitList, cycleID).Error
	for ids := range slices.Chunk(first, models.MaxSelected) {
		if err == nil {
			err = tx.Exec("UPDATE selection_ranks SET proposal = ? WHERE cycle_id = ? AND decision = '' AND application_id IN ?", models.OutcomePropose, cycleID, ids).Error
		}
	}
	if err != nil {
		return fmt.Errorf("making the proposal of %s: %w", cycleID, err)
	}
	return nil
}

// SelectionBoard says where a cycle's comparison stands.
func (s *Store) SelectionBoard(ctx context.Context, cycleID string) (models.SelectionBoard, error) {
	return selectionBoard(s.db.WithContext(ctx), cycleID)
}

func selectionBoard(tx *gorm.DB, cycleID string) (b models.SelectionBoard, err error) {
	var states []struct {
		State       models.ApplicationState
		N, Unranked int64
	}
	err = tx.Raw(`SELECT a.state, COUNT(*) AS n, SUM(CASE WHEN r.application_id IS NULL THEN 1 ELSE 0 END) AS unranked FROM applications a
		LEFT JOIN selection_ranks r ON r.cycle_id = a.cycle_id AND r.application_id = a.id WHERE a.cycle_id = ? AND a.state IN ? GROUP BY a.state`,
		cycleID, append([]models.ApplicationState{models.ApplicationCertified}, models.ComparedStates...)).Scan(&states).Error
	if err != nil {
		return b, fmt.Errorf("counting the comparison of %s: %w", cycleID, err)
	}
	for _, c := range states {
		switch c.State {
		case models.ApplicationQualified:
			b.Left, b.Unranked = c.N, b.Unranked+c.Unranked
		case models.ApplicationWaiting:
			b.Waiting, b.Unranked = c.N, b.Unranked+c.Unranked
		case models.ApplicationUnselected:
			b.Unselected = c.N
		default:
			b.Proposed += c.N
		}
	}
	err = tx.Raw("SELECT COUNT(*), COALESCE(SUM(CASE WHEN application_id IS NULL THEN 1 ELSE 0 END), 0) FROM place_seats WHERE cycle_id = ?", cycleID).
		Row().Scan(&b.Places, &b.Free)
	if err != nil {
		return b, fmt.Errorf("counting the places of %s: %w", cycleID, err)
	}
	return b, nil
}
