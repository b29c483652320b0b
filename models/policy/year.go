package policy

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// header are the lines of a policy file that say of which district and year it is.
var header = regexp.MustCompile(`(?m)^(district|year|valid_from|valid_until):.*$`)

// For is a policy file as it would be for another district or year, everything else unchanged.
func For(content []byte, district string, year int) []byte {
	return header.ReplaceAllFunc(content, func(line []byte) []byte {
		key, _, _ := strings.Cut(string(line), ":")
		value := map[string]string{"district": strconv.Quote(district), "year": strconv.Itoa(year),
			"valid_from": fmt.Sprintf("%d-01-01", year), "valid_until": fmt.Sprintf("%d-12-31", year)}[key]
		return []byte(key + ": " + value)
	})
}
