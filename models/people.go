package models

import "time"

// Role is what a user may do; the district of the user bounds where.
type Role string

// The roles of officials; household operators come with the certification season.
const (
	RoleAdmin      Role = "admin"      // 区市场监管局管理员: starts and steers cycles, people, policies
	RoleDepartment Role = "department" // 部门工作人员: deliveries, differences, duties of their department
	RoleCity       Role = "city"       // 市级审核人员: reads results, spot-checks
	RoleAuditor    Role = "auditor"    // 审计人员: reads everything, changes nothing
)

// Roles lists every role.
var Roles = []Role{RoleAdmin, RoleDepartment, RoleCity, RoleAuditor}

// User is a person who signs in or owns tokens.
type User struct {
	ID           int64
	Email        string // unique, lower case
	Name         string
	Role         Role
	District     string // 6 digits; empty = every district of the installation
	Department   string // code; only for RoleDepartment
	PasswordHash string `json:"-"`
	Disabled     bool
	CreatedAt    time.Time
}

// InDistrict says whether the user may see the district at all.
func (u User) InDistrict(district string) bool { return u.District == "" || u.District == district }

// Actor names the user in the record: "user:12". Names and addresses stay in the users table.
type Actor string

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
