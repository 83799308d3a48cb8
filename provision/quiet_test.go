package provision

import (
	"fmt"
	"testing"
	"time"
)

func TestQuietInAll(t *testing.T) {
	const limitTotal = 120
	l := Quiet{Most: limitTotal}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if !l.Allow("a", now) || l.Allow("a", now.Add(59*time.Second)) || !l.Allow("a", now.Add(time.Minute)) {
		t.Error("not once a minute")
	}
	passed := 0
	for i := range 10 * limitTotal {
		if l.Allow(fmt.Sprint(i), now.Add(time.Hour)) {
			passed++
		}
	}
	if passed != limitTotal || len(l.last) > limitTotal {
		t.Errorf("%d passed, %d are remembered", passed, len(l.last))
	}
	if !l.Allow("a", now) {
		t.Error("a clock that was set back shuts the Quiet")
	}
}
