package dhcp

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"testing"

	"rackhand/inventory"
	"rackhand/provision"
)

// BenchmarkExchange is DISCOVER and REQUEST of new boxes through a relay, with each
// lease on disk, by as many workers as Run has; without the wire.
func BenchmarkExchange(b *testing.B) {
	bench := newBench(b)
	bench.Server.Record = provision.RecorderFunc(func(provision.Event) error { return nil })
	n := bench.snap.Networks["rack1"]
	n.Subnet = netip.MustParsePrefix("10.64.0.0/10")
	n.Leases = inventory.Range{First: netip.MustParseAddr("10.80.0.0"), Last: netip.MustParseAddr("10.99.255.255")}
	var count atomic.Uint32
	b.ReportAllocs()
	b.SetParallelism(workers / 2)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mac := inventory.MAC{2, 0x99}
			binary.BigEndian.PutUint32(mac[2:], count.Add(1))
			r := bench.ask(discover(mac, relayed("10.77.0.254")))
			if bench.ask(request(mac, relayed("10.77.0.254"), server("10.77.0.1"), requested(r.YourIPAddr.String()))) == nil {
				b.Error("no acknowledgement")
			}
		}
	})
}
