package models

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"bangfu/models/calendar"
)

// RehearsalState is where a rehearsal (演练) stands.
type RehearsalState string

// The states of a rehearsal.
const (
	RehearsalRunning RehearsalState = "running" // 进行中, or interrupted and to be gone on with
	RehearsalDone    RehearsalState = "done"    // 已结束，有报告
	RehearsalFailed  RehearsalState = "failed"  // 未能完成
	RehearsalRemoved RehearsalState = "removed" // 已删除
)

// Name is the state in words.
func (s RehearsalState) Name() string {
	return map[RehearsalState]string{RehearsalRunning: "进行中", RehearsalDone: "已结束", RehearsalFailed: "未能完成", RehearsalRemoved: "已删除"}[s]
}

// Rehearsal is a district's years run through on a copy, by a simulated clock, with people who are played (B3).
type Rehearsal struct {
	ID        string // 110107-2026-1: district, first year, number
	District  string
	Year      int
	Rules     RehearsalRules
	State     RehearsalState
	Reason    string // Chinese: why it failed
	Progress  RehearsalProgress
	Place     string // the machine on which its copy lies
	StartedBy Actor
	StartedAt time.Time
	EndedAt   time.Time // zero while it runs
}

// RehearsalProgress is how far a rehearsal has come.
type RehearsalProgress struct {
	Today        calendar.Date `json:"today" doc:"模拟日期"`
	From         calendar.Date `json:"from" doc:"模拟的第一日"`
	Until        calendar.Date `json:"until" doc:"预计结束之日"`
	Cycle        string        `json:"cycle,omitempty" doc:"最近一个年度"`
	Stage        string        `json:"stage,omitempty" doc:"其所处阶段"`
	Applications int64         `json:"applications" doc:"申报件数"`
	Certified    int64         `json:"certified" doc:"有效的认定户数"`
	Mails        int64         `json:"mails" doc:"暂扣的邮件数"`
	Acts         int64         `json:"acts" doc:"已模拟的操作数"`
	Refused      int64         `json:"refused" doc:"其中程序依规定拒绝的"`
}

// RehearsalID names a rehearsal.
func RehearsalID(district string, year, number int) string {
	return fmt.Sprintf("%s-%d-%d", district, year, number)
}

// ParseRehearsalID is the inverse of RehearsalID.
func ParseRehearsalID(id string) (district string, year, number int, err error) {
	cycle, n, _ := cutLast(id)
	if district, year, err = ParseCycleID(cycle); err == nil {
		number, err = strconv.Atoi(n)
	}
	if err != nil || number < 1 || RehearsalID(district, year, number) != id {
		return "", 0, 0, Invalid("id", "“%s”不是演练编号，应如 110107-2026-1", id)
	}
	return district, year, number, nil
}

func cutLast(id string) (before, after string, found bool) {
	at := strings.LastIndexByte(id, '-')
	if at < 0 {
		return "", "", false
	}
	return id[:at], id[at+1:], true
}

// Namespace is the part of the engine in which the rehearsal lives. When it began is in it: an engine may have known another of its id.
func (r Rehearsal) Namespace() string {
	return "rehearsal-" + r.ID + "-" + strconv.FormatInt(r.StartedAt.Unix(), 36)
}

// RehearsalObject names a rehearsal in the audit log.
func RehearsalObject(id string) string { return "rehearsal/" + id }

// HeldMail is a mail that a rehearsal would have sent.
type HeldMail struct {
	N         int64         `json:"n" doc:"序号"`
	On        calendar.Date `json:"on" doc:"模拟日期"`
	Role      string        `json:"role" doc:"收件人类别"`
	Recipient string        `json:"recipient"`
	Kind      string        `json:"kind" doc:"种类"`
	Subject   string        `json:"subject"`
	Text      string        `json:"text"`
}

// The names of the files that a rehearsal leaves in the record, beside those of its mails.
const (
	RehearsalReportHTML = "report.html"
	RehearsalReportJSON = "report.json"
)

// HeldPerFile is how many held mails one file of the record holds.
const HeldPerFile = 500

// HeldMailsFile is the name of the file that holds the nth held mail, counted from 1.
func HeldMailsFile(n int64) string { return fmt.Sprintf("mails-%06d.json", (n-1)/HeldPerFile) }

// NextHeldFile is the number of the first mail in the file behind the one that holds the nth.
func NextHeldFile(n int64) int64 { return (n-1)/HeldPerFile*HeldPerFile + HeldPerFile + 1 }
