package provision

import (
	"testing"

	"rackhand/provision/catalog"
)

// TestInOrder: a run counts as in order only when nothing of it needs a look.
func TestInOrder(t *testing.T) {
	one := 1
	for name, run := range map[string]LastRun{
		"failed":        {Status: catalog.Failed},
		"silent":        {Status: catalog.OK, Silent: true},
		"disabled":      {Status: catalog.OK, Disabled: true},
		"too old":       {Status: catalog.OK, TooOld: true},
		"kept catalog":  {Status: catalog.OK, Kept: 1},
		"drifted":       {Status: catalog.Changed, Totals: catalog.Totals{Changed: 1, Drifted: &one}},
		"not looked at": {Status: catalog.OK, Totals: catalog.Totals{OK: 5, Unknown: 1}},
	} {
		if run.InOrder() {
			t.Errorf("%s: it counts as in order", name)
		}
	}
	if !(LastRun{Status: catalog.Changed, Totals: catalog.Totals{Changed: 1, Pending: 1}}).InOrder() {
		t.Error("a change, or a restart that waits, is not in order")
	}
}
