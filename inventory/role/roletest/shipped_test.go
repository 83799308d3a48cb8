package roletest

import (
	"testing"

	"rackhand/inventory/role"
	"rackhand/inventory/role/shipped"
	"rackhand/templates"
)

// TestShipped runs the tests of the roles that come with rackhand.
func TestShipped(t *testing.T) {
	set, problems := role.Load(t.TempDir())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	own := templates.New(t.TempDir())
	base := role.Input{
		Appliance: "http://192.0.2.2", Secret: StandIn,
		Render: func(name string, data any, secret func(string) (string, error)) (string, error) {
			return own.Render(name, data, nil)
		},
	}
	for _, name := range shipped.Names() {
		t.Run(name, func(t *testing.T) {
			if shipped.Summary(name) == "" {
				t.Error("it doesn't begin with a comment that says what it is for")
			}
			n, problems := RunFile("shipped/"+name+Suffix, name, shipped.Tests(name), set, base)
			if n < 3 || len(problems) > 0 {
				t.Errorf("%d tests:\n%v", n, problems)
			}
		})
	}
}
