package provision

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAgentTurns: what is to be seen of a host, and the events from report to report: one
// when something begins, one when it ends.
func TestAgentTurns(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	var s AgentState
	for _, step := range []struct {
		what     string
		age      time.Duration
		ahead    float64
		warnings []string
		notes    []string
		events   []string
	}{
		{what: "plain"},
		{"a kept catalog", 3*time.Hour + time.Minute, 0, nil, []string{"kept catalog, 3 h old"}, []string{"kept-catalog: 3 h old"}},
		{"the same, later", 5 * time.Hour, 0, nil, []string{"kept catalog, 5 h old"}, nil},
		{"days later, with a clock behind", 75 * time.Hour, -42.7, nil, []string{"kept catalog, 3 days old", "clock 42 s behind"}, []string{"clock-differs: is 42 s behind the"}},
		{"a fresh one, the clock ahead", 0, 7200, nil, []string{"clock 2 h ahead"}, []string{"kept-catalog-ended: again"}},
		{"all right", 0, 0, nil, nil, []string{"clock-differs-ended: again"}},
		{"within 2 s", 0, 2, nil, nil, nil},
		{"a warning", 0, -2, []string{"its state was lost"}, []string{"the agent warns: its state was lost"}, []string{"agent-warns: its state was lost"}},
		{"another", 0, 0, []string{"a", "b"}, []string{"the agent warns: a", "the agent warns: b"}, nil},
		{"all at once", time.Millisecond, 61, []string{"a"}, []string{"kept catalog, 0 s old", "clock 1 min ahead", "the agent warns: a"}, []string{"kept-catalog: 0 s old", "clock-differs: 1 min ahead of the"}},
		{"nothing", -time.Hour, 0, nil, nil, []string{"kept-catalog-ended: ", "clock-differs-ended: ", "agent-warns-ended: "}},
	} {
		next := NewAgentState(now, step.age, step.ahead, step.warnings)
		if got := next.Notes(now); !slices.Equal(got, step.notes) || next.Plain() != (len(step.notes) == 0) {
			t.Errorf("%s: notes %q, want %q", step.what, got, step.notes)
		}
		events := s.Turns(next, now)
		for i, e := range events {
			kind, text := "", ""
			if i < len(step.events) {
				kind, text, _ = strings.Cut(step.events[i], ": ")
			}
			begins := !strings.HasSuffix(e.Kind, "-ended")
			if e.Kind != kind || !strings.Contains(e.Message, text) || e.Source != "agent" || e.Stage != "" || (e.Level == LevelWarn) != begins {
				t.Errorf("%s: %+v, want %q", step.what, e, step.events)
			}
		}
		if len(events) != len(step.events) {
			t.Errorf("%s: %d events, want %q", step.what, len(events), step.events)
		}
		s = next
	}
}

// TestAgentClaims: what a report claims is bounded.
func TestAgentClaims(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	many := slices.Repeat([]string{strings.Repeat("ö", 5000)}, 1000)
	for _, ahead := range []float64{1e300, -1e300, math.Inf(1), math.NaN()} {
		s := NewAgentState(now, math.MaxInt64, ahead, many)
		text := strings.Join(s.Notes(now), " ")
		if len(text) > 1500 || strings.Contains(text, "-") || !strings.HasPrefix(text, "kept catalog, 1") {
			t.Errorf("%g: %.200s", ahead, text)
		}
	}
	// A clock that was set back since: no age below zero.
	if got := NewAgentState(now, time.Second, 0, nil).Notes(now.Add(-time.Hour)); got[0] != "kept catalog, 0 s old" {
		t.Error(got)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0 s", 0: "0 s", 4 * time.Millisecond: "0 s", 4250 * time.Millisecond: "4.2 s", 9 * time.Second: "9 s", 59900 * time.Millisecond: "59 s",
		200 * time.Second: "3 min 20 s", 15 * time.Minute: "15 min", 59*time.Minute + 59*time.Second: "59 min 59 s",
		time.Hour: "1 h", 5*time.Hour + 12*time.Minute + 40*time.Second: "5 h 12 min", 47 * time.Hour: "47 h", 48 * time.Hour: "2 days", 400 * 24 * time.Hour: "400 days",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}
