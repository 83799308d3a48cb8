package schema

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"rackhand/config/problem"
)

// Bool reads true or false, and none of YAML's other words for them. One way to write them
// is enough.
func (n Node) Bool(what string) (value, ok bool) {
	if s := n.shape(); s != nil {
		s.Bool = true
		return false, false
	}
	text, ok := n.Text(what)
	if ok && text != "true" && text != "false" {
		n.Problem("write true or false", "%s: unknown value %q", what, text)
		return false, false
	}
	return text == "true", ok
}

// Int reads a decimal number from low to high.
func (n Node) Int(what string, low, high int) (i int, ok bool) {
	if s := n.shape(); s != nil {
		s.integer(low, high)
		return 0, false
	}
	text, ok := n.Text(what)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(text)
	hint := ""
	switch digits := strings.TrimLeft(text, "+-"); {
	case strings.Trim(digits, "0123456789") != "" || digits == "":
		hint = "write decimal digits alone, without a unit"
	case len(digits) > 1 && digits[0] == '0':
		// 010 is 8 to some readers of YAML and 10 to others.
		hint = "write it without zeros in front"
	case err != nil || i < low || i > high:
		hint = "choose one in that range"
	default:
		return i, true
	}
	n.Problem(hint, "%s must be a number from %d to %d, not %q", what, low, high, text)
	return 0, false
}

// Duration reads a Go duration from low to high.
func (n Node) Duration(what string, low, high time.Duration) (d time.Duration, ok bool) {
	if s := n.shape(); s != nil {
		s.duration(low, high)
		return 0, false
	}
	text, ok := n.Text(what)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		hint := "write a number with its unit: 90s, 15m, 1h30m"
		if strings.HasSuffix(text, "d") {
			hint = "write hours: a day is 24h"
		}
		n.Problem(hint, "%s must be a duration, not %q", what, text)
		return 0, false
	}
	if d < low || d > high {
		n.Problem("choose one in that range", "%s must be from %s to %s, not %s", what, Plain(low), Plain(high), text)
		return 0, false
	}
	return d, true
}

// OneOf reads a text that must be one of those known.
func (n Node) OneOf(what string, known ...string) (text string, ok bool) {
	return n.OneOfOr(what, nil, known...)
}

// OneOfOr is OneOf, with hints for unknown values that are likely.
func (n Node) OneOfOr(what string, hints map[string]string, known ...string) (text string, ok bool) {
	if s := n.shape(); s != nil {
		s.OneOf = known
		return "", false
	}
	text, ok = n.Text(what)
	if ok && !slices.Contains(known, text) {
		hint := hints[text]
		if hint == "" {
			hint = problem.DidYouMean(text, known)
		}
		n.Problem(hint, "%s: unknown value %q", what, text)
		return "", false
	}
	return text, ok
}

// Plain writes a duration as people write it: 2m and 720h, not 2m0s and 720h0m0s.
func Plain(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if rest, ok := strings.CutSuffix(text, zero); ok {
			text = rest + zero[:1]
		}
	}
	return text
}
