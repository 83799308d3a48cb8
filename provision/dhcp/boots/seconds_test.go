package boots

import "testing"

func TestSeconds(t *testing.T) {
	for _, tc := range []struct {
		name string
		secs uint16
		ipxe bool
		want int
	}{
		{"at once", 0, false, 0},
		{"EDK2's fourth", 28, false, 28},
		{"long", 300, false, 300},
		{"bytes in the wrong order", 28 << 8, false, 28},
		{"iPXE's first", 1 << 2, true, 0},
		{"its second, with an offer", 2<<2 | 2, true, 1},
		{"its fifth", 5 << 2, true, 15},
		{"its sixth, with both offers", 6<<2 | 3, true, 25},
		{"its seventh", 7 << 2, true, 35},
		{"an iPXE that writes none", 0, true, 0},
		{"the largest", 65535, true, 15 + 10*(16383-5)},
	} {
		if got := Seconds(tc.secs, tc.ipxe); got != tc.want {
			t.Errorf("%s: %d s, want %d", tc.name, got, tc.want)
		}
	}
}
