//go:build e2e

package ipmi

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
)

const (
	missing    = "the BMC can't do that"
	newUser    = "tool"
	newAddress = "192.0.2.5/24"
)

// A peer is a BMC of another project, with the written list of what it can't do: how the
// operation fails there, or what it results in instead. docs/testing.md has it in words.
type peer struct {
	name    string
	start   func(testing.TB) bmc.Target
	suite   int
	differs map[string]string
}

var peers = []peer{
	{"go-ipmi", func(t testing.TB) bmc.Target {
		b := bmctest.Serve(t)
		b.Fill(t)
		return b.Target
	}, 17, map[string]string{
		"nmi": missing, "identity": "Boxmaker, Box 2000, SN-0815, UUID false, 2 parts", "sensors": "",
		"log": missing, "clear the log": missing, "log state": missing, "clock": missing, "set the network": missing,
		"users": "admin", "set a user": "admin, tool", "soft": "unchanged",
	}},
	{"ipmi_sim", bmctest.IPMISim, 3, map[string]string{
		"nmi": missing, "boot": "no override", "clock": "false", // it counts from the machine's start
		"a password of 20 bytes": "refused the user or the password", // they look at 16
	}},
	{"pyghmi", bmctest.Pyghmi, 3, map[string]string{
		"nmi": missing, "soft": missing, "boot": "pxe (once)", "no boot": "none (once)", "identify": missing,
		"identity": ", , , UUID false, 0 parts", "sensors": missing, "log": missing, "log state": missing,
		"clear the log": missing, "clock": missing, "network": missing, "set the network": missing, "users": missing,
		"set a user": missing, "a password of 20 bytes": missing, "lock out": missing,
	}},
}

// An operation has a result in a few words.
type operation struct {
	name string
	want string // of a BMC that can do everything
	do   func(ctx context.Context, s bmc.Session) (string, error)
}

var operations = []operation{
	{"status", "off", func(ctx context.Context, s bmc.Session) (string, error) {
		st, err := s.Status(ctx)
		return st.State(), err
	}},
	command(bmc.PowerOn, "on"), command(bmc.PowerCycle, "on"), command(bmc.Reset, "on"), command(bmc.NMI, "on"),
	command(bmc.SoftOff, "off"), command(bmc.PowerOff, "off"),
	{"boot", "pxe (once, EFI)", func(ctx context.Context, s bmc.Session) (string, error) {
		return boot(ctx, s, bmc.Boot{Device: bmc.PXE, EFI: true})
	}},
	{"no boot", "no override", func(ctx context.Context, s bmc.Session) (string, error) {
		return boot(ctx, s, bmc.Boot{Device: bmc.None})
	}},
	{"identify", "", func(ctx context.Context, s bmc.Session) (string, error) { return "", s.Identify(ctx, true) }},
	{"identity", "Boxmaker, Box 2000, SN-0815, UUID true, 2 parts", func(ctx context.Context, s bmc.Session) (string, error) {
		i, err := s.Info(ctx)
		return fmt.Sprintf("%s, %s, %s, UUID %v, %d parts", i.Maker, i.Model, i.Serial, i.UUID != "", len(i.Parts)), err
	}},
	{"sensors", "CPU temperature 42 C ok, Fan 1 9500 RPM critical, PSU 1 0  critical", func(ctx context.Context, s bmc.Session) (string, error) {
		all, err := s.Sensors(ctx)
		return list(all, func(r bmc.Sensor) string { return fmt.Sprintf("%s %v %s %s", r.Name, r.Value, r.Unit, r.Health) }), err
	}},
	{"log state", "3, false", func(ctx context.Context, s bmc.Session) (string, error) {
		l, err := s.LogState(ctx)
		return fmt.Sprintf("%d, %v", l.Entries, l.Full), err
	}},
	{"log", "0002 firmware, 0003 pxe", func(ctx context.Context, s bmc.Session) (string, error) {
		all, err := s.Log(ctx, 2)
		return list(all, func(e bmc.LogEntry) string { return e.ID + " " + e.Progress }), err
	}},
	{"clear the log", "0", func(ctx context.Context, s bmc.Session) (string, error) {
		if err := s.ClearLog(ctx); err != nil {
			return "", err
		}
		l, err := s.LogState(ctx)
		return fmt.Sprint(l.Entries), err
	}},
	{"clock", "true", func(ctx context.Context, s bmc.Session) (string, error) {
		at, err := s.Clock(ctx)
		return fmt.Sprint(!at.IsZero()), err
	}},
	{"network", "0.0.0.0/0", func(ctx context.Context, s bmc.Session) (string, error) {
		n, err := s.Network(ctx)
		return n.Address.String(), err
	}},
	{"set the network", newAddress + " by 192.0.2.1, VLAN 5, DHCP false", func(ctx context.Context, s bmc.Session) (string, error) {
		want := bmc.Network{Address: netip.MustParsePrefix(newAddress), Gateway: netip.MustParseAddr("192.0.2.1"), VLAN: 5}
		if err := s.SetNetwork(ctx, want); err != nil {
			return "", err
		}
		n, err := s.Network(ctx)
		return fmt.Sprintf("%s by %s, VLAN %d, DHCP %v", n.Address, n.Gateway, n.VLAN, n.DHCP), err
	}},
	{"users", ", admin, oper", users},
	{"set a user", ", admin, oper, tool", func(ctx context.Context, s bmc.Session) (string, error) {
		if err := s.SetUser(ctx, bmc.Account{Name: newUser, Privilege: bmc.Operator, Enabled: true}, bmctest.Password[:16]); err != nil {
			return "", err
		}
		return users(ctx, s)
	}},
	{"a password of 20 bytes", "", func(ctx context.Context, s bmc.Session) (string, error) {
		const long = "0123456789abcdefghij"
		if err := s.SetUser(ctx, bmc.Account{Name: newUser, Privilege: bmc.Operator, Enabled: true}, long); err != nil {
			return "", err
		}
		t := s.(*session).target
		t.User, t.Password = newUser, long
		_, err := status(ctx, Driver{}, t, &bmc.Memory{})
		return "", err
	}},
	{"lock out", "logged in", func(ctx context.Context, s bmc.Session) (string, error) {
		return "", s.SetUser(ctx, bmc.Account{Name: bmctest.User}, "")
	}},
}

