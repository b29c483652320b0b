// Package rehearsal runs a copy of a district through a cycle and the years after it, on the same engine and the same program, by a
// simulated clock and with people who are played by stated rules (B3). Nobody gets mail; what would have been sent is kept and counted.
package rehearsal

import (
	"fmt"
	"hash/fnv"
	"reflect"

	"bangfu/models"
)

// rules are a rehearsal's rules, with the lots that are drawn by them.
type rules struct{ models.RehearsalRules }

// rule is one rule in words.
type rule struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// die gives a number from 0 to n-1, the same whenever the same is asked of the same.
func (r rules) die(n int, question string, about ...any) int {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s\x00%s", r.Seed, question)
	for _, a := range about {
		_, _ = fmt.Fprintf(h, "\x00%v", a)
	}
	// FNV's last bytes hardly move the high bits: mix them
	z := h.Sum64()
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return int((z ^ z>>31) % uint64(n))
}

// chance says whether the share's lot falls on it.
func (r rules) chance(share models.Percent, question string, about ...any) bool {
	return r.die(100, question, about...) < int(share)
}

// words are all rules as the report prints them, in the order in which they stand in models.
func (r rules) words() []rule {
	v := reflect.ValueOf(r.RehearsalRules)
	list := make([]rule, 0, v.NumField())
	for i := range v.NumField() {
		if f := v.Type().Field(i); !v.Field(i).IsZero() || f.Name != "PolicyID" {
			list = append(list, rule{f.Tag.Get("doc"), fmt.Sprint(v.Field(i).Interface())})
		}
	}
	return list
}
