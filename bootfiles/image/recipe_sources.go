package image

import (
	"cmp"
	"slices"
	"strings"
)

// aptSources are the archives that a recipe's packages come from.
func (r Recipe) aptSources() ([]Source, error) {
	var list []Source
	add := func(uri, suite string, components ...string) {
		list = append(list, Source{
			URI: uri, Suite: suite, Components: components,
			Key: cmp.Or(r.Key, r.distro().keyring), Unsigned: r.Unsigned,
		})
	}
	switch {
	case len(r.Sources) > 0:
		for _, text := range r.Sources {
			f := strings.Fields(text)
			add(f[0], f[1], f[2:]...)
		}
	case r.Mirror == "":
		return HostSources(r.Release)
	case r.Distribution == "ubuntu":
		for _, s := range []string{"", "-updates", "-security"} {
			add(r.Mirror, r.Release+s, "main", "universe")
		}
	default:
		// Debian's security updates are in an archive that the recipe doesn't name.
		for _, s := range []string{"", "-updates"} {
			add(r.Mirror, r.Release+s, "main")
		}
	}
	return list, nil
}

// forRelease are the sources of another release of Debian in the same archives.
func forRelease(list []Source, release string) []Source {
	var out []Source
	for _, s := range list {
		base, pocket, _ := strings.Cut(s.Suite, "-")
		if !slices.Contains([]string{"bullseye", "bookworm", "trixie", "stable", "oldstable", "oldoldstable", "testing"}, base) {
			continue
		}
		if s.Suite = release; pocket != "" {
			s.Suite += "-" + pocket
		}
		if release == "bullseye" { // it has no such component yet
			s.Components = slices.DeleteFunc(slices.Clone(s.Components), func(c string) bool { return c == "non-free-firmware" })
		}
		out = append(out, s)
	}
	return out
}
