package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/provision"
	"rackhand/provision/journal"
	"rackhand/provision/state"
	"rackhand/provision/store"
)

// now is the time of these tests.
var now = time.Date(2026, 12, 1, 14, 0, 0, 0, time.UTC)

// files are what an appliance has besides its database, and what of it is in a backup.
func files() map[string]string {
	return map[string]string{
		"etc/rackhand/rackhand.yaml":                  "interfaces: [eth1]\n",
		"etc/rackhand/inventory/rack.yaml":            "hosts: {}\n",
		"etc/rackhand/inventory/roles/web.yaml":       "resources: []\n",
		"etc/rackhand/secrets/bmc/web1":               "a password\n",
		"etc/rackhand/identity.txt":                   "AGE-SECRET-KEY-1\n",
		"var/lib/rackhand/ca/ca.key":                  "a key\n",
		"var/lib/rackhand/inventory.good.json":        "{}\n",
		"var/lib/rackhand/logs/web1-1.log":            "a log\n",
		"etc/rackhand/inventory/.git/config":          "left out\n",
		"var/lib/rackhand/images/debian12/root.tar":   "left out\n",
		"var/lib/rackhand/rackhand.db.format-1":       "left out\n",
		"var/lib/rackhand/mirror/debian/x.deb":        "left out\n",
		"etc/rackhand/schema/inventory.schema.json":   "left out\n",
		"var/lib/rackhand/agents/0.9.0":               "left out\n",
		"var/lib/rackhand/content/0123":               "left out\n",
		"var/lib/rackhand/media/rocky9/manifest.json": "left out\n",
	}
}

// A site is an appliance's files below a folder, with its open database.
type site struct {
	t    *testing.T
	root string
	st   store.Store
	cfg  *config.Config
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, root: t.TempDir()}
	for name, text := range files() {
		path := filepath.Join(s.root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	s.cfg = config.Default()
	s.cfg.State, s.cfg.Inventory, s.cfg.Secrets = s.in("var/lib/rackhand"), s.in("etc/rackhand/inventory"), s.in("etc/rackhand/secrets")
	s.cfg.Age.Identity = s.in("etc/rackhand/identity.txt")
	var err error
	if s.st, err = store.OpenBolt(filepath.Join(s.cfg.State, state.Database)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.st.Close() })
	if err := state.Settled(t.Context(), s.st, now); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) in(path string) string { return filepath.Join(s.root, path) }

func (s *site) taker() *Taker {
	return &Taker{Store: s.st, Config: s.cfg, Settings: s.in("etc/rackhand/rackhand.yaml"), Version: "0.9.0", Clock: func() time.Time { return now }}
}

func (s *site) take() []byte {
	s.t.Helper()
	var b bytes.Buffer
	if _, err := s.taker().Take(s.t.Context(), &b); err != nil {
		s.t.Fatal(err)
	}
	return b.Bytes()
}

func restore(t *testing.T, archive []byte, o RestoreOptions) (Restored, error) {
	t.Helper()
	o.Now, o.Log = now, slog.New(slog.DiscardHandler)
	return Restore(t.Context(), bytes.NewReader(archive), o)
}

// TestRoundTrip: what a backup has comes back elsewhere, byte for byte, and nothing else.
func TestRoundTrip(t *testing.T) {
	s := newSite(t)
	archive, into := s.take(), t.TempDir()
	if left, _ := os.Lstat(filepath.Join(s.cfg.State, copyName)); left != nil {
		t.Error("the copy of the database was left behind")
	}
	r, err := restore(t, archive, RestoreOptions{Into: into})
	if err != nil {
		t.Fatal(err)
	}
	if r.Version != "0.9.0" || !r.Time.Equal(now) || len(r.Aside) > 0 || len(r.Cancelled) > 0 {
		t.Errorf("%+v", r)
	}
	found := map[string]string{}
	err = filepath.WalkDir(into, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == state.Database {
			return err
		}
		text, err := os.ReadFile(path)
		rest, _ := filepath.Rel(filepath.Join(into, s.root), path)
		found[rest] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := files()
	maps.DeleteFunc(want, func(_, text string) bool { return text == "left out\n" })
	if !maps.Equal(found, want) {
		t.Errorf("restored %q\nwant %q", found, want)
	}
	info, err := os.Stat(filepath.Join(into, s.in("etc/rackhand/secrets/bmc/web1")))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret: %v, %v", info, err)
	}
}

// TestUnderLoad: while records are written all the time, a backup has each one up to a point,
// and none after it.
func TestUnderLoad(t *testing.T) {
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	started, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			if i == 50 {
				close(started)
			}
			if _, err := s.st.Txn(context.Background(), nil, store.Op{Key: fmt.Sprintf("k/%08d", i), Value: []byte(fmt.Sprint(i))}); err != nil || ctx.Err() != nil {
				done <- err
				return
			}
		}
	}()
	<-started
	archive := s.take()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	into := t.TempDir()
	if _, err := restore(t, archive, RestoreOptions{Into: into}); err != nil {
		t.Fatal(err)
	}
	st, err := store.OpenBolt(filepath.Join(into, s.cfg.State, state.Database), store.MustExist())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	records, _, err := st.List(t.Context(), "k/")
	if err != nil || len(records) < 50 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	for i, r := range records {
		if r.Key != fmt.Sprintf("k/%08d", i) || string(r.Value) != fmt.Sprint(i) {
			t.Fatalf("record %d is %s: %s", i, r.Key, r.Value)
		}
	}
}

