package appliance

import (
	"testing"

	"rackhand/provision"
	"rackhand/provision/boot"
)

// TestExpected: a host is expected from its arming, then from its power-on, until it has its
// address.
func TestExpected(t *testing.T) {
	a, mac := bare(t)
	if _, ok := a.expected("web1"); ok {
		t.Error("expected before an install was armed")
	}
	if _, err := a.decide(t.Context(), boot.Request{MAC: mac, Arch: boot.ArchBIOS, Client: boot.PXE}); err != nil {
		t.Fatal(err)
	}
	in, _ := a.journal.Install("web1")
	if since, ok := a.expected("web1"); !ok || !since.Equal(in.Requested) {
		t.Errorf("armed: %s, %t; want %s", since, ok, in.Requested)
	}
	for _, tc := range []struct {
		stage provision.Stage
		want  bool
	}{{provision.Powered, true}, {provision.Addressed, false}, {provision.Failed, false}} {
		if err := a.journal.Record(provision.Event{Host: "web1", Source: "bmc", Kind: "any", Stage: tc.stage}); err != nil {
			t.Fatal(err)
		}
		in, _ = a.journal.Install("web1")
		since, ok := a.expected("web1")
		if ok != tc.want || ok && !since.Equal(in.Reached[provision.Powered]) {
			t.Errorf("at %s: %s, %t", tc.stage, since, ok)
		}
	}
}
