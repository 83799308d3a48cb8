package converge

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestVirtualPackages: a name that others provide is said to be one at the first run,
// with those that provide it, and nothing is installed for it; the others are.
func TestVirtualPackages(t *testing.T) {
	f := newFakes(t)
	f.write("upstream", "nginx\nexim4\npostfix\nperl\n")
	f.write("provides/mail-transport-agent", "postfix 3.7.11 (= )\nexim4 4.96 (= )\nexim4 4.95 (= )\n")
	f.write("provides/perl", "perl-base 5.36 (= )\n") // a package of its own, that another one provides too
	all := []string{
		"package[mail-transport-agent] failed mail-transport-agent is a virtual package: exim4, postfix provide it; name one of them in the role",
		"package[nginx] changed installed 1.0", "package[perl] changed installed 1.0",
	}
	got := statuses(f.converge(pkg("mail-transport-agent", "present"), pkg("nginx", "present"), pkg("perl", "present")))
	if diff := cmp.Diff(all, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, line := range f.log() {
		if strings.HasPrefix(line, "apt-get") && strings.Contains(line, "mail-transport-agent") {
			t.Errorf("it was asked for: %s", line)
		}
	}
	// Alone, it changes nothing; an unknown name stays unknown.
	got = statuses(f.converge(pkg("mail-transport-agent", "present")))
	if len(got) != 1 || !strings.Contains(got[0], "is a virtual package") {
		t.Errorf("alone: %q", got)
	}
	got = statuses(f.converge(pkg("nosuch", "present")))
	if len(got) != 1 || !strings.Contains(got[0], "Unable to locate package nosuch") {
		t.Errorf("unknown: %q", got)
	}
	// Without an apt-cache, apt decides.
	f.write("bin/apt-cache", "#!/bin/sh\nexit 1\n")
	got = statuses(f.converge(pkg("exim4", "present")))
	if want := []string{"package[exim4] changed installed 1.0"}; !slices.Equal(got, want) {
		t.Errorf("without apt-cache: %q", got)
	}
}