// TestNothingIsArmed: an install that was armed when the backup was made is cancelled, one that
// had ended stays as it was, and hosts without a record count as installed before.
func TestNothingIsArmed(t *testing.T) {
	s := newSite(t)
	j, err := journal.Open(t.Context(), s.st, func() time.Time { return now }, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	for _, host := range []string{"armed", "ended"} {
		if _, err := j.Arm(journal.Request{Host: host, System: "debian12", Budget: provision.Budget{Attempts: 3}, Expires: time.Hour, Source: "operator", Why: "armed"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Record(provision.Event{Host: "ended", Source: "operator", Stage: provision.Cancelled, Message: "cancelled"}); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	into := t.TempDir()
	r, err := restore(t, s.take(), RestoreOptions{Into: into})
	if err != nil || !slices.Equal(r.Cancelled, []string{"armed"}) {
		t.Fatalf("cancelled %q, %v", r.Cancelled, err)
	}
	st, err := store.OpenBolt(filepath.Join(into, s.cfg.State, state.Database), store.MustExist())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if pending, err := state.Pending(t.Context(), st); !pending || err != nil {
		t.Errorf("hosts without a record may be armed: %v", err)
	}
	again, err := journal.Open(t.Context(), st, func() time.Time { return now }, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"armed", "ended"} {
		if in, ok := again.Current(host); !ok || in.Stage != provision.Cancelled || in.Armed {
			t.Errorf("%s: %+v", host, in)
		}
	}
}

// TestNothingIsOverwritten: a restore over something that is there is refused, unless it may
// move that aside; one over a database that is open is refused always.
func TestNothingIsOverwritten(t *testing.T) {
	s := newSite(t)
	archive := s.take()
	path := s.in("var/lib/rackhand/rackhand.db")
	if _, err := restore(t, archive, RestoreOptions{Force: true}); !errors.Is(err, ErrRuns) {
		t.Errorf("while an appliance runs: %v", err)
	}
	if err := s.st.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.in("etc/rackhand/inventory/later.yaml"), []byte("later"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := restore(t, archive, RestoreOptions{}); !errors.Is(err, ErrThere) {
		t.Errorf("without --force: %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "damaged" {
		t.Error("a refused restore has changed the database")
	}
	r, err := restore(t, archive, RestoreOptions{StateOnly: true, Force: true})
	if err != nil {
		t.Fatal(err)
	}
	aside := s.in("var/lib/rackhand/.before-restore-20261201T140000Z")
	if text, _ := os.ReadFile(filepath.Join(aside, "rackhand.db")); string(text) != "damaged" || !slices.Equal(r.Aside, []string{aside}) {
		t.Errorf("aside is %q: %q", r.Aside, text)
	}
	if _, err := os.Stat(s.in("etc/rackhand/inventory/later.yaml")); err != nil {
		t.Errorf("the inventory was touched: %v", err)
	}
	if text, _ := os.ReadFile(s.in("var/lib/rackhand/images/debian12/root.tar")); string(text) != "left out\n" {
		t.Error("the images are gone")
	}
	// Whole, a second time: the file that the backup doesn't have goes aside too.
	if err := os.Rename(aside, aside+"-first"); err != nil {
		t.Fatal(err)
	}
	if _, err := restore(t, archive, RestoreOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.in("etc/rackhand/inventory/later.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a later file of the inventory stays beside the restored ones: %v", err)
	}
	for _, dir := range []string{"etc/rackhand", "etc/rackhand/inventory", "etc/rackhand/secrets", "var/lib/rackhand"} {
		if left, _ := filepath.Glob(s.in(dir + "/.restore-*")); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}

// TestOneAtATime: a second backup doesn't begin beside a first one.
func TestOneAtATime(t *testing.T) {
	s := newSite(t)
	taker := s.taker()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := taker.Take(context.Background(), w)
		w.CloseWithError(err)
		done <- err
	}()
	if _, err := io.ReadFull(r, make([]byte, 1)); err != nil { // it has begun
		t.Fatal(err)
	}
	if _, err := taker.Take(t.Context(), io.Discard); !errors.Is(err, ErrUnderWay) {
		t.Errorf("a second one: %v", err)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestBroken: an archive that was cut off, or in which a byte has changed, is never taken for
// whole, and changes nothing.
func TestBroken(t *testing.T) {
	s := newSite(t)
	whole := s.take()
	want, err := Read(bytes.NewReader(whole), nil)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for n := 0; n < len(whole); n += 1 + random.IntN(40) {
		if _, err := Read(bytes.NewReader(whole[:n]), nil); !errors.Is(err, ErrArchive) {
			t.Fatalf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
	for range 300 {
		b := bytes.Clone(whole)
		at := random.IntN(len(b))
		b[at] ^= 1 << random.IntN(8)
		got, err := Read(bytes.NewReader(b), nil)
		if err == nil {
			one, _ := json.Marshal(want)
			two, _ := json.Marshal(got)
			if !bytes.Equal(one, two) {
				t.Fatalf("byte %d: it is taken for whole", at)
			}
			continue
		}
		if !errors.Is(err, ErrArchive) && !errors.Is(err, ErrNewer) {
			t.Fatalf("byte %d: %v", at, err)
		}
	}
	into := t.TempDir()
	if _, err := restore(t, whole[:len(whole)-1], RestoreOptions{Into: into}); !errors.Is(err, ErrArchive) || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("%v", err)
	}
	err = filepath.WalkDir(into, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("a broken backup left %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
