package packages

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/apt"
	"rackhand/provision/converge/command"
)

// Outcome is the result of Apply, or the one that Plan expects.
type Outcome struct {
	// Refused are those that can't be brought about, with the package manager's reasons;
	// the others are carried out without them.
	Refused map[string]error
	// Also lists, for a package that allows it, what goes with it.
	Also map[string][]string
	// Outdated: the package index is out of date, and a newer one may allow what is refused.
	// Plan alone says so; Apply updates the index.
	Outdated bool
}

// transactions is one call of Apply or Plan.
type transactions struct {
	*Apt
	declared   map[string]string
	outcome    Outcome
	bad        map[string]string   // packages that can't be fetched or configured, and why
	allowed    map[string][]string // what may go with a package that allows it
	downgrades bool
	stale      bool // a newer package index may know more
}

func (a *Apt) transactions(declared map[string]string) *transactions {
	t := &transactions{
		Apt: a, declared: map[string]string{}, bad: map[string]string{}, allowed: map[string][]string{},
		outcome: Outcome{Refused: map[string]error{}, Also: map[string][]string{}},
	}
	for name, ensure := range declared {
		t.declared[name] = ensure
		base, _, _ := strings.Cut(name, ":")
		if _, ok := declared[base]; !ok {
			t.declared[base] = ensure
		}
	}
	return t
}

// rounds bounds how often a transaction is tried: each failure but the last taught
// something about a package.
const rounds = 8

// Apply brings packages about in one transaction. One that apt or dpkg can't have is found
// and refused with their words, and the others are carried out without it. What is declared
// held is held afterwards.
func (a *Apt) Apply(ctx context.Context, packages []catalog.Package, declared map[string]string) (Outcome, error) {
	t := a.transactions(declared)
	marked := those(packages, func(p catalog.Package) bool { return p.Ensure == catalog.Purged || p.Hold != nil })
	states, err := a.Query(ctx, marked)
	if err != nil {
		return t.outcome, err
	}
	// Those of the right version differ in their hold, or their configuration is left.
	versions := slices.DeleteFunc(slices.Clone(packages), func(p catalog.Package) bool {
		s, known := states[p.Name]
		return known && (holdsVersion(&p, s) || p.Gone() && s.Version == "")
	})
	if len(versions) > 0 {
		err = t.apply(ctx, versions)
	}
	return t.outcome, errors.Join(err, a.purge(ctx, marked), a.hold(ctx, marked))
}

// apply brings the versions of packages about.
func (t *transactions) apply(ctx context.Context, packages []catalog.Package) error {
	a := t.Apt
	hash, err := a.sources()
	if err != nil {
		return err
	}
	updated, updateErr := false, error(nil)
	update := func() {
		updateErr = a.update(ctx, hash)
		updated = true
	}
	if a.outdated(hash, packages) {
		update()
	}
	defer func() {
		for name, why := range t.outcome.Refused {
			t.outcome.Refused[name] = errors.Join(why, updateErr)
		}
	}()
	configured := false
	for range rounds {
		good, err := t.possible(ctx, packages)
		if err != nil {
			return errors.Join(err, updateErr)
		}
		if t.stale && !updated {
			update()
			continue
		}
		if len(good) == 0 {
			return nil
		}
		out, err := a.locked(ctx, t.transaction(good, false)...)
		if err != nil || out.Code == 0 {
			return err
		}
		text := out.Stderr + "\n" + out.Stdout
		failure := errors.Join(fmt.Errorf("apt-get failed: %s", aptErrors(out)), updateErr)
		notFetched := apt.NotFetched(text)
		known := len(t.bad)
		switch {
		case strings.Contains(text, "dpkg --configure -a") && !configured:
			// A transaction was cut off, perhaps by this agent's deadline.
			configured = true
			out, err := a.locked(ctx, "dpkg", "--configure", "-a", "--force-confold")
			if len(apt.NotProcessed(out.Stderr+"\n"+out.Stdout)) == 0 && (err != nil || out.Code != 0) {
				return fmt.Errorf("dpkg was interrupted earlier and can't be put right: %w", errors.Join(err, errors.New(out.Explain())))
			}
		case (len(notFetched) > 0 || stale(text)) && !updated:
			update()
		default:
			maps.Copy(t.bad, notFetched)
			maps.Copy(t.bad, apt.NotProcessed(text))
			// dpkg may have installed some of them; only the others are tried again.
			rest, err := t.rest(ctx, good)
			if err != nil || len(rest) > 0 && len(t.bad) == known {
				return errors.Join(err, failure)
			}
			packages = rest
		}
	}
	return fmt.Errorf("apt-get fails each time, after %d attempts", rounds)
}

// rest are the packages that aren't as declared yet.
func (t *transactions) rest(ctx context.Context, packages []catalog.Package) ([]catalog.Package, error) {
	states, err := t.Query(ctx, packages)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(packages), func(p catalog.Package) bool { return holdsVersion(&p, states[p.Name]) }), nil
}

