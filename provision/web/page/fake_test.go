package page_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/poll"
	"rackhand/provision/reports"
)

// A fake is a Source in memory: a rack as an operator may have it.
type fake struct {
	mu       sync.Mutex
	hosts    []provision.HostStatus
	events   []provision.Event
	problems []string
	reports  map[string]reports.Kept
	facts    map[string]any // of each host
	bmcs     map[string]poll.Latest
	audit    *provision.Audit
	fail     error         // what every method returns, when set
	changed  chan struct{} // closed and replaced by emit
}

func newFake() *fake { return &fake{changed: make(chan struct{})} }

func (f *fake) Hosts(context.Context) ([]provision.HostStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.hosts), f.fail
}

func (f *fake) Facts(context.Context, string) (map[string]any, error) { return f.facts, f.fail }

// BMC makes it a page.BMCSource: web2's answers, and db2's has fallen silent.
func (f *fake) BMC(host string) (poll.Latest, bool) {
	l, ok := f.bmcs[host]
	return l, ok
}

// sampleBMC is the answer of a BMC at now, with a sensor that is critical.
func sampleBMC(now time.Time) poll.Latest {
	l := poll.Latest{
		State: provision.BMCState{Answered: now.Add(-20 * time.Second), Power: "on", Hottest: "CPU1 Temp: 71 C", Critical: []string{"FAN3: 0 RPM"}},
		Read:  now.Add(-3 * time.Minute), Info: now.Add(-time.Hour),
		Report: bmc.Report{
			Power: "on", Info: &bmc.Info{Maker: "Supermicro", Model: "SYS-1029P-WTR", Serial: "E16401210931822", BIOS: "3.4", BMC: "1.73.14"},
			Boot: &bmc.Override{Text: "no override"}, Log: &bmc.LogState{Entries: 212, Percent: 41},
			Network: &bmc.Network{Address: netip.MustParsePrefix("10.77.0.112/24"), Gateway: netip.MustParseAddr("10.77.0.1")},
			Entries: []bmc.LogEntry{
				{ID: "211", Text: "System firmware progress: starting operating system boot", Health: bmc.OK, At: now.Add(-51 * time.Minute)},
				{ID: "212", Sensor: "FAN3", Text: "Lower critical going low: reading 0 RPM, threshold 600 RPM", Health: bmc.Critical, At: now.Add(-9 * time.Minute)},
			},
		},
	}
	for i, name := range []string{"CPU1 Temp", "CPU2 Temp", "PCH Temp", "System Temp", "Peripheral Temp"} {
		l.Report.Sensors = append(l.Report.Sensors, bmc.Sensor{Name: name, Kind: "temperature", Value: float64(71 - 5*i), Unit: "C", Health: bmc.OK})
	}
	for i := range 4 {
		s := bmc.Sensor{Name: fmt.Sprintf("FAN%d", i+1), Kind: "fan", Value: 5200, Unit: "RPM", Health: bmc.OK}
		if i == 2 {
			s.Value, s.Health = 0, bmc.Critical
		}
		l.Report.Sensors = append(l.Report.Sensors, s)
	}
	return l
}

// silentBMC is the state of a BMC that doesn't answer any more.
func silentBMC(now time.Time) poll.Latest {
	l := poll.Latest{State: provision.BMCState{
		Answered: now.Add(-40 * time.Minute), Power: "on", SilentSince: now.Add(-39 * time.Minute), Why: bmc.WhySilence,
		Error: "power: ask for its state by BMC 10.77.0.116:623: the BMC doesn't answer: check its address and cable, and that IPMI over LAN is switched on in its settings",
	}}
	l.Report.Power, l.Report.Faults = "on", []string{"fault in the main power"}
	return l
}

func (f *fake) LastAudit(context.Context) (provision.Audit, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.audit == nil {
		return provision.Audit{}, false, f.fail
	}
	return *f.audit, true, f.fail
}

func (f *fake) Events(_ context.Context, host string, limit int) ([]provision.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if host == "" {
		return f.events[max(0, len(f.events)-limit):], f.fail
	}
	var found []provision.Event
	for _, e := range f.events {
		if e.Host == host {
			found = append(found, e)
		}
	}
	return found[max(0, len(found)-limit):], f.fail
}

