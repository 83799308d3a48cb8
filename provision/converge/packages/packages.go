// Package packages brings packages about with dpkg and apt.
package packages

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
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

	mu      sync.Mutex
	sourced string // hash of the sources that the package index was last updated from
}

// in is an absolute path of the host, below the root.
func (a *Apt) in(path string) string { return filepath.Join("/", a.Root, path) }

// Sources is the hash of apt's sources at the last successful update, "" for none.
// It is kept in the agent's state from run to run.
func (a *Apt) Sources() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sourced
}

// SetSources restores Sources from an earlier process.
func (a *Apt) SetSources(hash string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sourced = hash
}

// Query returns the installed version of each package that is installed, by the
// name as asked for. It is one call of dpkg-query for all of them.
func (a *Apt) Query(ctx context.Context, names []string) (map[string]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	args := append([]string{"dpkg-query", "-W", "-f", `${Package}\t${Architecture}\t${db:Status-Abbrev}\t${Version}\n`}, names...)
	out, err := a.Runner.Run(ctx, nil, args...)
	if err != nil {
		return nil, err
	}
	// 1: some of them are unknown to dpkg, which is an answer.
	if out.Code != 0 && out.Code != 1 {
		return nil, fmt.Errorf("dpkg-query failed: %s", out.Explain())
	}
	installed, asked := map[string]string{}, map[string][]string{} // the latter without architectures
	for _, name := range names {
		base, _, _ := strings.Cut(name, ":")
		asked[base] = append(asked[base], name)
	}
	for line := range strings.Lines(out.Stdout) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		// The second letter is the state: i is installed and configured, c means
		// that configuration files are left, others are half done (dpkg-query(1)).
		if len(f) != 4 || len(f[2]) < 2 || f[2][1] != 'i' {
			continue
		}
		for _, name := range asked[f[0]] {
			if _, arch, qualified := strings.Cut(name, ":"); !qualified || arch == f[1] {
				installed[name] = f[3]
			}
		}
	}
	return installed, nil
}

// Holds reports whether a package is as declared.
func Holds(p *catalog.Package, installed map[string]string) bool {
	version, there := installed[p.Name]
	switch p.Ensure {
	case catalog.Present:
		return there
	case catalog.Absent:
		return !there
	}
	return there && version == p.Ensure
}

// exact reports whether a version is asked for.
func exact(p catalog.Package) bool {
	return p.Ensure != catalog.Present && p.Ensure != catalog.Absent
}

// transaction is the command line for packages: name, name=version, name-
// (apt-get(8), install).
func transaction(packages []catalog.Package, simulated, downgrades bool) []string {
	args := []string{"apt-get", "-q", "-y", "-o", "Dpkg::Options::=--force-confold"}
	if simulated {
		args = []string{"apt-get", "-q", "-y", "-s"}
	}
	if downgrades {
		args = append(args, "--allow-downgrades")
	}
	args = append(args, "install", "--")
	for _, p := range packages {
		switch {
		case p.Ensure == catalog.Absent:
			args = append(args, p.Name+"-")
		case exact(p):
			args = append(args, p.Name+"="+p.Ensure)
		default:
			args = append(args, p.Name)
		}
	}
	return args
}

// The messages of apt about an unknown package or version.
var (
	unknownPackage = regexp.MustCompile(`E: (?:Unable to locate package|Package '?|Version '[^']*' for ')\s*([^\s']+)'?(?: has no installation candidate| was not found)?`)
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
