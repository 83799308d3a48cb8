package redfishsim

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

const root = "/redfish/v1"

//go:embed tree
var made embed.FS

// small is the made-up tree: a box with everything that a client asks for.
func small() fs.FS {
	sub, err := fs.Sub(made, "tree")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return sub
}

// A tree has the documents by their paths, without a slash at the end.
type tree map[string]map[string]any

// load reads the documents of a folder, and makes up those that every service has: some
// captured trees lack the root, or the collection of the systems.
func load(from fs.FS) (tree, error) {
	t := tree{}
	err := fs.WalkDir(from, "redfish", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Base(p) != "index.json" {
			return err
		}
		text, err := fs.ReadFile(from, p)
		if err != nil {
			return err
		}
		var doc map[string]any
		if err := json.Unmarshal(text, &doc); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		t["/"+path.Dir(p)] = doc
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("redfishsim: %w", err)
	}
	if t[root] == nil {
		t[root] = map[string]any{"@odata.id": root, "@odata.type": "#ServiceRoot.v1_0_0.ServiceRoot", "Id": "RootService", "Name": "Root Service", "RedfishVersion": "1.0.1"}
		for _, name := range []string{"Systems", "Managers", "Chassis", "AccountService", "SessionService", "UpdateService"} {
			if len(t.below(root+"/"+name)) > 0 || t[root+"/"+name] != nil {
				t[root][name] = link(root + "/" + name)
			}
		}
	}
	for p := range maps.Clone(t) {
		at := path.Dir(p)
		if name := path.Base(at); t[at] == nil && slices.Contains([]string{"Systems", "Managers", "Chassis", "Entries"}, name) {
			members := t.below(at)
			t[at] = map[string]any{"@odata.id": at, "Name": name, "Members": links(members), "Members@odata.count": len(members)}
		}
	}
	if at(t[root], "Links", "Sessions") == nil {
		set(t[root], link(root+"/SessionService/Sessions"), "Links", "Sessions")
	}
	return t, nil
}

// below are the documents just below a path, in order.
func (t tree) below(at string) []string {
	return slices.Sorted(maps.Keys(maps.Collect(func(yield func(string, bool) bool) {
		for p := range t {
			if path.Dir(p) == at && !yield(p, true) {
				return
			}
		}
	})))
}

// members are the paths that a collection names.
func (t tree) members(collection string) []string {
	list, _ := t[collection]["Members"].([]any)
	var out []string
	for _, m := range list {
		if p := linkOf(m); p != "" {
			out = append(out, p)
		}
	}
	return out
}

func link(p string) map[string]any { return map[string]any{"@odata.id": p} }

func links(ps []string) []any {
	out := []any{}
	for _, p := range ps {
		out = append(out, link(p))
	}
	return out
}

// linkOf is the path of a link, without a slash at its end.
func linkOf(v any) string {
	m, _ := v.(map[string]any)
	p, _ := m["@odata.id"].(string)
	return strings.TrimRight(p, "/")
}

// at finds a value by its names, or nil.
func at(doc map[string]any, names ...string) any {
	var v any = doc
	for _, n := range names {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[n]
	}
	return v
}

// set writes a value by its names.
func set(doc map[string]any, v any, names ...string) {
	for _, n := range names[:len(names)-1] {
		next, ok := doc[n].(map[string]any)
		if !ok {
			next = map[string]any{}
			doc[n] = next
		}
		doc = next
	}
	doc[names[len(names)-1]] = v
}

// clone copies a document wholly.
func clone(doc map[string]any) map[string]any {
	if doc == nil {
		return nil
	}
	text, _ := json.Marshal(doc) // it came from JSON
	var out map[string]any
	_ = json.Unmarshal(text, &out)
	return out
}

// words are the strings of a list.
func words(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, x := range list {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
