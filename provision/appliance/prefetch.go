package appliance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"rackhand/bootfiles/image"
	"rackhand/bootfiles/media"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/mirror"
	"rackhand/provision/preview"
	"rackhand/provision/web"
	"rackhand/templates"
	"rackhand/templates/kickstart"
)

// Prefetch brings into the mirror cache what the hosts of a system will ask for: the
// packages that their Kickstarts and roles name, with all that these depend on and the
// system's image doesn't hold; of a system for Anaconda, the tree's boot files too.
func (a *Appliance) Prefetch(ctx context.Context, system string) (web.Prefetched, error) {
	fail := func(err error) (web.Prefetched, error) {
		return web.Prefetched{}, fmt.Errorf("system %s: %w", system, err)
	}
	snap := a.holder.Current()
	s := snap.Systems[system]
	if s == nil {
		return fail(errors.New("no such system in the inventory"))
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
	fetch := a.prefetchImage
	if s.Installer == inventory.InstallerAnaconda {
		fetch = a.prefetchTree
	}
	got, err := fetch(ctx, s, want)
	if err != nil {
		return fail(err)
	}
	out := web.Prefetched{Hosts: len(hosts), Named: want, Packages: got.Packages, Fetched: got.Fetched, Bytes: got.Bytes, Missing: got.Missing}
	return out, a.journal.Record(provision.Event{
		Source: "operator", Kind: "prefetched",
		Message: fmt.Sprintf("what the %d hosts of %s will ask for is in the mirror cache: %d packages, %d MB of them fetched now", out.Hosts, system, out.Packages, out.Bytes>>20),
	})
}

// prefetchImage fetches ahead for a system that is an image of Debian or Ubuntu.
func (a *Appliance) prefetchImage(ctx context.Context, s *inventory.System, want []string) (mirror.Prefetched, error) {
	dir := filepath.Join(a.cfg.State, "images")
	m, err := image.Open(dir, s.Image)
	if err != nil {
		return mirror.Prefetched{}, err
	}
	have, err := image.Installed(dir, s.Image)
	if err != nil {
		return mirror.Prefetched{}, err
	}
	w := mirror.PrefetchRequest{Archives: archives(a.mirror.Names(), m.Distribution, m.Release), Arch: m.Arch, Packages: plain(want), Have: have}
	if len(w.Archives) == 0 {
		return mirror.Prefetched{}, fmt.Errorf("no mirror of %s is named in mirror.upstreams: debian and debian-security, or ubuntu, are fetched ahead for images", cmp.Or(m.Distribution, "its distribution"))
	}
	return a.mirror.Prefetch(ctx, w)
}

// prefetchTree fetches ahead for a system that Anaconda installs from a tree on a mirror.
func (a *Appliance) prefetchTree(ctx context.Context, s *inventory.System, want []string) (mirror.Prefetched, error) {
	m, err := media.Load(filepath.Join(a.cfg.State, "media"), s.Media)
	if err != nil {
		return mirror.Prefetched{}, err
	}
	if m.ISO != nil {
		return mirror.Prefetched{}, fmt.Errorf("its media %s is an ISO on this machine: there is nothing to fetch ahead", s.Media)
	}
	w := mirror.TreeRequest{
		Upstream: m.Mirror, Tree: m.Path, Arch: m.Tree.Arch, Packages: want,
		Files: []string{media.TreeinfoFile, m.Tree.Kernel, m.Tree.Initrd, m.Tree.Stage2},
	}
	for _, v := range m.Tree.Variants {
		w.Repositories = append(w.Repositories, v.Repository)
	}
	return a.mirror.PrefetchTree(ctx, w)
}

// plain are the entries of %packages that name a package, without groups and what is
// left out.
func plain(entries []string) []string {
	return slices.DeleteFunc(slices.Clone(entries), func(e string) bool { return strings.ContainsAny(e[:1], "@-") })
}

// archives are those that a host's sources will name, as rackhand-installer writes them.
func archives(mirrors []string, distribution, release string) []mirror.Archive {
	main := func(upstream string, suites ...string) (out []mirror.Archive) {
		for _, suite := range suites {
			out = append(out, mirror.Archive{Upstream: upstream, Suite: suite, Components: []string{"main"}})
		}
		return out
	}
	var out []mirror.Archive
	for _, name := range mirrors {
		switch {
		case distribution != "" && !strings.HasPrefix(name, distribution):
		case name == "debian":
			out = append(out, main(name, release, release+"-updates")...)
		case name == "debian-security":
			out = append(out, main(name, release+"-security")...)
		case name == "ubuntu":
			out = append(out, main(name, release, release+"-updates", release+"-security")...)
		}
	}
	return out
}

// wanted are the packages that hosts' roles and Kickstarts name, in order. Secrets
// are masked: no package is named by one.
func (a *Appliance) wanted(hosts []*inventory.Host) ([]string, error) {
	p, problems := preview.Open(a.cfg.Inventory, preview.Options{Config: a.cfg})
	if err := problems.Err(); err != nil {
		return nil, err
	}
	all := map[string]bool{}
	for _, h := range hosts {
		c, err := p.Compile(h)
		if err != nil {
			return nil, fmt.Errorf("host %s: %w", h.Name, err)
		}
		for _, r := range c.Catalog.Resources {
			if r.Package != nil && r.Package.Ensure != "absent" {
				all[r.Package.Name] = true
			}
		}
		text, _, err := p.Render(h.Name, preview.Kickstart)
		if err != nil {
			return nil, err
		}
		f, err := kickstart.ParseFor(h.Kickstart, []byte(text), kickstart.Release(h.System.Release))
		if err != nil {
			return nil, errors.New(strings.ReplaceAll(err.Error(), templates.StandIn, templates.Mask))
		}
		for _, name := range packagesOf(f) {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// packagesOf are the entries of a Kickstart's %packages: NAME, @GROUP, @^ENVIRONMENT,
// -NAME. Options of a group are left off; patterns are the host's to resolve.
func packagesOf(f *kickstart.File) []string {
	var out []string
	for _, s := range f.Sections {
		if s.Name != "%packages" {
			continue
		}
		for line := range strings.Lines(s.Body) {
			line, _, _ = strings.Cut(line, "#")
			if w := strings.Fields(line); len(w) > 0 && !strings.ContainsAny(w[0], "*?[%") && strings.Trim(w[0], "@-^") != "" {
				out = append(out, w[0])
			}
		}
	}
	return out
}
