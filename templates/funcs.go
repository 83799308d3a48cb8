package templates

import (
	"fmt"
	"io"
	"sync"
	"text/template"

	"rackhand/inventory"
)

// An Option is an input of a template's functions besides host and secrets.
type Option func(*functions)

// Salt is the randomness that crypt salts with. Without it a password can't be
// hashed, and a template that wants to is an error.
func Salt(random io.Reader) Option { return func(f *functions) { f.salt = random } }

// functions are those that know the host.
type functions struct {
	host   *inventory.Host
	lookup func(string) (string, error)
	salt   io.Reader

	mu sync.Mutex
	// given are the secrets that the template has got: no error may show them.
	given map[string]bool
}

// redactName is under what name a set finds the function that takes secrets out of
// an error. Templates know nothing of it.
const redactName = "_redact"

// Funcs are the functions of a template for a host. secret looks a secret up by
// its name; its value goes into what is rendered and nowhere else. A set adds
// `file`, which reads from its folder. They are for one render, since they remember
// what secrets it has got.
func Funcs(host *inventory.Host, secret func(string) (string, error), opts ...Option) template.FuncMap {
	f := &functions{host: host, lookup: secret}
	for _, o := range opts {
		o(f)
	}
	return template.FuncMap{
		"var": f.variable, "list": f.list, "has": f.has,
		"secret": f.secret, "crypt": f.crypt,
		"quote": Quote, "ksquote": KickstartQuote,
		"join": join, "default": orDefault, "indent": indent,
		redactName: f.redact,
		"netmask":  netmask, "prefixlen": prefixLength, "addr": nthAddr, "broadcast": broadcast, "contains": contains,
	}
}

// has reports whether the host has a variable.
func (f *functions) has(name string) bool {
	_, ok := f.host.Variables[name]
	return ok
}

// variable is var NAME [DEFAULT]: a variable of the host, as the operator wrote
// it; one that names a secret is the secret's value.
func (f *functions) variable(name string, deflt ...any) (any, error) {
	if v, ok := f.host.Variables[name]; ok {
		return f.resolve(v)
	}
	if len(deflt) > 0 {
		return deflt[0], nil
	}
	return nil, fmt.Errorf("host %s has no variable %q: set it on the host, its group or system, or give a default: {{ var %q \"...\" }}", f.host.Name, name, name)
}

// list is a variable as a list; one value is a list of one, none is empty.
func (f *functions) list(name string) ([]any, error) {
	v, err := f.resolve(f.host.Variables[name])
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		return v, nil
	default:
		return []any{v}, nil
	}
}
