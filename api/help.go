package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/activities"
	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/store"
)

// HelpView is one household's help by one department.
type HelpView struct {
	ID             int64            `json:"id"`
	Number         string           `json:"number" doc:"编号"`
	Cycle          string           `json:"cycle" doc:"年度工作编号"`
	USCC           string           `json:"uscc"`
	Name           string           `json:"name" doc:"户名"`
	Street         string           `json:"street,omitempty"`
	Clause         string           `json:"clause" doc:"措施条款"`
	Part           int              `json:"part" doc:"项目序号"`
	Measure        string           `json:"measure" doc:"措施"`
	Department     string           `json:"department" doc:"负责部门代码"`
	DepartmentName string           `json:"department_name"`
	State          models.HelpState `json:"state" enum:"requested,promised,delivered,declined,withdrawn,refused"`
	StateName      string           `json:"state_name"`
	RequestedOn    string           `json:"requested_on,omitempty" doc:"申请日期；没有申请的为部门主动提供"`
	Due            string           `json:"due,omitempty" doc:"答复或兑现的期限"`
	Overdue        bool             `json:"overdue" doc:"逾期未答复或未兑现"`
	DeliveredOn    string           `json:"delivered_on,omitempty" doc:"兑现日期"`
}

// HelpDetail is everything of one household's help.
type HelpDetail struct {
	HelpView
	Request string         `json:"request,omitempty" doc:"经营者申请时的说明"`
	Steps   []HelpStepView `json:"steps" doc:"办理经过"`
}

// HelpStepView is one event of help.
type HelpStepView struct {
	Seq    int              `json:"seq"`
	Event  models.HelpEvent `json:"event"`
	Name   string           `json:"name"`
	On     string           `json:"on"`
	Due    string           `json:"due,omitempty" doc:"此时定的期限"`
	Reason string           `json:"reason,omitempty" doc:"说明或理由"`
	By     models.Actor     `json:"by"`
	At     string           `json:"at"`
}

func (t measureTerms) viewHelp(h models.Help) HelpView {
	v := HelpView{ID: h.ID, Number: h.Number(), Cycle: h.CycleID, USCC: h.USCC, Name: h.Name, Street: h.Street, Clause: h.Clause, Part: h.Part, Department: h.Department,
		DepartmentName: t.departmentName(h.Department), State: h.State, StateName: h.State.Name(), RequestedOn: h.RequestedOn.String(),
		Overdue: h.Overdue(t.today), DeliveredOn: h.DeliveredOn.String()}
	if h.State.Live() {
		v.Due = h.Due.String()
	}
	if m, _, err := t.law.Measure(h.Clause, h.Part); err == nil {
		v.Measure = m.Name
	}
	return v
}

func (s *Server) registerHelp() {
	tags := []string{"帮扶办理"}
	register(s, operators, huma.Operation{OperationID: "request-help", Method: http.MethodPost, Path: "/api/v1/me/help",
		Summary: "经营者申请一项帮扶", Tags: tags, DefaultStatus: http.StatusCreated}, s.requestHelp)
	register(s, officers, huma.Operation{OperationID: "record-help", Method: http.MethodPost, Path: "/api/v1/cycles/{id}/help",
		Summary: "负责部门为一户承诺帮扶，或登记已兑现的帮扶", Tags: tags}, s.recordHelp)
	register(s, everyone, huma.Operation{OperationID: "list-help", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/help",
		Summary: "帮扶记录；部门工作人员只见本部门的", Tags: tags}, s.listHelp)
	for format, kind := range map[string]string{"csv": kindCSV, "xlsx": kindXLSX} {
		register(s, everyone, download("export-help-"+format, "/api/v1/cycles/{id}/help."+format, "帮扶记录（"+format+" 文件）", tags, kind), s.exportHelp(format))
	}
	register(s, officers, huma.Operation{OperationID: "record-help-file", Method: http.MethodPost, Path: "/api/v1/cycles/{id}/help/file",
		Summary: "成批登记已兑现的帮扶（.xlsx 或 .csv）", Tags: tags, DefaultStatus: http.StatusOK, MaxBodyBytes: models.MaxHelpFile + bodyLimit,
		Description: fmt.Sprintf("列：统一社会信用代码、条款、项目序号（该条款只有一项的可不填）、日期、说明（可不填）。一次最多%d行。不能采用的行逐行说明原因，其余照常登记；同一文件再次上传不重复登记。", models.MaxHelpRows),
		Errors:      []int{http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}}, s.recordHelpFile)
	s.api.OpenAPI().Paths["/api/v1/cycles/{id}/help/file"].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {
		Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{"file"}, Properties: map[string]*huma.Schema{"file": {Type: huma.TypeString, Format: "binary", Description: "帮扶记录表，.xlsx 或 .csv，最大10MB"}}}}}}
	register(s, signedIn, huma.Operation{OperationID: "get-help", Method: http.MethodGet, Path: "/api/v1/help/{id}", Summary: "一项帮扶及办理经过", Tags: tags}, s.getHelp)
	register(s, concerned, huma.Operation{OperationID: "act-on-help", Method: http.MethodPost, Path: "/api/v1/help/{id}/{event}",
		Summary: "办理一项帮扶：部门承诺、改期、兑现、不予办理、撤回；经营者撤回申请、谢绝", Tags: tags}, s.actOnHelp)
}

