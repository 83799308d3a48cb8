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
	states, err := a.Query(ctx, packages)
	if err != nil {
		return err
	}
	var names []string
	for _, p := range packages {
		if p.Ensure == catalog.Purged && states[p.Name].Residue {
			names = append(names, p.Name)
		}
	}
	return a.mark(ctx, names, "dpkg", "--purge")
}

// hold sets and releases holds where that is declared.
func (a *Apt) hold(ctx context.Context, packages []catalog.Package) error {
	states, err := a.Query(ctx, packages)
	if err != nil {
		return err
	}
	differ := func(want bool) (names []string) {
		for _, p := range packages {
			if s := states[p.Name]; p.Hold != nil && *p.Hold == want && s.Held != want && s.Version != "" {
				names = append(names, p.Name)
			}
		}
		return names
	}
	return errors.Join(a.mark(ctx, differ(true), "apt-mark", "hold"), a.mark(ctx, differ(false), "apt-mark", "unhold"))
}

// mark runs a program with the names of packages, if there are any.
func (a *Apt) mark(ctx context.Context, names []string, program ...string) error {
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
