package models

import (
	"slices"
	"strings"
	"time"

	"bangfu/models/calendar"
)

// PublicHousehold is everything that the plan makes public of a household (附一(二)2); nothing may be added that it
// does not name.
type PublicHousehold struct {
	Name     string `json:"name" doc:"名称"`
	USCC     string `json:"uscc" doc:"统一社会信用代码"`
	Tier     Tier   `json:"tier" doc:"最近一个公布年度的分型结果"`
	Category string `json:"category" doc:"“名特优新”分类，未认定为空"`
	Years    []int  `json:"years" doc:"已公布分型结果的年度，由近及远；tier 为第一个年度的结果"`
}

// PublicQuery is what anyone asks for: a code, or how a name begins.
type PublicQuery struct {
	USCC  string   // or:
	Names []string // beginnings of names, any of them
}

// MinQuery and MaxQuery bound a query for a name, in characters.
const (
	MinQuery = 2
	MaxQuery = 60
)

// ParsePublicQuery reads a query: 18 letters and digits are a code, anything else is how a name begins. Names stand in the
// register as they were delivered, so that the same name may be written with half- or full-width letters, digits and brackets:
// each way is looked for.
func ParsePublicQuery(q string) (PublicQuery, error) {
	folded, reason := narrow(q)
	if reason != "" {
		return PublicQuery{}, Invalid("q", "查询词%s", reason)
	}
	if code := strings.ReplaceAll(folded, " ", ""); len(code) == 18 && strings.Trim(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == "" {
		uscc, err := ParseUSCC(code)
		if err != nil {
			return PublicQuery{}, Invalid("q", "“%s”不是正确的统一社会信用代码，请核对", code)
		}
		return PublicQuery{USCC: uscc}, nil
	}
	switch n := len([]rune(folded)); {
	case n < MinQuery:
		return PublicQuery{}, Invalid("q", "请输入名称的前 %d 个字以上，或完整的统一社会信用代码", MinQuery)
	case n > MaxQuery:
		return PublicQuery{}, Invalid("q", "查询词最长 %d 字", MaxQuery)
	}
	written, _ := tidy(q)
	names := []string{written, folded, fullBrackets.Replace(folded), fullWidth(folded)}
	if upper := strings.ToUpper(folded); upper != folded {
		names = append(names, upper, fullBrackets.Replace(upper), fullWidth(upper))
	}
	slices.Sort(names)
	return PublicQuery{Names: slices.Compact(names)}, nil
}

var fullBrackets = strings.NewReplacer("(", "（", ")", "）")

// fullWidth writes printable ASCII in its full-width form, spaces excepted.
func fullWidth(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7F {
			return r + 0xFEE0
		}
		return r
	}, s)
}

// Published counts what a publication did.
type Published struct {
	Households int64 // public now
	Changed    int64 // new, or with another name or tier than before
	Withdrawn  int64 // no longer in the result
}

// PublishedTier is one household's published result of a year.
type PublishedTier struct {
	USCC        string
	Name        string
	Tier        Tier
	PublishedOn calendar.Date
}

// Handover is the file for the national register (附一(二)1) and its receipt.
type Handover struct {
	CycleID    string
	RunID      int64
	Counts     TierCounts
	SHA256     string // of the CSV file
	PreparedOn calendar.Date
	Receipt    string // the register's number; empty until it came
	ReceivedOn calendar.Date
	By         Actor // who entered the receipt
	At         time.Time
}

// Annotation is the mark that the national credit publicity system shows with a household (附一(二)2).
func Annotation(t Tier) string {
	if t == Ineligible {
		return t.String()
	}
	return t.String() + "个体工商户"
}
