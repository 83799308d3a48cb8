package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"rackhand/inventory"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/journal/journaltest"
	"rackhand/provision/operate"
	"rackhand/provision/power"
	"rackhand/provision/web/bmcapi"
)

// fakeBMCs reaches one BMC in memory, through a real controller.
type fakeBMCs struct {
	control *power.Controller
	target  bmc.Target
}

func (b fakeBMCs) With(ctx context.Context, _ *inventory.Host, op string, need bmc.Privilege, f func(context.Context, bmc.Session) error) error {
	return b.control.With(ctx, op, b.target, need, f)
}

func (b fakeBMCs) SetBoot(ctx context.Context, _ *inventory.Host, r bmc.BootRequest) (bmc.Boot, error) {
	return b.control.SetBoot(ctx, b.target, r.Device, power.BootOptions{Persistent: r.Persistent})
}

func (b fakeBMCs) SoftOff(ctx context.Context, _ *inventory.Host, limit time.Duration, hard bool) (bmc.Status, bool, error) {
	return b.control.SoftOff(ctx, b.target, limit, hard)
}

func (b fakeBMCs) NMI(ctx context.Context, _ *inventory.Host) (bmc.Status, error) {
	return b.control.NMI(ctx, b.target)
}

func (b fakeBMCs) Protocol(*inventory.Host) bmc.Protocol { return b.control.Protocol(b.target) }

// sampleBMC is a BMC with something of everything. A text of it tries to move the terminal.
func sampleBMC() *bmctest.Fake {
	return &bmctest.Fake{
		On: true, Has: bmc.Info{
			Maker: "Supermicro", Model: "X11DPT\x1b[2J", Serial: "S1", BIOS: "3.4", BMC: "1.73",
			Parts: []bmc.Part{{Name: "PSU1", Maker: "Delta", Model: "P1", Serial: "D1"}},
		},
		Readings: []bmc.Sensor{
			{Name: "CPU1 Temp", Kind: "temperature", Value: 54, Unit: "C", Health: bmc.OK},
			{Name: "FAN1", Kind: "fan", Value: 0, Unit: "RPM", Health: bmc.Critical},
			{Name: "PS1 Status", Kind: "other", State: "present", Health: bmc.OK},
		},
		Entries: []bmc.LogEntry{
			{ID: "1", Text: "log area reset", Health: bmc.OK},
			{ID: "2", At: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), Sensor: "FAN1", Text: "lower critical going low", Health: bmc.Critical},
		},
		Port:     bmc.Network{MAC: inventory.MAC{0x52, 0x54, 0, 0, 1, 1}, Address: netip.MustParsePrefix("10.77.0.111/24"), Gateway: netip.MustParseAddr("10.77.0.1")},
		Accounts: []bmc.Account{{ID: "2", Name: "admin", Privilege: bmc.Administrator, Enabled: true}},
		Fails:    map[string]error{},
	}
}