func command(c bmc.Command, want string) operation {
	return operation{string(c), want, func(ctx context.Context, s bmc.Session) (string, error) {
		if err := s.Power(ctx, c); err != nil {
			return "", err
		}
		for range 100 { // some take a moment
			if st, err := s.Status(ctx); err != nil || st.State() == want {
				return st.State(), err
			}
			time.Sleep(20 * time.Millisecond)
		}
		return "unchanged", nil
	}}
}

func boot(ctx context.Context, s bmc.Session, b bmc.Boot) (string, error) {
	if err := s.SetBoot(ctx, b); err != nil {
		return "", err
	}
	got, err := s.Boot(ctx)
	return got.String(), err
}

func users(ctx context.Context, s bmc.Session) (string, error) {
	all, err := s.Users(ctx)
	return list(all, func(a bmc.Account) string { return a.Name }), err
}

func list[T any](all []T, text func(T) string) string {
	var texts []string
	for _, v := range all {
		texts = append(texts, text(v))
	}
	return strings.Join(texts, ", ")
}

// TestPeers does all that a session can do at BMCs of other projects. ipmitool and FreeIPMI
// read back what was written.
func TestPeers(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			target := p.start(t)
			target.Privilege = bmc.Administrator
			var m bmc.Memory
			s, err := Driver{}.Open(t.Context(), target, &m)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close(t.Context())
			if m.Suite != p.suite || m.Privilege != bmc.Administrator || m.Account != target.User {
				t.Errorf("remembered: %+v", m)
			}
			for _, o := range operations {
				want, got := o.want, ""
				if differs, ok := p.differs[o.name]; ok {
					want = differs
				}
				text, err := o.do(t.Context(), s)
				if got = text; err != nil {
					got = err.Error()
				}
				if got != want && (err == nil || want == "" || !strings.Contains(got, want)) {
					t.Errorf("%s: %q, want %q", o.name, got, want)
				}
			}
			others(t, p, target)
		})
	}
}

