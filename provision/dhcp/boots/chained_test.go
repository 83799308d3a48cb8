package boots

import (
	"testing"
	"time"

	"rackhand/inventory"
)

func TestChainedIsBounded(t *testing.T) {
	var c Chained
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	mac := func(i int) inventory.MAC { return inventory.MAC{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)} }
	for i := range 2 * chainedMost {
		now = now.Add(time.Millisecond)
		c.Add(mac(i), now)
	}
	if len(c.since) != chainedMost || !c.Has(mac(2*chainedMost-1), now) || c.Has(mac(0), now) {
		t.Errorf("%d remembered", len(c.since))
	}
	if c.Has(mac(2*chainedMost-1), now.Add(-time.Hour)) {
		t.Error("remembered from the future")
	}
}
