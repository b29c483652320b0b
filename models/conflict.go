package models

import "time"

// ConflictOfInterest is a declared reason to stand aside (回避): while it stands, the person has no hand in the household's matters (三(二)).
type ConflictOfInterest struct {
	ID           int64
	District     string
	Actor        Actor  // who stands aside
	USCC         string `gorm:"column:uscc"`
	ReasonID     int64
	DeclaredBy   Actor
	At           time.Time
	LiftedBy     Actor // an administrator; empty while it stands
	LiftReasonID int64
	LiftedAt     *time.Time
}

// Stands says whether the conflict still excludes the person.
func (c ConflictOfInterest) Stands() bool { return c.LiftedAt == nil }
