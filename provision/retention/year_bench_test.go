//go:build bench

package retention_test

import (
	"testing"

	"rackhand/config"
)

// TestYearOf500 simulates a year of 500 hosts with the default settings.
func TestYearOf500(t *testing.T) {
	keep := config.Default().Keep
	y := simulate(t, 500, keep)
	t.Logf("%d events, %d left; %.1f MiB, at most %.1f", y.written, y.left, float64(y.last)/(1<<20), float64(y.largest)/(1<<20))
	if y.largest > keep.Size {
		t.Errorf("the file became %d bytes, of at most %d", y.largest, keep.Size)
	}
}
