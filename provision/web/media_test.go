package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/bootfiles/media"
	"rackhand/bootfiles/media/mediatest"
	"rackhand/inventory"
	"rackhand/provision"
)

// anacondaServer returns a testServer whose host web1 is installed by Anaconda, and the ISO
// of its media.
func anacondaServer(t *testing.T) (*testServer, string) {
	t.Helper()
	r := newTestServer(t)
	sys := &inventory.System{Name: "rocky9", Installer: inventory.InstallerAnaconda, Release: "RHEL9", Media: "rocky9"}
	r.snap.Systems["rocky9"] = sys
	h := r.snap.Hosts["web1"]
	h.System, h.Kickstart = sys, "rhel.ks"
	dir := filepath.Join(t.TempDir(), "media")
	iso, err := mediatest.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := media.Add(t.Context(), iso, media.AddOptions{Dir: dir, Name: "rocky9", InPlace: true, Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	r.server.Handout.Media = media.NewStore(dir)
	r.boot = r.server.Boot()
	return r, iso
}

func TestMediaFiles(t *testing.T) {
	r, iso := anacondaServer(t)
	const kernel = "a kernel, simulated\n"
	for _, tc := range []struct {
		method, path, span string
		code               int
		body, kind         string
	}{
		{"GET", "/media/rocky9/images/pxeboot/vmlinuz", "", 200, kernel, "application/octet-stream"},
		{"GET", "//media//rocky9/images/pxeboot/vmlinuz", "", 200, kernel, "application/octet-stream"},
		{"HEAD", "/media/rocky9/images/pxeboot/vmlinuz", "", 200, "", "application/octet-stream"},
		{"GET", "/media/rocky9/images/pxeboot/vmlinuz", "bytes=2-7", 206, "kernel", "application/octet-stream"},
		{"GET", "/media/rocky9/images/pxeboot/vmlinuz", "bytes=-5", 206, kernel[len(kernel)-5:], ""},
		{"GET", "/media/rocky9/images/pxeboot/vmlinuz", "bytes=99-", 416, "invalid range: failed to overlap\n", ""},
		{"GET", "/media/rocky9/BaseOS/repodata/repomd.xml", "", 200, "<repomd/>\n", "application/xml"},
		{"GET", "/media/rocky9/BaseOS/Packages/b/bash-5.1.8-9.el9.x86_64.rpm", "", 200, "a package, simulated\n", "application/x-rpm"},
		{"GET", "/media/rocky9/images/updates.img", "", 404, "no such file on the media\n", ""},
		{"GET", "/media/rocky9/images/product.img", "", 404, "no such file on the media\n", ""},
		{"GET", "/media/rocky9/LiveOS/squashfs.img", "", 404, "no such file on the media\n", ""},
		{"GET", "/media/rocky9/treeinfo", "", 404, "no such file on the media\n", ""},
		{"GET", "/media/rocky9/", "", 404, "no such file on the media\n", ""},
		{"GET", "/media/rocky9/images/", "", 404, "no such file on the media\n", ""},
		{"GET", "/media/rocky9/../../x", "", 404, "no such file on the media\n", ""},
		{"GET", "/media/rocky9/%2e%2e/x", "", 404, "no such file on the media\n", ""},
		{"GET", "/media/rocky9/images/pxeboot/%76mlinuz", "", 200, kernel, ""},
		{"GET", "/media/rocky9/images%2fpxeboot%2fvmlinuz", "", 200, kernel, ""},
		{"GET", "/media/%72ocky%39/images/pxeboot/vmlinuz", "", 200, kernel, ""},
		{"GET", "/media/rocky9%2f..%2frocky9/images/pxeboot/vmlinuz", "", 404, "no such media\n", ""},
		{"GET", "/media/rocky9/images/..%2f..%2fmanifest.json", "", 404, "no such file on the media\n", ""},
		{"GET", "/media/rocky9/images/%2e%2e/.treeinfo", "", 404, "no such file on the media\n", ""},
		{"GET", "/media/nothing/x", "", 404, "no such media\n", ""},
		{"POST", "/media/rocky9/.treeinfo", "", 405, "Method Not Allowed\n", ""},
	} {
		req := httptest.NewRequest(tc.method, tc.path, nil)
		req.RemoteAddr = "10.77.0.11:1024"
		if tc.span != "" {
			req.Header.Set("Range", tc.span)
		}
		w := httptest.NewRecorder()
		r.boot.ServeHTTP(w, req)
		if w.Code != tc.code || w.Body.String() != tc.body || tc.kind != "" && w.Header().Get("Content-Type") != tc.kind {
			t.Errorf("%s %s %s: %d %q %s", tc.method, tc.path, tc.span, w.Code, w.Body, w.Header())
		}
		if tc.method == "HEAD" && w.Header().Get("Content-Length") != fmt.Sprint(len(kernel)) {
			t.Errorf("HEAD: %v", w.Header())
		}
	}
	w := r.ask(r.boot, "10.77.0.11", "GET", "/media/rocky9/.treeinfo", "")
	if w.Code != 200 || !strings.Contains(w.Body.String(), "[checksums]") || w.Header().Get("ETag") == "" || w.Header().Get("Accept-Ranges") != "bytes" {
		t.Errorf(".treeinfo: %d %v", w.Code, w.Header())
	}
	// What Anaconda looks for in vain is no event.
	events, err := r.journal.Events(t.Context(), "", 0)
	if err != nil || len(events) > 0 {
		t.Errorf("events: %v, %v", events, err)
	}
	// Media that were there and are no more: it asks again, and the operator is told.
	if err := os.Remove(iso); err != nil {
		t.Fatal(err)
	}
	w = r.ask(r.boot, "10.77.0.11", "GET", "/media/rocky9/.treeinfo", "")
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("without its ISO: %d %v", w.Code, w.Header())
	}
	r.wantEvent("", "media-broken")
}

// TestAnacondaOverTheWire: from the script to the answer file and past it.
func TestAnacondaOverTheWire(t *testing.T) {
	r, _ := anacondaServer(t)
	r.arm("web1")
	w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "")
	script := w.Body.String()
	for _, want := range []string{
		"kernel http://10.77.0.1/media/rocky9/images/pxeboot/vmlinuz ", "inst.stage2=http://10.77.0.1/media/rocky9 ",
		"inst.repo=http://10.77.0.1/media/rocky9 ", "inst.syslog=10.77.0.1 ", "initrd --name rd http://10.77.0.1/media/rocky9/images/pxeboot/initrd.img\n",
	} {
		if !strings.Contains(script, want) {
			t.Errorf("the script has no %q:\n%s", want, script)
		}
	}
	token := tokenIn.FindStringSubmatch(script)[1]
	for _, name := range []string{"vmlinuz", "initrd.img"} {
		r.want(r.ask(r.boot, "10.77.0.11", "GET", "/media/rocky9/images/pxeboot/"+name, ""), 200)
	}
	if in, _ := r.journal.Install("web1"); in.Stage != provision.Kernel {
		t.Errorf("after the initrd it is at %s", in.Stage)
	}
	fetch := func(headers map[string]string) *httptest.ResponseRecorder {
		return r.askWith("10.77.0.11", "/i/"+token+"/ks", headers)
	}
	// Another box's interfaces.
	r.want(fetch(map[string]string{"X-RHN-Provisioning-MAC-0": "eno1 52:54:00:00:00:99", "X-RHN-Provisioning-MAC-1": "eno2 nonsense"}), 403)
	r.wantEvent("web1", "mac-refused")
	// The one that booted is not the first one. A storm of them: one file for all.
	ours := map[string]string{
		"X-RHN-Provisioning-MAC-0": "eno1 52:54:00:00:00:99", "X-RHN-Provisioning-MAC-1": "eno2 " + strings.ToUpper(web1MAC),
		"X-System-Serial-Number": "SIM\x01 4711", "X-Anaconda-Architecture": "x86_64", "X-Anaconda-System-Release": "Rocky Linux",
	}
	const storm = 40
	texts := make([]string, storm)
	var wg sync.WaitGroup
	for i := range storm {
		wg.Go(func() { texts[i] = fetch(ours).Body.String() })
	}
	wg.Wait()
	for _, text := range texts {
		if text != texts[0] || !strings.Contains(text, "text --non-interactive\nlogging --host=10.77.0.1\n") {
			t.Fatalf("one of the storm has another file:\n%s", text)
		}
	}
	facts, n := map[string]string{}, 0
	events, err := r.journal.Events(t.Context(), "web1", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Kind == "answer" {
			facts, n = e.Fields, n+1
		}
	}
	if n != 1 || facts["serial"] != "SIM 4711" || facts["arch"] != "x86_64" || facts["release"] != "Rocky Linux" {
		t.Errorf("%d answers, %v", n, facts)
	}
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"installer","kind":"progress","message":"here"}`), 204)
	r.want(fetch(ours), 403)
	r.wantEvent("web1", "answer-late")
}

// TestAttempts: an attempt that fails leaves the install armed; the last one ends it.
func TestAttempts(t *testing.T) {
	r, _ := anacondaServer(t)
	r.arm("web1") // three attempts
	for attempt := 1; attempt <= 3; attempt++ {
		token := r.script(web1MAC, "10.77.0.11")
		r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", ""), 200)
		r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"kind":"attempt-failed","level":"error","message":"Anaconda gave up"}`), 204)
		in, _ := r.journal.Install("web1")
		if last := attempt == 3; in.Attempts != attempt || in.Armed == last || (in.Stage == provision.Failed) != last {
			t.Errorf("after attempt %d: %+v", attempt, in)
		}
	}
	w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "")
	if w.Code != 200 || strings.Contains(w.Body.String(), "inst.ks") {
		t.Errorf("a fourth: %s", w.Body)
	}
}

