package role

import (
	"slices"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

// TestAttributes: only_on, retry and tags reach the catalog, also from values of parameters
// and items.
func TestAttributes(t *testing.T) {
	c, err := compileText(t, `
parameters:
  tries: {type: int, default: 4}
resources:
  - package: nginx
    only_on: first-boot
    tags: [web, base, web]
    retry: {tries: "${param.tries}", wait: 1m30s}
  - file: /etc/${each.key}
    each: {a: x, b: y}
    content: x
    tags: ${each.value}
    retry: {wait: 2s}
  - file: /etc/twice
    content: x
    tags: a
  - file: /etc/twice
    content: x
    tags: b
  - service: web
    in_window: true
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]catalog.Resource{}
	for _, r := range c.Catalog.Resources {
		byID[r.ID] = r
	}
	p := byID["package[nginx]"]
	if !slices.Equal(p.OnlyOn, []string{catalog.FirstBoot}) || !slices.Equal(p.Tags, []string{"base", "web"}) || *p.Retry != (catalog.Retry{Tries: 4, Wait: 90}) {
		t.Errorf("%+v, %+v", p, p.Retry)
	}
	if !byID["service[web]"].InWindow {
		t.Error("the service has no in_window")
	}
	if b := byID["file[/etc/b]"]; !slices.Equal(b.Tags, []string{"y"}) || *b.Retry != (catalog.Retry{Tries: 3, Wait: 2}) || b.OnlyOn != nil {
		t.Errorf("%+v", b)
	}
	if got := byID["file[/etc/twice]"]; !slices.Equal(got.Tags, []string{"a", "b"}) || got.Retry != nil {
		t.Errorf("%+v", got)
	}
}

func TestAttributeProblems(t *testing.T) {
	for text, want := range map[string]string{
		"only_on: first-bot":             `roles/r.yaml:4:14: only_on: unknown value "first-bot"`,
		"tags: [web, Web]":               `roles/r.yaml:4:17: tags: "Web" is not a tag`,
		"in_window: true":                "in_window is for what can be notified, and a file can't",
		"retry: 3":                       "roles/r.yaml:4:12: retry must be a mapping",
		"retry: {tries: 11}":             `roles/r.yaml:4:20: tries: "11" is not a number from 1 to 10`,
		"retry: {tries: 2, wait: 6m}":    "roles/r.yaml:4:29: wait: 6m0s is not between 0s and 5m0s",
		"retry: {tries: 2, times: 3}":    `roles/r.yaml:4:23: retry: unknown key "times"`,
		`retry: {tries: "${param.no}"}`:  `role r has no parameter "no"`,
		`retry: {tries: "${host.name}"}`: "is not a number from 1 to 10",
	} {
		_, err := compileText(t, "resources:\n  - file: /etc/a\n    content: x\n    "+text+"\n", nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
