//go:build e2e

package twin

import (
	"maps"
	"slices"
	"strings"
)

// keys are the names of all facts of two systems, in order.
func keys(a, b facts) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// of is a fact's state as a message shows it.
func (f facts) of(key string) string {
	if f[key] == "" {
		return "absent"
	}
	return f[key]
}

// who finds the pair that names a fact; nil for none.
func (tw *twins) who(key string) *pair {
	for i := range tw.all {
		if tw.all[i].names(key) {
			return &tw.all[i]
		}
	}
	return nil
}

// excuse looks for a reason for a fact, in that field of the pairs.
func (tw *twins) excuse(key string, reasons func(*pair) map[string]string) bool {
	for i := range tw.all {
		for pattern := range reasons(&tw.all[i]) {
			if matches(pattern, key) {
				tw.excused[tw.all[i].name+" "+pattern] = true
				return true
			}
		}
	}
	return false
}

// compare: the twins are equal.
func (tw *twins) compare(when string, systems [2]facts) {
	puppet, ours := systems[0], systems[1]
	for _, key := range keys(puppet, ours) {
		if puppet[key] != ours[key] && !tw.excuse(key, func(p *pair) map[string]string { return p.differs }) {
			tw.fault(tw.who(key), "%s, %s differs:\nPuppet   %s\nrackhand %s", when, key, puppet.of(key), ours.of(key))
		}
	}
}

// back: a system is again what it was after its first run, but for logs.
func (tw *twins) back(tool string, first, again facts) {
	for _, key := range keys(first, again) {
		if first[key] != again[key] && !strings.HasSuffix(key, ".log") && !tw.excuse(key, func(p *pair) map[string]string { return p.stays }) {
			tw.fault(tw.who(key), "%s doesn't bring it back, %s:\nfirst %s\nnow   %s", tool, key, first.of(key), again.of(key))
		}
	}
}

// vacuous finds pairs that changed no fact that is compared.
func (tw *twins) vacuous(before facts) {
	changed := map[string]bool{}
	for _, key := range keys(before, tw.first[1]) {
		if before[key] == tw.first[1][key] {
			continue
		}
		for i := range tw.all {
			if tw.all[i].names(key) {
				changed[tw.all[i].name] = true
			}
		}
	}
	for i := range tw.all {
		if !changed[tw.all[i].name] && !tw.all[i].fails && tw.all[i].refuses == "" {
			tw.fault(&tw.all[i], "it changes nothing that is compared")
		}
	}
}

// unneeded finds reasons that no fact needs.
func (tw *twins) unneeded() {
	for i := range tw.all {
		p := &tw.all[i]
		for _, reasons := range []map[string]string{p.differs, p.stays} {
			for pattern := range reasons {
				if !tw.excused[p.name+" "+pattern] {
					tw.fault(p, "the reason for %q isn't needed: take it away", pattern)
				}
			}
		}
	}
}
