//go:build e2e

package dhcp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mdlayher/packet"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/journal"
	"rackhand/provision/store"
	"rackhand/provision/why"
)

// envWhy has a setup as JSON: the test binary serves DHCP with a journal, see whyMain.
const envWhy = "RACKHAND_DHCP_E2E_WHY"

// fast is how much faster the clock of whyMain runs, so that firmware that asks for half a
// minute takes some seconds.
const fast = 10

// untakenAfter is the time between requests of which the fourth shows that offers aren't
// taken.
const untakenAfter = 6 * time.Second

// patience is how much later whyMain looks for the cause: firmware has five minutes.
const patience = 6 * time.Minute

// whyMain serves DHCP and records its events in a journal. It reads commands from stdin, and
// ends with it: "power HOST" arms an install and powers the host on, "why HOST" prints what
// is found now ("NOW") and after patience ("WHY").
func whyMain(raw []byte) error {
	var set setup
	if err := json.Unmarshal(raw, &set); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	db, err := store.OpenBolt(set.Store)
	if err != nil {
		return err
	}
	defer db.Close()
	began := time.Now()
	clock := func() time.Time { return began.Add(fast * time.Since(began)) }
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	j, err := journal.Open(ctx, db, clock, nil, log)
	if err != nil {
		return err
	}
	snap := e2eSnapshot(set)
	s := New(Options{
		Interface: set.Interface, ServerAddr: netip.MustParseAddr(set.Address), Store: db, Log: log, Clock: j.Counted,
		Record: provision.RecorderFunc(func(e provision.Event) error {
			err := j.Record(e)
			fmt.Println(strings.ToUpper(e.Kind), e.Message)
			return err
		}),
		Snapshot: func() *inventory.Snapshot { return snap },
		Decide: func(_ context.Context, r boot.Request) (boot.Decision, error) {
			var current *provision.Install
			if h := snap.HostByMAC(r.MAC); h != nil {
				if in, ok := j.Current(h.Name); ok {
					current = &in
				}
			}
			return boot.Decide(snap, current, j.Counted(), r), nil
		},
		UnderWay: func(host string) bool { in, ok := j.Current(host); return ok && !in.Stage.Ended() },
		Expected: func(host string) (time.Time, bool) {
			in, ok := j.Current(host)
			return in.Reached[provision.Powered], ok && in.Armed && in.Stage.Rank() < provision.Addressed.Rank()
		},
		ScriptURL: func(m inventory.MAC) string { return "http://" + set.Address + "/boot/ipxe?mac=" + m.String() },
		FileURL:   func(p string) string { return "http://" + set.Address + "/boot/file/" + p },
	})
	var group sync.WaitGroup
	var served, kept error
	stop, cancelJournal := context.WithCancel(context.Background())
	group.Go(func() { served = s.Run(ctx); cancelJournal() })
	group.Go(func() { kept = j.Run(stop) })
	for in := bufio.NewScanner(os.Stdin); in.Scan() && err == nil; {
		command, host, _ := strings.Cut(in.Text(), " ")
		switch command {
		case "power":
			err = power(j, snap.Hosts[host])
		case "why":
			err = explain(ctx, j, snap.Hosts[host])
		}
	}
	cancel()
	group.Wait()
	return errors.Join(err, served, kept)
}

// power arms an install of a host, whose BMC powers it on.
func power(j *journal.Journal, h *inventory.Host) error {
	_, err := j.Arm(journal.Request{Host: h.Name, System: h.System.Name, Expires: time.Hour, Budget: provision.Budget{Attempts: 3, Time: time.Hour}})
	if err != nil {
		return err
	}
	err = j.Record(provision.Event{Host: h.Name, Source: "bmc", Kind: "powered-on", Stage: provision.Powered, Message: "powered on"})
	fmt.Println("POWERED", h.Name)
	return err
}

// explain prints what the journal says about a host.
func explain(ctx context.Context, j *journal.Journal, h *inventory.Host) error {
	c := why.Case{Host: h}
	c.Install, _ = j.Current(h.Name)
	var err error
	if c.Events, err = j.Events(ctx, h.Name, 0); err != nil {
		return err
	}
	all, err := j.Events(ctx, "", 0)
	for _, e := range all {
		if e.Host == "" {
			c.Links = append(c.Links, e)
		}
	}
	for name, at := range map[string]time.Time{"NOW": j.Counted(), "WHY": j.Counted().Add(patience)} {
		b, _ := json.Marshal(why.Diagnose(c, at))
		fmt.Printf("%s %s\n", name, b)
	}
	return err
}

