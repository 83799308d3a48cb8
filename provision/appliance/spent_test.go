package appliance

import (
	"testing"

	"rackhand/provision"
	"rackhand/provision/boot"
)

// TestDecideWritesOnce: a box that boots its disk may ask as often as it likes, and
// whoever uses its MAC too: nothing is written for that, unless its install ends so.
func TestDecideWritesOnce(t *testing.T) {
	a, mac := bare(t)
	st, j := a.store, a.journal
	written := func() uint64 {
		t.Helper()
		_, rev, err := st.List(t.Context(), "nothing/")
		if err != nil {
			t.Fatal(err)
		}
		return rev
	}
	ask := func(want boot.Action) {
		t.Helper()
		d, err := a.decide(t.Context(), boot.Request{MAC: mac, Arch: boot.ArchBIOS, Client: boot.PXE})
		if err != nil || d.Action != want {
			t.Fatalf("%s, %v; want %s", d.Action, err, want)
		}
	}
	ask(boot.InstallIt) // and arms it
	if err := j.Record(provision.Event{Host: "web1", Source: "installer", Kind: "report", Stage: provision.Installed}); err != nil {
		t.Fatal(err)
	}
	before := written()
	for range 10 {
		ask(boot.Disk) // the installed system's first boots
	}
	if n := written() - before; n != 0 {
		t.Errorf("%d writes for ten boots from disk", n)
	}
}
