package catalog

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestDecodeUnknown: in format 2, what this program doesn't know costs the resource that it
// stands in, and no other.
func TestDecodeUnknown(t *testing.T) {
	for name, tc := range map[string]struct{ resource, want string }{
		"a type":           {`{"id": "robot[www]", "robot": {"name": "www"}, "source": "roles/web.yaml:3:5"}`, `unknown field "robot"`},
		"an attribute":     {`{"id": "file[/a]", "file": {"path": "/a", "ensure": "file", "sha256": "` + Sum("") + `", "selinux": "x"}}`, `unknown field "selinux"`},
		"a common field":   {`{"id": "package[a]", "package": {"name": "a", "ensure": "present"}, "when": "x"}`, `unknown field "when"`},
		"a value":          {`{"id": "file[/a]", "file": {"path": "/a", "ensure": "socket"}}`, "ensure is"},
		"no content":       {`{"id": "file[/a]", "file": {"path": "/a", "ensure": "file"}}`, "not named by a SHA-256"},
		"inline content":   {`{"id": "file[/a]", "file": {"path": "/a", "ensure": "file", "content": "x"}}`, "not named by a SHA-256"},
		"another JSON":     {`{"id": "package[a]", "package": ["a"]}`, "cannot unmarshal array"},
		"a notified type":  {`{"id": "file[/a]", "file": {"path": "/a", "ensure": "absent"}, "notify": ["robot[b]"]}`, "can't be notified"},
		"two types":        {`{"id": "package[a]", "package": {"name": "a", "ensure": "present"}, "service": {"name": "a"}}`, "exactly one"},
		"an unsafe name":   {`{"id": "package[--a]", "package": {"name": "--a", "ensure": "present"}}`, "not a valid package name"},
		"all that's known": {`{"id": "package[a]", "package": {"name": "a", "ensure": "present"}}`, ""},
	} {
		rest := `{"id": "package[ok]", "package": {"name": "ok", "ensure": "present"}}`
		last := `{"id": "service[z]", "service": {"name": "z"}}`
		b := []byte(`{"format": 2, "host": "web1", "more": 1, "resources": [` + tc.resource + "," + rest + "," + last + `]}`)
		if strings.Contains(tc.resource, "robot[b]") {
			b = []byte(strings.Replace(string(b), last, `{"id": "robot[b]", "robot": {}}`, 1))
		}
		c, err := Decode(b)
		if err == nil {
			err = c.Validate()
		}
		if err != nil || len(c.Resources) != 3 || c.Host != "web1" || string(c.Raw) != string(b) {
			t.Errorf("%s: %+v, %v", name, c, err)
			continue
		}
		if r := c.Resources[0]; tc.want == "" && r.Problem != "" || !strings.Contains(r.Problem, tc.want) || r.ID == "" {
			t.Errorf("%s: %+v", name, r)
		}
		if c.Resources[1].Problem != "" {
			t.Errorf("%s costs the next one: %+v", name, c.Resources[1])
		}
	}
	for name, text := range map[string]string{
		"no id":           `{"format": 2, "resources": [{"robot": {}}]}`,
		"first format":    `{"resources": [{"id": "package[a]", "package": ["a"]}]}`,
		"not a list":      `{"format": 2, "resources": {}}`,
		"far too many":    `{"format": 2, "resources": [` + strings.Repeat("{},", MaxResources) + `{}]}`,
		"not a resource":  `{"format": 2, "resources": [7]}`,
		"not a catalog":   `[]`,
		"ids of any type": `{"format": 2, "resources": [{"id": 7}]}`,
	} {
		if c, err := Decode([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestByHash: format 2 holds neither content nor anything that a secret could be guessed from.
func TestByHash(t *testing.T) {
	c := Catalog{Host: "web1", Role: "web", Version: "v", Resources: []Resource{
		{ID: "file[/a]", File: &File{Path: "/a", Ensure: FileKind, Content: "hello"}},
		{ID: "file[/b]", File: &File{Path: "/b", Ensure: FileKind, Content: "hunter2", Sensitive: true}},
		{ID: "file[/c]", File: &File{Path: "/c", Ensure: FileKind}},
		{ID: "file[/d]", File: &File{Path: "/d", Ensure: FileKind, SHA256: Sum("big"), Size: 3}},
		{ID: "file[/e]", File: &File{Path: "/e", Ensure: Directory}},
		{ID: "file[/f]", File: &File{Path: "/f", Ensure: FileKind, SHA256: Sum("key"), Size: 3, Sensitive: true}},
	}}
	h, err := c.ByHash()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hello", "hunter2", Sum("hunter2"), Sum("key")} {
		if strings.Contains(string(b), secret) {
			t.Errorf("%q stands in %s", secret, b)
		}
	}
	got, err := Decode(b)
	if err != nil || got.Validate() != nil || got.Format != 2 {
		t.Fatal(got, err)
	}
	if a, e, d := got.Resources[0].File, got.Resources[2].File, got.Resources[3].File; a.SHA256 != Sum("hello") || a.Size != 5 || e.SHA256 != Sum("") || d.SHA256 != Sum("big") {
		t.Errorf("%s", b)
	}
	if c.Resources[0].File.Content != "hello" {
		t.Error("the catalog itself has changed")
	}
	c.Resources[1].File.Content = "other"
	if again, _ := c.ByHash(); again.Version != h.Version {
		t.Error("the version depends on a secret")
	}
	c.Resources[0].File.Content = "other"
	if again, _ := c.ByHash(); again.Version == h.Version {
		t.Error("another content has the same version")
	}
}

// FuzzCatalog: whatever comes, a catalog that is taken has resources that may be carried out
// or that say why not, and reading takes memory in proportion to the text.
func FuzzCatalog(f *testing.F) {
	f.Add([]byte(`{"format": 2, "host": "web1", "resources": [{"id": "user[www]", "user": {}}, {"id": "file[/a]", "file": {"path": "/a", "ensure": "absent"}}]}`))
	f.Add([]byte(`{"host": "web1", "resources": [{"id": "file[/a]", "file": {"path": "/a", "ensure": "file", "content": "x"}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Decode(b)
		if err != nil || c.Validate() != nil {
			return
		}
		for _, r := range c.Resources {
			switch {
			case r.ID == "":
				t.Errorf("a resource without an id: %+v", r)
			case r.Problem == "" && r.Validate() != nil:
				t.Errorf("%+v: %v", r, r.Validate())
			case r.Problem != "" && (r.File != nil || r.Package != nil || r.Service != nil):
				t.Errorf("with a problem, and yet to be carried out: %+v", r)
			case c.Format >= Format2 && r.File != nil && r.File.Ensure == FileKind && !r.File.Sensitive && !IsSHA256(r.File.SHA256):
				t.Errorf("a file without a content: %+v", r.File)
			}
		}
	})
}
