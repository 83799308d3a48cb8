package web_test

import (
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/templates"
)

// TestInitrdPatience: the initrd of Anaconda's is told to ask again for 8 s at most, and
// then no: its answer file, its media, and what comes through the mirror cache.
func TestInitrdPatience(t *testing.T) {
	type answer struct {
		after time.Duration // of the answer before
		code  int
	}
	const s = time.Second
	rowOf := []answer{{0, 503}, {3 * s, 503}, {3 * s, 503}, {2 * s, 503}, {s, 404}, {3 * s, 404}, {29 * s, 404}, {30 * s, 503}, {8 * s, 503}, {s / 10, 404}}
	for name, tt := range map[string]struct {
		spoil  func(*testServer, string)
		path   string
		mend   func(*testServer, string)
		always bool // who asks is told to ask again for ever
	}{
		"answer file": {path: "/i/TOKEN/ks", spoil: func(r *testServer, iso string) { rename(r.t, iso, iso+".away") }, mend: func(r *testServer, iso string) { rename(r.t, iso+".away", iso) }},
		"template": {path: "/i/TOKEN/ks", spoil: func(r *testServer, _ string) { r.snap.Hosts["web1"].Variables = map[string]any{"layout": "odd"} }, mend: func(r *testServer, _ string) {
			r.snap.Hosts["web1"].Variables = nil
		}},
		"second stage": {path: "/media/rocky9/images/install.img", spoil: func(r *testServer, iso string) { rename(r.t, iso, iso+".away") }, mend: func(r *testServer, iso string) { rename(r.t, iso+".away", iso) }},
		"mirror":       {path: "/mirror/rocky/x", spoil: func(r *testServer, _ string) { r.server.Mirror = mirrorAway }},
		"package manager": {path: "/mirror/rocky/x", always: true, spoil: func(r *testServer, _ string) {
			r.server.Mirror = mirrorAway
			r.stage(provision.Packages)
		}},
		"kernel by iPXE": {path: "/media/rocky9/images/pxeboot/vmlinuz", always: true, spoil: func(r *testServer, iso string) {
			r.stage(provision.Script)
			rename(r.t, iso, iso+".away")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r, iso := anacondaServer(t)
			r.arm("web1")
			token := r.script(web1MAC, "10.77.0.11")
			if !strings.Contains(name, "iPXE") {
				r.stage(provision.Kernel)
			}
			tt.spoil(r, iso)
			began := time.Now()
			r.server.Clock = func() time.Time { return began.Add(r.later) }
			r.boot = r.server.Boot()
			path := strings.Replace(tt.path, "TOKEN", token, 1)
			for i, a := range rowOf {
				r.later += a.after
				w := r.ask(r.boot, "10.77.0.11", "GET", path, "")
				want := a.code
				if tt.always {
					want = 503
				}
				if w.Code != want || (w.Code == 503) != (w.Header().Get("Retry-After") != "") {
					t.Errorf("answer %d: %d %v, want %d", i, w.Code, w.Header(), want)
				}
			}
			if !tt.always {
				r.wantEvent("web1", "initrd-refused")
			}
			if tt.mend == nil {
				return
			}
			// What it gets ends the series.
			tt.mend(r, iso)
			r.want(r.ask(r.boot, "10.77.0.11", "GET", path, ""), 200)
			if strings.Contains(path, "/ks") {
				return // it is kept for ten minutes, whatever becomes of the rest
			}
			tt.spoil(r, iso)
			r.want(r.ask(r.boot, "10.77.0.11", "GET", path, ""), 503)
		})
	}
}

var mirrorAway = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Retry-After", "10")
	http.Error(w, "the upstream is away", http.StatusServiceUnavailable)
})

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// stage moves web1's install.
func (r *testServer) stage(s provision.Stage) {
	r.t.Helper()
	if err := r.journal.Record(provision.Event{Host: "web1", Source: "http", Kind: "fetch", Stage: s, Message: "as the test has it"}); err != nil {
		r.t.Fatal(err)
	}
}

// TestUnrenderable: an answer file that can't be rendered is known when its host is
// armed, its script is not handed out, and no attempt is spent. When it is mended the box
// goes on from where it waits.
func TestUnrenderable(t *testing.T) {
	r, _ := anacondaServer(t)
	h := r.snap.Hosts["web1"]
	dir := t.TempDir()
	for name, text := range map[string]string{"broken.ks": "{{ var \"missing\" }}\n", "secret.ks": "rootpw {{ secret \"none\" }}\n", "good.ks": "text\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r.server.Handout.Templates = templates.New(dir)
	r.arm("web1")
	for name, says := range map[string]string{"broken.ks": "missing", "secret.ks": "secret.ks:1:11", "nowhere.ks": "nowhere.ks"} {
		h.Kickstart = name
		if err := r.server.Handout.Ready(h, r.server.Appliance); err == nil || !strings.Contains(err.Error(), "the answer file of web1 does not render") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: known at arming: %v", name, err)
		}
		w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "")
		if w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: the script: %d %s", name, w.Code, w.Body)
		}
		if _, _, err := r.server.TFTP().Open(t.Context(), netip.MustParseAddr("10.77.0.11"), "ipxe/"+web1MAC); err == nil {
			t.Errorf("%s: the script by TFTP", name)
		}
	}
	r.wantEvent("web1", "template")
	if in, _ := r.journal.Install("web1"); in.Attempts != 0 {
		t.Errorf("%d attempts are spent", in.Attempts)
	}
	h.Kickstart = "good.ks"
	r.script(web1MAC, "10.77.0.11")
}
