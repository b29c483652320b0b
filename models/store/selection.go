package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	if _, err := a.State.Next(models.EventBar); err != nil {
		return nil //nolint:nilerr // closed meanwhile: nothing to refuse
	}
	words := make([]string, len(bars))
	for i, b := range bars {
		words[i] = fmt.Sprintf("%s（%s）：%s", b.Text, b.Clause, b.Why)
	}
	text := []rune(strings.Join(words, "；"))
	reason, err := s.addReason(tx, models.ActorSystem, string(text[:min(len(text), MaxReason)]))
	if err != nil {
		return err
	}
	return s.moveApplication(tx, a, models.ApplicationCommand{CommandID: fmt.Sprintf("bar/%d", a.Events), ApplicationID: a.ID, Event: models.EventBar,
		Actor: models.ActorSystem, ReasonID: reason, Clause: bars[0].Clause}, today, map[string]any{"bars": bars})
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

// selectionHash is of what was asked for; the reason's id is not, since a repeated request brings its text anew.
func selectionHash(d models.SelectionDecision) string {
	h := sha256.New()
	fmt.Fprintln(h, d.All, d.Outcome, slices.Sorted(slices.Values(d.ApplicationIDs)))
	return hex.EncodeToString(h.Sum(nil))
}

type selectionCommandRow struct {
	CycleID     string `gorm:"primaryKey"`
	CommandID   string `gorm:"primaryKey"`
	RequestHash string
	Decided     int
	ReasonID    int64
	Actor       models.Actor
	At          time.Time
}

func (selectionCommandRow) TableName() string { return "selection_commands" }

// ConfirmSelection confirms the proposal of a cycle's comparison, or departs from it for one household, and says how many were decided
// and where the comparison then stands; once per command. What is listed is decided all of it or nothing. With All, those whom the
// actor may not decide about (four eyes, 回避) are left. The error is a *models.Error when the decision is refused; nobody is proposed
// beyond the places, whatever else happens at the same time.
func (s *Store) ConfirmSelection(ctx context.Context, d models.SelectionDecision, today calendar.Date, progress func()) (decided int, board models.SelectionBoard, err error) {
	failed := func(err error) (int, models.SelectionBoard, error) {
		return 0, models.SelectionBoard{}, fmt.Errorf("deciding the comparison of %s: %w", d.CycleID, err)
	}
	if err := d.Validate(); err != nil {
		return failed(err)
	}
	made, done, err := s.selectionCommand(s.db.WithContext(ctx), d)
	if err != nil {
		return failed(err)
	}
	if !done {
		list := d.ApplicationIDs
		for after := 0; d.All; {
			progress()
			if after, err = s.confirmPage(ctx, d, after, today); err != nil {
				return failed(err)
			}
			if after == 0 {
				break
			}
		}
		err = s.tx(ctx, func(tx *gorm.DB) error {
			if made, done, err = s.selectionCommand(tx, d); err != nil || done {
				return err
			}
			if _, err := s.lockPlaces(tx, d.CycleID); err != nil {
				return err
			}
			if !d.All {
				if err := s.confirm(tx, d, list, today); err != nil {
					return err
				}
			}
			return s.recordConfirmation(tx, d, today, &made)
		})
		if err != nil {
			return failed(err)
		}
	}
	board, err = s.SelectionBoard(ctx, d.CycleID)
	return made.Decided, board, err
}

// selectionCommand finds a command on record.
func (s *Store) selectionCommand(tx *gorm.DB, d models.SelectionDecision) (made selectionCommandRow, done bool, err error) {
	err = tx.Where("cycle_id = ? AND command_id = ?", d.CycleID, d.CommandID).Take(&made).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return selectionCommandRow{}, false, nil
	case err != nil:
		return made, false, fmt.Errorf("looking for command %s: %w", d.CommandID, err)
	case made.RequestHash != selectionHash(d):
		return made, false, models.Conflict("这个操作编号已用于另一项比选决定，请换一个编号")
	}
	return made, true, nil
}

