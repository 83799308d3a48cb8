//go:build e2e

package power

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/bmc/ipmi"
)

// peer is a BMC of another project, on loopback.
type peer struct {
	target bmc.Target
	reads  string // its answer when "network boot once, EFI" is read back
	disk   string // and of "disk, persistent"
}

// openIPMI refuses suite 17 in two bytes, and when it is read, the flags are lost.
func openIPMI(t *testing.T) peer {
	return peer{bmctest.IPMISim(t), "pxe (once); pxe (once, EFI) was set; it lost: valid, EFI", "disk (once); disk (persistent, EFI) was set; it lost: valid, persistent, EFI"}
}

// pyghmi says "no error, suite 3" to a request for suite 17.
func pyghmi(t *testing.T) peer {
	return peer{bmctest.Pyghmi(t), "pxe (once); pxe (once, EFI) was set; it lost: EFI", "disk (once); disk (persistent, EFI) was set; it lost: persistent, EFI"}
}

// silentTo17 is a BMC that says nothing at all to a request for suite 17.
func silentTo17(t *testing.T) peer {
	p := pyghmi(t)
	p.target = bmctest.Relay(t, p.target, func(d []byte) [][]byte {
		if len(d) >= 32 && d[5] == 0x10 && types.AuthAlg(d[28]) == types.AuthAlg_HMAC_SHA256 {
			return nil
		}
		return [][]byte{d}
	}, func(d []byte) [][]byte { return [][]byte{d} })
	return p
}

// TestForeignBMCs drives BMCs of other projects, which don't support suite 17. ipmitool
// checks the results.
func TestForeignBMCs(t *testing.T) {
	for _, tt := range []struct {
		name string
		bmc  func(*testing.T) peer
	}{{"OpenIPMI", openIPMI}, {"pyghmi", pyghmi}, {"silent to suite 17", silentTo17}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := tt.bmc(t)
			// Short waits would be lost on a busy machine, where a Python BMC is slow.
			c := controllerOf(ipmi.Driver{Exchange: time.Second, Retries: 2}, Options{Settle: 10 * time.Second, Poll: 50 * time.Millisecond})
			p.target.EFI = true
			agree := func(what string, on bool, seen bmc.Status, err error) {
				t.Helper()
				if err != nil || seen.On != on {
					t.Errorf("%s: %+v, %v", what, seen, err)
				}
				want := "Chassis Power is " + bmc.Status{On: on}.State()
				if said, err := bmctest.IPMITool(p.target, "chassis", "power", "status"); err != nil || !strings.HasSuffix(said, want) {
					t.Errorf("%s: ipmitool says %q, %v", what, said, err)
				}
			}
			seen, err := c.Status(t.Context(), p.target)
			agree("status", false, seen, err)
			seen, err = c.On(t.Context(), p.target)
			agree("on", true, seen, err)
			seen, err = c.On(t.Context(), p.target)
			agree("on when on", true, seen, err)
			seen, err = c.Cycle(t.Context(), p.target)
			agree("cycle", true, seen, err)
			seen, err = c.Reset(t.Context(), p.target)
			agree("reset", true, seen, err)
			seen, err = c.Off(t.Context(), p.target)
			agree("off", false, seen, err)
			seen, err = c.Off(t.Context(), p.target)
			agree("off when off", false, seen, err)
			booted, err := c.PXEOnce(t.Context(), p.target)
			agree("network boot", true, booted.Status, err)
			if got := booted.Boot.String(); got != p.reads {
				t.Errorf("network boot: read back as %q, want %q", got, p.reads)
			}
			if said, err := bmctest.IPMITool(p.target, "chassis", "bootparam", "get", "5"); err != nil || !strings.Contains(said, "Force PXE") {
				t.Errorf("network boot: ipmitool says %q, %v", said, err)
			}
			kept, err := c.SetBoot(t.Context(), p.target, bmc.Disk, BootOptions{Persistent: true})
			if err != nil || kept.String() != p.disk {
				t.Errorf("disk: %q, %v, want %q", kept, err, p.disk)
			}
			if kept, err = c.SetBoot(t.Context(), p.target, bmc.None, BootOptions{}); err != nil {
				t.Errorf("none: %q, %v", kept, err)
			}
			// Refusals have their names.
			wrong := p.target
			wrong.Password = "not-" + bmctest.Password[:8]
			if _, err := c.Status(t.Context(), wrong); !errors.Is(err, bmc.ErrCredentials) {
				t.Errorf("wrong password: %v", err)
			}
			wrong = p.target
			wrong.User = "nobody"
			if _, err := c.Status(t.Context(), wrong); !errors.Is(err, bmc.ErrCredentials) && !strings.Contains(fmt.Sprint(err), bmc.HintSilentLogin) {
				t.Errorf("unknown user: %v", err)
			}
			if tt.name == "OpenIPMI" {
				nameless := p.target
				nameless.User = ""
				if _, err := c.Status(t.Context(), nameless); err != nil {
					t.Errorf("the account without a name: %v", err)
				}
			}
			if _, err := c.Status(t.Context(), p.target); err != nil {
				t.Errorf("the right account after the wrong ones: %v", err)
			}
		})
	}
}
