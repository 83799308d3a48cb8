//go:build e2e

package dhcp

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestGuests boots real firmware up to its script: a BIOS box whose ROM is iPXE,
// with and without our router advertisements, and a UEFI box by HTTP boot. The
// times are logged, never judged.
func TestGuests(t *testing.T) {
	qemu := need(t, "qemu-system-x86_64", "qemu-system-x86")
	common := []string{
		"-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", "512", "-display", "none", "-no-reboot", "-nodefaults",
		"-netdev", "tap,id=n,ifname=tap0,script=no,downscript=no",
	}
	bios := func(*testing.T) []string {
		return []string{"-device", "virtio-net-pci,netdev=n,mac=" + web1.String(), "-boot", "n"}
	}
	uefi := func(t *testing.T) []string {
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
			"-drive", "if=pflash,format=raw,file=" + vars,
			"-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n",
			"-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n",
		}
	}
	for _, tc := range []struct {
		name      string
		advertise bool
		guest     func(*testing.T) []string
		want      [][]string
	}{
		{"BIOS, advertised", true, bios, [][]string{{"EVENT", "addressed", "iPXE"}, {"SCRIPT", web1.String()}}},
		{"BIOS, not advertised", false, bios, [][]string{{"EVENT", "addressed", "iPXE"}, {"SCRIPT", web1.String()}}},
		{"UEFI HTTP boot", true, uefi, [][]string{{"EVENT", "addressed", "HTTP boot"}, {"FILE GET snponly.efi"}, {"EVENT", "addressed", "iPXE"}, {"SCRIPT", web1.String()}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ns := bridge(t)
			d, _ := serve(t, ns, "br0", tc.advertise)
			d.until(20*time.Second, "dhcp: serving")
			if tc.advertise {
				d.until(20*time.Second, "router advertisements: answering")
			}
			args := append([]string{"netns", "exec", ns, qemu}, common...)
			cmd := exec.Command("ip", append(args, tc.guest(t)...)...)
			cmd.Stderr = os.Stderr
			began := time.Now()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
			for _, want := range tc.want {
				d.until(3*time.Minute, want...)
				t.Logf("%6.1f s %v", time.Since(began).Seconds(), want)
			}
		})
	}
}
