package preview

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rackOf writes an inventory of n hosts of two systems, with a role.
func rackOf(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString(`networks:
  rack1: {subnet: 10.64.0.0/16, gateway: 10.64.0.1, dns: [10.64.0.1]}
systems:
  debian12: {installer: image, image: debian12}
  rocky9: {installer: anaconda, release: RHEL9, media: rocky.iso}
defaults: {variables: {root_password: {secret: rootpw/all}, ssh_keys: [ssh-ed25519 AAAA]}}
groups:
  web: {system: debian12, kickstart: base.ks, role: web}
  db: {system: rocky9, kickstart: rhel.ks, role: web}
hosts:
`)
	for i := range n {
		group := "web"
		if i%4 == 0 {
			group = "db"
		}
		fmt.Fprintf(&b, "  h%d: {mac: \"52:54:00:00:%02x:%02x\", address: 10.64.%d.%d, group: %s}\n", i, i/256, i%256, 1+i/250, 2+i%250, group)
	}
	write(t, dir, "rack.yaml", b.String())
	write(t, dir, "roles/web.yaml", "resources:\n  - package: nginx\n  - file: /etc/motd\n    content: ${host.name}\n")
	return dir
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkCheck is `rackhand check` of 1,000 hosts.
func BenchmarkCheck(b *testing.B) {
	dir := rackOf(b, 1000)
	for b.Loop() {
		if c := Check(dir, nil); len(c.Problems) > 0 {
			b.Fatal(c.Problems)
		}
	}
}

// TestCheckRack: what the benchmark checks has no problem.
func TestCheckRack(t *testing.T) {
	c := Check(rackOf(t, 12), nil)
	if len(c.Problems)+len(c.Warnings) > 0 || c.Snapshot == nil {
		t.Errorf("problems %v, warnings %v", c.Problems, c.Warnings)
	}
}
