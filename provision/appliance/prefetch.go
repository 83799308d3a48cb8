package appliance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"rackhand/bootfiles/image"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/mirror"
	"rackhand/provision/web"
	"rackhand/templates"
	"rackhand/templates/kickstart"
)

// Prefetch brings into the mirror cache what the hosts of a system will ask for:
// the packages that their Kickstarts and roles name, with all that these depend on
// and the system's image doesn't hold.
func (a *Appliance) Prefetch(ctx context.Context, system string) (web.Prefetched, error) {
	fail := func(err error) (web.Prefetched, error) {
		return web.Prefetched{}, fmt.Errorf("system %s: %w", system, err)
	}
	snap := a.holder.Current()
	s := snap.Systems[system]
	switch {
	case s == nil:
		return fail(errors.New("no such system in the inventory"))
	case s.Installer != inventory.InstallerImage:
		return fail(errors.New("packages are fetched ahead for systems that are images of Debian or Ubuntu alone; those of an rpm tree are kept as they are used"))
	}
	dir := filepath.Join(a.cfg.State, "images")
	m, err := image.Open(dir, s.Image)
	if err != nil {
		return fail(err)
	}
	have, err := image.Installed(dir, s.Image)
	if err != nil {
		return fail(err)
	}
	var hosts []*inventory.Host
	for _, name := range slices.Sorted(maps.Keys(snap.Hosts)) {
		if h := snap.Hosts[name]; h.System == s {
			hosts = append(hosts, h)
		}
	}
	want, err := a.wanted(hosts)
	if err != nil {
		return fail(err)
	}
	w := mirror.Wish{Archives: archives(a.mirror.Names(), m.Release), Arch: m.Arch, Packages: want, Have: have}
	if len(w.Archives) == 0 {
		return fail(errors.New("no mirror is named debian: name one in mirror.upstreams"))
	}
	got, err := a.mirror.Prefetch(ctx, w)
	if err != nil {
		return fail(err)
	}
	out := web.Prefetched{Hosts: len(hosts), Named: want, Packages: got.Packages, Fetched: got.Fetched, Bytes: got.Bytes, Missing: got.Missing}
	return out, a.journal.Record(provision.Event{
		Source: "operator", Kind: "prefetched",
		Message: fmt.Sprintf("what the %d hosts of %s will ask for is in the mirror cache: %d packages, %d MB of them fetched now", out.Hosts, system, out.Packages, out.Bytes>>20),
	})
}

// archives are those that a host's sources will name, as the installer writes them from repos.ks.
func archives(mirrors []string, release string) []mirror.Archive {
	var out []mirror.Archive
	for _, name := range mirrors {
		switch name {
		case "debian":
			for _, suite := range []string{release, release + "-updates"} {
				out = append(out, mirror.Archive{Upstream: name, Suite: suite, Components: []string{"main"}})
			}
		case "debian-security":
			out = append(out, mirror.Archive{Upstream: name, Suite: release + "-security", Components: []string{"main"}})
		}
	}
	return out
}

// wanted are the packages that hosts' roles and Kickstarts name, in order. Secrets
// are masked: no package is named by one.
func (a *Appliance) wanted(hosts []*inventory.Host) ([]string, error) {
	p, problems := Open(a.cfg.Inventory, PreviewOptions{Config: a.cfg})
	if err := problems.Err(); err != nil {
		return nil, err
	}
	all := map[string]bool{}
	for _, h := range hosts {
		c, err := p.compile(h)
		if err != nil {
			return nil, fmt.Errorf("host %s: %w", h.Name, err)
		}
		for _, r := range c.Catalog.Resources {
			if r.Package != nil && r.Package.Ensure != "absent" {
				all[r.Package.Name] = true
			}
		}
		text, _, err := p.Render(h.Name, Kickstart)
		if err != nil {
			return nil, err
		}
		f, err := kickstart.Parse(h.Kickstart, []byte(text))
		var named []string
		if err == nil {
			named, err = packagesOf(f)
		}
		if err != nil {
			return nil, errors.New(strings.ReplaceAll(err.Error(), templates.StandIn, templates.Mask))
		}
		for _, name := range named {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// packagesOf are the packages that a Kickstart adds to an image.
func packagesOf(f *kickstart.File) ([]string, error) {
	var out []string
	for _, s := range f.Sections {
		if s.Name != "%packages" {
			continue
		}
		p, problems := kickstart.ImagePackages(f, s)
		if len(problems) > 0 {
			return nil, problems[0]
		}
		out = append(out, p.Install...)
	}
	return out, nil
}
