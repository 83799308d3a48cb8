package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// unreachable says why the appliance can't be asked: it isn't there, it doesn't listen, or the
// caller may not open its socket.
func unreachable(socket string, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no appliance answers on %s: %w", socket, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no appliance runs here: there is no socket %s; start it with `rackhand serve`, or name its socket with --socket", socket)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("permission denied: %s: you must be root%s", socket, orIn(socket))
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens on %s: the appliance has ended; start it with `rackhand serve`", socket)
	}
	return fmt.Errorf("no appliance answers on %s: %w; is `rackhand serve` running?", socket, err)
}

// orIn names the group whose members may open the socket, if there is one besides root's.
func orIn(socket string) string {
	st, err := os.Stat(socket)
	if err != nil {
		return "" // its folder is closed as well
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok || sys.Gid == 0 || st.Mode().Perm()&0o020 == 0 {
		return ""
	}
	id := strconv.FormatUint(uint64(sys.Gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		id = g.Name
	}
	return " or in the group " + id
}
