package web_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/config"
	"rackhand/provision/preview"
)

var (
	tokenInURL     = regexp.MustCompile(`/i/[A-Za-z0-9_-]{32}/`)
	enrolTokenLine = regexp.MustCompile(`(?m)^[A-Za-z0-9_-]{32}$`)
)

// TestPreviewIsWhatIsServed: `rackhand render` shows the bytes that a host gets, but for the
// words in capitals, which stand for what only an install knows.
func TestPreviewIsWhatIsServed(t *testing.T) {
	r := newTestServer(t)
	dir, state := t.TempDir(), t.TempDir()
	if err := os.Rename(r.images, filepath.Join(state, "images")); err != nil {
		t.Fatal(err)
	}
	text := `networks:
  rack1: {subnet: 10.77.0.0/24}
systems:
  debian12: {installer: image, image: debian12}
hosts:
  web1: {mac: ` + web1MAC + `, address: 10.77.0.11, system: debian12, kickstart: base.ks, variables: {ssh_keys: [ssh-ed25519 AAAA me]}}
`
	if err := os.WriteFile(filepath.Join(dir, "rack.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Address, cfg.State, cfg.Mirror.Upstreams = netip.MustParseAddr("10.77.0.1"), state, map[string]string{"debian": "http://mirror.example/debian"}
	p, problems := preview.Open(dir, preview.Options{Config: cfg})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	r.snap, r.options.Handout.Images = p.Snapshot, filepath.Join(state, "images")
	r.arm("web1")

	ipxe := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "").Body.String()
	menu := r.ask(r.boot, "10.77.0.11", "GET", "/grub/grub.cfg", "").Body.String()
	answer := r.ask(r.boot, "10.77.0.11", "GET", "/i/"+anyToken.FindStringSubmatch(menu)[1]+"/ks", "").Body.String()
	in, _ := r.journal.Install("web1")
	for what, served := range map[preview.Answer]string{preview.Script: ipxe, preview.Menu: menu, preview.Kickstart: answer} {
		shown, notes, err := p.Render("web1", what)
		if err != nil || len(notes) > 0 {
			t.Fatalf("%s: %v, %v", what, notes, err)
		}
		served = tokenInURL.ReplaceAllString(served, "/i/TOKEN/")
		served = enrolTokenLine.ReplaceAllString(served, "ENROL-TOKEN")
		served = strings.ReplaceAll(served, in.ID, "INSTALL")
		if diff := cmp.Diff(strings.Split(shown, "\n"), strings.Split(served, "\n")); diff != "" {
			t.Errorf("%s (-shown +served):\n%s", what, diff)
		}
	}
}
