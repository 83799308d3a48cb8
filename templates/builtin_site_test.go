package templates_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rackhand/inventory"
	"rackhand/templates"
	"rackhand/templates/kickstart"
)

// TestPasswords: a password in the clear never stands in what is rendered, and its
// hash is one that the release can read.
func TestPasswords(t *testing.T) {
	for release, prefix := range map[kickstart.Release]string{kickstart.RHEL8: "'$6$", kickstart.RHEL9: "'$y$", kickstart.F44: "'$y$"} {
		d := filled(release, form{"", map[string]any{"root_password": inventory.SecretRef("rootpw/web")}})
		name := "rhel.ks"
		if release == kickstart.F44 {
			name = "fedora.ks"
		}
		plain := func(string) (string, error) { return "correct horse", nil }
		text, err := templates.New("").Render(name, d, templates.Funcs(d.Host, plain, templates.Salt(rand.Reader)))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, "correct horse") || !strings.Contains(text, "rootpw --iscrypted "+prefix) {
			t.Errorf("%s: %s", release, text[:800])
		}
	}
}

// TestBlocks: a site overrides each block that a shipped template has, one by one, and
// what it says stays a Kickstart.
func TestBlocks(t *testing.T) {
	for name, release := range map[string]kickstart.Release{"rhel.ks": kickstart.RHEL9, "fedora.ks": kickstart.F44, "base.ks": ""} {
		blocks := []string{"source", "locale", "users", "network", "disks", "bootloader", "pre", "post", "services", "packages"}
		if release == "" {
			blocks = append(blocks, "repos")
		}
		for _, block := range blocks {
			dir := t.TempDir()
			own := "# the site's own " + block + "\n"
			if err := os.WriteFile(filepath.Join(dir, block+".ks"), []byte(own), 0o600); err != nil {
				t.Fatal(err)
			}
			d := filled(release, extras()[1])
			text, err := templates.New(dir).Render(name, d, templates.Funcs(d.Host, templates.StandInSecret))
			if err != nil {
				t.Fatal(err)
			}
			before := slices.Collect(strings.Lines(render(t, name, d)))
			for line := range strings.Lines(text) {
				if line != own && !slices.Contains(before, line) {
					t.Errorf("%s: with a %s of its own, a line is %q", name, block, line)
				}
			}
			f, err := kickstart.Parse(name, []byte(text))
			if err != nil {
				t.Fatalf("%s without %s: %v", name, block, err)
			}
			gone := map[string][]string{
				"source": {"url", "liveimg"}, "locale": {"lang", "timezone"}, "users": {"rootpw"}, "network": {"network"},
				"disks": {"clearpart", "part"}, "bootloader": {"bootloader"}, "services": {"firewall", "selinux"}, "repos": {"repo"},
			}[block]
			if left := f.Find(gone...); len(gone) > 0 && len(left) > 0 || strings.Count(text, "\n"+own) != 1 {
				t.Errorf("%s: the block %s is not overridden", name, block)
			}
		}
	}
}
