package api

import (
	"context"
	"math"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// TierNumbers is households per tier, by the terms of the law.
type TierNumbers map[string]int64

func tierNumbers(c models.TierCounts) TierNumbers {
	n := make(TierNumbers, len(models.Tiers))
	for _, t := range models.Tiers {
		n[t.String()] = c[t]
	}
	return n
}

// tierShares is percent per tier, two decimals.
func tierShares(c models.TierCounts) map[string]float64 {
	shares := make(map[string]float64, len(models.Tiers))
	for _, t := range models.Tiers {
		shares[t.String()] = math.Round(float64(c[t])/float64(max(c.Total(), 1))*10_000) / 100
	}
	return shares
}

// RunView is one tiering run: what it was judged on, and what it found.
type RunView struct {
	Number        int           `json:"number" doc:"第几次判定"`
	State         string        `json:"state" enum:"open,done" doc:"open 判定中，done 已完成"`
	Current       bool          `json:"current" doc:"当前采用的结果"`
	AsOf          calendar.Date `json:"as_of" doc:"判定日"`
	PolicyVersion int           `json:"policy_version" doc:"政策版本"`
	PolicyHash    string        `json:"policy_hash" doc:"政策文件的 SHA-256"`
	Program       string        `json:"program" doc:"程序版本"`
	Data          string        `json:"data" doc:"所据数据：来源:最新交付序号/已采用的交付数"`
	Households    int64         `json:"households" doc:"户数"`
	Judged        int64         `json:"judged" doc:"已判定户数"`
	Counts        TierNumbers   `json:"counts" doc:"本区判定各分型户数，判定中为已判定的"`
	StartedAt     string        `json:"started_at"`
	FinishedAt    string        `json:"finished_at,omitempty"`
}

func viewRun(run models.Run, version int) RunView {
	v := RunView{Number: run.Number, State: string(run.State), Current: run.Current, AsOf: run.AsOf, PolicyVersion: version, PolicyHash: run.PolicyHash,
		Program: run.Program, Data: run.DataMark, Households: run.Counts.Total(), Judged: run.Counts.Total(), Counts: tierNumbers(run.Counts), StartedAt: moment(run.StartedAt)}
	if !run.FinishedAt.IsZero() {
		v.FinishedAt = moment(run.FinishedAt)
	}
	return v
}

// GroupNumbers is the tiers of one street or trade.
type GroupNumbers struct {
	Code       string             `json:"code,omitempty" doc:"行业门类代码"`
	Name       string             `json:"name"`
	Households int64              `json:"households"`
	Counts     TierNumbers        `json:"counts"`
	Shares     map[string]float64 `json:"shares" doc:"占比（%）"`
}

// TierPair counts households by two tiers.
type TierPair struct {
	From       models.Tier `json:"from" doc:"空为没有"`
	To         models.Tier `json:"to" doc:"空为没有"`
	Households int64       `json:"households"`
}

func tierPairs(m models.TierMatrix) []TierPair {
	pairs := []TierPair{}
	for from := range m {
		for to, n := range m[from] {
			if n > 0 {
				pairs = append(pairs, TierPair{models.Tier(from), models.Tier(to), n})
			}
		}
	}
	return pairs
}

// DistributionView is how the households of a cycle are distributed, against the city's result and last year, and what
// data lack: what a tiering shows and a study reports.
type DistributionView struct {
	Households  int64                 `json:"households" doc:"户数"`
	Counts      TierNumbers           `json:"counts" doc:"各分型户数：研判决定优先，其次市级结果，再次本区判定"`
	Shares      map[string]float64    `json:"shares" doc:"占比（%）"`
	OwnCounts   TierNumbers           `json:"own_counts" doc:"本区判定各分型户数"`
	CityCounts  TierNumbers           `json:"city_counts" doc:"市级结果各分型户数（本区登记在列的）"`
	Streets     []GroupNumbers        `json:"streets"`
	Trades      []GroupNumbers        `json:"trades" doc:"按 GB/T 4754 门类"`
	Differences DifferenceNumbers     `json:"differences" doc:"与市级结果的差异"`
	Movement    MovementNumbers       `json:"movement" doc:"与上年相比的变动"`
	Gaps        []models.DataGap      `json:"gaps" doc:"各数据来源的缺口"`
	NotKnown    []models.ConditionGap `json:"not_known" doc:"因无数据而无法判断的条件及户数"`
}

func viewDistribution(r *models.StudyReport) DistributionView {
	d := r.Distribution
	v := DistributionView{Households: d.Effective.Total(), Counts: tierNumbers(d.Effective), Shares: tierShares(d.Effective),
		OwnCounts: tierNumbers(d.Own), CityCounts: tierNumbers(d.City), Streets: groupNumbers(d.Streets, false), Trades: groupNumbers(d.Trades, true),
		Differences: differenceNumbers(d, r.Study.Compared), Movement: movementNumbers(r.Movement), Gaps: r.Gaps, NotKnown: r.NotKnown}
	if v.NotKnown == nil {
		v.NotKnown = []models.ConditionGap{}
	}
	return v
}

// TieringView is a cycle's tiering as officials read it (R4).
type TieringView struct {
	Cycle         string        `json:"cycle"`
	AsOf          calendar.Date `json:"as_of" doc:"判定日"`
	PolicyVersion int           `json:"policy_version" doc:"政策版本"`
	PolicyHash    string        `json:"policy_hash"`
	Confirm       string        `json:"confirm,omitempty" doc:"政策中尚待区里确认的内容"`
	Run           RunView       `json:"run"`
	DistributionView
}

// DifferenceNumbers compares our own result with the city's.
type DifferenceNumbers struct {
	Compared   bool        `json:"compared" doc:"市级分型结果已下发"`
	Households int64       `json:"households" doc:"结果不一致的户数"`
	NotInCity  int64       `json:"not_in_city" doc:"市级结果中没有的户数"`
	Counts     TierNumbers `json:"counts" doc:"各分型本区判定户数减市级结果户数"`
	Pairs      []TierPair  `json:"pairs" doc:"from 本区判定，to 市级结果"`
}

// MovementNumbers compares with last year.
type MovementNumbers struct {
	Known     bool       `json:"known" doc:"有上年的分型结果可比"`
	Rose      int64      `json:"rose" doc:"上升"`
	Fell      int64      `json:"fell" doc:"下降"`
	Left      int64      `json:"left" doc:"退出（本年登记数据中没有）"`
	New       int64      `json:"new" doc:"新增（上年没有）"`
	Unchanged int64      `json:"unchanged" doc:"不变"`
	Pairs     []TierPair `json:"pairs" doc:"from 上年，to 本年"`
}

func (s *Server) registerTiering() {
	tags := []string{"分型判定"}
	register(s, everyone, huma.Operation{OperationID: "get-tiering", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/tiering", Summary: "分型结果：各分型、街道、行业户数，与市级差异，与上年变动，数据缺口", Tags: tags}, s.getTiering)
	register(s, everyone, huma.Operation{OperationID: "list-movement", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/tiering/movement", Summary: "与上年相比上升、下降、退出、新增的个体工商户", Tags: tags}, s.listMovement)
	register(s, everyone, huma.Operation{OperationID: "list-tiering-runs", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/tiering/runs", Summary: "历次判定", Tags: tags}, s.listRuns)
	register(s, everyone, huma.Operation{OperationID: "list-tiering-changes", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/tiering/runs/{number}/changes", Summary: "一次判定与前一次相比的变化", Tags: tags}, s.listChanges)
	register(s, everyone, huma.Operation{OperationID: "explain-household", Method: http.MethodGet, Path: "/api/v1/households/{uscc}/tiering/{year}", Summary: "一户的分型结果及逐条依据，离上一级还缺什么", Tags: tags}, s.explainHousehold)
}

// CycleInput names a cycle.
type CycleInput struct {
	ID string `path:"id" doc:"年度工作编号，如 110107-2026"`
}

// currentRun is the run that counts in a cycle that the caller may see, with its policy.
func (s *Server) currentRun(ctx context.Context, u models.User, cycleID string) (models.Run, store.PolicyVersion, error) {
	if err := cycleInDistrict(u, cycleID); err != nil {
		return models.Run{}, store.PolicyVersion{}, err
	}
	run, err := s.Store.CurrentRun(ctx, cycleID)
	if err != nil {
		return models.Run{}, store.PolicyVersion{}, err
	}
	law, err := s.Store.PolicyByID(ctx, run.PolicyID)
	return run, law, err
}

func cycleInDistrict(u models.User, cycleID string) error {
	district, _, err := models.ParseCycleID(cycleID)
	if err != nil {
		return err
	}
	return inDistrict(u, district)
}

func (s *Server) getTiering(ctx context.Context, u models.User, in *CycleInput) (*struct{ Body TieringView }, error) {
	run, law, err := s.currentRun(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	r, err := s.Store.StudyReport(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body TieringView }{TieringView{
		Cycle: run.CycleID, AsOf: run.AsOf, PolicyVersion: law.Version, PolicyHash: law.Hash, Confirm: law.Confirm, Run: viewRun(run, law.Version),
		DistributionView: viewDistribution(r),
	}}, nil
}

func groupNumbers(groups []models.GroupCounts, coded bool) []GroupNumbers {
	list := make([]GroupNumbers, len(groups))
	for i, g := range groups {
		list[i] = GroupNumbers{Name: g.Name, Households: g.Counts.Total(), Counts: tierNumbers(g.Counts), Shares: tierShares(g.Counts)}
		if coded {
			list[i].Code = g.Key
		}
	}
	return list
}

func differenceNumbers(d models.Distribution, compared bool) DifferenceNumbers {
	n := DifferenceNumbers{Compared: compared, Households: d.OwnByCity.Differing(), Counts: TierNumbers{}, Pairs: []TierPair{}}
	if !compared {
		return n
	}
	for _, t := range models.Tiers {
		n.Counts[t.String()] = d.Own[t] - d.City[t]
		n.NotInCity += d.OwnByCity[t][models.NoTier]
	}
	for _, p := range tierPairs(d.OwnByCity) {
		if p.From != p.To && p.To != models.NoTier {
			n.Pairs = append(n.Pairs, p)
		}
	}
	return n
}

func movementNumbers(m models.Movement) MovementNumbers {
	n := MovementNumbers{Known: m.Known, Pairs: []TierPair{}}
	if !m.Known {
		return n
	}
	n.Rose, n.Fell, n.Left, n.New = m.Count(models.DirectionRose), m.Count(models.DirectionFell), m.Count(models.DirectionLeft), m.Count(models.DirectionNew)
	for _, t := range models.Tiers {
		n.Unchanged += m.Matrix[t][t]
	}
	n.Pairs = tierPairs(m.Matrix)
	return n
}

// MoverView is a household whose tier is another one.
type MoverView struct {
	USCC string      `json:"uscc"`
	Name string      `json:"name,omitempty"`
	From models.Tier `json:"from" doc:"原分型，空为没有"`
	To   models.Tier `json:"to" doc:"现分型，空为没有"`
}

func (s *Server) listMovement(ctx context.Context, u models.User, in *struct {
	CycleInput
	Direction models.Direction `query:"direction" required:"true" enum:"rose,fell,left,new" doc:"rose 上升，fell 下降，left 退出，new 新增"`
	After     string           `query:"after" maxLength:"18" doc:"上一页的 next"`
	Limit     int              `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[MoverView] }, error) {
	run, _, err := s.currentRun(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.Movers(ctx, run, in.Direction, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[MoverView] }{newPage(list, in.Limit, func(m store.Mover) MoverView { return MoverView(m) }, func(m store.Mover) any { return m.USCC })}, nil
}

func (s *Server) listRuns(ctx context.Context, u models.User, in *struct {
	CycleInput
	After int `query:"after" minimum:"0" doc:"上一页的 next"`
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[RunView] }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	runs, err := s.Store.Runs(ctx, in.ID, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	versions := map[int64]int{}
	open := map[int64]RunView{} // how far runs are that are not done
	for _, run := range runs {
		if _, ok := versions[run.PolicyID]; !ok {
			law, err := s.Store.PolicyByID(ctx, run.PolicyID)
			if err != nil {
				return nil, err
			}
			versions[run.PolicyID] = law.Version
		}
		if run.State == models.RunOpen {
			if open[run.ID], err = s.progress(ctx, run, versions[run.PolicyID]); err != nil {
				return nil, err
			}
		}
	}
	view := func(run models.Run) RunView {
		if v, ok := open[run.ID]; ok {
			return v
		}
		return viewRun(run, versions[run.PolicyID])
	}
	return &struct{ Body Page[RunView] }{newPage(runs, in.Limit, view, func(run models.Run) any { return run.Number })}, nil
}

// progress shows a run that is being judged.
func (s *Server) progress(ctx context.Context, run models.Run, version int) (RunView, error) {
	parts, err := s.Store.RunParts(ctx, run.ID)
	if err != nil {
		return RunView{}, err
	}
	var households int64
	for _, p := range parts {
		households += p.Households
		for t := range run.Counts {
			run.Counts[t] += p.Counts[t]
		}
	}
	v := viewRun(run, version)
	v.Households = households
	return v, nil
}

// ChangeView is what a run said otherwise of a household than the one before.
type ChangeView struct {
	USCC        string      `json:"uscc"`
	From        models.Tier `json:"from" doc:"前次分型，空为前次没有该户"`
	To          models.Tier `json:"to" doc:"本次分型"`
	TierChanged bool        `json:"tier_changed" doc:"分型有变；否则只是逐条依据有变"`
}

func (s *Server) listChanges(ctx context.Context, u models.User, in *struct {
	CycleInput
	Number   int    `path:"number" minimum:"1" doc:"第几次判定"`
	Findings bool   `query:"findings" doc:"也列出分型不变、只是逐条依据有变的"`
	After    string `query:"after" maxLength:"18" doc:"上一页的 next"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[ChangeView] }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	run, err := s.Store.RunByNumber(ctx, in.ID, in.Number)
	if err != nil {
		return nil, err
	}
	if run.State != models.RunDone {
		return nil, models.Conflict("第 %d 次判定尚未完成", in.Number)
	}
	list, err := s.Store.RunChanges(ctx, run, !in.Findings, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	view := func(c store.RunChange) ChangeView { return ChangeView{c.USCC, c.From, c.To, c.From != c.To} }
	return &struct{ Body Page[ChangeView] }{newPage(list, in.Limit, view, func(c store.RunChange) any { return c.USCC })}, nil
}

// HouseholdView is why a household has its tier (B1).
type HouseholdView struct {
	USCC          string           `json:"uscc"`
	Name          string           `json:"name"`
	Year          int              `json:"year"`
	Tier          models.Tier      `json:"tier" doc:"分型结果：研判决定优先，其次市级结果，再次本区判定"`
	OwnTier       models.Tier      `json:"own_tier" doc:"本区判定，逐条依据说明的是它"`
	CityTier      models.Tier      `json:"city_tier" doc:"市级结果，空为没有"`
	DecidedTier   models.Tier      `json:"decided_tier" doc:"研判决定，空为没有"`
	Summary       string           `json:"summary" doc:"一句话说明"`
	Findings      []models.Finding `json:"findings" doc:"逐条依据"`
	NextTier      models.Tier      `json:"next_tier" doc:"可以争取的上一级，空为已是最高"`
	Missing       []string         `json:"missing" doc:"离上一级还缺什么"`
	AsOf          calendar.Date    `json:"as_of" doc:"判定日"`
	Run           int              `json:"run" doc:"第几次判定"`
	PolicyVersion int              `json:"policy_version" doc:"政策版本"`
	PolicyHash    string           `json:"policy_hash"`
	Confirm       string           `json:"confirm,omitempty" doc:"政策中尚待区里确认的内容"`
	Note          string           `json:"note,omitempty" doc:"判定之后数据有更新等情况"`
}

func (s *Server) explainHousehold(ctx context.Context, u models.User, in *struct {
	USCC string `path:"uscc" pattern:"^[0-9A-Z]{18}$" doc:"统一社会信用代码"`
	Year int    `path:"year" minimum:"2000" maximum:"2100"`
}) (*struct{ Body HouseholdView }, error) {
	v, err := s.explain(ctx, u.District, in.USCC, in.Year)
	if err != nil {
		return nil, err
	}
	return &struct{ Body HouseholdView }{v}, nil
}

// explain says why a household has its tier of a year, in one district or (empty) in any; CodeNotFound if it has none.
func (s *Server) explain(ctx context.Context, district, uscc string, year int) (v HouseholdView, err error) {
	h, err := s.Store.HouseholdTier(ctx, district, uscc, year)
	if err != nil {
		return v, err
	}
	law, err := s.Store.PolicyByID(ctx, h.Run.PolicyID)
	if err != nil {
		return v, err
	}
	judge, err := law.Judge(h.Run.Year, h.Run.AsOf)
	if err != nil {
		return v, err
	}
	delivered, _, err := s.Store.Delivered(ctx, h.Run.District, h.Run.Year)
	if err != nil {
		return v, err
	}
	facts, err := s.Store.Facts(ctx, h.Run.District, models.NewAssembly(h.Run.Year, h.Run.AsOf, delivered), uscc)
	if err != nil {
		return v, err
	}
	e := judge.Explain(facts, h.Verdict)
	v = HouseholdView{USCC: uscc, Name: h.Name, Year: year, Tier: h.Effective, OwnTier: h.Verdict.Tier, CityTier: h.City, DecidedTier: h.Decided,
		Summary: e.Summary, Findings: e.Findings, NextTier: e.NextTier, Missing: e.Missing, AsOf: h.Run.AsOf, Run: h.Run.Number,
		PolicyVersion: law.Version, PolicyHash: law.Hash, Confirm: law.Confirm}
	if judge.Judge(facts) != h.Verdict {
		v.Note = "这次判定之后，该户的数据有更新，将在下一次判定时生效；所列数据为最新数据。"
	}
	return v, nil
}
