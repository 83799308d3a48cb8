package web_test

import (
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/handout"
)

// fetch opens a name over TFTP as if from an address.
func (r *testServer) fetch(from, name string) (string, provision.Stage, error) {
	r.t.Helper()
	f, size, err := r.server.TFTP().Open(r.t.Context(), netip.MustParseAddr(from), name)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		r.t.Fatal(err)
	}
	if int64(len(b)) != size {
		r.t.Errorf("%s: %d bytes, said %d", name, len(b), size)
	}
	staged, ok := f.(handout.Staged)
	if !ok {
		r.t.Fatalf("%s: no stage", name)
	}
	return string(b), staged.Stage(), nil
}

func (r *testServer) menu(from, name string) string {
	r.t.Helper()
	text, stage, err := r.fetch(from, name)
	if err != nil || stage != "" {
		r.t.Fatalf("%s from %s: stage %q, %v", name, from, stage, err)
	}
	return text
}

func (r *testServer) attempts(host string) int {
	in, _ := r.journal.Install(host)
	return in.Attempts
}

var anyToken = regexp.MustCompile(`/i/([A-Za-z0-9_-]{32})/ks`)

// TestMenuByTFTP: GRUB gets its menu by its address, with the same token however often it
// asks, and kernel and initrd by TFTP. The attempt begins, and the one before ends, when
// the token comes over TCP.
func TestMenuByTFTP(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	first := r.menu("10.77.0.11", "grub/grub.cfg")
	for _, want := range []string{"linux (tftp,10.77.0.1)/image/debian12/vmlinuz 'inst.ks=http://10.77.0.1/i/", "initrd (tftp,10.77.0.1)/image/debian12/initrd.img", "'BOOTIF=01-52-54-00-00-00-01'"} {
		if !strings.Contains(first, want) {
			t.Errorf("the menu lacks %q:\n%s", want, first)
		}
	}
	for _, name := range []string{"grub/x86_64-efi/grub.cfg", "grub/arm64-efi/grub.cfg", "grub/grub.cfg-01-52-54-00-00-00-01", "grub/x86_64-efi/grub.cfg-01-52-54-00-00-00-01"} {
		if again := r.menu("10.77.0.11", name); again != first {
			t.Errorf("%s is another menu:\n%s", name, again)
		}
	}
	if n := r.attempts("web1"); n != 0 {
		t.Errorf("%d attempts by datagrams", n)
	}
	in, _ := r.journal.Install("web1")
	if in.Stage != provision.Script {
		t.Errorf("it is at %s", in.Stage)
	}
	if text, stage, err := r.fetch("10.77.0.11", "image/debian12/vmlinuz"); err != nil || text != "this is vmlinuz" || stage != "" {
		t.Errorf("the kernel: %q, %q, %v", text, stage, err)
	}
	if text, stage, err := r.fetch("10.77.0.11", "image/debian12/initrd.img"); err != nil || text != "this is initrd.img" || stage != provision.Kernel {
		t.Errorf("the initrd: %q, %q, %v", text, stage, err)
	}
	token := anyToken.FindStringSubmatch(first)[1]
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", ""), 200)
	if in, _ := r.journal.Install("web1"); in.Attempts != 1 || in.Stage != provision.Kernel || len(in.Offers) != 0 {
		t.Errorf("its installer has come: %+v", in)
	}
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"installer"}`), 204)
	// The installer has begun: a box that asks now has rebooted, or is none.
	again := r.menu("10.77.0.11", "grub/grub.cfg")
	if again == first || r.attempts("web1") != 1 {
		t.Errorf("after a reboot: attempt %d, the same menu %v", r.attempts("web1"), again == first)
	}
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"packages"}`), 204)
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+anyToken.FindStringSubmatch(again)[1]+"/ks", ""), 200)
	if in, _ := r.journal.Install("web1"); in.Attempts != 2 || in.Stage != provision.Kernel {
		t.Errorf("it has rebooted: %+v", in)
	}
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"installed"}`), 403)
}

// TestForgedReadRequests: whoever asks for a host's script by TFTP with its address, as
// often as he likes and after a restart of the appliance, takes nothing from the installer
// that is at work, nor from the box that is on its way with its own script.
func TestForgedReadRequests(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		r := newTestServer(t)
		r.arm("web1")
		mine := anyToken.FindStringSubmatch(r.menu("10.77.0.11", "grub/grub.cfg"))[1]
		forge := func() {
			for i := range 200 {
				r.menu("10.77.0.11", "ipxe/"+web1MAC)
				r.menu("10.77.0.11", "grub/grub.cfg")
				r.later += 20 * time.Second
				if restarts && i < 2 {
					r.serve()
				}
			}
		}
		forge()
		if in, _ := r.journal.Install("web1"); in.Attempts != 0 || len(in.Offers) > 4 {
			t.Errorf("%d attempts, %d tokens", in.Attempts, len(in.Offers))
		}
		r.wantEvent("web1", "never-came")
		r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+mine+"/ks", ""), 200)
		for _, body := range []string{`{"stage":"installer"}`, `{"stage":"packages"}`, `{"stage":"installed"}`} {
			forge()
			r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+mine+"/event", body), 204)
		}
		if in, _ := r.journal.Install("web1"); in.Attempts != 1 || in.Stage != provision.Installed || len(in.Offers) > 4 {
			t.Errorf("%+v", in)
		}
	}
}

// TestTokenOutlivesLease: what was proved over TCP is not taken away by what datagrams do
// to the lease; who has the token alone has nothing.
func TestTokenOutlivesLease(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", ""), 200)
	r.leases[web1MAC] = "10.77.0.99"
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"installer"}`), 204)
	r.want(r.ask(r.boot, "10.77.0.99", "POST", "/i/"+token+"/event", `{}`), 204)
	delete(r.leases, web1MAC)
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"packages"}`), 204)
	r.want(r.ask(r.boot, "10.77.0.12", "POST", "/i/"+token+"/event", `{}`), 403)
	// It holds for its attempt alone.
	r.leases[web1MAC] = "10.77.0.98"
	second := r.script(web1MAC, "10.77.0.98")
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+second+"/ks", ""), 403)
	r.want(r.ask(r.boot, "10.77.0.98", "GET", "/i/"+second+"/ks", ""), 200)
}

// TestMenuOfOthers: who has nothing armed, or no lease, is sent to its disk; who asks
// for another box's menu by its MAC gets none.
func TestMenuOfOthers(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	for _, from := range []string{"10.77.0.12", "10.77.0.99"} {
		if text := r.menu(from, "grub/grub.cfg"); !strings.Contains(text, "\nexit\n") || strings.Contains(text, "linux") {
			t.Errorf("%s gets %s", from, text)
		}
	}
	for _, from := range []string{"10.77.0.12", "10.77.0.99"} {
		for _, name := range []string{"grub/grub.cfg-01-52-54-00-00-00-01", "ipxe/" + web1MAC} {
			if text, _, err := r.fetch(from, name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s from %s: %q, %v", name, from, text, err)
			}
		}
	}
	if n := r.attempts("web1"); n != 0 {
		t.Errorf("%d attempts were begun by others", n)
	}
}

// TestMenuIsNotKept: a menu is handed out again only while its token stands.
func TestMenuIsNotKept(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	first := r.menu("10.77.0.11", "grub/grub.cfg")
	// Another script's token makes the menu's worthless.
	r.script(web1MAC, "10.77.0.11")
	second := r.menu("10.77.0.11", "grub/grub.cfg")
	if second == first {
		t.Error("a menu with a worthless token was handed out")
	}
	r.later = time.Minute
	if third := r.menu("10.77.0.11", "grub/grub.cfg"); third != second || r.attempts("web1") != 1 {
		t.Errorf("a minute later: attempt %d, the same menu %v", r.attempts("web1"), third == second)
	}
	if err := r.journal.Record(provision.Event{Host: "web1", Source: "operator", Kind: "cancelled", Stage: provision.Cancelled, Message: "no"}); err != nil {
		t.Fatal(err)
	}
	if text := r.menu("10.77.0.11", "grub/grub.cfg"); strings.Contains(text, "inst.ks") {
		t.Errorf("after a cancel: %s", text)
	}
	if _, _, err := r.fetch("10.77.0.11", "image/debian12/vmlinuz"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the kernel after a cancel: %v", err)
	}
}

// TestMenuAtOnce: requests that come together have one token.
func TestMenuAtOnce(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	var wg sync.WaitGroup
	texts := make([]string, 16)
	for i := range texts {
		wg.Go(func() {
			f, _, err := r.server.TFTP().Open(t.Context(), netip.MustParseAddr("10.77.0.11"), "grub/grub.cfg")
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			b, err := io.ReadAll(f)
			if err != nil {
				t.Error(err)
			}
			texts[i] = string(b)
		})
	}
	wg.Wait()
	for _, text := range texts {
		if text != texts[0] {
			t.Fatal("two menus")
		}
	}
	if in, _ := r.journal.Install("web1"); in.Attempts != 0 || len(in.Offers) != 1 {
		t.Errorf("%d attempts, %d tokens", in.Attempts, len(in.Offers))
	}
}

// TestScriptByTFTP is an iPXE without HTTP.
func TestScriptByTFTP(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	text := r.menu("10.77.0.11", "ipxe/"+web1MAC)
	if !strings.Contains(text, "kernel tftp://10.77.0.1/image/debian12/vmlinuz initrd=rd inst.ks=http://10.77.0.1/i/") || !strings.Contains(text, "initrd --name rd tftp://10.77.0.1/image/debian12/initrd.img") {
		t.Errorf("%s", text)
	}
	if r.menu("10.77.0.11", "ipxe/52-54-00-00-00-01") != text || r.attempts("web1") != 0 {
		t.Errorf("asked again: attempt %d", r.attempts("web1"))
	}
}

// TestMenuWaits: what is not ready yet makes GRUB ask again, and costs nothing.
func TestMenuWaits(t *testing.T) {
	r := newTestServer(t)
	r.snap.Hosts["web1"].System = r.snap.Systems["later"]
	r.arm("web1")
	if text := r.menu("10.77.0.11", "grub/grub.cfg"); !strings.Contains(text, "configfile $prefix/grub.cfg") {
		t.Errorf("%s", text)
	}
	if _, _, err := r.fetch("10.77.0.11", "ipxe/"+web1MAC); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("iPXE: %v", err)
	}
	r.wantEvent("web1", "no-image")
	// An image for another processor.
	r.snap.Hosts["web1"].System = &inventory.System{Name: "arm", Installer: inventory.InstallerImage, Image: "debian12", Arch: inventory.ArchARM64}
	if text := r.menu("10.77.0.11", "grub/grub.cfg"); strings.Contains(text, "linux") {
		t.Errorf("an amd64 kernel for an arm64 system: %s", text)
	}
	if n := r.attempts("web1"); n != 0 {
		t.Errorf("%d attempts", n)
	}
	r.snap = nil
	if text := r.menu("10.77.0.11", "grub/grub.cfg"); strings.Contains(text, "linux") {
		t.Errorf("without an inventory: %s", text)
	}
}

// TestNothingElseByTFTP: other names are nobody's.
func TestNothingElseByTFTP(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	for _, name := range []string{
		"grub", "ipxe", "image", "grub/x86_64-efi/command.lst", "grub/grub.cfg-0A4D000B", "grub/grub.cfg-01-zz", "grub/grub.cfgx", "grub/other/grub.cfg",
		"ipxe/x", "ipxe/" + web1MAC + "/x", "image/debian12/root.tar.zst", "image/debian12/manifest.json", "image/debian12", "image/x/vmlinuz",
		"image/../vmlinuz", "image/debian12/../vmlinuz", "image//vmlinuz", "nobody.efi", "revocations_sbat.efi", "a/b",
	} {
		if text, _, err := r.fetch("10.77.0.11", name); err == nil {
			t.Errorf("%s: %q", name, text)
		}
	}
	if n := r.attempts("web1"); n != 0 {
		t.Errorf("%d attempts", n)
	}
	// A kernel is for a host in an install; whoever else may have it by HTTP.
	if _, _, err := r.fetch("10.77.0.12", "image/debian12/vmlinuz"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the kernel for web2: %v", err)
	}
}

// TestMenuByHTTP is a GRUB that was built with HTTP.
func TestMenuByHTTP(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	w := r.ask(r.boot, "10.77.0.11", "GET", "/grub/grub.cfg", "")
	r.want(w, 200)
	if !strings.Contains(w.Body.String(), "linux (http,10.77.0.1)/image/debian12/vmlinuz '") {
		t.Errorf("%s", w.Body)
	}
	if again := r.ask(r.boot, "10.77.0.11", "GET", "//grub//arm64-efi/grub.cfg", ""); again.Body.String() != w.Body.String() || r.attempts("web1") != 1 {
		t.Errorf("again: %d, attempt %d", again.Code, r.attempts("web1"))
	}
	r.want(r.ask(r.boot, "10.77.0.12", "GET", "/grub/grub.cfg-01-52-54-00-00-00-01", ""), 403)
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/grub/x86_64-efi/fs.lst", ""), 404)
}
