// Package catalogs makes the catalog of each host once for each version of the inventory, in
// the formats that agents read, and knows which contents and secrets it names.
package catalogs

import (
	"cmp"
	"encoding/json"
	"fmt"
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

	tooMuch map[int]string           // why agents of a format can't be given it
	texts   map[string]string        // contents, by SHA-256
	files   map[string]int64         // sizes of those in the store, by SHA-256
	named   map[string]*catalog.File // sensitive files, by path
	kept    map[string]string        // secrets of other resources, by id
	size    int                      // its memory, roughly, in bytes
}

// Make makes one of a role that is compiled for a host.
func Make(c *role.Compiled) (*Made, error) {
	second, err := c.Catalog.ByHash()
	if err != nil {
		return nil, err
	}
	m := &Made{Compiled: c, Version: second.Version, tooMuch: map[int]string{}, texts: map[string]string{}, files: map[string]int64{}, named: map[string]*catalog.File{}, kept: map[string]string{}}
	if m.JSON, err = json.Marshal(second); err != nil {
		return nil, err
	}
	if len(m.JSON) > catalog.MaxSize {
		return nil, fmt.Errorf("role %s for host %s: the catalog has %d bytes without the contents of its files, at most %d are delivered: split the role", c.Catalog.Role, c.Catalog.Host, len(m.JSON), catalog.MaxSize)
	}
	texts, binary := 0, ""
	for i, r := range c.Catalog.Resources {
		if text := r.Secret(); text != "" {
			m.kept[r.ID] = text
		}
		named := second.Resources[i].Contents()
		for k, f := range r.Contents() {
			texts += len(f.Content)
			if binary == "" && (f.SHA256 != "" || !utf8.ValidString(f.Content)) {
				binary = fmt.Sprintf("the content of %s is binary, or larger than 1 MiB", r.ID)
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
	m.size = perResource*len(c.Catalog.Resources) + 2*len(m.JSON) + texts
	m.tooMuch[catalog.Format2] = catalog.TooMuch(catalog.Format2, len(c.Catalog.Resources), len(m.JSON))
	if m.tooMuch[1] = cmp.Or(binary, m.tooMuch[catalog.Format2]); m.tooMuch[1] == "" {
		m.tooMuch[1] = unknownToFirst(&second)
	}
	if m.tooMuch[1] == "" {
		m.tooMuch[1], err = firstTooMuch(&c.Catalog, texts, len(m.JSON))
	}
	return m, err
}

// perResource is the memory of a resource beside its texts, roughly, in bytes.
const perResource = 600

// firstTooMuch is the answer of [catalog.TooMuch] for the first format, in which the texts
// stand in the catalog.
func firstTooMuch(c *catalog.Catalog, texts, second int) (string, error) {
	size := 6*texts + second // JSON writes a byte as at most six
	if size > catalog.OldMaxSize {
		b, err := json.Marshal(c)
		if err != nil {
			return "", err
		}
		size = len(b)
	}
	return catalog.TooMuch(1, len(c.Resources), size), nil
}

// TooMuch says why agents that read a format can't be given it; "" when they can.
func (m *Made) TooMuch(format int) string { return m.tooMuch[format] }

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
