package conduct

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/power"
)

func entry(id, progress, text string) bmc.LogEntry {
	return bmc.LogEntry{ID: id, Progress: progress, Text: text}
}

// TestBootLogs follows an install from power-on: when its BMC's event log is read, and what of
// it is new.
func TestBootLogs(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(1_000_000, 0).Add(time.Duration(s) * time.Second) }
	in := provision.Install{ID: "i1", Host: "web1", Stage: provision.Powered, PoweredOn: at(0)}
	all := bootLogs{}
	reads := func(s int) bool {
		return len(all.wanted(map[string]provision.Install{"web1": in}, at(s))) == 1
	}
	progress := func(list []bmc.LogEntry) string {
		var out []string
		for _, e := range list {
			out = append(out, e.Progress+":"+e.ID)
		}
		return strings.Join(out, " ")
	}
	want := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	want("at once", reads(1), true)
	want("while it is read", reads(2), false)
	old := []bmc.LogEntry{entry("1", "disk", "old"), entry("2", "", "fan")}
	want("old entries", progress(all.took("i1", old, nil, at(2))), "")
	want("before the pause", reads(31), false)
	want("quiet", reads(32), true)
	boot := append(old, entry("3", "firmware", "memory"), entry("4", "firmware", "PCI"), entry("5", "", "fan"), entry("6", "boot-failed", "no media"))
	want("a boot", progress(all.took("i1", boot, nil, at(33))), "firmware:4 boot-failed:6")
	in.Heard = at(60)
	want("it was heard", reads(70), false)
	want("quiet again", reads(90), true)
	want("nothing new", progress(all.took("i1", boot, nil, at(91))), "")
	want("once more", reads(130), true)
	want("cleared", progress(all.took("i1", []bmc.LogEntry{entry("1", "pxe", "PXE")}, nil, at(131))), "pxe:1")
	// A BMC that fails is asked less often.
	want("read", reads(170), true)
	all.took("i1", nil, errors.New("silent"), at(171))
	want("after 59 s", reads(230), false)
	want("after 60 s", reads(231), true)
	for i := range 9 {
		all.took("i1", nil, errors.New("silent"), at(300+i))
	}
	want("the bound", reads(308+301), true)
	all.took("i1", nil, bmc.ErrBusy, at(650))
	want("another operation was more urgent", all["i1"].pause, bootLogPatience)
	all.took("i1", nil, bmc.ErrUnsupported, at(700))
	want("no event log", reads(5000), false)
	// What is over is forgotten, and an answer that comes then.
	in.Stage = provision.Serving
	want("over", reads(6000), false)
	want("forgotten", len(all), 0)
	want("late", progress(all.took("i1", boot, nil, at(6001))), "")
	in = provision.Install{ID: "i2", Host: "web1", Stage: provision.Requested}
	want("not powered on", reads(7000), false)
}

func TestProgressEvent(t *testing.T) {
	e := progressEvent(bmc.LogEntry{Progress: "boot-failed", Text: "PXE \x1b[31m" + strings.Repeat("ü", 200)})
	if e.Level != provision.LevelWarn || e.Kind != "bmc-progress" || e.ByBox() || strings.Contains(e.Message, "\x1b") || len(e.Fields["text"]) > 170 {
		t.Errorf("%+v", e)
	}
	if e := progressEvent(entry("1", "disk", "boot completed")); e.Message != "the box boots from its disk, by its BMC's event log: boot completed" || e.Level != "" {
		t.Errorf("%+v", e)
	}
}

// TestReadBootLog: what a BMC logs while its box is quiet becomes an event of the install,
// and every session is closed.
func TestReadBootLog(t *testing.T) {
	c := armed(t)
	f := &bmctest.Fake{Entries: []bmc.LogEntry{entry("1", "disk", "an earlier boot")}}
	c.Power = power.New(power.Options{Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: f}})
	c.Target = func(*inventory.Host) (bmc.Target, error) {
		return bmc.Target{Address: netip.MustParseAddrPort("192.0.2.1:623"), User: "admin", Protocol: bmc.IPMI}, nil
	}
	if err := c.Journal.Record(provision.Event{Host: "web1", Source: "bmc", Kind: "powered-on", Stage: provision.Powered, Fields: map[string]string{"power": "on"}}); err != nil {
		t.Fatal(err)
	}
	read := func(after time.Duration) {
		t.Helper()
		c.mu.Lock()
		list := c.bootLogs.wanted(c.Journal.Installs(), c.Journal.Counted().Add(after))
		c.mu.Unlock()
		if len(list) != 1 {
			t.Fatalf("%d event logs are read after %v", len(list), after)
		}
		c.readBootLog(t.Context(), list[0])
	}
	read(0)
	f.Entries = append(f.Entries, entry("2", "firmware", "memory test"), entry("3", "boot-failed", "no bootable media"))
	read(time.Minute)
	read(2 * time.Minute)
	events, err := c.Journal.Events(t.Context(), "web1", 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range events {
		if e.Kind == provision.KindBMCProgress {
			got = append(got, e.Fields["progress"]+" "+e.Fields["text"])
			if in, _ := c.Journal.Install("web1"); e.Install != in.ID {
				t.Errorf("the event belongs to %q", e.Install)
			}
		}
	}
	if d := cmp.Diff([]string{"firmware memory test", "boot-failed no bootable media"}, got); d != "" {
		t.Errorf("recorded (-want +got):\n%s", d)
	}
	if f.Opened != 3 || f.Closed != 3 {
		t.Errorf("%d sessions were opened, %d closed", f.Opened, f.Closed)
	}
	f.Fails = map[string]error{"Log": bmc.ErrUnsupported}
	read(3 * time.Minute)
	if list := c.bootLogs.wanted(c.Journal.Installs(), c.Journal.Counted().Add(time.Hour)); len(list) != 0 {
		t.Error("a BMC without an event log is asked again")
	}
}
