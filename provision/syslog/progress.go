package syslog

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Messages of Anaconda's own code about packages, by release. The logger packaging is that
// of RHEL 8 and 9 (anaconda 29 to 34, pyanaconda/payload/dnf*). From RHEL 10 and Fedora 35
// on, a separate module logs through pyanaconda/modules/payloads/payload/dnf, with names
// that end in dnf_manager and transaction_progress. None of these messages is translated.
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
// A second pass ("Verifying: ...", "Configuring (running scriptlet for): ...") doesn't
// count.
var (
	totalSelected = regexp.MustCompile(`packaging: ?([0-9]{1,6}) packages selected totalling |dnf_manager: ?The software selection has been resolved \(([0-9]{1,6}) packages selected\)|transaction_progress: ?Starting the installation\. Total packages: ([0-9]{1,6})`)
	oneInstalled  = regexp.MustCompile(`(?:packaging|transaction_progress): ?(?:Installed:|Installing -) ([A-Za-z0-9][A-Za-z0-9._+:~^-]*)(?:\s|$)`)
	allInstalled  = regexp.MustCompile(`(?:packaging|transaction_progress): ?(?:Post installation setup phase started\.|Done - True|DNF quit)\s*$`)
)

// Consoles, and dnf itself, write "Installing bash.x86_64 (12/300)" in the language of the
// install. Two parts are the same in all languages: the package with its architecture, and
// (n/total), whose brackets may be those of Chinese and Japanese. A later pass over the
// packages, such as dnf's "Verifying", has the same form, but doesn't reduce the progress.
var (
	position = regexp.MustCompile(`[(（]\s*([0-9]{1,6})\s*/\s*([0-9]{1,6})\s*[)）]`)
	// NAME.arch, with or without version and epoch.
	packageName = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9._+:~^-]*\.(?:x86_64|noarch|i686|aarch64|ppc64le|s390x|riscv64)\b`)
)

// maxEmbedded bounds the lines of one message.
const maxEmbedded = 256

// embeddedLines are the lines of a message. rsyslog sends several lines of one journal
// record as one message, with #012 for each line feed (its
// escapeControlCharactersOnReceive).
func embeddedLines(text string) []string {
	return strings.SplitN(text, "#012", maxEmbedded)
}

// A step is the nth package of a total.
type step struct {
	n, total int
	name     string
}

// maxStep is the longest text that is searched for a package, in bytes: longer texts take
// long.
const maxStep = 512

// stepIn finds the package that a text names.
func stepIn(text string) (step, bool) {
	if len(text) > maxStep || !strings.Contains(text, "/") {
		return step{}, false
	}
	m := position.FindStringSubmatch(text)
	if m == nil {
		return step{}, false
	}
	name := packageName.FindString(text)
	if name == "" {
		return step{}, false
	}
	n, err1 := strconv.Atoi(m[1])
	total, err2 := strconv.Atoi(m[2])
	return step{n, total, name}, err1 == nil && err2 == nil && n >= 1 && n <= total
}

// When progress is reported: after each twentieth of the packages, or after a while.
const (
	reportParts = 20
	reportEvery = 15 * time.Second
)

// A packageTracker follows the packages of one attempt.
type packageTracker struct {
	total, n int // the progress so far
	reported int // n of the last report
	at       time.Time
	// selected is how many packages Anaconda has announced; 0 when unknown. started: it has
	// logged one package.
	selected int
	started  bool
	complete bool // all are installed, which was reported
}

// A mark is the progress in one line that is worth an event.
type mark struct {
	step
	complete bool // all of them are installed
}

// line reads a line of a log.
func (t *packageTracker) line(text string, now time.Time) (mark, bool) {
	if len(text) > maxStep {
		return mark{}, false
	}
	if m := totalSelected.FindStringSubmatch(text); m != nil {
		// Anaconda selects several times before it begins. The last selection counts.
		if n, err := strconv.Atoi(m[1] + m[2] + m[3]); err == nil && !t.started {
			t.selected = n
		}
		return mark{}, false
	}
	if m := oneInstalled.FindStringSubmatch(text); m != nil {
		return t.installed(m[1], now)
	}
	if allInstalled.MatchString(text) {
		// An attempt without any logged package isn't reported as complete.
		if t.complete || !t.started {
			return mark{}, false
		}
		t.complete = true
		return mark{step: step{t.n, t.total, ""}, complete: true}, true
	}
	if st, ok := stepIn(text); ok && !t.started {
		return mark{step: st}, t.news(st, now)
	}
	return mark{}, false
}

// installed counts a package that Anaconda has logged. After a restart of the appliance the
// first lines are missing. Then there is no total, and n is meaningless.
func (t *packageTracker) installed(name string, now time.Time) (mark, bool) {
	if !t.started {
		*t = packageTracker{selected: t.selected, total: t.selected, started: true}
	}
	first := t.n == 0
	t.n++
	if t.total > 0 {
		t.total = max(t.total, t.n)
	}
	st := step{t.n, t.total, name}
	if first || t.total > 0 && (t.n == t.total || (t.n-t.reported)*reportParts >= t.total) || now.Sub(t.at) >= reportEvery {
		t.reported, t.at = t.n, now
		return mark{step: st}, true
	}
	return mark{step: st}, false
}

// news takes a step and reports whether it is worth an event.
func (t *packageTracker) news(s step, now time.Time) bool {
	switch {
	case t.total == 0:
	case s.total != t.total && t.n < t.total && s.n > 1:
		return false // another kind of count in the middle
	case s.total != t.total:
		// This is another set of packages. A group that comes later is reported only when
		// it is larger.
		if s.total <= t.total {
			return false
		}
		*t = packageTracker{}
	case s.n <= t.n:
		return false
	}
	first := t.total == 0
	t.total, t.n = s.total, s.n
	if first || s.n == s.total || (s.n-t.reported)*reportParts >= s.total || now.Sub(t.at) >= reportEvery {
		t.reported, t.at = s.n, now
		return true
	}
	return false
}
