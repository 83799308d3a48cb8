// Package kind is the table of the kinds of resources that a role can declare: what fields
// each has, and how a catalog's resource is made of their values. A new kind is a file here,
// with a function that [All] calls.
package kind

import (
	"slices"
	"strings"
	"time"

	"rackhand/provision/catalog"
)

// A Kind is a type of resource.
type Kind struct {
	Name string
	// Text describes the title for people, and Example is one.
	Text, Example string
	// Needs are the fields that a declaration can't be without, with examples, as YAML:
	// "content: x".
	Needs string
	// Fields are its own, beside those of [Common].
	Fields map[string]Field
	// Clean returns the usual way of writing a title; nil if there is just one.
	Clean func(title string) string
	// CheckTitle says what is wrong with a title; nil where a resource without any field is
	// valid, whose own validation does.
	CheckTitle func(title string) error
	// Shape returns an error if the fields of a declaration don't go together; nil for kinds
	// whose fields always do.
	Shape func(Written) (hint string, err error)
	// Make makes the resource. Problems of single values are reported by Values; what the
	// resource as a whole lacks is found by its own validation.
	Make func(title string, v Values) catalog.Resource
}

// A Field is an attribute of a kind.
type Field struct {
	Spec
	// Text describes it for people, without the name of the kind: "its text". Default and
	// Examples are values as YAML.
	Text     string
	Default  string
	Examples []string
}

// Written are the fields of a declaration as written, before any ${...} is resolved.
type Written interface {
	Has(name string) bool
	// Static is the text of a scalar in which nothing is substituted; ok is false for
	// others.
	Static(name string) (text string, ok bool)
}

// Values are the fields of a declaration, with each ${...} resolved for a host. What is
// missing, or doesn't fit, is a zero value; the latter is reported.
type Values interface {
	Has(name string) bool
	Text(name string) string
	Bool(name string) *bool
	Number(name string) *int
	Duration(name string) time.Duration
	List(name string) []string
	// Command is a field of type Command as a program and its arguments.
	Command(name string) []string
	// Content is that of the fields content, source and template.
	Content() Content
	// ContentOf is that of fields with other names; "" for one that the kind doesn't have.
	ContentOf(content, source, template string) Content
	// Body is a content as text that stands in the catalog itself, of at most so many bytes.
	Body(most int) string
}

// A Content is what a file is to hold: a text, or for what isn't text, or is large, the
// SHA-256, in hex, and the size in bytes.
type Content struct {
	Text   string
	SHA256 string
	Size   int64
	// Sensitive: a secret is in it.
	Sensitive bool
}

// All are the kinds, in the order of the documentation.
func All() []Kind {
	return []Kind{
		packageKind(), fileKind(), serviceKind(), groupKind(), repositoryKind(), lineKind(), blockKind(), iniKind(), authorizedKeyKind(), sudoersKind(), cronKind(),
		userKind(), execKind(), timerKind(),
	}
}

// Names are the names of all kinds.
func Names() []string {
	var names []string
	for _, k := range All() {
		names = append(names, k.Name)
	}
	return names
}

// Listed names all kinds in a sentence.
func Listed() string {
	names := Names()
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// Common are the fields of every kind.
func Common() map[string]Field {
	return map[string]Field{
		"notify":   {Spec: Spec{Type: IDs}, Text: "Resources to refresh when this one changed: services to restart or reload.", Examples: []string{"service[nginx]", `["service[nginx]", "service[cron]"]`}},
		"require":  {Spec: Spec{Type: IDs}, Text: "Resources that must hold before this one is tried.", Examples: []string{"package[nginx]"}},
		"before":   {Spec: Spec{Type: IDs}, Text: "Resources that are tried after this one holds: each of them requires this one.", Examples: []string{"service[nginx]"}},
		"deadline": {Spec: Spec{Type: Duration, Low: 1, High: catalog.MaxDeadline}, Text: "The time that the work on it may take, 1s to 24h.", Examples: []string{"30m"}},
		"only_on": {
			Spec: Spec{Type: Words, Known: []string{catalog.FirstBoot}}, Examples: []string{catalog.FirstBoot},
			Text: "The occasion on which it is brought about. first-boot: until a run on the installed system had no failure; after that it isn't looked at.",
		},
		"in_window": {
			Spec: Spec{Type: Boolean}, Default: "false", Examples: []string{"true"},
			Text: "Its refresh waits for the maintenance window, as restarts of services always do. Only for what can be notified.",
		},
		"tags": {Spec: Spec{Type: Tags}, Text: "Names by which rackhand-agent run --tags finds it, of small letters, digits, _ and -.", Examples: []string{"web", "[web, tls]"}},
	}
}

// Resource is a resource of a kind with its id.
func (k Kind) Resource(title string, v Values) catalog.Resource {
	r := k.Make(title, v)
	r.ID = catalog.ID(k.Name, title)
	return r
}

// ensureField is the field ensure of a kind that is present or absent.
func ensureField() Field {
	return Field{Spec: Spec{Type: OneOf, Known: []string{catalog.Present, catalog.Absent}}, Text: "present or absent", Default: catalog.Present, Examples: []string{catalog.Absent}}
}

// isAbsent reports whether a declaration says ensure: absent. known is false if that depends
// on the host.
func isAbsent(w Written) (absent, known bool) {
	if !w.Has("ensure") {
		return false, true
	}
	ensure, static := w.Static("ensure")
	return ensure == catalog.Absent, static
}

// checked validates a resource that stands for those of a title.
func checked(r catalog.Resource) error {
	kind, spec := r.Kind()
	r.ID = catalog.ID(kind, spec.Title())
	return r.Validate()
}

func isTrue(b *bool) bool { return b != nil && *b }

// seconds rounds up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// nothing are the values of a declaration without fields.
type nothing struct{}

func (nothing) Has(string) bool               { return false }
func (nothing) Text(string) string            { return "" }
func (nothing) Bool(string) *bool             { return nil }
func (nothing) Number(string) *int            { return nil }
func (nothing) Duration(string) time.Duration { return 0 }
func (nothing) List(string) []string          { return nil }
func (nothing) Command(string) []string       { return nil }
func (nothing) Content() Content              { return Content{} }

func (nothing) ContentOf(_, _, _ string) Content { return Content{} }
func (nothing) Body(int) string                  { return "" }
