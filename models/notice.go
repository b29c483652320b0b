package models

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"bangfu/models/calendar"
)

// Notice is a list of households under public notice (公示, 三(二)): number 1 of all that are proposed, and one more each time
// that the waiting list moved up.
type Notice struct {
	CycleID     string
	Number      int
	PublishedOn calendar.Date
	WorkingDays int           // of the period; the first that counts is the day after the publication
	EndsOn      calendar.Date // last day of the period
	Announced   bool          // whether EndsOn is reckoned by announced calendars only (calendar.Unannounced otherwise)
	SHA256      string        `gorm:"column:sha256"` // of NoticeText of the list as it was published
	ClosedOn    calendar.Date
	At          time.Time
}

// Over says whether the period has passed.
func (n Notice) Over(today calendar.Date) bool { return today > n.EndsOn }

// NoticePeriod gives the last day of a period of so many working days after a publication, and whether every year that it
// touches has its calendar.
func NoticePeriod(w *calendar.Workdays, published calendar.Date, days int) (endsOn calendar.Date, announced bool) {
	endsOn = w.TermEnd(published, days)
	return endsOn, w.AnnouncedThrough(published, endsOn)
}

// EntryState is where a household on a list stands.
type EntryState string

// The states of an entry.
const (
	EntryListed    EntryState = "listed"    // 公示中, or noticed to the end
	EntryRemoved   EntryState = "removed"   // 异议成立，移出名单
	EntryWithdrawn EntryState = "withdrawn" // 申请人撤回
	EntryBarred    EntryState = "barred"    // 出现不得认定的情形
)

// EntryLeft is the entry's state when its application is no longer proposed.
func EntryLeft(state ApplicationState) EntryState {
	if state == ApplicationWithdrawn {
		return EntryWithdrawn
	}
	return EntryBarred
}

// Vacancy is what became of the place of a household that left the list.
type Vacancy string

// The vacancies.
const (
	VacancyFilled  Vacancy = "filled"   // the first of the waiting list moved up
	VacancyNobody  Vacancy = "nobody"   // nobody is waiting: the place is free
	VacancyTooLate Vacancy = "too_late" // no full period fits any more: the place stays empty
)

var vacancyNames = map[Vacancy]string{VacancyFilled: "已由候补递补", VacancyNobody: "无候补，名额空置", VacancyTooLate: "剩余时间不足一个完整公示期，名额空置"}

// Name is the vacancy in words; empty for none.
func (v Vacancy) Name() string { return vacancyNames[v] }

// NoticeEntry is one household on a list.
type NoticeEntry struct {
	CycleID       string
	Number        int
	ApplicationID int64
	USCC          string `gorm:"column:uscc"`
	Name          string
	Tier          Tier
	Category      Category
	State         EntryState
	RemovedOn     calendar.Date
	ReasonID      int64
	Vacancy       Vacancy
	Successor     int64 // the application that moved up in its place
}

// NoticeHash is the SHA-256 (hexadecimal) of a list in its canonical text: what was published, once and for all.
func NoticeHash(n Notice, entries []NoticeEntry) string {
	lines := make([]string, len(entries))
	for i, e := range entries {
		lines[i] = fmt.Sprintf("%s\t%s\t%s\t%s\n", e.USCC, e.Name, e.Tier, e.Category.Name())
	}
	slices.Sort(lines)
	h := sha256.Sum256([]byte(fmt.Sprintf("%s\t%d\t%s\t%d\n", n.CycleID, n.Number, n.PublishedOn, n.WorkingDays) + strings.Join(lines, "")))
	return hex.EncodeToString(h[:])
}

// NoticeBoard is where a cycle's public notice stands.
type NoticeBoard struct {
	Notices    int
	Listed     int64         // households on the lists
	Left       int64         // that left them
	MovedUp    int64         // that moved up from the waiting list
	Empty      int64         // places that stay empty
	Waiting    int64         // that still wait
	EndsOn     calendar.Date // the latest period's last day; 0 = nothing is published
	Announced  bool
	Objections int64 // that are not settled yet
	Changed    bool  // applications moved: their processes want to be told
}

// Over says whether the public notice may end: every period has passed, every objection is settled (三(二)).
func (b NoticeBoard) Over(today calendar.Date) bool { return today > b.EndsOn && b.Objections == 0 }
