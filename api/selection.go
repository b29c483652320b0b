package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"go.temporal.io/sdk/client"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/workflows"
)

// PlacesView is how many households a cycle may certify, with the numbers that it came from (附三(四)).
type PlacesView struct {
	Cycle       string        `json:"cycle"`
	Growth      int64         `json:"growth" doc:"成长型户数（当年集中分型判定）"`
	Development int64         `json:"development" doc:"发展型户数"`
	Share       string        `json:"share" doc:"比例"`
	Gross       int64         `json:"gross" doc:"按比例计算的名额，不足一个的舍去"`
	StillValid  int64         `json:"still_valid" doc:"次年1月1日仍在有效期内的认定"`
	Places      int64         `json:"places" doc:"本年度可认定的名额"`
	Taken       int64         `json:"taken" doc:"已占用"`
	Free        int64         `json:"free" doc:"空余"`
	Run         int64         `json:"run" doc:"所依据的分型判定编号"`
	PolicyID    int64         `json:"policy_id"`
	Clause      string        `json:"clause" doc:"依据条款"`
	Text        string        `json:"text" doc:"条款原文"`
	FrozenOn    calendar.Date `json:"frozen_on" doc:"核定日期"`
}

// RankView is one application in the comparison.
type RankView struct {
	Place         int                     `json:"place" doc:"名次"`
	ApplicationID int64                   `json:"application_id"`
	USCC          string                  `json:"uscc"`
	Name          string                  `json:"name" doc:"名称"`
	Street        string                  `json:"street" doc:"街道"`
	Tier          models.Tier             `json:"tier" doc:"分型"`
	Category      string                  `json:"category" doc:"分类"`
	Origin        string                  `json:"origin" doc:"申报方式"`
	Score         int                     `json:"score" doc:"总分"`
	Items         []models.ScoreItem      `json:"items" doc:"逐项得分"`
	Tie           string                  `json:"tie,omitempty" doc:"同分时据以排序的规则"`
	Proposal      models.SelectionOutcome `json:"proposal" enum:"propose,wait_list" doc:"按规则的方案：propose 拟认定，wait_list 候补"`
	Decision      models.SelectionOutcome `json:"decision" enum:",propose,wait_list,not_select" doc:"决定，空为待确认"`
	State         models.ApplicationState `json:"state"`
	StateName     string                  `json:"state_name" doc:"申报件现状"`
	Reason        string                  `json:"reason,omitempty" doc:"偏离方案的理由"`
	DecidedBy     models.Actor            `json:"decided_by,omitempty"`
	DecidedAt     string                  `json:"decided_at,omitempty"`
}

// SelectionView is a page of the comparison with where it stands.
type SelectionView struct {
	Cycle      string `json:"cycle"`
	Places     int64  `json:"places" doc:"名额，核定前为 0"`
	Free       int64  `json:"free" doc:"空余名额"`
	Left       int64  `json:"left" doc:"待确认户数"`
	Proposed   int64  `json:"proposed" doc:"拟认定（含已认定）"`
	Waiting    int64  `json:"waiting" doc:"候补"`
	Unselected int64  `json:"unselected" doc:"未入选"`
	Page[RankView]
}

// SelectionAnswer is what became of a decision.
type SelectionAnswer struct {
	Decided int   `json:"decided" doc:"本次决定的户数"`
	Left    int64 `json:"left" doc:"尚待确认的户数"`
	Free    int64 `json:"free" doc:"空余名额"`
}

