package bootfiles

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// testFiles makes two operator's folders and one of a package.
func testFiles(t *testing.T) (*Files, string) {
	t.Helper()
	top := t.TempDir()
	write := func(path, content string) {
		path = filepath.Join(top, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("own/mine.efi", "mine")
	write("own/sub/deep.efi", "deep")
	write("second/mine.efi", "the second one's")
	write("second/snponly.efi", "my own snponly")
	write("pkg/snponly.efi", "the package's")
	write("boot/ipxe.efi", "ipxe") // Debian's package has a link to it
	write("pkg/shimx64.efi.signed", "shim")
	write("pkg/unlisted", "not handed out")
	write("secret", "secret")
	if err := os.Symlink("../secret", filepath.Join(top, "own", "leak.efi")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(top, "pkg"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(top, "boot", "ipxe.efi"), filepath.Join(top, "pkg", "ipxe.efi")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(top, "own", "pipe.efi"), 0o644); err != nil {
		t.Fatal(err)
	}
	in := func(dir string) string { return filepath.Join(top, dir) }
	return &Files{
		dirs: []string{in("own"), in("second"), in("absent")},
		sources: []source{
			{name: "snponly.efi", folder: in("pkg"), file: "snponly.efi", pkg: "ipxe"},
			{name: "ipxe.efi", folder: in("pkg"), file: "ipxe.efi", pkg: "ipxe"},
			{name: "undionly.kpxe", folder: in("pkg"), file: "undionly.kpxe", pkg: "ipxe"},
			{name: "shimx64.efi", folder: in("pkg"), file: "shimx64.efi.signed", pkg: "shim-signed"},
			{name: "grubaa64.efi", folder: in("fetched"), file: "grubaa64.efi", pkg: "grub-efi-arm64-signed", fetch: "arm64"},
		},
	}, top
}

func TestOpen(t *testing.T) {
	f, _ := testFiles(t)
	for name, want := range map[string]string{
		"mine.efi":    "mine",           // the first folder wins
		"snponly.efi": "my own snponly", // the operator's before the package's
		"ipxe.efi":    "ipxe",
		"shimx64.efi": "shim", // under another name in its package
	} {
		file, size, err := f.Open(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := io.ReadAll(file)
		file.Close()
		if err != nil || string(got) != want || size != int64(len(want)) {
			t.Errorf("%s: %q, size %d, %v; want %q", name, got, size, err, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	f, _ := testFiles(t)
	cases := []struct {
		name string
		want error
		text string
	}{
		{"", ErrName, "empty"},
		{"..", ErrName, "dot"},
		{".hidden", ErrName, "dot"},
		{"../secret", ErrName, "dot"},
		{"sub/deep.efi", ErrName, "0x2f"},
		{"/etc/passwd", ErrName, "0x2f"},
		{`..\secret`, ErrName, "dot"},
		{`a\b`, ErrName, "0x5c"},
		{"mine.efi\x00.png", ErrName, "0x00"},
		{"mine efi", ErrName, "0x20"},
		{"m\xffne", ErrName, "0xff"},
		{strings.Repeat("a", 10_000), ErrName, "at most 127"},
		{"nobody.efi", fs.ErrNotExist, "nobody.efi"},
		{"unlisted", ErrNotFound, "unlisted"},
		{"undionly.kpxe", ErrNotFound, "undionly.kpxe"},
		{"undionly.kpxe", ErrMissing, "install the package ipxe"},
		{"grubaa64.efi", ErrMissing, "run `rackhand bootfiles fetch arm64`"},
		{"shimx64.efi.signed", ErrNotFound, "shimx64.efi.signed"},
		{"sub", nil, "not a regular file"},
		{"pipe.efi", nil, "not a regular file"},
		{"leak.efi", nil, "escapes"},
	}
	for _, tc := range cases {
		file, _, err := f.Open(tc.name)
		if err == nil {
			file.Close()
			t.Errorf("%.40q was opened", tc.name)
			continue
		}
		if tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%.40q: %v, want %v", tc.name, err, tc.want)
		}
		if !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%.40q: %v, want %q in it", tc.name, err, tc.text)
		}
	}
}

func TestList(t *testing.T) {
	f, top := testFiles(t)
	list, err := f.List()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		missing := strings.ReplaceAll(e.Missing, top, "")
		got = append(got, strings.Join([]string{e.Name, e.SHA256[:min(8, len(e.SHA256))], strings.TrimPrefix(e.Path, top), missing}, " | "))
	}
	want := []string{
		"grubaa64.efi |  |  | boot program is missing: no such boot file: file does not exist: grubaa64.efi: run `rackhand bootfiles fetch arm64`, or put the file into a folder of bootfiles in rackhand.yaml",
		"ipxe.efi | 56102690 | /boot/ipxe.efi | ",
		"leak.efi |  |  | boot file /own/leak.efi: statat leak.efi: path escapes from parent",
		"mine.efi | 3fd30542 | /own/mine.efi | ",
		"shimx64.efi | 04e666aa | /pkg/shimx64.efi.signed | ",
		"snponly.efi | 33fd47e9 | /second/snponly.efi | ",
		"undionly.kpxe |  |  | boot program is missing: no such boot file: file does not exist: undionly.kpxe: install the package ipxe, or put the file into a folder of bootfiles in rackhand.yaml",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

func TestPayload(t *testing.T) {
	files := fstest.MapFS{
		"payload/README":               {Data: []byte("readme")},
		"payload/rackhand-agent-arm64": {Data: []byte("\x7fELF")},
	}
	if b, err := payloadFrom(files, PayloadAgent, "arm64"); err != nil || string(b) != "\x7fELF" {
		t.Errorf("agent: %q, %v", b, err)
	}
	for _, absent := range [][2]string{{PayloadInstaller, "arm64"}, {PayloadAgent, "amd64"}} {
		if _, err := payloadFrom(files, absent[0], absent[1]); !errors.Is(err, ErrNoPayload) {
			t.Errorf("%v: %v, want ErrNoPayload", absent, err)
		}
	}
	for _, wrong := range [][2]string{{"README", "amd64"}, {"", "amd64"}, {"../payload/README", "amd64"}, {"rackhand", "agent"}, {PayloadAgent, ""}, {PayloadAgent, "riscv64"}} {
		if _, err := payloadFrom(files, wrong[0], wrong[1]); err == nil || errors.Is(err, ErrNoPayload) {
			t.Errorf("%v: %v, want an error that it is none", wrong, err)
		}
	}
	if b, err := payload.ReadFile("payload/README"); err != nil || len(b) == 0 {
		t.Errorf("the embedded folder: %v", err)
	}
}

// FuzzOpen: for any name, only files of the folders come out.
func FuzzOpen(f *testing.F) {
	for _, s := range []string{"mine.efi", "../secret", "leak.efi", "sub/deep.efi", "a\x00b", "./mine.efi", "…"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		files, top := testFiles(t)
		file, size, err := files.Open(name)
		if err != nil {
			return
		}
		defer file.Close()
		if len(name) > MaxName || strings.ContainsAny(name, "/\\\x00") || name[0] == '.' {
			t.Fatalf("%q was opened", name)
		}
		if rel, err := filepath.Rel(top, file.Name()); err != nil || strings.HasPrefix(rel, "..") || rel == "secret" {
			t.Fatalf("%q opened %s", name, file.Name())
		}
		if size < 0 {
			t.Fatal("negative size")
		}
	})
}
