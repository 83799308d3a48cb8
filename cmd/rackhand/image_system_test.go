package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/bootfiles/image"
	"rackhand/config"
	"rackhand/provision/preview"
)

// TestImageSystem: a new image becomes a system of the inventory with --system, once; without,
// the command says how. A broken inventory is an error only with --system.
func TestImageSystem(t *testing.T) {
	dir := t.TempDir()
	cfg := &config.Config{Inventory: dir}
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "rack.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# mine\nsystems:\n  old: {installer: image, image: debian12}\n")
	for _, tt := range []struct {
		flag              bool
		name, arch        string
		says, says2, fail string
	}{
		{false, "debian12", "amd64", "", "", ""},
		{true, "debian12", "amd64", "", "", ""},
		{false, "ubuntu24.04", "amd64", "give --system", "", ""},
		{true, "ubuntu24.04", "amd64", "+  ubuntu24.04: {installer: image, image: ubuntu24.04}", "rack.yaml is written", ""},
		{true, "ubuntu24.04", "amd64", "", "", ""},
		{true, "arm", "arm64", "image: arm, arch: arm64", "", ""},
		{true, "old", "amd64", "", "", "old"}, // a system of that name has another image
	} {
		var out strings.Builder
		err := imageSystem{tt.flag}.declare(t.Context(), cfg, &image.Manifest{Name: tt.name, Arch: tt.arch}, &out)
		if tt.fail == "" && err != nil || tt.fail != "" && (err == nil || !strings.Contains(err.Error(), tt.fail)) {
			t.Errorf("%+v: %v", tt, err)
		}
		if !strings.Contains(out.String(), tt.says) || !strings.Contains(out.String(), tt.says2) || tt.says == "" && out.Len() > 0 {
			t.Errorf("%+v: it says %q", tt, &out)
		}
	}
	snap, problems := preview.Load(dir)
	if err := problems.Err(); err != nil || snap.Systems["ubuntu24.04"].Image != "ubuntu24.04" || snap.Systems["arm"].Processor() != "arm64" {
		t.Errorf("%v, %+v", err, snap)
	}
	write("systems: [")
	var out strings.Builder
	if err := (imageSystem{}).declare(t.Context(), cfg, &image.Manifest{Name: "web"}, &out); err != nil || out.Len() > 0 {
		t.Errorf("%v, %q", err, &out)
	}
	if err := (imageSystem{true}).declare(t.Context(), cfg, &image.Manifest{Name: "web"}, &out); err == nil {
		t.Error("a broken inventory was changed")
	}
}
