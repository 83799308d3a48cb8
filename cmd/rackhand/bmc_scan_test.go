package main

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/journal/journaltest"
	"rackhand/provision/operate"
	"rackhand/provision/web"
)

// TestBMCScan asks an appliance for a search, over its socket.
func TestBMCScan(t *testing.T) {
	at := netip.MustParseAddr
	log := slog.New(slog.DiscardHandler)
	_, j := journaltest.Run(t, t.TempDir(), time.Now, nil, log)
	snap := &inventory.Snapshot{Hosts: map[string]*inventory.Host{
		"web1": {Name: "web1", BMC: &inventory.BMC{Address: netip.MustParseAddrPort("10.77.0.111:623")}},
		"web2": {Name: "web2", BMC: &inventory.BMC{Address: netip.MustParseAddrPort("10.77.0.111:623"), System: "Node2"}},
		"web3": {Name: "web3"},
	}}
	var asked provision.ScanRequest
	o := &operate.Operator{Journal: j, Snapshot: func() *inventory.Snapshot { return snap }, Now: time.Now}
	o.Scan = func(_ context.Context, r provision.ScanRequest, each func(provision.FoundBMC)) error {
		asked = r
		switch r.Network.Bits() {
		case 24:
			each(provision.FoundBMC{Address: at("10.77.0.112"), IPMI: "2.0", Anonymous: true, Vendor: "Supermicro"})
			each(provision.FoundBMC{Address: at("10.77.0.111"), Redfish: "1.6.0", IPMI: "2.0", Vendor: "HPE", Product: "DL360"})
			each(provision.FoundBMC{Address: at("10.77.0.113"), IPMI: "asf"})
		case 32:
			return errors.New("the link is gone")
		}
		return nil
	}
	socket := serveSocket(t, web.New(web.Options{Operator: o, Journal: j, Log: log}).API())
	for _, c := range []struct {
		args string
		exit int
		want string
	}{
		{"10.77.0.0/24", 0, `ADDRESS      PROTOCOLS                   VENDOR      HOST
10.77.0.111  Redfish 1.6.0, IPMI 2.0     HPE DL360   web1, web2
10.77.0.112  IPMI 2.0 (anonymous login)  Supermicro  not in the inventory
10.77.0.113  RMCP                        unknown     not in the inventory

To add one to its host:
  rackhand bmc add HOST 10.77.0.112
  rackhand bmc add HOST 10.77.0.113
`},
		{"10.77.0.64/26", 0, "no BMC answers in 10.77.0.64/26\n"},
		{"10.77.0.64/26 --json", 0, "[]\n"},
		{"10.77.0.1", 1, "rackhand: the link is gone\n"},
		{"10.0.0.0/19", 2, "rackhand: 10.0.0.0/19 has 8192 addresses, more than a /20: --large searches it\n"},
		{"10.0.0.0/8 --large", 2, "rackhand: 10.0.0.0/8 has 2^24 addresses: at most 2^16 are searched at once\n"},
		{"rack1", 2, "rackhand: rack1: a network such as 10.77.0.0/24 or an address is wanted\n"},
	} {
		var out strings.Builder
		exit := run(append(append([]string{"bmc", "scan"}, strings.Fields(c.args)...), "--socket", socket), &out, &out)
		if exit != c.exit || out.String() != c.want {
			t.Errorf("bmc scan %s: %d\n%s\nwant %d\n%s", c.args, exit, out.String(), c.exit, c.want)
		}
	}
	var out strings.Builder
	if exit := run([]string{"bmc", "scan", "10.0.0.0/19", "--large", "--rate", "200", "--socket", socket}, &out, &out); exit != 0 || asked.Rate != 200 || !asked.Large {
		t.Errorf("%d %s %+v", exit, out.String(), asked)
	}
	// One search at a time.
	began, end := make(chan struct{}), make(chan struct{})
	o.Scan = func(context.Context, provision.ScanRequest, func(provision.FoundBMC)) error {
		close(began)
		<-end
		return nil
	}
	first := make(chan int)
	go func() {
		var out strings.Builder
		first <- run([]string{"bmc", "scan", "10.77.0.0/24", "--socket", socket}, &out, &out)
	}()
	<-began
	out.Reset()
	if exit := run([]string{"bmc", "scan", "10.77.0.0/24", "--socket", socket}, &out, &out); exit != 1 || !strings.Contains(out.String(), "another search for BMCs is running") {
		t.Errorf("a second search: %d %s", exit, out.String())
	}
	close(end)
	if exit := <-first; exit != 0 {
		t.Errorf("the first search: %d", exit)
	}
	events, err := j.Events(t.Context(), "", 0)
	if err != nil || len(events) == 0 || events[0].Kind != "bmc-scan" || events[0].Fields["network"] != "10.77.0.0/24" {
		t.Errorf("events %+v, %v", events, err)
	}
}
