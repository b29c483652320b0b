package models

import (
	"fmt"
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
	EndedOn       calendar.Date
	ReasonID      int64
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
