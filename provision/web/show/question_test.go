package show_test

import (
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/web/show"
)

// TestQuestionShown: a question to the operator isn't hidden behind what came after it.
func TestQuestionShown(t *testing.T) {
	in := provision.Install{ID: "web1-1", Host: "web1", Stage: provision.Packages, Doubt: "its packages were through"}
	h := provision.HostStatus{Host: "web1", Install: &in, Last: &provision.Event{Message: "PXE got 10.77.0.11"}}
	for _, ended := range []bool{false, true} {
		if ended {
			in.Stage = provision.Cancelled
		}
		var b strings.Builder
		if err := show.Status(&b, provision.Status{Hosts: []provision.HostStatus{h}}, time.Now()); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "is it installed? its packages were through") == ended {
			t.Errorf("ended %v:\n%s", ended, b.String())
		}
	}
}

// TestHeldShown: who waits for the operator is shown with all that is known of him.
func TestHeldShown(t *testing.T) {
	in := provision.Install{ID: "web1-1", Host: "web1", Stage: provision.Addressed, Held: &provision.Held{Attempt: 1, MAC: "52:54:00:00:00:01", Address: "10.77.0.11", Serial: "S4711"}}
	h := provision.HostStatus{Host: "web1", Install: &in, Last: &provision.Event{Message: "iPXE got 10.77.0.11"}}
	var b strings.Builder
	if err := show.Status(&b, provision.Status{Hosts: []provision.HostStatus{h}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if want := "waits for `rackhand release web1`: MAC 52:54:00:00:00:01, address 10.77.0.11, serial number S4711"; !strings.Contains(strings.Join(strings.Fields(b.String()), " "), want) {
		t.Errorf("no %q in:\n%s", want, b.String())
	}
}
