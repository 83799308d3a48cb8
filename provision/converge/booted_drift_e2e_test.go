//go:build e2e

package converge

import (
	"os"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

// drift: a change on the host is distinguished from a change of the catalog, for each type of
// resource, with the system's own systemd, dpkg and apt.
func (b *booted) drift(t *testing.T) {
	b.unit("drifter.service", "[Service]", "ExecStart=/bin/sleep infinity")
	b.repository(t, "steady 1", "steady 2", "plain 1", "plain 2", "unfetched 1")
	b.do("systemctl", "daemon-reload")
	conf := file("/etc/drifter.conf", "one\n")
	conf.Notify = []string{"service[drifter]"}
	svc := running("drifter")
	svc.Service.Enabled = yes()
	all := []catalog.Resource{pkg("steady", "1"), pkg("plain", "present"), conf, file("/run/drifter.tmp", "x"), svc}
	check := func(what, want string) {
		t.Helper()
		b.converge(false, all...)
		if got := b.causes(); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	inMemory := func() {
		t.Helper()
		if err := os.Remove(b.root.In("/run/drifter.tmp")); err != nil {
			t.Fatal(err)
		}
	}
	b.state.Held.Held = nil // of the tests before
	check("a first run", "changed first, changed first, changed first, changed first, changed first")
	check("nothing", "ok, ok, ok, ok, ok")
	b.do("apt-get", "-q", "-y", "install", "steady=2", "plain=2")
	check("packages upgraded by hand", "changed drift, ok, ok, ok, ok")
	b.do("apt-get", "-q", "-y", "remove", "plain")
	b.write("/etc/drifter.conf", "by hand\n")
	inMemory() // files are managed from outside, where the container's /run is a folder
	check("changed and removed by hand", "ok, changed drift, changed drift, changed drift, changed follows")
	b.write("/etc/drifter.conf", "by hand\n")
	b.do("systemctl", "disable", "--now", "drifter")
	check("changed by hand, and disabled", "ok, ok, changed drift, ok, changed drift")
	b.do("sh", "-c", "kill -9 $(systemctl show --property=MainPID --value drifter); until ! systemctl is-active drifter; do sleep 0.05; done || true")
	check("a service that died", "ok, ok, ok, ok, changed drift")
	b.do("systemctl", "disable", "--now", "drifter")
	check("disabled by hand", "ok, ok, ok, ok, changed drift")
	all[2] = file("/etc/drifter.conf", "two\n")
	all[2].Notify = conf.Notify
	check("another catalog", "ok, ok, changed catalog, ok, changed follows")
	b.boot = "next"
	b.do("sh", "-c", "systemctl stop drifter; rm /etc/drifter.conf")
	inMemory()
	all[2].Notify = nil
	check("a boot", "ok, ok, changed drift, changed boot, changed boot")
	b.do("systemctl", "disable", "--now", "drifter")
}

// causes are the results of the last run: what became of each resource, and why.
func (b *booted) causes() string {
	var out []string
	for _, x := range b.last {
		out = append(out, strings.TrimSpace(x.Status+" "+x.Cause))
	}
	return strings.Join(out, ", ")
}
