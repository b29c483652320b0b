package activities

import (
	"fmt"
	"strings"
	"time"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// AccessLetter writes the mail with a household's one-time link. The secret stands behind the # of the address, which no server and no log
// sees; opening the page uses nothing up, so that a mail filter which looks at links does no harm.
func AccessLetter(d models.District, publicURL string, home models.Home, to, secret string, now time.Time) (models.Message, error) {
	url := strings.TrimSuffix(publicURL, "/")
	l := letter{District: d.Name, Date: calendar.DateOf(now).Chinese(), URL: url, Headline: "登录链接", To: home.Name,
		Link: url + "/public/access#" + secret, Code: secret, Until: now.In(calendar.Shanghai).Add(models.AccessLinkTime).Format("15:04")}
	return l.toOperator().write(models.MailAccess, models.Message{District: home.District, Recipient: to, OnDate: calendar.DateOf(now), Key: store.HashToken(secret)})
}

// AccessCodeLetter tells a household's operator that a code was handed out in its name, and by whom, so that nobody can act for it unseen.
func AccessCodeLetter(d models.District, publicURL string, home models.Home, to, department string, now time.Time) (models.Message, error) {
	l := letter{District: d.Name, Date: calendar.DateOf(now).Chinese(), URL: strings.TrimSuffix(publicURL, "/"), Headline: "已为贵户发放一次性登录码", To: home.Name,
		Source: department, Since: now.In(calendar.Shanghai).Format("2006-01-02 15:04")}
	return l.toOperator().write(models.MailAccessCode, models.Message{District: home.District, Recipient: to, OnDate: calendar.DateOf(now), Key: fmt.Sprintf("%s/%d", home.USCC, now.UnixMilli())})
}
