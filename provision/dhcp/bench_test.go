package dhcp

import (
	"context"
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/store"
	"rackhand/provision/trace"
)

// BenchmarkExchange measures DISCOVER and REQUEST of new boxes through a relay, with each
// lease on disk and as many workers as Run has, but without a network.
func BenchmarkExchange(b *testing.B) {
	bench := newTestServer(b)
	bench.Server.Record = provision.RecorderFunc(func(provision.Event) error { return nil })
	bench.Server.Trace = traces(bench).Record
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
			if bench.ask(requestMessage(mac, relayed("10.77.0.254"), server("10.77.0.1"), requested(r.YourIPAddr.String()))) == nil {
				b.Error("no acknowledgement")
			}
		}
	})
}

// traces makes a recorder as the appliance has one.
func traces(b *testServer) *trace.Recorder {
	return trace.New(trace.Options{
		Clock: time.Now, Known: func(m inventory.MAC) bool { return b.snap.HostByMAC(m) != nil },
		Holder: func(netip.Addr) (inventory.MAC, bool) { return inventory.MAC{}, false },
	})
}

// A noDisk is a store that discards all writes.
type noDisk struct{ store.Store }

func (noDisk) Txn(context.Context, []store.Cond, ...store.Op) (uint64, error) { return 1, nil }

// BenchmarkKnown measures DISCOVER and REQUEST of boxes that have a lease, through a relay,
// without network and disk: the cost of the server alone.
func BenchmarkKnown(b *testing.B) {
	const boxes, together = 1000, 40
	bench := newTestServer(b)
	bench.Server.Store = noDisk{bench.Server.Store}
	bench.Server.Record = provision.RecorderFunc(func(provision.Event) error { return nil })
	bench.Server.Trace = traces(bench).Record
	n := bench.snap.Networks["rack1"]
	n.Subnet = netip.MustParsePrefix("10.64.0.0/10")
	n.Leases = inventory.Range{First: netip.MustParseAddr("10.80.0.0"), Last: netip.MustParseAddr("10.99.255.255")}
	ctx := b.Context()
	var discovers, requests []datagram
	list := raw(55, "\x01\x1c\x02\x03\x0f\x06\x77\x0c\x2c\x2f\x1a\x79\x2a") // the list of dhclient
	for i := range uint32(boxes) {
		mac := inventory.MAC{2, 0x99}
		binary.BigEndian.PutUint32(mac[2:], i)
		r := bench.ask(discover(mac, relayed("10.77.0.254"), list))
		discovers = append(discovers, datagram{payload: discover(mac, relayed("10.77.0.254"), list).ToBytes()})
		requests = append(requests, datagram{payload: requestMessage(mac, relayed("10.77.0.254"), list,
			server("10.77.0.1"), requested(r.YourIPAddr.String())).ToBytes()})
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if o := bench.tryAnswer(ctx, discovers[i%boxes]); o.reply == nil {
			b.Fatal("no offer")
		}
		if o := bench.tryAnswer(ctx, requests[i%boxes]); o.write == nil {
			b.Fatal("no lease")
		}
		if i++; i%together == 0 {
			bench.commit(ctx)
		}
	}
}
