//go:build e2e

package rehearse_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision"
	"rackhand/provision/rack/rehearse"
)

// TestProxy boots boxes beside a DHCP server that isn't ours. It assigns the addresses, and
// the appliance gives the boot files. Their installs go as far as the answer file, for which
// the appliance must know the address that the other server assigned.
func TestProxy(t *testing.T) {
	cases := []firmwareCase{
		{Box: rehearse.Box{Name: "bios", Firmware: "bios"}, says: []string{linux}, reaches: provision.Installer},
		{Box: rehearse.Box{Name: "uefi", Firmware: "uefi"}, programs: []string{"snponly.efi"}, says: []string{linux}, reaches: provision.Installer},
		// Asks on port 4011.
		{Box: rehearse.Box{Name: "uefi-binl", Firmware: "uefi", Boot: "{proxy: binl}"}, programs: []string{"snponly.efi"}, says: []string{linux}},
		{Box: rehearse.Box{Name: "uefi-http", Firmware: "uefi", HTTPBoot: true}, programs: []string{"snponly.efi"}, says: []string{linux}},
		// GRUB looks for its menu where the DHCP server's next-server says, not where
		// the proxy's does: see otherServer.
		{
			Box:      rehearse.Box{Name: "secureboot", Firmware: "uefi", SecureBoot: true, Boot: "{secure_boot: true}"},
			programs: []string{"shimx64.efi", "grubx64.efi"}, says: []string{linux, locked},
		},
	}
	r := startCases(t, rehearse.Options{DHCP: "proxy"}, cases)
	r.otherServer(t, cases)
	r.matrix(t, cases)
	for _, c := range cases {
		if len(r.Rack.Box(c.Name).Boots()) == 0 {
			continue // left out by -run
		}
		if r.count(c.Name, "observed") == 0 || r.count(c.Name, "ack") != 0 {
			t.Errorf("%s: %d leases of the other server were observed, and %d are ours", c.Name, r.count(c.Name, "observed"), r.count(c.Name, "ack"))
		}
	}
}

// otherServer starts a dnsmasq beside the appliance that gives the first boxes the
// addresses of the inventory, and no boot file. For boxes with Secure Boot it names the
// appliance as next-server (siaddr).
func (r *rehearsal) otherServer(t *testing.T, cases []firmwareCase) {
	t.Helper()
	const address = "10.77.0.2"
	if out, err := r.Rack.CommandBeside(r.ctx, "ip", "addr", "add", address+"/24", "dev", "br0").CombinedOutput(); err != nil {
		t.Fatalf("an address for dnsmasq: %v: %s", err, out)
	}
	args := []string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--port=0", "--log-facility=-", "--log-dhcp",
		"--pid-file=" + filepath.Join(t.TempDir(), "pid"), "--dhcp-leasefile=" + filepath.Join(t.TempDir(), "leases"),
		"--interface=br0", "--bind-interfaces", "--listen-address=" + address, "--dhcp-authoritative",
		"--dhcp-range=10.77.0.150,10.77.0.160,1h", "--dhcp-boot=tag:grub,,,10.77.0.1",
	}
	for i, c := range cases {
		reservation := "--dhcp-host=" + rehearse.MAC(i) + "," + rehearse.Address(i)
		if c.SecureBoot {
			reservation += ",set:grub"
		}
		args = append(args, reservation)
	}
	log, err := os.Create(filepath.Join(r.logs, "dnsmasq.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := r.Rack.CommandBeside(r.ctx, "dnsmasq", args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		_ = log.Close()
	})
	r.eventually("dnsmasq answering DHCP", func() error {
		said := string(read(t, log.Name()))
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("dnsmasq ended (%v): %s (Debian package dnsmasq-base)", err, said)
		default:
		}
		if !strings.Contains(said, "IP range") {
			return errors.New("it has not said its range of addresses")
		}
		return nil
	})
}
