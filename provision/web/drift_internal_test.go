package web

import (
	"strings"
	"testing"
)

// TestDriftKey: what is remembered of a drift is short, however much a host reports.
func TestDriftKey(t *testing.T) {
	long := driftKey("web1", []string{strings.Repeat("x", 500<<10), "b"})
	if len(long) > 100 || long == driftKey("web1", []string{strings.Repeat("x", 500<<10)}) || long == driftKey("web2", []string{strings.Repeat("x", 500<<10), "b"}) {
		t.Errorf("%d bytes", len(long))
	}
}
