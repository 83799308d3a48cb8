//go:build e2e

package rehearse_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/rack"
	"rackhand/provision/rack/rehearse"
)

// TestUEFI takes a box to serving without an operator's command: the box was only racked and
// powered on. Beside it stands a box that is not in the inventory. The mirrors are out of
// reach: the packages were fetched ahead.
func TestUEFI(t *testing.T) {
	r := start(t, rehearse.Options{
		Images: need(t, "RACKHAND_IMAGES"), Policy: "first-boot", Page: "127.0.0.1:0",
		// web1's battery is empty: by its clock, no package list is valid yet.
		Boxes: []rehearse.Box{{Name: "web1", Firmware: "uefi", Clock: -6 * 365 * 24 * time.Hour}, {Name: "stray", Firmware: "bios", Unclaimed: true}},
	})
	r.useShippedRoles()
	r.prefetchThenOffline()
	b := browse(t, r.PageURL)
	if out := r.rackhand("power", "web1", "on"); !strings.Contains(out, "on") {
		t.Errorf("power on says %q", out)
	}
	r.reach("web1", provision.Addressed)
	b.wait(t, "web1", "script")
	r.reach("web1", provision.Installer)
	b.wait(t, "web1", "packages")

	stray := r.Rack.Box("stray")
	if err := stray.PowerOn(); err != nil {
		t.Fatal(err)
	}
	r.until("the stray box", func(e provision.Event) bool { return e.Kind == "unclaimed" && e.Host == rehearse.MAC(1) })

	b.shoot(t, r.PageURL, "hosts.png")
	r.breakInventory()
	r.eventually("serving", func() error {
		if h := r.host("web1"); h.Install.Stage != provision.Serving {
			if h.Install.Stage.Ended() {
				t.Fatalf("web1 ended %s: %s", h.Install.Stage, h.Install.Reason)
			}
			return fmt.Errorf("at %s", h.Install.Stage)
		}
		return nil
	})
	r.neverStuck("web1")
	b.wait(t, "web1", "serving")
	b.sameDocument(t)
	b.shoot(t, r.PageURL+"host/web1", "host.png")
	r.mustAnswer(0)
	if h := r.host(rehearse.MAC(1)); !h.Unclaimed || h.Install != nil {
		t.Errorf("the stray box: %+v", h)
	}
	if n := r.count(rehearse.MAC(1), "fetch"); n != 0 {
		t.Errorf("the stray box fetched %d files", n)
	}
	stray.PowerCut()
	r.noSecrets("web1")
	if n := r.count("web1", "clock-set"); n != 1 {
		t.Errorf("the installer set the clock %d times", n)
	}
	r.powerCycleInstallsNothing()
}

// powerCycleInstallsNothing: a host that serves boots its disk, in any boot order of its
// firmware.
func (r *rehearsal) powerCycleInstallsNothing() {
	r.t.Helper()
	before := r.host("web1").Install
	r.rackhand("power", "web1", "cycle")
	r.eventually("the box going down", func() error {
		if _, err := r.Ask(r.ctx, rehearse.Address(0)); err != nil {
			return nil
		}
		return errors.New("it still answers")
	})
	r.eventually("the box coming back", func() error {
		_, err := r.Ask(r.ctx, rehearse.Address(0))
		return err
	})
	after := r.host("web1").Install
	if after.ID != before.ID || after.Attempts != before.Attempts || after.Armed || after.Stage != provision.Serving {
		r.t.Errorf("after a power cycle: %+v", after)
	}
}