// Plan returns the outcome that Apply would have with the current package index.
func (a *Apt) Plan(ctx context.Context, packages []catalog.Package, declared map[string]string) (Outcome, error) {
	t := a.transactions(declared)
	hash, err := a.sources()
	if err != nil {
		return t.outcome, err
	}
	if _, err := t.possible(ctx, packages); err != nil {
		return t.outcome, err
	}
	t.outcome.Outdated = a.outdated(hash, packages)
	return t.outcome, nil
}

// possible is the largest part of the packages that apt can carry out together; the others
// are refused.
func (t *transactions) possible(ctx context.Context, packages []catalog.Package) ([]catalog.Package, error) {
	t.stale = false
	for _, p := range packages {
		delete(t.outcome.Refused, p.Name)
	}
	maps.Copy(t.outcome.Refused, t.virtuals(ctx, packages))
	packages = slices.DeleteFunc(slices.Clone(packages), func(p catalog.Package) bool {
		if why, bad := t.bad[p.Name]; bad {
			t.outcome.Refused[p.Name] = errors.New(why)
		}
		return t.outcome.Refused[p.Name] != nil && !p.Gone()
	})
	if err := t.allow(ctx, packages); err != nil {
		return nil, err
	}
	var broken error // apt can't be asked at all
	good, failed, why := apt.Whole(packages, func(set []catalog.Package) error {
		if broken != nil {
			return broken
		}
		var reason error
		reason, broken = t.impossible(ctx, set)
		return errors.Join(reason, broken)
	})
	for i, p := range failed {
		t.outcome.Refused[p.Name] = why[i]
	}
	return good, broken
}

// allow finds the packages that each package with with_dependants would remove or downgrade.
func (t *transactions) allow(ctx context.Context, packages []catalog.Package) error {
	for _, p := range packages {
		if _, known := t.allowed[p.Name]; !p.WithDependants || known {
			continue
		}
		plan, _, err := t.simulate(ctx, []catalog.Package{p})
		if err != nil {
			return err
		}
		if beyond := plan.Beyond(t.ensure); len(beyond) > 0 {
			t.allowed[p.Name], t.outcome.Also[p.Name] = beyond, beyond
		}
	}
	return nil
}

func (t *transactions) ensure(name string) string { return t.declared[name] }

// impossible says why apt can't carry out packages together, or may not.
func (t *transactions) impossible(ctx context.Context, packages []catalog.Package) (reason, err error) {
	plan, out, err := t.simulate(ctx, packages)
	if err != nil {
		return nil, err
	}
	if out.Code != 0 {
		text := out.Stderr + "\n" + out.Stdout
		t.stale = t.stale || stale(text) || len(notFound(text, packages)) > 0
		return aptReason(out, packages), nil
	}
	for _, name := range apt.Held(out.Stdout) {
		if !slices.ContainsFunc(packages, func(p catalog.Package) bool { return p.Name == name && p.Hold != nil }) {
			return fmt.Errorf("apt-get: on hold: %s (apt-mark unhold lets it change)", name), nil
		}
	}
	for name := range plan.Install {
		if why, bad := t.bad[name]; bad {
			return fmt.Errorf("%s: %s", name, why), nil
		}
	}
	allowed := map[string]bool{}
	for _, p := range packages {
		for _, name := range t.allowed[p.Name] {
			allowed[name] = true
		}
	}
	beyond := slices.DeleteFunc(plan.Beyond(t.ensure), func(name string) bool { return allowed[name] })
	if len(beyond) == 0 {
		return nil, nil
	}
	verb := "go"
	if len(plan.Remove) == 0 {
		verb = "get an older version"
	}
	return fmt.Errorf("with it %s would %s: declare the same of it, or say with_dependants: true", Listed(beyond), verb), nil
}

// simulate asks apt what a transaction would do. It needs no lock and changes nothing.
func (t *transactions) simulate(ctx context.Context, packages []catalog.Package) (apt.Plan, command.Output, error) {
	for {
		out, err := t.Runner.Run(ctx, env(), t.transaction(packages, true)...)
		if err != nil {
			return apt.Plan{}, out, err
		}
		if out.Code != 0 && !t.downgrades && strings.Contains(out.Stderr+out.Stdout, "--allow-downgrades") && slices.ContainsFunc(packages, func(p catalog.Package) bool { return p.Exact() != "" }) {
			t.downgrades = true
			continue
		}
		return apt.Parse(out.Stdout), out, nil
	}
}

// aptReason is apt's reason to refuse packages.
func aptReason(out command.Output, packages []catalog.Package) error {
	text := out.Stderr + "\n" + out.Stdout
	for _, why := range notFound(text, packages) {
		return errors.New(why) // it stops at the first
	}
	if unmet := apt.Unmet(text); len(unmet) > 0 {
		return fmt.Errorf("apt-get: unmet dependencies: %s", command.Short(strings.Join(unmet, "; ")))
	}
	if held := apt.Held(text); len(held) > 0 {
		return fmt.Errorf("apt-get: on hold: %s (apt-mark unhold lets it change)", Listed(held))
	}
	return fmt.Errorf("apt-get failed: %s", aptErrors(out))
}
