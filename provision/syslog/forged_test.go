package syslog

import (
	"testing"
	"time"
)

// TestForgedProgress: what comes by UDP hides nothing of what comes by a connection.
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
		through = through || ok && m.through
	}
	if !through {
		t.Error("two datagrams have hidden that the packages are through")
	}
}