// requestHelp asks for help in the year whose tiers are published last for the household.
func (s *Server) requestHelp(ctx context.Context, u models.User, in *struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		Clause     string `json:"clause" minLength:"1" maxLength:"60" doc:"措施条款，如 附二(二)1"`
		Part       int    `json:"part" minimum:"1" maximum:"20" doc:"项目序号"`
		Department string `json:"department,omitempty" maxLength:"20" doc:"由几个部门负责的，写明向哪个部门申请"`
		Statement  string `json:"statement" minLength:"1" maxLength:"2000" doc:"需要什么帮扶、有关情况"`
	}
}) (*struct{ Body HelpView }, error) {
	year, err := s.helpYear(ctx, u)
	if err != nil {
		return nil, err
	}
	t, err := s.measureTerms(ctx, u, models.CycleID(u.District, year))
	if err != nil {
		return nil, err
	}
	c := models.HelpCommand{CommandID: commandKey(in.IdempotencyKey), Event: models.HelpRequest, CycleID: t.cycle.ID, USCC: u.USCC, Clause: in.Body.Clause, Part: in.Body.Part,
		Request: store.HashToken(fmt.Sprintf("%s|%d|%s|%s", in.Body.Clause, in.Body.Part, in.Body.Department, in.Body.Statement))}
	if c.Department, err = t.chosen(in.Body.Clause, in.Body.Part, in.Body.Department); err != nil {
		return nil, err
	}
	return s.actHelp(ctx, u, t, c, in.Body.Statement)
}

// helpYear is the year by which a household's measures go: that of its newest published tier, or else of the newest register that has it.
func (s *Server) helpYear(ctx context.Context, u models.User) (int, error) {
	p, ok, err := s.Store.PublishedStanding(ctx, u.District, u.USCC)
	if err != nil {
		return 0, err
	}
	if ok {
		return p.Year, nil
	}
	home, err := s.Store.HouseholdHome(ctx, u.USCC)
	return home.Year, err
}

// chosen is the department that a part of a measure is asked of: the only one that is responsible, or the one that was named.
func (t measureTerms) chosen(clause string, number int, named string) (string, error) {
	_, part, err := t.law.Measure(clause, number)
	if err != nil {
		return "", err
	}
	who := t.responsible(clause, number, part)
	if named != "" {
		return named, nil
	}
	if len(who) == 1 {
		return who[0], nil
	}
	names := make([]string, len(who))
	for i, code := range who {
		names[i] = t.departmentName(code) + "（" + code + "）"
	}
	return "", models.Invalid("department", "该项措施由几个部门负责，请写明部门：%s", strings.Join(names, "、"))
}

// actHelp carries a command out with its letters; text is what the person wrote, if anything.
func (s *Server) actHelp(ctx context.Context, u models.User, t measureTerms, c models.HelpCommand, text string) (*struct{ Body HelpView }, error) {
	c.Actor = u.Actor()
	var err error
	if text = strings.TrimSpace(text); text != "" {
		if c.ReasonID, err = s.Store.AddReason(ctx, c.Actor, text); err != nil {
			return nil, err
		}
	}
	write, err := s.helpLetters(ctx, t, c.Department, text)
	if err != nil {
		return nil, err
	}
	known, err := s.Store.Entitlements(ctx, t.cycle.District, t.cycle.Year, t.today, []string{c.USCC})
	if err != nil {
		return nil, err
	}
	write.Household = func(uscc string) string { return known[uscc].Email }
	h, err := s.Store.ActOnHelp(ctx, c, t.today, write.Write)
	if err != nil {
		return nil, err
	}
	s.wakeOutbox(ctx)
	return &struct{ Body HelpView }{t.viewHelp(h)}, nil
}

