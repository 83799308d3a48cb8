package appliance

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/provision"
	"rackhand/provision/journal/journaltest"
)

const reloadNetworks = "networks: {rack1: {subnet: 10.77.0.0/24}}\nhosts:\n"

// A reloading is an appliance that watches its inventory.
type reloading struct {
	*Appliance
	dir    string
	logged logs
	events <-chan provision.Event
}

func newReloading(t *testing.T, host string) *reloading {
	t.Helper()
	r := &reloading{dir: t.TempDir()}
	write(t, r.dir, "rack.yaml", reloadNetworks+host)
	log := slog.New(slog.NewTextHandler(&r.logged, nil))
	st, j := journaltest.Run(t, t.TempDir(), time.Now, nil, log)
	r.Appliance = &Appliance{Deps: Deps{Log: log, Clock: time.Now}, store: st, journal: j, cfg: &config.Config{Inventory: r.dir, State: t.TempDir()}}
	if err := r.openContents(); err != nil {
		t.Fatal(err)
	}
	if err := r.loadInventory(); err != nil {
		t.Fatal(err)
	}
	r.gate = r.newGate()
	ctx, cancel := context.WithCancel(t.Context())
	var err error
	if r.events, err = j.Subscribe(ctx, 0); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.watcher.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

// save saves the inventory as editors do: a file that is written in place could be read
// half done.
func (r *reloading) save(t *testing.T, host string) {
	t.Helper()
	write(t, r.dir, ".rack.yaml.new", reloadNetworks+host)
	if err := os.Rename(filepath.Join(r.dir, ".rack.yaml.new"), filepath.Join(r.dir, "rack.yaml")); err != nil {
		t.Fatal(err)
	}
}

// until waits for an event of a kind whose message contains a text.
func (r *reloading) until(t *testing.T, kind, says string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case e := <-r.events:
			if e.Kind == kind && strings.Contains(e.Message, says) {
				return
			}
		case <-deadline:
			t.Fatalf("no event %s that says %q; the log:\n%s", kind, says, r.logged.String())
		}
	}
}

func (r *reloading) address() string { return r.holder.Current().Hosts["web1"].Address.String() }

// TestReload edits the inventory of an appliance that watches it. After a bad edit the last
// good snapshot stays in force, and log, journal and page show the problem. A good edit is
// an event that names the changes.
func TestReload(t *testing.T) {
	r := newReloading(t, "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11}\n")
	r.save(t, "  web1: {mac: 52:54:00:00:00:01, adress: 10.77.0.12}\n")
	r.until(t, "inventory-broken", "the first at rack.yaml:3:3; the last good one stays in force")
	if got := r.address(); got != "10.77.0.11" {
		t.Errorf("after a bad edit the address is %s", got)
	}
	if problems := (source{r.Appliance}).Problems(); len(problems) == 0 {
		t.Error("the page has no problem to show")
	}
	if log := r.logged.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "rack.yaml:3:3") {
		t.Errorf("the log doesn't show the problem:\n%s", log)
	}

	r.save(t, "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.12}\n")
	r.until(t, "inventory-loaded", "changed: web1: address")
	if got := r.address(); got != "10.77.0.12" {
		t.Errorf("after a good edit the address is %s", got)
	}
}

// logs is a log to which several goroutines write.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
