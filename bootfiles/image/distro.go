package image

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// The package managers that a root can be made with.
const (
	deb = "deb" // mmdebstrap
	rpm = "rpm" // dnf --installroot
)

// A distro holds the properties of a distribution.
type distro struct {
	format string // deb or rpm
	// releases are the names of those known, by their number: 12 is bookworm. For
	// rpm both are the number.
	releases map[string]string
	keyring  string // of its archives, when a package on Debian brings it
	keys     string // that package
}

// distros are the distributions that a recipe may name.
func distros() map[string]distro {
	// Not 8: its rpm can't read the database that Debian's rpm writes.
	el := map[string]string{"9": "9", "10": "10"}
	return map[string]distro{
		"debian": {
			format: deb, releases: map[string]string{"11": "bullseye", "12": "bookworm", "13": "trixie"},
			keyring: debianKeyring, keys: "debian-archive-keyring",
		},
		"ubuntu": {
			format: deb, releases: map[string]string{"22.04": "jammy", "24.04": "noble", "26.04": "resolute"},
			keyring: "/usr/share/keyrings/ubuntu-archive-keyring.gpg", keys: "ubuntu-keyring",
		},
		"rhel": {format: rpm, releases: el}, "rocky": {format: rpm, releases: el},
		"alma": {format: rpm, releases: el}, "centos": {format: rpm, releases: el},
		"fedora": {format: rpm, releases: map[string]string{"42": "42", "43": "43", "44": "44"}},
	}
}

func distributions() []string { return slices.Sorted(maps.Keys(distros())) }

var distroName = regexp.MustCompile(`^([a-z]+)-?([0-9.]+)`)

// RecipeFor is the recipe that an image's name alone stands for: debian12,
// ubuntu24.04 or ubuntu2404, rocky9, and the same with a dash and a word behind it
// (debian12-web). ok is false for any other name.
func RecipeFor(name string) (r Recipe, ok bool) {
	parts := distroName.FindStringSubmatch(name)
	if parts == nil || len(parts[0]) < len(name) && name[len(parts[0])] != '-' {
		return Recipe{}, false
	}
	d, ok := distros()[parts[1]]
	if !ok {
		return Recipe{}, false
	}
	for number, release := range d.releases {
		if number == parts[2] || strings.ReplaceAll(number, ".", "") == parts[2] {
			return Recipe{Distribution: parts[1], Release: release}, true
		}
	}
	return Recipe{}, false
}

// release finds a release by its name or its number.
func (d distro) release(text string) (string, bool) {
	for number, name := range d.releases {
		if text == number || text == name {
			return name, true
		}
	}
	return "", false
}

func (d distro) releaseNames() []string {
	var names []string
	for _, number := range slices.Sorted(maps.Keys(d.releases)) {
		if name := d.releases[number]; name != number {
			number = fmt.Sprintf("%s (%s)", name, number)
		}
		names = append(names, number)
	}
	return names
}
