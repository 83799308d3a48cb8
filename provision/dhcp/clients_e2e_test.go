//go:build e2e

package dhcp

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
)

// script writes a client's hook, which notes what the client was given.
func script(t *testing.T) (path, log string) {
	dir := t.TempDir()
	path, log = filepath.Join(dir, "hook"), filepath.Join(dir, "log")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nenv >> "+log+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path, log
}

// TestRealClients: ISC dhclient and busybox udhcpc get their address and settings,
// and nothing to boot.
func TestRealClients(t *testing.T) {
	dhclient := need(t, "dhclient", "isc-dhcp-client")
	busybox := need(t, "busybox", "busybox")
	clients := map[string]func(hook, dir string) []string{
		"dhclient": func(hook, dir string) []string {
			return []string{dhclient, "-4", "-1", "-v", "-sf", hook, "-lf", dir + "/leases", "-pf", dir + "/pid", "-cf", "/dev/null", "-d", "cli"}
		},
		"udhcpc": func(hook, _ string) []string {
			return []string{busybox, "udhcpc", "-i", "cli", "-f", "-q", "-n", "-s", hook}
		},
	}
	boxes := map[string]struct {
		mac  inventory.MAC
		want []string
	}{
		"claimed":   {web1, []string{"10.77.0.130", "255.255.255.0", "10.77.0.254", "10.77.0.1", "rack.example"}},
		"unclaimed": {stranger, []string{"10.77.0.20", "255.255.255.0"}},
	}
	for client, args := range clients {
		for box, tc := range boxes {
			t.Run(client+"/"+box, func(t *testing.T) {
				server, ns := pair(t, tc.mac)
				d, _ := serve(t, server, "srv", false)
				d.until(20*time.Second, "dhcp: serving")
				hook, log := script(t)
				cmd := exec.Command("ip", append([]string{"netns", "exec", ns}, args(hook, t.TempDir())...)...)
				out := &strings.Builder{}
				cmd.Stdout, cmd.Stderr = out, out
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				ended := make(chan struct{})
				go func() { _ = cmd.Wait(); close(ended) }()
				t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })

				if box == "claimed" {
					d.until(30*time.Second, "EVENT", `"ack"`, tc.mac.String())
				} else {
					d.until(30*time.Second, "EVENT", `"unclaimed"`, tc.mac.String())
				}
				d.until(30*time.Second, "answering", "type=ACK")
				got := ""
				for range 200 {
					b, _ := os.ReadFile(log)
					if got = string(b); strings.Contains(got, "10.77.0.") {
						break
					}
					time.Sleep(50 * time.Millisecond)
				}
				for _, want := range tc.want {
					if !strings.Contains(got, want) {
						t.Errorf("%s has no %s:\n%s\n%s", client, want, got, out)
					}
				}
				for _, bad := range []string{"snponly", "http://", "boot_file", "new_filename", "siaddr=10"} {
					if strings.Contains(got, bad) {
						t.Errorf("%s was given something to boot (%s):\n%s", client, bad, got)
					}
				}
			})
		}
	}
}

// TestSecondServer: no other server can open the same link of this machine beside
// us, nor we beside it; and we say so.
func TestSecondServer(t *testing.T) {
	server, _ := pair(t, web1)
	d, stop := serve(t, server, "srv", false)
	d.until(20*time.Second, "dhcp: serving")

	dnsmasq := need(t, "dnsmasq", "dnsmasq-base")
	out, err := exec.Command("ip", "netns", "exec", server, dnsmasq, "--no-daemon", "--port=0", "--dhcp-range=10.77.0.50,10.77.0.60", "--conf-file=/dev/null", "--dhcp-leasefile=/dev/null").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "in use") {
		t.Errorf("dnsmasq beside us: %v: %s", err, out)
	}
	stop()

	// The other way round: dnsmasq is first.
	cmd := exec.Command("ip", "netns", "exec", server, dnsmasq, "--no-daemon", "--port=0", "--dhcp-range=10.77.0.50,10.77.0.60", "--conf-file=/dev/null", "--dhcp-leasefile=/dev/null")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 100 {
		if strings.Contains(sh(t, "ip", "netns", "exec", server, "ss", "-uln"), ":67") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	second := exec.Command("ip", "netns", "exec", server, self)
	second.Env = append(os.Environ(), envServe+"=srv", envStore+"="+filepath.Join(t.TempDir(), "second.db"))
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
