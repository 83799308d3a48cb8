package upgrade

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

func offer(text string) catalog.Offer {
	sum := sha256.Sum256([]byte(text))
	return catalog.Offer{Version: "v2", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(text))}
}

func newUpgrader(t *testing.T) *Upgrader {
	t.Helper()
	dir := t.TempDir()
	u := &Upgrader{
		Program: Program{Path: filepath.Join(dir, "agent")}, Record: filepath.Join(dir, "upgrade.json"),
		Trial: Child(io.Discard, "trial"), Control: func(context.Context) error { return nil }, Log: slog.New(slog.DiscardHandler),
	}
	if err := os.WriteFile(u.Program.Path, []byte("one"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := u.Open(); err != nil {
		t.Fatal(err)
	}
	return u
}

func from(text string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}

func (u *Upgrader) is(t *testing.T, what, want string) {
	t.Helper()
	b, err := os.ReadFile(u.Program.Path)
	if err != nil || string(b) != want {
		t.Errorf("%s: the program is %q, %v; want %q", what, b, err, want)
	}
}

// TestFetch: only the bytes that were offered are taken, and nothing is fetched that isn't
// to be tried.
func TestFetch(t *testing.T) {
	o := offer("two")
	broken := errors.New("the line is cut")
	for name, get := range map[string]func() (io.ReadCloser, error){
		"other bytes": from("tow"), "too few": from("tw"), "too many": from("two" + strings.Repeat("x", 1<<20)), "nothing": from(""),
		"refused": func() (io.ReadCloser, error) { return nil, broken },
		"cut": func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("tw"), failing{})), nil
		},
	} {
		u := newUpgrader(t)
		if err := u.Fetch(o, get); err == nil || u.Staged() || !strings.Contains(u.Warning(), "can't be upgraded: fetching version v2: ") {
			t.Errorf("%s: %v, staged %t, %q", name, err, u.Staged(), u.Warning())
		}
		if left, _ := filepath.Glob(u.Program.Path + ".*"); len(left) > 0 {
			t.Errorf("%s: left behind: %q", name, left)
		}
	}
	// A symbolic link in the place of the download leads to no other file.
	linked := newUpgrader(t)
	if err := os.Symlink(linked.Program.Path, linked.Program.Path+".partial"); err != nil {
		t.Fatal(err)
	}
	if err := linked.Fetch(o, from("two")); err != nil {
		t.Error(err)
	}
	linked.is(t, "through a link", "one")
	u := newUpgrader(t)
	never := func() (io.ReadCloser, error) { t.Error("it was fetched"); return nil, broken }
	if err := u.Fetch(offer("one"), never); err != nil || u.Staged() {
		t.Errorf("the program that runs: %v", err)
	}
	if err := u.Fetch(o, from("two")); err != nil || !u.Staged() {
		t.Error(err)
	}
	if err := u.Fetch(o, never); err != nil || !u.Staged() {
		t.Errorf("what is fetched already: %v", err)
	}
	info, err := os.Stat(u.Program.Next())
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Error(info, err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("cut") }

// TestTrials: the old program stays unless the trial of the new one succeeds.
func TestTrials(t *testing.T) {
	for _, tt := range []struct{ name, program, why string }{
		{"good", "#!/bin/sh\n[ $1 = trial ]\n", ""},
		{"crashes at once", "#!/bin/sh\necho it was like this >&2\nexit 3\n", "exit status 3: it was like this"},
		{"doesn't start", "\x7fELF\x02garbage", "exec format error"},
		{"killed", "#!/bin/sh\nkill -9 $$\n", "signal: killed"},
		{"hangs", "#!/bin/sh\nexec sleep 600\n", "it did not end in time: too long"},
	} {
		u := newUpgrader(t)
		child := u.Trial
		u.Trial = func(ctx context.Context, program string) error {
			ctx, cancel := context.WithCancelCause(ctx)
			if tt.name == "hangs" {
				time.AfterFunc(100*time.Millisecond, func() { cancel(errors.New("too long")) })
			}
			defer cancel(nil)
			return child(ctx, program)
		}
		o := offer(tt.program)
		if err := u.Fetch(o, from(tt.program)); err != nil {
			t.Fatal(tt.name, err)
		}
		replaced, err := u.Try(t.Context())
		if err != nil || replaced != (tt.why == "") {
			t.Errorf("%s: replaced %t, %v", tt.name, replaced, err)
		}
		want := "one"
		if replaced {
			want = tt.program
		}
		u.is(t, tt.name, want)
		if tt.why == "" {
			continue
		}
		if !strings.Contains(u.Warning(), tt.why) {
			t.Errorf("%s: %q, want %q", tt.name, u.Warning(), tt.why)
		}
		if err := u.Fetch(o, from(tt.program)); err != nil || u.Staged() {
			t.Errorf("%s: it is taken again: %v", tt.name, err)
		}
		next := offer("#!/bin/sh\n#another\n")
		if err := u.Fetch(next, from("#!/bin/sh\n#another\n")); err != nil || !u.Staged() {
			t.Errorf("%s: another isn't taken: %v", tt.name, err)
		}
		if replaced, err := u.Try(t.Context()); !replaced || err != nil {
			t.Errorf("%s: another isn't taken: %v", tt.name, err)
		}
	}
}

// TestTrialsThatNeverEnd: a program that takes the host down is tried three times.
func TestTrialsThatNeverEnd(t *testing.T) {
	u := newUpgrader(t)
	down := errors.New("the host goes down")
	tries := 0
	u.Trial = func(context.Context, string) error { tries++; panic(down) }
	for range 5 {
		func() {
			defer func() {
				if r := recover(); r != nil && r != any(down) {
					panic(r)
				}
			}()
			if err := u.Fetch(offer("two"), from("two")); err != nil {
				t.Fatal(err)
			}
			if u.Staged() {
				if replaced, err := u.Try(t.Context()); replaced || err != nil {
					t.Error(replaced, err)
				}
			}
		}()
	}
	if tries != 3 || !strings.Contains(u.Warning(), "began 3 times") {
		t.Errorf("%d tries, %q", tries, u.Warning())
	}
	u.is(t, "in the end", "one")
}

// TestStoppedTrial: stopping the agent isn't the new program's fault.
func TestStoppedTrial(t *testing.T) {
	u := newUpgrader(t)
	ctx, cancel := context.WithCancel(t.Context())
	u.Trial = func(ctx context.Context, _ string) error { cancel(); return ctx.Err() }
	for range 5 {
		if err := u.Fetch(offer("two"), from("two")); err != nil || !u.Staged() {
			t.Fatal(err)
		}
		if replaced, err := u.Try(ctx); replaced || err != nil {
			t.Fatal(replaced, err)
		}
	}
}

// TestRecordUnwritable: without a record nothing is tried.
func TestRecordUnwritable(t *testing.T) {
	u := newUpgrader(t)
	u.Record = filepath.Join(filepath.Dir(u.Record), "missing", "upgrade.json")
	if err := u.Fetch(offer("two"), from("two")); err != nil {
		t.Fatal(err)
	}
	u.Trial = func(context.Context, string) error { t.Error("it was tried"); return nil }
	if replaced, err := u.Try(t.Context()); replaced || err == nil || !strings.Contains(u.Warning(), "no such file") {
		t.Error(replaced, err, u.Warning())
	}
}
