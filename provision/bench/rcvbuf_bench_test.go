//go:build bench

package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// perfdhcpBuffer is perfdhcp's receive buffer, in bytes. perfdhcp doesn't set one, and the
// default of 208 KiB holds some 270 answers. When perfdhcp is late by a few milliseconds it
// loses answers that the server has sent, and the table would blame the server. No setting
// of the client's namespace changes that. So the buffer is enlarged from outside, for all
// servers.
const perfdhcpBuffer = 4 << 20

// onClientBuffered is onClient for a program that must not lose packets: its sockets get a
// receive buffer of this size as soon as it has created them.
func (r *testNetwork) onClientBuffered(size int, args ...string) (string, error) {
	cmd := r.clientCommand(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	name := filepath.Base(args[0])
	for enlarged := 0; ; {
		select {
		case err := <-ended:
			if enlarged == 0 {
				err = errors.Join(err, fmt.Errorf("%s: no socket was seen whose receive buffer could be enlarged", name))
			}
			return out.String(), err
		case <-time.After(time.Millisecond):
		}
		if enlarged > 0 {
			err := <-ended
			return out.String(), err
		}
		// ip becomes the program: it keeps its process id
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", cmd.Process.Pid))
		if strings.TrimSpace(string(comm)) != name {
			continue
		}
		n, err := enlarge(cmd.Process.Pid, size)
		if err != nil {
			_ = cmd.Process.Kill()
			<-ended
			return out.String(), fmt.Errorf("enlarge the receive buffer of %s: %w", name, err)
		}
		enlarged = n
	}
}

// enlarge sets the receive buffer of a process's UDP sockets, and returns their number
// (pidfd_getfd(2), and SO_RCVBUFFORCE of socket(7), which net.core.rmem_max doesn't limit).
func enlarge(pid, size int) (int, error) {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(process)
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, link := range links {
		if what, err := os.Readlink(link); err != nil || !strings.HasPrefix(what, "socket:") {
			continue
		}
		number, err := strconv.Atoi(filepath.Base(link))
		if err != nil {
			return n, err
		}
		fd, err := unix.PidfdGetfd(process, number, 0)
		if errors.Is(err, unix.EBADF) { // closed meanwhile
			continue
		} else if err != nil {
			return n, err
		}
		// It has others for a moment, to list its interfaces.
		domain, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		if kind, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); domain == unix.AF_INET && kind == unix.SOCK_DGRAM {
			if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size); err == nil {
				n++
			}
		}
		_ = unix.Close(fd)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
