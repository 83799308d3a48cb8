package config

import "testing"

func TestParseSize(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
		ok   bool
	}{
		{"50GiB", 50 << 30, true},
		{"1TiB", 1 << 40, true},
		{"999TiB", 999 << 40, true},
		{"1000TiB", 0, false},
		{"999999GiB", 999999 << 30, true},
		{"0GiB", 0, false},
		{"50GB", 0, false}, // a thousand of what? one unit is enough
		{"50", 0, false},
		{"-1GiB", 0, false},
		{"1.5TiB", 0, false},
	} {
		got, ok := ParseSize(c.text)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %d, %v", c.text, got, ok)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
		ok   bool
	}{
		{"1MiB", 1 << 20, true},
		{"64KiB", 64 << 10, true},
		{"1500KiB", 1500 << 10, true},
		{"64GiB", 64 << 30, true},
		{"1TiB", 0, false},
		{"0MiB", 0, false},
		{"1MB", 0, false},
		{"1", 0, false},
	} {
		got, ok := parseBytes(c.text)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %d, %v", c.text, got, ok)
		}
		if ok && plainBytes(got) != c.text {
			t.Errorf("%s is written %s", c.text, plainBytes(got))
		}
	}
}
