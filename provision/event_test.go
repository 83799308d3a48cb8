package provision_test

import (
	"testing"

	"rackhand/provision"
)

// TestByBox checks that what others do in a host's name is not the box's.
func TestByBox(t *testing.T) {
	for _, tc := range []struct {
		source, kind string
		want         bool
	}{
		{"dhcp", "discover", true},
		{"dhcp", "ack", true},
		{"dhcp", "chosen-other", true},
		{"dhcp", "another-card", false},    // of a card that may be the host's
		{"dhcp", "address-claimed", false}, // by another client
		{"dhcp", "conflict", false},        // by another machine
		{"http", "attempt", true},
		{"http", "another-mac", false},
		{"http", "unproved", false},
		{"http", "boot-unheard", false}, // DHCP has not heard the box
		{"http", "answer-late", false},  // of an intruder, or a second box
		{"tftp", "fetch", true},
		{"installer", "progress", true},
		{"syslog", "log-tail", false},
		{"bmc", "powered-on", false},
		{"appliance", "late", false},
		{"operator", "armed", false},
	} {
		if got := (provision.Event{Source: tc.source, Kind: tc.kind}).ByBox(); got != tc.want {
			t.Errorf("%s %s: %t", tc.source, tc.kind, got)
		}
	}
}
