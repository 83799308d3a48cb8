// Package prefetch fills the mirror cache with the files that hosts will ask for.
package prefetch

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
	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/mirror"
	"rackhand/provision/preview"
	"rackhand/templates"
	"rackhand/templates/kickstart"
)

// A Prefetcher fetches ahead into a mirror cache.
type Prefetcher struct {
	Mirror *mirror.Cache
	Config *config.Config // for the folders of the inventory, images and media
	// Facts returns the facts of a host; nil: none are known.
	Facts func(host string) map[string]any
}

// Fetch fills the mirror cache for the hosts of a system: with the packages that their
// Kickstarts and roles name, and their dependencies, except those of the system's image. For
// Anaconda it also fetches the tree's boot files.
func (p *Prefetcher) Fetch(ctx context.Context, s *inventory.System, hosts []*inventory.Host) (provision.Prefetched, error) {
	want, err := p.wanted(hosts)
	if err != nil {
		return provision.Prefetched{}, err
	}
	fetch := p.image
	if s.Installer == inventory.InstallerAnaconda {
		fetch = p.tree
	}
	got, err := fetch(ctx, s, want)
	got.Hosts, got.Named = len(hosts), want
	return got, err
}

// image fetches ahead for a system that is an image of Debian or Ubuntu.
func (p *Prefetcher) image(ctx context.Context, s *inventory.System, want []string) (provision.Prefetched, error) {
	dir := filepath.Join(p.Config.State, "images")
	m, err := image.Open(dir, s.Image)
	if err != nil {
		return provision.Prefetched{}, err
	}
	have, err := image.Installed(dir, s.Image)
	if err != nil {
		return provision.Prefetched{}, err
	}
	w := mirror.PrefetchRequest{Archives: archives(p.Mirror.Names(), m.Distribution, m.Release), Arch: m.Arch, Packages: plain(want), Have: have}
	if len(w.Archives) == 0 {
		return provision.Prefetched{}, fmt.Errorf("no mirror of %s is named in mirror.upstreams: debian and debian-security, or ubuntu, are fetched ahead for images", cmp.Or(m.Distribution, "its distribution"))
	}
	return p.Mirror.Prefetch(ctx, w)
}

// tree fetches ahead for a system that Anaconda installs from a tree on a mirror.
func (p *Prefetcher) tree(ctx context.Context, s *inventory.System, want []string) (provision.Prefetched, error) {
	m, err := media.Load(filepath.Join(p.Config.State, "media"), s.Media)
	if err != nil {
		return provision.Prefetched{}, err
	}
	if m.ISO != nil {
		return provision.Prefetched{}, fmt.Errorf("its media %s is an ISO on this machine: there is nothing to fetch ahead", s.Media)
	}
	w := mirror.TreeRequest{
		Upstream: m.Mirror, Tree: m.Path, Arch: m.Tree.Arch, Packages: want,
		Files: []string{media.TreeinfoFile, m.Tree.Kernel, m.Tree.Initrd, m.Tree.Stage2},
	}
	for _, v := range m.Tree.Variants {
		w.Repositories = append(w.Repositories, v.Repository)
	}
	return p.Mirror.PrefetchTree(ctx, w)
}

// plain are the entries of %packages that name a package to install, without groups and
// excluded packages.
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
func (p *Prefetcher) wanted(hosts []*inventory.Host) ([]string, error) {
	rendered, problems := preview.Open(p.Config.Inventory, preview.Options{Config: p.Config, Facts: p.Facts})
	if err := problems.Err(); err != nil {
		return nil, err
	}
	all := map[string]bool{}
	for _, h := range hosts {
		c, err := rendered.Compile(h)
		if err != nil {
			return nil, fmt.Errorf("host %s: %w", h.Name, err)
		}
		for _, r := range c.Catalog.Resources {
			if r.Package != nil && !r.Package.Gone() {
				all[r.Package.Name] = true
			}
		}
		text, _, err := rendered.Render(h.Name, preview.Kickstart)
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
