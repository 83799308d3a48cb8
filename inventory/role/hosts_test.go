package role

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
)

func rack() *inventory.Snapshot {
	s := &inventory.Snapshot{Hosts: map[string]*inventory.Host{}}
	for i, name := range []string{"web2", "web1", "db1", "lone"} {
		s.Hosts[name] = &inventory.Host{
			Name: name, Roles: []string{strings.TrimRight(name, "12")}, Group: "g", Address: netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)}),
			MACs: []inventory.MAC{{2, 0, 0, 0, 0, byte(i)}}, Variables: map[string]any{"pw": inventory.SecretRef("a"), "x": "variable"},
		}
	}
	s.Hosts["lone"].Address, s.Hosts["lone"].Roles = netip.Addr{}, []string{"web"}
	return s
}

func TestHosts(t *testing.T) {
	for content, want := range map[string]string{
		`[x]`:                              "x",
		`${hosts(role=web).names}`:         "lone web1 web2",
		`${hosts(role=web).addresses}`:     "10.77.0.2 10.77.0.1",
		`${hosts("role=web").addresses}`:   "10.77.0.2 10.77.0.1",
		`${hosts(group=g, role=db).names}`: "db1",
		`${hosts(group=none).names}`:       "",
	} {
		roles := map[string]string{
			"a":   "parameters: {p: {type: list(string), default: " + quoted(content) + "}}\nresources:\n  - file: /x\n    content: x\n    validate: ${param.p}\n    when: len(param.p) > 0\n",
			"web": "", "db": "",
		}
		c, problems, err := compileRoles(t, roles, func(in *Input) { in.Hosts = HostsOf(rack()) })
		if err != nil {
			t.Errorf("%s: %v %v", content, problems, err)
			continue
		}
		got := ""
		if len(c.Catalog.Resources) > 0 {
			got = strings.Join(c.Catalog.Resources[0].File.Validate, " ")
		}
		if got != want {
			t.Errorf("%s: %q; want %q", content, got, want)
		}
	}
}

// quoted is a value of YAML: a list as it is.
func quoted(text string) string {
	if strings.HasPrefix(text, "[") {
		return text
	}
	return "'" + text + "'"
}

// Other hosts reach each, with, conditions and templates, with five fields and no more.
func TestHostsEverywhere(t *testing.T) {
	roles := map[string]string{
		"a": `
include:
  - {role: lb, with: {backends: "${hosts(role=web)}"}}
resources:
  - file: /hosts/${h.value.name}
    content: "${h.value.address} ${h.value.group} ${h.value.mac}"
    each: ${hosts(role=web)}
    as: h
    when: h.value.address != "" && "web" in h.value.roles
  - file: /template
    template: hosts.txt
  - package: many
    when: len(hosts("role=web")) > 2 and "10.77.0.1" in hosts("role=web").addresses and any(hosts("role=db"), .name == "db1")
checks:
  - http: {path: "/${each.value}"}
    each: ${hosts(role=web).names}
`,
		"lb": `
parameters: {backends: {type: list(host)}}
resources:
  - file: /lb/${b.value.name}
    content: ${b.value.address}
    each: ${param.backends}
    as: b
    when: b.value.name != "lone"
`,
		"web": "", "db": "",
	}
	c, problems, err := compileRoles(t, roles, func(in *Input) {
		in.Hosts = HostsOf(rack())
		in.Render = func(_ string, data any, _ func(string) (string, error)) (string, error) {
			list, err := data.(Data).Hosts("role=web")
			return fmt.Sprintf("%+v %v", list, list.Addresses()), err
		}
	})
	if err != nil {
		t.Fatal(problems, err)
	}
	if diff := cmp.Diff([]string{"file[/lb/web1]", "file[/lb/web2]", "file[/hosts/web1]", "file[/hosts/web2]", "file[/template]", "package[many]"}, idsOf(c)); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	if got, want := c.Catalog.Resources[2].File.Content, "10.77.0.2 g 02:00:00:00:00:01"; got != want {
		t.Errorf("each: %q; want %q", got, want)
	}
	if got, want := c.Catalog.Resources[4].File.Content, "[{Name:lone Address: Group:g MAC:02:00:00:00:00:03 Roles:[web]} {Name:web1 Address:10.77.0.2 Group:g MAC:02:00:00:00:00:01 Roles:[web]} {Name:web2 Address:10.77.0.1 Group:g MAC:02:00:00:00:00:00 Roles:[web]}] [10.77.0.2 10.77.0.1]"; got != want {
		t.Errorf("template:\n%s; want\n%s", got, want)
	}
	if len(c.Checks) != 3 || c.Checks[1].HTTP.Path != "/web1" {
		t.Errorf("checks: %+v", c.Checks)
	}
}
