package api

import (
	"context"
	"fmt"

	"bangfu/models"
)

// FindingInput is a reviewer's finding on one ground.
type FindingInput struct {
	Category string `json:"category" minLength:"1" maxLength:"20" doc:"分类：renowned 知名，distinctive 特色，quality 优质，emerging 新兴"`
	Letter   string `json:"letter" pattern:"^[A-Z]$" doc:"条件字母"`
	Met      bool   `json:"met" doc:"是否符合"`
	Reason   string `json:"reason,omitempty" maxLength:"2000" doc:"理由；由部门数据判定的可不填"`
}

// findingInputs are findings whose reasons are yet to be kept.
type findingInputs []FindingInput

// keep reads the findings and keeps their reasons.
func (f findingInputs) keep(ctx context.Context, s *Server, actor models.Actor) ([]models.GroundFinding, error) {
	list := make([]models.GroundFinding, len(f))
	for i, one := range f {
		category, err := models.ParseCategory(one.Category)
		if err != nil {
			return nil, err
		}
		list[i] = models.GroundFinding{Category: category, Letter: one.Letter, Met: one.Met}
	}
	for i, one := range f {
		if one.Reason == "" {
			continue
		}
		var err error
		if list[i].ReasonID, err = s.Store.AddReason(ctx, actor, one.Reason); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// decide carries a reviewer's decision out; text is its reason, findings those on grounds.
func (s *Server) decide(ctx context.Context, u models.User, c models.ApplicationCommand, text string, findings findingInputs) (*struct{ Body ReviewItem }, error) {
	if err := bureauOnly(u); err != nil {
		return nil, err
	}
	a, err := s.reviewable(ctx, u, c.ApplicationID)
	if err != nil {
		return nil, err
	}
	c.Actor = u.Actor()
	c = c.Asked(text, fmt.Sprint(findings))
	done, err := s.Store.ApplicationCommandDone(ctx, c)
	if err != nil {
		return nil, err
	}
	if done {
		return s.reviewItem(ctx, a) // the same again
	}
	for _, refusal := range []error{stateAllows(a, c.Event), a.ReviewedBy(c.Actor), s.Store.MayDecide(ctx, a, c.Actor)} {
		if refusal != nil {
			return nil, refusal // before reasons are kept
		}
	}
	if c.Findings, err = findings.keep(ctx, s, c.Actor); err != nil {
		return nil, err
	}
	if text != "" {
		if c.ReasonID, err = s.Store.AddReason(ctx, c.Actor, text); err != nil {
			return nil, err
		}
	}
	if a, err = s.act(ctx, a, c); err != nil {
		return nil, err
	}
	return s.reviewItem(ctx, a)
}

func stateAllows(a models.Application, e models.ApplicationEvent) error {
	_, err := a.State.Next(e)
	return err
}

func (s *Server) passReview(ctx context.Context, u models.User, in *struct {
	ReviewInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		Category string        `json:"category" minLength:"1" maxLength:"20" doc:"认定的分类；可以不是所申报的，须写明理由"`
		Findings findingInputs `json:"findings,omitempty" maxItems:"40" doc:"该分类中所申报的每一项条件的审核结论；由部门数据判定的可不填"`
		Reason   string        `json:"reason,omitempty" maxLength:"2000" doc:"以所申报以外的分类认定的理由；有部门数据不能判断的情形的，核实情况"`
	}
}) (*struct{ Body ReviewItem }, error) {
	category, err := models.ParseCategory(in.Body.Category)
	if err != nil {
		return nil, err
	}
	return s.decide(ctx, u, models.ApplicationCommand{CommandID: commandKey(in.IdempotencyKey), ApplicationID: in.Application,
		Event: models.EventPassReview, Category: category, Clause: "附三(三)2"}, in.Body.Reason, in.Body.Findings)
}

func (s *Server) refuseReview(ctx context.Context, u models.User, in *struct {
	ReviewInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		Clause   string        `json:"clause" maxLength:"30" pattern:"^附?[一二三四五六七八九十0-9A-Z()（）]+$" doc:"依据的工作方案条款，如 附三(三)2"`
		Reason   string        `json:"reason" minLength:"1" maxLength:"2000" doc:"理由，经营者可见"`
		Findings findingInputs `json:"findings,omitempty" maxItems:"40" doc:"各项条件的审核结论"`
	}
}) (*struct{ Body ReviewItem }, error) {
	return s.decide(ctx, u, models.ApplicationCommand{CommandID: commandKey(in.IdempotencyKey), ApplicationID: in.Application,
		Event: models.EventRefuse, Clause: in.Body.Clause}, in.Body.Reason, in.Body.Findings)
}

func (s *Server) askSupplement(ctx context.Context, u models.User, in *struct {
	ReviewInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		What string `json:"what" minLength:"1" maxLength:"2000" doc:"需要补充的材料，经营者可见；部门已交付的数据不得要求补充"`
		Days int    `json:"days,omitempty" minimum:"0" maximum:"100" doc:"期限（工作日），不填按政策规定，不得短于政策规定"`
	}
}) (*struct{ Body ReviewItem }, error) {
	return s.decide(ctx, u, models.ApplicationCommand{CommandID: commandKey(in.IdempotencyKey), ApplicationID: in.Application,
		Event: models.EventAskSupplement, Clause: "附三(二)2", Days: in.Body.Days}, in.Body.What, nil)
}
