package retention

import (
	"fmt"
	"slices"
	"testing"

	"rackhand/provision/journal"
)

// events adds n events of a host, numbered on from the ledger's last.
func events(l *ledger, n int, host, install string, size int) {
	for range n {
		l.add([]journal.Entry{{Seq: l.last + 1, Host: host, Install: install, Size: size}})
	}
}

func left(l *ledger, host string) int {
	if g := l.groups[groupOf(host)]; g != nil {
		return len(g.events)
	}
	return 0
}

const plenty = 1 << 40

func TestExcessByNumber(t *testing.T) {
	l := newLedger()
	events(l, 150, "web1", "", 100)
	events(l, 80, "web2", "", 100)
	events(l, 300, "", "", 100)
	gone := l.excess(Bounds{Events: 100, Bytes: plenty})
	if len(gone) != 250 || left(l, "web1") != 100 || left(l, "web2") != 80 || left(l, "") != 100 {
		t.Errorf("%d go; %d, %d and %d are left", len(gone), left(l, "web1"), left(l, "web2"), left(l, ""))
	}
	// The oldest of each.
	if !slices.Contains(gone, 50) || slices.Contains(gone, 51) || !slices.Contains(gone, 230+200) || slices.Contains(gone, 230+201) {
		t.Error("others than the oldest go")
	}
	if more := l.excess(Bounds{Events: 100, Bytes: plenty}); len(more) > 0 {
		t.Errorf("%d more go", len(more))
	}
}

// TestExcessOfUnknownBoxes checks that all boxes outside the inventory share one bound,
// however many there are.
func TestExcessOfUnknownBoxes(t *testing.T) {
	l := newLedger()
	events(l, 5, "web1", "", 100)
	for i := range 5000 {
		events(l, 1, fmt.Sprintf("52:54:00:00:%02x:%02x", i>>8, i&255), "", 100)
	}
	if gone := l.excess(Bounds{Events: 100, Bytes: plenty}); len(gone) != 4900 || left(l, "web1") != 5 {
		t.Errorf("%d go, %d of web1 are left", len(gone), left(l, "web1"))
	}
}

// TestExcessKeepsInstalls checks that protected installs keep their events, and that the
// newest event of all is kept.
func TestExcessKeepsInstalls(t *testing.T) {
	l := newLedger()
	events(l, 10, "web1", "web1-1", 100)
	events(l, 10, "web1", "web1-2", 100)
	events(l, 50, "web1", "", 100)
	stay := map[string]bool{"web1-2": true, "gone-1": true}
	gone := l.excess(Bounds{Events: 20, Bytes: plenty, Protect: stay})
	if len(gone) != 50 || slices.ContainsFunc(gone, func(s uint64) bool { return s > 10 && s <= 20 }) {
		t.Errorf("%v go", gone)
	}
	gone = l.excess(Bounds{Events: 20, Bytes: plenty, Cut: l.last, Protect: stay})
	if len(gone) != 9 || left(l, "web1") != 11 || slices.Contains(gone, l.last) {
		t.Errorf("%v go, %d are left", gone, left(l, "web1"))
	}
	gone = l.excess(Bounds{Events: 20, Bytes: 0, Protect: stay})
	if len(gone) != 0 {
		t.Errorf("%v go", gone)
	}
}

func TestExcessByAge(t *testing.T) {
	l := newLedger()
	events(l, 10, "web1", "", 100)
	events(l, 10, "", "", 100)
	gone := l.excess(Bounds{Events: 100, Bytes: plenty, Cut: 15})
	if len(gone) != 15 || slices.Max(gone) != 15 || left(l, "web1") != 0 || left(l, "") != 5 {
		t.Errorf("%v go", gone)
	}
}

// TestExcessBySize checks that a host that floods the journal loses its own events only.
func TestExcessBySize(t *testing.T) {
	l := newLedger()
	events(l, 1000, "web1", "", 10000) // 10 MB
	for i := range 10 {
		events(l, 100, fmt.Sprint("ok", i), "", 500) // 50 KB each
	}
	l.excess(Bounds{Events: 10000, Bytes: 2 << 20})
	_, bytes := l.total()
	if bytes > 2<<20 || bytes < 2<<20-20000 {
		t.Errorf("%d bytes are left", bytes)
	}
	for i := range 10 {
		if n := left(l, fmt.Sprint("ok", i)); n != 100 {
			t.Errorf("%d of ok%d are left", n, i)
		}
	}
}

func TestFairShare(t *testing.T) {
	for _, tt := range []struct {
		sizes       []int64
		total, want int64
	}{
		{nil, 10, 10},
		{[]int64{5}, 10, 5},
		{[]int64{50}, 10, 10},
		{[]int64{5, 50}, 30, 25},
		{[]int64{50, 50, 50}, 30, 10},
		{[]int64{1, 2, 30, 40}, 23, 10},
		{[]int64{10, 10}, 20, 10},
		{[]int64{1, 1}, 0, 0},
	} {
		if got := fairShare(tt.sizes, tt.total); got != tt.want {
			t.Errorf("%v within %d: at most %d, want %d", tt.sizes, tt.total, got, tt.want)
		}
	}
}

// TestIDsAreForgotten checks that the names of installs are removed with their events.
func TestIDsAreForgotten(t *testing.T) {
	l := newLedger()
	for i := range 1000 {
		events(l, 1, "web1", fmt.Sprint("web1-", i), 100)
	}
	l.excess(Bounds{Events: 10, Bytes: plenty})
	l.compactIDs()
	if len(l.ids) != 11 {
		t.Errorf("%d names are remembered", len(l.ids))
	}
	if gone := l.excess(Bounds{Events: 1, Bytes: plenty, Protect: map[string]bool{"web1-991": true}}); len(gone) != 8 {
		t.Errorf("%v go", gone)
	}
}
