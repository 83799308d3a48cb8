package packages

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/catalog"
)

func TestParsePolicy(t *testing.T) {
	got := parsePolicy(`nginx:
  Installed: 1.22.1-9
  Candidate: 1.22.1-9+deb12u1
  Version table:
     1.22.1-9+deb12u1 500
zlib1g:i386:
  Installed: (none)
  Candidate: 1:1.2.13
gone:
  Installed: 1
  Candidate: (none)
`)
	want := map[string]string{"nginx": "1.22.1-9+deb12u1", "zlib1g:i386": "1:1.2.13"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestHolds: every way of declaring a package against every state of one, and the words for
// the change.
func TestHolds(t *testing.T) {
	yes, no := true, false
	for _, tc := range []struct {
		name string
		p    catalog.Package
		s    State
		want string // "" where it holds
	}{
		{"present", catalog.Package{Ensure: "present"}, State{Version: "1"}, ""},
		{"latest", catalog.Package{Ensure: "latest"}, State{Version: "1", Candidate: "1"}, ""},
		{"newer one", catalog.Package{Ensure: "latest"}, State{Version: "1", Candidate: "2"}, "1 → 2"},
		{"no source has it", catalog.Package{Ensure: "latest"}, State{Version: "1"}, ""},
		{"absent, residue", catalog.Package{Ensure: "absent"}, State{Residue: true}, ""},
		{"purged, residue", catalog.Package{Ensure: "purged"}, State{Residue: true}, "configuration purged"},
		{"purged", catalog.Package{Ensure: "purged"}, State{Version: "1"}, "purged 1"},
		{"hold", catalog.Package{Ensure: "1", Hold: &yes}, State{Version: "1"}, "held"},
		{"no hold", catalog.Package{Ensure: "present", Hold: &no}, State{Version: "1", Held: true}, "released from hold"},
		{"version and hold", catalog.Package{Ensure: "2", Hold: &yes}, State{Version: "1"}, "1 → 2; held"},
	} {
		if holds := Holds(&tc.p, tc.s); holds != (tc.want == "") || Change(&tc.p, tc.s, State{}) != tc.want {
			t.Errorf("%s: holds %v, %q", tc.name, holds, Change(&tc.p, tc.s, State{}))
		}
	}
}
