// Package templates renders the files for a host: Kickstart files and boot
// scripts. text/template with missingkey=error, never html/template: escaping for
// HTML breaks a script, and a value that is missing must not become "<no value>"
// on a disk.
package templates

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed builtin
var builtin embed.FS

// A Set is the templates that are at hand: the operator's folder first, then the
// built-in ones.
type Set struct {
	dir    string // "" for the built-in ones alone
	frozen *frozen
}

// New makes a set over the operator's folder; it need not exist. Its files are read
// whenever one is rendered.
func New(dir string) *Set { return &Set{dir: dir} }

// Frozen is the set as it is at this moment: each template is read and parsed once,
// when it is first rendered, and so is each file that one takes. Many may render at the same time. All of them bring
// functions of the same names.
func (s *Set) Frozen() *Set { return &Set{dir: s.dir, frozen: &frozen{}} }

// maxTemplate bounds a template file, and maxOutput what one may render to.
const (
	maxTemplate = 1 << 20
	maxOutput   = 4 << 20
)

// Read returns a template's text. Names have no folders.
func (s *Set) Read(name string) (string, error) {
	src, err := s.read(name)
	if err != nil {
		return "", err
	}
	return src.text, nil
}

// read finds a template: in the operator's folder, then among the built-in ones.
func (s *Set) read(name string) (*source, error) {
	src, err := s.own(name)
	if err != nil || src != nil {
		return src, err
	}
	b, err := builtin.ReadFile("builtin/" + name)
	if err != nil {
		return nil, fmt.Errorf("template %s: not found in the inventory's templates/ and not built in", name)
	}
	return &source{name: name, text: string(b), builtin: true}, nil
}

// own reads a template of the operator's folder; nil when it isn't there.
func (s *Set) own(name string) (*source, error) {
	if err := plainName(name); err != nil {
		return nil, err
	}
	if s.dir == "" {
		return nil, nil
	}
	b, err := readBounded(filepath.Join(s.dir, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("template %s: %w", name, reason(err))
	}
	return &source{name: name, text: string(b)}, nil
}

func plainName(name string) error {
	if name == "" || name != path.Base(name) || strings.HasPrefix(name, ".") {
		return fmt.Errorf("template %q: the name of a file in templates/ is wanted, without a folder", name)
	}
	return nil
}

// Has reports whether a template of this name is at hand.
func (s *Set) Has(name string) bool {
	_, err := s.read(name)
	return err == nil
}

// Render renders a template. {{template "x.ks" .}} finds other templates of the
// set by their file names. A mistake in a template is an [Error].
func (s *Set) Render(name string, data any, funcs template.FuncMap) (string, error) {
	out, err := s.execute(name, data, funcs, false)
	if err != nil {
		return "", err
	}
	return out.String(), nil
}

// RenderMapped is Render with a map that leads from the text back into the
// templates.
func (s *Set) RenderMapped(name string, data any, funcs template.FuncMap) (string, *Map, error) {
	out, err := s.execute(name, data, funcs, true)
	if err != nil {
		return "", nil, err
	}
	text := out.String()
	return text, &Map{text: text, pieces: out.pieces}, nil
}

func (s *Set) execute(name string, data any, funcs template.FuncMap, mapped bool) (*recorder, error) {
	funcs = maps.Clone(funcs)
	if funcs == nil {
		funcs = template.FuncMap{}
	}
	redact, _ := funcs[redactName].(func(string) string)
	delete(funcs, redactName)
	funcs["file"] = s.file
	c, err := s.compiled(name, funcs)
	if err != nil {
		return nil, err
	}
	root, err := c.root.Clone() // the functions are this host's
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	out := &recorder{origins: c.origins, mapped: mapped}
	new(budget).bound(funcs)
	if err := root.Funcs(funcs).ExecuteTemplate(out, name, data); err != nil {
		if out.broken != nil {
			return nil, out.broken
		}
		return nil, c.failed(err, redact)
	}
	return out, nil
}

func (s *Set) compiled(name string, funcs template.FuncMap) (*compiled, error) {
	if s.frozen == nil {
		return s.compile(name, funcs)
	}
	return s.frozen.templates.get(name, func() (*compiled, error) { return s.compile(name, funcs) })
}
