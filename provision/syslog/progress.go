package syslog

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What Anaconda's own code logs of its packages, release by release. Its logger
// packaging is that of RHEL 8 and 9 (anaconda 29 to 34, pyanaconda/payload/dnf*); from
// RHEL 10 and Fedora 35 on a module of its own logs through
// pyanaconda/modules/payloads/payload/dnf, whose names end in dnf_manager and
// transaction_progress. None of it is translated.
//
//	RHEL 8, 9     packaging: 412 packages selected totalling 1.5 GiB
//	              packaging: Installed: bash-5.1.8-9.el9.x86_64 1706716459 SUM
//	              packaging: Post installation setup phase started.
//	RHEL 10       INFO:anaconda...dnf_manager:The software selection has been resolved (412 packages selected).
//	              INFO:anaconda...transaction_progress:Installed: ...
//	              INFO:anaconda...transaction_progress:Post installation setup phase started.
//	Fedora 42-44  DEBUG:anaconda...transaction_progress:Starting the installation. Total packages: 412
//	              DEBUG:anaconda...transaction_progress:Installing - bash-5.2.37-1.fc42.x86_64
//	              DEBUG:anaconda...transaction_progress:Done - True
//
// A second pass ("Verifying: ...", "Configuring (running scriptlet for): ...") counts
// nothing.
var (
	selected = regexp.MustCompile(`packaging: ?([0-9]{1,6}) packages selected totalling |dnf_manager: ?The software selection has been resolved \(([0-9]{1,6}) packages selected\)|transaction_progress: ?Starting the installation\. Total packages: ([0-9]{1,6})`)
	one      = regexp.MustCompile(`(?:packaging|transaction_progress): ?(?:Installed:|Installing -) ([A-Za-z0-9][A-Za-z0-9._+:~^-]*)(?:\s|$)`)
	through  = regexp.MustCompile(`(?:packaging|transaction_progress): ?(?:Post installation setup phase started\.|Done - True|DNF quit)\s*$`)
)

// Consoles, and dnf itself, say "Installing bash.x86_64 (12/300)", in the language of the
// install: what stays the same in all of them is the package with its processor, and the
// (n/total), whose brackets may be those of Chinese and Japanese. A pass over the packages
// that comes after, such as dnf's "Verifying", has the same form, and never goes back.
var (
	count = regexp.MustCompile(`[(（]\s*([0-9]{1,6})\s*/\s*([0-9]{1,6})\s*[)）]`)
	// NAME.arch, with or without version and epoch.
	pack = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9._+:~^-]*\.(?:x86_64|noarch|i686|aarch64|ppc64le|s390x|riscv64)\b`)
)

// maxPieces bounds how many lines are looked for in one message.
const maxPieces = 256

// pieces are the lines of a message: rsyslog sends several that were one record to the
// journal as one, with #012 for the line feed (its escapeControlCharactersOnReceive).
func pieces(text string) []string {
	return strings.SplitN(text, "#012", maxPieces)
}

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
	// selected is how many packages Anaconda has said that it will install; 0 when that
	// was not heard. started: it has logged one.
	selected int
	started  bool
	through  bool // they are all there, and that was told
}

// A mark is what a line tells of an attempt's packages, when it is worth an event.
type mark struct {
	step
	through bool // all of them are installed
}

// line takes a line of a log.
func (t *track) line(text string, now time.Time) (mark, bool) {
	if len(text) > maxStep {
		return mark{}, false
	}
	if m := selected.FindStringSubmatch(text); m != nil {
		// It selects more than once before it begins; the last one counts.
		if n, err := strconv.Atoi(m[1] + m[2] + m[3]); err == nil && !t.started {
			t.selected = n
		}
		return mark{}, false
	}
	if m := one.FindStringSubmatch(text); m != nil {
		return t.installed(m[1], now)
	}
	if through.MatchString(text) {
		// Of an attempt of which nothing was heard before, it is no news.
		if t.through || !t.started {
			return mark{}, false
		}
		t.through = true
		return mark{step: step{t.n, t.total, ""}, through: true}, true
	}
	if st, ok := stepIn(text); ok && !t.started {
		return mark{step: st}, t.news(st, now)
	}
	return mark{}, false
}

// installed counts a package that Anaconda has logged. Where the beginning was not heard,
// as after a restart of the appliance, there is no total, and n is of no use.
func (t *track) installed(name string, now time.Time) (mark, bool) {
	if !t.started {
		*t = track{selected: t.selected, total: t.selected, started: true}
	}
	first := t.n == 0
	t.n++
	if t.total > 0 {
		t.total = max(t.total, t.n)
	}
	st := step{t.n, t.total, name}
	if first || t.total > 0 && (t.n == t.total || (t.n-t.told)*share >= t.total) || now.Sub(t.at) >= while {
		t.told, t.at = t.n, now
		return mark{step: st}, true
	}
	return mark{step: st}, false
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
