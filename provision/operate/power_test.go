package operate

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision/bmc"
)

// spoken is BMCs of one protocol.
type spoken struct{ BMCs }

func (spoken) Protocol(*inventory.Host) bmc.Protocol { return bmc.Redfish }

// TestPowerEvents: a command is an event before it is sent and after it, also one that failed;
// a question is none. A command is carried out when nobody waits any more.
func TestPowerEvents(t *testing.T) {
	b := newTestOperator(t)
	b.BMCs = spoken{}
	silent := &bmc.Error{Op: "power-cycle", Kind: bmc.ErrSilent}
	var fails error
	b.BMC = func(ctx context.Context, _ *inventory.Host, action string) (string, error) {
		if action != "status" {
			if ctx.Err() != nil {
				t.Error("the command is cut off")
			}
			events, err := b.Journal.Events(t.Context(), "web1", 1)
			if err != nil || len(events) != 1 || events[0].Kind != "command" || events[0].Fields["command"] != action {
				t.Errorf("before %s: %+v, %v", action, events, err)
			}
		}
		return "on", fails
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		action string
		fails  error
		want   string // the last event
	}{
		{"status", nil, "[]"},
		{"cycle", nil, "[power-cycle  map[command:cycle power:on protocol:redfish]]"},
		{"on", nil, "[power-on  map[command:on power:on protocol:redfish]]"},
		{"cycle", silent, "[command-failed warn map[command:cycle protocol:redfish why:silence]]"},
		{"status", silent, "[command-failed warn map[command:cycle protocol:redfish why:silence]]"},
	} {
		fails = tt.fails
		if _, err := b.Power(gone, "web1", tt.action); !errors.Is(err, tt.fails) {
			t.Errorf("%s: %v", tt.action, err)
		}
		events, err := b.Journal.Events(t.Context(), "web1", 1)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, e := range events {
			got = append(got, fmt.Sprint(e.Kind, " ", e.Level, " ", e.Fields))
		}
		if s := fmt.Sprint(got); s != tt.want {
			t.Errorf("%s: %s, want %s", tt.action, s, tt.want)
		}
	}
	before := b.Journal.Seq()
	if _, err := b.Power(t.Context(), "web1", "explode"); err == nil || b.Journal.Seq() != before {
		t.Errorf("an unknown action: %v", err)
	}
	b.host.BMC = nil
	if _, err := b.Power(t.Context(), "web1", "on"); !errors.Is(err, bmc.ErrNoBMC) || b.Journal.Seq() != before {
		t.Errorf("no BMC: %v", err)
	}
}

// lasting is a BMC whose system shuts down when its caller is gone.
type lasting struct{ BMCs }

func (lasting) Protocol(*inventory.Host) bmc.Protocol { return bmc.IPMI }

func (lasting) SoftOff(ctx context.Context, _ *inventory.Host, _ time.Duration, _ bool) (bmc.Status, bool, error) {
	return bmc.Status{}, false, ctx.Err()
}

// TestSoftOffLasts: a shutdown that has begun is seen through when its caller is gone.
func TestSoftOffLasts(t *testing.T) {
	b := newTestOperator(t)
	b.BMCs = lasting{}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := b.BMCSoftOff(gone, "web1", bmc.SoftOffRequest{}); err != nil || r.Power != "off" {
		t.Errorf("%+v, %v", r, err)
	}
}
