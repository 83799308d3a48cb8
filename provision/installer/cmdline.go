package installer

import (
	"net"
	"strconv"
	"strings"
	"time"

	"rackhand/provision/installer/hardware"
	"rackhand/provision/installer/kernel"
	"rackhand/provision/installer/plan"
	"rackhand/templates/kickstart/engine"
)

// A Cmdline holds the installer's arguments on the kernel's command line.
type Cmdline struct {
	Kickstart        string           // inst.ks=URL; the last one wins, as with Anaconda
	Report           string           // rackhand.report=URL; "" for none
	BMC              string           // rackhand.bmc=URL: the settings of the box's BMC; "" leaves it alone
	BootMAC          net.HardwareAddr // BOOTIF=01-aa-bb-cc-dd-ee-ff (pxelinux's form) or a plain MAC; nil for none
	VLAN             hardware.VLAN    // vlan=NAME:CARD, ifname=CARD:MAC; as dracut.cmdline(7) has it
	plan.Overwrite                    // how to treat disks that carry data
	Job              string           // rackhand.job=rescue|wipe|burnin: no install; "" for an install
	Order            string           // rackhand.order=URL: the order of the job
	Hold             time.Duration    // rackhand.hold=SECONDS: how long a failure stays on the screen; 30 s
	plan.ReadOptions                  // how the Kickstart is read
}

// ParseCmdline reads /proc/cmdline. It ignores words that it doesn't know or can't use, because
// the line has arguments for other programs as well.
func ParseCmdline(s string) Cmdline {
	c := Cmdline{Hold: 30 * time.Second}
	named := map[string]net.HardwareAddr{} // by ifname=
	for _, word := range kernel.CmdlineWords(s) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "inst.ks":
			c.Kickstart = value
		case "rackhand.report":
			c.Report = value
		case "rackhand.bmc":
			c.BMC = value
		case "BOOTIF":
			c.BootMAC = parseBootIF(value)
		case "ifname":
			if name, mac, ok := strings.Cut(value, ":"); ok {
				named[name] = parseBootIF(mac)
			}
		case "vlan":
			c.VLAN = parseVLAN(value)
		case "rackhand.wipe":
			c.Wipe = value == "1"
		case "rackhand.ours":
			c.Overwritable = strings.Split(value, ",")
		case "rackhand.unsupported":
			if value == string(engine.Skip) {
				c.Unsupported = engine.Skip
			}
		case "rackhand.image":
			c.Image.URL = value
		case "rackhand.sha256":
			c.Image.SHA256 = strings.ToLower(value)
		case "rackhand.job":
			c.Job = value
		case "rackhand.order":
			c.Order = value
		case "rackhand.hold":
			if n, err := strconv.Atoi(value); err == nil && n >= 0 && n <= 24*3600 {
				c.Hold = time.Duration(n) * time.Second
			}
		}
	}
	c.VLAN.MAC = named[c.VLAN.Card]
	return c
}

// parseVLAN reads vlan=NAME:CARD. The number is the end of the name: vlan10,
// vlan0010, eth0.10 or eth0.0010. Other values give no VLAN.
func parseVLAN(s string) hardware.VLAN {
	name, card, ok := strings.Cut(s, ":")
	number, isVLAN := strings.CutPrefix(name, "vlan")
	if !isVLAN {
		_, number, isVLAN = strings.Cut(name, ".")
	}
	id, err := strconv.Atoi(number)
	if !ok || !isVLAN || err != nil || id < 1 || id > 4094 || card == "" || len(name) > 15 || strings.ContainsAny(name, "/ ") {
		return hardware.VLAN{}
	}
	return hardware.VLAN{ID: id, Name: name, Card: card}
}

// parseBootIF reads BOOTIF's MAC, which pxelinux and iPXE write with the
// hardware type 01 before it; nil for any other.
func parseBootIF(s string) net.HardwareAddr {
	s = strings.ReplaceAll(s, "-", ":")
	if len(s) == 20 && strings.HasPrefix(s, "01:") {
		s = s[3:]
	}
	mac, err := net.ParseMAC(s)
	if err != nil || len(mac) != 6 {
		return nil
	}
	return mac
}
