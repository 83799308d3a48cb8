package doctor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Port is one that the appliance opens.
type Port struct {
	Network string // udp or tcp
	Port    uint16
	For     string // DHCP, TFTP, ...
}

// Ports are the ports that the appliance opens, with the configuration's numbers.
func Ports(tftp, http, agents uint16) []Port {
	return []Port{{"udp", 67, "DHCP"}, {"udp", 4011, "proxyDHCP"}, {"udp", tftp, "TFTP"}, {"tcp", http, "HTTP"}, {"tcp", agents, "agents"}, {"tcp", 514, "syslog"}, {"udp", 514, "syslog"}}
}

// A Process holds a port.
type Process struct {
	PID  int    // 0 when it can't be seen
	Name string // as in /proc/PID/comm
}

// String writes "dnsmasq (process 123)".
func (p Process) String() string {
	if p.PID == 0 {
		return "a process that can't be seen from here"
	}
	return fmt.Sprintf("%s (process %d)", text([]byte(p.Name)), p.PID)
}

// Holders are the processes with a socket on a port, found by its inode; proc is
// /proc. Sockets of which no process is found give one that can't be seen: it runs
// in another container, or we aren't root.
func Holders(proc fs.FS, network string, port uint16) []Process {
	var inodes []string
	for _, name := range []string{network, network + "6"} {
		f, err := proc.Open(path.Join("net", name))
		if err != nil {
			continue // no IPv6, mostly
		}
		inodes = append(inodes, socketInodes(f, network == "tcp", port)...)
		f.Close()
	}
	if len(inodes) == 0 {
		return nil
	}
	found := owners(proc, inodes)
	if len(found) == 0 {
		return []Process{{}}
	}
	return found
}

// maxSockets bounds what is read of a table.
const maxSockets = 65536

// socketInodes reads /proc/net/udp or tcp: the inodes of the sockets on a port. Of
// TCP, those that listen (state 0A).
func socketInodes(r io.Reader, listening bool, port uint16) []string {
	var out []string
	lines := bufio.NewScanner(r)
	for n := 0; lines.Scan() && n < maxSockets; n++ {
		// sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
		f := strings.Fields(lines.Text())
		if len(f) < 10 {
			continue
		}
		_, hex, _ := strings.Cut(f[1], ":")
		p, err := strconv.ParseUint(hex, 16, 16)
		if err != nil || uint16(p) != port || listening && f[3] != "0A" || f[9] == "0" {
			continue
		}
		out = append(out, f[9])
	}
	return out
}

// owners finds the processes that have one of some sockets open.
func owners(proc fs.FS, inodes []string) []Process {
	want := map[string]bool{}
	for _, i := range inodes {
		want["socket:["+i+"]"] = true
	}
	entries, err := fs.ReadDir(proc, ".")
	if err != nil {
		return nil
	}
	var out []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		fds, err := fs.ReadDir(proc, path.Join(e.Name(), "fd"))
		if err != nil {
			continue // it ended, or it isn't ours to look at
		}
		if slices.ContainsFunc(fds, func(fd fs.DirEntry) bool {
			target, err := fs.ReadLink(proc, path.Join(e.Name(), "fd", fd.Name()))
			return err == nil && want[target]
		}) {
			comm, _ := fs.ReadFile(proc, path.Join(e.Name(), "comm"))
			out = append(out, Process{PID: pid, Name: strings.TrimSpace(string(comm))})
		}
	}
	slices.SortFunc(out, func(a, b Process) int { return a.PID - b.PID })
	return out
}

// Taken tries to open a port as the appliance would: on the link for DHCP, otherwise at
// our address there. The socket has no SO_REUSEADDR and no SO_REUSEPORT. (Go sets the first
// for TCP, where it doesn't hide a listener.) So it also finds ports that another program
// opened with these options. The error says why it could not be tried.
func Taken(ctx context.Context, link string, addr netip.Addr, p Port) (bool, error) {
	where := netip.AddrPortFrom(addr, p.Port).String()
	var lc net.ListenConfig
	var c io.Closer
	var err error
	switch {
	case p.Network == "tcp":
		c, err = lc.Listen(ctx, "tcp4", where)
	case p.For == "DHCP" || p.For == "proxyDHCP":
		lc.Control = func(_, _ string, raw syscall.RawConn) error {
			var err error
			return errors.Join(raw.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), link) }), err)
		}
		c, err = lc.ListenPacket(ctx, "udp4", fmt.Sprintf(":%d", p.Port))
	default:
		c, err = lc.ListenPacket(ctx, "udp4", where)
	}
	if err == nil {
		return false, c.Close()
	}
	if errors.Is(err, unix.EADDRINUSE) {
		return true, nil
	}
	return false, err
}

// judgePort says what it means that a port is taken, or not. Holder is the
// appliance's process that serves the link, when one runs.
func judgePort(p Port, taken bool, err error, holders []Process, appliance int, running bool) Finding {
	what := fmt.Sprintf("port %d/%s (%s)", p.Port, p.Network, p.For)
	ours := running && slices.ContainsFunc(holders, func(h Process) bool { return h.PID == appliance && h.PID != 0 })
	switch {
	case err != nil:
		hint := "give the link the address that the appliance has there"
		if errors.Is(err, fs.ErrPermission) {
			hint = "run it as root"
		}
		return Finding{Note, fmt.Sprintf("whether %s is free could not be tried: %v", what, err), hint, true}
	case ours && len(holders) == 1:
		return Finding{OK, fmt.Sprintf("%s is ours: the appliance runs, process %d", what, appliance), "", false}
	case ours:
		var others []Process
		for _, h := range holders {
			if h.PID != appliance {
				others = append(others, h)
			}
		}
		return Finding{Note, fmt.Sprintf("%s is ours, and %s has it open too, on another link or address", what, processes(others)), "", false}
	case taken && running && len(holders) == 1 && holders[0].PID == 0:
		return Finding{OK, fmt.Sprintf("%s is held while an appliance serves the link", what), "", false}
	case taken:
		return Finding{Problem, fmt.Sprintf("%s is taken by %s", what, processes(holders)), "end it, or have it leave this link alone", false}
	case len(holders) > 0:
		return Finding{Note, fmt.Sprintf("%s is free here; %s has it open on another link or address", what, processes(holders)), "", false}
	}
	return Finding{OK, what + " is free", "", false}
}

func processes(ps []Process) string {
	if len(ps) == 0 {
		return "a process that can't be seen from here"
	}
	var out []string
	for _, p := range ps {
		out = append(out, p.String())
	}
	return strings.Join(out, " and ")
}

// Who names the process that holds a port of this machine, for the error of a program that
// could not open it; "" if no process is found.
func Who(network string, port uint16) string {
	if h := Holders(os.DirFS("/proc"), network, port); len(h) > 0 {
		return processes(h)
	}
	return ""
}
