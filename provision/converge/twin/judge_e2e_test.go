//go:build e2e

package twin

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// changes: each pair was brought about.
func (tw *twins) changes(_ *pair, _ string, o outcome) string {
	if len(o.changed)+len(o.failed) == 0 {
		return "nothing was changed"
	}
	return ""
}

// nothing: no pair had anything to do.
func (tw *twins) nothing(p *pair, tool string, o outcome) string {
	switch {
	case tool == "Puppet" && p.repeats != "":
		if len(o.changed) == 0 {
			return "it has nothing to do: take the reason away (repeats)"
		}
	case len(o.changed) > 0:
		return "it isn't idempotent: " + strings.Join(o.changed, "\n")
	}
	return ""
}

// drifted: what drifted was mended, and we call it drift.
func (tw *twins) drifted(p *pair, tool string, o outcome) string {
	switch {
	case p.drift == "" && len(o.changed) > 0 && (tool != "Puppet" || p.repeats == ""):
		return "nothing drifted, and it changed: " + strings.Join(o.changed, "\n")
	case p.drift != "" && len(p.stays) == 0 && len(o.changed) == 0:
		return "the drift wasn't noticed"
	case p.drift != "" && len(o.changed) > 0 && tool == "rackhand" && !o.causes["drift"] && !o.causes["secret"]:
		return fmt.Sprintf("the drift has the causes %q", slices.Collect(maps.Keys(o.causes)))
	}
	return ""
}