// breakInventory edits the inventory badly and mends it: the last good one stays.
func (r *rehearsal) breakInventory() {
	r.t.Helper()
	path := filepath.Join(r.Inventory, "rack.yaml")
	good, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	bad := strings.Replace(string(good), "group: web", "group: wbe", 1)
	write := func(text string) {
		tmp := path + ".new"
		if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
		if err := os.Rename(tmp, path); err != nil {
			r.t.Fatal(err)
		}
	}
	write(bad)
	r.eventually("the problem being shown", func() error {
		st, err := r.Client.Status(r.ctx)
		if err != nil {
			return err
		}
		if text := strings.Join(st.Problems, "\n"); !strings.Contains(text, "rack.yaml:") || !strings.Contains(text, "wbe") {
			return fmt.Errorf("problems: %q", text)
		}
		return nil
	})
	if h := r.host("web1"); h.Group != "web" {
		r.t.Errorf("with a broken inventory web1 is %+v", h)
	}
	write(string(good))
	r.eventually("the problem being gone", func() error {
		st, err := r.Client.Status(r.ctx)
		if err == nil && len(st.Problems) > 0 {
			err = errors.New(st.Problems[0])
		}
		return err
	})
}

func (r *rehearsal) mustAnswer(box int) {
	r.t.Helper()
	if _, err := r.Ask(r.ctx, rehearse.Address(box)); err != nil {
		r.t.Errorf("it serves, but asked from outside: %v", err)
	}
}

// noSecrets looks for tokens in what was recorded and logged.
func (r *rehearsal) noSecrets(host string) {
	r.t.Helper()
	var text strings.Builder
	for _, e := range r.events(host) {
		fmt.Fprintln(&text, e.Message, e.Fields)
	}
	log, err := os.ReadFile(filepath.Join(r.logs, "appliance.log"))
	if err != nil {
		r.t.Fatal(err)
	}
	text.Write(log)
	for _, sign := range []string{"/i/", "PRIVATE KEY"} {
		if i := strings.Index(text.String(), sign); i >= 0 {
			r.t.Errorf("a secret's trace in events or log: …%.80s", text.String()[i:])
		}
	}
}

// TestBIOSAndKill kills the appliance while the installer runs. The box has two
// cards, and its static address on the one that it boots from. Its BMC speaks Redfish; that of
// TestUEFI speaks IPMI.
func TestBIOSAndKill(t *testing.T) {
	r := start(t, rehearse.Options{Boxes: []rehearse.Box{{Name: "web1", Firmware: "bios", MoreNICs: 1, Redfish: true}}})
	if out := r.rackhand("install", "web1"); !strings.Contains(out, "web1-1") {
		t.Errorf("install says %q", out)
	}
	r.reach("web1", provision.Packages)
	// Strangers: not the address that the token and the script belong to.
	for _, path := range []string{"/boot/ipxe?mac=" + rehearse.MAC(0), "/i/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/ks", "/i/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/agent"} {
		if got := r.outside(path); got != http.StatusForbidden {
			t.Errorf("%s from outside: %d", path, got)
		}
	}
	if err := r.KillAppliance(); err != nil {
		t.Fatal(err)
	}
	if err := r.StartAppliance(r.ctx); err != nil {
		t.Fatal(err)
	}
	r.reach("web1", provision.Serving)
	r.neverStuck("web1")
	r.mustAnswer(0)
	if h := r.host("web1"); h.Install.ID != "web1-1" || h.Install.Attempts != 1 {
		t.Errorf("after the kill: %+v", h.Install)
	}
	all := r.events("")
	refused := 0
	for i, e := range all {
		if e.Seq != uint64(i+1) {
			t.Fatalf("event %d has number %d: the journal has a gap", i+1, e.Seq)
		}
		if e.Kind == "token-refused" || e.Kind == "script-refused" {
			refused++
		}
	}
	if refused == 0 {
		t.Error("strangers were refused, and no event says so")
	}
	sim := r.Rack.Box("web1").Redfish()
	if n := sim.OpenSessions(); n != 0 || sim.Logins() == 0 {
		t.Errorf("%d of %d Redfish sessions are open", n, sim.Logins())
	}
	if n := r.count("web1", "boot-disk"); n != 1 {
		t.Errorf("the boot device was set to disk %d times", n)
	}
}

