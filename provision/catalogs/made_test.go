package catalogs

import (
	"strings"
	"testing"

	"rackhand/inventory/role"
	"rackhand/provision/catalog"
)

// TestOldKinds: an agent of the first format refuses a catalog with a kind that it doesn't
// know, so it isn't given one, and no password with it.
func TestOldKinds(t *testing.T) {
	for id, r := range map[string]catalog.Resource{
		"user[a]":    {User: &catalog.User{Name: "a", Ensure: catalog.Present, Password: "$6$salt$some.hash"}},
		"exec[x]":    {Exec: &catalog.Exec{Name: "x", Command: []string{"x"}}},
		"package[a]": {Package: &catalog.Package{Name: "a", Ensure: catalog.Present}},
	} {
		r.ID = id
		m, err := Make(&role.Compiled{Catalog: catalog.Catalog{Host: "web1", Resources: []catalog.Resource{r}}})
		if err != nil {
			t.Fatal(err)
		}
		if old := r.Package != nil; old != (m.TooMuch(1) == "") || !old && !strings.Contains(m.TooMuch(1), id) {
			t.Errorf("%s: %q", id, m.TooMuch(1))
		}
		if text, ok := m.SecretOf(id); ok != (r.User != nil) || ok && text != r.User.Password {
			t.Errorf("%s: the secret is %q, %v", id, text, ok)
		}
	}
}
