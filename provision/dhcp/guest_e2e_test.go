//go:build e2e

package dhcp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
)

// guest boots a virtual box on the tap of a namespace; it ends with the test.
func guest(t *testing.T, ns string, args []string) *program {
	t.Helper()
	qemu := need(t, "qemu-system-x86_64", "qemu-system-x86")
	return run(t, ns, append([]string{
		qemu,
		"-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", "512", "-display", "none", "-no-reboot", "-nodefaults",
		"-netdev", "tap,id=n,ifname=tap0,script=no,downscript=no",
	}, args...)...)
}

// bios is a box whose card's ROM is iPXE.
func bios(*testing.T) []string {
	return []string{"-device", "virtio-net-pci,netdev=n,mac=" + web1.String(), "-boot", "n"}
}

// uefi is a box whose firmware boots by PXE.
func uefi(t *testing.T) []string {
	vars := filepath.Join(t.TempDir(), "vars.fd")
	b, err := os.ReadFile("/usr/share/OVMF/OVMF_VARS_4M.fd")
	if err != nil {
		t.Fatalf("%v: install the package ovmf", err)
	}
	if err := os.WriteFile(vars, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{
		"-device", "virtio-net-pci,netdev=n,romfile=,mac=" + web1.String(),
		"-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
		"-drive", "if=pflash,format=raw,file=" + strings.ReplaceAll(vars, ",", ",,"), // QEMU's way to write a comma
		"-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n",
	}
}

// uefiHTTP is a box whose firmware boots by HTTP.
func uefiHTTP(t *testing.T) []string {
	return append(uefi(t), "-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n")
}

// TestGuests boots real firmware up to its script: a BIOS box whose ROM is iPXE, with and
// without our router advertisements, and a UEFI box by PXE and by HTTP boot. It logs the
// times without judging them.
func TestGuests(t *testing.T) {
	t.Parallel()
	script := []string{"SCRIPT", web1.String()}
	chained := [][]string{{"EVENT", "addressed", "iPXE"}, script}
	for _, tc := range []struct {
		name      string
		advertise bool
		box       func(*testing.T) []string
		want      [][]string
	}{
		{"BIOS, advertised", true, bios, chained},
		{"BIOS, not advertised", false, bios, chained},
		{"UEFI PXE", true, uefi, append([][]string{{"EVENT", "addressed", "PXE"}, {"FILE TFTP snponly.efi"}}, chained...)},
		{"UEFI HTTP boot", true, uefiHTTP, append([][]string{{"EVENT", "addressed", "HTTP boot"}, {"FILE GET snponly.efi"}}, chained...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ns := bridge(t)
			d := serve(t, ns, setup{Interface: "br0", Advertise: tc.advertise})
			if tc.advertise {
				d.until(20*time.Second, "router advertisements: answering")
			}
			bootGuest(t, d, ns, tc.box(t), tc.want)
		})
	}
}

// bootGuest starts a box and waits for its steps, in this order. Its firmware begins to ask
// once, and the boot program that it loads isn't taken for firmware.
func bootGuest(t *testing.T, d *serverProcess, ns string, box []string, want [][]string) {
	t.Helper()
	began := time.Now()
	guest(t, ns, box)
	for _, w := range want {
		d.until(90*time.Second, w...)
		t.Logf("%6.1f s %v", time.Since(began).Seconds(), w)
	}
	var asked []string
	for _, line := range d.all {
		if strings.Contains(line, `"kind":"discover"`) {
			asked = append(asked, line)
		}
	}
	if len(asked) != 1 || strings.Contains(asked[0], provision.LevelWarn) {
		t.Errorf("%d events that it began to ask: %q", len(asked), asked)
	}
}
