// Package packages brings packages about with dpkg and apt, or with rpm and dnf.
package packages

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
)

// Apt manages packages through dpkg and apt (dpkg-query(1), apt-get(8)). It
// leaves the signature checks of apt as they are.
type Apt struct {
	Root   string // the root of the host; "" for that of the machine
	Runner command.Runner
	Sleep  func(context.Context, time.Duration) error
	Clock  func() time.Time
	// LockWait is how long another package manager is waited for; 2 min when 0.
	LockWait time.Duration
	// Proc is where /proc is; "/proc" when "".
	Proc string

	indexed
}

// An Index says what the package index was last updated from, and when.
type Index struct {
	Sources string // a hash of the sources of packages; "" for none
	Updated time.Time
}

// indexed keeps the index of a package manager.
type indexed struct {
	mu    sync.Mutex
	index Index
}

// Index is that of the last successful update. It is kept in the agent's state from run to
// run.
func (i *indexed) Index() Index {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.index
}

// SetIndex restores Index from an earlier process.
func (i *indexed) SetIndex(index Index) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.index = index
}

// in is an absolute path of the host, below the root.
func (a *Apt) in(path string) string { return filepath.Join("/", a.Root, path) }

// transaction is the command line for packages: name, name=version, name/release, name-
// (apt-get(8), install).
func (t *transactions) transaction(packages []catalog.Package, simulated bool) []string {
	args := []string{"apt-get", "-q", "-y", "-o", "Dpkg::Options::=--force-confold"}
	if simulated {
		args = []string{"apt-get", "-q", "-y", "-s"}
	}
	if t.downgrades {
		args = append(args, "--allow-downgrades")
	}
	// A hold that the role declares doesn't keep the role from changing the version. That
	// the plan changes no other held package was checked.
	if slices.ContainsFunc(packages, holdIsSet) {
		args = append(args, "--allow-change-held-packages")
	}
	args = append(args, "install", "--")
	for _, p := range packages {
		switch {
		case p.Gone():
			args = append(args, p.Name+"-")
		case p.Exact() != "":
			args = append(args, p.Name+"="+p.Ensure)
		case p.Release != "":
			args = append(args, p.Name+"/"+p.Release)
		default:
			args = append(args, p.Name)
		}
	}
	return args
}

// The messages of apt about an unknown package or version.
var (
	unknownPackage = regexp.MustCompile(`E: (?:Unable to locate package|Package '?|(?:Version|Release) '[^']*' for ')\s*([^\s']+)'?(?: has no installation candidate| was not found)?`)
	cannotFetch    = regexp.MustCompile(`E: (?:Failed to fetch|Unable to fetch some archives)|404  Not Found|Hash Sum mismatch|have unmet dependencies`)
)

// notFound lists the packages that apt doesn't know, with its words.
func notFound(text string, packages []catalog.Package) map[string]string {
	missing := map[string]string{}
	for line := range strings.Lines(text) {
		m := unknownPackage.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		for _, p := range packages {
			base, _, _ := strings.Cut(p.Name, ":")
			if m[1] == p.Name || m[1] == base {
				missing[p.Name] = "apt-get: " + command.Short(strings.TrimPrefix(strings.TrimSpace(line), "E: "))
			}
		}
	}
	return missing
}

// stale reports whether a newer package index may solve a failure.
func stale(text string) bool { return cannotFetch.MatchString(text) }

// aptErrors are the error lines of apt, or the end of its output.
func aptErrors(out command.Output) string {
	var lines []string
	for line := range strings.Lines(out.Stderr) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "E: "); ok {
			lines = append(lines, text)
		}
	}
	if len(lines) == 0 {
		return out.Explain()
	}
	return command.Short(strings.Join(lines, "; "))
}
