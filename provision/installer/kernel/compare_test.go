package kernel

import "testing"

func TestCompareNames(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int // its sign
	}{
		{"6.1.0-9", "6.1.0-10", -1},
		{"vda10", "vda2", 1},
		{"vda", "vda2", -1},
		{"ttyS01", "ttyS1", 0},
		{"", "a", -1},
		{"sda", "sda", 0},
	} {
		if got := CompareNames(c.a, c.b); got*c.want < 0 || (got == 0) != (c.want == 0) {
			t.Errorf("%q and %q: got %d, want the sign of %d", c.a, c.b, got, c.want)
		}
	}
}
