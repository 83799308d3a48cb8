package tftp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// listen opens the port for requests. The kernel must report the interface and the
// destination address of each (IP_PKTINFO): the interface's MTU bounds the blocks, and
// firmware ignores answers from another address. The library enables this when it begins to
// read, too late for a request that is waiting already. So it is enabled before the port is
// open.
func listen(ctx context.Context, at netip.AddrPort) (*net.UDPConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		if err := c.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		}); err != nil {
			return err
		}
		return failed
	}}
	conn, err := config.ListenPacket(ctx, "udp4", at.String())
	if err != nil {
		return nil, fmt.Errorf("serve TFTP on %s: %w: is another TFTP server running, and may this user open the port?", at, err)
	}
	return conn.(*net.UDPConn), nil
}
