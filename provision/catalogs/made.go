// Package catalogs makes the catalog of each host once for each version of the inventory, in
// the formats that agents read, and knows which contents and secrets it names.
package catalogs

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"rackhand/inventory/role"
	"rackhand/provision/catalog"
)

// A Made is the catalog of a host, in each format.
type Made struct {
	*role.Compiled
	// Version and JSON are the catalog's in format 2.
	Version string
	JSON    []byte
	// TooMuch says why agents of the first format can't read it; "" when they can.
	TooMuch string

	texts map[string]string        // contents, by SHA-256
	files map[string]int64         // sizes of those in the store, by SHA-256
	named map[string]*catalog.File // sensitive files, by path
	kept  map[string]string        // secrets of other resources, by id
	size  int                      // its memory, roughly, in bytes
}

// Make makes one of a role that is compiled for a host.
func Make(c *role.Compiled) (*Made, error) {
	second, err := c.Catalog.ByHash()
	if err != nil {
		return nil, err
	}
	m := &Made{Compiled: c, Version: second.Version, texts: map[string]string{}, files: map[string]int64{}, named: map[string]*catalog.File{}, kept: map[string]string{}}
	if m.JSON, err = json.Marshal(second); err != nil {
		return nil, err
	}
	if len(m.JSON) > catalog.MaxSize {
		return nil, fmt.Errorf("role %s for host %s: the catalog has %d bytes without the contents of its files, at most %d are delivered: split the role", c.Catalog.Role, c.Catalog.Host, len(m.JSON), catalog.MaxSize)
	}
	texts := 0
	for i, r := range c.Catalog.Resources {
		if kind, _ := r.Kind(); m.TooMuch == "" && !slices.Contains([]string{catalog.KindPackage, catalog.KindFile, catalog.KindService}, kind) {
			m.TooMuch = fmt.Sprintf("it has %s, and such an agent knows packages, files and services alone", r.ID)
		}
		if text := r.Secret(); text != "" {
			m.kept[r.ID] = text
		}
		named := second.Resources[i].Contents()
		for k, f := range r.Contents() {
			texts += len(f.Content)
			if m.TooMuch == "" && (f.SHA256 != "" || !utf8.ValidString(f.Content)) {
				m.TooMuch = fmt.Sprintf("the content of %s is binary, or larger than 1 MiB", r.ID)
			}
			switch {
			case f.Sensitive:
				m.named[f.Path] = f
			case f.SHA256 != "":
				m.files[f.SHA256] = f.Size
			default:
				m.texts[named[k].SHA256] = f.Content
			}
		}
	}
	m.size = 2*len(m.JSON) + texts
	// JSON writes a byte as at most six.
	if m.TooMuch == "" && 6*texts+len(m.JSON) > catalog.MaxSize {
		b, err := json.Marshal(c.Catalog)
		if err != nil {
			return nil, err
		}
		if len(b) > catalog.MaxSize {
			m.TooMuch = fmt.Sprintf("its files have more than %d MiB together", catalog.MaxSize>>20)
		}
	}
	return m, nil
}

// Content finds a content that the catalog names: its text, or its size where the store has
// it.
func (m *Made) Content(sum string) (text string, size int64, stored, ok bool) {
	if text, ok = m.texts[sum]; ok {
		return text, int64(len(text)), false, true
	}
	size, ok = m.files[sum]
	return "", size, ok, ok
}

// Sensitive finds a sensitive file of the catalog by its path; nil when the catalog has none.
func (m *Made) Sensitive(path string) *catalog.File { return m.named[path] }

// SecretOf is the secret of a resource that is not a file, by its id.
func (m *Made) SecretOf(id string) (text string, ok bool) {
	text, ok = m.kept[id]
	return text, ok
}
