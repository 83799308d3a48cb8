//go:build bench

package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
)

// Parameters of the DHCP measurement.
const (
	dhcpSeconds  = 4    // length of a probe
	dhcpWait     = 1.25 // seconds that a probe waits for the last answers
	dhcpDropTime = 1    // seconds after which an answer counts as lost
	maxDrops     = 0.01
	// The link, the pool that each server has, and how many addresses that is.
	link                = "10.64.0.0/10"
	poolFirst, poolLast = "10.64.16.0", "10.127.255.250"
	poolSize            = 4190203
)

// A population is a set of clients: perfdhcp chooses one of these MACs at random for each
// exchange.
type population struct {
	name string
	macs int
	// known clients have a lease before they are counted.
	known bool
}

func populations() []population {
	return []population{
		{name: "known clients", macs: 5000, known: true},
		{name: "new clients", macs: 1 << 24},
	}
}

// A dhcpServer is a server to measure; start runs it with an empty lease file in dir.
type dhcpServer struct {
	name   string
	leases string // how a lease is stored before its ACK is sent
	start  func(r *testNetwork, dir string) *serverProcess
}

func dhcpServers(t *testing.T) []dhcpServer {
	t.Helper()
	kea := func(threads bool) func(*testNetwork, string) *serverProcess {
		bin, env := peer(t, "kea-dhcp4-server", "usr/sbin/kea-dhcp4")
		return func(r *testNetwork, dir string) *serverProcess {
			conf := save(t, fmt.Sprintf(keaConf, filepath.Join(dir, "leases.csv"), threads, poolFirst, poolLast, serverAddr, serverAddr), dir, "kea.conf")
			env := append(slices.Clone(env), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR=none")
			return r.start("Kea", dir, env, bin, "-c", conf)
		}
	}
	rackhandBin, dnsmasq := program(t), tool(t, "dnsmasq", "dnsmasq-base")
	all := []dhcpServer{
		{name: rackhand, leases: "synced (bbolt)", start: func(r *testNetwork, dir string) *serverProcess {
			return startRackhand(r, rackhandBin, dir, fmt.Sprintf(inventory, serverAddr, serverAddr, poolFirst, poolLast))
		}},
		{name: keaOne, leases: "written, not synced (memfile)", start: kea(false)},
		{name: "dnsmasq", leases: "synced, the whole file anew", start: func(r *testNetwork, dir string) *serverProcess {
			return r.start("dnsmasq", dir, nil, dnsmasq,
				"--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--log-facility=-", "--user=root",
				"--port=0", "--interface=srv", "--bind-interfaces", "--dhcp-authoritative", "--no-ping", "--quiet-dhcp",
				"--dhcp-range="+poolFirst+","+poolLast+",255.192.0.0,1h", "--dhcp-lease-max=1000000",
				"--dhcp-leasefile="+filepath.Join(dir, "leases"))
		}},
	}
	// On two cores, one of them perfdhcp's, Kea's threads are only in each other's
	// way.
	if runtime.NumCPU() > 2 {
		all = append(all, dhcpServer{name: keaThreads, leases: "written, not synced (memfile)", start: kea(true)})
	}
	return all
}

// Names that the table looks for.
const (
	rackhand   = "rackhand"
	keaOne     = "Kea"
	keaThreads = "Kea, multi-threading"
)

// keaConf is the configuration of Kea's Debian package, with this link and pool, and less
// logging: otherwise it logs a line for each lease. Its manual recommends UDP sockets
// instead of raw ones when all clients are behind relays, as perfdhcp's are.
const keaConf = `{"Dhcp4": {
  "interfaces-config": {"interfaces": ["srv"], "dhcp-socket-type": "udp"},
  "lease-database": {"type": "memfile", "persist": true, "name": %q, "lfc-interval": 3600},
  "multi-threading": {"enable-multi-threading": %t},
  "valid-lifetime": 3600,
  "subnet4": [{"subnet": "10.64.0.0/10", "pools": [{"pool": "%s - %s"}], "option-data": [
    {"name": "routers", "data": %q}, {"name": "domain-name-servers", "data": %q}]}],
  "loggers": [{"name": "kea-dhcp4", "severity": "WARN", "output_options": [{"output": "stderr"}]}]
}}
`

const inventory = `networks:
  rack1:
    subnet: 10.64.0.0/10
    gateway: %s
    dns: [%s]
    leases: %s-%s
`

// startRackhand runs the real program with its own state folder.
func startRackhand(r *testNetwork, bin, dir, inventory string) *serverProcess {
	r.t.Helper()
	save(r.t, inventory, dir, "inventory", "rack.yaml")
	if err := os.MkdirAll(filepath.Join(dir, "secrets"), 0o700); err != nil {
		r.t.Fatal(err)
	}
	config := save(r.t, "state: state\ninventory: inventory\nsecrets: secrets\nsocket: rackhand.sock\ninterfaces: [srv]\npage: {listen: \"\"}\n", dir, "rackhand.yaml")
	return r.start(rackhand, dir, nil, bin, "serve", "--config", config)
}

// load is one run of perfdhcp, which plays a relay with many clients behind it.
func (r *testNetwork) load(perfdhcp string, macs, rate int, seconds float64) (Load, error) {
	out, err := r.onClientBuffered(perfdhcpBuffer, perfdhcp, "-4", "-g", "single", "-l", clientAddr,
		"-r", strconv.Itoa(rate), "-R", strconv.Itoa(macs),
		"-p", strconv.Itoa(int(seconds)), "-W", strconv.Itoa(dhcpWait*1e6), "-d", strconv.Itoa(dhcpDropTime), serverAddr)
	sent, completed, parsed := parsePerfdhcp(out)
	// It ends with 3 when it lost packets, which is what is being measured.
	if parsed != nil {
		return Load{}, errors.Join(err, parsed)
	}
	return Load{Rate: rate, Seconds: seconds, Sent: sent, Completed: completed}, nil
}

func TestDHCP(t *testing.T) {
	dir := diskFolder(t)
	r := newTestNetwork(t)
	perfdhcp := tool(t, "perfdhcp", "kea-admin")
	all := dhcpServers(t)
	busy := otherWork(t)
	found := make(results)
	for round := range *rounds {
		for i, who := range populations() {
			for j, c := range all {
				before := found.rate(who, c.name)
				best := r.measure(c, who, filepath.Join(dir, fmt.Sprintf("%d-%d-%d", round, i, j)), perfdhcp, before)
				found[who.name+c.name] = append(found[who.name+c.name], best)
			}
		}
	}
	publish(t, "dhcp", warning(busy)+dhcpTable(all, found).Markdown())
}

// results are the best probe of each round, by population and server.
type results map[string][]Load

// rate is the median rate; 0 when there is no measurement.
func (r results) rate(who population, name string) float64 {
	return Median(each(r[who.name+name], Load.Achieved))
}

func each(loads []Load, value func(Load) float64) []float64 {
	var values []float64
	for _, l := range loads {
		values = append(values, value(l))
	}
	return values
}

// measure runs one server and finds its rate. before is the result of an earlier round, 0
// in the first one.
func (r *testNetwork) measure(c dhcpServer, who population, dir, perfdhcp string, before float64) Load {
	r.t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		r.t.Fatal(err)
	}
	d := c.start(r, dir)
	defer d.stop()
	probe := func(rate int) (Load, error) {
		used := d.cpu()
		l, err := r.load(perfdhcp, who.macs, rate, dhcpSeconds)
		if err == nil {
			l.CPU = d.cpu() - used
			progress("dhcp: %s, %s: %d a second: %.2f %% lost", c.name, who.name, rate, 100*l.Drops())
		}
		return l, err
	}
	d.await(func() error {
		l, err := r.load(perfdhcp, who.macs, 10, 1)
		if err == nil && l.Completed == 0 {
			err = errors.New("no exchange was completed")
		}
		return err
	})
	if who.known {
		// Three exchanges for each of them, so that nearly all have been chosen once.
		if _, err := r.load(perfdhcp, who.macs, 1000, float64(3*who.macs)/1000); err != nil {
			r.t.Fatalf("%s: %v", c.name, err)
		}
	}
	s, start := Search{MaxDrops: maxDrops, Resolution: 0.05, Growth: 2}, 1000
	if before > 0 {
		s.Growth, start = 1.25, int(0.9*before)
	}
	best, err := s.Highest(start, probe)
	if err != nil {
		r.t.Fatalf("%s: %v; it said: %s", c.name, err, d.said())
	}
	progress("dhcp: %s, %s: %.0f a second", c.name, who.name, best.Achieved())
	return best
}