func (f *fake) Subscribe(ctx context.Context, after uint64) (<-chan provision.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return nil, f.fail
	}
	ch := make(chan provision.Event)
	go func() {
		defer close(ch)
		for {
			f.mu.Lock()
			var next []provision.Event
			for _, e := range f.events {
				if e.Seq > after {
					next = append(next, e)
				}
			}
			changed := f.changed
			f.mu.Unlock()
			for _, e := range next {
				select {
				case ch <- e:
					after = e.Seq
				case <-ctx.Done():
					return
				}
			}
			if len(next) > 0 {
				continue
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ch, nil
}

func (f *fake) Problems() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.problems
}

// emit appends an event; one with a stage moves its host's install, as the
// journal would.
func (f *fake) emit(e provision.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.Seq = uint64(len(f.events) + 1)
	f.events = append(f.events, e)
	for i := range f.hosts {
		h := &f.hosts[i]
		if h.Host != e.Host {
			continue
		}
		h.Last, h.LastSeen = &e, e.Time
		if h.Install == nil || e.Stage == "" {
			continue
		}
		in := *h.Install // what was given out is not changed
		in.Reached = map[provision.Stage]time.Time{}
		for s, t := range h.Install.Reached {
			in.Reached[s] = t
		}
		in.Stage = e.Stage
		in.Progress = ""
		if e.Stage.Rank() >= 0 {
			in.Reached[e.Stage] = e.Time
		}
		if e.Stage == provision.Powered {
			in.PoweredOn = e.Time
		}
		if e.Stage.Ended() {
			in.Ended, in.Armed = e.Time, false
		}
		h.Install = &in
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fake) setProblems(p ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.problems = p
}

func (f *fake) setProgress(host, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.hosts {
		if f.hosts[i].Host == host {
			in := *f.hosts[i].Install
			in.Progress = text
			f.hosts[i].Install = &in
		}
	}
}

// add puts a host in the rack.
func (f *fake) add(n int, name, system, role string, in *provision.Install) {
	f.mu.Lock()
	defer f.mu.Unlock()
	hs := provision.HostStatus{
		Host: name, MACs: []string{fmt.Sprintf("52:54:00:00:00:%02x", n)}, Address: fmt.Sprintf("10.77.0.%d", 10+n),
		Group: role, Role: role, Roles: []string{role}, System: system, Rack: fmt.Sprintf("r1 unit %d", 10+n),
		BMC: fmt.Sprintf("10.77.0.%d", 110+n), Power: "on", Install: in,
	}
	if in != nil {
		in.ID, in.Host, in.System = fmt.Sprintf("%s-1", name), name, system
		in.Attempts = 1
		in.Budget = provision.Budget{Attempts: 3, Time: 15 * time.Minute}
		in.Stage, in.Armed = provision.Requested, true
		in.Reached = map[provision.Stage]time.Time{provision.Requested: in.Requested}
	}
	f.hosts = append(f.hosts, hs)
}

// A seen is what the journal of one stage tells, and how long after power-on.
type seen struct {
	stage   provision.Stage
	after   time.Duration
	source  string
	kind    string
	message string
	fields  map[string]string
}

// journey is a host's way as measured in a virtual rack.
func journey(address string) []seen {
	const ms = time.Millisecond
	return []seen{
		{provision.Powered, 0, "bmc", "power-cycle", "The BMC says it is on; boots from the network once, then from disk.", map[string]string{"boot": "pxe", "read-back": "pxe once"}},
		{provision.Addressed, 4100 * ms, "dhcp", "ack", "Leased " + address + " to its firmware (x64 UEFI).", map[string]string{"address": address, "arch": "7", "vendor": "PXEClient:Arch:00007:UNDI:003001"}},
		{provision.Bootfile, 4900 * ms, "tftp", "fetch", "Fetched the boot program.", map[string]string{"path": "snponly.efi", "bytes": "172032"}},
		{provision.Script, 7300 * ms, "http", "fetch", "iPXE fetched its script: attempt 1 of 3.", map[string]string{"path": "/boot/ipxe"}},
		{provision.Kernel, 9800 * ms, "http", "fetch", "Kernel and initrd fetched.", map[string]string{"bytes": "19873792", "image": "debian12"}},
		{provision.Installer, 14200 * ms, "installer", "started", "The installer has its answer file.", nil},
		{provision.Packages, 18600 * ms, "installer", "progress", "Writing the system to /dev/vda.", map[string]string{"disk": "vda", "size": "20 GiB"}},
		{provision.Installed, 41900 * ms, "installer", "done", "Installed; GRUB is on the disk, rebooting.", nil},
		{provision.Booted, 58300 * ms, "dhcp", "ack", "The installed system asked for its address.", map[string]string{"address": address}},
		{provision.Enrolled, 61000 * ms, "agent", "enrolled", "Certificate issued; the enrolment token is used up.", nil},
		{provision.Converging, 61800 * ms, "agent", "catalog", "Fetched its catalog: 7 resources.", map[string]string{"version": "9f31c2a7"}},
		{provision.Converged, 92400 * ms, "agent", "report", "7 resources hold, 6 were changed.", map[string]string{"changed": "6", "failed": "0"}},
		{provision.Serving, 93100 * ms, "check", "passed", "HTTP 200 from http://" + address + "/ with the expected body.", map[string]string{"status": "200"}},
	}
}

// travel emits a host's journey, begun at start, up to and with stage to.
func (f *fake) travel(host, address string, start time.Time, to provision.Stage) {
	f.emit(provision.Event{Time: start.Add(-9 * time.Second), Host: host, Source: "operator", Kind: "armed", Stage: provision.Requested, Message: "Armed by `rackhand install " + host + "`."})
	for _, s := range journey(address) {
		f.emit(provision.Event{Time: start.Add(s.after), Host: host, Install: host + "-1", Source: s.source, Kind: s.kind, Stage: s.stage, Message: s.message, Fields: s.fields})
		if s.stage == to {
			return
		}
	}
}

// rack is a realistic rack at now: some serve, some are under way, one failed,
// two boxes are unclaimed.
func rack(now time.Time) *fake {
	f := newFake()
	install := func(ago time.Duration) *provision.Install {
		return &provision.Install{Requested: now.Add(-ago - 9*time.Second)}
	}
	const min = time.Minute
	f.add(1, "web1", "debian12", "web", install(52*min))
	f.add(2, "web2", "debian12", "web", install(51*min))
	f.add(3, "web3", "debian12", "web", install(31*time.Second))
	f.add(4, "web10", "debian12", "web", install(12*time.Second))
	f.add(5, "db1", "rocky9", "postgres", install(70*time.Second))
	f.add(6, "db2", "rocky9", "postgres", install(18*min))
	f.add(7, "cache1", "debian12", "cache", install(time.Second))
	f.add(8, "lb1", "debian12", "haproxy", install(26*time.Hour))
	f.add(9, "build1", "rocky9", "builder", install(19*min))
	f.add(10, "spare1", "debian12", "web", nil)
	f.travel("lb1", "10.77.0.18", now.Add(-26*time.Hour), provision.Serving)
	f.travel("web1", "10.77.0.11", now.Add(-52*min), provision.Serving)
	f.travel("web2", "10.77.0.12", now.Add(-51*min), provision.Serving)
	f.travel("build1", "10.77.0.19", now.Add(-19*min), provision.Converging)
	f.travel("db2", "10.77.0.16", now.Add(-18*min), provision.Installer)
	f.emit(provision.Event{
		Time: now.Add(-18*min + 16*time.Second), Host: "db2", Install: "db2-1", Source: "installer", Kind: "stopped", Stage: provision.Failed, Level: provision.LevelError,
		Message: "sda carries data (GPT, ext4 \"pgdata\"): nothing was changed. Arm it with --wipe if the data may go.",
		Fields:  map[string]string{"disk": "sda", "size": "1.8 TiB", "found": "gpt ext4"},
	})
	f.travel("db1", "10.77.0.15", now.Add(-70*time.Second), provision.Converging)
	f.travel("web3", "10.77.0.13", now.Add(-31*time.Second), provision.Packages)
	f.travel("web10", "10.77.0.14", now.Add(-12*time.Second), provision.Kernel)
	f.emit(provision.Event{Time: now.Add(-10 * time.Second), Host: "cache1", Source: "operator", Kind: "armed", Stage: provision.Requested, Message: "Armed by `rackhand install cache1`; its BMC does not answer: press the button.", Level: provision.LevelWarn})
	f.setProgress("web3", "412 of 980 MB")
	for i := range f.hosts {
		switch f.hosts[i].Host {
		case "web1":
			f.hosts[i].AgentVersion = "v1.5.0"
		case "db2":
			in := *f.hosts[i].Install
			in.Reason = "sda carries data (GPT, ext4 \"pgdata\"): nothing was changed. Arm it with --wipe if the data may go."
			f.hosts[i].Install = &in
		case "cache1":
			f.hosts[i].Power = "unknown"
		case "spare1":
			f.hosts[i].Power = "off"
		}
	}
	f.report(now)
	f.bmcs = map[string]poll.Latest{"web2": sampleBMC(now), "db2": silentBMC(now)}
	for i := range f.hosts {
		if l, ok := f.bmcs[f.hosts[i].Host]; ok {
			f.hosts[i].BMCState = &l.State
		}
	}
	for i, maker := range []string{"Supermicro, SYS-1029P, serial E1640121", ""} {
		f.hosts = append(f.hosts, provision.HostStatus{
			Host: fmt.Sprintf("3c:ec:ef:10:20:%02x", 0x31+i), Unclaimed: true, MACs: []string{fmt.Sprintf("3c:ec:ef:10:20:%02x", 0x31+i)},
			Address: fmt.Sprintf("10.77.0.%d", 200+i), Maker: maker, SwitchPort: fmt.Sprintf("Gi1/0/%d on sw1", 31+i), LastSeen: now.Add(-time.Duration(4+i*90) * time.Second),
		})
		f.emit(provision.Event{
			Time: now.Add(-time.Duration(4+i*90) * time.Second), Host: fmt.Sprintf("3c:ec:ef:10:20:%02x", 0x31+i), Source: "dhcp", Kind: "ack",
			Message: "A box that isn't in the inventory got an address and nothing to boot.", Fields: map[string]string{"address": fmt.Sprintf("10.77.0.%d", 200+i)},
		})
	}
	return f
}
