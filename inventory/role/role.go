// Package role reads roles, and compiles a role for a host into its catalog and
// checks. A role is a YAML file beside the inventory, roles/NAME.yaml. It is parsed
// with positions, its values are decoded by schema from the text that the operator
// wrote, and it is compiled for one host at a time: ${...} is substituted after
// parsing, the resources are put in order, and what comes out is the
// [catalog.Catalog] that the host's agent converges and the checks that say whether the
// host serves.
package role

import (
	"rackhand/config/problem"
	"rackhand/inventory"
	"rackhand/inventory/role/kind"
	"rackhand/provision/catalog"
)

// A Problem is one thing that is wrong in a role, with its place.
type Problem = problem.Problem

// Problems are all that is wrong.
type Problems = problem.Problems

// An Input is what a role is compiled with.
type Input struct {
	Host *inventory.Host
	// Appliance is the URL at which hosts reach the appliance's files,
	// http://10.77.0.1: ${appliance.url} and .Appliance.URL in a template.
	Appliance string
	// Source returns a file of templates/ as it is, for source.
	Source func(name string) (Source, error)
	// Render renders a file of templates/, for template. A missing key must be
	// an error. secret is offered to the template: a use of it makes
	// the file sensitive.
	Render func(name string, data any, secret func(name string) (string, error)) (string, error)
	// Secret looks a secret up by its name, for ${secret.NAME} and templates.
	// Its value reaches file content and nothing else.
	Secret func(name string) (string, error)
	// Origins are the layers that give the host a variable, the strongest first. Without it,
	// parameters have the values of Host.Variables, without places and without a merge.
	Origins func(variable string) []inventory.Origin
	// Facts are what the host's agent says of it, as [catalog.DecodeFacts] reads them; nil while they
	// are not known. They are claims of the host: a role may choose by them, and they give
	// nothing of another host and no secret.
	Facts map[string]any
	// Hosts are the hosts of the inventory, for hosts(...): see [HostsOf].
	Hosts HostList
	// Files are the texts of the inventory, for problems that stand there; may be nil.
	Files Files
}

// Files are the texts that Origins name.
type Files interface {
	// Line is a line of a file, from 1, to be shown; "" if there is no such line.
	Line(file string, line int) string
	// Within is the place of a part of the value that stands at a place. path are keys of
	// mappings, and numbers of items from 1.
	Within(at problem.Place, path []string) problem.Place
}

// A Source is the content of a file that a resource takes as it is.
type Source struct {
	// Text is the content, unless it is named by its SHA256, in hex, and its Size, in bytes:
	// that of files that aren't text, and of large ones.
	Text   string
	SHA256 string
	Size   int64
}

// Data is what a template of a role is rendered from.
type Data struct {
	Host      *inventory.Host
	Role      string // the role in which the template is named
	Appliance struct{ URL string }
	// Var is the host's variables: {{ .Var.colour }}.
	Var map[string]any
	// Param is the parameters of the role. An int and a port are an int, a bool is a bool,
	// other scalars are the text as written.
	Param map[string]any
	// Each is the key and the value of the item, in a resource with each; otherwise nil.
	Each map[string]any

	facts  map[string]any
	waits  *bool // set once Facts is used without facts
	choice *choice
}

// Compiled is the roles of one host.
type Compiled struct {
	Catalog catalog.Catalog
	// Checks are all of them; those that run on the host are in the catalog, too. When all
	// pass, the host serves.
	Checks []catalog.Check
	// Waiting says what is left out until the facts of the host are known, a line each:
	// "file[/x] (roles/web.yaml:12:5) waits for the facts of the host". A host whose checks
	// wait is not serving.
	Waiting []string
}

// A Set is the roles of an inventory, immutable.
type Set struct{ roles map[string]*role }

// role is a parsed file.
type role struct {
	name       string
	parameters map[string]*parameter
	includes   []include
	resources  []declaration
	checks     []checkDeclaration
	conditions []*condition
	untyped    bool        // a parameter's declaration is wrong
	queries    []roleQuery // roles that hosts(...) names
	// problems is empty but knows the lines of the file: a copy of it collects
	// what a compilation finds.
	problems problem.List
	broken   bool
	because  string // the broken role that it includes; "" without one
}

// declaration is a resource as written.
type declaration struct {
	kind   kind.Kind
	title  value
	at     problem.Place
	loop   *loop      // nil for one resource
	when   *condition // nil without one
	fields map[string]value
	specs  map[string]spec // of the fields
	// retries: it has retry, whose fields are among the others. See retryPrefix.
	retries bool
}
