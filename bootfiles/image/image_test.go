package image

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOpenListVerifyRemove(t *testing.T) {
	dir := t.TempDir()
	want := fakeImage(t, dir, "debian12")
	fakeImage(t, dir, "web")
	write(t, dir, map[string]string{".building-debian12~1/image/manifest.json": "{}", "empty/readme": "", "broken/manifest.json": "{"})
	got, err := Open(dir, "debian12")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the manifest changed on its way (-want +got):\n%s", d)
	}
	if r := got.Root(); r.Name != RootFile || r.Size == 0 || len(r.SHA256) != 64 {
		t.Errorf("the root's file is %+v", r)
	}
	list, err := List(dir)
	var names []string
	for _, m := range list {
		names = append(names, m.Name)
	}
	if d := cmp.Diff([]string{"debian12", "web"}, names); d != "" {
		t.Errorf("listed (-want +got):\n%s", d)
	}
	if err == nil || !strings.Contains(err.Error(), "image broken") {
		t.Errorf("the broken image isn't named: %v", err)
	}
	if err := Verify(t.Context(), dir, "debian12"); err != nil {
		t.Error(err)
	}
	if err := Remove(dir, "debian12"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, "debian12"); !errors.Is(err, ErrNoImage) {
		t.Errorf("a removed image opens: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, buildPrefix+"debian12~*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := Remove(dir, "debian12"); !errors.Is(err, ErrNoImage) {
		t.Errorf("removed twice: %v", err)
	}
	if list, err := List(filepath.Join(dir, "nowhere")); list != nil || err != nil {
		t.Errorf("a missing folder lists %v, %v", list, err)
	}
}

func TestVerifyNames(t *testing.T) {
	dir := t.TempDir()
	fakeImage(t, dir, "debian12")
	write(t, dir, map[string]string{"debian12/vmlinuz": "longer than it was before", "debian12/initrd.img": "THE initrd.img of debian12"})
	if err := os.Remove(filepath.Join(dir, "debian12", RootFile)); err != nil {
		t.Fatal(err)
	}
	err := Verify(t.Context(), dir, "debian12")
	for _, want := range []string{"vmlinuz has 25 bytes", "initrd.img has the SHA-256", RootFile} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, which lacks %q", err, want)
		}
	}
}

func TestParseManifestRefuses(t *testing.T) {
	good := fakeImage(t, t.TempDir(), "debian12")
	for _, c := range []struct {
		name, want string
		change     func(*Manifest)
	}{
		{"a path out of its folder", "no image has", func(m *Manifest) { m.Files["../x"] = File{Name: "../x", SHA256: strings.Repeat("0", 64)} }},
		{"another name within", "no image has", func(m *Manifest) { f := m.Files[KernelFile]; f.Name = "other"; m.Files[KernelFile] = f }},
		{"no checksum", "can't be right", func(m *Manifest) { f := m.Files[KernelFile]; f.SHA256 = "x"; m.Files[KernelFile] = f }},
		{"no kernel", "doesn't name vmlinuz", func(m *Manifest) { delete(m.Files, KernelFile) }},
		{"no root", "no root.tar", func(m *Manifest) { delete(m.Files, RootFile) }},
		{"a bad name", "can't be an image's name", func(m *Manifest) { m.Name = "../../etc" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := ParseManifest(mustJSON(t, good))
			if err != nil {
				t.Fatal(err)
			}
			c.change(m)
			if _, err := ParseManifest(mustJSON(t, m)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"name":"debian12","files":{"vmlinuz":{"name":"vmlinuz","size":1,"sha256":"` + strings.Repeat("0", 64) + `"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil {
			return
		}
		for name := range m.Files {
			if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
				t.Errorf("the file %q leaves the image's folder", name)
			}
		}
	})
}

func TestPlaceReplaces(t *testing.T) {
	dir := t.TempDir()
	for i, text := range []string{"first", "second"} {
		work, err := buildDir(dir, "x")
		if err != nil {
			t.Fatal(err)
		}
		write(t, work, map[string]string{"image/f": text})
		if err := place(filepath.Join(work, "image"), dir, "x"); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "x/f")); err != nil || string(got) != text {
			t.Errorf("build %d: %q, %v", i+1, got, err)
		}
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		".building-debian~1/root/etc/passwd": "a killed build", ".building-debian-web~1/x": "a build of another image",
	})
	l, err := lockImage(dir, "debian")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".building-debian~1")); !os.IsNotExist(err) {
		t.Errorf("a killed build's folder is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".building-debian-web~1")); err != nil {
		t.Errorf("another image's build was removed: %v", err)
	}
	if _, err := lockImage(dir, "debian"); err == nil || !strings.Contains(err.Error(), "being built") {
		t.Errorf("two builds at a time: %v", err)
	}
	l.release()
	if l, err := lockImage(dir, "debian"); err != nil {
		t.Errorf("after its release: %v", err)
	} else {
		l.release()
	}
}

func TestRefresh(t *testing.T) {
	dir := t.TempDir()
	before := fakeImage(t, dir, "debian12")
	if err := Refresh(dir, "debian12", []byte("another installer")); err != nil {
		t.Fatal(err)
	}
	after, err := Open(dir, "debian12")
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(t.Context(), dir, "debian12"); err != nil {
		t.Error(err)
	}
	for _, n := range before.FileNames() {
		if same := before.Files[n] == after.Files[n]; same != (n != InitrdFile) {
			t.Errorf("%s is the same: %v", n, same)
		}
	}
	if err := Refresh(dir, "debian12", []byte("another installer")); err != nil {
		t.Error(err)
	}
	if again, err := Open(dir, "debian12"); err != nil || cmp.Diff(after, again) != "" {
		t.Errorf("the same installer changed the image: %v", err)
	}
	if err := Refresh(dir, "nothing", []byte("i")); !errors.Is(err, ErrNoImage) {
		t.Errorf("no image: %v", err)
	}
	if err := Refresh(dir, "debian12", nil); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("no installer: %v", err)
	}
	shell, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	if err := Refresh(dir, "debian12", shell); err == nil || !strings.Contains(err.Error(), "isn't static") {
		t.Errorf("a program with libraries: %v", err)
	}
}
