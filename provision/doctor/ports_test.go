package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"
)

const udpTable = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  123: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4242 2 0000000000000000 0
  125: 0100007F:0045 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4243 2 0000000000000000 0
  126: 00000000:0045 00000000:0000 07
`

const tcpTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5001 1 0000000000000000 100 0 0 10 0
   1: 0100007F:20FB 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 5002 1 0000000000000000 100 0 0 10 0
`

func proc() fstest.MapFS {
	socket := func(n string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("socket:[" + n + "]"), Mode: fs.ModeSymlink}
	}
	return fstest.MapFS{
		"net/udp": {Data: []byte(udpTable)}, "net/tcp": {Data: []byte(tcpTable)},
		"101/comm": {Data: []byte("dnsmasq\n")}, "101/fd/3": {Data: []byte("/dev/null"), Mode: fs.ModeSymlink}, "101/fd/4": socket("4242"),
		"102/comm": {Data: []byte("ngi\x1bnx\n")}, "102/fd/6": socket("5001"), "102/fd/7": socket("5002"),
		"self/fd/4": socket("4242"),
	}
}

// TestHolders finds the processes behind ports in a /proc of the test's own.
func TestHolders(t *testing.T) {
	for name, tc := range map[string]struct {
		network string
		port    uint16
		want    string
	}{
		"dnsmasq":           {"udp", 67, "dnsmasq (process 101)"},
		"nobody to be seen": {"udp", 69, "a process that can't be seen from here"},
		"free":              {"udp", 4011, ""},
		"listens":           {"tcp", 80, "ngi?nx (process 102)"},
		"is connected only": {"tcp", 8443, ""},
	} {
		got := ""
		if h := Holders(proc(), tc.network, tc.port); len(h) > 0 {
			got = processes(h)
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// TestTaken opens ports on loopback in the ways that hide them.
func TestTaken(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	reuse := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) {
			err = errors.Join(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1), unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
		}), err)
	}}
	udp, err := reuse.ListenPacket(context.Background(), "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := reuse.Listen(context.Background(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ports := []Port{
		{"udp", netip.MustParseAddrPort(udp.LocalAddr().String()).Port(), "TFTP"},
		{"tcp", netip.MustParseAddrPort(tcp.Addr().String()).Port(), "HTTP"},
	}
	for _, p := range ports {
		if taken, err := Taken(t.Context(), "lo", local, p); !taken || err != nil {
			t.Errorf("%s, opened with SO_REUSEPORT: taken is %v, %v", p.Network, taken, err)
		}
		if got, want := Who(p.Network, p.Port), fmt.Sprintf("(process %d)", os.Getpid()); !strings.Contains(got, want) {
			t.Errorf("%s is held by %q, want %s", p.Network, got, want)
		}
	}
	udp.Close()
	tcp.Close()
	for _, p := range ports {
		if taken, err := Taken(t.Context(), "lo", local, p); taken || err != nil {
			t.Errorf("%s, closed: taken is %v, %v", p.Network, taken, err)
		}
	}
	if _, err := Taken(t.Context(), "lo", netip.MustParseAddr("192.0.2.1"), ports[0]); err == nil {
		t.Error("an address that isn't ours can be tried")
	}
}

func TestJudgePort(t *testing.T) {
	p := Port{"udp", 67, "DHCP"}
	dnsmasq, us := Process{101, "dnsmasq"}, Process{7, "rackhand"}
	for name, tc := range map[string]struct {
		taken   bool
		err     error
		holders []Process
		running bool
		level   Level
		text    string
	}{
		"free":                {level: OK, text: "is free"},
		"ours":                {taken: true, holders: []Process{us}, running: true, level: OK, text: "is ours"},
		"ours and another's":  {taken: true, holders: []Process{us, dnsmasq}, running: true, level: Note, text: "dnsmasq (process 101) has it open too"},
		"another's":           {taken: true, holders: []Process{dnsmasq}, level: Problem, text: "is taken by dnsmasq (process 101)"},
		"a former rackhand's": {taken: true, holders: []Process{us}, level: Problem, text: "is taken by rackhand (process 7)"},
		"nobody's to be seen": {taken: true, holders: []Process{{}}, level: Problem, text: "can't be seen"},
		"on another link":     {holders: []Process{dnsmasq}, level: Note, text: "is free here"},
		"not tried":           {err: errors.New("permission denied"), level: Note, text: "could not be tried"},
	} {
		got := judgePort(p, tc.taken, tc.err, tc.holders, 7, tc.running)
		if got.Level != tc.level || !strings.Contains(got.Text, tc.text) || got.Unseen != (tc.err != nil) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzSocketInodes(f *testing.F) {
	f.Add(udpTable)
	f.Add(tcpTable)
	f.Fuzz(func(_ *testing.T, table string) { socketInodes(strings.NewReader(table), true, 67) })
}
