//go:build e2e

package converge

import (
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

// A conformance case is one life of a resource on a booted system: it is made, held, mended
// after a change by hand, and goes.
type conformance struct {
	name    string
	prepare string // a shell script in the container; "" for none
	declare catalog.Resource
	made    string // how the result of the first run begins, after its id
	is      string // a shell script in the container that proves the state
	drift   string // a shell script that changes it by hand; "" for none
	mended  string // how the result of the next run begins
	absent  *catalog.Resource
	gone    string // a shell script that proves that it is gone
}

// kinds tests each kind that has a provider, in the order of their tables.
func (b *booted) kinds(t *testing.T) {
	for _, cases := range [][]conformance{
		groupCases(), fileCases(), repositoryCases(),
		userCases(), execCases(), timerCases(), serviceCases(),
	} {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { b.conforms(t, c) })
		}
	}
}

// conforms leads a resource through its life. Each dry run has to say what the run after it
// does, and change nothing.
func (b *booted) conforms(t *testing.T, c conformance) {
	c.declare.ID = idOf(c.declare)
	step := func(res catalog.Resource, want string) {
		t.Helper()
		if noop := b.converge(true, res); len(noop) != 1 || !strings.HasPrefix(noop[0], want) {
			t.Errorf("dry run: %q, want %q", noop, want)
		}
		if real := b.converge(false, res); len(real) != 1 || !strings.HasPrefix(real[0], want) {
			t.Fatalf("run: %q, want %q", real, want)
		}
		again := res.ID + " ok"
		if after := b.converge(false, res); len(after) != 1 || !strings.HasPrefix(after[0], again) {
			t.Fatalf("the run after it: %q, want %q", after, again)
		}
	}
	prove := func(script string) {
		t.Helper()
		out, err := b.Run(t.Context(), nil, "sh", "-ec", script)
		if err != nil || out.Code != 0 {
			t.Errorf("%s: %v %s %s", script, err, out.Stdout, out.Explain())
		}
	}
	if c.prepare != "" {
		prove(c.prepare)
	}
	step(c.declare, c.declare.ID+" "+c.made)
	prove(c.is)
	if c.drift != "" {
		prove(c.drift)
		step(c.declare, c.declare.ID+" "+c.mended)
		prove(c.is)
	}
	if c.absent != nil {
		c.absent.ID = idOf(*c.absent)
		step(*c.absent, c.absent.ID+" changed")
		prove(c.gone)
	}
}

func idOf(r catalog.Resource) string {
	kind, spec := r.Kind()
	return catalog.ID(kind, spec.Title())
}
