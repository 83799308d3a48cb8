package bench

import (
	"strings"
	"testing"
)

func TestBusy(t *testing.T) {
	read := func(text string) cpuTimes {
		t.Helper()
		c, err := parseStat(text)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := read("cpu  100 0 50 1000 20 1 2 3 0 0\ncpu0 1 2 3\n")
	for _, c := range []struct {
		name, text string
		want       float64
	}{
		{"idle", "cpu  100 0 50 1090 30 1 2 3 0 0\n", 0},
		{"half busy, some of it stolen", "cpu  130 0 60 1050 20 1 2 13 0 0\n", 0.5},
		{"all busy", "cpu  200 0 50 1000 20 1 2 3 0 0\n", 1},
		{"the same moment", "cpu  100 0 50 1000 20 1 2 3 0 0\n", 0},
	} {
		if got := read(c.text).busySince(before); got < c.want-0.001 || got > c.want+0.001 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	for _, text := range []string{"", "cpu 1 2", "cpu a b c d e f g h\n", "intr 1 2 3 4 5 6 7 8 9\n"} {
		if _, err := parseStat(text); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
	if warning(0.05) != "" || !strings.Contains(warning(0.8), "80 %") {
		t.Errorf("warnings %q and %q", warning(0.05), warning(0.8))
	}
}
