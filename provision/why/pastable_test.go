package why

import (
	"testing"

	"rackhand/provision"
)

// A box can't put words into the operator's shell.
func TestPastable(t *testing.T) {
	for command, want := range map[string]bool{
		"":                             true,
		"rackhand install web1 --wipe": true,
		"rackhand set hosts.web1.mac 52:54:00:00:00:01": true,
		"rackhand set hosts.web1.mac $(reboot)":         false,
		"rackhand install web1; reboot":                 false,
		"rackhand install web1\nreboot":                 false,
		"rackhand image build `id`":                     false,
	} {
		if got := pastable(command); got != want {
			t.Errorf("%q: %v", command, got)
		}
	}
	if got := (&story{}).stuck("rule", &finding{causes: cause(" .")}); got.Causes[0].Text != "Nothing on record says why." {
		t.Errorf("a cause without a word: %q", got.Causes[0].Text)
	}
	s := tell(caseOf(t, healthy[:2]...), start)
	f := &finding{causes: cause("c"), remedy: provision.Remedy{Text: "t", Command: "rackhand set hosts.web1.mac `id`"}}
	if got := s.stuck("rule", f); got.Remedy.Command != "" || got.Remedy.Text != "t" {
		t.Errorf("%+v", got.Remedy)
	}
}
