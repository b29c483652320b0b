package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
)

// AuditView is one line of the record.
type AuditView struct {
	Seq      int64           `json:"seq" doc:"编号"`
	At       string          `json:"at" doc:"时刻（UTC，与校验值一致）"`
	Actor    models.Actor    `json:"actor" doc:"操作者，如 user:12、system、bootstrap"`
	Action   string          `json:"action" doc:"操作"`
	Object   string          `json:"object" doc:"对象"`
	Detail   json.RawMessage `json:"detail" doc:"详情"`
	PrevHash string          `json:"prev_hash"`
	Hash     string          `json:"hash"`
}

func (s *Server) registerAudit() {
	tags := []string{"审计"}
	register(s, overseers, huma.Operation{OperationID: "list-audit", Method: http.MethodGet, Path: "/api/v1/audit", Summary: "操作与决定的记录", Tags: tags}, s.listAudit)
	register(s, overseers, huma.Operation{OperationID: "verify-audit", Method: http.MethodGet, Path: "/api/v1/audit/verify", Summary: "核对记录是否完整、未被改动", Tags: tags}, s.verifyAudit)
}

func (s *Server) listAudit(ctx context.Context, u models.User, in *struct {
	PageInput
	District string `query:"district" maxLength:"6" doc:"只看涉及一个区的；限于一个区的用户总是只见本区的"`
	Object   string `query:"object" maxLength:"200" doc:"只看一个对象，如 cycle/110107-2026"`
}) (*struct{ Body Page[AuditView] }, error) {
	if in.District != "" {
		if err := inDistrict(u, in.District); err != nil {
			return nil, err
		}
	}
	list, err := s.Store.DistrictAudit(ctx, cmp.Or(u.District, in.District), in.Object, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	view := func(e models.AuditEntry) AuditView {
		detail := json.RawMessage(e.Detail)
		if !json.Valid(detail) { // tampered with; shown all the same
			detail, _ = json.Marshal(e.Detail)
		}
		return AuditView{Seq: e.Seq, At: e.At, Actor: e.Actor, Action: e.Action, Object: e.Object, Detail: detail, PrevHash: e.PrevHash, Hash: e.Hash}
	}
	return &struct{ Body Page[AuditView] }{newPage(list, in.Limit, view, func(e models.AuditEntry) any { return e.Seq })}, nil
}

func (s *Server) verifyAudit(ctx context.Context, u models.User, _ *struct{}) (*struct{ Body models.AuditReport }, error) {
	if err := everywhere(u); err != nil {
		return nil, err
	}
	report, err := s.Store.VerifyAudit(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &struct{ Body models.AuditReport }{report}, nil
}
