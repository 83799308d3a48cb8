package conduct

import (
	"strings"
	"testing"

	"rackhand/provision"
)

// TestRevive: the operator learns once of an installed box that hangs and has no BMC for a
// power cycle.
func TestRevive(t *testing.T) {
	c := armed(t)
	if err := c.Journal.Record(provision.Event{Host: "web1", Source: "installer", Kind: "report", Stage: provision.Installed}); err != nil {
		t.Fatal(err)
	}
	in, ok := c.Journal.Install("web1")
	if !ok {
		t.Fatal("no install")
	}
	if err := c.act(t.Context(), in, provision.DoRevive); err != nil {
		t.Fatal(err)
	}
	in, _ = c.Journal.Install("web1")
	events, err := c.Journal.Events(t.Context(), "web1", 1)
	if err != nil || len(events) != 1 {
		t.Fatalf("%v, %v", events, err)
	}
	if e := events[0]; !in.Revived || in.Stage != provision.Installed || e.Level != provision.LevelWarn || !strings.Contains(e.Message, "has not come up since: it has no BMC") {
		t.Errorf("%+v, %+v", in, e)
	}
}

// TestReviveNothingAlive: a box that was heard since its installer was done may run a
// system without our agent. It is not power-cycled. The same holds for a box that came up,
// or whose install was cancelled, while its BMC was being asked.
func TestReviveNothingAlive(t *testing.T) {
	c := armed(t)
	record := func(e provision.Event) {
		t.Helper()
		e.Host = "web1"
		if err := c.Journal.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	record(provision.Event{Source: "installer", Kind: "report", Stage: provision.Installed})
	record(provision.Event{Source: "dhcp", Kind: "ack", Stage: provision.Addressed})
	old, _ := c.Journal.Install("web1")
	if err := c.act(t.Context(), old, provision.DoRevive); err != nil {
		t.Fatal(err)
	}
	in, _ := c.Journal.Install("web1")
	events, err := c.Journal.Events(t.Context(), "web1", 1)
	if err != nil || len(events) != 1 || !in.Revived || !strings.Contains(events[0].Message, "was not power-cycled, but no agent") {
		t.Errorf("%+v %v, %+v", events, err, in)
	}
	record(provision.Event{Source: "operator", Kind: "cancelled", Stage: provision.Cancelled})
	before := c.Journal.Seq()
	if err := c.act(t.Context(), old, provision.DoRevive); err != nil || c.Journal.Seq() != before {
		t.Errorf("a cancelled install is revived: %v", err)
	}
}
