package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/store"
)

// ComplaintView is a complaint as its list shows it.
type ComplaintView struct {
	ID         int64  `json:"id"`
	Number     string `json:"number" doc:"受理编号"`
	District   string `json:"district"`
	About      string `json:"about" doc:"事项"`
	By         string `json:"by" enum:"public,household" doc:"public 公众，household 登录的经营者"`
	State      string `json:"state" enum:"open,answered" doc:"open 待处理，answered 已答复"`
	ReceivedOn string `json:"received_on"`
	Due        string `json:"due" doc:"答复期限"`
	AnsweredAt string `json:"answered_at,omitempty"`
}

// ComplaintDetail is everything of a complaint.
type ComplaintDetail struct {
	ComplaintView
	Statement  string       `json:"statement"`
	Name       string       `json:"name,omitempty" doc:"举报人自愿填写，须予保密"`
	Contact    string       `json:"contact,omitempty" doc:"联系方式，须予保密"`
	USCC       string       `json:"uscc,omitempty" doc:"经营者登录后提出的"`
	Answer     string       `json:"answer,omitempty" doc:"处理结果"`
	AnsweredBy models.Actor `json:"answered_by,omitempty"`
}

// OwnComplaint is a complaint as the operator who made it sees it.
type OwnComplaint struct {
	Number     string `json:"number" doc:"受理编号"`
	About      string `json:"about"`
	State      string `json:"state" enum:"open,answered"`
	ReceivedOn string `json:"received_on"`
	Due        string `json:"due" doc:"答复期限"`
	Answer     string `json:"answer,omitempty" doc:"处理结果"`
}

// ComplaintReceipt is all that comes back to whoever complains.
type ComplaintReceipt struct {
	Number string `json:"number" doc:"受理编号"`
}

// ComplaintInput is what one complains about.
type ComplaintInput struct {
	About     string `json:"about" minLength:"1" maxLength:"200" doc:"事项，如：申报中被收费"`
	Statement string `json:"statement" minLength:"1" maxLength:"5000" doc:"具体情况"`
	Name      string `json:"name,omitempty" maxLength:"100" doc:"姓名，可不填"`
	Contact   string `json:"contact,omitempty" maxLength:"200" doc:"联系方式，可不填；填写电子邮箱的，处理结果发往该邮箱"`
}

func (in ComplaintInput) complaint(district string, by models.Actor) models.Complaint {
	return models.Complaint{District: district, About: in.About, Statement: in.Statement, ByName: in.Name, Contact: in.Contact, ByActor: by}
}

func viewComplaint(c models.Complaint) ComplaintView {
	by := "household"
	if c.ByActor == models.ActorPublic {
		by = "public"
	}
	return ComplaintView{ID: c.ID, Number: c.Number(), District: c.District, About: c.About, By: by, State: string(c.State),
		ReceivedOn: c.ReceivedOn.String(), Due: c.Due.String(), AnsweredAt: momentOrEmpty(c.AnsweredAt)}
}

// registerComplaints: a complaint reaches the administrators of its district and nobody else (三(二)).
func (s *Server) registerComplaints() {
	tags := []string{"举报投诉"}
	register(s, signingIn, huma.Operation{OperationID: "public-complaint", Method: http.MethodPost, Path: "/public/v1/complaints",
		Summary: "向区市场监管局举报投诉（无需登录，可匿名）", Tags: tags, DefaultStatus: http.StatusCreated}, s.publicComplaint)
	register(s, operators, huma.Operation{OperationID: "complain", Method: http.MethodPost, Path: "/api/v1/complaints",
		Summary: "经营者向区市场监管局举报投诉", Tags: tags, DefaultStatus: http.StatusCreated}, s.complain)
	register(s, operators, huma.Operation{OperationID: "own-complaints", Method: http.MethodGet, Path: "/api/v1/me/complaints",
		Summary: "本户提出的举报投诉及处理结果", Tags: tags}, s.ownComplaints)
	register(s, admins, huma.Operation{OperationID: "list-complaints", Method: http.MethodGet, Path: "/api/v1/complaints",
		Summary: "举报投诉列表，先收到的在前", Tags: tags}, s.listComplaints)
	register(s, admins, huma.Operation{OperationID: "get-complaint", Method: http.MethodGet, Path: "/api/v1/complaints/{id}",
		Summary: "一件举报投诉；查看留痕", Tags: tags}, s.getComplaint)
	register(s, admins, huma.Operation{OperationID: "answer-complaint", Method: http.MethodPost, Path: "/api/v1/complaints/{id}/answer",
		Summary: "登记举报投诉的处理结果", Tags: tags}, s.answerComplaint)
}

