package bmc_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
)

// TestRead: a part that a BMC can't give is noted, a BMC that falls silent ends the report, and
// nothing that a BMC says is kept without a bound.
func TestRead(t *testing.T) {
	flood := &bmctest.Fake{On: true, Fails: map[string]error{}, Has: bmc.Info{Maker: strings.Repeat("ü", 5000), Parts: make([]bmc.Part, 9000)}}
	for i := range 9000 {
		flood.Readings = append(flood.Readings, bmc.Sensor{Name: fmt.Sprint(strings.Repeat("n", 5000), i)})
		flood.Entries = append(flood.Entries, bmc.LogEntry{Text: strings.Repeat("t", 5000)})
	}
	read := func(parts ...bmc.ReportPart) (bmc.Report, error) {
		s, err := flood.Open(t.Context(), bmc.Target{}, &bmc.Memory{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(t.Context())
		return bmc.Read(t.Context(), s, 10, parts...)
	}
	r, err := read(bmc.PartPower, bmc.PartInfo, bmc.PartSensors, bmc.PartLog)
	if err != nil || r.Power != "on" || len(r.Sensors) != 512 || len(r.Entries) != 10 || len(r.Info.Parts) != 512 || len(r.Missing) != 0 {
		t.Errorf("%v: %d sensors, %d entries, missing %v", err, len(r.Sensors), len(r.Entries), r.Missing)
	}
	for _, text := range []string{r.Sensors[0].Name, r.Entries[0].Text, r.Info.Maker} {
		if len(text) > 210 || strings.ToValidUTF8(text, "") != text {
			t.Errorf("a text of %d bytes is kept: %q", len(text), text)
		}
	}
	flood.Fails["Info"] = fmt.Errorf("no FRU: %w", bmc.ErrUnsupported)
	flood.Fails["Sensors"] = &bmc.Error{Kind: bmc.ErrRefused, Err: errors.New("code C1h")}
	r, err = read(bmc.PartInfo, bmc.PartSensors, bmc.PartPower)
	if err != nil || r.Power != "on" || r.Missing[bmc.PartInfo] != "no FRU: "+bmc.ErrUnsupported.Error() || !strings.Contains(r.Missing[bmc.PartSensors], "C1h") {
		t.Errorf("%v: %+v", err, r)
	}
	flood.Fails["Sensors"] = &bmc.Error{Kind: bmc.ErrUnreachable}
	r, err = read(bmc.PartPower, bmc.PartSensors, bmc.PartBoot)
	if !errors.Is(err, bmc.ErrUnreachable) || r.Power != "on" || r.Boot != nil {
		t.Errorf("a BMC that fell silent: %v: %+v", err, r)
	}
}

// TestNetworkRequest: settings with which a BMC can't be reached are refused.
func TestNetworkRequest(t *testing.T) {
	old := bmc.Network{Address: netip.MustParsePrefix("10.77.0.111/24"), Gateway: netip.MustParseAddr("10.77.0.1")}
	yes, no, tagged, wrong := true, false, 5, 4095
	address, elsewhere, gateway := netip.MustParsePrefix("10.77.0.112/24"), netip.MustParsePrefix("10.78.0.1/24"), netip.MustParseAddr("10.78.0.254")
	for _, tt := range []struct {
		name string
		r    bmc.NetworkRequest
		of   bmc.Network
		want string // or a piece of the error
	}{
		{"nothing", bmc.NetworkRequest{}, old, "10.77.0.111/24, gateway 10.77.0.1"},
		{"an address ends DHCP", bmc.NetworkRequest{Address: &address}, bmc.Network{DHCP: true}, "10.77.0.112/24"},
		{"VLAN", bmc.NetworkRequest{VLAN: &tagged}, old, "10.77.0.111/24, gateway 10.77.0.1, VLAN 5"},
		{"DHCP", bmc.NetworkRequest{DHCP: &yes}, old, "10.77.0.111/24 by DHCP, gateway 10.77.0.1"},
		{"address and gateway", bmc.NetworkRequest{Address: &elsewhere, Gateway: &gateway}, old, "10.78.0.1/24, gateway 10.78.0.254"},
		{"gateway elsewhere", bmc.NetworkRequest{Gateway: &gateway}, old, "does not lie in 10.77.0.0/24"},
		{"address away from its gateway", bmc.NetworkRequest{Address: &elsewhere}, old, "does not lie in 10.78.0.0/24"},
		{"no such VLAN", bmc.NetworkRequest{VLAN: &wrong}, old, "VLAN 4095"},
		{"both", bmc.NetworkRequest{DHCP: &yes, Address: &address}, old, "exclude each other"},
		{"no address", bmc.NetworkRequest{DHCP: &no}, bmc.Network{DHCP: true}, "needs an address"},
	} {
		n, err := tt.r.On(tt.of)
		got := n.String()
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestUserRequest: an account is found by its slot or its name, and a new one needs a password.
func TestUserRequest(t *testing.T) {
	users := []bmc.Account{{ID: "1"}, {ID: "2", Name: "admin", Privilege: bmc.Administrator, Enabled: true}}
	no := false
	for _, tt := range []struct {
		name string
		r    bmc.UserRequest
		want string // or a piece of the error
	}{
		{"off", bmc.UserRequest{Name: "admin", Enabled: &no}, "{2 admin administrator false false}"},
		{"another name", bmc.UserRequest{ID: "2", Name: "root"}, "{2 root administrator true false}"},
		{"new", bmc.UserRequest{Name: "ops", Password: "x"}, "{ ops operator true false}"},
		{"new in a slot", bmc.UserRequest{ID: "5", Name: "ops", Privilege: bmc.User, Password: "x"}, "{5 ops user true false}"},
		{"new without a password", bmc.UserRequest{Name: "ops"}, "needs a password"},
		{"without a name", bmc.UserRequest{ID: "1"}, "needs a name"},
		{"no such privilege", bmc.UserRequest{Name: "admin", Privilege: "root"}, "is wanted"},
	} {
		a, err := tt.r.On(users)
		got := fmt.Sprint(a)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
