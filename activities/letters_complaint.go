package activities

import (
	"strings"
	"time"

	"bangfu/models"
	"bangfu/models/calendar"
)

// ComplaintLetter tells whoever complained, and left an address, what came of it (三(二)). What was complained about is not repeated.
func ComplaintLetter(d models.District, publicURL string, c models.Complaint, answer string, now time.Time) (models.Message, error) {
	to, _ := c.Email()
	l := letter{District: d.Name, Date: calendar.DateOf(now).Chinese(), URL: strings.TrimSuffix(publicURL, "/"), Headline: "您的举报投诉已有处理结果", To: c.ByName,
		Facts: []letterFact{{"受理编号", c.Number()}, {"收到日期", c.ReceivedOn.Chinese()}, {"处理结果", answer}}}
	return l.write(models.MailComplaint, models.Message{District: c.District, Recipient: to, OnDate: calendar.DateOf(now), Key: models.ComplaintObject(c.ID)})
}