// helpLetters is what the letters about a department's help need beside the household's address.
func (s *Server) helpLetters(ctx context.Context, t measureTerms, department, reason string) (activities.HelpLetters, error) {
	w := activities.HelpLetters{PublicURL: s.Options.PublicURL, Rehearsal: t.cycle.Clock.Rehearsal(), Policy: t.law.Policy, Department: t.departmentName(department), Reason: reason}
	var err error
	if w.District, err = s.Store.District(ctx, t.cycle.District); err != nil {
		return w, err
	}
	_, w.Officers, err = s.Store.Reach(ctx, t.cycle.District, store.Debtor{Kind: models.OwnerDepartment, Owner: department})
	return w, err
}

// officeFor is the department in whose name an officer acts: their own; the bureau's people may name another.
func (t measureTerms) officeFor(u models.User, clause string, number int, named string) (string, error) {
	if !foreign(u) {
		return t.chosen(clause, number, named)
	}
	if named != "" && named != u.Department {
		return "", models.Errorf(models.CodeForbidden, "只能登记本部门的帮扶")
	}
	_, _, err := t.own(u, clause, number)
	return u.Department, err
}

func (s *Server) recordHelp(ctx context.Context, u models.User, in *struct {
	CycleInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		USCC       string `json:"uscc" pattern:"^[0-9A-Z]{18}$" doc:"统一社会信用代码"`
		Clause     string `json:"clause" minLength:"1" maxLength:"60" doc:"措施条款"`
		Part       int    `json:"part" minimum:"1" maximum:"20" doc:"项目序号"`
		Department string `json:"department,omitempty" maxLength:"20" doc:"区市场监管局代为登记的，写明部门"`
		Event      string `json:"event" enum:"promise,deliver" doc:"promise 承诺，deliver 已兑现"`
		On         string `json:"on,omitempty" format:"date" doc:"承诺的兑现期限，或兑现日期；不填为政策规定的期限，或今天"`
		Note       string `json:"note,omitempty" maxLength:"2000" doc:"说明"`
	}
}) (*struct{ Body HelpView }, error) {
	t, err := s.measureTerms(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	b := in.Body
	c := models.HelpCommand{CommandID: commandKey(in.IdempotencyKey), Event: models.HelpEvent(b.Event), CycleID: in.ID, USCC: b.USCC, Clause: b.Clause, Part: b.Part,
		Request: store.HashToken(fmt.Sprintf("%s|%d|%s|%s|%s", b.Clause, b.Part, b.Department, b.On, b.Note))}
	if c.Department, err = t.officeFor(u, b.Clause, b.Part, b.Department); err != nil {
		return nil, err
	}
	if b.On != "" {
		if c.On, err = models.ParseDate(b.On); err != nil {
			return nil, err
		}
	}
	return s.actHelp(ctx, u, t, c, b.Note)
}

func (s *Server) actOnHelp(ctx context.Context, u models.User, in *struct {
	ID             int64  `path:"id" minimum:"1"`
	Event          string `path:"event" enum:"promise,postpone,deliver,decline,withdraw,refuse"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		On     string `json:"on,omitempty" format:"date" doc:"承诺或改期：兑现期限；兑现：兑现日期"`
		Reason string `json:"reason,omitempty" maxLength:"2000" doc:"说明；部门改期、不予办理、撤回必填"`
	}
}) (*struct{ Body HelpView }, error) {
	h, err := s.Store.Help(ctx, in.ID)
	if err == nil {
		err = h.MayAct(u, models.HelpEvent(in.Event))
	}
	if err != nil {
		return nil, err
	}
	t, err := s.measureTerms(ctx, u, h.CycleID)
	if err != nil {
		return nil, err
	}
	c := models.HelpCommand{CommandID: commandKey(in.IdempotencyKey), HelpID: h.ID, Event: models.HelpEvent(in.Event), USCC: h.USCC, Department: h.Department,
		Request: store.HashToken(in.Body.On + "|" + in.Body.Reason)}
	if in.Body.On != "" {
		if c.On, err = models.ParseDate(in.Body.On); err != nil {
			return nil, err
		}
	}
	return s.actHelp(ctx, u, t, c, in.Body.Reason)
}

func (s *Server) getHelp(ctx context.Context, u models.User, in *struct {
	ID int64 `path:"id" minimum:"1"`
}) (*struct{ Body HelpDetail }, error) {
	h, err := s.Store.Help(ctx, in.ID)
	if err == nil {
		err = h.MayRead(u)
	}
	if err != nil {
		return nil, err
	}
	t, err := s.measureTerms(ctx, u, h.CycleID)
	if err != nil {
		return nil, err
	}
	steps, err := s.Store.HelpSteps(ctx, h.ID)
	if err != nil {
		return nil, err
	}
	ids := []int64{h.RequestID}
	for _, step := range steps {
		ids = append(ids, step.ReasonID)
	}
	texts, err := s.Store.Reasons(ctx, ids)
	if err != nil {
		return nil, err
	}
	v := HelpDetail{HelpView: t.viewHelp(h), Request: texts[h.RequestID], Steps: []HelpStepView{}}
	for _, step := range steps {
		by := step.Actor
		if u.Role == models.RoleOperator && by != u.Actor() {
			by = "department" // who it was is for the record
		}
		v.Steps = append(v.Steps, HelpStepView{Seq: step.Seq, Event: step.Event, Name: step.Event.Name(), On: step.OnDate.String(), Due: step.Due.String(),
			Reason: texts[step.ReasonID], By: by, At: moment(step.At)})
	}
	return &struct{ Body HelpDetail }{v}, nil
}

// HelpQuery selects help.
type HelpQuery struct {
	Clause     string `query:"clause" maxLength:"60"`
	Part       int    `query:"part" minimum:"0" maximum:"20"`
	Department string `query:"department" maxLength:"20"`
	State      string `query:"state" enum:"requested,promised,delivered,declined,withdrawn,refused"`
	Street     string `query:"street" maxLength:"60"`
	Overdue    bool   `query:"overdue" doc:"只看逾期未答复、未兑现的"`
}

func (q HelpQuery) filter(u models.User, t measureTerms) (store.HelpFilter, error) {
	f := store.HelpFilter{CycleID: t.cycle.ID, Clause: q.Clause, Part: q.Part, Department: q.Department, State: models.HelpState(q.State), Street: q.Street}
	if own := onlyDepartment(u); own != "" {
		if q.Department != "" && q.Department != own {
			return f, models.Errorf(models.CodeForbidden, "您只能查看本部门的帮扶记录")
		}
		f.Department = own
	}
	if q.Overdue {
		f.OverdueOn = t.today
	}
	return f, nil
}

func (s *Server) listHelp(ctx context.Context, u models.User, in *struct {
	CycleInput
	HelpQuery
	PageInput
}) (*struct{ Body Page[HelpView] }, error) {
	t, err := s.measureTerms(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	f, err := in.filter(u, t)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.HelpList(ctx, f, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[HelpView] }{newPage(list, in.Limit, t.viewHelp, func(h models.Help) any { return h.ID })}, nil
}

func (s *Server) exportHelp(format string) func(context.Context, models.User, *struct {
	CycleInput
	HelpQuery
}) (*huma.StreamResponse, error) {
	return func(ctx context.Context, u models.User, in *struct {
		CycleInput
		HelpQuery
	}) (*huma.StreamResponse, error) {
		t, err := s.measureTerms(ctx, u, in.ID)
		if err != nil {
			return nil, err
		}
		f, err := in.filter(u, t)
		if err != nil {
			return nil, err
		}
		if err := s.Store.Audit(ctx, u.Actor(), "help.export", "cycle/"+in.ID, map[string]any{"department": f.Department, "clause": f.Clause, "format": format}); err != nil {
			return nil, err
		}
		e := export{name: "help-" + in.ID, sheet: "帮扶记录", width: []float64{16, 22, 36, 16, 14, 10, 24, 24, 18, 14, 14, 14}}
		return s.table(ctx, format, e, func(w files.TableWriter) error {
			if err := w.Row("编号", "统一社会信用代码", "名称", "街道", "条款", "项目序号", "措施", "负责部门", "办理情况", "申请日期", "期限", "兑现日期"); err != nil {
				return err
			}
			for after := int64(0); ; {
				list, err := s.Store.HelpList(ctx, f, after, exportPage)
				if err != nil {
					return err
				}
				for _, h := range list {
					v := t.viewHelp(h)
					if err := w.Row(v.Number, v.USCC, models.SafeCell(v.Name), models.SafeCell(v.Street), v.Clause, fmt.Sprint(v.Part), models.SafeCell(v.Measure), models.SafeCell(v.DepartmentName),
						v.StateName, v.RequestedOn, v.Due, v.DeliveredOn); err != nil {
						return err
					}
					after = h.ID
				}
				if len(list) < exportPage {
					return nil
				}
			}
		}), nil
	}
}

// HelpFileAnswer is what became of a table of help given.
type HelpFileAnswer struct {
	Rows      int               `json:"rows" doc:"读取行数"`
	Recorded  int               `json:"recorded" doc:"本次登记"`
	Unchanged int               `json:"unchanged" doc:"已有登记，未重复"`
	Refused   int               `json:"refused" doc:"不能采用的行数"`
	Problems  []HelpFileProblem `json:"problems" doc:"不能采用的行及原因，最多列1000条"`
}

// HelpFileProblem is why a row was not taken.
type HelpFileProblem struct {
	Row    int    `json:"row" doc:"行号，如 Excel 所示"`
	Column string `json:"column" doc:"列"`
	Reason string `json:"reason" doc:"原因"`
}

// shownProblems bounds the rows that an answer names.
const shownProblems = 1000

// helpRowsPage is how many rows one transaction records.
const helpRowsPage = 200

func (s *Server) recordHelpFile(ctx context.Context, u models.User, in *struct {
	CycleInput
	Department string `query:"department" maxLength:"20" doc:"区市场监管局代为登记的，写明部门；不填为本部门"`
	AddHelpFileInput
}) (*struct{ Body HelpFileAnswer }, error) {
	t, err := s.measureTerms(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	department := in.Department
	switch {
	case foreign(u) && department != "" && department != u.Department:
		return nil, models.Errorf(models.CodeForbidden, "只能登记本部门的帮扶")
	case foreign(u):
		department = u.Department
	case department == "":
		department = models.BureauCode
	}
	name, content, err := formFile(in.ContentType, in.body, models.MaxHelpFile, func(*multipart.Part) error { return nil })
	if err != nil {
		return nil, err
	}
	answer, err := s.takeHelpFile(ctx, u, t, department, name, content)
	if err != nil {
		return nil, err
	}
	s.wakeOutbox(ctx)
	return &struct{ Body HelpFileAnswer }{answer}, nil
}

func (s *Server) takeHelpFile(ctx context.Context, u models.User, t measureTerms, department, name string, content []byte) (answer HelpFileAnswer, err error) {
	answer.Problems = []HelpFileProblem{}
	rows, err := readHelpRows(name, content, &answer)
	if err != nil {
		return answer, err
	}
	write, err := s.helpLetters(ctx, t, department, "")
	if err != nil {
		return answer, err
	}
	sum := sha256.Sum256(content)
	for len(rows) > 0 {
		page := rows[:min(helpRowsPage, len(rows))]
		rows = rows[len(page):]
		codes := make([]string, len(page))
		for i, r := range page {
			codes[i] = r.USCC
		}
		known, err := s.Store.Entitlements(ctx, t.cycle.District, t.cycle.Year, t.today, codes)
		if err != nil {
			return answer, err
		}
		write.Household = func(uscc string) string { return known[uscc].Email }
		r, err := s.Store.DeliverHelpRows(ctx, t.cycle.ID, department, u.Actor(), hex.EncodeToString(sum[:]), page, t.today, write.Write)
		if err != nil {
			return answer, err
		}
		answer.Recorded, answer.Unchanged = answer.Recorded+r.Recorded, answer.Unchanged+r.Unchanged
		for _, p := range r.Problems {
			answer.refuse(p.Number, p.Column, p.Reason)
		}
	}
	return answer, nil
}

func (a *HelpFileAnswer) refuse(row int, column, reason string) {
	if len(a.Problems) < shownProblems {
		a.Problems = append(a.Problems, HelpFileProblem{row, column, reason})
	}
	a.Refused++
}

// readHelpRows reads the table; rows that cannot be read are answered.
func readHelpRows(name string, content []byte, answer *HelpFileAnswer) (rows []store.HelpRow, err error) {
	r, err := files.OpenTable(bytes.NewReader(content), int64(len(content)), name, "帮扶记录", models.HelpFile)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		if answer.Rows++; answer.Rows > models.MaxHelpRows {
			return nil, models.Invalid("file", "一次最多%d行，请分成几个文件上传", models.MaxHelpRows)
		}
		if len(row.Problems) > 0 {
			answer.refuse(row.Number, row.Problems[0].Column, row.Problems[0].Reason)
			continue
		}
		v := row.Values
		rows = append(rows, store.HelpRow{Number: row.Number, USCC: strings.Clone(v[0].Text), Clause: strings.Clone(v[1].Text), Part: int(v[2].Number), On: v[3].Date(), Note: strings.Clone(v[4].Text)})
	}
}

// AddHelpFileInput is the form as it streams in.
type AddHelpFileInput struct {
	ContentType string `header:"Content-Type"`
	body        io.Reader
}

// Resolve keeps the body as a stream: nobody's file is read before it is known that it may come.
func (in *AddHelpFileInput) Resolve(ctx huma.Context) []error {
	in.body = ctx.BodyReader()
	return nil
}