// wantWhy powers a host on and has the box do something. Then it wants one rule to be found,
// whose causes and remedy have these texts; and nothing as long as firmware may take its
// time. An empty rule stands for none of the rules of TestWhy.
func (d *serverProcess) wantWhy(host string, box func(), rule string, texts ...string) {
	d.t.Helper()
	d.say("power " + host)
	d.until(10*time.Second, "POWERED "+host)
	box()
	d.say("why " + host)
	if now := d.until(10*time.Second, "NOW "); now != "NOW null" {
		d.t.Errorf("found at once: %s", now)
	}
	var got provision.Stuck
	if err := json.Unmarshal([]byte(strings.TrimPrefix(d.until(10*time.Second, "WHY "), "WHY ")), &got); err != nil {
		d.t.Fatal(err)
	}
	if rule == "" && !slices.Contains(ofThisTest, got.Rule) {
		return
	}
	if got.Rule != rule {
		d.t.Errorf("%q is found: %s; want %q", got.Rule, got.Cause(), rule)
	}
	for _, text := range texts {
		if said := got.Cause() + got.Remedy.Text + got.Remedy.Command; !strings.Contains(said, text) {
			d.t.Errorf("%q is missing in: %s", text, said)
		}
	}
}

// ofThisTest are the rules of TestWhy.
var ofThisTest = []string{"not-on-the-wire", "another-card", "port-waits", "offers-lost", "no-address", "other-server"}

// firmware runs udhcpc with the options of UEFI firmware, until it has an address or gives
// up.
func firmware(t *testing.T, ns string, more ...string) {
	t.Helper()
	args := []string{
		need(t, "busybox", "busybox"), "udhcpc", "-i", "cli", "-f", "-q", "-n", "-s", "/bin/true", "-T", "1",
		"-V", "PXEClient:Arch:00007:UNDI:003001", "-x", "0x5d:0007", "-x", "0x61:0044454c4c00010203800405060708090a",
	}
	run(t, ns, append(args, more...)...).await(t, 30*time.Second)
}

// plugged makes a client's namespace whose card is on a port of the bridge, with settings of
// that port.
func plugged(t *testing.T, ns string, mac inventory.MAC, settings ...string) (client string) {
	t.Helper()
	client = namespace(t, "c")
	sh(t, "ip", "-n", ns, "link", "add", "plug", "type", "veth", "peer", "name", "cli", "netns", client)
	sh(t, "ip", "-n", client, "link", "set", "cli", "address", mac.String(), "up")
	sh(t, "ip", "-n", ns, "link", "set", "plug", "master", "br0")
	if len(settings) > 0 {
		sh(t, append([]string{"ip", "-n", ns, "link", "set", "plug", "type", "bridge_slave"}, settings...)...)
	}
	sh(t, "ip", "-n", ns, "link", "set", "plug", "up")
	return client
}

