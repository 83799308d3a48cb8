package doctor

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"rackhand/inventory"
)

// TestJudge writes what each mode makes of each neighbour into a golden.
func TestJudge(t *testing.T) {
	at := func(last byte, kind Kind) Answerer {
		ip := netip.AddrFrom4([4]byte{10, 77, 0, last})
		a := Answerer{Kind: kind, Server: ip, Source: ip, MAC: fmt.Sprintf("52:54:00:00:00:%02x", last)}
		if kind != PXE {
			a.Offers = netip.MustParseAddr("10.77.0.50")
		}
		if kind != Server {
			a.BootFile = "pxelinux.0"
		}
		return a
	}
	ours := at(1, BootServer)
	ours.Ours = true
	neighbours := []struct {
		name    string
		answers []Answerer
	}{
		{"nobody", nil},
		{"ourselves", []Answerer{ours}},
		{"a DHCP server", []Answerer{at(2, Server)}},
		{"a DHCP server that boots", []Answerer{at(2, BootServer)}},
		{"a PXE answerer alone", []Answerer{at(3, PXE)}},
		{"a DHCP server and a PXE answerer", []Answerer{at(2, Server), at(3, PXE)}},
		{"many", []Answerer{at(2, Server), at(3, Server), at(4, Server), at(5, Server), at(6, Server), at(7, Server)}},
	}
	subnet := netip.MustParsePrefix("10.77.0.0/24")
	networks := []struct {
		name string
		n    *inventory.Network
	}{
		{"no network", nil},
		{"authoritative", &inventory.Network{Name: "rack1", Subnet: subnet}},
		{"allow_other_dhcp", &inventory.Network{Name: "rack1", Subnet: subnet, AllowOtherDHCP: true}},
		{"proxy", &inventory.Network{Name: "rack1", Subnet: subnet, DHCP: inventory.DHCPProxy}},
		{"off", &inventory.Network{Name: "rack1", Subnet: subnet, DHCP: inventory.DHCPOff}},
	}
	var out strings.Builder
	for _, nb := range neighbours {
		fits, why := Fits(nb.answers)
		fmt.Fprintf(&out, "# %s\n  fits: %s (%s)\n", nb.name, fits, why)
		for _, n := range networks {
			findings := Judge(n.n, nb.answers)
			fmt.Fprintf(&out, " %s: %s\n", n.name, Worst(findings))
			writeFindings(&out, findings, 0)
		}
	}
	golden(t, "testdata/judge.golden", out.String())
}

// TestRefusal: only findings that keep us from being authoritative are
// problems.
func TestRefusal(t *testing.T) {
	n := &inventory.Network{Name: "rack1", Subnet: netip.MustParsePrefix("10.77.0.0/24")}
	server := []Answerer{{Kind: Server, Server: server, Source: server}}
	pxe := []Answerer{{Kind: PXE, Server: netip.MustParseAddr("10.77.0.3")}}
	for name, tc := range map[string]struct {
		answers []Answerer
		allow   bool
		want    Level
	}{
		"a server": {server, false, Problem}, "allowed": {server, true, Warning}, "PXE": {pxe, false, Warning}, "nobody": {nil, false, OK},
	} {
		m := *n
		m.AllowOtherDHCP = tc.allow
		if got := Worst(Judge(&m, tc.answers)); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

// TestHintKeepsItsWord: `rackhand check` accepts the text that a hint proposes.
func TestHintKeepsItsWord(t *testing.T) {
	servers := []Answerer{{Kind: Server, Server: server, Source: server}}
	n := &inventory.Network{Name: "rack1", Subnet: netip.MustParsePrefix("10.77.0.0/24")}
	const first = "in place of its `leases`"
	if hint := Judge(n, servers)[0].Hint; strings.Contains(hint, first) {
		t.Errorf("a network without a range: %s", hint)
	}
	n.Leases = inventory.Range{First: netip.MustParseAddr("10.77.0.200"), Last: netip.MustParseAddr("10.77.0.240")}
	for _, kind := range []Kind{Server, BootServer} {
		servers[0].Kind = kind
		if hint := Judge(n, servers)[0].Hint; !strings.Contains(hint, first) {
			t.Errorf("%s: %s", kind, hint)
		}
	}
}

func TestWrite(t *testing.T) {
	r := Report{
		Link: "eth1", Address: netip.MustParseAddr("10.77.0.1"), Network: "rack1", Mode: inventory.DHCPAuthoritative,
		Answers: []Answerer{
			{Kind: Server, Server: server, Source: server, MAC: "52:54:00:00:00:02", Offers: netip.MustParseAddr("10.77.0.50")},
			{Kind: PXE, Server: netip.MustParseAddr("10.77.0.1"), Source: netip.MustParseAddr("10.77.0.1"), MAC: "52:54:00:00:00:01", Ours: true},
		},
		Fits: inventory.DHCPProxy, Why: "10.77.0.2 gives addresses",
		Findings: []Finding{{OK, "eth1 is up", "", false}, {Problem, "another DHCP server answers", "switch it off", false}},
	}
	var out strings.Builder
	if err := Write(&out, r); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/report.golden", out.String())
}
