package handout

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/bootfiles"
	"rackhand/bootfiles/media"
	"rackhand/bootfiles/media/mediatest"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/templates"
)

// TestLacks checks the fields by which a program knows what a host's install lacks.
func TestLacks(t *testing.T) {
	dir := t.TempDir()
	iso, err := mediatest.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(dir, "media")
	if _, _, err := media.Add(t.Context(), iso, media.AddOptions{Dir: store, Name: "rocky9", InPlace: true, Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"secret.ks": `{{ secret "rootpw/web" }}`, "broken.ks": "text\n{{ .Nothing }}\n", "good.ks": "text\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := Maker{
		Templates: templates.New(dir), Random: rand.Reader, Images: filepath.Join(dir, "images"), Media: media.NewStore(store), Secrets: "/etc/rackhand/secrets",
		Secret: func(name string) (string, error) {
			if name == "given" {
				return "hunter2", nil
			}
			return "", errors.New("no file")
		},
	}
	anaconda := func(name, release string) *inventory.System {
		return &inventory.System{Name: "sys", Installer: inventory.InstallerAnaconda, Release: release, Media: name}
	}
	for _, tc := range []struct {
		name      string
		system    *inventory.System
		kickstart string
		want      map[string]string
	}{
		{"no system", nil, "good.ks", map[string]string{"lacks": "system", "name": ""}},
		{"no image", &inventory.System{Installer: inventory.InstallerImage, Image: "debian12"}, "good.ks", map[string]string{"lacks": "image", "name": "debian12"}},
		{"no media", anaconda("later", "RHEL9"), "good.ks", map[string]string{"lacks": "media", "name": "later"}},
		{"media of another release", anaconda("rocky9", "RHEL8"), "good.ks", map[string]string{"lacks": "media-unfit", "name": "rocky9"}},
		{"no secret", anaconda("rocky9", "RHEL9"), "secret.ks", map[string]string{"lacks": "secret", "name": "rootpw/web", "path": "/etc/rackhand/secrets/rootpw/web"}},
		{"a template that fails", anaconda("rocky9", "RHEL9"), "broken.ks", map[string]string{"lacks": "template", "name": "templates/broken.ks:2:4"}},
		{"no template", anaconda("rocky9", "RHEL9"), "nothing.ks", map[string]string{"lacks": "template", "name": "nothing.ks"}},
		{"nothing", anaconda("rocky9", "RHEL9"), "good.ks", map[string]string{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := &inventory.Host{Name: "web1", MACs: []inventory.MAC{{0x52}}, System: tc.system, Kickstart: tc.kickstart}
			err := m.Ready(h, templates.Appliance{URL: "http://10.77.0.1"})
			got := provision.LackFields(err)
			if diff := cmp.Diff(tc.want, got); diff != "" || (err == nil) != (len(tc.want) == 0) {
				t.Errorf("%v: %s", err, diff)
			}
		})
	}
	_, _, err = bootfiles.New(nil).WithFetched(dir).Open("grubaa64.efi")
	if diff := cmp.Diff(map[string]string{"lacks": provision.LacksBootProgram, "name": "grubaa64.efi", "fetch": "arm64"}, provision.LackFields(err)); diff != "" || !errors.Is(err, bootfiles.ErrMissing) {
		t.Errorf("%v: %s", err, diff)
	}
}

// TestLackShowsNoSecret checks that an error about a template shows no secret that it got.
func TestLackShowsNoSecret(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "web.ks"), []byte(`{{ index (secret "given") 99 }}`), 0o600); err != nil {
		t.Fatal(err)
	}
	m := Maker{Templates: templates.New(dir), Random: rand.Reader, Secret: func(string) (string, error) { return "hunter2", nil }}
	_, err := m.AnswerFile(templates.Data{Host: &inventory.Host{Name: "web1", Kickstart: "web.ks"}}, nil)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	for _, v := range provision.LackFields(err) {
		if strings.Contains(v, "hunter2") {
			t.Errorf("a field shows it: %q", v)
		}
	}
}
