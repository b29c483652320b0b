package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/calendar"
)

// bankClause is the measure under which the banks have the list (加强金融支持): its first part is the department that brings it to them.
const bankClause = "附二(二)3"

// ConsentView is a household's consent.
type ConsentView struct {
	ID          int64               `json:"id"`
	Scope       models.ConsentScope `json:"scope" enum:"bank_list"`
	ScopeName   string              `json:"scope_name"`
	Contact     bool                `json:"contact" doc:"同意一并提供联系方式"`
	How         models.ConsentHow   `json:"how" enum:"online,paper"`
	HowName     string              `json:"how_name"`
	GivenOn     string              `json:"given_on"`
	WithdrawnOn string              `json:"withdrawn_on,omitempty"`
	Counts      bool                `json:"counts" doc:"有效：未撤回，书面同意的签字件已存档"`
}

// OwnConsents are a household's consents, and to which banks it was named.
type OwnConsents struct {
	Items []ConsentView `json:"items"`
	Banks []ToldBank    `json:"banks" doc:"名单中有本户的历次推介"`
}

// ToldBank is a bank to which a household was named.
type ToldBank struct {
	Bank string `json:"bank"`
	On   string `json:"on"`
}

// ConsentInput is what is consented to.
type ConsentInput struct {
	Scope   string `json:"scope" enum:"bank_list" doc:"bank_list 列入向驻区银行推介的“成长型”个体工商户名单"`
	Contact bool   `json:"contact,omitempty" doc:"同意一并提供联系方式"`
}

// BankListView is one hand-over of the list to a bank.
type BankListView struct {
	ID         int64        `json:"id"`
	Bank       string       `json:"bank" doc:"接收的银行"`
	Growth     int          `json:"growth" doc:"成长型户数"`
	Households int          `json:"households" doc:"名单户数"`
	Contacts   int          `json:"contacts" doc:"其中提供联系方式的户数"`
	SHA256     string       `json:"sha256" doc:"名单文件的校验值"`
	On         string       `json:"on"`
	By         models.Actor `json:"by"`
}

// BankListState says whom a list would hold today, and which were handed over.
type BankListState struct {
	ConsentRequired bool           `json:"consent_required" doc:"须先征得经营者同意（政策）"`
	Growth          int            `json:"growth" doc:"成长型户数"`
	Consented       int            `json:"consented" doc:"同意列入名单的户数"`
	Contacts        int            `json:"contacts" doc:"其中同意提供联系方式的户数"`
	Items           []BankListView `json:"items" doc:"历次推介，新的在前"`
	Next            string         `json:"next,omitempty" doc:"下一页的 after"`
}

func viewConsent(c models.Consent) ConsentView {
	return ConsentView{ID: c.ID, Scope: c.Scope, ScopeName: c.Scope.Name(), Contact: c.Contact, How: c.How, HowName: c.How.Name(), GivenOn: c.GivenOn.String(),
		WithdrawnOn: c.WithdrawnOn.String(), Counts: c.Standing != nil && c.Proven}
}

func viewBankList(b models.BankList) BankListView {
	return BankListView{ID: b.ID, Bank: b.Bank, Growth: b.Growth, Households: b.Households, Contacts: b.Contacts, SHA256: b.SHA256, On: b.OnDate.String(), By: b.ByActor}
}

