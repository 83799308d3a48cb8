package facts

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Disk is a whole block device of /sys/block, not a partition.
type Disk struct {
	Name       string `json:"name"` // sda, nvme0n1
	Bytes      int64  `json:"bytes"`
	Model      string `json:"model,omitempty"`
	Serial     string `json:"serial,omitempty"`
	WWN        string `json:"wwn,omitempty"`
	Rotational bool   `json:"rotational"`
	Removable  bool   `json:"removable,omitempty"`
}

func readDisks(h host) (func(*Facts), error) {
	names, err := list(h.path("/sys/block"))
	if err != nil {
		return nil, err
	}
	var disks []Disk
	for _, name := range names {
		at := "/sys/block/" + name
		// Loop devices, RAM disks, device mapper and RAID have no device behind them.
		if _, err := os.Stat(h.path(at + "/device")); err != nil {
			continue
		}
		sectors, _ := strconv.ParseInt(h.line(at+"/size"), 10, 50) // of 512 bytes, always
		disks = append(disks, Disk{
			Name: bounded(name), Bytes: sectors << 9, Model: h.line(at + "/device/model"), Serial: cmp.Or(h.line(at+"/device/serial"), h.line(at+"/serial")),
			WWN: cmp.Or(h.line(at+"/wwid"), h.line(at+"/device/wwid")), Rotational: h.line(at+"/queue/rotational") == "1", Removable: h.line(at+"/removable") == "1",
		})
	}
	return func(f *Facts) { f.Disks = disks }, nil
}

// A Card is a network interface.
type Card struct {
	Name      string   `json:"name"` // eth0
	MAC       string   `json:"mac,omitempty"`
	Driver    string   `json:"driver,omitempty"` // "" for those without a device
	Kind      string   `json:"kind,omitempty"`   // bond, bridge, vlan, wlan, ...; "" for a plain card
	Up        *bool    `json:"up,omitempty"`     // it has a carrier; not sent
	Mbit      int      `json:"mbit,omitempty"`   // its speed
	MTU       int      `json:"mtu"`
	Addresses []string `json:"addresses,omitempty"` // with their lengths: 10.77.0.11/24
}

// readCards asks the kernel for the machine's interfaces; below another root it tells those
// of the machine all the same.
func readCards(h host) (func(*Facts), error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var cards []Card
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			continue
		}
		at := "/sys/class/net/" + i.Name
		c := Card{Name: i.Name, MAC: i.HardwareAddr.String(), MTU: i.MTU, Kind: h.devtype(at)}
		up := h.line(at+"/carrier") == "1"
		c.Up = &up
		if driver, err := os.Readlink(h.path(at + "/device/driver")); err == nil {
			c.Driver = bounded(filepath.Base(driver))
		}
		if speed, err := strconv.Atoi(h.line(at + "/speed")); err == nil && speed > 0 {
			c.Mbit = speed
		}
		addrs, err := i.Addrs()
		if err != nil {
			return nil, fmt.Errorf("the addresses of %s: %w", i.Name, err)
		}
		for _, a := range addrs[:min(len(addrs), maxList)] {
			c.Addresses = append(c.Addresses, a.String())
		}
		cards = append(cards, c)
	}
	slices.SortFunc(cards, func(a, b Card) int { return strings.Compare(a.Name, b.Name) })
	return func(f *Facts) { f.Cards = cards }, nil
}

// devtype is what the kernel calls a card's kind, DEVTYPE= in its uevent; "" for none.
func (h host) devtype(at string) string {
	text, err := h.read(at + "/uevent")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(text) {
		if kind, ok := strings.CutPrefix(line, "DEVTYPE="); ok {
			return bounded(kind)
		}
	}
	return ""
}

// list is the sorted names in a folder; nil if the folder doesn't exist.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}
