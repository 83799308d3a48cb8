package packages

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/apt"
	"rackhand/provision/converge/command"
)

// dnfTransaction is one call of Apply or Plan.
type dnfTransaction struct {
	*Dnf
	declared map[string]string // by name, without architecture
	outcome  Outcome
}

// commands are the calls of dnf for packages that aren't as declared: dnf removes, installs and
// upgrades in one transaction each.
func dnfCommands(packages []catalog.Package, states map[string]State) [][]string {
	words := map[string][]string{}
	for _, p := range packages {
		s := states[p.Name]
		switch {
		case holdsVersion(&p, s):
		case p.Gone():
			words["remove"] = append(words["remove"], rpmName(p.Name))
		case p.Exact() != "":
			name, arch, qualified := strings.Cut(p.Name, ":")
			word := name + "-" + p.Ensure
			if qualified {
				word += "." + arch
			}
			words["install"] = append(words["install"], word)
		case s.Version != "":
			words["upgrade"] = append(words["upgrade"], rpmName(p.Name))
		default:
			words["install"] = append(words["install"], rpmName(p.Name))
		}
	}
	var all [][]string
	for _, verb := range []string{"remove", "install", "upgrade"} {
		if len(words[verb]) > 0 {
			all = append(all, append([]string{verb}, words[verb]...))
		}
	}
	return all
}

// dnf is the command line of a transaction. Dependencies that nothing needs any more stay:
// nobody declared them absent.
func dnfArgs(option string, transaction []string) []string {
	args := []string{"dnf", option, "--setopt=clean_requirements_on_remove=False", transaction[0], "--"}
	return append(args, transaction[1:]...)
}

// possible says why dnf can't carry out packages together, or may not, and returns the
// transactions that would.
func (t *dnfTransaction) possible(ctx context.Context, packages []catalog.Package) (reason error, transactions [][]string, err error) {
	for _, p := range packages {
		if p.Release != "" {
			return errors.New("release is for apt: name a repository of its own, and the version"), nil, nil
		}
	}
	states, err := t.Query(ctx, packages)
	if err != nil {
		return nil, nil, err
	}
	transactions = dnfCommands(packages, states)
	dependants := those(packages, func(p catalog.Package) bool { return p.WithDependants })
	for _, transaction := range transactions {
		out, err := t.Runner.Run(ctx, env(), dnfArgs("--assumeno", transaction)...)
		if err != nil {
			return nil, nil, err
		}
		text := out.Stdout + "\n" + out.Stderr
		if out.Code != 0 && !strings.Contains(text, "Operation aborted.") {
			return errors.New("dnf: " + dnfErrors(out)), nil, nil
		}
		plan := apt.ParseDnf(out.Stdout)
		beyond := plan.Beyond(func(name string) string { return t.declared[name] })
		switch {
		case len(beyond) == 0:
		case len(dependants) > 0:
			for _, p := range dependants {
				t.outcome.Also[p.Name] = beyond
			}
		case len(plan.Remove) == 0:
			return fmt.Errorf("with it %s would get an older version: declare the same of it, or say with_dependants: true", Listed(beyond)), nil, nil
		default:
			return fmt.Errorf("with it %s would go: declare the same of it, or say with_dependants: true", Listed(beyond)), nil, nil
		}
	}
	return nil, transactions, nil
}

// carryOut does what is possible.
func (t *dnfTransaction) carryOut(ctx context.Context, packages []catalog.Package) (reason, err error) {
	reason, transactions, err := t.possible(ctx, packages)
	if reason != nil || err != nil {
		return reason, err
	}
	if len(transactions) > 0 {
		if err := t.unlock(ctx, packages); err != nil {
			return err, nil
		}
	}
	for _, transaction := range transactions {
		out, err := t.Runner.Run(ctx, env(), dnfArgs("-y", transaction)...)
		if err != nil {
			return nil, err
		}
		if out.Code != 0 {
			return errors.Join(errors.New("dnf: "+dnfErrors(out)), t.lock(ctx, packages)), nil
		}
	}
	return t.lock(ctx, packages), nil
}

// dnfErrors are the error lines of dnf, or the end of its output.
func dnfErrors(out command.Output) string {
	var lines []string
	within := false
	for line := range strings.Lines(out.Stderr) {
		line = strings.TrimSpace(line)
		text, isError := strings.CutPrefix(line, "Error:")
		within = within || isError
		if text = strings.TrimSpace(text); within && text != "" && !strings.HasPrefix(text, "(try to add") {
			lines = append(lines, text)
		}
	}
	if len(lines) == 0 {
		return out.Explain()
	}
	return command.Short(strings.Join(lines, "; "))
}

// locks notes which packages dnf's versionlock holds.
func (d *Dnf) locks(ctx context.Context, packages []catalog.Package, states map[string]State) {
	if len(packages) == 0 {
		return
	}
	out, err := d.versionlock(ctx, "list")
	if err != nil {
		fail(states, packages, err)
		return
	}
	for line := range strings.Lines(out.Stdout) {
		line = strings.TrimSpace(line) // name-epoch:version-release.*
		for _, p := range packages {
			base, _, _ := strings.Cut(p.Name, ":")
			rest, ok := strings.CutPrefix(line, base+"-")
			if epoch, _, is := strings.Cut(rest, ":"); ok && is && strings.Trim(epoch, "0123456789") == "" {
				s := states[p.Name]
				s.Held = true
				states[p.Name] = s
			}
		}
	}
}

func (d *Dnf) versionlock(ctx context.Context, args ...string) (command.Output, error) {
	out, err := d.Runner.Run(ctx, env(), append([]string{"dnf", "-q", "versionlock"}, args...)...)
	if err == nil && out.Code != 0 {
		err = fmt.Errorf("dnf versionlock %s: %s (hold needs the package python3-dnf-plugin-versionlock)", args[0], dnfErrors(out))
	}
	return out, err
}

// unlock releases the packages whose hold a role declares, so that it may change them.
func (d *Dnf) unlock(ctx context.Context, packages []catalog.Package) error {
	return d.change(ctx, packages, "delete", func(_ catalog.Package, s State) bool { return s.Held })
}

// lock brings holds about as declared.
func (d *Dnf) lock(ctx context.Context, packages []catalog.Package) error {
	return errors.Join(
		d.change(ctx, packages, "delete", func(p catalog.Package, s State) bool { return !*p.Hold && s.Held }),
		d.change(ctx, packages, "add", func(p catalog.Package, s State) bool { return *p.Hold && !s.Held && s.Version != "" }),
	)
}

func (d *Dnf) change(ctx context.Context, packages []catalog.Package, verb string, needs func(catalog.Package, State) bool) error {
	packages = those(packages, holdIsSet)
	states, err := d.Query(ctx, packages)
	if err != nil {
		return err
	}
	args := []string{verb}
	for _, p := range packages {
		if needs(p, states[p.Name]) {
			args = append(args, rpmName(p.Name))
		}
	}
	if len(args) > 1 {
		_, err = d.versionlock(ctx, args...)
	}
	return err
}
