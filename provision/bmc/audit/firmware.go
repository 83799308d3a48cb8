package audit

import (
	"cmp"
	"strings"
)

// newerThan returns the version that most BMCs of the same model have among those that are
// newer than f's, if more than half of the model's BMCs are; otherwise "".
func newerThan(f Facts, all []Facts) string {
	if f.Session == nil || f.Session.Firmware == "" || f.Session.Model == "" {
		return ""
	}
	model, newer, versions := 0, 0, map[string]int{}
	for _, o := range all {
		if o.Session == nil || o.Session.Firmware == "" || o.Session.Maker != f.Session.Maker || o.Session.Model != f.Session.Model {
			continue
		}
		model++
		if compareVersions(o.Session.Firmware, f.Session.Firmware) > 0 {
			newer++
			versions[o.Session.Firmware]++
		}
	}
	if 2*newer <= model {
		return ""
	}
	most := ""
	for v, n := range versions {
		if n > versions[most] || n == versions[most] && compareVersions(v, most) > 0 {
			most = v
		}
	}
	return most
}

// compareVersions compares two versions number by number: 1.9 is before 1.10, and 3.10b
// before 3.10c.
func compareVersions(a, b string) int {
	for a != "" && b != "" {
		x, y := part(&a), part(&b)
		// Of two numbers without leading zeros, the longer one is greater.
		if isDigit(x[0]) && isDigit(y[0]) {
			x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			if d := cmp.Compare(len(x), len(y)); d != 0 {
				return d
			}
		}
		if d := cmp.Compare(x, y); d != 0 {
			return d
		}
	}
	return cmp.Compare(len(a), len(b))
}

// part cuts the digits, or what stands before the next digit, off a version.
func part(v *string) string {
	digits := isDigit((*v)[0])
	i := 1
	for i < len(*v) && isDigit((*v)[i]) == digits {
		i++
	}
	out := (*v)[:i]
	*v = (*v)[i:]
	return out
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
