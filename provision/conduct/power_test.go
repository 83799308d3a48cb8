package conduct

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/bmc/ipmi"
	"rackhand/provision/power"
)

// TestPowerFailed: the event of a failed power-on says in a field why it failed.
func TestPowerFailed(t *testing.T) {
	silent, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for want, target := range map[string]func(*inventory.Host) (bmc.Target, error){
		bmc.WhyPassword: func(*inventory.Host) (bmc.Target, error) {
			return bmc.Target{}, fmt.Errorf("%w: %w", bmc.ErrPassword, errors.New("there is no such secret"))
		},
		bmc.WhySilence: func(*inventory.Host) (bmc.Target, error) {
			return bmc.Target{Address: netip.MustParseAddrPort(silent.LocalAddr().String()), User: "admin", Protocol: bmc.IPMI}, nil
		},
	} {
		c := armed(t)
		c.Target, c.Power = target, power.New(power.Options{Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: ipmi.Driver{Exchange: 20 * time.Millisecond, Retries: 1}}})
		in, _ := c.Journal.Install("web1")
		if err := c.act(t.Context(), in, provision.DoPowerOn); err != nil {
			t.Fatal(err)
		}
		events, err := c.Journal.Events(t.Context(), "web1", 1)
		if err != nil || len(events) != 1 || events[0].Kind != "power-failed" || events[0].Fields["why"] != want {
			t.Errorf("%s: %+v, %v", want, events, err)
		}
	}
}

// withBMC gives web1 a BMC in memory, by a clock that only sleeping moves.
func withBMC(t *testing.T) (*Conductor, *bmctest.Fake) {
	t.Helper()
	c, f := armed(t), &bmctest.Fake{On: true, Fails: map[string]error{}}
	target := bmc.Target{Address: netip.MustParseAddrPort("192.0.2.1:623"), Protocol: bmc.IPMI, EFI: true}
	c.Snapshot().Hosts["web1"].BMC = &inventory.BMC{Address: target.Address}
	c.Target = func(*inventory.Host) (bmc.Target, error) { return target, nil }
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c.Power = power.New(power.Options{
		Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: f}, Now: func() time.Time { return now },
		Sleep: func(ctx context.Context, d time.Duration) error { now = now.Add(d); return ctx.Err() },
	})
	return c, f
}

// told are the latest events of web1, oldest first: kind, level and fields.
func told(t *testing.T, c *Conductor, n int) string {
	t.Helper()
	events, err := c.Journal.Events(t.Context(), "web1", n)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range events {
		lines = append(lines, strings.TrimSpace(fmt.Sprint(e.Kind, " ", e.Level))+" "+strings.TrimPrefix(fmt.Sprint(e.Fields), "map"))
	}
	return strings.Join(lines, "; ")
}

