package preview

import (
	"strings"
	"testing"

	"rackhand/templates"
)

// TestParameters: a role's parameters have the values of the host's layers, and a wrong one
// has its place in the inventory.
func TestParameters(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "roles/site.yaml", `parameters:
  site_name: {}
  site_port: {type: port, default: 80}
  site_words: {type: list(string), default: [], merge: unique}
resources:
  - file: /etc/site
    content: "${param.site_name} ${param.site_port}"
    validate: ${param.site_words}
`)
	inventory := func(port string) {
		t.Helper()
		write(t, dir, "rack.yaml", `networks: {rack1: {subnet: 10.77.0.0/24}}
defaults: {variables: {site_words: [b, c], site_name: none}}
groups: {web: {variables: {site_words: [b], site_port: 8080}}}
hosts:
  web1:
    mac: "52:54:00:00:00:01"
    address: 10.77.0.11
    install: never
    group: web
    role: site
    variables: {site_words: [a], site_name: shop`+port+`}
`)
	}
	inventory("")
	checked := Check(dir, nil)
	if len(checked.Problems) > 0 {
		t.Fatal(checked.Problems)
	}
	c, err := checked.Roles.Compile(checked.Snapshot.Hosts["web1"], "http://10.77.0.1", templates.StandInSecret, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := c.Catalog.Resources[0].File
	if got := strings.Join(append(f.Validate, f.Content), " "); got != "a b c shop 8080" {
		t.Errorf("merged: %q", got)
	}
	inventory(", site_port: 0")
	checked = Check(dir, nil)
	want := `rack.yaml:11:62: for host web1: parameter site_port of role site (declared at roles/site.yaml:3:3): "0" is not a value of type port`
	if len(checked.Problems) != 1 || !strings.HasPrefix(checked.Problems[0].String(), want) {
		t.Errorf("%v\nwant %s", checked.Problems, want)
	}
}
