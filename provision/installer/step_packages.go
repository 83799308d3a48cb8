package installer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
	"rackhand/templates/kickstart/engine"
)

// packagesLimit is how long a package manager may take.
const packagesLimit = time.Hour

// A packager gives the files and command lines for a package manager. It is pure.
type packager interface {
	// files are those of one install's own configuration, which is removed after it,
	// and those that are kept.
	files(repos []plan.Repo, os osRelease) (own, kept []plan.FileStep)
	// refresh, query and install are command lines. query asks which of the packages exist;
	// it is nil when that doesn't matter.
	refresh(p engine.Packages, ownRepos bool) []string
	query(p engine.Packages, ownRepos bool) []string
	install(p engine.Packages, ownRepos bool) []string
	clean() []string
	progress() func(line string) (done, all int)
}

// osRelease is the content of os-release(5).
type osRelease struct{ ID, Codename string }

func readOSRelease(text string) osRelease {
	var o osRelease
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			o.ID = value
		case "VERSION_CODENAME":
			o.Codename = value
		}
	}
	return o
}

// fits reports whether a repo is for this distribution. A repo whose name begins with a
// distribution's name is only for that distribution. So one template serves a mixed rack.
func (o osRelease) fits(r plan.Repo) bool {
	word, _, _ := strings.Cut(r.Name, "-")
	if !slices.Contains([]string{"debian", "ubuntu", "rocky", "almalinux", "centos", "fedora", "rhel"}, word) {
		return true
	}
	return word == o.ID
}

