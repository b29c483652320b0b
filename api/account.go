package api

import (
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
)

// AccountCountView counts what was owed and what became of it.
type AccountCountView struct {
	Owed     int64  `json:"owed" doc:"应办件数"`
	InTime   int64  `json:"in_time" doc:"按期办结"`
	Late     int64  `json:"late" doc:"逾期办结"`
	Open     int64  `json:"open" doc:"未办结"`
	Overdue  int64  `json:"overdue" doc:"其中已逾期"`
	Waived   int64  `json:"waived" doc:"经批准免除、不再等待"`
	Closed   int64  `json:"closed" doc:"随事项或年度工作终止"`
	Punctual string `json:"punctual,omitempty" doc:"按期率：已办结和已逾期的件数中按期办结的比例；都没有的不填"`
}

// AccountKindView counts what was owed of one kind.
type AccountKindView struct {
	Kind string `json:"kind" doc:"事项类别"`
	Name string `json:"name"`
	AccountCountView
}

// AccountView is a department's year in numbers (年度履职情况).
type AccountView struct {
	Department         string            `json:"department" doc:"部门代码"`
	Name               string            `json:"name"`
	Total              AccountCountView  `json:"total" doc:"全部应办事项"`
	Kinds              []AccountKindView `json:"kinds" doc:"按类别"`
	Reports            int64             `json:"reports" doc:"职责反馈次数"`
	Returned           int64             `json:"returned" doc:"其中被退回"`
	Households         int64             `json:"households" doc:"反馈的惠及户数合计（未退回的）"`
	Orders             int64             `json:"orders" doc:"收到的督办"`
	OrdersOpen         int64             `json:"orders_open" doc:"其中未办结"`
	OrdersWithdrawn    int64             `json:"orders_withdrawn" doc:"其中已撤销"`
	HelpDelivered      int64             `json:"help_delivered" doc:"已兑现的帮扶"`
	HelpPromised       int64             `json:"help_promised" doc:"已承诺待兑现的帮扶"`
	HelpRequested      int64             `json:"help_requested" doc:"已申请待答复的帮扶"`
	HelpDeclined       int64             `json:"help_declined" doc:"未予办理的帮扶申请"`
	HelpOverdue        int64             `json:"help_overdue" doc:"逾期未答复、未兑现的帮扶"`
	DifferencesSettled int64             `json:"differences_settled" doc:"已研判的分型差异"`
	DifferencesOpen    int64             `json:"differences_open" doc:"待研判的分型差异"`
	Recommended        int64             `json:"recommended" doc:"推荐的个体工商户"`
	Certified          int64             `json:"certified" doc:"其中已认定"`
}

// AccountsView is the year of every department.
type AccountsView struct {
	Cycle        string        `json:"cycle" doc:"年度工作编号"`
	District     string        `json:"district"`
	DistrictName string        `json:"district_name"`
	Year         int           `json:"year"`
	On           calendar.Date `json:"on" doc:"截至日期"`
	Items        []AccountView `json:"items" doc:"各部门"`
	Total        AccountView   `json:"total" doc:"合计"`
}

// AccountDetail is a department's year with what it reported, answered and did not do in time.
type AccountDetail struct {
	Cycle        string        `json:"cycle" doc:"年度工作编号"`
	District     string        `json:"district"`
	DistrictName string        `json:"district_name"`
	Year         int           `json:"year"`
	On           calendar.Date `json:"on" doc:"截至日期"`
	AccountView
	Duties     []DutyView       `json:"duties" doc:"年度职责与最近一次反馈"`
	Ordered    []OrderView      `json:"ordered" doc:"督办"`
	Unpunctual []ObligationView `json:"unpunctual" doc:"逾期未办、逾期办结和经批准免除的事项"`
}

func viewAccountCount(c models.AccountCount) AccountCountView {
	v := AccountCountView{Owed: c.Owed, InTime: c.InTime, Late: c.Late, Open: c.Open, Overdue: c.Overdue, Waived: c.Waived, Closed: c.Closed}
	if share, ok := c.Punctual(); ok {
		v.Punctual = fmt.Sprintf("%d.%d%%", share/10, share%10)
	}
	return v
}

func viewAccount(a models.Account) AccountView {
	v := AccountView{Department: a.Department, Name: a.Name, Total: viewAccountCount(a.Total), Kinds: []AccountKindView{}, Reports: a.Reports, Returned: a.Returned,
		Households: a.Households, Orders: a.Orders, OrdersOpen: a.OrdersOpen, OrdersWithdrawn: a.OrdersWithdrawn, HelpDelivered: a.HelpDelivered,
		HelpPromised: a.HelpPromised, HelpRequested: a.HelpRequested, HelpDeclined: a.HelpDeclined, HelpOverdue: a.HelpOverdue,
		DifferencesSettled: a.DifferencesSettled, DifferencesOpen: a.DifferencesOpen, Recommended: a.Recommended, Certified: a.Certified}
	for _, k := range a.Kinds {
		v.Kinds = append(v.Kinds, AccountKindView{string(k.Kind), policy.ObligationName(k.Kind), viewAccountCount(k.AccountCount)})
	}
	return v
}

// AccountInput names a cycle, and a department of it.
type AccountInput struct {
	CycleInput
	Department string `query:"department" maxLength:"20" pattern:"^[a-z0-9_-]*$" doc:"部门代码；不填为各部门总览"`
}

