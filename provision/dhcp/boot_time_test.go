package dhcp

import (
	"testing"
	"time"
)

// TestBootTime checks that a lease records the last boot of its card. Requests of
// installers and systems, and renewals, don't change it.
func TestBootTime(t *testing.T) {
	const other = "10.77.0.66"
	for name, ask := range map[string]func(b *testServer, options ...option){
		"ours": func(b *testServer, options ...option) { b.join(web1, options...) },
		"another server's": func(b *testServer, options ...option) {
			b.ask(requestMessage(web1, append(options, server(other), requested("10.77.0.130"))...))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestServer(t)
			if name != "ours" {
				b = newProxy(t)
			}
			step := func(what string, boots bool, options ...option) {
				t.Helper()
				b.now = b.now.Add(time.Minute)
				before := time.Time{}
				if l := b.lease(web1); l != nil {
					before = l.Booted
				}
				ask(b, options...)
				want := before
				if boots {
					want = b.now
				}
				if l := b.lease(web1); l == nil || !l.Booted.Equal(want) {
					t.Errorf("%s: %+v, want booted %s", what, l, want)
				}
			}
			step("a system that was never seen to boot", false)
			step("firmware", true, pxe)
			step("iPXE", true, ipxe)
			step("an installer", false, raw(60, "anaconda-Linux 5.14.0 x86_64"))
			step("a system", false, raw(12, "web1"))
			step("firmware again", true, pxe)
		})
	}
}
