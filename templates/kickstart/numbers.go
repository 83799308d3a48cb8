package kickstart

import (
	"errors"
	"strconv"
	"strings"
)

// parseInt reads a number as Python's int() does: sign, underscores between
// digits and blanks around it are allowed, and there is no largest one; what 64 bits
// don't hold is cut to what they do.
func parseInt(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	sign, plain := "", s
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, plain = s[:1], s[1:]
	}
	for part := range strings.SplitSeq(plain, "_") {
		if !digits(part) {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(sign+strings.ReplaceAll(plain, "_", ""), 10, 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "on", "yes", "true", "1":
		return true, true
	case "off", "no", "false", "0":
		return false, true
	}
	return false, false
}