func (s *Server) registerAccount() {
	tags := []string{"履职情况"}
	path := "/api/v1/cycles/{id}/account"
	register(s, everyone, huma.Operation{OperationID: "list-accounts", Method: http.MethodGet, Path: path, Summary: "各部门年度履职情况总览；部门工作人员只见本部门的", Tags: tags}, s.listAccounts)
	register(s, everyone, huma.Operation{OperationID: "get-account", Method: http.MethodGet, Path: path + "/{department}", Summary: "一个部门的年度履职情况", Tags: tags}, s.getAccount)
	register(s, everyone, download("get-account-xlsx", path+".xlsx", "年度履职情况（Excel）", tags, kindXLSX), s.accountWorkbook)
	register(s, everyone, download("get-account-html", path+".html", "年度履职情况（网页，可打印）", tags, accountPageKind), s.accountPage)
}

const accountPageKind = "text/html; charset=utf-8"

// accounts reads the accounts that the caller may see.
func (s *Server) accounts(ctx context.Context, u models.User, cycleID, department string) (v AccountsView, c models.Cycle, law store.PolicyVersion, err error) {
	if c, law, err = s.cycleLaw(ctx, u, cycleID); err != nil {
		return v, c, law, err
	}
	if department, err = visibleDepartment(u, department); err != nil {
		return v, c, law, err
	}
	v = AccountsView{Cycle: c.ID, District: c.District, Year: c.Year, On: s.cycleToday(c), Items: []AccountView{}}
	d, err := s.Store.District(ctx, c.District)
	if err != nil && models.CodeOf(err) != models.CodeNotFound {
		return v, c, law, err
	}
	v.DistrictName = d.Name
	list, err := s.Store.Accounts(ctx, c.ID, department, v.On)
	if err != nil {
		return v, c, law, err
	}
	total := models.Account{Name: "合计"}
	for _, a := range list {
		v.Items = append(v.Items, viewAccount(a))
		total.Sum(a)
	}
	v.Total = viewAccount(total)
	return v, c, law, nil
}

func (s *Server) listAccounts(ctx context.Context, u models.User, in *CycleInput) (*struct{ Body AccountsView }, error) {
	v, _, _, err := s.accounts(ctx, u, in.ID, "")
	if err != nil {
		return nil, err
	}
	return &struct{ Body AccountsView }{v}, nil
}

func (s *Server) getAccount(ctx context.Context, u models.User, in *struct {
	CycleInput
	Department string `path:"department" maxLength:"20" pattern:"^[a-z0-9_-]+$" doc:"部门代码"`
}) (*struct{ Body AccountDetail }, error) {
	v, err := s.account(ctx, u, in.ID, in.Department)
	if err != nil {
		return nil, err
	}
	return &struct{ Body AccountDetail }{v}, nil
}

// mostAccounted bounds the duties, orders and obligations that an account lists; the whole lists are the API's.
const mostAccounted = 1000

// account reads one department's account with its lists.
func (s *Server) account(ctx context.Context, u models.User, cycleID, department string) (AccountDetail, error) {
	all, cycle, law, err := s.accounts(ctx, u, cycleID, department)
	if err != nil {
		return AccountDetail{}, err
	}
	a := all.Items[0]
	if a.Name == a.Department && a.Total.Owed == 0 {
		return AccountDetail{}, models.NotFound("本区没有代码为“%s”的部门", department)
	}
	v := AccountDetail{Cycle: all.Cycle, District: all.District, DistrictName: all.DistrictName, Year: all.Year, On: all.On, AccountView: a,
		Duties: []DutyView{}, Ordered: []OrderView{}, Unpunctual: []ObligationView{}}
	duties, err := s.Store.Duties(ctx, store.DutyFilter{CycleID: cycleID, Owner: department}, store.ObligationCursor{}, mostAccounted)
	if err != nil {
		return v, err
	}
	view, err := s.dutyViewer(ctx, law, v.On, duties)
	if err != nil {
		return v, err
	}
	for _, d := range duties {
		v.Duties = append(v.Duties, view(d))
	}
	orders, err := s.Store.Orders(ctx, store.OrderFilter{CycleID: cycleID, Department: department}, 0, mostAccounted)
	if err != nil {
		return v, err
	}
	if v.Ordered, err = s.viewOrders(ctx, cycle, orders); err != nil {
		return v, err
	}
	late, err := s.Store.Unpunctual(ctx, cycleID, department, v.On)
	if err != nil {
		return v, err
	}
	for _, o := range late {
		v.Unpunctual = append(v.Unpunctual, viewObligation(o))
	}
	return v, nil
}

//go:embed account.html
var accountFile string

var accountTemplate = template.Must(template.New("account").Parse(accountFile))

// accountPage answers with a page for printing: of every department, or of one.
func (s *Server) accountPage(ctx context.Context, u models.User, in *AccountInput) (*huma.StreamResponse, error) {
	var data struct {
		Title  string
		Counts []AccountView // of the table
		Total  *AccountView
		One    *AccountDetail
		On     calendar.Date
	}
	if in.Department == "" && (u.Role != models.RoleDepartment || u.Bureau()) {
		v, _, _, err := s.accounts(ctx, u, in.ID, "")
		if err != nil {
			return nil, err
		}
		data.Title, data.Counts, data.Total, data.On = fmt.Sprintf("%s%d年度各部门履职情况", v.DistrictName, v.Year), v.Items, &v.Total, v.On
	} else {
		department, err := visibleDepartment(u, in.Department)
		if err != nil {
			return nil, err
		}
		v, err := s.account(ctx, u, in.ID, department)
		if err != nil {
			return nil, err
		}
		data.Title, data.Counts, data.One, data.On = fmt.Sprintf("%s%d年度履职情况（%s）", v.DistrictName, v.Year, v.Name), []AccountView{v.AccountView}, &v, v.On
	}
	return s.file(ctx, accountPageKind, "account-"+in.ID+".html", func(w io.Writer) error { return accountTemplate.Execute(w, data) }), nil
}