func (m *machine) doPackage(ctx context.Context, s plan.PackageStep) error {
	var (
		tool    packager
		release osRelease
		repos   []plan.Repo
	)
	err := m.inRoot(func(root *os.Root) error {
		text, err := root.ReadFile("usr/lib/os-release")
		if err != nil {
			text, _ = root.ReadFile("etc/os-release")
		}
		release = readOSRelease(string(text))
		if tool = findPackager(root.FS()); tool == nil && len(s.Packages.Install) > 0 {
			return errors.New("the image has no apt and no dnf, so %packages can't be carried out: put the packages into the image")
		}
		return nil
	})
	if err != nil || tool == nil {
		return err
	}
	for _, r := range s.Repos {
		if release.fits(r) {
			repos = append(repos, r)
		} else {
			m.Con.Printf("repo %s is for another system than %s", r.Name, release.ID)
		}
	}
	if s.Skip && len(repos) > 0 && len(s.Packages.Install) > 0 {
		if repos, err = m.readableRepos(ctx, s, tool, release, repos); err != nil {
			return err
		}
	}
	own, kept := tool.files(repos, release)
	err = m.inRoot(func(root *os.Root) error {
		if len(kept) > 0 {
			// It names a mirror of where the image was made.
			if err := root.Remove("etc/apt/sources.list"); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		for _, f := range append(own, kept...) {
			if err := writeFile(root, f.Path, f.Mode, f.Text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(s.Packages.Install) == 0 {
		return err
	}
	if err := m.installPackages(ctx, s, tool, len(own) > 0); err != nil {
		return &plan.Failure{Kind: plan.FailPackages, Err: fmt.Errorf("%%packages of line %d: %w", s.Packages.Section.Pos.Line, err)}
	}
	return nil
}

// readableRepos are the repos if the package manager can read them, or none if it can't: they
// probably belong to another distribution, or are out of reach. Those are not kept either.
func (m *machine) readableRepos(ctx context.Context, s plan.PackageStep, tool packager, release osRelease, repos []plan.Repo) ([]plan.Repo, error) {
	argv := tool.refresh(s.Packages, true)
	if argv == nil {
		return repos, nil // dnf reads them when it installs, and says then what it can't read
	}
	own, _ := tool.files(repos, release)
	write := func(root *os.Root) error {
		for _, f := range own {
			if err := writeFile(root, f.Path, f.Mode, f.Text); err != nil {
				return err
			}
		}
		return nil
	}
	if err := m.inRoot(write); err != nil {
		return nil, err
	}
	err := m.packages(ctx, nil, argv)
	if err == nil || ctx.Err() != nil {
		return repos, ctx.Err()
	}
	var names []string
	for _, r := range repos {
		names = append(names, r.Name)
	}
	m.Warnf("repo %s: skipped, because the system's package manager can't read them; packages come from the image's own sources: %v", strings.Join(names, ", "), err)
	return nil, nil
}

func (m *machine) installPackages(ctx context.Context, s plan.PackageStep, tool packager, ownRepos bool) error {
	p := s.Packages
	m.Event(report.Event{Stage: "packages", Kind: "progress", Message: fmt.Sprintf("%%packages: %d asked for; the list of packages is fetched", len(p.Install))})
	quiet, err := noServices(m)
	if err != nil {
		return err
	}
	defer quiet()
	if argv := tool.refresh(p, ownRepos); argv != nil {
		if err := m.packages(ctx, nil, argv); err != nil {
			return err
		}
	}
	if argv := tool.query(p, ownRepos); argv != nil {
		var lines []string
		if err := m.packages(ctx, &report.LineWriter{Line: func(l string) { lines = append(lines, l) }}, argv); err != nil {
			return err
		}
		there, missing := aptAvailable(lines, p.Install)
		if p.IgnoreMissing {
			p.Install = there
		}
		p.Exclude, _ = aptAvailable(lines, p.Exclude) // packages that don't exist need no exclusion
		if len(missing) > 0 && p.IgnoreMissing {
			m.Warnf("%%packages: no package source has %s; skipped", strings.Join(missing, " "))
		}
	}
	if len(p.Install) > 0 {
		if err := m.packages(ctx, m.packageProgress(tool), tool.install(p, ownRepos)); err != nil {
			return err
		}
	}
	m.Event(report.Event{Stage: "packages", Kind: "progress", Message: "%packages: all are installed"})
	return m.packages(ctx, nil, tool.clean())
}

// packageProgress reports progress, at most every three seconds.
func (m *machine) packageProgress(tool packager) *report.LineWriter {
	read := tool.progress()
	last := m.clk.Now()
	return &report.LineWriter{Line: func(l string) {
		done, all := read(l)
		if now := m.clk.Now(); all > 0 && done > 0 && now.Sub(last) >= 3*time.Second && !m.Rep.Busy() {
			last = now
			m.Rep.Send(report.Event{Stage: "packages", Kind: "progress", Message: fmt.Sprintf("%%packages: %d of %d", done, all)})
		}
	}}
}

// packages runs a package manager in the system. Nothing that it runs may take the
// chroot for a running system.
func (m *machine) packages(ctx context.Context, log *report.LineWriter, argv []string) error {
	path, err := findProgram(m.target, argv[0])
	if err != nil {
		return err
	}
	env, err := findProgram(m.target, "env")
	if err != nil {
		return err
	}
	argv = append([]string{env, "SYSTEMD_OFFLINE=1", "RUNLEVEL=1", "DEBIAN_PRIORITY=critical", path}, argv[1:]...)
	if log == nil {
		return m.run(ctx, m.target, packagesLimit, nil, "", argv...)
	}
	defer log.End()
	return m.run(ctx, m.target, packagesLimit, log, "", argv...)
}

// policyFile has invoke-rc.d start nothing (Debian's policy-rc.d, exit status 101).
const policyFile = "usr/sbin/policy-rc.d"

// noServices keeps packages from starting services. The function that it returns undoes that.
func noServices(m *machine) (back func(), err error) {
	var old []byte
	had := false
	err = m.inRoot(func(root *os.Root) error {
		if old, err = root.ReadFile(policyFile); err == nil {
			had = true
		}
		return writeFile(root, policyFile, 0o755, "#!/bin/sh\nexit 101\n")
	})
	return func() {
		_ = m.inRoot(func(root *os.Root) error {
			if had {
				return writeFile(root, policyFile, 0o755, string(old))
			}
			return root.Remove(policyFile)
		})
	}, err
}
