package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"rackhand/provision/store"
)

// The test binary runs itself again as the process that is killed.
const (
	childEnv  = "RACKHAND_STORE_TEST_CHILD" // which child to be
	childPath = "RACKHAND_STORE_TEST_PATH"
)

func TestMain(m *testing.M) {
	var child func(path string) error
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "crash":
		child = writeForEver
	case "compact":
		child = compactForEver
	case "full":
		child = fillTheDisk
	}
	if err := child(os.Getenv(childPath)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// writeForEver writes from several goroutines, two keys a transaction, and
// prints each transaction's name once the store has acknowledged it.
func writeForEver(path string) error {
	s, err := store.OpenBolt(path)
	if err != nil {
		return err
	}
	return writeInto(s)
}

func writeInto(s store.Store) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	run := os.Getpid()
	var wg sync.WaitGroup
	var out sync.Mutex
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d.%d.%d", run, w, i)
				rev, err := s.Txn(ctx, nil,
					store.Op{Key: "a/" + name, Value: []byte(strings.Repeat(name, 20))},
					store.Op{Key: "b/" + name, Value: []byte(name)})
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				out.Lock()
				fmt.Printf("%s %d ok\n", name, rev)
				out.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.New("stopped writing")
}

// TestKilled kills a writing process at random moments with SIGKILL, opens the
// file again, and wants all that was acknowledged, and no half transactions.
// (A SIGKILL leaves the page cache, so this proves the order of
// acknowledgement and write, not the disk's own honesty.)
func TestKilled(t *testing.T) {
	killed(t, "crash", filepath.Join(t.TempDir(), "test.db"), 0)
}

// killed is eight kills of a child in its work, each followed by a look at what is there.
func killed(t *testing.T, child, path string, stream uint64) {
	t.Helper()
	seed := uint64(os.Getpid())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, stream))
	acked := map[string]uint64{}
	for range 8 {
		killOnce(t, child, path, 1+random.IntN(300), acked)
		checkAfterCrash(t, path, acked)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d acknowledged transactions outlived 8 kills", len(acked))
}

// killOnce starts a child, kills it after it has acknowledged n transactions,
// and adds all it acknowledged to acked.
func killOnce(t *testing.T, child, path string, n int, acked map[string]uint64) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childEnv+"="+child, childPath+"="+path)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		word := strings.Fields(lines.Text())
		if len(word) != 3 || word[2] != "ok" {
			continue // a line that the kill cut in two is not an acknowledgement
		}
		name := word[0]
		at, err := strconv.ParseUint(word[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		acked[name] = at
		if seen++; seen == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || seen < n {
		t.Fatalf("the child ended by itself after %d of %d acknowledgements: %v", seen, n, err)
	}
}

func checkAfterCrash(t *testing.T, path string, acked map[string]uint64) {
	t.Helper()
	s, err := store.OpenBolt(path)
	if err != nil {
		t.Fatalf("open after a kill: %v", err)
	}
	defer func() { _ = s.Close() }()
	recs, rev, err := s.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]uint64{}
	for _, r := range recs {
		at[r.Key] = r.Rev
		if r.Rev > rev {
			t.Errorf("%s at revision %d, beyond the store's %d", r.Key, r.Rev, rev)
		}
		if name, isA := strings.CutPrefix(r.Key, "a/"); isA && string(r.Value) != strings.Repeat(name, 20) {
			t.Errorf("%s has another value: %q", r.Key, r.Value)
		}
	}
	for name, ackedAt := range acked {
		if at["a/"+name] != ackedAt || at["b/"+name] != ackedAt {
			t.Errorf("%s was acknowledged at %d, and is there at %d and %d", name, ackedAt, at["a/"+name], at["b/"+name])
		}
	}
	for key, r := range at {
		if at["b/"+key[2:]] != r || at["a/"+key[2:]] != r {
			t.Errorf("half of a transaction: %s", key)
		}
	}
}

// TestFullDisk: a write without room fails with a clear error. Acknowledged changes stay,
// and writing goes on once there is room. A child's limit on the size of files stands for
// the full disk.
func TestFullDisk(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childEnv+"=full", childPath+"="+filepath.Join(t.TempDir(), "test.db"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

func fillTheDisk(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	s, err := store.OpenBolt(path)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	room := limit
	limit.Cur = 2 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	written, last := 0, uint64(0)
	for ; ; written++ {
		if written > 100 {
			return errors.New("100 values of 256 KiB fit into 2 MiB")
		}
		rev, err := s.Txn(context.Background(), nil, store.Op{Key: fmt.Sprint("k", written), Value: make([]byte, 256<<10)})
		if err != nil {
			if !strings.Contains(err.Error(), "is the disk full?") || errors.Is(err, store.ErrUnknown) {
				return fmt.Errorf("a full disk gives another error: %w", err)
			}
			break
		}
		last = rev
	}
	recs, rev, err := s.List(context.Background(), "")
	if err != nil || len(recs) != written || rev != last {
		return fmt.Errorf("after the disk was full: %d records at %d, %w; want %d at %d", len(recs), rev, err, written, last)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		return err
	}
	if _, err := s.Txn(context.Background(), nil, store.Op{Key: "after", Value: make([]byte, 256<<10)}); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	return nil
}
