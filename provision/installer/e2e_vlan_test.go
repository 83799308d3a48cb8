//go:build e2e

package installer_test

import (
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"
)

// The installer, and the system that it installs, in a VLAN: the guest's card is on a
// simulated trunk port, which drops what has no tag of VLAN 10. Its Kickstart is one that
// was written for Anaconda, of which the rest is skipped.
func TestVLAN(t *testing.T) {
	b := newGuestTest(t)
	disk := b.disk("disk.raw")
	trunk := newTrunk(t, 10)
	b.netdev = func(user string) []string {
		return []string{
			"-netdev", strings.Replace(user, "id=n,", "id=u,", 1), "-netdev", "hubport,id=h1,hubid=0,netdev=u",
			"-netdev", "socket,id=s,udp=" + trunk.inside.LocalAddr().String() + ",localaddr=" + trunk.insidePeer.String(),
			"-netdev", "hubport,id=h2,hubid=0,netdev=s",
			"-netdev", "socket,id=n,udp=" + trunk.outside.LocalAddr().String() + ",localaddr=" + trunk.outsidePeer.String(),
		}
	}
	b.ks = b.configKickstart(strings.Replace(networkLine, "--device=52:54:00:00:00:01", "--device=52:54:00:00:00:01 --vlanid=10", 1), "",
		"echo \"vlan $(ip -br -4 addr show dev lan0.10 | tr -s ' ')\"\nping -c 3 -W 5 10.77.0.2 >/dev/null && echo 'reached by the VLAN'\n"+
			"echo \"brought $(findmnt -no SOURCE /) $(findmnt -no FSTYPE /boot) $(findmnt -no FSTYPE /boot/efi) $(findmnt -no OPTIONS / | grep -o noatime)\"\n", "")
	ks, args := b.anacondaKickstart(b.ks)
	b.ks = ks
	if text := b.mustInstall(disk, "ifname=bootnet:52:54:00:00:00:01 vlan=vlan10:bootnet ip=vlan10:dhcp "+args); !strings.Contains(text, "THE DISK WAS SEALED") {
		t.Errorf("a %%pre could write to the disk")
	}
	var passed string
	b.mu.Lock()
	for _, e := range b.events {
		if e.Kind == "passed-over" && e.Level == "warn" {
			passed += e.Message + "\n"
		}
	}
	b.mu.Unlock()
	for _, want := range []string{
		": authconfig --enableshadow --enableldap is skipped", ": firstboot is skipped", ": clearpart --none: the install uses a whole blank disk",
		": %packages: @development is skipped", ": %packages: -iwl*-firmware is skipped", ": %addon com_redhat_kdump is skipped",
		": part --fstype=xfs is skipped",
	} {
		if !strings.Contains(passed, want) {
			t.Errorf("no event says %q:\n%s", want, passed)
		}
	}
	for _, silent := range []string{"url", "@core", ": auth "} {
		if strings.Contains(passed, silent) {
			t.Errorf("an event tells of %q:\n%s", silent, passed)
		}
	}
	for _, want := range []string{"made on vda: biosboot (1 MiB), /boot/efi (128 MiB)", "services --enabled=no-such-unit is skipped"} {
		if !b.told(want) {
			t.Errorf("no event says %q", want)
		}
	}
	b.mustTell(b.boot(false, disk, allOf, 5*time.Minute), "vlan lan0.10@lan0 UP 10.77.0.11/24", "reached by the VLAN", "failed units 0", "brought /dev/mapper/rl-root ext4 vfat noatime")
}

// A trunk is a simulated switch between two ports that carry one Ethernet frame a
// datagram: outside frames have the VLAN's tag, inside ones none.
type trunk struct {
	outside, inside         *net.UDPConn
	outsidePeer, insidePeer *net.UDPAddr
}

func newTrunk(t *testing.T, vlan uint16) *trunk {
	t.Helper()
	port := func() *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	free := func() *net.UDPAddr { // QEMU's own ends
		c := port()
		defer c.Close()
		return c.LocalAddr().(*net.UDPAddr)
	}
	s := &trunk{outside: port(), inside: port(), outsidePeer: free(), insidePeer: free()}
	t.Cleanup(func() { s.outside.Close(); s.inside.Close() })
	pass := func(from, to *net.UDPConn, peer *net.UDPAddr, change func([]byte) []byte) {
		buf := make([]byte, 65536)
		for {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			if frame := change(buf[:n]); frame != nil {
				_, _ = to.WriteToUDP(frame, peer) // lost, as on a wire
			}
		}
	}
	go pass(s.outside, s.inside, s.insidePeer, func(f []byte) []byte { // IEEE 802.1Q: type 0x8100 and the tag after both addresses
		if len(f) < 18 || binary.BigEndian.Uint16(f[12:]) != 0x8100 || binary.BigEndian.Uint16(f[14:])&0xfff != vlan {
			return nil
		}
		return append(append([]byte(nil), f[:12]...), f[16:]...)
	})
	go pass(s.inside, s.outside, s.outsidePeer, func(f []byte) []byte {
		if len(f) < 14 {
			return nil
		}
		out := append([]byte(nil), f[:12]...)
		out = append(out, 0x81, 0, byte(vlan>>8), byte(vlan))
		return append(out, f[12:]...)
	})
	return s
}
