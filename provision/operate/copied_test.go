package operate

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/diagnosis"
	"rackhand/provision/journal"
	"rackhand/provision/journal/journaltest"
)

// A copied journal gives the same answer as the appliance, and stays as it is.
func TestCopied(t *testing.T) {
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var elapsed time.Duration
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	now := func() time.Time { return began.Add(elapsed) }
	_, j := journaltest.Run(t, dir, func() time.Time { return began.Add(elapsed) }, func() time.Duration { return elapsed }, log)
	snap := &inventory.Snapshot{Hosts: map[string]*inventory.Host{"web1": {Name: "web1"}, "web2": {Name: "web2"}}}
	live := &Operator{
		Journal: j, Snapshot: func() *inventory.Snapshot { return snap }, Diagnosis: diagnosis.New(j), Now: now,
		Problems: func() []string { return nil }, Database: func() provision.DatabaseStats { return provision.DatabaseStats{} },
		Runs: func() map[string]provision.LastRun { return nil },
	}
	for _, host := range []string{"web1", "web2"} {
		if _, err := j.Arm(journal.Request{Host: host, System: "debian12", Budget: provision.Budget{Attempts: 3, Time: time.Hour}, Expires: time.Hour, Source: "operator"}); err != nil {
			t.Fatal(err)
		}
	}
	record := func(e provision.Event) {
		t.Helper()
		if err := j.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	record(provision.Event{Host: "web1", Source: "agent", Kind: "converging", Stage: provision.Converging, Message: "it converges"})
	record(provision.Event{Host: "web2", Source: "installer", Kind: "disk-guard", Stage: provision.Failed, Message: "data", Fields: map[string]string{"disk": "sda", "found": "gpt"}})
	elapsed = 50 * time.Minute
	record(provision.Event{Source: "appliance", Kind: "inventory-loaded", Message: "a word without a host"})

	if _, err := OpenCopied(t.Context(), dir, snap, log); err == nil || !strings.Contains(err.Error(), "a running appliance uses it") {
		t.Errorf("a folder in use: %v", err)
	}
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "rackhand.db")
	if err := os.Chmod(file, 0o400); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	copied, err := OpenCopied(t.Context(), folder, snap, log)
	if err != nil {
		t.Fatal(err)
	}
	if !copied.Now().Equal(now()) {
		t.Errorf("the copy is of %s, want %s", copied.Now(), now())
	}
	for host, rule := range map[string]string{"web1": "silent", "web2": "disk-guard"} {
		want, err := live.Why(t.Context(), host)
		if err != nil {
			t.Fatal(err)
		}
		got, err := copied.Why(t.Context(), host)
		if err != nil || !cmp.Equal(got, want) || got.Host.Stuck == nil || got.Host.Stuck.Rule != rule || len(got.Evidence) == 0 {
			t.Errorf("%s: %v %s", host, err, cmp.Diff(want, got))
		}
	}
	if _, err := copied.Why(t.Context(), "web9"); err == nil {
		t.Error("a host that isn't in the inventory")
	}
	if err := copied.Close(); err != nil {
		t.Error(err)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("the copy was written to: %v", err)
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for name, dir := range map[string]string{"no such folder": filepath.Join(folder, "x"), "no database": t.TempDir()} {
		if _, err := OpenCopied(t.Context(), dir, snap, log); err == nil {
			t.Error(name)
		}
	}
}

// A folder of another user's: what is no regular file is an error at once, and a copy can be
// interrupted.
func TestCopiedHostile(t *testing.T) {
	log, snap := slog.New(slog.DiscardHandler), &inventory.Snapshot{}
	for name, make := range map[string]func(path string) error{
		"pipe":   func(path string) error { return unix.Mkfifo(path, 0o600) },
		"device": func(path string) error { return os.Symlink("/dev/zero", path) },
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		dir := t.TempDir()
		if err := make(filepath.Join(dir, "rackhand.db")); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenCopied(t.Context(), dir, snap, log); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rackhand.db"), []byte("large"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := OpenCopied(ctx, dir, snap, log); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
