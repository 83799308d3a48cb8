//go:build e2e

package installer

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// acl is an ACL as the kernel takes it, of pairs of tag and permissions, and an
// id for named ones.
func acl(entries ...[3]uint32) string {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = binary.LittleEndian.AppendUint16(b, uint16(e[1]))
		b = binary.LittleEndian.AppendUint32(b, e[2])
	}
	return string(b)
}

// capNetRaw is cap_net_raw=ep (linux/capability.h, version 2).
const capNetRaw = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// fullRoot makes a tree with one of everything that a root image may have.
func fullRoot(t *testing.T, dir string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p := func(name string) string { return filepath.Join(dir, name) }
	for _, d := range []string{"etc", "usr/bin", "var/spool", "closed"} {
		must(os.MkdirAll(p(d), 0o755))
	}
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		must(os.WriteFile(p(name), []byte(text), 0o600))
		must(os.Chmod(p(name), mode))
	}
	write("etc/passwd", "root:x:0:0:::\nlisa:x:1234:1234:::\n", 0o644)
	write("etc/group", "root:x:0:\nweb:x:4242:\n", 0o644)
	write("usr/bin/ping", "program", 0o755)
	write("usr/bin/su", "program", 0o755|os.ModeSetuid)
	write("usr/bin/at", "program", 0o755|os.ModeSetgid)
	write("etc/empty", "", 0o000)
	write("etc/acl", "text", 0o640)
	write("etc/"+strings.Repeat("long", 40), "a name of more than 100 bytes", 0o644)
	write("etc/ünï\ncode", "text", 0o644)
	write("closed/in", "text", 0o400)
	must(os.Link(p("usr/bin/ping"), p("usr/bin/ping6")))
	must(os.Symlink("/usr/bin/ping", p("etc/ping")))
	must(os.Symlink(strings.Repeat("x", 200), p("etc/far")))
	must(os.Link(p("etc/ping"), p("etc/hard-to-link")))
	must(unix.Mkfifo(p("var/spool/fifo"), 0o620))
	must(unix.Mknod(p("var/null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	must(unix.Mknod(p("var/disk"), unix.S_IFBLK|0o660, int(unix.Mkdev(259, 70000))))
	f, err := os.Create(p("var/sparse"))
	must(err)
	for _, at := range []int64{1 << 20, 5 << 30} {
		_, err = f.WriteAt([]byte("island"), at)
		must(err)
	}
	must(f.Close())

	for name, ids := range map[string][2]int{"usr/bin/ping": {7, 8}, "etc/ping": {1000, 1001}, "var/spool/fifo": {5, 6}, "var/null": {1, 2}, "usr": {0, 3}, "etc/acl": {3_000_000_000, 9}} {
		must(os.Lchown(p(name), ids[0], ids[1]))
	}
	must(os.Chmod(p("usr/bin/su"), 0o755|os.ModeSetuid)) // chown takes it away
	named := acl([3]uint32{aclUserObj, 6, aclNoID}, [3]uint32{aclUser, 4, 1234}, [3]uint32{aclUser, 6, 777777}, [3]uint32{aclGroupObj, 4, aclNoID},
		[3]uint32{aclGroup, 6, 4242}, [3]uint32{aclMask, 6, aclNoID}, [3]uint32{aclOther, 0, aclNoID})
	for _, x := range [][3]string{
		{"usr/bin/ping", "security.capability", capNetRaw},
		{"etc/acl", "system.posix_acl_access", named},
		{"var/spool", "system.posix_acl_access", named},
		{"var/spool", "system.posix_acl_default", named},
		{"etc/passwd", "user.note", "with = and \n in it"},
		{"etc/passwd", "trusted.note", "\x00\x01binary\xff"},
		{"etc/ping", "trusted.link", "of the link itself"},
		{"var/null", "trusted.device", "x"},
		{"etc", "user.folder", "x"},
		{"etc/passwd", "security.selinux", "system_u:object_r:passwd_file_t:s0\x00"},
	} {
		must(unix.Lsetxattr(p(x[0]), x[1], []byte(x[2]), 0))
	}
	must(os.Chmod(p("closed"), 0o000))
	when := time.Unix(1_234_567_890, 123_456_789)
	must(filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		when = when.Add(time.Hour)
		ts, err := unix.TimeToTimespec(when)
		if err != nil {
			return err
		}
		return unix.UtimesNanoAt(unix.AT_FDCWD, name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	}))
}

// inventory says all there is to say about each file of a tree.
func inventory(t *testing.T, dir string) map[string]string {
	t.Helper()
	var (
		out   = map[string]string{}
		first = map[uint64]string{}
	)
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err != nil {
			return err
		}
		rel := strings.TrimPrefix(name, dir)
		text := fmt.Sprintf("%o %d:%d %d links, dev %d:%d, %d.%09d", st.Mode, st.Uid, st.Gid, st.Nlink, unix.Major(st.Rdev), unix.Minor(st.Rdev), st.Mtim.Sec, st.Mtim.Nsec)
		if f, ok := first[st.Ino]; ok {
			text += ", same as " + f
		}
		first[st.Ino] = rel
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			if st.Size < 1<<20 {
				data, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				text += fmt.Sprintf(", %q", data)
			}
			text += fmt.Sprint(", ", st.Size, islands(t, name))
		case unix.S_IFLNK:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			text += " -> " + target
		}
		list := make([]byte, 4096)
		n, err := unix.Llistxattr(name, list)
		if err != nil {
			return err
		}
		attrs := strings.Split(strings.TrimRight(string(list[:n]), "\x00"), "\x00")
		slices.Sort(attrs)
		for _, a := range attrs {
			if a == "" {
				continue
			}
			value := make([]byte, 4096)
			n, err := unix.Lgetxattr(name, a, value)
			if err != nil {
				return err
			}
			text += fmt.Sprintf("\n  %s=%q", a, value[:n])
		}
		out[rel] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes files of every owner: run it as root")
	}
}