func (s *Server) publicComplaint(ctx context.Context, _ models.User, in *struct {
	Body struct {
		District string `json:"district" pattern:"^[0-9]{6}$" doc:"区划代码，如 110107"`
		ComplaintInput
	}
}) (*struct{ Body ComplaintReceipt }, error) {
	return s.addComplaint(ctx, in.Body.complaint(in.Body.District, models.ActorPublic))
}

func (s *Server) complain(ctx context.Context, u models.User, in *struct{ Body ComplaintInput }) (*struct{ Body ComplaintReceipt }, error) {
	return s.addComplaint(ctx, in.Body.complaint(u.District, u.Actor()))
}

func (s *Server) addComplaint(ctx context.Context, c models.Complaint) (*struct{ Body ComplaintReceipt }, error) {
	c, err := s.Store.AddComplaint(ctx, c)
	if err != nil {
		return nil, err
	}
	return &struct{ Body ComplaintReceipt }{ComplaintReceipt{c.Number()}}, nil
}

func (s *Server) ownComplaints(ctx context.Context, u models.User, in *PageInput) (*struct{ Body Page[OwnComplaint] }, error) {
	list, err := s.Store.Complaints(ctx, store.ComplaintFilter{ByActor: u.Actor()}, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(list))
	for i, c := range list {
		ids[i] = c.AnswerID
	}
	answers, err := s.Store.Reasons(ctx, ids)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[OwnComplaint] }{newPage(list, in.Limit, func(c models.Complaint) OwnComplaint {
		return OwnComplaint{Number: c.Number(), About: c.About, State: string(c.State), ReceivedOn: c.ReceivedOn.String(), Due: c.Due.String(), Answer: answers[c.AnswerID]}
	}, func(c models.Complaint) any { return c.ID })}, nil
}

func (s *Server) listComplaints(ctx context.Context, u models.User, in *struct {
	PageInput
	State string `query:"state" enum:"open,answered"`
}) (*struct{ Body Page[ComplaintView] }, error) {
	list, err := s.Store.Complaints(ctx, store.ComplaintFilter{District: u.District, State: models.ComplaintState(in.State)}, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[ComplaintView] }{newPage(list, in.Limit, viewComplaint, func(c models.Complaint) any { return c.ID })}, nil
}

func (s *Server) getComplaint(ctx context.Context, u models.User, in *struct {
	ID int64 `path:"id" minimum:"1"`
}) (*struct{ Body ComplaintDetail }, error) {
	c, err := s.complaint(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.Store.Audit(ctx, u.Actor(), "complaint.read", models.ComplaintObject(c.ID), struct{}{}); err != nil {
		return nil, err
	}
	return s.viewWholeComplaint(ctx, c)
}

func (s *Server) complaint(ctx context.Context, u models.User, id int64) (models.Complaint, error) {
	c, err := s.Store.Complaint(ctx, id)
	if err == nil {
		err = inDistrict(u, c.District)
	}
	return c, err
}

func (s *Server) viewWholeComplaint(ctx context.Context, c models.Complaint) (*struct{ Body ComplaintDetail }, error) {
	v := ComplaintDetail{ComplaintView: viewComplaint(c), Statement: c.Statement, Name: c.ByName, Contact: c.Contact, AnsweredBy: c.AnsweredBy}
	v.USCC, _ = c.ByActor.Household()
	if c.AnswerID != 0 {
		var err error
		if v.Answer, err = s.Store.Reason(ctx, c.AnswerID); err != nil {
			return nil, err
		}
	}
	return &struct{ Body ComplaintDetail }{v}, nil
}

// complaintMail is the answer as a mail, to whoever left an address.
func (s *Server) complaintMail(ctx context.Context, c models.Complaint, answer string) ([]models.Message, error) {
	if _, ok := c.Email(); !ok {
		return nil, nil
	}
	d, err := s.Store.District(ctx, c.District)
	if err != nil {
		return nil, err
	}
	m, err := activities.ComplaintLetter(d, s.Options.PublicURL, c, answer, time.Now())
	return []models.Message{m}, err
}

func (s *Server) answerComplaint(ctx context.Context, u models.User, in *struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Answer string `json:"answer" minLength:"1" maxLength:"2000" doc:"处理结果"`
	}
}) (*struct{ Body ComplaintDetail }, error) {
	c, err := s.complaint(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	if _, err := c.Answer(); err != nil {
		return nil, err
	}
	answer, err := s.Store.AddReason(ctx, u.Actor(), in.Body.Answer)
	if err != nil {
		return nil, err
	}
	mails, err := s.complaintMail(ctx, c, in.Body.Answer)
	if err != nil {
		return nil, err
	}
	if c, err = s.Store.AnswerComplaint(ctx, u.Actor(), c.ID, answer, mails...); err != nil {
		return nil, err
	}
	if len(mails) > 0 {
		s.wakeOutbox(ctx)
	}
	return s.viewWholeComplaint(ctx, c)
}
