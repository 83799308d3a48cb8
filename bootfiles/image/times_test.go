package image

import (
	"archive/tar"
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// dpkgRoot is a root as a build leaves it that ran at the time given. Its package
// has files of three ages.
func dpkgRoot(t *testing.T, at time.Time, ages map[string]time.Time) string {
	t.Helper()
	root := t.TempDir()
	sum := func(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }
	write(t, root, map[string]string{
		"usr/lib/p/past.py": "past", "usr/lib/p/now.py": "now", "usr/lib/p/future.py": "future",
		"usr/lib/p/written": "as it was", "usr/lib/p/again": "again", "usr/lib/p/cache": "made by the build",
		"etc/kept.conf": "kept", "etc/edited.conf": "edited", "var/lib/dpkg/info/p.list": "/.\n/lib/p/now.py\n",
		"var/lib/dpkg/info/p.md5sums": sum("past") + "  usr/lib/p/past.py\n" + sum("now") + "  lib/p/now.py\n" + sum("future") + "  usr/lib/p/future.py\n" +
			sum("as it came") + "  usr/lib/p/written\n" + sum("again") + "  usr/lib/p/again\n" + sum("excluded") + "  usr/share/doc/p/readme\n",
		"var/lib/dpkg/status": "Package: p\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nConffiles:\n /etc/kept.conf " + sum("kept") +
			"\n /etc/edited.conf " + sum("as it came") + " obsolete\nDescription: p\n /etc/edited.conf " + sum("edited") + "\n",
	})
	if err := os.Symlink("past.py", filepath.Join(root, "usr/lib/p/link")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		when, ok := ages[name]
		if err == nil && !ok {
			when = at
		}
		if filepath.Base(path) == "link" { // os.Chtimes would follow it
			return err
		}
		return errors.Join(err, os.Chtimes(path, when, when))
	})
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func packedRoot(t *testing.T, root string) []byte {
	t.Helper()
	from, err := readOrigins(t.Context(), root, deb)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := writeTar(t.Context(), &b, root, from); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarTimes(t *testing.T, data []byte) map[string]int64 {
	t.Helper()
	times := map[string]int64{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return times
		}
		if err != nil {
			t.Fatal(err)
		}
		times[h.Name] = h.ModTime.Unix()
	}
}

// The same packages make the same tar, whenever the build runs: files of a package
// from before it, from its very second and from the future keep their times, and all
// else has one.
func TestTimesDependOnPackages(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	ages := map[string]time.Time{
		"usr/lib/p/past.py": now.AddDate(-3, 0, 0), "usr/lib/p/now.py": now, "usr/lib/p/future.py": now.AddDate(0, 0, 1),
		"etc/kept.conf": now,
	}
	first := packedRoot(t, dpkgRoot(t, now.Add(7*time.Millisecond), ages))
	want := map[string]int64{}
	got := tarTimes(t, first)
	for name := range got {
		want[name] = releaseEpoch
	}
	for name, when := range ages {
		want[name] = when.Unix()
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the files' times (-want +got):\n%s", d)
	}
	for _, later := range []time.Duration{900 * time.Millisecond, time.Hour, 48 * time.Hour, -time.Hour} {
		if !bytes.Equal(first, packedRoot(t, dpkgRoot(t, now.Add(later+7*time.Millisecond), ages))) {
			t.Errorf("a build %v later makes another tar of the same packages", later)
		}
	}
}

// rpm's database says the time of each file, so that the one on the disk has no say.
func TestTimesOfRPM(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"usr/lib/a": "a", "usr/lib/b": "edited", "usr/lib/shared": "a", "usr/lib/old": "a"})
	const (
		sha256OfA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
		md5OfA    = "0cc175b9c0f1b6a831c399e269772661"
	)
	from := parseOrigins("1700000000  /usr/lib\n1700000001 " + sha256OfA + " /lib/a\n1700000002 " + sha256OfA + " /usr/lib/b\n" +
		"1700000003 " + sha256OfA + " /usr/lib/shared\n1700000004 " + sha256OfA + " /usr/lib/shared\n1700000005 " + md5OfA + " /usr/lib/old\n" +
		"1700000006 " + sha256OfA + " /usr/lib/with\nan end of line\n")
	var b bytes.Buffer
	if _, err := writeTar(t.Context(), &b, root, from); err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{
		"usr/": releaseEpoch, "usr/lib/": releaseEpoch, "usr/lib/a": 1700000001, "usr/lib/b": releaseEpoch,
		"usr/lib/shared": 1700000004, "usr/lib/old": 1700000005,
	}
	if d := cmp.Diff(want, tarTimes(t, b.Bytes())); d != "" {
		t.Errorf("the files' times (-want +got):\n%s", d)
	}
}