func dhcpTable(all []dhcpServer, found results) Table {
	table := Table{Head: []string{"server"}}
	for _, who := range populations() {
		table.Head = append(table.Head, who.name+", DORA/s", "to Kea", "CPU each")
	}
	table.Head = append(table.Head, "a lease before its ACK")
	for _, c := range all {
		row := []string{c.name}
		for _, who := range populations() {
			loads := found[who.name+c.name]
			rates := each(loads, Load.Achieved)
			kea := max(found.rate(who, keaOne), found.rate(who, keaThreads))
			cpu := Median(each(loads, func(l Load) float64 { return float64(l.CPUEach()) / 1e3 }))
			row = append(row, fmt.Sprintf("%.0f (%.0f–%.0f)", Median(rates), slices.Min(rates), slices.Max(rates)),
				fmt.Sprintf("%.2f ×", Median(rates)/kea), fmt.Sprintf("%.0f µs", cpu))
		}
		table.Rows = append(table.Rows, append(row, c.leases))
	}
	table.Legend = []string{
		fmt.Sprintf("The highest rate of whole exchanges (DISCOVER, OFFER, REQUEST, ACK) at which perfdhcp loses no more than %.0f %%. It is doubled until perfdhcp loses more, then bisected to 5 %%. A rate that fails narrowly is tried twice. Each probe is %d s and %g s for the last answers. Rounds in turns: %d; the table has the median, and the lowest and the highest in brackets. Each round starts each server with an empty lease file on the disk above. The ratio is to Kea. On more than two cores its multi-threading is measured too, and the better result counts. CPU each is the server's processor time for one exchange at that rate.",
			100*maxDrops, dhcpSeconds, dhcpWait, *rounds),
		fmt.Sprintf("perfdhcp plays a relay. Known clients: %d boxes that renew or return, after all of them had their first address. New clients: each exchange is a box that was never seen before, as when a new rack is plugged in. No box is in the inventory. All servers have the same pool of %d addresses and leases of one hour. An answer that takes longer than %d s is lost. rackhand delays the first offer of an address for the 200 ms of its conflict probe; Kea has no such probe, and dnsmasq's is off (`--no-ping`). Kea logs only warnings, dnsmasq nothing about leases, rackhand the same as always. Server and perfdhcp (single-threaded, which is the faster way on few cores) share the machine's cores. perfdhcp's receive buffer is set to %d MiB. With the default, perfdhcp itself loses answers of every server that sends several at once.",
			populations()[0].macs, poolSize, dhcpDropTime, perfdhcpBuffer>>20),
		"Durability differs. rackhand has the lease on disk and synced before the ACK. Kea appends it to its file and doesn't sync. dnsmasq rewrites its whole file and syncs it.",
	}
	return table
}
