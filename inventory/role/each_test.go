package role

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
)

func TestEach(t *testing.T) {
	c, err := compileText(t, `
parameters:
  sites: {type: map(map(string)), default: {shop: {port: 80}, blog: {port: 81, root: /srv}}}
resources:
  - file: /etc/${site.key}
    content: "${site.value.port} ${host.name}"
    each: ${param.sites}
    as: site
    notify: service[nginx]
  - package: ${each.value}
    each: [b, "${var.colour}", a]
  - file: /etc/${each.value.name}
    content: ${each.key}
    validate: ${each.value.words}
    each:
      - {name: x, words: "${var.words}"}
  - package: none
    each: []
  - service: nginx
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"file[/etc/blog]", "file[/etc/shop]", "package[b]", "package[green]", "package[a]", "file[/etc/x]", "service[nginx]"}
	if diff := cmp.Diff(want, idsOf(c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if f := c.Catalog.Resources[1]; f.File.Content != "80 web1" || len(f.Notify) != 1 {
		t.Errorf("%+v", f)
	}
	if f := c.Catalog.Resources[5].File; f.Content != "1" || strings.Join(f.Validate, " ") != "nginx -t" {
		t.Errorf("%+v", f)
	}
}

func TestEachProblems(t *testing.T) {
	const file = "resources:\n  - file: /x${each.key}\n    content: ${each.value}\n"
	many := func(in *Input) {
		list := make([]any, maxEach+1)
		for i := range list {
			list[i] = fmt.Sprint(i)
		}
		in.Host.Variables["many"] = list
		in.Host.Variables["pw"] = []any{inventory.SecretRef("app/password")}
	}
	for text, want := range map[string]string{
		file:                                      "roles/r.yaml:2:11: file: ${each.key} is not known",
		file + "    each: a\n":                    "roles/r.yaml:4:11: each must be a list or a mapping",
		file + "    each: ${var.colour}\n":        "roles/r.yaml:4:11: each: for host web1: ${var.colour} is a text, not a list or a mapping",
		file + "    each: ${var.many}\n":          "roles/r.yaml:4:11: each: for host web1: 2001 items, at most 2000 are allowed",
		file + "    each: ${param.x}\n":           `roles/r.yaml:4:11: role r has no parameter "x"`,
		file + "    each: ${each.value}\n":        "${each.value} is not known",
		file + "    each: [a]\n    as: x\n":       "write ${x.value}, or ${x.key}",
		file + "    each: [a]\n    as: var\n":     `roles/r.yaml:5:9: "var" can't be the name of an item`,
		file + "    each: [[a]]\n":                "roles/r.yaml:3:14: content: ${each.value} is a list, not one value",
		"resources:\n  - package: a\n    as: x\n": "roles/r.yaml:3:9: as names an item of each",
		"resources:\n  - file: /x\n    content: ${each.value}\n    each: [a, b]\n":           `roles/r.yaml:2:5: file[/x] (item "2") is declared differently at roles/r.yaml:2:5 (item "1")`,
		"resources:\n  - file: /x\n    content: ${each.value.prot}\n    each: [{port: 1}]\n": `item "1" of each has no value.prot`,
		"resources:\n  - package: ${each.value}\n    each: ${var.pw}\n":                      "the item each.value is a secret",
		"resources:\n  - package: a\n    each: [a]\n    aach: [b]\n":                         `unknown key "aach"`,
	} {
		_, err := compileText(t, text, many)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
}

// Templates have the item, a secret in it may stand where a secret may, and resources of all
// items are bounded.
func TestEachItems(t *testing.T) {
	change := func(in *Input) {
		list := make([]any, maxEach)
		for i := range list {
			list[i] = fmt.Sprint(i)
		}
		in.Host.Variables["many"] = list
		in.Host.Variables["pw"] = []any{inventory.SecretRef("app/password")}
	}
	templates := func(in *Input) {
		change(in)
		in.Render = func(_ string, data any, _ func(string) (string, error)) (string, error) {
			return fmt.Sprintf("%v %T", data.(Data).Each["key"], data.(Data).Each["value"]), nil
		}
	}
	for each, want := range map[string]string{"[a]": "1 string", "{k: [a]}": "k []interface {}", "${var.pw}": "1 role.secretNeedsVar"} {
		c, err := compileText(t, "resources:\n  - file: /x\n    template: t\n    each: "+each+"\n", templates)
		if err != nil || c.Catalog.Resources[0].File.Content != want {
			t.Errorf("a template of %s: %+v, %v; want %q", each, c, err, want)
		}
	}
	c, err := compileText(t, "resources:\n  - file: /x\n    content: ${each.value}\n    each: ${var.pw}\n", change)
	if err != nil || c.Catalog.Resources[0].File.Content != "hunter2" || !c.Catalog.Resources[0].File.Sensitive {
		t.Errorf("a secret: %+v, %v", c, err)
	}
	text := "resources:\n" + strings.Repeat("  - package: a\n    each: ${var.many}\n", 60)
	if _, err := compileText(t, text, change); err == nil || !strings.Contains(err.Error(), "host web1 has more than") {
		t.Errorf("120,000 resources: %v", err)
	}
}
