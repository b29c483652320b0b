package models

import (
	"strings"
	"time"
)

// AccessKind is how a household's operator comes in: operators have no password.
type AccessKind string

// The kinds of one-time secrets.
const (
	AccessLink AccessKind = "link" // by mail, to the address that the registry holds
	AccessCode AccessKind = "code" // handed out by the bureau or a department, on record
)

// How long the secrets and what they open hold, and how often a link can be asked for.
const (
	AccessLinkTime      = 30 * time.Minute
	AccessCodeTime      = 7 * 24 * time.Hour
	OperatorSessionTime = 12 * time.Hour
	AccessLinksPerHour  = 3 // of one household
)

// AccessCodeLength is how many characters a code has: 59 bits, for people to type.
const AccessCodeLength = 12

// AccessAlphabet are the characters of a code: none that is taken for another (0 O, 1 I L).
const AccessAlphabet = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

// Time is how long a secret of the kind can be used.
func (k AccessKind) Time() time.Duration {
	if k == AccessCode {
		return AccessCodeTime
	}
	return AccessLinkTime
}

// FormatAccessCode writes a code in groups of four, as it is read out and typed.
func FormatAccessCode(code string) string {
	var b strings.Builder
	for i, r := range code {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// ParseAccessCode reads a code as a person typed it: in any case, with spaces, hyphens and full-width characters.
func ParseAccessCode(typed string) (code string, ok bool) {
	folded, reason := narrow(typed)
	if reason != "" {
		return "", false
	}
	code = strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '－', '—', '_':
			return -1
		}
		return r
	}, strings.ToUpper(folded))
	return code, len(code) == AccessCodeLength && strings.Trim(code, AccessAlphabet) == ""
}

// Home is where a household is registered, by the newest 登记注册 delivery that holds it.
type Home struct {
	District string
	Year     int
	USCC     string
	Name     string
}

// HouseholdObject names a household in the audit log.
func HouseholdObject(uscc string) string { return "household/" + uscc }

// OperatorSession is a signed-in operator's session; only the hash of its secret is kept.
type OperatorSession struct {
	ID         int64
	Hash       string `json:"-"`
	District   string
	USCC       string `gorm:"column:uscc"`
	Via        AccessKind
	CreatedAt  time.Time
	ExpiresAt  time.Time
	LastUsedAt *time.Time // within a few minutes
	RevokedAt  *time.Time
}
