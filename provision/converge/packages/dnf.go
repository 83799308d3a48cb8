package packages

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/apt"
	"rackhand/provision/converge/command"
)

// Dnf manages packages through rpm and dnf (dnf(8), version 4 or later). It leaves the
// signature checks of dnf as they are.
type Dnf struct {
	Root   string // the root of the host; "" for that of the machine
	Runner command.Runner
	Clock  func() time.Time

	indexed
}

// rpmName is a package's name as rpm and dnf take it: name.arch.
func rpmName(name string) string { return strings.Replace(name, ":", ".", 1) }

// Query returns the states of packages by their names, as asked for. It is one call of rpm
// for all of them, one of dnf for those that are to be the latest, and one for holds.
func (d *Dnf) Query(ctx context.Context, packages []catalog.Package) (map[string]State, error) {
	if len(packages) == 0 {
		return nil, nil
	}
	args := []string{"rpm", "-q", "--qf", `%{NAME}\t%{ARCH}\t%{EPOCHNUM}\t%{VERSION}\t%{RELEASE}\n`, "--"}
	for _, p := range packages {
		args = append(args, rpmName(p.Name))
	}
	out, err := d.Runner.Run(ctx, env(), args...)
	if err != nil {
		return nil, err
	}
	states := map[string]State{}
	found, asked := false, byName(packages)
	for line := range strings.Lines(out.Stdout) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		found = found || strings.HasSuffix(f[0], " is not installed")
		if len(f) != 5 {
			continue
		}
		found = true
		for _, p := range asked[f[0]] {
			if _, arch, qualified := strings.Cut(p.Name, ":"); !qualified || arch == f[1] {
				states[p.Name] = State{Version: rpmVersion(p, f[2], f[3], f[4])}
			}
		}
	}
	if !found {
		return nil, fmt.Errorf("rpm -q failed: %s", out.Explain()) // the exit status counts those that aren't there
	}
	installed := those(packages, func(p catalog.Package) bool { return isLatest(p) && states[p.Name].Version != "" })
	d.candidates(ctx, installed, states)
	d.locks(ctx, those(packages, holdIsSet), states)
	return states, nil
}

// rpmVersion is an installed version, as the declaration writes it where that leaves the epoch
// or the release out.
func rpmVersion(p catalog.Package, epoch, version, release string) string {
	whole := version + "-" + release
	for _, form := range []string{version, whole, epoch + ":" + version, epoch + ":" + whole} {
		if p.Ensure == form {
			return form
		}
	}
	if epoch != "0" {
		return epoch + ":" + whole
	}
	return whole
}

// candidates notes the newer versions of installed packages that are to be the latest.
func (d *Dnf) candidates(ctx context.Context, packages []catalog.Package, states map[string]State) {
	if len(packages) == 0 {
		return
	}
	args := []string{"dnf", "-q", "--setopt=metadata_expire=-1", "repoquery", "--upgrades", "--latest-limit=1", "--qf", `%{name}\t%{arch}\t%{evr}\n`, "--"}
	for _, p := range packages {
		args = append(args, rpmName(p.Name))
	}
	out, err := d.Runner.Run(ctx, env(), args...)
	if err == nil && out.Code != 0 {
		err = fmt.Errorf("dnf repoquery: %s", dnfErrors(out))
	}
	if err != nil {
		fail(states, packages, err)
		return
	}
	asked := byName(packages)
	for line := range strings.Lines(out.Stdout) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		for _, p := range asked[f[0]] {
			_, arch, qualified := strings.Cut(p.Name, ":")
			if s := states[p.Name]; len(f) == 3 && (!qualified || arch == f[1]) {
				s.Candidate = strings.TrimPrefix(f[2], "0:")
				states[p.Name] = s
			}
		}
	}
}

// Update fetches the metadata of the repositories if a package is to be the latest and they
// are old. Otherwise dnf decides when to fetch them.
func (d *Dnf) Update(ctx context.Context, packages []catalog.Package) error {
	hash, err := d.sources()
	if err != nil || !d.outdated(hash, packages) {
		return err
	}
	out, err := d.Runner.Run(ctx, env(), "dnf", "-q", "makecache", "--refresh")
	if err == nil && out.Code != 0 {
		err = errors.New(dnfErrors(out))
	}
	if err != nil {
		return fmt.Errorf("dnf makecache: %w", err)
	}
	d.SetIndex(Index{Sources: hash, Updated: d.Clock()})
	return nil
}

func (d *Dnf) outdated(hash string, packages []catalog.Package) bool {
	return slices.ContainsFunc(packages, isLatest) && (d.Index().Sources != hash || tooOld(d.Index(), d.Clock()))
}

// sources is a hash of dnf's repositories.
func (d *Dnf) sources() (string, error) {
	root := filepath.Join("/", d.Root)
	names, err := filepath.Glob(filepath.Join(root, "/etc/yum.repos.d/*.repo"))
	if err != nil {
		return "", fmt.Errorf("dnf's repositories: %w", err)
	}
	return hashFiles(append(names, filepath.Join(root, "/etc/dnf/dnf.conf")))
}

// Apply brings packages about. One that dnf can't have is found and refused with its words,
// and the others are carried out without it.
func (d *Dnf) Apply(ctx context.Context, packages []catalog.Package, declared map[string]string) (Outcome, error) {
	return d.whole(packages, declared, func(t *dnfTransaction, set []catalog.Package) (reason, err error) {
		return t.carryOut(ctx, set)
	})
}

// Plan returns the outcome that Apply would have, and changes nothing.
func (d *Dnf) Plan(ctx context.Context, packages []catalog.Package, declared map[string]string) (Outcome, error) {
	hash, err := d.sources()
	if err != nil {
		return Outcome{}, err
	}
	outcome, err := d.whole(packages, declared, func(t *dnfTransaction, set []catalog.Package) (reason, err error) {
		reason, _, err = t.possible(ctx, set)
		return reason, err
	})
	outcome.Outdated = d.outdated(hash, packages)
	return outcome, err
}

// whole tries packages together, and without those that fail.
func (d *Dnf) whole(packages []catalog.Package, declared map[string]string, try func(*dnfTransaction, []catalog.Package) (reason, err error)) (Outcome, error) {
	t := &dnfTransaction{Dnf: d, declared: byRPMName(declared), outcome: Outcome{Refused: map[string]error{}, Also: map[string][]string{}}}
	var broken error // dnf can't be asked at all
	_, failed, why := apt.Whole(packages, func(set []catalog.Package) error {
		if broken != nil {
			return broken
		}
		var reason error
		reason, broken = try(t, set)
		return errors.Join(reason, broken)
	})
	for i, p := range failed {
		t.outcome.Refused[p.Name] = why[i]
	}
	return t.outcome, broken
}

func byRPMName(declared map[string]string) map[string]string {
	out := map[string]string{}
	for name, ensure := range declared {
		base, _, _ := strings.Cut(name, ":")
		out[base] = ensure
	}
	return out
}
