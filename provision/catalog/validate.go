package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var (
	// Debian Policy 5.6.1, with an architecture after a colon as dpkg(1) takes
	// it. No glob character and no leading dash gets through to dpkg or apt, and
	// no dash at the end either: apt-get install name- removes (apt-get(8)).
	packageName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9+._-]*[a-zA-Z0-9+._])?(:[a-z0-9]([a-z0-9-]*[a-z0-9])?)?$`)
	// Debian Policy 5.6.12: epoch, upstream version, revision.
	packageVersion = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9.+~:_-]*$`)
	releaseName    = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9.+_/-]*$`)
	// systemd.unit(5): the characters of a unit's name.
	unitName = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9:_.\\@-]*$`)
	// What useradd(8) accepts, and a number.
	userName = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_.-]*\$?$`)
)

// Validate returns an error if a catalog can't be converged. The appliance checks the
// catalogs that it compiles, and the agent those that it receives, because names become
// arguments of programs that run as root.
func (c *Catalog) Validate() error {
	if len(c.Resources) > MaxResources {
		return fmt.Errorf("the catalog has %d resources, at most %d are allowed", len(c.Resources), MaxResources)
	}
	seen := make(map[string]bool, len(c.Resources))
	for i := range c.Resources {
		r := &c.Resources[i]
		if r.Problem != "" {
			seen[r.ID] = true
			continue
		}
		if err := r.Validate(); err != nil {
			return fmt.Errorf("resource %d, %.200q: %w", i+1, r.ID, err)
		}
		if seen[r.ID] {
			return fmt.Errorf("resource %d: %.200q is in the catalog twice", i+1, r.ID)
		}
		// The order is the order of work, so a requirement comes first.
		for _, id := range r.Require {
			if !seen[id] {
				return fmt.Errorf("resource %d, %.200q: requires %.200q, which does not come before it", i+1, r.ID, id)
			}
		}
		seen[r.ID] = true
	}
	// A service comes after the resources that notify it.
	clear(seen)
	for i := len(c.Resources) - 1; i >= 0; i-- {
		r := &c.Resources[i]
		for _, id := range r.Notify {
			if !seen[id] {
				return fmt.Errorf("resource %d, %.200q: notifies %.200q, which does not come after it", i+1, r.ID, id)
			}
		}
		seen[r.ID] = true
	}
	if len(c.Checks) > MaxChecks {
		return fmt.Errorf("the catalog has %d checks, at most %d are allowed", len(c.Checks), MaxChecks)
	}
	for i := range c.Checks {
		k := &c.Checks[i]
		if k.Problem != "" {
			continue
		}
		if err := k.Validate(); err != nil {
			return fmt.Errorf("check %d, %.200s: %w", i+1, k.Source, err)
		}
	}
	return nil
}

// Validate checks one resource without the others.
func (r *Resource) Validate() error {
	if err := r.validateAttributes(); err != nil {
		return err
	}
	kind, s := r.Kind()
	if s == nil {
		return errors.New("a resource is of exactly one kind, such as package or file")
	}
	if err := s.validate(); err != nil {
		return err
	}
	if r.InWindow && !Refreshes(kind) {
		return fmt.Errorf("in_window is for what can be notified, and a %s can't", kind)
	}
	if want := ID(kind, s.Title()); r.ID != want {
		return fmt.Errorf("the id should be %.200q", want)
	}
	if _, ok := s.(secretive); r.HasSecret && (!ok || r.Secret() != "") {
		return errors.New("has_secret is set, but the resource has none, or it stands there")
	}
	for _, id := range r.Notify {
		if !Refreshes(KindOf(id)) {
			return fmt.Errorf("notifies %.200q, which can't be notified", id)
		}
	}
	return nil
}

func (p *Package) Title() string { return p.Name }

// Gone reports whether the package is to be removed.
func (p *Package) Gone() bool { return p.Ensure == Absent || p.Ensure == Purged }

// Exact is the version that is asked for; "" for none.
func (p *Package) Exact() string {
	switch p.Ensure {
	case Present, Latest, Absent, Purged:
		return ""
	}
	return p.Ensure
}

func (p *Package) validate() error {
	switch version := p.Exact(); {
	case len(p.Name) > 128 || !packageName.MatchString(p.Name):
		return fmt.Errorf("%.140q is not a valid package name", p.Name)
	case p.Ensure == "" || version != "" && (len(version) > 128 || !packageVersion.MatchString(version)):
		return fmt.Errorf("ensure is %.140q: use present, latest, absent, purged or a version", p.Ensure)
	case p.Release != "" && (len(p.Release) > 64 || !releaseName.MatchString(p.Release)):
		return fmt.Errorf("%.80q is not the name of a release, such as bookworm-backports", p.Release)
	case p.Release != "" && (p.Gone() || version != ""):
		return fmt.Errorf("ensure: %s takes no release", p.Ensure)
	case p.Hold != nil && p.Gone():
		return fmt.Errorf("ensure: %s takes no hold", p.Ensure)
	}
	return nil
}

func (s *Service) Title() string { return s.Name }

// agentUnit is the name of the agent's own service.
const agentUnit = "rackhand-agent"

func isFalse(b *bool) bool { return b != nil && !*b }

func (s *Service) validate() error {
	if len(s.Name) > 255 || !unitName.MatchString(s.Name) {
		return fmt.Errorf("%.140q is not a valid service name", s.Name)
	}
	if s.Settle < 0 || s.Settle > MaxSettle {
		return fmt.Errorf("settle is %d seconds: 0 to %d are allowed", s.Settle, MaxSettle)
	}
	if s.Refresh != "" && s.Refresh != Restart && s.Refresh != Reload {
		return fmt.Errorf("refresh is %.40q: use restart or reload", s.Refresh)
	}
	if s.Masked != nil && *s.Masked && (s.Running != nil && *s.Running || s.Enabled != nil && *s.Enabled) {
		return errors.New("a masked service can be neither running nor enabled")
	}
	if strings.TrimSuffix(s.Name, ".service") == agentUnit && (s.Masked != nil && *s.Masked || isFalse(s.Running) || isFalse(s.Enabled)) {
		return errors.New("the agent can't stop, disable or mask itself: it would end in the middle of the run; rackhand-agent disable pauses it")
	}
	if s.DropIn != nil && (len(*s.DropIn) > 64<<10 || strings.ContainsRune(*s.DropIn, 0)) {
		return errors.New("drop_in is the text of a unit file, of at most 64 KiB")
	}
	return nil
}
