package models

import (
	"time"

	"bangfu/models/calendar"
)

// OperatorSource is where it is known from who the operator is.
type OperatorSource string

// The sources.
const (
	OperatorCertified OperatorSource = "certified" // the registry's, when the household was certified
	OperatorRegistry  OperatorSource = "registry"  // a later delivery of the registry
	OperatorReported  OperatorSource = "reported"  // the household's own report (附三(五)), or an officer's on record
)

// Name is the source in words.
func (s OperatorSource) Name() string {
	return map[OperatorSource]string{OperatorCertified: "认定时登记数据", OperatorRegistry: "登记数据", OperatorReported: "经营者报告"}[s]
}

// OperatorChange is who a certified household's operator (经营者) is from a change on. The names are in the record only: the engine knows
// a change by its number.
type OperatorChange struct {
	ID              int64
	CertificationID int64
	District        string
	USCC            string `gorm:"column:uscc"`
	CommandID       string // one row per command, or per delivery that showed it
	Operator        string
	Previous        string
	ChangedOn       calendar.Date // as reported; 0 = not said
	NoticedOn       calendar.Date // on which the program learned of it
	Source          OperatorSource
	ReportedOn      calendar.Date // 0 = not reported, or not yet taken
	RegistryOn      calendar.Date // on which the registry first showed it; 0 = not yet
	CaseID          int64
	ReasonID        int64 // what was said about it
	ByActor         Actor
	At              time.Time
}

// TableName is the table of changes.
func (OperatorChange) TableName() string { return "operator_changes" }

// MaxOperator is the longest name of an operator, in characters.
const MaxOperator = 60

// Pending says whether the report was written down and not yet carried out.
func (c OperatorChange) Pending() bool { return c.Source == OperatorReported && c.ReportedOn == 0 }

// News says whether an operator whom the registry names tells anything after this change, the last one known: not who is known to it already,
// nor the one before while the registry lags behind a report.
func (c OperatorChange) News(operator string) bool {
	if c.RegistryOn == 0 {
		return operator != c.Previous
	}
	return operator != c.Operator
}

// Validate says what of a reported change cannot be taken.
func (c OperatorChange) Validate(today calendar.Date) error {
	if err := ValidateName("name", c.Operator, MaxOperator); err != nil {
		return err
	}
	switch {
	case c.ChangedOn == 0:
		return Invalid("changed_on", "请填写变更日期")
	case c.ChangedOn > today:
		return Invalid("changed_on", "变更日期%s尚未到来，请在变更后报告", c.ChangedOn.Chinese())
	case c.ChangedOn < today.AddYears(-50):
		return Invalid("changed_on", "变更日期%s过早，请核对", c.ChangedOn.Chinese())
	}
	return nil
}

// OperatorSubject names what is owed about a change of a certified household's operator.
func OperatorSubject(number string) string { return CertificationObject(number) + "/operator" }