func (s *Server) registerSelection() {
	tags := []string{"比选与公示"}
	const at = "/api/v1/cycles/{id}/selection"
	register(s, everyone, huma.Operation{OperationID: "get-places", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/places", Summary: "本年度认定名额及其由来", Tags: tags}, s.getPlaces)
	register(s, everyone, huma.Operation{OperationID: "list-selection", Method: http.MethodGet, Path: at, Summary: "比选排名：得分、并列说明、方案、决定", Tags: tags}, s.listSelection)
	register(s, everyone, download("export-selection-csv", at+".csv", "比选排名（CSV）", tags, kindCSV), s.exportSelection("csv"))
	register(s, everyone, download("export-selection-xlsx", at+".xlsx", "比选排名（Excel）", tags, kindXLSX), s.exportSelection("xlsx"))
	register(s, admins, huma.Operation{OperationID: "confirm-selection", Method: http.MethodPost, Path: at + "/confirmations", Summary: "确认比选方案；逐户偏离方案须写明理由", Tags: tags, DefaultStatus: http.StatusOK}, s.confirmSelection)
}

// selectionReader lets the bureau, the city and auditors see the comparison; other departments have no part in it.
func selectionReader(u models.User, cycleID string) error {
	if err := cycleInDistrict(u, cycleID); err != nil {
		return err
	}
	if u.Role == models.RoleDepartment {
		return bureauOnly(u)
	}
	return nil
}

func (s *Server) getPlaces(ctx context.Context, u models.User, in *CycleInput) (*struct{ Body PlacesView }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	p, err := s.Store.Places(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	law, err := s.Store.PolicyByID(ctx, p.PolicyID)
	if err != nil {
		return nil, err
	}
	b, err := s.Store.SelectionBoard(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body PlacesView }{PlacesView{Cycle: in.ID, Growth: p.Growth, Development: p.Development, Share: law.Places.Share.Value.String(), Gross: p.Gross,
		StillValid: p.StillValid, Places: p.Places, Taken: b.Places - b.Free, Free: b.Free, Run: p.RunID, PolicyID: p.PolicyID, Clause: law.Places.Clause,
		Text: law.Places.Text, FrozenOn: p.FrozenOn}}, nil
}

func (s *Server) listSelection(ctx context.Context, u models.User, in *struct {
	CycleInput
	After int `query:"after" minimum:"0" doc:"上一页的 next"`
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body SelectionView }, error) {
	if err := selectionReader(u, in.ID); err != nil {
		return nil, err
	}
	b, err := s.Store.SelectionBoard(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.Ranking(ctx, in.ID, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body SelectionView }{SelectionView{Cycle: in.ID, Places: b.Places, Free: b.Free, Left: b.Left, Proposed: b.Proposed, Waiting: b.Waiting,
		Unselected: b.Unselected, Page: newPage(list, in.Limit, viewRank, func(r store.RankItem) any { return r.Place })}}, nil
}

func viewRank(r store.RankItem) RankView {
	return RankView{Place: r.Place, ApplicationID: r.ApplicationID, USCC: r.USCC, Name: r.Name, Street: r.Street, Tier: r.Tier, Category: r.Category.Name(),
		Origin: r.Origin.Name(), Score: r.Score, Items: r.Items, Tie: r.Tie, Proposal: r.Proposal, Decision: r.Decision, State: r.State, StateName: r.State.Name(),
		Reason: r.Reason, DecidedBy: r.DecidedBy, DecidedAt: momentOrEmpty(r.DecidedAt)}
}

func (s *Server) exportSelection(format string) func(context.Context, models.User, *CycleInput) (*huma.StreamResponse, error) {
	return func(ctx context.Context, u models.User, in *CycleInput) (*huma.StreamResponse, error) {
		if err := selectionReader(u, in.ID); err != nil {
			return nil, err
		}
		e := export{name: "selection-" + in.ID, sheet: "比选排名", width: []float64{6, 22, 36, 14, 10, 8, 10, 8, 60, 40, 10, 10, 40, 14, 26, 14}}
		return s.table(ctx, format, e, func(t files.TableWriter) error {
			err := t.Row("名次", "统一社会信用代码", "名称", "街道", "分型", "分类", "申报方式", "总分", "得分明细", "并列说明", "方案", "决定", "理由", "决定人", "决定时间", "现状")
			if err != nil {
				return err
			}
			return pages(func(after string) ([]store.RankItem, error) {
				place, _ := strconv.Atoi(after) // ours
				return s.Store.Ranking(ctx, in.ID, place, exportPage)
			}, func(r store.RankItem) (string, error) {
				return strconv.Itoa(r.Place), t.Row(strconv.Itoa(r.Place), r.USCC, r.Name, r.Street, r.Tier.String(), r.Category.Name(), r.Origin.Name(),
					strconv.Itoa(r.Score), scoreWords(r.Items), r.Tie, r.Proposal.Name(), r.Decision.Name(), r.Reason, string(r.DecidedBy),
					momentOrEmpty(r.DecidedAt), r.State.Name())
			})
		}), nil
	}
}

// scoreWords is a score in one cell: 附三(三)2(1)A 知名A…：10分；…
func scoreWords(items []models.ScoreItem) string {
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = fmt.Sprintf("%s：%d分（%s）", item.Text, item.Points, item.Clause)
	}
	return strings.Join(words, "；")
}

func (s *Server) confirmSelection(ctx context.Context, u models.User, in *struct {
	CycleInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"80" doc:"同一请求重发时保持不变"`
	Body           struct {
		ApplicationIDs []int64                 `json:"application_ids,omitempty" maxItems:"500" uniqueItems:"true" doc:"申报件编号"`
		All            bool                    `json:"all,omitempty" doc:"其余各户全部按方案确认"`
		Outcome        models.SelectionOutcome `json:"outcome,omitempty" enum:"propose,wait_list,not_select" doc:"不填为按方案；偏离方案须逐户办理并写明理由"`
		Reason         string                  `json:"reason,omitempty" maxLength:"2000" doc:"偏离方案的理由"`
	}
}) (*struct{ Body SelectionAnswer }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	if err := u.Actor().Personally(); err != nil {
		return nil, err
	}
	d := models.SelectionDecision{CommandID: commandKey(in.IdempotencyKey), CycleID: in.ID, ApplicationIDs: in.Body.ApplicationIDs, All: in.Body.All,
		Outcome: in.Body.Outcome, Actor: u.Actor()}
	if err := d.Validate(); err != nil {
		return nil, err // before the reason is kept
	}
	if strings.TrimSpace(in.Body.Reason) != "" {
		var err error
		if d.ReasonID, err = s.Store.AddReason(ctx, u.Actor(), in.Body.Reason); err != nil {
			return nil, err
		}
		d.Request = store.HashToken(in.Body.Reason)
	}
	handle, err := s.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: workflows.SelectionWorkflowID(in.ID), UpdateID: d.CommandID, UpdateName: workflows.UpdateConfirm, Args: []any{d},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return nil, commandError(err)
	}
	var a workflows.SelectionAnswer
	if err := handle.Get(ctx, &a); err != nil {
		return nil, commandError(err)
	}
	// the engine answers another request under the same number as if it were the first
	if _, err := s.Store.SelectionCommandDone(ctx, d); err != nil {
		return nil, err
	}
	return &struct{ Body SelectionAnswer }{SelectionAnswer(a)}, nil
}
