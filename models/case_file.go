package models

import "bangfu/models/calendar"

// CaseFile is everything on record about one application (三(二): who, when, why, on what data): for the bureau, the city and
// auditors, and for its operator without what is confidential to others. People are named by office; officials read names too.
type CaseFile struct {
	Number         string        `json:"number" doc:"申报编号"`
	District       string        `json:"district" doc:"区"`
	Cycle          string        `json:"cycle" doc:"年度工作编号"`
	USCC           string        `json:"uscc" doc:"统一社会信用代码"`
	Name           string        `json:"name" doc:"名称"`
	Street         string        `json:"street,omitempty" doc:"所属街道"`
	Tier           Tier          `json:"tier" doc:"申报时的分型"`
	Origin         string        `json:"origin" doc:"自主申报或部门推荐"`
	Department     string        `json:"department,omitempty" doc:"推荐部门"`
	EnteredBy      string        `json:"entered_by" doc:"录入人"`
	State          string        `json:"state" doc:"现状"`
	Wished         []string      `json:"wished" doc:"申报的分类"`
	Category       string        `json:"category,omitempty" doc:"审核认定的分类"`
	Statement      string        `json:"statement,omitempty" doc:"申报人的陈述"`
	SubmittedOn    calendar.Date `json:"submitted_on" doc:"申报或推荐之日"`
	ClosedOn       calendar.Date `json:"closed_on" doc:"办结日期"`
	Reason         string        `json:"reason,omitempty" doc:"最近一次决定的理由"`
	Clause         string        `json:"clause,omitempty" doc:"最近一次决定的依据"`
	PolicyVersion  int           `json:"policy_version" doc:"政策版本"`
	PolicyHash     string        `json:"policy_hash" doc:"政策文件的校验值"`
	DataMark       string        `json:"data_mark,omitempty" doc:"核对所依据的部门数据"`
	ForOperator    bool          `json:"for_operator" doc:"本份供经营者查阅，不含他人的保密内容"`
	LastChange     string        `json:"last_change" doc:"本件最近一次变动的时间"`
	LastChangeDate calendar.Date `json:"-"`

	Facts         []CaseFact         `json:"facts" doc:"部门交付的情况"`
	Grounds       []CaseGround       `json:"grounds" doc:"提出的和认定的条件"`
	Events        []CaseEvent        `json:"events" doc:"办理经过"`
	Documents     []CaseDocument     `json:"documents" doc:"材料"`
	Visits        []CaseVisit        `json:"visits" doc:"走访核实"`
	Comparison    *CaseComparison    `json:"comparison,omitempty" doc:"比选"`
	Notices       []CaseNotice       `json:"notices" doc:"公示"`
	Objections    []CaseObjection    `json:"objections" doc:"异议；不含异议人的姓名和联系方式"`
	Certification *CaseCertification `json:"certification,omitempty" doc:"认定"`
	Mails         []CaseMail         `json:"mails" doc:"发出的通知"`
	Audit         []CaseAudit        `json:"audit" doc:"操作记录，可与审计链核对"`
}

// CaseFact is one thing that a department delivered.
type CaseFact struct {
	Label       string        `json:"label"`
	Value       string        `json:"value"`
	Source      string        `json:"source" doc:"数据来源"`
	DeliveredOn calendar.Date `json:"delivered_on" doc:"交付日期"`
}

// CaseGround is a ground as it was claimed and what was found about it (附三(三)2).
type CaseGround struct {
	Category  string        `json:"category"`
	Letter    string        `json:"letter"`
	Clause    string        `json:"clause"`
	Text      string        `json:"text" doc:"条款原文"`
	Claimed   bool          `json:"claimed" doc:"由申报人或推荐部门提出"`
	Statement string        `json:"statement,omitempty" doc:"申报人或推荐部门的说明"`
	Outcome   Outcome       `json:"outcome,omitempty" enum:"met,not_met,not_known"`
	CheckedBy string        `json:"checked_by,omitempty" doc:"以部门数据核对，或由谁认定"`
	Value     string        `json:"value,omitempty" doc:"据以判断的数据"`
	Reason    string        `json:"reason,omitempty"`
	On        calendar.Date `json:"on" doc:"认定日期"`
}

// CaseEvent is one event: what, when, by whom, why, under which clause and policy.
type CaseEvent struct {
	Seq           int              `json:"seq"`
	Event         ApplicationEvent `json:"event"`
	Name          string           `json:"name" doc:"事项"`
	From          string           `json:"from"`
	To            string           `json:"to"`
	On            calendar.Date    `json:"on"`
	At            string           `json:"at"`
	By            string           `json:"by"`
	Reason        string           `json:"reason,omitempty"`
	Clause        string           `json:"clause,omitempty"`
	PolicyVersion int              `json:"policy_version"`
}

