package packages

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rackhand/provision/catalog"
)

// indexAge is how old the package index may be for a package that is to be the latest.
const indexAge = 6 * time.Hour

// tooOld reports whether an index is too old to tell which version is the latest.
func tooOld(i Index, now time.Time) bool {
	age := now.Sub(i.Updated)
	return age < 0 || age > indexAge
}

// purge removes the configuration that removed packages left, where that is declared.
func (a *Apt) purge(ctx context.Context, packages []catalog.Package) error {
	return a.each(ctx, packages, []string{"dpkg", "--purge"}, func(p catalog.Package, s State) bool {
		return p.Ensure == catalog.Purged && s.Residue
	})
}

// hold sets and releases holds where that is declared.
func (a *Apt) hold(ctx context.Context, packages []catalog.Package) error {
	differs := func(want bool) func(catalog.Package, State) bool {
		return func(p catalog.Package, s State) bool {
			return p.Hold != nil && *p.Hold == want && s.Held != want && s.Version != ""
		}
	}
	return errors.Join(
		a.each(ctx, packages, []string{"apt-mark", "hold"}, differs(true)),
		a.each(ctx, packages, []string{"apt-mark", "unhold"}, differs(false)),
	)
}

// each runs a program with the names of the packages that need it, if there are any.
func (a *Apt) each(ctx context.Context, packages []catalog.Package, program []string, needs func(catalog.Package, State) bool) error {
	states, err := a.Query(ctx, packages)
	if err != nil {
		return err
	}
	var names []string
	for _, p := range packages {
		if needs(p, states[p.Name]) {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	out, err := a.locked(ctx, append(append(program, "--"), names...)...)
	if err == nil && out.Code != 0 {
		err = errors.New(out.Explain())
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", program[0], program[1], err)
	}
	return nil
}
