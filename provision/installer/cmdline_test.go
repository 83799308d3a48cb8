package installer

import (
	"reflect"
	"testing"
	"time"

	"rackhand/provision/installer/hardware"
	"rackhand/provision/installer/plan"
	"rackhand/templates/kickstart/engine"
)

func TestParseCmdline(t *testing.T) {
	mac := parseBootIF("52:54:00:00:00:01")
	for _, c := range []struct {
		in   string
		want Cmdline
	}{
		{"", Cmdline{Hold: 30 * time.Second}},
		{
			"quiet inst.ks=http://a/i/T/ks rackhand.report=http://a/i/T/event BOOTIF=01-52-54-00-00-00-01 ip=dhcp console=ttyS0\n",
			Cmdline{Kickstart: "http://a/i/T/ks", Report: "http://a/i/T/event", BootMAC: mac, Hold: 30 * time.Second},
		},
		{"rackhand.bmc=http://a/i/T/bmc", Cmdline{BMC: "http://a/i/T/bmc", Hold: 30 * time.Second}},
		{"inst.ks=a inst.ks=b rackhand.wipe=1 rackhand.hold=5", Cmdline{Kickstart: "b", Overwrite: plan.Overwrite{Wipe: true}, Hold: 5 * time.Second}},
		{"rackhand.ours=naa.5000c500a1b2c3d4,vd-web1", Cmdline{Overwrite: plan.Overwrite{Overwritable: []string{"naa.5000c500a1b2c3d4", "vd-web1"}}, Hold: 30 * time.Second}},
		{
			"BOOTIF=01-52-54-00-00-00-01 ifname=bootnet:52:54:00:00:00:01 vlan=vlan10:bootnet ip=vlan10:dhcp",
			Cmdline{BootMAC: mac, VLAN: hardware.VLAN{ID: 10, Name: "vlan10", Card: "bootnet", MAC: mac}, Hold: 30 * time.Second},
		},
		{"vlan=eth0.0007:eth0", Cmdline{VLAN: hardware.VLAN{ID: 7, Name: "eth0.0007", Card: "eth0", MAC: nil}, Hold: 30 * time.Second}},
		{"vlan=vlan4095:eth0", Cmdline{Hold: 30 * time.Second}},
		{"vlan=net10:eth0", Cmdline{Hold: 30 * time.Second}},
		{"vlan=vlan10", Cmdline{Hold: 30 * time.Second}},
		{"rackhand.wipe=yes rackhand.hold=-1 BOOTIF=x", Cmdline{Hold: 30 * time.Second}},
		{"rackhand.hold=99999999999 BOOTIF=52:54:00:00:00:01", Cmdline{BootMAC: mac, Hold: 30 * time.Second}},
		{`foo="a inst.ks=no" inst.ks="x y"`, Cmdline{Kickstart: "x y", Hold: 30 * time.Second}},
	} {
		if got := ParseCmdline(c.in); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q:\n got %+v\nwant %+v", c.in, got, c.want)
		}
	}
}

func FuzzParseCmdline(f *testing.F) {
	f.Add("inst.ks=http://a/ BOOTIF=01-52-54-00-00-00-01 rackhand.hold=1")
	f.Add("\"a b\"=c \" x")
	f.Fuzz(func(t *testing.T, s string) {
		c := ParseCmdline(s)
		if c.Hold < 0 || c.Hold > 24*time.Hour || (c.BootMAC != nil && len(c.BootMAC) != 6) || c.VLAN.ID < 0 || c.VLAN.ID > 4094 || len(c.VLAN.Name) > 15 {
			t.Errorf("%q: %+v", s, c)
		}
	})
}

func TestCmdlineUnsupported(t *testing.T) {
	c := ParseCmdline("rackhand.unsupported=skip rackhand.image=http://a/b rackhand.sha256=ABC")
	if c.Unsupported != engine.Skip || c.Image.URL != "http://a/b" || c.Image.SHA256 != "abc" {
		t.Errorf("got %+v", c.ReadOptions)
	}
	if c := ParseCmdline("rackhand.unsupported=x"); c.Unsupported == engine.Skip {
		t.Error("any word is taken for skip")
	}
}
