package converge

import (
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func TestDryRunShowsDiffs(t *testing.T) {
	f := newFakes(t)
	f.write("root/etc/motd", "old\n")
	f.write("root/etc/pw", "hunter1")
	secret := file("/etc/pw", "hunter2")
	secret.File.Sensitive = true
	e := f.engine()
	var shown strings.Builder
	e.Diffs = &shown
	c := &catalog.Catalog{Resources: []catalog.Resource{file("/etc/motd", "new\n"), secret}}
	got := e.Converge(t.Context(), c, f.state(), true)
	if !strings.Contains(got[0].Diff, "-old\n+new\n") || shown.String() != got[0].Diff || got[1].Diff != "" {
		t.Errorf("got %+v, shown:\n%s", got, &shown)
	}
	if got := e.Converge(t.Context(), c, f.state(), false); got[0].Diff != "" {
		t.Errorf("the real run has a diff: %+v", got[0])
	}
}
