package kickstart

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
	"unicode"
)

// parseIntOf reads a number as the parser of a release does.
func parseIntOf(r Release, s string) (int64, bool) {
	if r == RHEL7 {
		return parseOptparseInt(s)
	}
	return parseInt(s)
}

// parseInt reads a number as Python's int() does: sign, underscores between
// digits and blanks around it are allowed, the digits may be of any script, and
// and there is no largest number. Larger ones are cut to 64 bits.
func parseInt(s string) (int64, bool) {
	s = strings.TrimFunc(s, unicode.IsSpace)
	sign, plain := "", s
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, plain = s[:1], s[1:]
	}
	for part := range strings.SplitSeq(plain, "_") {
		if !digits(part) {
			return 0, false
		}
	}
	plain = strings.Map(func(r rune) rune {
		if r == '_' {
			return -1
		}
		return '0' + digit(r)
	}, plain)
	n, err := strconv.ParseInt(sign+plain, 10, 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

// digit is the value of a decimal digit of any script: they stand ten by ten, from 0
// to 9, and groups of them one after the other.
func digit(r rune) rune {
	first := r
	for unicode.IsDigit(first - 1) {
		first--
	}
	return (r - first) % 10
}

// parseOptparseInt reads a number as Python 2's optparse does: 0x, 0b and a leading
// 0 name its base.
func parseOptparseInt(s string) (int64, bool) {
	base, plain := 10, s
	switch lower := strings.ToLower(s); {
	case strings.HasPrefix(lower, "0x"):
		base = 16
	case strings.HasPrefix(lower, "0b"):
		base, plain = 2, cmp.Or(s[2:], "0")
	case strings.HasPrefix(s, "0"):
		base = 8
	}
	return python2Int(plain, base)
}

// python2Int is Python 2's int() with a base: ASCII alone, no underscores; the base's
// own mark may stand there besides.
func python2Int(s string, base int) (int64, bool) {
	const blanks = " \t\n\r\v\f"
	s = strings.Trim(s, blanks)
	sign, plain := "", s
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, plain = s[:1], strings.TrimLeft(s[1:], blanks)
	}
	mark := map[int]string{16: "0x", 8: "0o", 2: "0b"}[base]
	if mark != "" && len(plain) > 2 && strings.EqualFold(plain[:2], mark) {
		plain = plain[2:]
	}
	// ParseInt looks no further than where 64 bits end.
	if plain == "" || strings.Trim(strings.ToLower(plain), "0123456789abcdef"[:base]) != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(sign+plain, base, 64)
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