// TestDataDisk offers a disk that carries data: it is refused, then erased with --wipe.
func TestDataDisk(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk.raw")
	if err := exec.Command("truncate", "-s", "4G", disk).Run(); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-L", "precious", disk).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v %s; install e2fsprogs", err, out)
	}
	before := digest(t, disk)
	r := start(t, rehearse.Options{Boxes: []rehearse.Box{{Name: "web1", Firmware: "bios", DiskImage: disk}}})
	r.rackhand("install", "web1")
	e := r.reach("web1", provision.Failed)
	if !strings.Contains(e.Message, "ext4") {
		t.Errorf("the refusal does not name what is on the disk: %s", e.Message)
	}
	r.rackhand("power", "web1", "off")
	if digest(t, disk) != before {
		t.Fatal("the disk that carries data was written to")
	}
	r.rackhand("install", "web1", "--wipe")
	r.reach("web1", provision.Installed)
}

// TestWrongChecksum: an image that is not what its manifest says never boots.
func TestWrongChecksum(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk.raw")
	if err := exec.Command("truncate", "-s", "4G", disk).Run(); err != nil {
		t.Fatal(err)
	}
	r := start(t, rehearse.Options{
		Images: spoiledImage(t, small(t)),
		Boxes:  []rehearse.Box{{Name: "web1", Firmware: "bios", DiskImage: disk}},
	})
	r.rackhand("install", "web1")
	e := r.reach("web1", provision.Failed)
	if !strings.Contains(e.Message, "sha256") && !strings.Contains(e.Message, "SHA-256") && !strings.Contains(e.Message, "checksum") {
		t.Errorf("the failure does not name the checksum: %s", e.Message)
	}
	r.rackhand("power", "web1", "off")
	out, err := exec.Command("wipefs", "--noheadings", "--output", "TYPE", disk).Output()
	if err != nil {
		t.Fatalf("wipefs: %v", err)
	}
	if s := strings.TrimSpace(string(out)); s != "" {
		t.Errorf("the disk still carries %q: half a system might boot", s)
	}
}

// TestFaultyBMCs: BMCs that take a command and do nothing are found out and named, in both
// protocols. The boxes install nothing. An unknown host is named too.
func TestFaultyBMCs(t *testing.T) {
	override, cycle := rack.BMCFaults{SwallowsOverride: true}, rack.BMCFaults{SwallowsCycle: true}
	const own = "settle: 5s, quirks: [{cycle: own}]"
	r := start(t, rehearse.Options{Boxes: []rehearse.Box{
		{Name: "web1", Firmware: "bios", BMCFaults: override, BMC: "settle: 5s"},
		{Name: "web2", Firmware: "bios", BMCFaults: override, BMC: "settle: 5s", Redfish: true},
		{Name: "web3", Firmware: "bios", BMCFaults: cycle, BMC: own},
		{Name: "web4", Firmware: "bios", BMCFaults: cycle, BMC: own, Redfish: true},
	}})
	for _, name := range []string{"web3", "web4"} { // only a box that is on is cycled
		r.rackhand("power", name, "on")
	}
	says := map[string]string{
		"web1": "did not keep the boot device", "web2": "did not keep the boot device",
		"web3": "took the command cycle", "web4": "took the command cycle",
	}
	why := map[string]string{"web1": bmc.WhyRefused, "web2": bmc.WhyRefused, "web3": bmc.WhyState, "web4": bmc.WhyState}
	for name := range says {
		r.rackhand("install", name)
	}
	for len(says) > 0 {
		e := r.until("a failure at a BMC", func(e provision.Event) bool { return e.Kind == "power-failed" })
		if text := says[e.Host]; text == "" || !strings.Contains(e.Message, text) || e.Fields["why"] != why[e.Host] {
			t.Fatalf("%s: %s, %v", e.Host, e.Message, e.Fields)
		}
		// A box that wasn't cycled goes on with the network boot that it began, so it isn't stuck.
		if said := r.rackhand("why", e.Host); why[e.Host] == bmc.WhyRefused && !strings.Contains(said, says[e.Host]) {
			t.Errorf("why %s:\n%s", e.Host, said)
		}
		delete(says, e.Host)
	}
	_, err := r.Client.Install(r.ctx, "web9", provision.InstallRequest{})
	if err == nil || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("installing a host that is not there: %v", err)
	}
	if out := r.rackhand("status"); !strings.Contains(out, "web1") {
		t.Errorf("status says %s", out)
	}
}
