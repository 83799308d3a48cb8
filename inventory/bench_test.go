package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// writeBig writes an inventory of many hosts as an operator with racks would:
// networks, systems and groups in files of their own, a file for each rack of 40,
// hosts with a BMC, a place, variables.
func writeBig(tb testing.TB, dir string, hosts int) {
	tb.Helper()
	writeRacks(tb, dir, hosts, max(1, hosts/perRack/100)) // an inventory has 500 files at most
}

// perRack is how many hosts a rack has.
const perRack = 40

// writeRacks is writeBig with so many racks a file.
func writeRacks(tb testing.TB, dir string, hosts, perFile int) {
	tb.Helper()
	racks := (hosts + perRack - 1) / perRack
	var b strings.Builder
	b.WriteString("networks:\n")
	for i := range (hosts + 199) / 200 {
		fmt.Fprintf(&b, "  net%d:\n    subnet: 10.%d.%d.0/24\n    gateway: 10.%d.%d.1\n    dns: [10.0.0.53]\n    leases: 10.%d.%d.240-10.%d.%d.250\n",
			i, 1+i/250, i%250, 1+i/250, i%250, 1+i/250, i%250, 1+i/250, i%250)
	}
	writeFileTB(tb, filepath.Join(dir, "networks.yaml"), b.String())
	b.Reset()
	b.WriteString("defaults:\n  kickstart: base.ks\n  bmc: {user: admin, password: {secret: bmc/all}}\n  variables: {lang: C.UTF-8, zone: a}\n")
	b.WriteString("systems:\n  debian12: {installer: image, image: debian12}\n  debian13: {installer: image, image: debian13, variables: {zone: b}}\ngroups:\n")
	for i := range 20 {
		fmt.Fprintf(&b, "  group%d:\n    system: debian12\n    role: web\n    install: first-boot\n    variables: {motd: group %d, mode: 0644}\n", i, i)
	}
	writeFileTB(tb, filepath.Join(dir, "groups.yaml"), b.String())
	for first := 0; first < racks; first += perFile {
		b.Reset()
		b.WriteString("# Racks, as they stand in the hall.\nhosts:\n")
		for rack := first; rack < min(first+perFile, racks); rack++ {
			for i := rack * perRack; i < min((rack+1)*perRack, hosts); i++ {
				n := i / 200
				fmt.Fprintf(&b, "  web%d:\n    mac: 52:54:00:%02x:%02x:%02x\n    address: 10.%d.%d.%d\n    group: group%d\n    bmc: {address: 172.16.%d.%d}\n    rack: {name: r%d, unit: %d}\n    variables: {serial: S%06d, motd: host %d}\n",
					i, i>>16, i>>8&255, i&255, 1+n/250, n%250, 10+i%200, rack%20, i/200, 10+i%200, rack, 1+i%perRack, i, i)
			}
		}
		writeFileTB(tb, filepath.Join(dir, fmt.Sprintf("rack%03d.yaml", first)), b.String())
	}
}

func writeFileTB(tb testing.TB, path, data string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkLoad is a whole load: files, validation, layers, index, origins.
func BenchmarkLoad(b *testing.B) {
	for _, hosts := range []int{500, 10000} {
		b.Run(fmt.Sprintf("%d hosts", hosts), func(b *testing.B) {
			dir := b.TempDir()
			writeBig(b, dir, hosts)
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				s, problems := Load(dir, testOptions())
				if len(problems) > 0 || len(s.Hosts) != hosts {
					b.Fatal(problems)
				}
			}
			b.ReportMetric(float64((processorTime(b)-before).Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
}

// BenchmarkLoadOneFile is a load of hosts that all stand in one file, where nothing
// can be parsed side by side.
func BenchmarkLoadOneFile(b *testing.B) {
	const hosts = 10000
	dir := b.TempDir()
	writeRacks(b, dir, hosts, hosts)
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		s, problems := Load(dir, testOptions())
		if len(problems) > 0 || len(s.Hosts) != hosts {
			b.Fatal(problems)
		}
	}
	b.ReportMetric(float64((processorTime(b)-before).Milliseconds())/float64(b.N), "cpu-ms/op")
}

// processorTime is the processor time of this process. On a busy machine it means more than
// elapsed time.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkHostByMAC is the lookup that every packet needs.
func BenchmarkHostByMAC(b *testing.B) {
	for _, hosts := range []int{100, 10000} {
		b.Run(fmt.Sprintf("%d hosts", hosts), func(b *testing.B) {
			dir := b.TempDir()
			writeBig(b, dir, hosts)
			s, problems := Load(dir, testOptions())
			if len(problems) > 0 {
				b.Fatal(problems)
			}
			i := 0
			for b.Loop() {
				i = (i + 7) % hosts
				if s.HostByMAC(MAC{0x52, 0x54, 0, byte(i >> 16), byte(i >> 8), byte(i)}) == nil {
					b.Fatal("no host")
				}
			}
		})
	}
}