func (s *Server) registerConsents() {
	tags := []string{"同意与银行名单"}
	register(s, operators, huma.Operation{OperationID: "own-consents", Method: http.MethodGet, Path: "/api/v1/me/consents", Summary: "本户的同意，以及名单向哪些银行推介过本户", Tags: tags}, s.ownConsents)
	register(s, operators, huma.Operation{OperationID: "give-consent", Method: http.MethodPost, Path: "/api/v1/me/consents", Summary: "经营者表示同意，可随时撤回", Tags: tags, DefaultStatus: http.StatusOK}, s.giveConsent)
	register(s, operators, huma.Operation{OperationID: "withdraw-consent", Method: http.MethodDelete, Path: "/api/v1/me/consents/{scope}", Summary: "经营者撤回同意", Tags: tags, DefaultStatus: http.StatusNoContent}, s.withdrawConsent)
	register(s, officers, huma.Operation{OperationID: "household-consents", Method: http.MethodGet, Path: "/api/v1/households/{uscc}/consents", Summary: "一户的同意", Tags: tags}, s.householdConsents)
	register(s, officers, huma.Operation{OperationID: "record-consent", Method: http.MethodPost, Path: "/api/v1/households/{uscc}/consents",
		Summary: "登记书面同意；签字的同意书存档（/api/v1/consents/{id}/documents）后才有效", Tags: tags, DefaultStatus: http.StatusCreated}, s.recordConsent)
	register(s, officers, huma.Operation{OperationID: "record-consent-withdrawal", Method: http.MethodDelete, Path: "/api/v1/households/{uscc}/consents/{scope}",
		Summary: "登记书面撤回", Tags: tags, DefaultStatus: http.StatusNoContent}, s.recordWithdrawal)
	register(s, everyone, huma.Operation{OperationID: "get-bank-list", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/bank-list", Summary: "向驻区银行推介的名单：户数、同意情况、历次推介", Tags: tags}, s.getBankList)
	register(s, officers, huma.Operation{OperationID: "hand-over-bank-list", Method: http.MethodPost, Path: "/api/v1/cycles/{id}/bank-list", Tags: tags,
		Summary:   "生成名单（.xlsx）交一家银行，逐次留痕",
		Responses: map[string]*huma.Response{"200": {Description: "名单", Content: map[string]*huma.MediaType{kindXLSX: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}}}, s.handOverBankList)
}

func (s *Server) ownConsents(ctx context.Context, u models.User, _ *struct{}) (*struct{ Body OwnConsents }, error) {
	v, err := s.consentsOf(ctx, u, u.District, u.USCC)
	return &struct{ Body OwnConsents }{v}, err
}

// consentsOf gives a household's consents as far as the caller may see them, and to which banks it was named: for itself and the bureau.
func (s *Server) consentsOf(ctx context.Context, u models.User, district, uscc string) (OwnConsents, error) {
	v := OwnConsents{Items: []ConsentView{}, Banks: []ToldBank{}}
	list, err := s.Store.Consents(ctx, district, uscc)
	if err != nil {
		return v, err
	}
	for _, c := range list {
		if c.MayRead(u) == nil {
			v.Items = append(v.Items, viewConsent(c))
		}
	}
	if u.Role != models.RoleOperator && !u.Bureau() {
		return v, nil
	}
	banks, err := s.Store.BanksTold(ctx, district, uscc, shownCases)
	if err != nil {
		return v, err
	}
	for _, b := range banks {
		v.Banks = append(v.Banks, ToldBank{b.Bank, b.OnDate.String()})
	}
	return v, nil
}

// householdToday is the civil date of a household's consents: on the clock of its district's newest year with published tiers, so that a rehearsal has its own.
func (s *Server) householdToday(ctx context.Context, district, uscc string) (calendar.Date, error) {
	p, ok, err := s.Store.PublishedStanding(ctx, district, uscc)
	if err != nil || !ok {
		return calendar.DateOf(time.Now()), err
	}
	return s.todayOf(ctx, models.CycleID(district, p.Year))
}

func (s *Server) giveConsent(ctx context.Context, u models.User, in *struct{ Body ConsentInput }) (*struct{ Body ConsentView }, error) {
	return s.consent(ctx, u, u.USCC, in.Body, models.ConsentOnline)
}

func (s *Server) consent(ctx context.Context, u models.User, uscc string, in ConsentInput, how models.ConsentHow) (*struct{ Body ConsentView }, error) {
	district, err := s.consentDistrict(ctx, u, uscc)
	if err != nil {
		return nil, err
	}
	today, err := s.householdToday(ctx, district, uscc)
	if err != nil {
		return nil, err
	}
	c, err := s.Store.GiveConsent(ctx, models.Consent{District: district, USCC: uscc, Scope: models.ConsentScope(in.Scope), Contact: in.Contact, How: how,
		GivenOn: today, ByActor: u.Actor()})
	if err != nil {
		return nil, err
	}
	c.Proven = c.How == models.ConsentOnline
	return &struct{ Body ConsentView }{viewConsent(c)}, nil
}

// consentDistrict is the district of a household whose consents the caller may record.
func (s *Server) consentDistrict(ctx context.Context, u models.User, uscc string) (string, error) {
	if u.Role == models.RoleOperator {
		return u.District, nil
	}
	home, err := s.Store.HouseholdHome(ctx, uscc)
	if err == nil {
		err = inDistrict(u, home.District)
	}
	return home.District, err
}

func (s *Server) withdrawConsent(ctx context.Context, u models.User, in *struct {
	Scope string `path:"scope" enum:"bank_list"`
}) (*struct{}, error) {
	return s.endConsent(ctx, u, u.USCC, in.Scope)
}

func (s *Server) endConsent(ctx context.Context, u models.User, uscc, scope string) (*struct{}, error) {
	district, err := s.consentDistrict(ctx, u, uscc)
	if err != nil {
		return nil, err
	}
	today, err := s.householdToday(ctx, district, uscc)
	if err != nil {
		return nil, err
	}
	return nil, s.Store.WithdrawConsent(ctx, district, uscc, models.ConsentScope(scope), u.Actor(), today)
}

// HouseholdInput names a household.
type HouseholdInput struct {
	USCC string `path:"uscc" pattern:"^[0-9A-Z]{18}$" doc:"统一社会信用代码"`
}

func (s *Server) householdConsents(ctx context.Context, u models.User, in *HouseholdInput) (*struct{ Body OwnConsents }, error) {
	district, err := s.consentDistrict(ctx, u, in.USCC)
	if err != nil {
		return nil, err
	}
	v, err := s.consentsOf(ctx, u, district, in.USCC)
	return &struct{ Body OwnConsents }{v}, err
}

func (s *Server) recordConsent(ctx context.Context, u models.User, in *struct {
	HouseholdInput
	Body ConsentInput
}) (*struct{ Body ConsentView }, error) {
	return s.consent(ctx, u, in.USCC, in.Body, models.ConsentPaper)
}

func (s *Server) recordWithdrawal(ctx context.Context, u models.User, in *struct {
	HouseholdInput
	Scope string `path:"scope" enum:"bank_list"`
}) (*struct{}, error) {
	return s.endConsent(ctx, u, in.USCC, in.Scope)
}

// banker refuses who does not bring the list to the banks: the department responsible for 附二(二)3, and the bureau.
func (s *Server) banker(ctx context.Context, u models.User, cycleID string) (measureTerms, error) {
	t, err := s.measureTerms(ctx, u, cycleID)
	if err == nil {
		_, _, err = t.own(u, bankClause, 1)
	}
	return t, err
}

func (s *Server) getBankList(ctx context.Context, u models.User, in *struct {
	CycleInput
	PageInput
}) (*struct{ Body BankListState }, error) {
	t, err := s.banker(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	counts, err := s.Store.BankListCounts(ctx, t.cycle.District, t.cycle.Year)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.BankLists(ctx, in.ID, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	page := newPage(list, in.Limit, viewBankList, func(b models.BankList) any { return b.ID })
	return &struct{ Body BankListState }{BankListState{ConsentRequired: t.law.Help.BankConsent, Growth: counts.Growth, Consented: counts.Households,
		Contacts: counts.Contacts, Items: page.Items, Next: page.Next}}, nil
}

func (s *Server) handOverBankList(ctx context.Context, u models.User, in *struct {
	CycleInput
	Body struct {
		Bank string `json:"bank" minLength:"1" maxLength:"100" doc:"接收的银行"`
	}
}) (*huma.StreamResponse, error) {
	t, err := s.banker(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	b := models.BankList{CycleID: in.ID, District: t.cycle.District, Bank: in.Body.Bank, OnDate: t.today, ByActor: u.Actor()}
	b, file, err := s.Store.HandOverBankList(ctx, b, t.cycle.Year, t.law.Help.BankConsent, writeBankList)
	if err != nil {
		return nil, err
	}
	return s.file(ctx, kindXLSX, fmt.Sprintf("bank-list-%d.xlsx", b.ID), func(w io.Writer) error {
		_, err := w.Write(file)
		return err
	}), nil
}

// writeBankList makes the list as a workbook: what the policy allows, and how a household is reached only where it consented to that.
func writeBankList(list []models.BankListEntry) ([]byte, error) {
	var b bytes.Buffer
	x, err := files.NewXLSXWriter(&b, "成长型名单", 22, 36, 12, 18, 28, 18)
	if err != nil {
		return nil, err
	}
	err = writeTable(x, func(w files.TableWriter) error {
		if err := w.Row("统一社会信用代码", "名称", "分型", "街道", "电子邮箱", "电话"); err != nil {
			return err
		}
		for _, e := range list {
			if err := w.Row(e.USCC, models.SafeCell(e.Name), models.Growth.String(), models.SafeCell(e.Street), models.SafeCell(e.Email), models.SafeCell(e.Phone)); err != nil {
				return err
			}
		}
		return nil
	})
	return b.Bytes(), err
}
