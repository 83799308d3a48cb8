//go:build e2e

package fake

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// capNetRaw is cap_net_raw=ep (linux/capability.h, version 2).
const capNetRaw = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// ACL is an ACL as the kernel takes it, of pairs of tag and permissions, and an
// id for named ones.
func ACL(entries ...[3]uint32) string {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = binary.LittleEndian.AppendUint16(b, uint16(e[1]))
		b = binary.LittleEndian.AppendUint32(b, e[2])
	}
	return string(b)
}

// FullRoot makes a tree with one of everything that a root image may have.
func FullRoot(t *testing.T, dir string) {
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
	named := ACL([3]uint32{tagUserObj, 6, noID}, [3]uint32{tagUser, 4, 1234}, [3]uint32{tagUser, 6, 777777}, [3]uint32{tagGroupObj, 4, noID},
		[3]uint32{tagGroup, 6, 4242}, [3]uint32{tagMask, 6, noID}, [3]uint32{tagOther, 0, noID})
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

// Inventory says all there is to say about each file of a tree.
func Inventory(t *testing.T, dir string) map[string]string {
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
			text += fmt.Sprint(", ", st.Size, DataRanges(t, name))
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

// NeedRoot fails a test that does not run as root.
func NeedRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes files of every owner: run it as root")
	}
}

// RunTool runs a program that must succeed.
func RunTool(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
}

// ACL tags and the id of an entry that names no user (linux/posix_acl.h).
const (
	tagUserObj  = 0x01
	tagUser     = 0x02
	tagGroupObj = 0x04
	tagGroup    = 0x08
	tagMask     = 0x10
	tagOther    = 0x20
	noID        = 0xffffffff
)
