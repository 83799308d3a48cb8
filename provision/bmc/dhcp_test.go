package bmc

import "testing"

func TestFromDHCP(t *testing.T) {
	for _, c := range []struct{ class, name, want string }{
		{"iDRAC", "", "Dell iDRAC"},
		{"", "idrac-8GLQ2X2", "Dell iDRAC"},
		{"CPQRIB3", "ILO2M291502XY", "HPE iLO"},
		{"", "ILOCZ2D1X0G5K", "HPE iLO"},
		{"udhcp 1.23.1", "XCC-7X06-J300ABCD", "Lenovo XClarity Controller"},
		{"", "IMM2-40f2e9b1a0c3", "Lenovo IMM"},
		{"udhcp 1.12.1", "AMIE0D55E1A2B3C", "AMI MegaRAC"},
		{"", "DCMI0025901A2B3C", "DCMI"},
		{"NVIDIA/BF/BMC", "", "NVIDIA BlueField"},
		{"", "rack1-web3-ipmi", "by its name"},
		{"", "bmc", "by its name"},
		{"", "IPMI0CC47A123456", "by its name"},
		{"", "iRMC1A2B3C", "Fujitsu iRMC"},
		// These are none.
		{"udhcp 1.35.0", "web1", ""},
		{"PXEClient:Arch:00007:UNDI:003001", "", ""},
		{"d-i", "debian", ""},
		{"MSFT 5.0", "ILONA", ""},
		{"", "submcache", ""},
		{"", "amiga", ""},
		{"", "", ""},
	} {
		if got := FromDHCP(c.class, c.name); got != c.want {
			t.Errorf("%q %q: %q, want %q", c.class, c.name, got, c.want)
		}
	}
}
