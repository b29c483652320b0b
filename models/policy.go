package models

import "strconv"

// PolicyState is where a version of a year's policy stands.
type PolicyState string

// The states of a policy version. One is in force per district and year; what was in force stays readable for ever,
// since results name it.
const (
	PolicyDraft    PolicyState = "draft"    // 草案
	PolicyInForce  PolicyState = "in_force" // 施行
	PolicyReplaced PolicyState = "replaced" // 已被取代
)

// Name is the Chinese word.
func (s PolicyState) Name() string {
	switch s {
	case PolicyDraft:
		return "草案"
	case PolicyInForce:
		return "施行"
	case PolicyReplaced:
		return "已被取代"
	}
	return string(s)
}

// PolicyLabel names a policy version in files and tables for people, with enough of its hash to tell it: "第1版（a1b2c3d4）".
func PolicyLabel(version int, hash string) string {
	return "第" + strconv.Itoa(version) + "版（" + hash[:min(8, len(hash))] + "）"
}