// others is what ipmitool and FreeIPMI say of a BMC after that.
func others(t *testing.T, p peer, target bmc.Target) {
	for _, look := range []struct {
		operation string // that wrote it
		by        func() (string, error)
		want      []string
	}{
		{"off", tool(target, "chassis", "power", "status"), []string{"off"}},
		{"clear the log", tool(target, "sel", "info"), []string{"Entries          : 0"}},
		{"set the network", tool(target, "lan", "print", "1"), []string{"Static Address", "192.0.2.5", "255.255.255.0", "192.0.2.1", "VLAN ID          : 5"}},
		{"set a user", tool(target, "user", "list", "1"), []string{newUser + "             true    false      true       OPERATOR"}},
		{"off", func() (string, error) { return bmctest.FreeIPMI(t, target, "ipmi-power", "--stat") }, []string{": off"}},
		{"no boot", func() (string, error) {
			return bmctest.FreeIPMI(t, target, "ipmi-config", "--category=chassis", "--checkout", "-S", "Chassis_Boot_Flags")
		}, []string{"NO-OVERRIDE"}},
		{"set the network", func() (string, error) {
			return bmctest.FreeIPMI(t, target, "ipmi-config", "--category=core", "--checkout", "-S", "Lan_Conf")
		}, []string{"Static", "192.0.2.5", "255.255.255.0", "192.0.2.1"}},
		{"set a user", func() (string, error) {
			return bmctest.FreeIPMI(t, target, "ipmi-config", "--category=core", "--checkout", "-S", "User4")
		}, []string{newUser, "Operator"}},
	} {
		if strings.Contains(p.differs[look.operation], missing) || p.name == "go-ipmi" {
			continue // go-ipmi's lacks what FreeIPMI asks first
		}
		said, err := look.by()
		for _, want := range look.want {
			// ipmi-config fails also for a single value that it can't read.
			if !strings.Contains(said, want) {
				t.Errorf("%s: read back as %q, %v, want %q", look.operation, said, err, want)
				break
			}
		}
	}
}

func tool(target bmc.Target, args ...string) func() (string, error) {
	return func() (string, error) { return bmctest.IPMITool(target, args...) }
}

// TestPeerAccounts: who may not log in is named, an operator gets what an operator gets, and
// the BMC has no session left.
func TestPeerAccounts(t *testing.T) {
	target := bmctest.IPMISim(t)
	oper, wrong, unknown, nameless := target, target, target, target
	oper.User, wrong.Password, unknown.User, nameless.User = "oper", "wrong", "nobody", ""
	d := Driver{}
	for range 3 {
		for _, tt := range []struct {
			name   string
			target bmc.Target
			kind   error
		}{{"wrong password", wrong, bmc.ErrCredentials}, {"unknown user", unknown, bmc.ErrCredentials}, {"no name", nameless, nil}, {"operator", oper, nil}} {
			if _, err := status(t.Context(), d, tt.target, &bmc.Memory{}); !errors.Is(err, tt.kind) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	}
	// Its last answer of the login is lost. It sends that again inside the session.
	var lost atomic.Bool
	relayed := bmctest.Relay(t, target, pass, func(d []byte) [][]byte {
		if isKind(d, payloadRAKP4) && lost.CompareAndSwap(false, true) {
			return nil
		}
		return pass(d)
	})
	if _, err := status(t.Context(), Driver{Exchange: 200 * time.Millisecond}, relayed, &bmc.Memory{Suite: 3}); err != nil || !lost.Load() {
		t.Errorf("after a lost answer: %v", err)
	}
	loggedIn(t, target)
}

// TestPeerLoss: 20 % loss each way in front of ipmi_sim, which counts its sessions.
func TestPeerLoss(t *testing.T) {
	target := bmctest.IPMISim(t)
	lossyTarget := bmctest.Relay(t, target, lossy(1), lossy(2))
	m := bmc.Memory{Suite: int(types.CipherSuiteID3)}
	right := 0
	for range 10 {
		if st, err := status(t.Context(), Driver{Exchange: 50 * time.Millisecond}, lossyTarget, &m); err == nil && !st.On {
			right++
		} else {
			t.Log(err)
		}
	}
	if right < 9 {
		t.Errorf("%d of 10 calls are right", right)
	}
	loggedIn(t, target)
}

// loggedIn checks that ipmitool's own session is the only one with a user. A login that the BMC
// began for the copy of a request has none, and ends by itself.
func loggedIn(t *testing.T, target bmc.Target) {
	t.Helper()
	said, err := bmctest.IPMITool(target, "session", "info", "all")
	sessions := 0
	for line := range strings.Lines(said) {
		if id, ok := strings.CutPrefix(line, "user id                       : "); ok && strings.TrimSpace(id) != "0" {
			sessions++
		}
	}
	if err != nil || sessions != 1 {
		t.Errorf("%d sessions with ipmitool's: %s, %v", sessions, said, err)
	}
}
