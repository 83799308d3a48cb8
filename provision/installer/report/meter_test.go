package report

import (
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	type at struct {
		seconds float64
		bytes   int64
	}
	for _, c := range []struct {
		name    string
		samples []at
		size    int64
		want    string
	}{
		{"nothing yet", nil, 980e6, "0 of 980 MB"},
		{"one sample", []at{{0, 0}}, 980e6, "0 of 980 MB"},
		{"steady", []at{{0, 370e6}, {2, 412e6}}, 980e6, "412 of 980 MB, 21 MB/s, 27 s to go"},
		{"no size", []at{{0, 0}, {2, 3e6}}, -1, "3 MB, 1.5 MB/s"},
		{"the last ten seconds count", []at{{0, 0}, {2, 500e6}, {12, 510e6}}, 1000e6, "510 of 1000 MB, 1.0 MB/s, 8 min to go"},
		{"stopped", []at{{0, 5e6}, {2, 5e6}}, 10e6, "5 of 10 MB"},
		{"done", []at{{0, 5e6}, {1, 10e6}}, 10e6, "10 of 10 MB, 5.0 MB/s"},
		{"nearly done", []at{{0, 5e6}, {1, 9_999_999}}, 10e6, "10 of 10 MB, 5.0 MB/s, 1 s to go"},
		{"very slow", []at{{0, 0}, {2, 2}}, 1 << 40, "0 of 1099512 MB, 0.0 MB/s, 9999 h to go"},
		{"a clock that stands", []at{{0, 0}, {0, 5e6}}, 10e6, "5 of 10 MB"},
	} {
		var m Meter
		for _, s := range c.samples {
			m.Add(start.Add(time.Duration(s.seconds*float64(time.Second))), s.bytes)
		}
		if got := m.Text(c.size); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// However long a transfer takes, little is kept of it.
func TestMeterForgets(t *testing.T) {
	var m Meter
	for i := range 10_000 {
		m.Add(time.Unix(int64(i), 0), int64(i))
	}
	if len(m.samples) > 12 || m.rate() != 1 {
		t.Errorf("%d samples, %v bytes a second", len(m.samples), m.rate())
	}
}
