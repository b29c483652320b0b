package models

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"bangfu/models/calendar"
)

// CycleID names one district's year, such as 110107-2026.
func CycleID(district string, year int) string { return fmt.Sprintf("%s-%d", district, year) }

// ParseCycleID is the inverse of CycleID.
func ParseCycleID(id string) (district string, year int, err error) {
	if len(id) == 11 && id[6] == '-' {
		if _, err = fmt.Sscanf(id[7:], "%d", &year); err == nil && CycleID(id[:6], year) == id {
			return id[:6], year, nil
		}
	}
	return "", 0, NotFound("没有编号为“%s”的年度工作", id)
}

// Stage is a part of the year, in order (requirements "The year").
type Stage string

// The stages of a cycle.
const (
	StageCollection    Stage = "collection"    // 归集数据
	StageTiering       Stage = "tiering"       // 集中分型判定
	StageStudy         Stage = "study"         // 联合研判
	StagePublication   Stage = "publication"   // 结果公布与异议处理
	StageHandover      Stage = "handover"      // 汇总至名录
	StageApplication   Stage = "application"   // 申报推荐
	StageReview        Stage = "review"        // 审核走访
	StageSelection     Stage = "selection"     // 比选
	StageNotice        Stage = "notice"        // 公示
	StageCertification Stage = "certification" // 认定
	StageBenefits      Stage = "benefits"      // 待享受扶持政策（次年1月1日起）
	StageDone          Stage = "done"          // 年度结束
)

// StageInfo describes a stage to people and binds it to the plan's date that ends it.
type StageInfo struct {
	Stage Stage
	Name  string
	Ends  calendar.PlanKey // the plan's date on which the stage's wait ends at the latest
}

// Stages lists the year in order; StageDone follows the last.
var Stages = []StageInfo{
	{StageCollection, "归集数据", calendar.PlanTiering},
	{StageTiering, "分型判定", calendar.PlanTiering},
	{StageStudy, "联合研判", calendar.PlanStudyDue},
	{StagePublication, "公布与异议处理", calendar.PlanObjectionsUntil},
	{StageHandover, "汇总至名录", calendar.PlanSeasonStart},
	{StageApplication, "申报推荐", calendar.PlanApplicationsUntil},
	{StageReview, "审核走访", calendar.PlanReviewDue},
	{StageSelection, "比选", calendar.PlanSelectionDue},
	{StageNotice, "公示", calendar.PlanNoticeUntil},
	{StageCertification, "认定", calendar.PlanCertificationDue},
	{StageBenefits, "待享受扶持政策", calendar.PlanBenefitsStart},
}

// Info describes the stage.
func (s Stage) Info() StageInfo {
	for _, i := range Stages {
		if i.Stage == s {
			return i
		}
	}
	return StageInfo{Stage: s, Name: "年度结束"}
}

// Next is the stage after s; StageDone after the last.
func (s Stage) Next() Stage {
	for i, info := range Stages {
		if info.Stage == s && i+1 < len(Stages) {
			return Stages[i+1].Stage
		}
	}
	return StageDone
}

// CycleState is whether a cycle runs.
type CycleState string

// The states of a cycle.
const (
	CycleRunning   CycleState = "running"
	CyclePaused    CycleState = "paused"
	CycleCancelled CycleState = "cancelled"
	CycleDone      CycleState = "done"
)

// Command is what an administrator tells a cycle.
type Command string

// The commands of POST /api/v1/cycles/{id}/commands.
const (
	CommandAdvance Command = "advance"
	CommandPause   Command = "pause"
	CommandResume  Command = "resume"
	CommandCancel  Command = "cancel"
)

// Allowed says whether the command may follow in this state; the error says why not.
func (s CycleState) Allowed(c Command) error {
	switch c {
	case CommandAdvance, CommandPause, CommandResume, CommandCancel:
	default:
		return Invalid("command", "没有“%s”这个操作，可用 advance、pause、resume、cancel", string(c))
	}
	switch {
	case s == CycleCancelled:
		return Conflict("本年度工作已取消")
	case s == CycleDone:
		return Conflict("本年度工作已结束")
	case s == CyclePaused && c == CommandPause:
		return Conflict("本年度工作已在暂停中")
	case s == CyclePaused && c == CommandAdvance:
		return Conflict("本年度工作暂停中，请先恢复再推进")
	case s == CycleRunning && c == CommandResume:
		return Conflict("本年度工作未暂停")
	}
	return nil
}

// Cycle is one district's year as the record holds it.
type Cycle struct {
	ID          string
	District    string
	Year        int
	Stage       Stage
	State       CycleState
	Plan        calendar.Plan
	Clock       calendar.Clock
	PolicyID    int64
	WorkflowID  string
	RunID       string
	RequestHash string // of what was asked for: the same request again is the same cycle
	Attempt     int    // 2 and more: started again after a cancellation
	StartedBy   string
	StartedAt   time.Time
	UpdatedAt   time.Time
}

// NewCycle is what a cycle begins with.
type NewCycle struct {
	CycleID     string
	District    string
	Year        int
	Plan        calendar.Plan
	Clock       calendar.Clock
	PolicyID    int64
	WorkflowID  string
	RunID       string // of the first run; set by the process itself
	RequestHash string // of what the administrator asked for: the same request again is the same cycle
	Attempt     int    // 1, and one more for each start after a cancellation
	Actor       Actor
	Today       calendar.Date
	Duties      []Obligation // what everybody owes in the year, by the policy
	Connections []Source     // sources that are fetched by the program
}

// RequestHash tells whether two requests ask for the same year: the plan's changes in order, and the clock.
func RequestHash(changes map[calendar.PlanKey]calendar.Date, clock calendar.Clock) string {
	h := sha256.New()
	for _, i := range calendar.PlanItems {
		if d, ok := changes[i.Key]; ok {
			_, _ = fmt.Fprintf(h, "%s=%s\n", i.Key, d)
		}
	}
	_, _ = fmt.Fprintf(h, "clock=%s %g\n", clock.Start, clock.DaysPerSecond)
	return hex.EncodeToString(h.Sum(nil))
}
