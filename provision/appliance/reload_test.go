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
	"rackhand/provision/journal"
	"rackhand/provision/store"
)

// TestReload edits the inventory of an appliance that watches it: a bad edit keeps
// the last good snapshot and is told in the log, the journal and to the page, a good
// one is an event that names what changed.
func TestReload(t *testing.T) {
	const inventory = "networks: {rack1: {subnet: 10.77.0.0/24}}\nhosts:\n"
	dir := t.TempDir()
	write(t, dir, "rack.yaml", inventory+"  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11}\n")

	var logged logs
	log := slog.New(slog.NewTextHandler(&logged, nil))
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "rackhand.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	ctx, cancel := context.WithCancel(t.Context())
	j, err := journal.Open(ctx, st, time.Now, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	a := &Appliance{Deps: Deps{Log: log, Clock: time.Now}, store: st, journal: j, cfg: &config.Config{Inventory: dir, State: t.TempDir()}}
	if err := a.openContents(); err != nil {
		t.Fatal(err)
	}
	if err := a.loadInventory(); err != nil {
		t.Fatal(err)
	}
	a.gate = a.newGate()
	events, err := j.Subscribe(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{j.Run, a.watcher.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	defer running.Wait()
	defer cancel()

	// As editors save: a file that is written in place could be read half done.
	save := func(host string) {
		t.Helper()
		write(t, dir, ".rack.yaml.new", inventory+host)
		if err := os.Rename(filepath.Join(dir, ".rack.yaml.new"), filepath.Join(dir, "rack.yaml")); err != nil {
			t.Fatal(err)
		}
	}
	until := func(kind, says string) {
		t.Helper()
		deadline := time.After(time.Minute)
		for {
			select {
			case e := <-events:
				if e.Kind == kind && strings.Contains(e.Message, says) {
					return
				}
			case <-deadline:
				t.Fatalf("no event %s that says %q; the log:\n%s", kind, says, logged.String())
			}
		}
	}
	address := func() string { return a.holder.Current().Hosts["web1"].Address.String() }

	save("  web1: {mac: 52:54:00:00:00:01, adress: 10.77.0.12}\n")
	until("inventory-broken", "the first at rack.yaml:3:3; the last good one stays in force")
	if got := address(); got != "10.77.0.11" {
		t.Errorf("after a bad edit the address is %s", got)
	}
	if problems := (source{a}).Problems(); len(problems) == 0 {
		t.Error("the page has no problem to show")
	}
	if log := logged.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "rack.yaml:3:3") {
		t.Errorf("the log doesn't tell it:\n%s", logged.String())
	}

	save("  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.12}\n")
	until("inventory-loaded", "changed: web1: address")
	if got := address(); got != "10.77.0.12" {
		t.Errorf("after a good edit the address is %s", got)
	}
}

// logs is a log that several goroutines write.
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
