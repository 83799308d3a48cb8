package rack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// netnsDir is where iproute2 keeps named network namespaces (ip-netns(8)).
const netnsDir = "/run/netns"

// applianceLink is the interface that the appliance serves.
const applianceLink = "eth0"

// wiring lists the `ip -batch` commands that build both namespaces. It is pure,
// so that a test can read it.
func wiring(appliance, rack string, o Options) (inHost, inAppliance, inRack []string) {
	// The rack's end of the cable is made inside the rack, so that no link of
	// ours ever stands in the machine's own namespace.
	inHost = []string{
		"netns add " + appliance,
		"netns add " + rack,
	}
	inAppliance = []string{
		"link set lo up",
		fmt.Sprintf("link add %s type veth peer name uplink netns %s", applianceLink, rack),
		fmt.Sprintf("addr add %s dev %s", o.Appliance, applianceLink),
		"link set " + applianceLink + " up",
	}
	inRack = []string{
		"link set lo up",
		// No spanning tree and no delay: a port forwards as soon as it is up.
		"link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
		"link set br0 addrgenmode none",
		"link set uplink addrgenmode none",
		"link set uplink master br0 up",
	}
	for i, b := range o.Boxes {
		if b.BMCAddress.IsValid() {
			p := netip.PrefixFrom(b.BMCAddress.Addr(), o.Appliance.Bits())
			inRack = append(inRack, fmt.Sprintf("addr add %s dev br0", p))
		}
		for _, tap := range b.taps(i) {
			inRack = append(inRack,
				"tuntap add dev "+tap+" mode tap",
				"link set "+tap+" addrgenmode none",
				"link set "+tap+" master br0 up")
		}
	}
	return inHost, inAppliance, append(inRack, "link set br0 up")
}

// taps are the names of the devices behind the cards of box i.
func (b BoxOptions) taps(i int) []string {
	names := []string{fmt.Sprintf("tap%d", i)}
	for n := range b.MoreNICs {
		names = append(names, fmt.Sprintf("tap%d.%d", i, n+1))
	}
	return names
}

// ipBatch runs ip(8) commands, in a namespace when one is named.
func ipBatch(ctx context.Context, ns string, lines []string) error {
	args := []string{"-batch", "-"}
	if ns != "" {
		args = append([]string{"-n", ns}, args...)
	}
	cmd := exec.CommandContext(ctx, "ip", args...)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("rack: ip %s: %w: %s (network namespaces need root and iproute2)",
			strings.Join(args, " "), err, strings.TrimSpace(out.String()))
	}
	return nil
}

// inNamespace calls f on a thread that has entered a network namespace. Sockets
// that f opens belong to it for good.
func inNamespace(ns string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// Not the main thread: it wouldn't end with this goroutine, and the
			// whole process would count as one that runs in the namespace
			// (`ip netns pids`), which the janitor kills. Hold it and use another.
			done <- inNamespace(ns, f)
			runtime.UnlockOSThread()
			return
		}
		// Never unlocked: the thread ends with the goroutine, so no other one
		// can come to run in the namespace by mistake.
		done <- func() error {
			fd, err := unix.Open(netnsDir+"/"+ns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return fmt.Errorf("rack: network namespace %s is gone: %w", ns, err)
			}
			defer func() { _ = unix.Close(fd) }()
			if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("rack: enter network namespace %s: %w", ns, err)
			}
			return f()
		}()
	}()
	return <-done
}

// quickLinkLocal spares the second of duplicate address detection, in which an
// IPv6 link-local address can't be used yet. It must run before the link is up.
func quickLinkLocal(ns string) error {
	return inNamespace(ns, func() error {
		// /proc/sys/net shows the namespace of the thread that opens it.
		err := os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0o644)
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("rack: this kernel has no IPv6, which router advertisements need: %w", err)
		}
		return err
	})
}

// dialIn opens a socket from a namespace. The host must be an IP address: a name
// would be asked of the machine's own resolver.
func dialIn(ctx context.Context, ns, network, address string) (net.Conn, error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("rack: dial %s: want IP:port: %w", address, err)
	}
	var conn net.Conn
	err := inNamespace(ns, func() (err error) {
		var d net.Dialer
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// listenIn listens for TCP connections in a namespace.
func listenIn(ns string, addr netip.AddrPort) (net.Listener, error) {
	var l net.Listener
	err := inNamespace(ns, func() (err error) {
		l, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(addr))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("rack: listen on %s: %w", addr, err)
	}
	return l, nil
}

// listenPacketIn binds a UDP socket in a namespace.
func listenPacketIn(ns string, addr netip.AddrPort) (*net.UDPConn, error) {
	var conn *net.UDPConn
	err := inNamespace(ns, func() (err error) {
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("rack: listen on %s: %w", addr, err)
	}
	return conn, nil
}
