package models

import (
	"fmt"
	"strings"
	"time"

	"bangfu/models/calendar"
)

// CertificationState is what a certification (认定) is worth now.
type CertificationState string

// The states of a certification.
const (
	CertificationValid     CertificationState = "valid"     // 有效
	CertificationRefused   CertificationState = "refused"   // 市级抽查不予认定
	CertificationCancelled CertificationState = "cancelled" // 取消: no longer meets the standards
	CertificationRevoked   CertificationState = "revoked"   // 撤销: fraud or bribery
	CertificationLapsed    CertificationState = "lapsed"    // 有效期满
)

var certificationStateNames = map[CertificationState]string{CertificationValid: "有效", CertificationRefused: "不予认定", CertificationCancelled: "已取消",
	CertificationRevoked: "已撤销", CertificationLapsed: "有效期满"}

// Name is the state in words.
func (s CertificationState) Name() string { return certificationStateNames[s] }

// Certification is one household's 名特优新 certification: its category, its place among the cycle's, and how long it holds.
type Certification struct {
	ID            int64
	Number        string // CertificationNumber
	CycleID       string
	Seat          int // among the cycle's places: 1 … places
	ApplicationID int64
	District      string
	Year          int
	USCC          string `gorm:"column:uscc"`
	Name          string
	Tier          Tier // at certification
	Category      Category
	CertifiedOn   calendar.Date
	ValidUntil    calendar.Date // last day: the day before the same day three years later (附三(五))
	State         CertificationState
	Live          *int          // 1 while valid, nil afterwards: one at a time per household
	BenefitsFrom  calendar.Date // 1 January after the certification (二(一)3)
	EndedOn       calendar.Date // from this day on it is not valid; 0 while it is
	ReasonID      int64
	Clause        string
	Extensions    int           // 延长次数
	Reached       calendar.Date // its calendar was followed up to this date
	NextOn        calendar.Date // the next date on which something is to be done; 0 = none
	Events        int
	ProcessEvents int
	PolicyID      int64
	PolicyHash    string
	RunID         int64 // of the tiering
	Program       string
	At            time.Time
}

// CertificationNumber is unique and says district, year and place, such as 110107-2026-MTYX-0007.
func CertificationNumber(district string, year, seat int) string {
	return fmt.Sprintf("%s-%d-MTYX-%04d", district, year, seat)
}

// ParseCertificationNumber reads a certification's number, spaces around it and small letters included; CodeInvalid for what
// cannot be one.
func ParseCertificationNumber(s string) (string, error) {
	n := strings.ToUpper(strings.TrimSpace(s))
	parts := strings.Split(n, "-")
	digits := func(s string, least, most int) bool {
		return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
	}
	if len(parts) != 4 || !digits(parts[0], 6, 6) || !digits(parts[1], 4, 4) || parts[2] != "MTYX" || !digits(parts[3], 4, 9) {
		return "", Invalid("number", "认定编号应如 110107-2026-MTYX-0007")
	}
	return n, nil
}

// CertificationObject names a certification in the audit log and as the subject of what is owed about it.
func CertificationObject(number string) string { return "certification/" + number }

// ValidUntil is the last day of a certification made on a date (附三(五): 有效期3年，以认定时间为准): the day before that day years later.
func ValidUntil(certifiedOn calendar.Date, years int) calendar.Date {
	return certifiedOn.AddYears(years).AddDays(-1)
}

// On is what the certification is worth on a date: also a valid one ends with its last day.
func (c Certification) On(today calendar.Date) CertificationState {
	if c.State == CertificationValid && today > c.ValidUntil {
		return CertificationLapsed
	}
	return c.State
}

// Annotation is the mark that the national credit publicity system shows with a certified household (附三(一)).
func (c Certification) Annotation() string { return "“" + c.Category.Name() + "”个体工商户" }

// CertificationOrder is an administrator's order to certify what is proposed (二(一)3). It carries no text.
type CertificationOrder struct {
	CommandID string
	ReasonID  int64 // 0 = none was given
	Actor     Actor
}

// Validate refuses an order without who gave it.
func (o CertificationOrder) Validate() error {
	if o.CommandID == "" || len(o.CommandID) > 100 || o.Actor == "" {
		return Invalid("command", "认定须有操作编号和经办人，操作编号最长100位")
	}
	return nil
}

// CertificationPage is what became of a page of proposed applications.
type CertificationPage struct {
	Last      int64 // the application after which the next page begins
	Done      bool  // this was the last page
	Certified int   // by the order so far
	Barred    int   // by the order so far
	Conflict  int   // of this page, left out: the one who orders entered or recommended them, or has declared a conflict
	Unsettled int   // of this page, left out: their notice or an objection to it is not closed
}

// CertificationBoard is where the certification of a cycle stands.
type CertificationBoard struct {
	Places    int64                `json:"places" doc:"名额"`
	Proposed  int64                `json:"proposed" doc:"拟认定，尚未认定"`
	Certified int64                `json:"certified" doc:"已认定且有效"`
	Refused   int64                `json:"refused" doc:"市级抽查不予认定"`
	Empty     int64                `json:"empty" doc:"空出的名额"`
	Why       []CertificationCount `json:"why" doc:"拟认定后未能认定的原因和户数"`
	City      CityBoard            `json:"city" doc:"市级抽查"`
}

// CertificationCount says how many left the list for a reason.
type CertificationCount struct {
	Event ApplicationEvent `json:"event"`
	Name  string           `json:"name"`
	Count int64            `json:"count"`
}

// CityBoard is where the city's spot check stands.
type CityBoard struct {
	ReportedOn calendar.Date `json:"reported_on" doc:"报市市场监管局日期，空为尚未报送"`
	OutcomeDue calendar.Date `json:"outcome_due" doc:"市级抽查结论期限"`
	Sampled    int64         `json:"sampled" doc:"抽取户数"`
	Open       int64         `json:"open" doc:"尚无结论"`
	Asked      int64         `json:"asked" doc:"其中待补充材料"`
	Passed     int64         `json:"passed" doc:"无异议"`
	Refused    int64         `json:"refused" doc:"不予认定"`
	ClosedOn   calendar.Date `json:"closed_on" doc:"抽查结束日期"`
}
