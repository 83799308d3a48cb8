//go:build e2e

package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rackhand/bootfiles/image/imagetest"
	"rackhand/provision/janitor/container"
	"rackhand/provision/rack"
)

// packagedPatience bounds each step on the packaged appliance, an install included.
const packagedPatience = 12 * time.Minute

// TestPackaged: the deb, installed by apt on a booted Debian on the rack's link, is what the
// operator needs. `rackhand init` writes the settings, systemd starts the appliance as a user
// without root's rights, and a bare box that boots from the network is claimed and comes to
// serve. When the package goes, the state stays.
func TestPackaged(t *testing.T) {
	t.Parallel()
	const mac = "52:54:00:00:00:21"
	a := newPackaged(t, mac)
	a.run("apt-get update -q")
	said := a.run("apt-get install -q -y --no-install-recommends /" + filepath.Base(a.deb) + " ipxe")
	if !strings.Contains(said, "rackhand init") {
		t.Errorf("the package doesn't say what comes next:\n%s", said)
	}
	if out := a.run("systemctl is-enabled rackhand"); strings.TrimSpace(out) != "enabled" {
		t.Errorf("the unit is %s", out)
	}
	a.run("systemctl start rackhand") // without settings it doesn't start, and that is no failure
	a.property("ActiveState", "inactive")
	a.property("ConditionResult", "no")

	// What root makes before the first start, such as an image, the service can use.
	a.run("cp -r /srv/images /var/lib/rackhand/images")
	a.write("/root/key.pub", "ssh-ed25519 AAAA you@example\n")
	a.run("rackhand init --ssh-key /root/key.pub --mirror debian=http://127.0.0.1/debian")
	a.run("rackhand check")
	a.run("systemctl start rackhand") // returns when the appliance says that it is ready
	a.property("ActiveState", "active")
	a.property("StatusText", "serves")
	a.run("systemctl status rackhand")
	if out := a.run("ps -o user= -p $(systemctl show -P MainPID rackhand)"); strings.TrimSpace(out) != "rackhand" {
		t.Errorf("it runs as %s", out)
	}
	if out := a.run("stat -c %U /var/lib/rackhand/rackhand.db /var/lib/rackhand/images/*/root.tar.zst /etc/rackhand/secrets /etc/rackhand/rackhand.yaml"); strings.Join(strings.Fields(out), " ") != "rackhand rackhand rackhand root" {
		t.Errorf("database, image, secrets and settings belong to\n%s", out)
	}
	a.run("rackhand doctor")

	box := a.rack.Box("box")
	if err := box.PowerOn(); err != nil {
		t.Fatal(err)
	}
	a.until("the box waits", func() bool {
		text, _ := os.ReadFile(box.SerialLog())
		return strings.Contains(string(text), "rackhand claim "+mac)
	})
	a.run("rackhand claim " + mac + " web1 --group web")
	a.run("rackhand wait web1 --for serving --timeout " + packagedPatience.String())
	t.Log(a.run("rackhand status web1"))

	a.metrics()

	pid := a.run("systemctl show -P MainPID rackhand")
	said = a.run("apt-get install -q -y --reinstall /" + filepath.Base(a.deb))
	a.property("ActiveState", "active")
	if again := a.run("systemctl show -P MainPID rackhand"); again == pid {
		t.Errorf("after the reinstallation the old program runs:\n%s", said)
	}
	if out := a.run("rackhand status --json"); !strings.Contains(out, `"serving"`) {
		t.Errorf("after the reinstallation:\n%s", out)
	}

	a.backUp()

	a.run("apt-get remove -q -y rackhand && ! systemctl is-active rackhand")
	a.run("apt-get install -q -y --no-install-recommends /" + filepath.Base(a.deb))
	if out := a.run("systemctl is-enabled rackhand"); strings.TrimSpace(out) != "enabled" {
		t.Errorf("after a removal and a new installation the unit is %s", out)
	}
	a.run("apt-get remove -q -y rackhand")
	said = a.run("apt-get purge -q -y rackhand")
	for _, folder := range []string{"/var/lib/rackhand", "/etc/rackhand"} {
		if !strings.Contains(said, folder+" stays") {
			t.Errorf("purging doesn't say that %s stays:\n%s", folder, said)
		}
	}
	a.run("test -s /var/lib/rackhand/rackhand.db && test -s /etc/rackhand/rackhand.yaml && ! systemctl is-active rackhand && ! test -L /etc/systemd/system/multi-user.target.wants/rackhand.service")
}

// metrics checks what Prometheus gets of an appliance that has installed a box.
func (a *packaged) metrics() {
	a.t.Helper()
	web := &http.Client{Transport: &http.Transport{DialContext: a.rack.DialContext, DisableKeepAlives: true}}
	res, err := web.Get("http://127.0.0.1:8080/metrics")
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		a.t.Fatalf("%s, %v: %s", res.Status, err, text)
	}
	for _, want := range []string{
		"rackhand_up 1\n", `rackhand_hosts{state="serving"} 1` + "\n", `rackhand_agents{state="ok"} 1` + "\n", `rackhand_install_stage_seconds_count{stage="installer"} 1` + "\n",
		`rackhand_dhcp_received_total{type="discover",verdict="offered"} `, `rackhand_http_requests_total{code="2xx",path="image",port="boot"} `,
		"rackhand_database_writes_total ",
	} {
		if !strings.Contains(string(text), want) {
			a.t.Errorf("the metrics lack %q", want)
		}
	}
	check := exec.Command(filepath.Join(os.Getenv("RACKHAND_PEERS"), "prometheus/usr/bin/promtool"), "check", "metrics")
	check.Stdin = bytes.NewReader(text)
	output(a.t, check)
	if a.t.Failed() {
		a.t.Logf("%s", text)
	}
}

