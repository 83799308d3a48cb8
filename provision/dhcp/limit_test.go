package dhcp

import (
	"slices"
	"testing"
	"time"
)

// TestTellsSparingly: a card that takes its lease again and again fills no journal, and
// costs nobody else a word; what it does after a minute is told again.
func TestTellsSparingly(t *testing.T) {
	for name, tc := range map[string]struct {
		bench func(*testing.T) *bench
		join  func(*bench)
		kind  string
	}{
		"ours":    {func(t *testing.T) *bench { return newBench(t) }, func(b *bench) { b.join(web1, pxe) }, "web1 ack"},
		"a proxy": {func(t *testing.T) *bench { return newProxy(t) }, func(b *bench) { b.ask(request(web1, pxe, server("10.77.0.66"), requested("10.77.0.130"))) }, "web1 observed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := tc.bench(t)
			want := slices.Repeat([]string{tc.kind}, tellsMost)
			for range 100 {
				tc.join(b)
			}
			got := b.kinds()
			if name == "ours" {
				b.join(web2, pxe)
				b.wantKinds("web2 ack")
			}
			if !slices.Equal(got, append(want, "web1 often")) {
				t.Errorf("events %q", got)
			}
			b.now = b.now.Add(time.Minute)
			tc.join(b)
			b.wantKinds(tc.kind)
		})
	}
}