// TestCommandEvents: each command for an install is an event before it is sent and after it,
// also when it failed.
func TestCommandEvents(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   provision.Action
		bmc  func(f *bmctest.Fake)
		want string
	}{
		{"power on", provision.DoPowerOn, nil, "command [command:network-boot protocol:ipmi]; powered-on [boot:pxe command:network-boot efi:true persistent:false power:on protocol:ipmi valid:true]"},
		{"a silent BMC", provision.DoPowerOn, func(f *bmctest.Fake) { f.Fails["Open"] = &bmc.Error{Kind: bmc.ErrUnreachable} }, "command [command:network-boot protocol:ipmi]; power-failed error [command:network-boot protocol:ipmi why:silence]"},
		{"a password that must be changed", provision.DoPowerOn, func(f *bmctest.Fake) { f.Fails["Open"] = &bmc.Error{Kind: bmc.ErrPasswordChange} }, "command [command:network-boot protocol:ipmi]; power-failed error [command:network-boot protocol:ipmi why:password-change]"},
		{"power is swallowed", provision.DoPowerOn, func(f *bmctest.Fake) {
			f.Before = func(_ context.Context, method string) error {
				f.Lock()
				defer f.Unlock()
				f.On = f.On || method == "Status"
				return nil
			}
		}, "command [command:network-boot protocol:ipmi]; power-failed error [command:network-boot protocol:ipmi why:state]"},
		{"boot from disk", provision.DoBootDisk, nil, "command [command:boot-disk protocol:ipmi]; boot-disk [boot:disk command:boot-disk efi:true persistent:true protocol:ipmi valid:true]"},
		{"boot from disk, refused", provision.DoBootDisk, func(f *bmctest.Fake) { f.Fails["SetBoot"] = &bmc.Error{Kind: bmc.ErrPrivilege} }, "command [command:boot-disk protocol:ipmi]; boot-disk-failed warn [command:boot-disk protocol:ipmi why:privilege]"},
		{"revive", provision.DoRevive, nil, "command [command:cycle protocol:ipmi]; revive warn [command:cycle power:on protocol:ipmi]"},
		{"revive, refused", provision.DoRevive, func(f *bmctest.Fake) { f.Fails["Power"] = &bmc.Error{Kind: bmc.ErrPrivilege} }, "command [command:cycle protocol:ipmi]; revive warn [command:cycle protocol:ipmi why:privilege]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, f := withBMC(t)
			if tt.bmc != nil {
				tt.bmc(f)
			}
			if tt.do == provision.DoRevive {
				if err := c.Journal.Record(provision.Event{Host: "web1", Source: "installer", Kind: "report", Stage: provision.Installed}); err != nil {
					t.Fatal(err)
				}
			}
			in, _ := c.Journal.Install("web1")
			if err := c.act(t.Context(), in, tt.do); err != nil {
				t.Fatal(err)
			}
			if got := told(t, c, 2); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
			if f.Opened != f.Closed {
				t.Errorf("%d sessions opened, %d closed", f.Opened, f.Closed)
			}
		})
	}
}

// TestReadOverride: when a box comes with a plain client after its power-on, its BMC is asked
// once for the override. Before, with firmware, or in another stage, it isn't.
func TestReadOverride(t *testing.T) {
	lease := func(client string) provision.Event {
		return provision.Event{Host: "web1", Source: "dhcp", Kind: "ack", Fields: map[string]string{"client": client}}
	}
	for _, tt := range []struct {
		name    string
		powered bool
		bmc     func(f *bmctest.Fake)
		events  []provision.Event
		want    string // the last event of source bmc, if it is about the override
	}{
		{"spent", true, func(f *bmctest.Fake) { f.Override = bmc.Boot{Device: bmc.None} }, []provision.Event{lease("other"), lease("other")}, "boot-override [boot:none command:read-boot efi:false persistent:false protocol:ipmi valid:false]"},
		{"still there", true, nil, []provision.Event{lease("other")}, "boot-override [boot:pxe command:read-boot efi:true persistent:false protocol:ipmi valid:true]"},
		{"can't be read", true, func(f *bmctest.Fake) { f.Fails["Boot"] = bmc.ErrUnsupported }, []provision.Event{lease("other")}, "boot-override [command:read-boot protocol:ipmi why:other]"},
		{"firmware", true, nil, []provision.Event{lease("PXE")}, ""},
		{"not powered on by the BMC", false, nil, []provision.Event{lease("other")}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, f := withBMC(t)
			if tt.powered {
				in, _ := c.Journal.Install("web1")
				if err := c.act(t.Context(), in, provision.DoPowerOn); err != nil {
					t.Fatal(err)
				}
			}
			if tt.bmc != nil {
				tt.bmc(f)
			}
			opened := f.Opened
			for _, e := range tt.events {
				if err := c.Journal.Record(e); err != nil {
					t.Fatal(err)
				}
				last, err := c.Journal.Events(t.Context(), "web1", 1)
				if err != nil {
					t.Fatal(err)
				}
				c.readOverride(t.Context(), last[0])
				c.wg.Wait()
			}
			got := ""
			events, _ := c.Journal.Events(t.Context(), "web1", 10)
			for _, e := range events {
				if e.Kind == "boot-override" {
					got += e.Kind + " " + strings.TrimPrefix(fmt.Sprint(e.Fields), "map")
				}
			}
			if got != tt.want || (f.Opened > opened) != (tt.want != "") {
				t.Errorf("%q after %d logins, want %q", got, f.Opened-opened, tt.want)
			}
		})
	}
}
