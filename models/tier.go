// Package models holds what things are in bangfu: households and their tiers, deliveries, cycles,
// obligations, people. It is pure: no I/O, no clock, no database.
package models

import "fmt"

// Tier is a household's 分型 in one year (附一(三)).
type Tier uint8

// The tiers, in rising order; NoTier means that none was judged.
const (
	NoTier      Tier = iota
	Ineligible       // 不符合分型条件
	Survival         // 生存型
	Growth           // 成长型
	Development      // 发展型
)

// Tiers lists every judged tier, lowest first.
var Tiers = []Tier{Ineligible, Survival, Growth, Development}

var tierNames = [...]string{"", "不符合分型条件", "生存型", "成长型", "发展型"}
var tierCodes = [...]string{"", "ineligible", "survival", "growth", "development"}

// String is the term of the law, such as 成长型; empty for NoTier.
func (t Tier) String() string {
	if int(t) < len(tierNames) {
		return tierNames[t]
	}
	return fmt.Sprintf("Tier(%d)", uint8(t))
}

// Code is the English word used in addresses and policy files, such as growth.
func (t Tier) Code() string {
	if int(t) < len(tierCodes) {
		return tierCodes[t]
	}
	return ""
}

// ParseTier reads either the term of the law or the code.
func ParseTier(s string) (Tier, error) {
	for i := 1; i < len(tierNames); i++ {
		if s == tierNames[i] || s == tierCodes[i] {
			return Tier(i), nil
		}
	}
	return NoTier, Invalid("tier", "“%s”不是分型结果，应为生存型、成长型、发展型或不符合分型条件", s)
}

// MarshalText writes the term of the law.
func (t Tier) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads the term or the code; empty is NoTier.
func (t *Tier) UnmarshalText(b []byte) (err error) {
	*t = NoTier
	if len(b) > 0 {
		*t, err = ParseTier(string(b))
	}
	return err
}
