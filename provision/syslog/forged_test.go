package syslog

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"rackhand/provision"
)

// TestForgedProgress checks that datagrams don't hide the progress that arrives over a
// connection.
func TestForgedProgress(t *testing.T) {
	s := New(Options{})
	in, now := Install{Host: "web1", ID: "web1-1", Attempt: 1}, time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)
	lines := []string{"packaging: Installed: bash-5.1-1.x86_64 1 abc", "packaging: Post installation setup phase started."}
	for _, line := range lines {
		s.news(in, line, false, now)
	}
	through := false
	for _, line := range lines {
		m, ok := s.news(in, line, true, now)
		through = through || ok && m.complete
	}
	if !through {
		t.Error("two datagrams have hidden that all packages are installed")
	}
}

// TestForgedStream checks that datagrams in a box's name have a rate limit of their own.
// Many other senders don't reset it, and it doesn't limit what the box sends over TCP.
func TestForgedStream(t *testing.T) {
	now := time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)
	box := netip.MustParseAddr("10.77.0.11")
	reported := 0
	s := New(Options{
		Clock: func() time.Time { return now },
		Sender: func(_ context.Context, from netip.Addr) Install {
			if from == box {
				return Install{Host: "web1", ID: "web1-1"}
			}
			return Install{}
		},
		Record: provision.RecorderFunc(func(provision.Event) error { reported++; return nil }),
	})
	taken := 0
	forge := func() {
		for range 10000 {
			if in := s.sender(t.Context(), box); s.allow(t.Context(), box, in, 2, false) {
				taken += 2
			}
		}
	}
	forge()
	for n := range 2 * maxKnown {
		s.sender(t.Context(), netip.AddrFrom4([4]byte{10, 78, byte(n >> 8), byte(n)}))
	}
	forge()
	if taken != udpBurst || reported != 1 {
		t.Errorf("%d units were accepted by UDP, want %d; %d events", taken, udpBurst, reported)
	}
	if len(s.unknown) > maxKnown {
		t.Errorf("%d senders without an install are remembered", len(s.unknown))
	}
	// The clock stands still, so a wait over TCP would never end.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if !s.allow(ctx, box, s.sender(ctx, box), burst, true) {
		t.Error("the box's own lines have to wait for forged ones")
	}
}
