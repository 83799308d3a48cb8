//go:build e2e

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// oldProgram is the source of the appliance at commit d5c8c02, the packages that it is built
// from without tests. It ran as root, without a package.
const oldProgram = "testdata/rackhand-d5c8c02.tar.xz"

// oldUnit is what the guide had then.
const oldUnit = `[Service]
ExecStart=/usr/local/bin/rackhand serve --config /etc/rackhand/rackhand.yaml
Restart=on-failure
[Install]
WantedBy=multi-user.target
`

// TestUpgraded: an appliance of before the packages, which runs as root, is replaced by the
// deb as the guide says. Database, CA and settings are those that the old program made, and
// the install that it had armed takes its box to serve.
func TestUpgraded(t *testing.T) {
	t.Parallel()
	const mac = "52:54:00:00:00:22"
	a := newPackaged(t, mac)
	source := t.TempDir()
	output(t, exec.Command("tar", "-xf", oldProgram, "-C", source))
	build := exec.Command("go", "build", "-o", filepath.Join(a.root, "usr/local/bin/rackhand"), "./cmd/rackhand")
	build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
	output(t, build)

	a.run("mkdir -p /var/lib/rackhand && cp -r /srv/images /var/lib/rackhand/images")
	a.run("/usr/local/bin/rackhand init /etc/rackhand")
	a.write("/etc/systemd/system/rackhand.service", oldUnit)
	a.write("/etc/rackhand/inventory/hosts.yaml", "hosts:\n  web1: {mac: \""+mac+"\", address: 10.77.0.22, group: web}\n")
	a.run("systemctl daemon-reload && systemctl enable --now rackhand")
	a.until("the old appliance answers", func() bool { return a.command("rackhand status").Run() == nil })
	a.run("rackhand install web1")
	if out := a.run("rackhand status --json"); !strings.Contains(out, `"web1-1"`) {
		t.Fatalf("the old appliance armed nothing:\n%s", out)
	}
	const ca = "sha256sum /var/lib/rackhand/ca/ca.pem /var/lib/rackhand/ca/ca.key"
	oldCA := a.run(ca)

	a.run("apt-get update -q")
	said := a.run("apt-get install -q -y --no-install-recommends /" + filepath.Base(a.deb) + " ipxe")
	if !strings.Contains(said, "/etc/systemd/system/rackhand.service") {
		t.Errorf("the package doesn't say that an older unit hides its own:\n%s", said)
	}
	a.property("ActiveState", "active") // the old one goes on until the operator ends it
	a.run("systemctl disable --now rackhand && rm /etc/systemd/system/rackhand.service /usr/local/bin/rackhand")
	a.run("systemctl daemon-reload && systemctl enable --now rackhand")
	a.property("ActiveState", "active")
	if out := a.run("ps -o user= -p $(systemctl show -P MainPID rackhand)"); strings.TrimSpace(out) != "rackhand" {
		t.Errorf("it runs as %s", out)
	}
	if out := a.run("stat -c '%U:%G %a' /etc/rackhand /etc/rackhand/secrets"); out != "root:rackhand 750\nrackhand:rackhand 700\n" {
		t.Errorf("settings and secrets:\n%s", out)
	}
	a.run("ls /var/lib/rackhand/rackhand.db.before-takeover-*")
	if got := a.run(ca); got != oldCA {
		t.Errorf("the CA is another one:\n%s%s", oldCA, got)
	}
	if out := a.run("rackhand status web1"); !strings.Contains(out, "web1-1") {
		t.Errorf("the install is gone:\n%s", out)
	}
	if err := a.rack.Box("box").PowerOn(); err != nil {
		t.Fatal(err)
	}
	a.run("rackhand wait web1 --for serving --timeout " + packagedPatience.String())
	if out := a.run("rackhand status web1"); !strings.Contains(out, "web1-1, attempt 1 of 3") {
		t.Errorf("it serves by another install:\n%s", out)
	}
}
