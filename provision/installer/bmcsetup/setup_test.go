package bmcsetup

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func settings() Settings {
	return Settings{
		Address: netip.MustParsePrefix("10.77.0.111/24"), Gateway: netip.MustParseAddr("10.77.0.1"),
		User: "rackhand", Password: "s3cret-for-tests-20", Privilege: "operator",
	}
}

func run(t *testing.T, b *fakeBMC, want Settings) ([]string, error) {
	t.Helper()
	changed, err := Run(t.Context(), b, want, func(context.Context, time.Duration) error { return nil })
	for _, text := range append(slices.Clone(changed), errorText(err)) {
		if strings.Contains(text, want.Password) {
			t.Errorf("the password is in %q", text)
		}
	}
	return changed, err
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestSetup sets up a BMC as it comes from the factory. The second run writes nothing.
func TestSetup(t *testing.T) {
	b := newFakeBMC()
	admin := b.users[2]
	changed, err := run(t, b, settings())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"a static address instead of DHCP", "the address 10.77.0.111 (it was 192.168.0.120)", "the gateway 10.77.0.1 (it was 0.0.0.0)",
		"the name rackhand for user 3", "the password of rackhand", "operator privilege over LAN for rackhand", "rackhand enabled",
		"IPMI over LAN switched on, after its next restart", "IPMI over LAN switched on, now",
	}
	if d := cmp.Diff(want, changed); d != "" {
		t.Errorf("changed (-want +got):\n%s", d)
	}
	if got := b.users[3]; got != (fakeUser{"rackhand", "s3cret-for-tests-20", 20, 1, 0x13}) {
		t.Errorf("the account is %+v", got)
	}
	if b.users[2] != admin || b.users[1] != (fakeUser{enable: 2, access: 0x0f}) {
		t.Errorf("other accounts were changed: %+v", b.users)
	}
	if b.access[0x40] != [2]byte{0x22, 4} { // alerting stays off
		t.Errorf("the channel's access is %v", b.access)
	}
	b.writes = nil
	if changed, err := run(t, b, settings()); err != nil || len(changed) > 0 || len(b.writes) > 0 {
		t.Errorf("the second run changed %v, wrote %x: %v", changed, b.writes, err)
	}
}

// TestChanges has BMCs that differ in one thing, and what is changed then.
func TestChanges(t *testing.T) {
	done := newFakeBMC()
	if _, err := run(t, done, settings()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		bmc     func(b *fakeBMC)
		want    func(s *Settings)
		changed []string
	}{
		{"a new password", nil, func(s *Settings) { s.Password = "another" }, []string{"the password of rackhand"}},
		{"administrator", nil, func(s *Settings) { s.Privilege = "administrator" }, []string{"administrator privilege over LAN for rackhand"}},
		{"the channel's limit", func(b *fakeBMC) { b.access = map[byte][2]byte{0x40: {2, 2}, 0x80: {2, 4}} }, nil, []string{"IPMI over LAN up to operator, after its next restart"}},
		{"disabled", func(b *fakeBMC) { b.users[3].enable = 2 }, nil, []string{"rackhand enabled"}},
		{"the BMC doesn't say whether it is enabled", func(b *fakeBMC) { b.users[3].enable = 0 }, nil, nil},
		{"a short password in 20 bytes", func(b *fakeBMC) { b.users[3].password, b.users[3].size = "short", 20 }, func(s *Settings) { s.Password = "short" }, nil},
		{"shared access", func(b *fakeBMC) { b.access[0x80] = [2]byte{3, 4} }, nil, nil},
		{"no network is known", func(b *fakeBMC) { b.lan[paramAddress] = []byte{1, 2, 3, 4} }, func(s *Settings) { s.Address = netip.Prefix{} }, nil},
		{"the mask", func(b *fakeBMC) { b.lan[paramMask] = []byte{255, 0, 0, 0} }, nil, []string{"the subnet mask 255.255.255.0 (it was 255.0.0.0)"}},
		{"no gateway is wanted", func(b *fakeBMC) { b.lan[paramGateway] = []byte{1, 1, 1, 1} }, func(s *Settings) { s.Gateway = netip.Addr{} }, nil},
	} {
		b := newFakeBMC()
		if _, err := run(t, b, settings()); err != nil {
			t.Fatal(err)
		}
		s := settings()
		if c.bmc != nil {
			c.bmc(b)
		}
		if c.want != nil {
			c.want(&s)
		}
		changed, err := run(t, b, s)
		if d := cmp.Diff(c.changed, changed); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, err, d)
		}
		if again, err := run(t, b, s); len(again) > 0 || err != nil {
			t.Errorf("%s: the second run changed %v: %v", c.name, again, err)
		}
	}
}

