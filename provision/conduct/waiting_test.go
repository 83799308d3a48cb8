package conduct

import (
	"strings"
	"testing"

	"rackhand/inventory"
	"rackhand/inventory/role"
)

// TestWaiting: a host whose roles wait for its facts does not serve, until they are complete.
func TestWaiting(t *testing.T) {
	compiled := &role.Compiled{Waiting: []string{"check (roles/web.yaml:9:5) waits for the facts of the host"}}
	c := New(Options{
		Snapshot: func() *inventory.Snapshot {
			return &inventory.Snapshot{Hosts: map[string]*inventory.Host{"web1": {Name: "web1"}}}
		},
		Compile: func(*inventory.Host) (*role.Compiled, error) { return compiled, nil },
	})
	if _, within, err := c.round(t.Context(), "web1"); err == nil || within != waitingWithin || !strings.Contains(err.Error(), "roles/web.yaml:9:5") {
		t.Errorf("%v, %s", err, within)
	}
	compiled = &role.Compiled{}
	if _, _, err := c.round(t.Context(), "web1"); err != nil {
		t.Error(err)
	}
}
