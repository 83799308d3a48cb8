package syslog

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Anaconda says "Installing bash.x86_64 (12/300)", in the language of the install: what
// stays the same in all of them is the package with its processor, and the (n/total),
// whose brackets may be those of Chinese and Japanese. A pass over the packages that
// comes after, such as dnf's "Verifying", has the same form, and never goes back.
var (
	count = regexp.MustCompile(`[(（]\s*([0-9]{1,6})\s*/\s*([0-9]{1,6})\s*[)）]`)
	// NAME.arch, with or without version and epoch.
	pack = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9._+:~^-]*\.(?:x86_64|noarch|i686|aarch64|ppc64le|s390x|riscv64)\b`)
)

// A step is one package of so many.
type step struct {
	n, total int
	name     string
}

// maxStep is the longest text that tells of one package, in bytes: looking through
// more takes long.
const maxStep = 512

// stepIn finds the package that a text tells of.
func stepIn(text string) (step, bool) {
	if len(text) > maxStep || !strings.Contains(text, "/") {
		return step{}, false
	}
	m := count.FindStringSubmatch(text)
	if m == nil {
		return step{}, false
	}
	name := pack.FindString(text)
	if name == "" {
		return step{}, false
	}
	n, err1 := strconv.Atoi(m[1])
	total, err2 := strconv.Atoi(m[2])
	return step{n, total, name}, err1 == nil && err2 == nil && n >= 1 && n <= total
}

// Between two events of progress: a fifth of a hundred of the way, or a while.
const (
	share = 20
	while = 15 * time.Second
)

// A track follows one attempt's packages.
type track struct {
	total, n int // as far as it has come
	told     int // n of the last event
	at       time.Time
}

// news takes a step and reports whether it is worth an event.
func (t *track) news(s step, now time.Time) bool {
	switch {
	case t.total == 0:
	case s.total != t.total && t.n < t.total && s.n > 1:
		return false // of something else, in the middle
	case s.total != t.total:
		// Another set of packages: a group that comes later is news only when larger.
		if s.total <= t.total {
			return false
		}
		*t = track{}
	case s.n <= t.n:
		return false
	}
	first := t.total == 0
	t.total, t.n = s.total, s.n
	if first || s.n == s.total || (s.n-t.told)*share >= s.total || now.Sub(t.at) >= while {
		t.told, t.at = s.n, now
		return true
	}
	return false
}
