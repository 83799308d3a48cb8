package limit

import (
	"fmt"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	const most = 120
	l := Limiter{Most: most}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if !l.Allow("a", now) || l.Allow("a", now.Add(59*time.Second)) || !l.Allow("b", now.Add(time.Second)) || !l.Allow("a", now.Add(time.Minute)) {
		t.Error("not once a minute for each key")
	}
	passed := 0
	for i := range 10 * most {
		if l.Allow(fmt.Sprint(i), now.Add(time.Hour)) {
			passed++
		}
	}
	if passed != most || len(l.last) > most {
		t.Errorf("%d passed, %d are remembered", passed, len(l.last))
	}
	if !l.Allow("a", now) {
		t.Error("a clock that was set back keeps a key back")
	}
}

// TestKeys: the memory of a Limiter is bounded without Most too.
func TestKeys(t *testing.T) {
	var l Limiter
	for i := range 100_000 {
		l.Allow(fmt.Sprint(i), time.Unix(0, 0))
	}
	if len(l.last) > maxKeys {
		t.Errorf("%d keys are remembered", len(l.last))
	}
}
