package preview

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/bootfiles/image"
	"rackhand/config"
)

const suppliesBase = `networks:
  rack1: {subnet: 10.77.0.0/24, gateway: 10.77.0.254}
systems:
  debian12: {installer: image, image: debian12}
  debian13: {installer: image, image: debian13}
groups:
  web: {system: debian12, kickstart: base.ks, role: web, variables: {ssh_keys: [ssh-ed25519 AAAA me]}}
hosts:
`

// TestSuppliesOf: what `rackhand check` asks without an appliance, over real settings and
// a real folder of images.
func TestSuppliesOf(t *testing.T) {
	dir := t.TempDir()
	cfg, problems := config.Parse(filepath.Join(dir, "rackhand.yaml"), []byte("interfaces: [eth9]\naddress: 10.77.0.1\nstate: state\nsecrets: secrets\n"))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		"inventory/rack.yaml":      suppliesBase + "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, group: web}\n  web2: {mac: 52:54:00:00:00:02, address: 10.77.0.12, group: web, system: debian13}\n  web3: {mac: 52:54:00:00:00:03, address: 10.77.0.13, group: web, system: debian13}\n  web4: {mac: 52:54:00:00:00:04, address: 10.77.0.14, group: web, system: debian13, install: never}\n",
		"inventory/roles/web.yaml": "resources:\n  - package: nginx\n",
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	putImage(t, filepath.Join(cfg.State, "images"), "debian12")
	checked := Check(filepath.Join(dir, "inventory"), SuppliesOf(cfg))
	if len(checked.Problems) != 1 {
		t.Fatalf("%v", checked.Problems)
	}
	got := checked.Problems[0].String()
	for _, want := range []string{"host web2: it can't be installed", "the image of web2 is not at hand", "build it with: rackhand image build debian13", "and 1 more host"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %q", got, want)
		}
	}
}

// putImage puts an image of a few bytes into a folder of images.
func putImage(t *testing.T, images, name string) {
	t.Helper()
	folder := filepath.Join(images, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	m := image.Manifest{Name: name, Arch: "amd64", Files: map[string]image.File{}}
	for _, file := range []string{image.KernelFile, image.InitrdFile, image.BaseFile, "root.tar.zst"} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(file))
		m.Files[file] = image.File{Name: file, Size: int64(len(file)), SHA256: hex.EncodeToString(sum[:])}
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, image.ManifestFile), b, 0o644); err != nil {
		t.Fatal(err)
	}
}