// backUp takes a backup while the appliance serves, cuts the database off, and restores it.
func (a *packaged) backUp() {
	a.t.Helper()
	const status = "rackhand status web1 | grep -E '^web1: serving|web1-1|certificate'"
	before := a.run(status)
	a.run("rackhand backup /root/backup.tar.zst && rackhand restore --check /root/backup.tar.zst")
	size, err := strconv.Atoi(strings.TrimSpace(a.run("systemctl stop rackhand && stat -c %s /var/lib/rackhand/rackhand.db")))
	if err != nil {
		a.t.Fatal(err)
	}
	a.run(fmt.Sprintf("truncate -s %d /var/lib/rackhand/rackhand.db", 1+rand.IntN(size/4)))
	if out, err := a.command("systemctl start rackhand").CombinedOutput(); err == nil {
		a.t.Fatalf("it starts with a database that was cut off: %s", out)
	}
	if out := a.run("systemctl show -P ExecMainStatus rackhand; journalctl --no-pager -u rackhand | grep 'opening the database'"); !strings.HasPrefix(out, "3\n") || !strings.Contains(out, "rackhand restore FILE") {
		a.t.Errorf("the end of the start:\n%s", out)
	}
	a.run("rackhand restore /root/backup.tar.zst --state-only --force")
	a.run("systemctl reset-failed rackhand; systemctl start rackhand")
	if out := a.run("stat -c %U /var/lib/rackhand/rackhand.db /var/lib/rackhand/ca/ca.key"); out != "rackhand\nrackhand\n" {
		a.t.Errorf("the restored files belong to\n%s", out)
	}
	if after := a.run(status); !strings.Contains(after, "serving") || strings.Count(after, "\n") != strings.Count(before, "\n") {
		a.t.Errorf("after the restore:\n%s\nbefore:\n%s", after, before)
	}
}

// A packaged machine is a booted Debian, alone on the link of a virtual rack, with the deb at
// its root and the small image in /srv/images.
type packaged struct {
	t      *testing.T
	rack   *rack.Rack
	root   string
	deb    string
	inside []string
}

func newPackaged(t *testing.T, mac string) *packaged {
	t.Helper()
	a := &packaged{t: t, root: filepath.Join(t.TempDir(), "root"), deb: debOf(t, "amd64")}
	images, err := imagetest.Small(t.Context(), os.Getenv("RACKHAND_IMAGES"))
	if err != nil {
		t.Fatalf("%v: run this test with `make e2e`", err)
	}
	card, err := net.ParseMAC(mac)
	if err != nil {
		t.Fatal(err)
	}
	a.rack, err = rack.New(t.Context(), rack.Options{
		LogDir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Appliance: netip.MustParsePrefix("10.77.0.1/24"), Accelerator: "tcg",
		Boxes: []rack.BoxOptions{{Name: "box", MAC: card, Firmware: rack.BIOS, Processors: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.rack.Close(); err != nil {
			t.Error(err)
		}
	})
	system := filepath.Join(os.Getenv("RACKHAND_PEERS"), "shipped")
	output(t, exec.Command("cp", "-a", "--reflink=auto", system, a.root))
	output(t, exec.Command("cp", a.deb, a.root))
	a.inside = container.Boot(t, a.root, "--hostname=appliance", "--resolv-conf=off", "--machine="+a.rack.Namespace(),
		"--network-namespace-path=/run/netns/"+a.rack.Namespace(), "--capability=CAP_NET_ADMIN", "--bind-ro="+images+":/srv/images")
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := a.command("journalctl --no-pager -n 100 -u rackhand; systemctl status rackhand").CombinedOutput()
			t.Logf("%s", out)
			text, _ := os.ReadFile(a.rack.Box("box").SerialLog())
			t.Logf("the box:\n%s", text[max(0, len(text)-4000):])
		}
	})
	return a
}

// debOf is the deb that `make packages` made for a processor.
func debOf(t *testing.T, arch string) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(os.Getenv("RACKHAND_PACKAGES"), "rackhand_*_"+arch+".deb"))
	if len(found) != 1 {
		t.Fatalf("RACKHAND_PACKAGES has %d debs for %s, want 1: `make packages` makes it", len(found), arch)
	}
	return found[0]
}

func (a *packaged) command(line string) *exec.Cmd {
	args := append(a.inside[1:], "env", "DEBIAN_FRONTEND=noninteractive", "HOME=/root", "sh", "-ec", line)
	return exec.Command(a.inside[0], args...) // the test's context has ended when it tells of a failure
}

func (a *packaged) run(line string) string {
	a.t.Helper()
	a.t.Log("# " + line)
	return output(a.t, a.command(line))
}

func (a *packaged) write(path, text string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.root, path), []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// property checks one of the unit's properties.
func (a *packaged) property(name, want string) {
	a.t.Helper()
	if got := strings.TrimSpace(a.run("systemctl show -P " + name + " rackhand")); got != want {
		a.t.Fatalf("the unit's %s is %q, want %q", name, got, want)
	}
}

func (a *packaged) until(what string, is func() bool) {
	a.t.Helper()
	until(a.t, packagedPatience, what, is)
}