// TestMediaNotReady: media that nobody has added, or others than the system says.
func TestMediaNotReady(t *testing.T) {
	r, _ := anacondaServer(t)
	r.arm("web1")
	sys := r.snap.Hosts["web1"].System
	sys.Media = "later"
	w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "")
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("media that are not added: %d %s", w.Code, w.Body)
	}
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/media/later/.treeinfo", ""), 503)
	r.wantEvent("web1", "no-image")
	sys.Media, sys.Release = "rocky9", "RHEL8"
	if err := r.server.Handout.Ready(r.snap.Hosts["web1"], r.server.Appliance); err == nil || !strings.Contains(err.Error(), "says release RHEL8") {
		t.Errorf("another release: %v", err)
	}
	sys.Release, sys.Arch = "RHEL9", inventory.ArchARM64
	if err := r.server.Handout.Ready(r.snap.Hosts["web1"], r.server.Appliance); err == nil || !strings.Contains(err.Error(), "are for amd64") {
		t.Errorf("another processor: %v", err)
	}
	if in, _ := r.journal.Install("web1"); in.Attempts != 0 {
		t.Errorf("%d attempts spent", in.Attempts)
	}
}

// TestTree: a tree on a mirror. The kernel is served from what was kept of it, all else
// through the cache.
func TestTree(t *testing.T) {
	r, iso := anacondaServer(t)
	dir := t.TempDir()
	if _, _, err := media.Add(t.Context(), iso, media.AddOptions{Dir: dir, Name: "dvd", InPlace: true, Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	store := media.NewStore(dir)
	fetch := func(_ context.Context, path string) (io.ReadCloser, error) {
		return store.Open("dvd", strings.TrimPrefix(path, "9/BaseOS/x86_64/os/"))
	}
	if _, _, err := media.AddTree(t.Context(), "rocky", "9/BaseOS/x86_64/os", fetch, media.AddOptions{Dir: dir, Name: "rocky9", Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	r.server.Handout.Media = store
	r.arm("web1")
	w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "")
	const tree = "http://10.77.0.1/mirror/rocky/9/BaseOS/x86_64/os "
	for _, want := range []string{"kernel http://10.77.0.1/media/rocky9/images/pxeboot/vmlinuz ", "inst.stage2=" + tree, "inst.repo=" + tree} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %q in\n%s", want, w.Body)
		}
	}
	w = r.ask(r.boot, "10.77.0.11", "GET", "/media/rocky9/images/pxeboot/initrd.img", "")
	if w.Code != 200 || w.Body.String() != "an initrd, simulated\n" {
		t.Errorf("the initrd: %d %s", w.Code, w.Body)
	}
	if in, _ := r.journal.Install("web1"); in.Stage != provision.Kernel {
		t.Errorf("after the initrd it is at %s", in.Stage)
	}
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/media/rocky9/.treeinfo", ""), 404)
}

func TestMediaByTFTP(t *testing.T) {
	r, _ := anacondaServer(t)
	open := func(from, name string) (string, provision.Stage, error) { return r.fetch(from, name) }
	if _, _, err := open("10.77.0.11", "media/rocky9/images/pxeboot/vmlinuz"); err == nil {
		t.Error("the kernel without an install")
	}
	r.arm("web1")
	text, stage, err := open("10.77.0.11", "media/rocky9/images/pxeboot/initrd.img")
	if err != nil || text != "an initrd, simulated\n" || stage != provision.Kernel {
		t.Errorf("the initrd: %q %q %v", text, stage, err)
	}
	text, stage, err = open("10.77.0.11", "media/rocky9/EFI/BOOT/BOOTX64.EFI")
	if err != nil || text != "a shim, simulated\n" || stage != provision.Bootfile {
		t.Errorf("the shim: %q %q %v", text, stage, err)
	}
	// The menu beside GRUB is ours, and not the DVD's own.
	text, _, err = open("10.77.0.11", "media/rocky9/EFI/BOOT/grub.cfg")
	if err != nil || !strings.Contains(text, "linux (tftp,10.77.0.1)/media/rocky9/images/pxeboot/vmlinuz 'inst.ks=http://10.77.0.1/i/") {
		t.Errorf("the menu: %q %v", text, err)
	}
	for _, name := range []string{"media/rocky9/.treeinfo", "media/rocky9/EFI/BOOT/grub.cfg-0A4D000B", "media/rocky9/EFI/BOOT/fonts/x.efi", "media/rocky9/images/install.img", "media/nothing/x", "media/rocky9"} {
		if _, _, err := open("10.77.0.11", name); err == nil {
			t.Errorf("%s by TFTP", name)
		}
	}
}