// CaseDocument is a document by its hash; its content is read by itself.
type CaseDocument struct {
	ID        string `json:"id"`
	Of        string `json:"of" doc:"属于：申报、走访或异议"`
	Purpose   string `json:"purpose"`
	Name      string `json:"name" doc:"文件名"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
	By        string `json:"by"`
	At        string `json:"at"`
}

// CaseVisit is a site visit.
type CaseVisit struct {
	State     string        `json:"state"`
	Visitors  []string      `json:"visitors"`
	PlannedOn calendar.Date `json:"planned_on"`
	VisitedOn calendar.Date `json:"visited_on"`
	Outcome   string        `json:"outcome,omitempty"`
	Record    string        `json:"record,omitempty" doc:"走访情况"`
	SignedBy  string        `json:"signed_by,omitempty"`
	SignedOn  calendar.Date `json:"signed_on"`
	Reason    string        `json:"reason,omitempty" doc:"更改、退回或取消的原因"`
}

// CaseComparison is where the application stood in the comparison (比选).
type CaseComparison struct {
	Place    int         `json:"place" doc:"名次"`
	Places   int64       `json:"places" doc:"名额"`
	Score    int         `json:"score" doc:"总分"`
	Items    []ScoreItem `json:"items" doc:"逐项得分"`
	Tie      string      `json:"tie,omitempty" doc:"同分时的先后"`
	Proposal string      `json:"proposal" doc:"比选方案"`
	Decision string      `json:"decision,omitempty" doc:"决定"`
	Reason   string      `json:"reason,omitempty" doc:"偏离方案的理由"`
	By       string      `json:"by,omitempty"`
	At       string      `json:"at,omitempty"`
}

// CaseNotice is a public notice (公示) that named the household.
type CaseNotice struct {
	Number      int           `json:"number"`
	PublishedOn calendar.Date `json:"published_on"`
	EndsOn      calendar.Date `json:"ends_on"`
	SHA256      string        `json:"sha256" doc:"公示名单的校验值"`
	State       EntryState    `json:"state" enum:"listed,removed,withdrawn,barred"`
	RemovedOn   calendar.Date `json:"removed_on"`
	Reason      string        `json:"reason,omitempty"`
}

// CaseObjection is an objection to the tier of the year, the notice or a decision; never who objected to a notice.
type CaseObjection struct {
	Number     string        `json:"number"`
	Kind       string        `json:"kind"`
	By         string        `json:"by"`
	Statement  string        `json:"statement,omitempty"`
	State      string        `json:"state"`
	ReceivedOn calendar.Date `json:"received_on"`
	AcceptedOn calendar.Date `json:"accepted_on"`
	Department string        `json:"department,omitempty" doc:"答复部门"`
	Answer     string        `json:"answer,omitempty" doc:"部门答复"`
	Outcome    string        `json:"outcome,omitempty"`
	Reason     string        `json:"reason,omitempty"`
	Clause     string        `json:"clause,omitempty"`
	SettledBy  string        `json:"settled_by,omitempty"`
	SettledOn  calendar.Date `json:"settled_on"`
}

// CaseCertification is the certification and what the city's check made of it.
type CaseCertification struct {
	Number      string        `json:"number"`
	Category    string        `json:"category"`
	CertifiedOn calendar.Date `json:"certified_on"`
	ValidUntil  calendar.Date `json:"valid_until"`
	State       string        `json:"state"`
	EndedOn     calendar.Date `json:"ended_on"`
	Reason      string        `json:"reason,omitempty"`
	PolicyHash  string        `json:"policy_hash"`
	Program     string        `json:"program" doc:"程序版本"`
	CityCheck   string        `json:"city_check,omitempty" doc:"市级抽查"`
}

// CaseMail is a mail about the case: that it was sent, not to which address.
type CaseMail struct {
	Kind   MailKind      `json:"kind"`
	Name   string        `json:"name"`
	About  string        `json:"about" doc:"关于：申报或异议"`
	On     calendar.Date `json:"on"`
	State  MailState     `json:"state"`
	SentAt string        `json:"sent_at,omitempty"`
}

// CaseAudit is an entry of the record; who and what in detail only for officials.
type CaseAudit struct {
	Seq      int64  `json:"seq"`
	At       string `json:"at"`
	Actor    Actor  `json:"actor,omitempty"`
	Action   string `json:"action"`
	Object   string `json:"object"`
	Detail   string `json:"detail,omitempty"`
	PrevHash string `json:"prev_hash"`
	Hash     string `json:"hash"`
}

// MayReadCase refuses who may not see an application's case file: it is for the household itself, the bureau, the city and auditors.
func (a Application) MayReadCase(u User) error {
	own := u.Role == RoleOperator && u.USCC == a.USCC
	if !u.InDistrict(a.District) || !own && !u.Bureau() && u.Role != RoleCity && u.Role != RoleAuditor {
		return NotFound("没有这个申报件，或不在您的职责范围内")
	}
	return nil
}

// ForApplicant leaves out of a case file what is confidential to others: objections of others to the notice stay as a fact only, the
// record without who acted and in which detail; of a visit what both have signed, and never why it was changed or somebody stood aside.
func (f *CaseFile) ForApplicant() {
	f.ForOperator = true
	for i := range f.Visits {
		v := &f.Visits[i]
		v.Reason = ""
		if v.SignedBy == "" {
			v.VisitedOn, v.Outcome, v.Record = 0, "", ""
		}
	}
	for i, o := range f.Objections {
		if o.Kind == ObjectionNotice.Name() {
			f.Objections[i] = CaseObjection{Number: o.Number, Kind: o.Kind, By: "公众", State: o.State, ReceivedOn: o.ReceivedOn, AcceptedOn: o.AcceptedOn,
				Outcome: o.Outcome, Clause: o.Clause, SettledOn: o.SettledOn}
		}
	}
	for i := range f.Audit {
		f.Audit[i].Actor, f.Audit[i].Detail = "", ""
	}
}
