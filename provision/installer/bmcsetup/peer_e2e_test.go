//go:build e2e

package bmcsetup

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/vmproto"

	"rackhand/provision/bmc/bmctest"
)

// overWire is the system interface of a BMC as QEMU has it (ipmi-bmc-extern).
type overWire struct{ c *vmproto.Client }

func (w overWire) Do(_ context.Context, netFn, cmd byte, data ...byte) (byte, []byte, error) {
	return w.c.Command(netFn, cmd, data...)
}

// messages leaves out what ipmi_sim says about the connection: such a piece ends with A1h, a
// message with A0h.
type messages struct {
	net.Conn
	r    *bufio.Reader
	left []byte
}

func (m *messages) Read(p []byte) (int, error) {
	var piece []byte
	for len(m.left) == 0 {
		b, err := m.r.ReadByte()
		if err != nil {
			return 0, err
		}
		switch piece = append(piece, b); b {
		case 0xa0:
			m.left = piece
		case 0xa1:
			piece = nil
		}
	}
	n := copy(p, m.left)
	m.left = m.left[n:]
	return n, nil
}

// TestOpenIPMI sets up OpenIPMI's ipmi_sim over its system interface. Then ipmitool logs in
// over LAN with the new account.
func TestOpenIPMI(t *testing.T) {
	sim := bmctest.StartSystemInterface(t)
	conn, err := net.Dial("tcp", sim.System.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	dev := overWire{vmproto.NewClient(&messages{Conn: conn, r: bufio.NewReader(conn)}, 10*time.Second)}
	s := settings()
	s.Password = s.Password[:16] // of 20 bytes it keeps 16, and says that it has all
	sleep := func(context.Context, time.Duration) error { return nil }
	changed, err := Run(t.Context(), dev, s, sleep)
	t.Logf("changed: %s", strings.Join(changed, "; "))
	if err != nil {
		t.Error(err)
	}
	if again, err := Run(t.Context(), dev, s, sleep); err != nil || len(again) > 0 {
		t.Errorf("the second run changed %q: %v", again, err)
	}
	cmd := exec.Command("ipmitool", "-I", "lanplus", "-C", "3", "-L", "OPERATOR", "-H", sim.LAN.Addr().String(), "-p", fmt.Sprint(sim.LAN.Port()),
		"-U", s.User, "-E", "chassis", "power", "status")
	cmd.Env = append(os.Environ(), "IPMI_PASSWORD="+s.Password)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "Chassis Power is") {
		t.Errorf("ipmitool with the new account: %v %s", err, out)
	}
}
