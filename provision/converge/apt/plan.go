// Package apt reads the output of apt-get: its plan (apt-get -s), and why it failed.
// It runs nothing and reads no file.
package apt

import (
	"regexp"
	"slices"
	"strings"
)

// A Plan is what a transaction would do, by apt's simulation.
type Plan struct {
	Install   map[string]Change // what would be installed, upgraded or downgraded
	Remove    map[string]string // what would go, with its version
	Downgrade []string          // those of Install that would get an older version
}

// A Change is a package's version before and after; From is "" for a new one.
type Change struct{ From, To string }

// The lines of a simulation, as apt 2.6 writes them:
//
//	Inst base [1] (2 localhost [all])
//	Remv addon [1] [base ]
var planLine = regexp.MustCompile(`^(Inst|Remv|Purg) (\S+)(?: \[([^\]]*)\])?(?: \((\S+))?`)

// Parse reads the output of apt-get -s.
func Parse(text string) Plan {
	p := Plan{Install: map[string]Change{}, Remove: map[string]string{}}
	downgraded := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if downgraded && strings.HasPrefix(line, "  ") {
			p.Downgrade = append(p.Downgrade, strings.Fields(line)...)
			continue
		}
		downgraded = line == "The following packages will be DOWNGRADED:"
		switch m := planLine.FindStringSubmatch(line); {
		case m == nil:
		case m[1] == "Inst":
			p.Install[m[2]] = Change{From: m[3], To: m[4]}
		default:
			p.Remove[m[2]] = m[3]
		}
	}
	return p
}

// Beyond lists packages that would be removed or downgraded although the catalog doesn't
// declare that: only a package declared absent or purged may be removed, and only one with an
// exact version may change to an older one. ensure returns the declaration of a package, or "".
func (p Plan) Beyond(ensure func(name string) string) (names []string) {
	for name := range p.Remove {
		if e := declared(ensure, name); e != "absent" && e != "purged" {
			names = append(names, name)
		}
	}
	for _, name := range p.Downgrade {
		if e := declared(ensure, name); slices.Contains([]string{"", "present", "latest", "absent", "purged"}, e) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// declared looks a package up with and without its architecture.
func declared(ensure func(string) string, name string) string {
	if e := ensure(name); e != "" {
		return e
	}
	base, _, _ := strings.Cut(name, ":")
	return ensure(base)
}

// Whole finds a largest part of a list that try accepts as a whole, and for each other item
// the error. Of two items that fail only together, the later one fails. try is called about
// log(n) times for each item that fails.
func Whole[T any](items []T, try func([]T) error) (good []T, failed []T, why []error) {
	var part func(list []T)
	part = func(list []T) {
		if len(list) == 0 {
			return
		}
		err := try(append(slices.Clone(good), list...))
		switch {
		case err == nil:
			good = append(good, list...)
		case len(list) == 1:
			failed, why = append(failed, list[0]), append(why, err)
		default:
			part(list[:len(list)/2])
			part(list[len(list)/2:])
		}
	}
	part(items)
	return good, failed, why
}
