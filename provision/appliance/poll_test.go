package appliance

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/bmc/ipmi"
	"rackhand/provision/journal/journaltest"
	"rackhand/provision/operate"
	"rackhand/provision/power"
)

// TestPolledStatus polls two BMCs over the wire, by the inventory's words: the status shows the
// power of the one, and that the other refuses the login. No log and no status has a password.
func TestPolledStatus(t *testing.T) {
	good, strange := bmctest.Serve(t), bmctest.Serve(t)
	snap, problems := inventory.Parse("rack.yaml", fmt.Appendf(nil, `networks: {rack1: {subnet: 10.77.0.0/24}}
defaults: {bmc: {user: %s, protocol: ipmi}}
hosts:
  web1: {mac: "52:54:00:00:00:01", address: 10.77.0.11, bmc: {address: "%s", password: {secret: right}}}
  web2: {mac: "52:54:00:00:00:02", address: 10.77.0.12, bmc: {address: "%s", password: {secret: wrong}}}
  web3: {mac: "52:54:00:00:00:03", address: 10.77.0.13}
`, bmctest.User, good.Target.Address, strange.Target.Address), inventory.Options{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	var logged bmctest.Buffer
	log := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	_, j := journaltest.Run(t, t.TempDir(), time.Now, nil, log)
	secrets := map[string]string{"RACKHAND_SECRET_RIGHT": bmctest.Password, "RACKHAND_SECRET_WRONG": "mistaken-password"}
	cfg := &config.Config{Secrets: t.TempDir(), BMC: config.BMC{Poll: 100 * time.Millisecond, Sensors: time.Minute}}
	a := &Appliance{
		Deps: Deps{Clock: time.Now, Log: log}, cfg: cfg, journal: j, holder: &inventory.Holder{},
		power:   power.New(power.Options{Log: log, Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: ipmi.Driver{Log: log}}}),
		secrets: cfg.SecretSources(func(name string) (string, bool) { v, ok := secrets[name]; return v, ok }),
	}
	a.holder.Put(snap, nil)
	a.poller = a.newPoller()
	a.operator = &operate.Operator{
		Journal: j, Snapshot: a.holder.Current, Polled: a.poller.States, Now: time.Now,
		Runs: func() map[string]provision.LastRun { return nil }, Problems: func() []string { return nil }, Database: func() (s provision.DatabaseStats) { return s },
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- a.poller.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	states := map[string]provision.HostStatus{}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		hosts, err := source{a}.Hosts(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hosts {
			states[h.Host] = h
		}
		if l, _ := (source{a}).BMC("web1"); !l.Read.IsZero() && states["web2"].BMCState != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the BMCs were not polled: %+v", states)
		}
	}
	if h := states["web1"]; h.Power != "off" && h.Power != "on" || !h.BMCState.SilentSince.IsZero() {
		t.Errorf("web1: power %s, %+v", h.Power, h.BMCState)
	}
	if h := states["web2"]; h.Power != "unknown" || h.BMCState.Why != bmc.WhyPassword || h.BMCState.SilentSince.IsZero() {
		t.Errorf("web2: power %s, %+v", h.Power, h.BMCState)
	}
	if h := states["web3"]; h.BMCState != nil {
		t.Errorf("web3 has no BMC: %+v", h.BMCState)
	}
	for what, text := range map[string]string{"log": string(logged.Bytes()), "status": fmt.Sprintf("%+v %+v", states["web1"].BMCState, states["web2"].BMCState)} {
		if strings.Contains(text, bmctest.Password) || strings.Contains(text, "mistaken-password") {
			t.Errorf("a password is in the %s", what)
		}
	}
	if bytes.Contains(logged.Bytes(), []byte("level=ERROR")) {
		t.Errorf("%s", logged.Bytes())
	}
}
