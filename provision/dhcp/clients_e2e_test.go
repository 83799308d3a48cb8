//go:build e2e

package dhcp

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

// shortLease is the length of the leases of these tests: clients renew at half of it.
const shortLease = 6 * time.Second

// script writes a client's hook, which records the settings that the client got, and sets
// the address so that it can renew.
func script(t *testing.T) (path, log string) {
	dir := t.TempDir()
	path, log = filepath.Join(dir, "hook"), filepath.Join(dir, "log")
	hook := `#!/bin/sh
case "$reason$1" in
BOUND|bound) ip addr flush dev cli; ip addr add "${new_ip_address:-$ip}/24" dev cli
	ip route replace default via "${new_routers:-$router}" ;;
esac
env >> ` + log + `
`
	if err := os.WriteFile(path, []byte(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	return path, log
}

// A realClient is how a foreign DHCP client is run, and made to give its lease back.
type realClient struct {
	run func(t *testing.T, ns, hook string) *program
	// renew makes it renew at once; nil for one that does so when half of its lease
	// is over.
	renew   func(p *program)
	release func(t *testing.T, ns string, p *program)
}

func realClients(t *testing.T) map[string]realClient {
	dhclient := need(t, "dhclient", "isc-dhcp-client")
	busybox := need(t, "busybox", "busybox")
	need(t, "networkctl", "systemd")
	return map[string]realClient{
		"dhclient": {
			run: func(t *testing.T, ns, hook string) *program {
				dir := t.TempDir()
				return run(t, ns, dhclient, "-4", "-v", "-sf", hook, "-lf", dir+"/leases", "-pf", dir+"/pid", "-cf", "/dev/null", "-d", "cli")
			},
			// -r in another process finds the first by its pid file, and ends it.
			release: func(t *testing.T, ns string, p *program) {
				args := []string{"netns", "exec", ns, dhclient, "-4", "-r"}
				for i, a := range p.Args {
					if a == "-sf" || a == "-lf" || a == "-pf" || a == "-cf" {
						args = append(args, a, p.Args[i+1])
					}
				}
				sh(t, append(append([]string{"ip"}, args...), "cli")...)
			},
		},
		"udhcpc": {
			run: func(t *testing.T, ns, hook string) *program {
				return run(t, ns, busybox, "udhcpc", "-i", "cli", "-f", "-s", hook)
			},
			renew:   func(p *program) { _ = p.Process.Signal(syscall.SIGUSR1) }, // it renews after 15 s at the earliest
			release: func(_ *testing.T, _ string, p *program) { _ = p.Process.Signal(syscall.SIGUSR2) },
		},
		"networkd": {run: networkd, release: func(_ *testing.T, _ string, p *program) { _ = p.Process.Signal(syscall.SIGTERM) }},
	}
}

// networkd runs systemd's DHCP client alone. Its own /run hides the machine's bus and
// settings. A read-only /sys tells it not to wait for udev.
func networkd(t *testing.T, ns, hook string) *program {
	return run(t, ns, "unshare", "-m", "sh", "-ec", `
mount --make-rprivate /
mount -t tmpfs none /run
mount -o remount,ro /sys
mkdir -p /run/systemd/network /run/systemd/netif
chown systemd-network: /run/systemd/netif
printf '[Match]\nName=cli\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n[DHCPv4]\nDUIDType=link-layer\n' > /run/systemd/network/10-cli.network
(for i in $(seq 300); do
	if ip -4 -o addr show dev cli | grep 10.77 >> `+filepath.Dir(hook)+`/log; then cat /run/systemd/netif/leases/* >> `+filepath.Dir(hook)+`/log; break; fi
	sleep 0.1
done) &
export SYSTEMD_LOG_LEVEL=debug
exec /lib/systemd/systemd-networkd`)
}

// TestRealClients checks that ISC dhclient, busybox udhcpc and systemd-networkd get their
// address and settings and nothing to boot, renew, and give the lease back.
func TestRealClients(t *testing.T) {
	t.Parallel()
	boxes := map[string]struct {
		mac  inventory.MAC
		want []string
	}{
		"claimed":   {web1, []string{"10.77.0.130", "10.77.0.254", "10.77.0.1", "rack.example"}},
		"unclaimed": {stranger, []string{"10.77.0.20"}},
	}
	for name, client := range realClients(t) {
		for box, tc := range boxes {
			t.Run(name+"/"+box, func(t *testing.T) {
				t.Parallel()
				server, ns := pair(t, tc.mac)
				d := serve(t, server, setup{Interface: "srv", Lease: shortLease})
				hook, log := script(t)
				p := client.run(t, ns, hook)
				first := d.lease(30*time.Second, tc.mac.String(), func(l provision.Lease) bool { return true })
				d.until(30*time.Second, "answering", "type=ACK")
				got := ""
				for range 600 {
					b, _ := os.ReadFile(log)
					if got = string(b); strings.Contains(got, "10.77.0.") && strings.Contains(got, tc.want[len(tc.want)-1]) {
						break
					}
					time.Sleep(50 * time.Millisecond)
				}
				for _, want := range tc.want {
					if !strings.Contains(got, want) {
						t.Errorf("%s has no %s:\n%s", name, want, got)
					}
				}
				for _, bad := range []string{"snponly", "http://", "boot_file", "new_filename", "siaddr=10"} {
					if strings.Contains(got, bad) {
						t.Errorf("%s was given something to boot (%s):\n%s", name, bad, got)
					}
				}
				done := make(chan struct{})
				if client.renew != nil {
					go func() { // repeated, since a packet may be lost
						for {
							client.renew(p)
							select {
							case <-done:
								return
							case <-time.After(time.Second):
							}
						}
					}()
				}
				renewed := d.lease(30*time.Second, tc.mac.String(), func(l provision.Lease) bool { return l.Expires.After(first.Expires) })
				close(done)
				if !goesOn(renewed, first) {
					t.Errorf("renewed: %+v, before: %+v", renewed, first)
				}
				client.release(t, ns, p)
				d.released(tc.mac, renewed)
			})
		}
	}
}

// goesOn reports whether a lease is a later state of another one. A client on a busy
// machine may renew too late; its lease then starts again.
func goesOn(later, before provision.Lease) bool {
	inTime := later.Expires.Add(-shortLease).Before(before.Expires)
	return later.Address == before.Address && (later.Since.Equal(before.Since) || !inTime)
}

// released waits until a lease is given back: it ends early, whatever renewals come in
// between.
func (d *serverProcess) released(mac inventory.MAC, last provision.Lease) {
	d.t.Helper()
	d.lease(60*time.Second, mac.String(), func(l provision.Lease) bool {
		back := l.Expires.Before(last.Expires)
		last = l
		return back
	})
}

// TestPerfdhcp lets many clients of Kea's load generator join, renew and release.
func TestPerfdhcp(t *testing.T) {
	t.Parallel()
	perfdhcp := need(t, "perfdhcp", "kea-admin")
	server, ns := pair(t, stranger)
	sh(t, "ip", "-n", ns, "addr", "add", "10.77.0.2/24", "dev", "cli")
	d := serve(t, server, setup{
		Interface: "srv", Lease: time.Minute,
		Pool: inventory.Range{First: netip.MustParseAddr("10.77.0.140"), Last: netip.MustParseAddr("10.77.0.239")},
	})
	p := run(t, ns, perfdhcp, "-4", "-l", "cli", "-r", "20", "-f", "10", "-F", "4", "-R", "60", "-p", "5", "10.77.0.1")
	p.await(t, 40*time.Second)
	for _, exchange := range []string{"DISCOVER-OFFER", "REQUEST-ACK", "REQUEST-ACK (renewal)"} {
		if got := received(p.String(), exchange); got < 10 {
			t.Errorf("%s: %d answers:\n%s", exchange, got, p)
		}
	}
	// A released lease ends at once.
	d.lease(10*time.Second, "00:0c:01:", func(l provision.Lease) bool { return !l.Expires.After(l.Since.Add(30 * time.Second)) })
}

// received reads the number of answers to an exchange in perfdhcp's report.
func received(report, exchange string) int {
	_, rest, _ := strings.Cut(report, "Statistics for: "+exchange+"***")
	m := regexp.MustCompile(`received packets: (\d+)`).FindStringSubmatch(rest)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// TestSecondServer checks that two servers can't open the same link of one machine,
// whichever is first, and that our error says so.
func TestSecondServer(t *testing.T) {
	t.Parallel()
	server, _ := pair(t, web1)
	d := serve(t, server, setup{Interface: "srv"})

	dnsmasq := need(t, "dnsmasq", "dnsmasq-base")
	args := []string{dnsmasq, "--no-daemon", "--port=0", "--dhcp-range=10.77.0.50,10.77.0.60", "--conf-file=/dev/null", "--dhcp-leasefile=/dev/null"}
	out, err := exec.Command("ip", append([]string{"netns", "exec", server}, args...)...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "in use") {
		t.Errorf("dnsmasq beside us: %v: %s", err, out)
	}
	d.stop()

	// The other way round: dnsmasq is first.
	listens(t, server, run(t, server, args...), ":67")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	second := exec.Command("ip", "netns", "exec", server, self)
	second.Env = append(os.Environ(), fmt.Sprintf(`%s={"Interface": "srv", "Address": "10.77.0.1", "Store": %q}`, envSetup, filepath.Join(t.TempDir(), "second.db")))
	second.Stdin = neverEnds(t)
	said, err := second.CombinedOutput()
	if err == nil || !strings.Contains(string(said), "another DHCP server") {
		t.Errorf("a second server: %v: %s", err, said)
	}
}

// neverEnds is a stdin that stays open for the length of the test.
func neverEnds(t *testing.T) *os.File {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r
}

// TestBMCClient checks that busybox, which many BMCs run, gets the BMC's address by the MAC
// of the BMC's port.
func TestBMCClient(t *testing.T) {
	t.Parallel()
	busybox := need(t, "busybox", "busybox")
	server, client := pair(t, web1BMC)
	d := serve(t, server, setup{Interface: "srv"})
	hook, log := script(t)
	run(t, client, busybox, "udhcpc", "-i", "cli", "-f", "-q", "-n", "-s", hook).await(t, 30*time.Second)
	d.lease(10*time.Second, web1BMC.String(), func(l provision.Lease) bool { return l.Address == "10.77.0.111" && l.Host == "" })
	d.until(10*time.Second, "EVENT", `"ack"`, "the BMC of web1")
	if said, err := os.ReadFile(log); err != nil || !strings.Contains(string(said), "ip=10.77.0.111") {
		t.Errorf("%v: %s", err, said)
	}
}
