// Package shipped holds the roles that come with rackhand. A role of the same name in the
// inventory takes the place of one.
package shipped

import (
	"embed"
	"slices"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Names are the names of the roles, sorted.
func Names() (names []string) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // never: they are embedded
	}
	for _, e := range entries {
		if name := strings.TrimSuffix(e.Name(), ".yaml"); !strings.HasSuffix(name, ".test") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Role is the text of a role; nil for one that doesn't exist.
func Role(name string) []byte { return read(name + ".yaml") }

// Tests are the tests of a role; nil without any.
func Tests(name string) []byte { return read(name + ".test.yaml") }

// File is what the file of a role is called in messages.
func File(name string) string { return "shipped/" + name + ".yaml" }

func read(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		return nil
	}
	return b
}

// Summary is the first comment of a role, on one line.
func Summary(name string) string {
	var lines []string
	for line := range strings.Lines(string(Role(name))) {
		text, isComment := strings.CutPrefix(strings.TrimSpace(line), "# ")
		if !isComment {
			break
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, " ")
}
