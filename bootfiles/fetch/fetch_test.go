package fetch

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/bootfiles"
	"rackhand/bootfiles/image"
)

// A fakeApt is the machine's apt and dpkg-deb: packages hold the programs as text.
type fakeApt struct {
	content string
	calls   []string
	fail    string // the command that fails
	omit    string // a package without its file
	noTool  bool   // grub-mkimage isn't installed
}

func (f *fakeApt) run(_ context.Context, dir, name string, args ...string) (string, error) {
	f.calls = append(f.calls, name+" "+strings.Join(args, " "))
	what := name
	if name == "apt-get" {
		what += " " + args[slices.Index(args, "-q")+1]
	}
	if what == f.fail {
		return "", explain(name, errors.New("exit status 100"), "E: Unable to locate package shim-signed")
	}
	switch what {
	case "apt-get download":
		for _, pkg := range args[slices.Index(args, "download")+1:] {
			if err := os.WriteFile(filepath.Join(dir, pkg+"_1.2_arm64.deb"), nil, 0o644); err != nil {
				return "", err
			}
		}
	case "grub-mkimage":
		if f.noTool {
			return "", explain(name, exec.ErrNotFound, "")
		}
		return "", os.WriteFile(filepath.Join(dir, bootfiles.GRUBHTTPARM64), []byte(f.content), 0o644)
	case "dpkg-deb":
		if args[0] == "--field" {
			return "1.2\n", nil
		}
		for _, w := range bootfiles.ARM64() {
			if !strings.HasPrefix(filepath.Base(args[1]), w.Package+"_") || w.Package == f.omit {
				continue
			}
			path := filepath.Join(args[2], w.Path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return "", err
			}
			if err := os.WriteFile(path, []byte(f.content+w.Name), 0o644); err != nil {
				return "", err
			}
		}
	}
	return "", nil
}

func options(dir string, f *fakeApt) Options {
	return Options{
		Dir: dir, Processor: "arm64", Release: "bookworm", run: f.run,
		Sources: []image.Source{{URI: "http://archive.invalid/debian", Suite: "bookworm", Components: []string{"main"}}},
		Clock:   func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) },
	}
}

func TestFetch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bootfiles")
	f := &fakeApt{content: "MZ one "}
	// Twice: the second takes the place of the first.
	for _, content := range []string{"MZ one ", "MZ two "} {
		f.content = content
		m, err := Fetch(t.Context(), options(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Files) != len(bootfiles.ARM64())+1 || m.Files[0].Version != "1.2" {
			t.Errorf("manifest %+v", m)
		}
		list, err := bootfiles.New(nil).WithFetched(dir).List()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if e.From == "fetched for arm64" && e.Missing != "" {
				t.Errorf("after %q: %+v", content, e)
			}
		}
		got, err := os.ReadFile(filepath.Join(dir, "arm64", "grubaa64.efi"))
		if err != nil || string(got) != content+"grubaa64.efi" {
			t.Errorf("%q, %v", got, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 { // .lock and arm64
		t.Errorf("left behind: %v, %v", entries, err)
	}
	update := f.calls[0]
	for _, want := range []string{"APT::Architecture=arm64", "Dir::State::status=/dev/null", "Dir::Etc::sourceparts=/dev/null", "-q update"} {
		if !strings.Contains(update, want) {
			t.Errorf("apt-get is called without %s: %s", want, update)
		}
	}
}

// TestFetchFails: after any failure the existing programs stay, nothing is left behind, and
// the error says what to do.
func TestFetchFails(t *testing.T) {
	dir := t.TempDir()
	if _, err := Fetch(t.Context(), options(dir, &fakeApt{content: "MZ good "})); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		fake fakeApt
		want string
	}{
		"update":     {fakeApt{fail: "apt-get update"}, "some mirrors have amd64 alone"},
		"download":   {fakeApt{fail: "apt-get download"}, "some mirrors have amd64 alone"},
		"unpack":     {fakeApt{fail: "dpkg-deb"}, "dpkg-deb failed"},
		"no file":    {fakeApt{content: "MZ ", omit: "shim-signed"}, "the package shim-signed has no usr/lib/shim"},
		"image":      {fakeApt{content: "MZ ", fail: "grub-mkimage"}, "make a GRUB with HTTP"},
		"no program": {fakeApt{content: "<html>"}, "not a UEFI program"},
	} {
		_, err := Fetch(t.Context(), options(dir, &tc.fake))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
		got, err := os.ReadFile(filepath.Join(dir, "arm64", "shimaa64.efi"))
		if err != nil || string(got) != "MZ good shimaa64.efi" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 2 {
			t.Errorf("%s: left behind: %v", name, entries)
		}
	}
	m, err := Fetch(t.Context(), options(dir, &fakeApt{content: "MZ good ", noTool: true}))
	if err != nil || len(m.Files) != len(bootfiles.ARM64()) {
		t.Errorf("without grub-mkimage: %+v, %v", m, err)
	}
	o := options(dir, &fakeApt{})
	o.Processor = "riscv64"
	if _, err := Fetch(t.Context(), o); err == nil || !strings.Contains(err.Error(), "arm64") {
		t.Errorf("riscv64: %v", err)
	}
	l, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Fetch(t.Context(), options(dir, &fakeApt{})); err == nil || !strings.Contains(err.Error(), "another fetch") {
		t.Errorf("while another one runs: %v", err)
	}
}

// TestCommand: output is kept, bounded, and in the error.
func TestCommand(t *testing.T) {
	out, err := command(t.Context(), t.TempDir(), "sh", "-c", "echo out; echo err >&2")
	if err != nil || out != "out\n" {
		t.Errorf("%q, %v", out, err)
	}
	_, err = command(t.Context(), t.TempDir(), "sh", "-c", "echo Could not connect >&2; exit 7")
	if err == nil || !strings.Contains(err.Error(), "check apt's sources and proxy") || !strings.Contains(err.Error(), "exit status 7") {
		t.Errorf("%v", err)
	}
	if _, err = command(t.Context(), t.TempDir(), "no-such-program-here"); err == nil || !strings.Contains(err.Error(), "needs a Debian machine") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := command(ctx, t.TempDir(), "sleep", "60"); err == nil {
		t.Error("a command outlives its context")
	}
}