// recordConfirmation keeps the command with what it did, and closes what the bureau owes when nothing is left to decide.
func (s *Store) recordConfirmation(tx *gorm.DB, d models.SelectionDecision, today calendar.Date, made *selectionCommandRow) error {
	*made = selectionCommandRow{CycleID: d.CycleID, CommandID: d.CommandID, RequestHash: selectionHash(d), ReasonID: d.ReasonID, Actor: d.Actor, At: s.now()}
	err := tx.Raw(`SELECT COUNT(*) FROM application_events e JOIN applications a ON a.id = e.application_id WHERE a.cycle_id = ? AND e.command_id = ?`,
		d.CycleID, d.CommandID).Row().Scan(&made.Decided)
	if err != nil {
		return err
	}
	if err := tx.Create(made).Error; err != nil {
		return err
	}
	board, err := selectionBoard(tx, d.CycleID)
	if err != nil {
		return err
	}
	if board.Done() {
		if err := s.fulfilObligation(tx, d.CycleID, models.ObligationSelection, "", models.BureauCode, today, d.Actor); err != nil {
			return err
		}
	}
	return s.audit(tx, d.Actor, "selection.confirm", "cycle/"+d.CycleID, map[string]any{"command": d.CommandID, "all": d.All, "ids": d.ApplicationIDs,
		"outcome": d.Outcome, "reason_id": d.ReasonID, "decided": made.Decided, "left": board.Left, "on": today})
}

// confirmPage confirms the proposal for the next undecided ones after a place, and gives the place to go on from; 0 = no more.
func (s *Store) confirmPage(ctx context.Context, d models.SelectionDecision, after int, today calendar.Date) (next int, err error) {
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if _, err := s.lockPlaces(tx, d.CycleID); err != nil {
			return err
		}
		var page []struct {
			ApplicationID int64
			Place         int
		}
		err := tx.Raw(`SELECT r.application_id, r.place FROM selection_ranks r JOIN applications a ON a.id = r.application_id
			WHERE r.cycle_id = ? AND a.state = ? AND r.place > ? ORDER BY r.place LIMIT ?`, d.CycleID, models.ApplicationQualified, after, rankPage).Scan(&page).Error
		if err != nil || len(page) == 0 {
			next = 0
			return err
		}
		ids := make([]int64, len(page))
		for i, p := range page {
			ids[i], next = p.ApplicationID, p.Place
		}
		return s.confirm(tx, d, ids, today)
	})
	return next, err
}

// confirm decides about applications in the order of their rank; the caller has locked the cycle's places.
func (s *Store) confirm(tx *gorm.DB, d models.SelectionDecision, ids []int64, today calendar.Date) error {
	var stage models.Stage
	if err := tx.Table("cycles").Select("stage").Where("id = ?", d.CycleID).Row().Scan(&stage); err != nil {
		return fmt.Errorf("reading the stage of %s: %w", d.CycleID, err)
	}
	if stage != models.StageSelection {
		return models.Conflict("年度工作现处于“%s”阶段，比选结果只能在“%s”阶段确定", stage.Info().Name, models.StageSelection.Info().Name)
	}
	list, err := s.lockApplications(tx, ids)
	if err != nil {
		return err
	}
	applications := make(map[int64]models.Application, len(list))
	for _, a := range list {
		applications[a.ID] = a
	}
	if err := proposeByRank(tx, d.CycleID); err != nil {
		return err
	}
	var ranks []rankRow
	if err := tx.Where("cycle_id = ? AND application_id IN ?", d.CycleID, ids).Order("place").Find(&ranks).Error; err != nil {
		return err
	}
	if len(ranks) != len(ids) {
		return models.NotFound("所选申报件中有 %d 件不在本年度的比选排名中", len(ids)-len(ranks))
	}
	var done []int64
	if err := tx.Table("application_events").Where("application_id IN ? AND command_id = ?", ids, d.CommandID).Pluck("application_id", &done).Error; err != nil {
		return err
	}
	for _, r := range ranks {
		a := applications[r.ApplicationID]
		if slices.Contains(done, a.ID) {
			continue
		}
		err := s.mayDecide(tx, a, d.Actor)
		if d.All && models.CodeOf(err) == models.CodeForbidden {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.decideRank(tx, d, r, a, today); err != nil {
			return err
		}
	}
	return proposeByRank(tx, d.CycleID)
}

func (s *Store) decideRank(tx *gorm.DB, d models.SelectionDecision, r rankRow, a models.Application, today calendar.Date) error {
	k, err := r.rank()
	if err != nil {
		return err
	}
	outcome, err := k.Outcome(d, a.State)
	if err != nil {
		return err
	}
	err = s.moveApplication(tx, &a, models.ApplicationCommand{CommandID: d.CommandID, ApplicationID: a.ID, Event: outcome.Event(), Actor: d.Actor,
		ReasonID: d.ReasonID, Clause: selectionClause}, today, map[string]any{"place": r.Place, "score": r.Score, "proposal": r.Proposal})
	if err != nil {
		return err
	}
	departure := int64(0)
	if outcome != r.Proposal {
		departure = d.ReasonID
	}
	return tx.Model(&rankRow{}).Where("cycle_id = ? AND application_id = ?", d.CycleID, a.ID).
		Updates(map[string]any{"decision": outcome, "reason_id": departure, "decided_by": d.Actor, "decided_at": s.now()}).Error
}
