package media_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/bootfiles/media"
	"rackhand/bootfiles/media/mediatest"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func iso(t *testing.T) string {
	t.Helper()
	path, err := mediatest.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func add(t *testing.T, path string, change func(*media.AddOptions)) (string, *media.Manifest) {
	t.Helper()
	o := media.AddOptions{Dir: filepath.Join(t.TempDir(), "media"), Name: "rocky9", Now: now}
	if change != nil {
		change(&o)
	}
	m, notes, err := media.Add(t.Context(), path, o)
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	return o.Dir, m
}

func contents(t *testing.T, s *media.Store, name, file string) string {
	t.Helper()
	f, err := s.Open(name, file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil || int64(len(b)) != f.Size {
		t.Fatalf("%d bytes of %d, %v", len(b), f.Size, err)
	}
	return string(b)
}

func TestAdd(t *testing.T) {
	for _, inPlace := range []bool{false, true} {
		path := iso(t)
		dir, m := add(t, path, func(o *media.AddOptions) { o.InPlace = inPlace })
		if got := m.Tree.Release() + " " + m.Tree.Processor() + " " + m.Tree.Names(); got != "RHEL9 amd64 AppStream, BaseOS" {
			t.Errorf("the tree is %s", got)
		}
		if !m.Packages || m.ISO.Label != "Rocky-9-4-x86_64-dvd" || (m.ISO.Path == path) != inPlace {
			t.Errorf("%+v %+v", m, m.ISO)
		}
		s := media.NewStore(dir)
		if got := contents(t, s, "rocky9", "images/pxeboot/vmlinuz"); got != "a kernel, simulated\n" {
			t.Errorf("the kernel: %q", got)
		}
		if err := media.Verify(t.Context(), dir, "rocky9"); err != nil {
			t.Error(err)
		}
		for _, name := range []string{"images/updates.img", "BaseOS", "", "../x", "/.treeinfo"} {
			if _, err := s.Open("rocky9", name); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%q: %v", name, err)
			}
		}
		list, err := media.List(dir)
		if err != nil || len(list) != 1 || list[0].Name != "rocky9" {
			t.Errorf("%v, %v", list, err)
		}
		if _, _, err := media.Add(t.Context(), path, media.AddOptions{Dir: dir, Name: "rocky9", Now: now}); err == nil || !strings.Contains(err.Error(), "--replace") {
			t.Errorf("added twice: %v", err)
		}
		if _, _, err := media.Add(t.Context(), path, media.AddOptions{Dir: dir, Name: "rocky9", Now: now, Replace: true}); err != nil {
			t.Errorf("replaced: %v", err)
		}
		contents(t, s, "rocky9", ".treeinfo")
		if err := media.Remove(dir, "rocky9"); err != nil {
			t.Error(err)
		}
		if _, err := s.Media("rocky9"); !errors.Is(err, media.ErrNoMedia) {
			t.Errorf("removed: %v", err)
		}
		if err := media.Remove(dir, "rocky9"); !errors.Is(err, media.ErrNoMedia) {
			t.Errorf("removed twice: %v", err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("the operator's own file: %v", err)
		}
	}
}

// TestChanged: an ISO in its place that is not the one that was added is not served.
func TestChanged(t *testing.T) {
	path := iso(t)
	dir, _ := add(t, path, func(o *media.AddOptions) { o.InPlace = true })
	s := media.NewStore(dir)
	contents(t, s, "rocky9", ".treeinfo")
	if err := os.Chtimes(path, now, now); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open("rocky9", ".treeinfo"); err == nil || !strings.Contains(err.Error(), "was changed") {
		t.Errorf("touched: %v", err)
	}
	if err := media.Verify(t.Context(), dir, "rocky9"); err == nil || !strings.Contains(err.Error(), "touch") {
		t.Errorf("touched, verified: %v", err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := media.Verify(t.Context(), dir, "rocky9"); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("another byte, verified: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open("rocky9", ".treeinfo"); err == nil {
		t.Error("served without its file")
	}
}

// TestRefused: unusable media are refused when they are added, and nothing of them
// stays.
func TestRefused(t *testing.T) {
	whole, err := os.ReadFile(iso(t))
	if err != nil {
		t.Fatal(err)
	}
	damage := func(old, new string) []byte {
		if !bytes.Contains(whole, []byte(old)) || len(old) != len(new) {
			t.Fatalf("no %q", old)
		}
		return bytes.Replace(whole, []byte(old), []byte(new), 1)
	}
	for name, tc := range map[string]struct {
		iso  []byte
		o    media.AddOptions
		want string
	}{
		"a text":              {[]byte(strings.Repeat("x", 1<<17)), media.AddOptions{}, "not a readable ISO 9660"},
		"cut off":             {whole[:len(whole)/2], media.AddOptions{}, "is the file whole?"},
		"a damaged kernel":    {damage("a kernel, simulated", "a kernel, simUlated"), media.AddOptions{}, "is damaged"},
		"no stage2":           {damage("mainimage", "mainimagX"), media.AddOptions{}, "names no mainimage"},
		"another sum":         {whole, media.AddOptions{SHA256: strings.Repeat("0", 64)}, "fetch it again"},
		"no sum":              {whole, media.AddOptions{SHA256: "x"}, "64 hexadecimal"},
		"a name with a slash": {whole, media.AddOptions{Name: "../x"}, "can't be a media's name"},
		"a kernel elsewhere":  {damage("kernel = images/", "kernel = ../../x"), media.AddOptions{}, "can't be the path"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "x.iso")
		if err := os.WriteFile(path, tc.iso, 0o644); err != nil {
			t.Fatal(err)
		}
		tc.o.Dir, tc.o.Now = filepath.Join(dir, "media"), now
		if tc.o.Name == "" {
			tc.o.Name = "x"
		}
		if _, _, err := media.Add(t.Context(), path, tc.o); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "media", "*")); len(left) > 0 {
			t.Errorf("%s: left behind: %v", name, left)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "media", ".*")); len(left) > 0 {
			t.Errorf("%s: left behind: %v", name, left)
		}
	}
}

// TestTree: a tree on a mirror; its boot files are kept, and compared.
func TestTree(t *testing.T) {
	dir, _ := add(t, iso(t), nil)
	s := media.NewStore(dir)
	const base = "9/BaseOS/x86_64/os"
	broken := ""
	fetch := func(_ context.Context, path string) (io.ReadCloser, error) {
		inside, ok := strings.CutPrefix(path, base+"/")
		if !ok {
			return nil, fs.ErrNotExist
		}
		if inside == broken {
			return io.NopCloser(strings.NewReader("another kernel\n")), nil
		}
		return s.Open("rocky9", inside)
	}
	o := media.AddOptions{Dir: dir, Name: "rocky9-net", Now: now}
	m, notes, err := media.AddTree(t.Context(), "rocky", base, fetch, o)
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	if m.Mirror != "rocky" || m.Path != base || m.Tree.Release() != "RHEL9" {
		t.Errorf("%+v", m)
	}
	if got := contents(t, s, "rocky9-net", "images/pxeboot/initrd.img"); got != "an initrd, simulated\n" {
		t.Errorf("the initrd: %q", got)
	}
	if _, err := s.Open("rocky9-net", "images/install.img"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what the cache brings: %v", err)
	}
	if err := media.Verify(t.Context(), dir, "rocky9-net"); err != nil {
		t.Error(err)
	}
	o.Name, broken = "damaged", "images/pxeboot/vmlinuz"
	if _, _, err := media.AddTree(t.Context(), "rocky", base, fetch, o); err == nil || !strings.Contains(err.Error(), ".treeinfo says") {
		t.Errorf("another kernel: %v", err)
	}
	if _, _, err := media.AddTree(t.Context(), "rocky", "elsewhere", fetch, o); err == nil || !strings.Contains(err.Error(), "has no .treeinfo") {
		t.Errorf("no tree: %v", err)
	}
}

func FuzzTreeinfo(f *testing.F) {
	f.Add([]byte("[general]\nfamily = Fedora\nversion = 44\narch = x86_64\n[stage2]\nmainimage = images/install.img\n[images-x86_64]\nkernel = k\ninitrd = i\n"))
	f.Add([]byte("[x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ti, err := media.ParseTreeinfo(b)
		if err != nil {
			return
		}
		for _, p := range []string{ti.Kernel, ti.Initrd, ti.Stage2} {
			if !fs.ValidPath(p) {
				t.Errorf("path %q", p)
			}
		}
	})
}

// TestNoRoom: an ISO that the disk can't hold is refused before it is copied, and
// nothing of it stays.
func TestNoRoom(t *testing.T) {
	path := iso(t)
	if err := os.Truncate(path, 8<<40); err != nil { // mostly a hole
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "media")
	_, _, err := media.Add(t.Context(), path, media.AddOptions{Dir: dir, Name: "rocky9", Now: now})
	if err == nil || !strings.Contains(err.Error(), "make room") {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
