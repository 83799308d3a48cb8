package installer

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/installer/report"
)

// A link where a file is to be must be replaced, and one on the way must not
// lead out of the target.
func TestWriteFile(t *testing.T) {
	outside := t.TempDir()
	dir := filepath.Join(outside, "target")
	if err := os.MkdirAll(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(outside, "victim")
	for link, to := range map[string]string{"etc/resolv.conf": victim, "etc/out": outside} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := writeFile(root, "/etc/resolv.conf", 0o644, "text"); err != nil {
		t.Fatal(err)
	}
	st, err := os.Lstat(filepath.Join(dir, "etc/resolv.conf"))
	if err != nil || !st.Mode().IsRegular() || st.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", st, err)
	}
	if err := writeFile(root, "/etc/out/victim", 0o644, "text"); err == nil {
		t.Error("a file was written outside of the target")
	}
	if _, err := os.Lstat(victim); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the victim: %v", err)
	}
}

func TestFindUser(t *testing.T) {
	const passwd = "root:x:0:0:root:/root:/bin/sh\nop:x:1000:1001::/home/op:/bin/sh\nnohome:x:1:1:::\nshort:x:1\n"
	u, err := findUser(passwd, "op")
	if err != nil || u != (passwdUser{"/home/op", 1000, 1001}) {
		t.Errorf("%+v, %v", u, err)
	}
	for _, name := range []string{"nohome", "short", "nobody"} {
		if u, err := findUser(passwd, name); err == nil {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

func TestSetKey(t *testing.T) {
	if got := setKey("# c\nSELINUX=enforcing\nSELINUXTYPE=targeted\n", "SELINUX", "disabled"); got != "# c\nSELINUXTYPE=targeted\nSELINUX=disabled\n" {
		t.Errorf("got %q", got)
	}
}

func TestRemovablePath(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := root.MkdirAll("boot/efi/EFI/debian", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := removablePath(root); err == nil {
		t.Error("no GRUB, and no error")
	}
	if err := root.WriteFile("boot/efi/EFI/debian/grubx64.efi", []byte("grub"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := removablePath(root); err != nil {
		t.Fatal(err)
	}
	if b, err := root.ReadFile("boot/efi/EFI/BOOT/BOOTX64.EFI"); err != nil || string(b) != "grub" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestTimingTable(t *testing.T) {
	got := timingTable([]timing{{"plan.ImageStep", 2 * time.Second}, {"x", time.Millisecond}, {"plan.ImageStep", time.Second}})
	if got != "where the time went:\n  image                 3.0 s\n  all                   3.0 s" {
		t.Errorf("got %q", got)
	}
}

func TestRunLimits(t *testing.T) {
	m := &machine{Log: report.Log{Con: report.NewConsole(time.Now, report.NewRedactor().Clean)}}
	err := m.run(t.Context(), "", time.Minute, nil, "", "/bin/sh", "-c", "echo why; exit 3")
	if err == nil || err.Error() != "sh: exit status 3: why" {
		t.Errorf("got %v", err)
	}
	err = m.run(t.Context(), "", 50*time.Millisecond, nil, "", "/bin/sh", "-c", "sleep 60 & sleep 60")
	if err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.run(ctx, "", time.Minute, nil, "", "/bin/sh", "-c", "true"); err == nil {
		t.Error("a program was started after all was cancelled")
	}
}
