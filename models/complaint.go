package models

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"bangfu/models/calendar"
)

// ComplaintState is where a complaint (举报投诉, 三(二)) stands.
type ComplaintState string

// The states of a complaint.
const (
	ComplaintOpen     ComplaintState = "open"     // 待处理
	ComplaintAnswered ComplaintState = "answered" // 已答复
)

// ComplaintDays is within how many working days the bureau answers.
const ComplaintDays = 10

// The longest texts of a complaint, in characters.
const (
	MaxComplaint        = 5000
	MaxComplaintAbout   = 200
	MaxComplaintName    = 100
	MaxComplaintContact = 200
)

// Complaint is what anybody tells the bureau about how the work is done: fees, favours, forced recommendations … Only the administrators of
// its district read it; name and contact are given freely.
type Complaint struct {
	ID         int64
	District   string
	CycleID    string // whose calendar it is dealt with in; empty if the district has no running cycle
	About      string // 事项
	Statement  string
	ByName     string
	Contact    string
	ByActor    Actor // ActorPublic, or a household
	State      ComplaintState
	AnswerID   int64
	AnsweredBy Actor
	AnsweredAt *time.Time
	ReceivedOn calendar.Date
	Due        calendar.Date
	At         time.Time
}

// Number is the receipt's number, such as 诉110107-7.
func (c Complaint) Number() string { return fmt.Sprintf("诉%s-%d", c.District, c.ID) }

// ComplaintObject names a complaint in the audit log and among what is owed.
func ComplaintObject(id int64) string { return "complaint/" + strconv.FormatInt(id, 10) }

// Validate says what of the complaint cannot be taken: a *models.Error with CodeInvalid and its field.
func (c Complaint) Validate() error {
	if err := validateDistrict("district", c.District); err != nil {
		return err
	}
	for _, t := range []struct {
		field, text string
		least, most int
	}{
		{"about", c.About, 1, MaxComplaintAbout}, {"statement", c.Statement, 1, MaxComplaint},
		{"name", c.ByName, 0, MaxComplaintName}, {"contact", c.Contact, 0, MaxComplaintContact},
	} {
		switch n := utf8.RuneCountInString(strings.TrimSpace(t.text)); {
		case !utf8.ValidString(t.text) || strings.ContainsRune(t.text, 0):
			return Invalid(t.field, "含有无法识别的字符")
		case n < t.least:
			return Invalid(t.field, "请填写")
		case n > t.most:
			return Invalid(t.field, "最长%d字，现为%d字", t.most, n)
		}
	}
	return nil
}

// Email is the contact, if it is an address to which the answer can be sent.
func (c Complaint) Email() (address string, ok bool) {
	return c.Contact, c.Contact != "" && ValidateEmail("contact", c.Contact) == nil
}

// Answer says whether the complaint can be answered now (CodeConflict if it was).
func (c Complaint) Answer() (ComplaintState, error) {
	if c.State != ComplaintOpen {
		return c.State, Conflict("这件举报投诉已经答复")
	}
	return ComplaintAnswered, nil
}
