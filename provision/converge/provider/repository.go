package provider

import (
	"context"
	"fmt"
	"path"
	"strings"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
)

// repository writes apt's sources and keys, or dnf's.
type repository struct{ Host }

// A written is a file of a repository, and what it is called in a message.
type written struct {
	what string
	file *catalog.File
}

// files are those of a repository, in the order in which they are written.
func (p repository) files(r *catalog.Repository) []written {
	dnf := command.UsesDnf(p.Root)
	folder, sources, keys := "/etc/apt/keyrings", "/etc/apt/sources.list.d/"+r.Name+".sources", []string{"/etc/apt/keyrings/" + r.Name + ".asc", "/etc/apt/keyrings/" + r.Name + ".gpg"}
	text := aptSources
	if dnf {
		folder, sources, keys = "/etc/pki/rpm-gpg", "/etc/yum.repos.d/"+r.Name+".repo", []string{"/etc/pki/rpm-gpg/RPM-GPG-KEY-" + r.Name}
		text = dnfSection
	}
	gone := func(what, name string) written {
		return written{what, &catalog.File{Path: name, Ensure: catalog.Absent}}
	}
	if r.Ensure == catalog.Absent {
		all := []written{gone("sources", sources)}
		for _, name := range keys {
			all = append(all, gone("key", name))
		}
		return all
	}
	var all []written
	key := ""
	if r.Key != nil {
		f := *r.Key
		key = path.Join(folder, path.Base(f.Path))
		if dnf {
			key = keys[0]
		}
		f.Path = key
		all = append(all, written{"folder of keys", &catalog.File{Path: folder, Ensure: catalog.Directory}}, written{"key", &f})
	}
	all = append(all, written{"folder of sources", &catalog.File{Path: path.Dir(sources), Ensure: catalog.Directory}}, written{"sources", &catalog.File{
		Path: sources, Ensure: catalog.FileKind, Content: text(r, key), Mode: "0644", Owner: "root", Group: "root",
	}})
	for _, name := range keys {
		if name != key {
			all = append(all, gone("key", name))
		}
	}
	return all
}

// aptSources is a deb822 file (sources.list(5)).
func aptSources(r *catalog.Repository, key string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# rackhand keeps this file: repository[%s]\n", r.Name)
	field := func(name string, words ...string) {
		if len(words) > 0 && words[0] != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(words, " "))
		}
	}
	suites := r.Suites
	if len(suites) == 0 {
		suites = []string{"./"}
	}
	field("Types", "deb")
	field("URIs", r.URIs...)
	field("Suites", suites...)
	field("Components", r.Components...)
	field("Architectures", r.Architectures...)
	field("Signed-By", key)
	if r.Unsigned {
		field("Trusted", "yes")
	}
	if r.Disabled {
		field("Enabled", "no")
	}
	return b.String()
}

// dnfSection is a file of one repository (dnf.conf(5)).
func dnfSection(r *catalog.Repository, key string) string {
	yes := map[bool]string{true: "1", false: "0"}
	text := fmt.Sprintf("# rackhand keeps this file: repository[%s]\n[%[1]s]\nname=%[1]s\nbaseurl=%s\nenabled=%s\ngpgcheck=%s\n",
		r.Name, strings.Join(r.URIs, "\n "), yes[!r.Disabled], yes[!r.Unsigned])
	if key != "" {
		text += "gpgkey=file://" + key + "\n"
	}
	return text
}

func (p repository) Check(ctx context.Context, r *catalog.Resource) (differs []string, err error) {
	folders := map[string]bool{}
	for _, w := range p.files(r.Repository) {
		// Its folder isn't there yet.
		if folders[path.Dir(w.file.Path)] {
			if w.file.Ensure != catalog.Absent {
				differs = append(differs, w.what+" made")
			}
			continue
		}
		found, err := p.Files.Check(ctx, w.file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.what, err)
		}
		for _, text := range found {
			differs = append(differs, w.what+": "+text)
		}
		folders[w.file.Path] = len(found) > 0 && w.file.Ensure == catalog.Directory
	}
	return differs, nil
}

func (p repository) Apply(ctx context.Context, r *catalog.Resource) error {
	for _, w := range p.files(r.Repository) {
		found, err := p.Files.Check(ctx, w.file)
		if err == nil && len(found) > 0 {
			err = p.Files.Apply(ctx, w.file)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", w.what, err)
		}
	}
	return nil
}

// Diff is that of the sources.
func (p repository) Diff(ctx context.Context, r *catalog.Resource) string {
	for _, w := range p.files(r.Repository) {
		if w.what == "sources" {
			return p.Files.Diff(ctx, w.file)
		}
	}
	return ""
}
