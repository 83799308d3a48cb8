package packages

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
)

// sources is a hash of apt's sources (sources.list(5)): when it changes, the
// package index is out of date whatever its age.
func (a *Apt) sources() (string, error) {
	names := []string{a.in("/etc/apt/sources.list")}
	for _, pattern := range []string{"*.list", "*.sources"} {
		found, err := filepath.Glob(filepath.Join(a.in("/etc/apt/sources.list.d"), pattern))
		if err != nil {
			return "", fmt.Errorf("apt's sources: %w", err)
		}
		names = append(names, found...)
	}
	return hashFiles(names)
}

// hashFiles is a hash of the files of a package manager's sources; those that aren't there
// are left out.
func hashFiles(names []string) (string, error) {
	h := sha256.New()
	slices.Sort(names)
	for _, name := range names {
		b, err := readSource(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("the sources of packages: %w", err)
		}
		fmt.Fprintf(h, "%s %d\n", name, len(b))
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// readSource reads a file of a package manager's sources, which are small.
func readSource(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSource {
		return nil, fmt.Errorf("%s is not a regular file of at most %d bytes", name, maxSource)
	}
	return os.ReadFile(name)
}

// maxSource bounds such a file, in bytes.
const maxSource = 1 << 20

// haveLists reports whether the package index was ever fetched.
func (a *Apt) haveLists() bool {
	found, err := filepath.Glob(filepath.Join(a.in("/var/lib/apt/lists"), "*_Packages*"))
	return err == nil && len(found) > 0
}

// outdated reports whether the package index is of other sources, or too old to tell which
// version is the latest.
func (a *Apt) outdated(hash string, packages []catalog.Package) bool {
	return a.Index().Sources != hash || !a.haveLists() || slices.ContainsFunc(packages, isLatest) && tooOld(a.Index(), a.Clock())
}

// Update fetches the package index, if it is outdated for packages.
func (a *Apt) Update(ctx context.Context, packages []catalog.Package) error {
	hash, err := a.sources()
	if err != nil || !a.outdated(hash, packages) {
		return err
	}
	return a.update(ctx, hash)
}

// update fetches the package index of the sources with a hash. An index that can't be fetched is an error here; for
// apt-get it is only a warning (APT::Update::Error-Mode, apt 2.1.3).
func (a *Apt) update(ctx context.Context, hash string) error {
	out, err := a.locked(ctx, "apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update")
	if err == nil && out.Code != 0 {
		err = errors.New(aptErrors(out))
	}
	if err != nil {
		return fmt.Errorf("apt-get update: %w", err)
	}
	a.SetIndex(Index{Sources: hash, Updated: a.Clock()})
	return nil
}

// env is the environment in which Debian's tools ask no questions.
func env() []string {
	return []string{"DEBIAN_FRONTEND=noninteractive", "DEBIAN_PRIORITY=critical", "APT_LISTCHANGES_FRONTEND=none"}
}

// locked runs a command, and repeats it while another process holds a lock of the package
// manager, until LockWait has passed. apt waits only for dpkg's lock, not for the locks of
// its index and archives. dpkg doesn't wait at all.
func (a *Apt) locked(ctx context.Context, args ...string) (command.Output, error) {
	wait := a.LockWait
	if wait == 0 {
		wait = 2 * time.Minute
	}
	if args[0] == "apt-get" {
		args = append([]string{"apt-get", "-o", "DPkg::Lock::Timeout=" + strconv.Itoa(int(wait.Seconds()))}, args[1:]...)
	}
	const pause = 2 * time.Second
	for waited := time.Duration(0); ; waited += pause {
		start := a.Clock()
		out, err := a.Runner.Run(ctx, env(), args...)
		waited += max(0, a.Clock().Sub(start))
		if err != nil || out.Code == 0 || !lockHeld(out.Stderr) {
			return out, err
		}
		if waited >= wait {
			return out, fmt.Errorf("%s: the package manager has been locked for %s by %s: wait for it or end it", args[0], wait, a.holder())
		}
		if err := a.Sleep(ctx, pause); err != nil {
			return out, fmt.Errorf("%s: the package manager is locked by %s: %w", args[0], a.holder(), context.Cause(ctx))
		}
	}
}

func lockHeld(text string) bool {
	for _, words := range []string{"Could not get lock", "Unable to acquire the dpkg", "is locked by another process", "Unable to lock directory"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// holder names the process that holds a lock of the package manager, from
// /proc/locks (proc(5)): the inode in it is matched, since file systems such as
// overlayfs and btrfs show another device there than to stat(2).
func (a *Apt) holder() string {
	proc := a.Proc
	if proc == "" {
		proc = "/proc"
	}
	table, err := os.ReadFile(filepath.Join(proc, "locks"))
	if err != nil {
		return "a process whose name can't be read: " + err.Error()
	}
	for _, name := range []string{"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock"} {
		var st unix.Stat_t
		if unix.Stat(a.in(name), &st) != nil {
			continue
		}
		for line := range strings.Lines(string(table)) {
			// 1: POSIX  ADVISORY  WRITE 1234 fd:00:5678 0 EOF
			f := strings.Fields(line)
			if len(f) < 8 || f[1] == "->" || !strings.HasSuffix(f[5], ":"+strconv.FormatUint(st.Ino, 10)) {
				continue
			}
			comm, _ := os.ReadFile(filepath.Join(proc, f[4], "comm"))
			return fmt.Sprintf("process %s (%s), which holds %s", f[4], command.Short(strings.TrimSpace(string(comm))), name)
		}
	}
	return "a process that has released it meanwhile"
}
