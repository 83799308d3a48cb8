package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTar(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"etc/b": "two", "etc/a": "one", "usr/bin/x": "program"})
	if err := os.Link(filepath.Join(root, "etc/a"), filepath.Join(root, "usr/hard")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("usr/bin", filepath.Join(root, "bin")); err != nil {
		t.Fatal(err)
	}
	old := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	from := origins{"etc/b": {{digest: "b8a9f715dbb64fd5c56e7783c6820a61"}}}
	if err := os.Chtimes(filepath.Join(root, "etc/b"), old, old); err != nil {
		t.Fatal(err)
	}
	var first bytes.Buffer
	n, err := writeTar(t.Context(), &first, root, from)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(len("two" + "one" + "program")); n != want {
		t.Errorf("%d bytes unpacked, want %d", n, want)
	}
	var names []string
	for r := tar.NewReader(bytes.NewReader(first.Bytes())); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name+" "+string(h.Typeflag)+" "+h.Linkname)
		if h.ModTime.Unix() > releaseEpoch || h.Uname != "" || h.Name == "etc/b" && h.ModTime.Unix() != old.Unix() {
			t.Errorf("%s bears the time %v and the owner %q", h.Name, h.ModTime, h.Uname)
		}
	}
	want := []string{"bin 2 usr/bin", "etc/ 5 ", "etc/a 0 ", "etc/b 0 ", "usr/ 5 ", "usr/bin/ 5 ", "usr/bin/x 0 ", "usr/hard 1 etc/a"}
	if d := cmp.Diff(want, names); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	texts := map[string]string{}
	eachFile(t, bytes.NewReader(first.Bytes()), func(name string, data []byte) { texts[name] = string(data) })
	if d := cmp.Diff(map[string]string{"etc/a": "one", "etc/b": "two", "usr/bin/x": "program"}, texts); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(root, "etc/a"), later, later); err != nil {
		t.Fatal(err)
	}
	var second bytes.Buffer
	if _, err := writeTar(t.Context(), &second, root, from); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("a file that was touched makes another tar")
	}
}

func TestParseStatus(t *testing.T) {
	const status = `Package: zlib1g
Source: zlib (1:1.2.12)
Status: install ok installed
Architecture: amd64
Version: 1:1.2.13
Description: compression library
 Package: not a field

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: adduser
Status: install ok installed
Architecture: all
Version: 3.134
`
	list, err := parseStatus(strings.NewReader(status))
	if err != nil {
		t.Fatal(err)
	}
	want := []Package{{Name: "adduser", Version: "3.134", Arch: "all"}, {Name: "zlib1g", Version: "1:1.2.13", Arch: "amd64", Source: "zlib", SourceVersion: "1:1.2.12"}}
	if d := cmp.Diff(want, list); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	var b strings.Builder
	if err := writePackages(&b, list); err != nil || b.String() != "adduser 3.134 all\nzlib1g 1:1.2.13 amd64\n" {
		t.Errorf("%q %v", b.String(), err)
	}
}

func TestFinish(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"etc/apt/sources.list": "deb http://mirror", "etc/apt/sources.list.d/0000.sources": "x", "etc/machine-id": "0123",
		"etc/ssh/ssh_host_rsa_key": "secret", "etc/ssh/sshd_config": "kept", "etc/resolv.conf": "nameserver 192.0.2.1",
		"etc/hostname": "builder", "etc/passwd-": "old", "etc/network/interfaces": "old", "var/log/dpkg.log": "x",
		"etc/apt/preferences.d/50rackhand-build": "pin", "etc/dpkg/dpkg.cfg.d/99mmdebstrap": "path-exclude=/usr/share/man/*",
	})
	if err := finish(root, bookworm()); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		first, _, _ := strings.Cut(string(data), "\n")
		got[strings.TrimPrefix(path, root+"/")] = first
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"etc/machine-id": "", "etc/ssh/sshd_config": "kept", "etc/resolv.conf": "", "etc/hostname": "localhost",
		"etc/hosts": "127.0.0.1\tlocalhost", "etc/fstab": "# The installer writes this file.",
		"etc/network/interfaces":       "# The installer adds this host's interfaces below interfaces.d.",
		"etc/dpkg/dpkg.cfg.d/rackhand": "path-exclude=/usr/share/man/*",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestOverlay(t *testing.T) {
	var b bytes.Buffer
	if err := writeOverlay(&b, bookworm()); err != nil {
		t.Fatal(err)
	}
	modes := map[string]int64{}
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[h.Name] = h.Mode
	}
	for name, want := range map[string]int64{
		"etc/initramfs-tools/hooks/rackhand": 0o755, "etc/default/grub": 0o644, "bin": 0o777,
		"etc/systemd/system/multi-user.target.wants/rackhand-ssh-keys.service": 0o777,
	} {
		if got, ok := modes[name]; !ok || got != want {
			t.Errorf("%s has the mode %o (there: %v), want %o", name, got, ok, want)
		}
	}
}
