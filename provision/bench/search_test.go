package bench

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// limited is a server that sustains a rate and loses everything above it.
func limited(capacity int, asked *[]int) Probe {
	return func(rate int) (Load, error) {
		if len(*asked) > 100 {
			return Load{}, errors.New("the search does not end")
		}
		*asked = append(*asked, rate)
		return Load{Rate: rate, Seconds: 2, Sent: 2 * rate, Completed: 2 * min(rate, capacity)}, nil
	}
}

func TestSearchFindsTheCapacity(t *testing.T) {
	for _, c := range []struct{ capacity, start int }{
		{12000, 500}, {12000, 12000}, {12000, 40000}, {37, 1000}, {mostRate + 1, 1000}, {11, 10},
	} {
		t.Run(fmt.Sprintf("%d from %d", c.capacity, c.start), func(t *testing.T) {
			var asked []int
			s := Search{MaxDrops: 0.01, Resolution: 0.05, Growth: 2}
			l, err := s.Highest(c.start, limited(c.capacity, &asked))
			if err != nil {
				t.Fatal(err)
			}
			want := float64(min(c.capacity, mostRate))
			if got := l.Achieved(); got < 0.94*want-1 || got > 1.01*want {
				t.Errorf("found %.0f, capacity %.0f; asked %v", got, want, asked)
			}
			if len(asked) > 25 {
				t.Errorf("asked %d times: %v", len(asked), asked)
			}
		})
	}
}

func TestSearchProbesTwice(t *testing.T) {
	var asked []int
	stands := limited(800, &asked)
	once := true
	l, err := Search{MaxDrops: 0.01, Resolution: 0.05, Growth: 2}.Highest(400, func(rate int) (Load, error) {
		if once {
			once = false
			return Load{Rate: rate, Seconds: 2, Sent: 2 * rate, Completed: 18 * rate / 10}, nil
		}
		return stands(rate)
	})
	if err != nil || l.Achieved() < 760 {
		t.Errorf("one nearMiss made it %.0f, %v", l.Achieved(), err)
	}
}

func TestSearchWithoutServer(t *testing.T) {
	var asked []int
	_, err := Search{MaxDrops: 0.01, Resolution: 0.05, Growth: 2}.Highest(1000, limited(0, &asked))
	if err == nil || !strings.Contains(err.Error(), "is the server up") {
		t.Errorf("got %v", err)
	}
	broken := errors.New("broken")
	if _, err := (Search{}).Highest(1, func(int) (Load, error) { return Load{}, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v, want the probe's error", err)
	}
}

func TestLoad(t *testing.T) {
	if d := (Load{}).Drops(); d != 1 {
		t.Errorf("nothing sent: %v lost, want 1", d)
	}
	if c := (Load{CPU: 2}).CPUEach(); c != 0 {
		t.Errorf("nothing completed: %s each, want 0", c)
	}
	if c := (Load{Completed: 8000, CPU: 2}).CPUEach(); c != 250*time.Microsecond {
		t.Errorf("2 s for 8000 are %s each", c)
	}
	if a := (Load{Completed: 5}).Achieved(); a != 0 {
		t.Errorf("no time: %v a second, want 0", a)
	}
	if d := (Load{Sent: 200, Completed: 199}).Drops(); d < 0.0049 || d > 0.0051 {
		t.Errorf("1 of 200 is %v", d)
	}
}
