package kickstart

import (
	"os"
	"testing"
)

// TestTwoVLANsOnOneCard: a card and two VLANs on it are three devices, and a line that
// names the host is about none. (Red Hat's own parser warns of a second line for the
// card.) More cases, of both kinds, stand in corpus/repeats.txtar.
func TestTwoVLANsOnOneCard(t *testing.T) {
	text, err := os.ReadFile("testdata/vlan.ks")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Release{RHEL8, RHEL9, RHEL10, F42, F43, F44} {
		problems, err := checkText(string(text), r)
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v\n%s", r, err, list(problems))
		}
	}
}
