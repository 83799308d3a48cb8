package links

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// CheckEvery is how often Watch looks at an interface.
const CheckEvery = time.Second

// ErrReplaced means that an interface is gone, or that another one has its name: a
// bridge was created again, or a card was plugged in again. The kernel doesn't report
// this to a socket that is bound to the interface. The socket just receives nothing.
var ErrReplaced = errors.New("the interface is gone, or was created again")

// Watch returns ErrReplaced once the named interface no longer has the index, and nil
// when ctx ends.
func Watch(ctx context.Context, name string, index int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("watch the interface %s: %w", name, err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return fmt.Errorf("watch the interface %s: %w", name, err)
	}
	tick := time.NewTicker(CheckEvery)
	defer tick.Stop()
	for {
		err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request) // netdevice(7)
		if errors.Is(err, unix.ENODEV) || err == nil && request.Uint32() != uint32(index) {
			return ErrReplaced
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// HasAddress reports whether an interface is up and has an IPv4 address.
func HasAddress(name string, addr netip.Addr) bool {
	ifi, err := net.InterfaceByName(name)
	if err != nil || ifi.Flags&net.FlagUp == 0 {
		return false
	}
	addrs, err := ifi.Addrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && err == nil {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.Unmap() == addr {
				return true
			}
		}
	}
	return false
}