// TestWhy plays faults with real clients on a bridge, and wants the cause to be found in the
// journal.
func TestWhy(t *testing.T) {
	t.Parallel()
	serveIn := func(t *testing.T, mode inventory.DHCPMode) (ns string, d *serverProcess) {
		t.Parallel()
		ns = bridge(t)
		return ns, serveAs(t, ns, envWhy, setup{Interface: "br0", Mode: mode})
	}
	start := func(t *testing.T) (ns string, d *serverProcess) { return serveIn(t, inventory.DHCPAuthoritative) }
	t.Run("healthy", func(t *testing.T) {
		ns, d := start(t)
		client := plugged(t, ns, web1)
		d.wantWhy("web1", func() {
			firmware(t, client)
			d.until(10*time.Second, "ACK ")
		}, "")
	})
	t.Run("nothing on the wire", func(t *testing.T) {
		_, d := start(t)
		d.wantWhy("web1", func() {}, "not-on-the-wire", "cable", web1.String())
	})
	t.Run("another card", func(t *testing.T) {
		ns, d := start(t)
		client := plugged(t, ns, web1)
		firmware(t, client) // it boots its disk, and its UUID is known since
		other := inventory.MAC{2, 0, 0, 0, 0, 9}
		sh(t, "ip", "-n", client, "link", "set", "cli", "down")
		sh(t, "ip", "-n", client, "link", "set", "cli", "address", other.String(), "up")
		d.wantWhy("web1", func() {
			firmware(t, client)
			d.until(10*time.Second, "ANOTHER-CARD ")
		}, "another-card", "the same UUID", "rackhand set hosts.web1.mac "+other.String())
	})
	t.Run("the port waits", func(t *testing.T) {
		ns, d := start(t)
		sh(t, "ip", "-n", ns, "link", "set", "br0", "type", "bridge", "forward_delay", "200", "stp_state", "1")
		client := plugged(t, ns, web1)
		d.wantWhy("web1", func() {
			for _, secs := range []string{"0", "4", "12"} {
				askOnce(t, client, secs) // the port listens
			}
			forwards(t, ns)
			askOnce(t, client, "28")
			d.until(10*time.Second, "DISCOVER ")
		}, "port-waits", "28 s", "portfast")
	})
	t.Run("offers are lost", func(t *testing.T) {
		ns, d := start(t)
		// This bridge, as a switch with DHCP snooping, passes nothing to the port.
		client := plugged(t, ns, web1, "learning", "off", "flood", "off", "bcast_flood", "off", "mcast_flood", "off")
		d.wantWhy("web1", func() {
			firmware(t, client, "-t", "5")
			d.until(10*time.Second, "DISCOVER ", "takes none")
		}, "offers-lost", "10.77.0.130", "snooping")
	})
	t.Run("the server beside us is silent", func(t *testing.T) {
		ns, d := serveIn(t, inventory.DHCPProxy)
		client := plugged(t, ns, web1)
		d.wantWhy("web1", func() {
			for _, secs := range []string{"0", "4", "12", "28"} {
				askOnce(t, client, secs)
				time.Sleep(untakenAfter / fast)
			}
			d.until(10*time.Second, "DISCOVER ", "takes none")
		}, "no-address", "The DHCP server of network rack1")
	})
	t.Run("another server", func(t *testing.T) {
		ns, d := start(t)
		beside(t, ns)
		client := plugged(t, ns, web1)
		d.wantWhy("web1", func() {
			refuses(t, client, serverAddr)
			d.until(10*time.Second, "CHOSEN-OTHER ")
		}, "other-server", otherServer)
	})
}

// envAsk has the interface and the seconds of askMain.
const envAsk = "RACKHAND_DHCP_E2E_ASK"

// askMain sends one DISCOVER of firmware.
func askMain(args string) error {
	ifname, n, _ := strings.Cut(args, " ")
	seconds, err := strconv.ParseUint(n, 10, 16)
	if err != nil {
		return err
	}
	ifi, conn, err := rawSocket(ifname)
	if err != nil {
		return err
	}
	defer conn.Close()
	everyone, mac := inventory.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, inventory.MAC(ifi.HardwareAddr)
	p := discover(mac, pxe, secs(uint16(seconds)))
	f := frame(mac, everyone, netip.MustParseAddrPort("0.0.0.0:68"), netip.MustParseAddrPort("255.255.255.255:67"), p.ToBytes())
	_, err = conn.WriteTo(f, &packet.Addr{HardwareAddr: everyone.HardwareAddr()})
	return err
}

// askOnce sends a DISCOVER from a client's namespace, as firmware that has asked for so many
// seconds.
func askOnce(t *testing.T, ns, seconds string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sh(t, "ip", "netns", "exec", ns, "env", envAsk+"=cli "+seconds, self)
}

// forwards waits until the port of a client's card forwards.
func forwards(t *testing.T, ns string) {
	t.Helper()
	for range 1200 { // a minute, since the machine may be busy
		if strings.Contains(sh(t, "bridge", "-n", ns, "link", "show", "dev", "plug"), "state forwarding") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the port doesn't forward")
}

// refuses runs dhclient as firmware that doesn't take the offers of a server.
func refuses(t *testing.T, ns string, server netip.Addr) {
	t.Helper()
	dhclient := need(t, "dhclient", "isc-dhcp-client")
	dir := t.TempDir()
	conf := fmt.Sprintf("option arch code 93 = unsigned integer 16;\nsend vendor-class-identifier \"PXEClient:Arch:00007:UNDI:003001\";\nsend arch 7;\nreject %s;\ninitial-interval 1;\n", server)
	if err := os.WriteFile(dir+"/conf", []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, ns, dhclient, "-4", "-1", "-v", "-sf", "/bin/true", "-lf", dir+"/leases", "-pf", dir+"/pid", "-cf", dir+"/conf", "cli").await(t, 30*time.Second)
}
