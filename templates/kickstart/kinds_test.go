package kickstart

import "testing"

func TestMaskBits(t *testing.T) {
	for mask, want := range map[string]int{"255.255.255.0": 24, "255.255.255.255": 32, "128.0.0.0": 1, "255.255.254.0": 23} {
		if got, ok := MaskBits(mask); !ok || got != want {
			t.Errorf("%s: %d %v, want %d", mask, got, ok, want)
		}
	}
	for _, mask := range []string{"", "0.0.0.0", "255.0.255.0", "0.255.255.255", "ffff::", "x"} {
		if got, ok := MaskBits(mask); ok {
			t.Errorf("%s: %d", mask, got)
		}
	}
}
