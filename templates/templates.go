// Package templates renders what a host is handed: Kickstart files and boot
// scripts. text/template with missingkey=error, never html/template: escaping for
// HTML breaks a script, and a value that is missing must not become "<no value>"
// on a disk.
package templates

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	dir string // "" for the built-in ones alone
}

// New makes a set over the operator's folder; it need not exist.
func New(dir string) *Set { return &Set{dir: dir} }

// maxTemplate bounds a template file, and maxOutput what one may render to.
const (
	maxTemplate = 1 << 20
	maxOutput   = 4 << 20
)

// Read returns a template's text. Names have no folders.
func (s *Set) Read(name string) (string, error) {
	if name == "" || name != path.Base(name) || strings.HasPrefix(name, ".") {
		return "", fmt.Errorf("template %q: the name of a file in templates/ is wanted, without a folder", name)
	}
	if s.dir != "" {
		b, err := os.ReadFile(filepath.Join(s.dir, name))
		switch {
		case err == nil && len(b) > maxTemplate:
			return "", fmt.Errorf("template %s: larger than %d bytes", name, maxTemplate)
		case err == nil:
			return string(b), nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("template %s: %w", name, err)
		}
	}
	b, err := builtin.ReadFile("builtin/" + name)
	if err != nil {
		return "", fmt.Errorf("template %s: neither in the inventory's templates/ nor built in", name)
	}
	return string(b), nil
}

// Has reports whether a template of this name is at hand.
func (s *Set) Has(name string) bool {
	_, err := s.Read(name)
	return err == nil
}

// Render renders a template. {{template "x.ks" .}} finds other templates of the
// set by their file names.
func (s *Set) Render(name string, data any, funcs template.FuncMap) (string, error) {
	text, err := s.Read(name)
	if err != nil {
		return "", err
	}
	root := template.New(name).Option("missingkey=error").Funcs(funcs)
	if err := s.parse(root, name, text, 0); err != nil {
		return "", err
	}
	out := &bounded{}
	if err := root.ExecuteTemplate(out, name, data); err != nil {
		return "", fmt.Errorf("rendering: %w", err)
	}
	return out.String(), nil
}

// parse adds a template and those that it includes.
func (s *Set) parse(root *template.Template, name, text string, depth int) error {
	if depth > 8 {
		return fmt.Errorf("template %s: included more than 8 deep", name)
	}
	t, err := root.New(name).Parse(text)
	if err != nil {
		return fmt.Errorf("template: %w", err)
	}
	for _, want := range included(t.Root) {
		if root.Lookup(want) != nil {
			continue
		}
		inner, err := s.Read(want)
		if err != nil {
			return fmt.Errorf("template %s includes %s: %w", name, want, err)
		}
		if err := s.parse(root, want, inner, depth+1); err != nil {
			return err
		}
	}
	return nil
}

type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("the template renders to more than %d bytes", maxOutput)
	}
	return b.Buffer.Write(p)
}
