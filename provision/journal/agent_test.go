package journal_test

import (
	"path/filepath"
	"testing"
	"time"

	"rackhand/provision"
)

// TestAgentIs: an agent's report is known after a restart, and makes no second event.
func TestAgentIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	said := provision.NewAgentState(time.Now(), time.Hour, 7, []string{"a"})
	for range 2 {
		j := open(t, path)
		for range 2 {
			if err := j.AgentIs("web1", said); err != nil {
				t.Fatal(err)
			}
		}
		if got := j.Hosts()["web1"].Agent; !got.Same(said) {
			t.Errorf("it is %+v, want %+v", got, said)
		}
		if events, err := j.Events(t.Context(), "web1", 0); err != nil || len(events) != 3 {
			t.Errorf("%v: events %+v", err, events)
		}
		j.stop()
	}
}