func runTool(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
}

func extractFile(t *testing.T, file, dir string) extracted {
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
	got, err := extractTar(root, f, true)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// What GNU tar packs comes out as it was: owners, modes, times, hard links,
// devices, holes, attributes, ACLs and capabilities.
func TestRoundTripWithTar(t *testing.T) {
	needRoot(t)
	from := t.TempDir()
	fullRoot(t, from)
	want := inventory(t, from)
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
			runTool(t, append(append([]string{"tar", "--numeric-owner", "-C", from, "-cf", file}, args...), ".")...)
			if got := extractFile(t, file, to); len(got.lost) > 0 {
				t.Errorf("lost: %v", got.lost)
			}
			want := maps.Clone(want)
			if !strings.Contains(name, "sparse") && !strings.Contains(name, "text") {
				delete(want, "/var/sparse")
			}
			if strings.HasPrefix(name, "gnu") { // which has neither attributes nor parts of a second
				for k, v := range want {
					v, _, _ = strings.Cut(v, "\n")
					want[k] = strings.ReplaceAll(v, ".123456789", ".000000000")
				}
			}
			if d := cmp.Diff(want, inventory(t, to)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// The packers themselves, as an operator calls them, and the checksum of what they
// make.
func TestRoundTripWithPackers(t *testing.T) {
	needRoot(t)
	from, work := t.TempDir(), t.TempDir()
	fullRoot(t, from)
	for n := range 3 { // more than one block of each format
		if err := os.WriteFile(filepath.Join(from, "etc", fmt.Sprint("data", n)), append(randomBytes(1<<20), bytes.Repeat([]byte("1 plain\n2 plain\n"), 400_000)...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := inventory(t, from)
	file := filepath.Join(work, "root.tar")
	runTool(t, "tar", "--format=pax", "-S", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls", "-C", from, "-cf", file, ".")
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
			err = unpack(t.Context(), bytes.NewReader(data), sumOf(data), func(r io.Reader) error {
				_, err := extractTar(root, r, true)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, inventory(t, to)); d != "" {
				t.Errorf("(-want +got):\n%s", clipText(d, 4000))
			}
		})
	}
}

// Names in an ACL are those of the image, not of the machine that installs: star
// writes the number beside the name.
func TestACLNames(t *testing.T) {
	needRoot(t)
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
	got, err := extractTar(root, b, true)
	if err != nil {
		t.Fatal(err)
	}
	value := make([]byte, 1024)
	n, err := unix.Getxattr(filepath.Join(to, "a"), "system.posix_acl_access", value)
	want := acl([3]uint32{aclUserObj, 6, aclNoID}, [3]uint32{aclUser, 6, 6}, [3]uint32{aclUser, 4, 1234}, [3]uint32{aclGroupObj, 4, aclNoID},
		[3]uint32{aclMask, 6, aclNoID}, [3]uint32{aclOther, 0, aclNoID})
	if err != nil || string(value[:n]) != want {
		t.Errorf("got %x, %v; want %x", value[:n], err, want)
	}
	if d := cmp.Diff(map[string]int{`system.posix_acl_access (the image has no user "nobody-here")`: 1}, got.lost); d != "" {
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