// TestSlot has the slots that a new account may get.
func TestSlot(t *testing.T) {
	for _, c := range []struct {
		name string
		bmc  func(b *fakeBMC)
		slot string
	}{
		{"the first free one", nil, "user 3"},
		{"not one with a fixed name", func(b *fakeBMC) { b.fixed = 4 }, "user 5"},
		{"not an anonymous account in use", func(b *fakeBMC) { b.users[3] = fakeUser{enable: 1, access: 0x14} }, "user 4"},
	} {
		b := newFakeBMC()
		if c.bmc != nil {
			c.bmc(b)
		}
		changed, err := run(t, b, settings())
		if err != nil || !slices.Contains(changed, "the name rackhand for "+c.slot) {
			t.Errorf("%s: %q, %v", c.name, changed, err)
		}
	}
	b := newFakeBMC()
	for i := 2; i < len(b.users); i++ {
		b.users[i] = fakeUser{name: string(rune('a' + i)), enable: 1, access: 0x14}
	}
	before := b.users
	changed, err := run(t, b, settings())
	if err == nil || !strings.Contains(err.Error(), "no free user slot for rackhand among its 8") || b.users != before {
		t.Errorf("no free slot: %v", err)
	}
	if !slices.Contains(changed, "IPMI over LAN switched on, now") || !slices.Contains(changed, "the address 10.77.0.111 (it was 192.168.0.120)") {
		t.Errorf("the other parts were not done: %q", changed)
	}
}

// TestFaults has BMCs that refuse, forget and lag.
func TestFaults(t *testing.T) {
	set := func(netFn, cmd, code byte) func(*fakeBMC) {
		return func(b *fakeBMC) { b.refuse[[2]byte{netFn, cmd}] = code }
	}
	for _, c := range []struct {
		name string
		bmc  func(b *fakeBMC)
		want string // of the error; "" for none
	}{
		{"a BMC without channels", set(app, getChannelInfo, 0xc1), "refuses to describe its channels (Get Channel Info) (invalid command, completion code C1h)"},
		{"LAN parameters can't be set", set(transport, setLAN, 0x82), "refuses to set a static address instead of DHCP (the parameter is read-only"},
		{"a password is refused", set(app, setUserPassword, 0xc7), "refuses to set the password of rackhand (wrong length"},
		{"users can't be read", set(app, getUserAccess, 0xd4), "refuses to say how many users it has (not allowed on this interface"},
		{"it forgets the access", func(b *fakeBMC) { b.forget[[2]byte{app, setUserAccess}] = true }, "took, and did not keep: operator privilege over LAN for rackhand"},
		{"it forgets the channel", func(b *fakeBMC) { b.forget[[2]byte{app, setChannelAccess}] = true }, "did not keep: IPMI over LAN switched on"},
		{"its address lags", func(b *fakeBMC) { b.lags = 12 }, ""},
		{"short answers", func(b *fakeBMC) { b.short = true }, "the BMC's answer has"},
	} {
		b := newFakeBMC()
		c.bmc(b)
		_, err := run(t, b, settings())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	// A change of LAN parameters that fails is ended.
	refuses := newFakeBMC()
	refuses.refuseLAN = paramAddress
	if _, err := run(t, refuses, settings()); err == nil || !slices.Equal(refuses.lan[paramProgress], []byte{setComplete}) {
		t.Errorf("%v; set in progress: %v", err, refuses.lan[paramProgress])
	}
	// A BMC that refuses to test passwords gets it each time.
	b := newFakeBMC()
	if _, err := run(t, b, settings()); err != nil {
		t.Fatal(err)
	}
	dev := deviceFunc(func(ctx context.Context, netFn, cmd byte, data ...byte) (byte, []byte, error) {
		if netFn == app && cmd == setUserPassword && data[1] == opTest {
			return 0xd4, nil, nil
		}
		return b.Do(ctx, netFn, cmd, data...)
	})
	changed, err := Run(t.Context(), dev, settings(), nil)
	if d := cmp.Diff([]string{"the password of rackhand"}, changed); d != "" || err != nil {
		t.Errorf("no test of passwords: %v\n%s", err, d)
	}
	broken := deviceFunc(func(context.Context, byte, byte, ...byte) (byte, []byte, error) { return 0, nil, errors.New("gone") })
	if _, err := Run(t.Context(), broken, settings(), nil); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("a device that is gone: %v", err)
	}
}

type deviceFunc func(ctx context.Context, netFn, cmd byte, data ...byte) (byte, []byte, error)

func (f deviceFunc) Do(ctx context.Context, netFn, cmd byte, data ...byte) (byte, []byte, error) {
	return f(ctx, netFn, cmd, data...)
}

func TestCheck(t *testing.T) {
	for want, change := range map[string]func(*Settings){
		"":                       func(*Settings) {},
		"bmc.user is missing":    func(s *Settings) { s.User = "" },
		"bmc.user has 17 bytes":  func(s *Settings) { s.User = strings.Repeat("u", 17) },
		"bmc.password is miss":   func(s *Settings) { s.Password = "" },
		"password has 21 bytes":  func(s *Settings) { s.Password = strings.Repeat("p", 21) },
		"is not an IPv4 address": func(s *Settings) { s.Address = netip.MustParsePrefix("fd00::1/64") },
		"gateway fd00::1 is not": func(s *Settings) { s.Gateway = netip.MustParseAddr("fd00::1") },
	} {
		s := settings()
		change(&s)
		if err := s.Check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestMissing(t *testing.T) {
	sys := t.TempDir()
	want := func(text string, err error) {
		t.Helper()
		if got := missing(sys, err); !strings.Contains(got, text) {
			t.Errorf("%q, want %q", got, text)
		}
	}
	module := func(name string) {
		if err := os.MkdirAll(filepath.Join(sys, "module", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	want("the image needs its modules ipmi_devintf and ipmi_si", os.ErrNotExist)
	module("ipmi_devintf")
	want("the image needs its modules", os.ErrNotExist)
	module("ipmi_si")
	want("the kernel finds no BMC", os.ErrNotExist)
	want("can't be opened: permission denied", errors.New("permission denied"))
}
