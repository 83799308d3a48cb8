//go:build e2e

package unpack

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"rackhand/provision/installer/fake"
	"rackhand/provision/installer/report"
)

func extractFile(t *testing.T, file, dir string) Extracted {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := ExtractTar(root, f, true)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Files that GNU tar packs come out unchanged: owners, modes, times, hard links, devices,
// holes, attributes, ACLs and capabilities.
func TestRoundTripWithTar(t *testing.T) {
	fake.NeedRoot(t)
	from := t.TempDir()
	fake.FullRoot(t, from)
	want := fake.Inventory(t, from)
	whole := []string{"--xattrs", "--xattrs-include=*", "--acls", "--selinux"}
	for name, args := range map[string][]string{
		"pax":             append([]string{"--format=pax"}, whole...),
		"pax, sparse":     append([]string{"--format=pax", "-S"}, whole...),
		"pax, sparse 0.1": append([]string{"--format=pax", "-S", "--sparse-version=0.1"}, whole...),
		// ACLs in text alone, by the names of the machine that packs
		"pax, text ACLs": append([]string{"--format=pax", "-S", "--xattrs-exclude=system.posix_acl_*"}, whole...),
		"gnu, sparse":    {"--format=gnu", "-S"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(name, "sparse") && !strings.Contains(name, "text") {
				// 5 GB of zeros: leave the file out
				args = append(args, "--exclude=./var/sparse")
			}
			file, to := filepath.Join(t.TempDir(), "root.tar"), t.TempDir()
			fake.RunTool(t, append(append([]string{"tar", "--numeric-owner", "-C", from, "-cf", file}, args...), ".")...)
			if got := extractFile(t, file, to); len(got.Lost) > 0 {
				t.Errorf("lost: %v", got.Lost)
			}
			want := maps.Clone(want)
			if !strings.Contains(name, "sparse") && !strings.Contains(name, "text") {
				delete(want, "/var/sparse")
			}
			if strings.HasPrefix(name, "gnu") { // which has no attributes and no parts of a second
				for k, v := range want {
					v, _, _ = strings.Cut(v, "\n")
					want[k] = strings.ReplaceAll(v, ".123456789", ".000000000")
				}
			}
			if d := cmp.Diff(want, fake.Inventory(t, to)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// The packers themselves, as an operator calls them, and the checksum of what they
// make.
func TestRoundTripWithPackers(t *testing.T) {
	fake.NeedRoot(t)
	from, work := t.TempDir(), t.TempDir()
	fake.FullRoot(t, from)
	for n := range 3 { // more than one block of each format
		if err := os.WriteFile(filepath.Join(from, "etc", fmt.Sprint("data", n)), append(fake.RandomBytes(1<<20), bytes.Repeat([]byte("1 plain\n2 plain\n"), 400_000)...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := fake.Inventory(t, from)
	file := filepath.Join(work, "root.tar")
	fake.RunTool(t, "tar", "--format=pax", "-S", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls", "-C", from, "-cf", file, ".")
	for _, argv := range [][]string{
		{"cat"},
		{"gzip", "-1"},
		{"xz", "-1", "-T2", "--block-size=4MiB"},
		{"xz", "-0", "--check=sha256"},
		{"lz4", "-1", "-c"},
		{"lz4", "-l", "-c"},
		{"lz4", "-9", "-BD", "--content-size", "-c"},
		{"zstd", "-1", "-T2", "-c"},
		{"zstd", "-3", "--long=27", "--no-check", "-c"},
	} {
		name := strings.Join(argv, " ")
		t.Run(name, func(t *testing.T) {
			in, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			var packed bytes.Buffer
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &packed, t.Output()
			if err := cmd.Run(); err != nil {
				t.Fatalf("%s: %v (apt install xz-utils lz4 zstd)", name, err)
			}
			to := t.TempDir()
			root, err := os.OpenRoot(to)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			data := packed.Bytes()
			err = Unpack(t.Context(), bytes.NewReader(data), fake.SumOf(data), func(r io.Reader) error {
				_, err := ExtractTar(root, r, true)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, fake.Inventory(t, to)); d != "" {
				t.Errorf("(-want +got):\n%s", report.ClipText(d, 4000))
			}
		})
	}
}

// Names in an ACL belong to the image, not to the machine that installs: star
// writes the number beside the name.
func TestACLNames(t *testing.T) {
	fake.NeedRoot(t)
	to := t.TempDir()
	root, err := os.OpenRoot(to)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	b := makeTarFiles(t, map[string]map[string]string{
		"a": {"SCHILY.acl.access": "user::rw-,user:lisa:r--:5,user:gone:rw-:6,group::r--,mask::rw-,other::---"},
		"b": {"SCHILY.acl.access": "user::rw-,user:nobody-here:r--,group::r--,mask::rw-,other::---"},
	}, map[string]string{"etc/passwd": "lisa:x:1234:1:::\n"})
	got, err := ExtractTar(root, b, true)
	if err != nil {
		t.Fatal(err)
	}
	value := make([]byte, 1024)
	n, err := unix.Getxattr(filepath.Join(to, "a"), "system.posix_acl_access", value)
	want := fake.ACL([3]uint32{aclUserObj, 6, aclNoID}, [3]uint32{aclUser, 6, 6}, [3]uint32{aclUser, 4, 1234}, [3]uint32{aclGroupObj, 4, aclNoID},
		[3]uint32{aclMask, 6, aclNoID}, [3]uint32{aclOther, 0, aclNoID})
	if err != nil || string(value[:n]) != want {
		t.Errorf("got %x, %v; want %x", value[:n], err, want)
	}
	if d := cmp.Diff(map[string]int{`system.posix_acl_access (the image has no user "nobody-here")`: 1}, got.Lost); d != "" {
		t.Errorf("lost (-want +got):\n%s", d)
	}
}

// makeTarFiles makes a tar of empty files with PAX records, and then of files with
// text.
func makeTarFiles(t *testing.T, records map[string]map[string]string, texts map[string]string) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(h tar.Header, text string) {
		h.Typeflag, h.Mode, h.Size = tar.TypeReg, 0o640, int64(len(text))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for name, r := range records {
		add(tar.Header{Name: name, PAXRecords: r}, "")
	}
	for name, text := range texts {
		add(tar.Header{Name: name}, text)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}
