package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// relinkEvery is how often it is seen whether the interface is the one that it was.
const relinkEvery = time.Second

// errRemade ends serving on an interface that is gone, or whose name another one bears
// now: a bridge that was set up anew, a card that was plugged in again. The kernel
// doesn't tell a socket that is bound to it: nothing would ever come in again.
var errRemade = errors.New("the interface is gone, or was made anew")

// watchLink returns errRemade once the interface of a name hasn't the index any more,
// and nil when ctx ends.
func watchLink(ctx context.Context, name string, index int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("watch the interface %s: %w", name, err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return fmt.Errorf("watch the interface %s: %w", name, err)
	}
	if every(ctx, func() bool {
		err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request) // netdevice(7)
		return errors.Is(err, unix.ENODEV) || err == nil && request.Uint32() != uint32(index)
	}) != nil {
		return nil
	}
	return errRemade
}

// relisten opens the link anew as soon as there is one of that name with our address;
// nil when ctx ended first.
func (s *Server) relisten(ctx context.Context) (l *link) {
	if every(ctx, func() bool {
		if !hasAddress(s.Interface, s.ServerAddr) {
			return false
		}
		var err error
		if l, err = listen(ctx, s.Interface, s.ServerAddr, s.Log); err != nil && s.logs.Allow("relisten", s.Clock()) {
			s.Log.Error("dhcp: the interface can't be served again; trying on", "interface", s.Interface, "error", err)
		}
		return err == nil
	}) != nil {
		return nil
	}
	return l
}

// hasAddress reports whether an interface is up and has an address.
func hasAddress(name string, addr netip.Addr) bool {
	ifi, err := net.InterfaceByName(name)
	if err != nil || ifi.Flags&net.FlagUp == 0 {
		return false
	}
	addrs, err := ifi.Addrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && err == nil && addrOf(n.IP) == addr {
			return true
		}
	}
	return false
}

// every waits until something is so, and looks each relinkEvery. The error is that of
// ctx.
func every(ctx context.Context, so func() bool) error {
	tick := time.NewTicker(relinkEvery)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
