package inventory

import (
	"strings"
	"testing"
)

// TestMaintenance: each key counts for itself, the strongest layer wins, and explain says
// where it comes from.
func TestMaintenance(t *testing.T) {
	const text = `
defaults: {maintenance: {zone: Europe/Berlin}}
networks: {n: {subnet: 10.1.0.0/24}}
groups:
  web: {maintenance: {windows: [Sat 02:00-04:00, "Wed 12:00-12:30"]}}
hosts:
  web1: {mac: 52:54:00:00:00:01, address: 10.1.0.11, group: web, maintenance: {zone: UTC}}
  web2: {mac: 52:54:00:00:00:02, address: 10.1.0.12, group: web, maintenance: {windows: []}}
  db1: {mac: 52:54:00:00:00:03, address: 10.1.0.13, maintenance: {windows: 03:00-05:00}}
`
	s := parse(t, text)
	for host, want := range map[string]Maintenance{
		"web1": {Windows: []string{"Sat 02:00-04:00", "Wed 12:00-12:30"}, Zone: "UTC"},
		"web2": {Zone: "Europe/Berlin"},
		"db1":  {Windows: []string{"03:00-05:00"}, Zone: "Europe/Berlin"},
	} {
		got := s.Hosts[host].Maintenance
		if strings.Join(got.Windows, "|") != strings.Join(want.Windows, "|") || got.Zone != want.Zone {
			t.Errorf("%s: %+v, want %+v", host, got, want)
		}
	}
	set, err := ExplainKey(s, "web2", "maintenance.windows")
	if err != nil || len(set) != 1 || len(set[0].Origins) != 2 || set[0].Origins[1].Layer != "group web" || ShowValue(set[0].Origins[1].Value) != "[Sat 02:00-04:00, Wed 12:00-12:30]" {
		t.Errorf("%+v, %v", set, err)
	}
	for text, want := range map[string]string{
		"windows: Sat":             "not a maintenance window",
		"windows: [Sun, 02:00]":    "not a maintenance window",
		"windows: {a: b}":          "must be a list",
		"zone: Berlin":             `"Berlin" is not a time zone`,
		"zone: Local":              "not a time zone",
		"window: Sat 02:00-04:00":  `did you mean "windows"?`,
		"windows: Sam 02:00-04:00": "not a day",
	} {
		_, problems := Parse("a.yaml", []byte("defaults: {maintenance: {"+text+"}}\n"), Options{})
		if err := problems.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	changed := parse(t, strings.Replace(text, "zone: UTC", "zone: Asia/Tokyo", 1))
	if got := strings.Join(texts(Diff(s, changed)), " "); got != "web1: maintenance.zone" {
		t.Errorf("the difference is %s", got)
	}
}
