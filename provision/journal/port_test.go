package journal_test

import (
	"path/filepath"
	"testing"

	"rackhand/provision"
	"rackhand/provision/journal"
)

// TestSwitchPort: the last lease says where a box is plugged in, and nothing else
// does; it is known after a restart.
func TestSwitchPort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	j := open(t, path)
	for _, tc := range []struct {
		source, kind, circuit, remote, want string
	}{
		{"dhcp", "ack", "Gi1/0/12", "sw1", "Gi1/0/12 on sw1"},
		{"dhcp", "nak", "Gi1/0/13", "sw1", "Gi1/0/12 on sw1"},
		{"installer", "ack", "forged", "", "Gi1/0/12 on sw1"},
		{"dhcp", "unclaimed", "", "sw2", "on sw2"},
		{"dhcp", "ack", "Gi1/0/14", "", "Gi1/0/14"},
		{"dhcp", "ack", "", "", ""},                                // moved to a link without such options
		{"dhcp", "observed", "Gi1/0/16", "sw3", "Gi1/0/16 on sw3"}, // beside another DHCP server
		{"dhcp", "ack", "Gi1/0/15", "sw1", "Gi1/0/15 on sw1"},
	} {
		fields := map[string]string{"circuit": tc.circuit, "remote": tc.remote}
		if err := j.Record(provision.Event{Host: "web1", Source: tc.source, Kind: tc.kind, Fields: fields}); err != nil {
			t.Fatal(err)
		}
		if got := j.Hosts()["web1"].SwitchPort; got != tc.want {
			t.Errorf("after %s %s %s %s: %q, want %q", tc.source, tc.kind, tc.circuit, tc.remote, got, tc.want)
		}
	}
	j.stop()
	if got := open(t, path).Hosts()["web1"].SwitchPort; got != "Gi1/0/15 on sw1" {
		t.Errorf("after a restart: %q", got)
	}
}

// TestAnotherCardIsNotHeard: a card that is probably another one of a host was heard, and not
// the host.
func TestAnotherCardIsNotHeard(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	record := func(kind string) journal.Host {
		if err := j.Record(provision.Event{Host: "web1", Source: "dhcp", Kind: kind}); err != nil {
			t.Fatal(err)
		}
		return j.Hosts()["web1"]
	}
	if h := record("another-card"); !h.Seen.IsZero() || h.Last.Kind != "another-card" {
		t.Errorf("after another card's DISCOVER: %+v", h)
	}
	if h := record("discover"); h.Seen.IsZero() {
		t.Error("its own DISCOVER doesn't count")
	}
}
