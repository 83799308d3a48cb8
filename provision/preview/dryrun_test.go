package preview

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/inventory"
)

// TestTryScripts: what would keep a boot script from being rendered is said by
// `rackhand check`; GRUB's templates concern those alone that boot by GRUB.
func TestTryScripts(t *testing.T) {
	try := func(change func(*inventory.Host), templates map[string]string) string {
		t.Helper()
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "templates"), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range templates {
			if err := os.WriteFile(filepath.Join(dir, "templates", name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		h := &inventory.Host{
			Name: "web1", MACs: []inventory.MAC{{0x52, 0x54, 0, 0, 0, 1}}, Address: netip.MustParseAddr("10.77.0.11"),
			Network:   &inventory.Network{Name: "rack1", Subnet: netip.MustParsePrefix("10.77.0.0/24")},
			System:    &inventory.System{Name: "debian12", Installer: inventory.InstallerImage, Image: "debian12"},
			Kickstart: "base.ks", Line: "hosts.yaml:3:5",
		}
		change(h)
		var out strings.Builder
		for _, p := range dryRunHosts(&inventory.Snapshot{Hosts: map[string]*inventory.Host{"web1": h}}, newRoles(dir, nil, nil, nil), (*Supplies)(nil).facts).problems {
			out.WriteString(p.File + ": " + p.Message + "\n")
		}
		return out.String()
	}
	secure := func(h *inventory.Host) { h.Boot.SecureBoot = true }
	arm := func(h *inventory.Host) { h.System.Arch = inventory.ArchARM64 }
	broken := map[string]string{"install.grub": "{{ .Nonsense }}"}
	for name, tc := range map[string]struct {
		change    func(*inventory.Host)
		templates map[string]string
		want      string // "" for no problem
	}{
		"plain":                           {func(*inventory.Host) {}, nil, ""},
		"Secure Boot":                     {secure, nil, ""},
		"arm64":                           {arm, nil, ""},
		"GRUB's template, not concerned":  {func(*inventory.Host) {}, broken, ""},
		"GRUB's template, Secure Boot":    {secure, broken, "templates/install.grub: the boot script of web1 does not render"},
		"GRUB's template, arm64":          {arm, broken, "templates/install.grub: the boot script of web1 does not render"},
		"iPXE's template":                 {func(*inventory.Host) {}, map[string]string{"install.ipxe": "{{ .Nonsense }}"}, "templates/install.ipxe: the boot script of web1 does not render"},
		"an argument that is not a word":  {func(h *inventory.Host) { h.Boot.Args = []string{"a b"} }, nil, "can't be an argument"},
		"a variable that is not all args": {func(h *inventory.Host) { h.Variables = map[string]any{"installer_args": "x='y z'"} }, nil, "can't be an argument"},
	} {
		got := try(tc.change, tc.templates)
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
		if tc.want != "" && !strings.HasPrefix(got, "hosts.yaml: ") && !strings.HasPrefix(got, "templates/") {
			t.Errorf("%s: without its place: %q", name, got)
		}
	}
}
