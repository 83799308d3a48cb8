package catalog

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func absent(path string) Resource {
	return Resource{ID: ID(KindFile, path), File: &File{Path: path, Ensure: Absent}}
}

func TestAttributes(t *testing.T) {
	many := slices.Repeat([]string{"a"}, MaxTags+1)
	for name, tt := range map[string]struct {
		set  func(*Resource)
		want string
	}{
		"all":             {func(r *Resource) { r.OnlyOn, r.Retry, r.Tags = []string{FirstBoot}, &Retry{3, 10}, []string{"a-b_1"} }, ""},
		"an occasion":     {func(r *Resource) { r.OnlyOn = []string{"full-moon"} }, `only_on is "full-moon"`},
		"no try":          {func(r *Resource) { r.Retry = &Retry{} }, "0 tries"},
		"too many tries":  {func(r *Resource) { r.Retry = &Retry{Tries: 11} }, "11 tries"},
		"a negative wait": {func(r *Resource) { r.Retry = &Retry{1, -1} }, "-1 seconds"},
		"too long a wait": {func(r *Resource) { r.Retry = &Retry{1, 301} }, "301 seconds"},
		"a capital":       {func(r *Resource) { r.Tags = []string{"A"} }, `"A" is not a tag`},
		"an empty tag":    {func(r *Resource) { r.Tags = []string{""} }, "is not a tag"},
		"in a window":     {func(r *Resource) { r.InWindow = true }, "in_window is for what can be notified"},
		"too many tags":   {func(r *Resource) { r.Tags = many }, "21 tags"},
	} {
		r := absent("/x")
		tt.set(&r)
		if err := r.Validate(); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		b, err := json.Marshal(Catalog{Format: Format2, Resources: []Resource{r}})
		if err != nil {
			t.Fatal(err)
		}
		c, err := Decode(b)
		if err != nil || (c.Resources[0].Problem == "") != (tt.want == "") {
			t.Errorf("%s, decoded: %+v, %v", name, c, err)
		}
	}
}

func TestTagged(t *testing.T) {
	a, b, c, d, e := absent("/a"), absent("/b"), absent("/c"), absent("/d"), absent("/e")
	b.Require, c.Require, e.Require = []string{a.ID}, []string{b.ID}, []string{d.ID}
	c.Tags, d.Tags, e.Tags = []string{"x", "y"}, []string{"z"}, []string{"v"}
	cat := Catalog{Resources: []Resource{a, b, c, d, e}}
	for tags, want := range map[string]string{"x": "/a /b /c", "z": "/d", "v": "/d /e", "y,z": "/a /b /c /d", "w": ""} {
		var got []string
		for _, r := range cat.Tagged(strings.Split(tags, ",")) {
			got = append(got, r.File.Path)
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: %s, want %s", tags, text, want)
		}
	}
}
