package role

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"rackhand/config/problem"
	"rackhand/provision/catalog"
)

// typ is the type of a field.
type typ int

const (
	text     typ = iota
	boolean      // true, false, yes, no
	number       // low to high
	mode         // octal digits
	oneOf        // one of known
	duration     // low to high, in seconds
	filename     // of a file in templates/
	urlPath      // begins with /
	words        // a list of texts
	ids          // a list of ids of resources
	title        // what a resource of the kind known[0] is called
)

// spec is what a field takes.
type spec struct {
	typ       typ
	known     []string
	low, high int
	empty     bool   // the empty text is a value
	secret    bool   // ${secret.NAME} may stand here
	loop      string // the name of an item of each that may stand here, "" for none
	// valid says more about a text, and form is a regular expression for editors; nil and ""
	// for nothing.
	valid func(text string) (hint string, err error)
	form  string
}

func (s spec) list() bool { return s.typ == words || s.typ == ids }

// fieldsOf is the schema of a kind of resource: its fields, without its title.
func fieldsOf(kind string) map[string]spec {
	fields := map[string]spec{
		"notify":   {typ: ids},
		"require":  {typ: ids},
		"deadline": {typ: duration, low: 1, high: catalog.MaxDeadline},
	}
	switch kind {
	case catalog.KindPackage:
		fields["ensure"] = spec{}
		fields["with_dependants"] = spec{typ: boolean}
	case catalog.KindFile:
		fields["ensure"] = spec{typ: oneOf, known: []string{catalog.FileKind, catalog.Directory, catalog.Absent}}
		fields["content"] = spec{empty: true, secret: true}
		fields["source"] = spec{typ: filename}
		fields["template"] = spec{typ: filename}
		fields["mode"] = spec{typ: mode}
		fields["owner"] = spec{}
		fields["group"] = spec{}
		fields["validate"] = spec{typ: words}
		fields["sensitive"] = spec{typ: boolean}
	case catalog.KindService:
		fields["running"] = spec{typ: boolean}
		fields["enabled"] = spec{typ: boolean}
		fields["refresh"] = spec{typ: oneOf, known: []string{catalog.Restart, catalog.Reload}}
		fields["settle"] = spec{typ: duration, low: 1, high: catalog.MaxSettle}
	}
	return fields
}

var idForm = regexp.MustCompile(`(?s)^(package|file|service)\[(.+)\]$`)

// check says what doesn't fit in a text whose references are resolved.
func (s spec) check(text string) (hint string, err error) {
	switch s.typ {
	case boolean:
		if _, ok := parseBool(text); !ok {
			return "write true or false", fmt.Errorf("%.40q is neither true nor false", text)
		}
	case number:
		if n, err := strconv.Atoi(text); err != nil || n < s.low || n > s.high {
			return "", fmt.Errorf("%.40q is not a number from %d to %d", text, s.low, s.high)
		}
	case mode:
		if _, err := catalog.ParseMode(text); err != nil {
			return "", err
		}
	case oneOf:
		if !slices.Contains(s.known, text) {
			return problem.DidYouMean(text, s.known), fmt.Errorf("unknown value %.40q", text)
		}
	case duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return "write a number with its unit: 90s, 15m", fmt.Errorf("%.40q is not a duration", text)
		}
		if d < time.Duration(s.low)*time.Second || d > time.Duration(s.high)*time.Second {
			return "", fmt.Errorf("%s is not between %s and %s", d, time.Duration(s.low)*time.Second, time.Duration(s.high)*time.Second)
		}
	case filename:
		if text != path.Base(text) || strings.HasPrefix(text, ".") || strings.ContainsRune(text, 0) {
			return "name a file in templates/, without a folder", fmt.Errorf("%.80q is no name of a template", text)
		}
	case urlPath:
		if !strings.HasPrefix(text, "/") || strings.ContainsAny(text, " \t\r\n") {
			return "write it as /path", fmt.Errorf("%.80q is no path", text)
		}
	case title:
		if err := blank(s.known[0], text).Validate(); err != nil {
			return "", err
		}
	case ids:
		if !idForm.MatchString(text) {
			return "write package[NAME], file[/PATH] or service[NAME]", fmt.Errorf("%.80q names no resource", text)
		}
	}
	if s.valid != nil {
		return s.valid(text)
	}
	return "", nil
}

// parseBool reads a boolean by schema: the words of YAML 1.1 that people write,
// and none of its surprises (y, on, 1 are errors).
func parseBool(text string) (value, ok bool) {
	switch text {
	case "true", "yes":
		return true, true
	case "false", "no":
		return false, true
	}
	return false, false
}

// blank is a resource with nothing but its name.
func blank(kind, name string) *catalog.Resource {
	r := &catalog.Resource{}
	switch kind {
	case catalog.KindPackage:
		r.Package = &catalog.Package{Name: name, Ensure: catalog.Present}
	case catalog.KindFile:
		// A slash at the end is how people write a directory.
		if path.IsAbs(name) {
			name = path.Clean(name)
		}
		r.File = &catalog.File{Path: name, Ensure: catalog.FileKind}
	case catalog.KindService:
		r.Service = &catalog.Service{Name: name}
	}
	r.ID = catalog.ID(kind, name)
	return r
}
