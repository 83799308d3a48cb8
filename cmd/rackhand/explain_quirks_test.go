package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/bmc"
)

// TestExplainQuirks: explain says which quirks are in force and why, by the model that the
// appliance remembers, or by the inventory alone.
func TestExplainQuirks(t *testing.T) {
	dir := t.TempDir()
	yaml := `networks: {rack1: {subnet: 10.77.0.0/24}}
defaults:
  bmc: {user: admin, password: {secret: bmc/all}, vendors: {Dell: [no-readback]}}
hosts:
  web1:
    mac: 52:54:00:00:00:01
    address: 10.77.0.11
    bmc: {address: 10.77.0.111, quirks: [{min-pause: 5s}]}
  web2: {mac: 52:54:00:00:00:02, address: 10.77.0.12}
`
	if err := os.WriteFile(filepath.Join(dir, "hosts.yaml"), []byte(yaml), 0o644); err != nil {
		t.Fatal(err)
	}
	remembered := func(m bmc.Memory) string {
		return serveSocket(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/hosts/web1/bmc/quirks" {
				t.Errorf("asked for %s", r.URL)
			}
			_, _ = w.Write([]byte(`{"host": "web1", "vendor": "` + m.Vendor + `", "model": "` + m.Model + `", "quirks": []}`))
		}))
	}
	for _, tt := range []struct {
		name, socket, args string
		want, not          []string
	}{
		{"no appliance", "/nowhere/socket", "web1", []string{"its model isn't known", "min-pause: 5s  inventory: hosts.yaml:8:"}, []string{"no-readback  inventory", "shipped"}},
		{"a Dell", remembered(bmc.Memory{Vendor: "Dell Inc.", Model: "PowerEdge R640"}), "web1", []string{"Quirks of its BMC (Dell Inc. PowerEdge R640)", "mode: changed  shipped: Dell, metal-operator#81", "no-readback    inventory: hosts.yaml:3:"}, nil},
		{"in JSON", remembered(bmc.Memory{Vendor: "HPE"}), "web1 --json", []string{`"quirk": "mode: never"`, `"source": "shipped: HPE, community.general#3509"`}, nil},
		{"its BMC alone", remembered(bmc.Memory{Vendor: "HPE"}), "web1 bmc", []string{"mode: never"}, nil},
		{"another setting", "/nowhere/socket", "web1 address", []string{"10.77.0.11"}, []string{"Quirks"}},
		{"no BMC", "/nowhere/socket", "web2", nil, []string{"Quirks"}},
	} {
		var out, errs bytes.Buffer
		code := run(append(strings.Fields("explain "+tt.args), "--inventory", dir, "--socket", tt.socket), &out, &errs)
		if code != 0 {
			t.Errorf("%s: status %d: %s", tt.name, code, errs.String())
		}
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: %s\nlacks %q", tt.name, out.String(), want)
			}
		}
		for _, not := range tt.not {
			if strings.Contains(out.String(), not) {
				t.Errorf("%s: %s\nhas %q", tt.name, out.String(), not)
			}
		}
	}
}
