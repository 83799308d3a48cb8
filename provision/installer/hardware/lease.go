package hardware

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/vishvananda/netlink"

	"rackhand/provision/installer/kernel"
	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/report"
)

// A Lease is the result of the installer's DHCP request.
type Lease struct {
	NIC     string // the device that has the address
	Card    string // the card below it; the same without a VLAN
	Address net.IPNet
	Routes  []dhcpv4.Route
	DNS     []string
}

// BringUp gets an address for the boot card, the one with the MAC boot, or without a MAC for
// the first card that gets a lease. With a VLAN it asks there. rescan loads modules for
// devices that have appeared; warn is called for attempts that fail. It gives up after three
// minutes.
func BringUp(ctx context.Context, boot net.HardwareAddr, vlan VLAN, rescan func(), warn func(string, ...any)) (*Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute) // STP and LACP take 30 s and more
	defer cancel()
	if boot == nil {
		boot = vlan.MAC
	}
	var last error
	for n := 0; ; n++ {
		rescan()
		nics := FindNICs("/sys")
		found := false
		for _, nic := range nics {
			if boot != nil && nic.MAC != boot.String() {
				continue
			}
			found = true
			l, err := askLease(ctx, nic.Name, vlan)
			if err == nil {
				l.Card = nic.Name
				err = l.apply()
			}
			if err == nil {
				return l, nil
			}
			if last == nil || last.Error() != err.Error() {
				warn("network card %s %s: %v", nic.Name, nic.MAC, err)
			}
			last = err
		}
		if !found && n == 40 {
			warn("still looking for the network card %s; there are: %s", boot, netconf.NICNames(nics))
		}
		wait := 250 * time.Millisecond
		if found {
			wait = time.Second
		}
		if err := (report.RealClock{}).Sleep(ctx, wait); err != nil {
			switch {
			case last != nil:
				return nil, fmt.Errorf("no address from DHCP: %w", last)
			case boot != nil:
				return nil, fmt.Errorf("no network card has the address %s of BOOTIF; there are: %s (has the installer its driver?)", boot, netconf.NICNames(nics))
			}
			return nil, errors.New("no network card was found: has the installer its driver?")
		}
	}
}

// askLease brings a card up and asks DHCP for an address. Like firmware it sends no client
// identifier (option 61), so that a server that uses it assigns the same address.
func askLease(ctx context.Context, name string, vlan VLAN) (*Lease, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return nil, err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return nil, fmt.Errorf("bring it up: %w", err)
	}
	if !waitCarrier(ctx, name, 5*time.Second) {
		return nil, errors.New("no cable, or the switch's port is down")
	}
	if vlan.ID > 0 {
		if name, err = onVLAN(link, vlan); err != nil {
			return nil, err
		}
		if !waitCarrier(ctx, name, 5*time.Second) {
			return nil, fmt.Errorf("the device %s of VLAN %d doesn't come up", name, vlan.ID)
		}
	}
	client, err := nclient4.New(name, nclient4.WithTimeout(time.Second), nclient4.WithRetry(4))
	if err != nil {
		return nil, fmt.Errorf("open a raw socket: %w", err)
	}
	defer client.Close()
	got, err := client.Request(ctx,
		dhcpv4.WithOption(dhcpv4.OptClassIdentifier("rackhand-installer")),
		dhcpv4.WithRequestedOptions(dhcpv4.OptionClasslessStaticRoute))
	if err != nil {
		return nil, err
	}
	return readLease(name, got.ACK)
}

// onVLAN makes the tagged device on a card, and returns its name.
func onVLAN(card netlink.Link, vlan VLAN) (string, error) {
	device := &netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Name: vlan.Name, ParentIndex: card.Attrs().Index}, VlanId: vlan.ID}
	old, err := netlink.LinkByName(vlan.Name)
	if err == nil && old.Attrs().ParentIndex != card.Attrs().Index { // another card was tried before
		if err := netlink.LinkDel(old); err != nil {
			return "", fmt.Errorf("remove the device %s of VLAN %d: %w", vlan.Name, vlan.ID, err)
		}
	}
	if err := netlink.LinkAdd(device); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("make the device %s of VLAN %d (has the installer the module 8021q?): %w", vlan.Name, vlan.ID, err)
	}
	if err := netlink.LinkSetUp(device); err != nil {
		return "", fmt.Errorf("bring %s up: %w", vlan.Name, err)
	}
	return vlan.Name, nil
}

// readLease reads an ACK. Classless routes (option 121) replace the router (option 3), by
// RFC 3442.
func readLease(nic string, ack *dhcpv4.DHCPv4) (*Lease, error) {
	mask := ack.SubnetMask()
	if ones, bits := mask.Size(); bits != 32 || ones == 0 {
		mask = net.CIDRMask(24, 32) // a server that says nothing of it
	}
	ip := ack.YourIPAddr.To4()
	if ip == nil || ip.IsUnspecified() {
		return nil, errors.New("the server's answer has no address in it")
	}
	l := &Lease{NIC: nic, Address: net.IPNet{IP: ip, Mask: mask}}
	for _, r := range ack.ClasslessStaticRoute() {
		l.Routes = append(l.Routes, *r)
	}
	if len(l.Routes) == 0 {
		for _, r := range ack.Router() {
			all := &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
			l.Routes = append(l.Routes, dhcpv4.Route{Dest: all, Router: r})
			break // the first is preferred; two defaults would clash
		}
	}
	for _, d := range ack.DNS() {
		l.DNS = append(l.DNS, d.String())
	}
	return l, nil
}

func (l *Lease) apply() error {
	link, err := netlink.LinkByName(l.NIC)
	if err != nil {
		return err
	}
	if lo, err := netlink.LinkByName("lo"); err == nil {
		_ = netlink.LinkSetUp(lo) // for programs in %pre and %post
	}
	if err := netlink.AddrReplace(link, &netlink.Addr{IPNet: &l.Address}); err != nil {
		return fmt.Errorf("set the address %s: %w", &l.Address, err)
	}
	for _, r := range l.Routes {
		route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: r.Dest, Gw: r.Router}
		if r.Router == nil || r.Router.IsUnspecified() { // RFC 3442: on the link itself
			route.Gw, route.Scope = nil, netlink.SCOPE_LINK
		}
		if err := netlink.RouteReplace(route); err != nil {
			return fmt.Errorf("set the route to %s by %s: %w", r.Dest, r.Router, err)
		}
	}
	var b strings.Builder
	for _, d := range l.DNS {
		fmt.Fprintf(&b, "nameserver %s\n", d)
	}
	return os.WriteFile("/etc/resolv.conf", []byte(b.String()), 0o644)
}

func waitCarrier(ctx context.Context, name string, limit time.Duration) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		if kernel.ReadText("/sys/class/net/"+name+"/carrier") == "1" {
			return true
		}
		if (report.RealClock{}).Sleep(ctx, 50*time.Millisecond) != nil {
			return false
		}
	}
	return false
}