// TestBMC runs the commands of `rackhand bmc` against a BMC, over a socket: what they print,
// what they leave in the journal, and where the password goes.
func TestBMC(t *testing.T) {
	fake := sampleBMC()
	now := time.Date(2026, 5, 1, 13, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	_, j := journaltest.Run(t, t.TempDir(), clock, nil, slog.New(slog.DiscardHandler))
	var log bytes.Buffer
	b := fakeBMCs{
		power.New(power.Options{
			Log: slog.New(slog.NewTextHandler(&log, nil)), Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: fake},
			Now: clock, Sleep: func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil },
		}),
		bmc.Target{Address: netip.MustParseAddrPort("10.77.0.111:623"), Protocol: bmc.IPMI},
	}
	web1 := &inventory.Host{Name: "web1", BMC: &inventory.BMC{Address: b.target.Address, Protocol: inventory.ProtocolIPMI}}
	snap := &inventory.Snapshot{Hosts: map[string]*inventory.Host{"web1": web1, "web2": {Name: "web2"}}}
	o := &operate.Operator{
		Journal: j, Snapshot: func() *inventory.Snapshot { return snap }, Now: clock, BMCs: b,
		BMC: func(ctx context.Context, _ *inventory.Host, action string) (string, error) {
			do := map[string]func(context.Context, bmc.Target) (bmc.Status, error){"off": b.control.Off, "status": b.control.Status}[action]
			st, err := do(ctx, b.target)
			return st.State(), err
		},
	}
	e := echo.New()
	bmcapi.Routes(e, o, func(err error) error { return echo.NewHTTPError(502, err.Error()) })
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		he := err.(*echo.HTTPError)
		_ = c.String(he.Code, fmt.Sprint(he.Message))
	}
	t.Setenv("RACKHAND_SOCKET", serveSocket(t, e))
	const secret = "s3cret-of-the-new-user"
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(secret[:20]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(long, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	golden, err := filepath.Abs("testdata/bmc.golden")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(password))

	var text strings.Builder
	for _, line := range []string{
		"bmc web1", "bmc web1 --json", "bmc web1 sensors", "bmc sensors web1 --json", "bmc info web1", "bmc log web1", "bmc log web1 --most 1 --json", "bmc users web1", "bmc boot web1", "bmc network web1",
		"bmc identify web1 on", "bmc boot web1 pxe", "bmc boot web1 disk --persistent --json", "bmc boot web1 none --persistent", "bmc boot web1 --persistent",
		"bmc log web1 --clear", "bmc log web1 --clear --yes", "bmc nmi web1", "bmc nmi web1 --yes",
		"bmc network web1 --vlan 5", "bmc network web1 --vlan 5 --yes", "bmc network web1 --gateway 10.78.0.1 --yes", "bmc network web1 --vlan 5000 --yes", "bmc network web1 --dhcp --yes --json", "bmc network web1 --address 10.77.0.112 --yes",
		"bmc users web1 --privilege operator", "bmc users web1 --set ops --yes", "bmc users web1 --set ops --password-file password --yes", "bmc users web1 --set ops --no-enabled --yes --json", "bmc users web1 --set ops --password-file " + long + " --yes",
		"bmc soft-off web1 --limit 10s", "bmc soft-off web1 --limit 10s --hard", "bmc web2", "bmc nosuch",
	} {
		var out, errs bytes.Buffer
		code := run(strings.Fields(line), &out, &errs)
		fmt.Fprintf(&text, "$ rackhand %s\n%s%s", line, out.String(), errs.String())
		if code != 0 {
			fmt.Fprintf(&text, "[exit status %d]\n", code)
		}
		text.WriteString("\n")
	}
	fake.Fails["Info"] = fmt.Errorf("it has no FRU: %w", bmc.ErrUnsupported)
	fake.Fails["Sensors"] = &bmc.Error{Kind: bmc.ErrRefused, Err: fmt.Errorf("code C1h")}
	for _, line := range []string{"bmc web1", "bmc info web1", "bmc sensors web1"} {
		var out, errs bytes.Buffer
		code := run(strings.Fields(line), &out, &errs)
		fmt.Fprintf(&text, "$ rackhand %s # of a BMC that can't\n%s%s[exit status %d]\n\n", line, out.String(), errs.String(), code)
	}
	events, err := j.Events(t.Context(), "web1", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		fmt.Fprintf(&text, "event %s %s %s %v\n", e.Kind, e.Level, e.Message, e.Fields)
	}
	got := strings.ReplaceAll(text.String(), long, "LONG")
	for what, where := range map[string]string{"output and events": got, "log": log.String()} {
		if strings.Contains(where, "s3cret") {
			t.Errorf("the password is in %s:\n%s", what, where)
		}
	}
	if fake.Passwords["ops"] != secret[:20] {
		t.Errorf("the BMC got the password %q", fake.Passwords["ops"])
	}
	if fake.Opened != fake.Closed || fake.Opened == 0 {
		t.Errorf("%d sessions were opened, and %d closed", fake.Opened, fake.Closed)
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
