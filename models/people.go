package models

import (
	"net/mail"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Role is what a user may do; the district of the user bounds where.
type Role string

// The roles: officials, and the operator of one household.
const (
	RoleAdmin      Role = "admin"      // 区市场监管局管理员: starts and steers cycles, people, policies
	RoleDepartment Role = "department" // 部门工作人员: deliveries, differences, duties of their department
	RoleCity       Role = "city"       // 市级审核人员: reads results, spot-checks
	RoleAuditor    Role = "auditor"    // 审计人员: reads everything, changes nothing
	RoleOperator   Role = "operator"   // 个体工商户经营者: acts for one household; has no user record, only sessions
)

// Roles lists the roles of officials, those that a user record can have.
var Roles = []Role{RoleAdmin, RoleDepartment, RoleCity, RoleAuditor}

// User is a person who signs in or owns tokens.
type User struct {
	ID           int64
	Email        string // unique, lower case
	Name         string
	Role         Role
	District     string // 6 digits; empty = every district of the installation
	Department   string // code; only for RoleDepartment
	USCC         string `gorm:"-"` // only for RoleOperator: the household
	PasswordHash string `json:"-"`
	Disabled     bool
	CreatedAt    time.Time
}

// InDistrict says whether the user may see the district at all.
func (u User) InDistrict(district string) bool { return u.District == "" || u.District == district }

// Actor names who acted in the record: "user:12", "system", "connection:tax". Names and addresses stay in the
// users table.
type Actor string

// The actors that are no user's.
const (
	ActorSystem    Actor = "system"    // the program by itself
	ActorBootstrap Actor = "bootstrap" // whoever holds the installation's bootstrap token
	ActorConsole   Actor = "console"   // whoever runs the program's commands on the machine
	ActorPublic    Actor = "public"    // anybody, without signing in
)

// Personally refuses the installation's own tokens and commands as a decider: whoever holds them, the record would not say who decided (R24).
func (a Actor) Personally() error {
	if a == ActorBootstrap || a == ActorConsole {
		return Errorf(CodeForbidden, "初始管理员令牌不属于任何个人：决定须记明办理人，请用本人账号办理")
	}
	return nil
}

// HouseholdActor is a household's operator as an actor.
func HouseholdActor(uscc string) Actor { return Actor("household:" + uscc) }

// Household is the USCC of the household that acted, if the actor is one.
func (a Actor) Household() (uscc string, ok bool) {
	if uscc, ok = strings.CutPrefix(string(a), "household:"); !ok {
		return "", false
	}
	return uscc, true
}

// UserID is the id of the user that acted, if the actor is one.
func (a Actor) UserID() (int64, bool) {
	text, ok := strings.CutPrefix(string(a), "user:")
	id, err := strconv.ParseInt(text, 10, 64)
	return id, ok && err == nil
}

// Bureau says whether the user works at 区市场监管局, which reviews and certifies.
func (u User) Bureau() bool {
	return u.Role == RoleAdmin || u.Role == RoleDepartment && u.Department == BureauCode
}

// Actor is the user's name in the record; the bootstrap administrator has no id.
func (u User) Actor() Actor {
	if u.Role == RoleOperator {
		return HouseholdActor(u.USCC)
	}
	if u.ID == 0 {
		return ActorBootstrap
	}
	return Actor("user:" + strconv.FormatInt(u.ID, 10))
}

// Validate says what of the user cannot be taken: a *models.Error with CodeInvalid and its field.
func (u User) Validate() error {
	if err := ValidateEmail("email", u.Email); err != nil {
		return err
	}
	if err := ValidateName("name", u.Name, 100); err != nil {
		return err
	}
	switch u.Role {
	case RoleAdmin, RoleCity, RoleAuditor:
		if u.Department != "" {
			return Invalid("department", "只有部门工作人员（department）需要填写部门")
		}
	case RoleDepartment:
		if u.District == "" {
			return Invalid("district", "部门工作人员须属于一个区")
		}
		if u.Department == "" {
			return Invalid("department", "部门工作人员须属于一个部门")
		}
	default:
		return Invalid("role", "“%s”不是角色，应为 admin、department、city 或 auditor", string(u.Role))
	}
	if u.District != "" {
		return validateDistrict("district", u.District)
	}
	return nil
}

// ValidateEmail refuses what no mail can be sent to: one bare address, at most 200 characters.
func ValidateEmail(field, address string) error {
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address || len(address) > 200 || strings.ContainsAny(address, "\r\n") {
		return Invalid(field, "“%s”不是电子邮箱地址", address)
	}
	return nil
}

// ValidateName refuses a name that is empty, longer than most characters, or has spaces around it.
func ValidateName(field, s string, most int) error {
	n := utf8.RuneCountInString(s)
	if n == 0 || n > most || strings.TrimSpace(s) != s || !utf8.ValidString(s) {
		return Invalid(field, "应为1至%d字，首尾不带空格", most)
	}
	return nil
}

func validateDistrict(field, code string) error {
	if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
		return Invalid(field, "“%s”不是区划代码，应为6位数字，如110107", code)
	}
	return nil
}

// Validate says what of the department cannot be taken.
func (d Department) Validate() error {
	if err := validateDistrict("district", d.District); err != nil {
		return err
	}
	if len(d.Code) == 0 || len(d.Code) > 20 || strings.Trim(d.Code, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return Invalid("code", "部门代码应为1至20位小写字母、数字、“-”或“_”")
	}
	if err := ValidateName("name", d.Name, 100); err != nil {
		return err
	}
	if d.Email != "" {
		return ValidateEmail("email", d.Email)
	}
	return nil
}

// Validate says what of the district cannot be taken.
func (d District) Validate() error {
	if err := validateDistrict("code", d.Code); err != nil {
		return err
	}
	if err := ValidateName("name", d.Name, 60); err != nil {
		return err
	}
	return ValidateName("city", d.City, 60)
}

// Token lets whoever holds its secret act as its user; only the secret's hash is kept.
type Token struct {
	ID         int64
	UserID     int64
	Name       string // what it is for
	Prefix     string // the secret's beginning, by which a person recognises it
	Hash       string `json:"-"`
	CreatedAt  time.Time
	ExpiresAt  *time.Time // nil = until revoked
	LastUsedAt *time.Time // within a few minutes
	RevokedAt  *time.Time
}

// Department is a 区级部门 of a district.
type Department struct {
	District string
	Code     string
	Name     string
	Email    string // its official mailbox, where reminders go when no officer is named
}

// District is one district that the installation serves.
type District struct {
	Code string // GB/T 2260, 110107
	Name string // 石景山区
	City string // 北京市
}
