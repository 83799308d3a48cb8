package content

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func sum(s string) string {
	b := sha256.Sum256([]byte(s))
	return hex.EncodeToString(b[:])
}

// testStore is a store whose contents come from one file, which the test rewrites.
type testStore struct {
	*Store
	t         *testing.T
	dir, file string
}

func newTestStore(t *testing.T) *testStore {
	t.Helper()
	s := &testStore{t: t, dir: filepath.Join(t.TempDir(), "content"), file: filepath.Join(t.TempDir(), "file")}
	s.restart()
	return s
}

// restart stands for a new process: only the folder survives. A content may have 100 bytes,
// all contents together 150.
func (s *testStore) restart() {
	s.t.Helper()
	var err error
	if s.Store, err = Open(s.dir, 100, 150, time.Now); err != nil {
		s.t.Fatal(err)
	}
}

// add rewrites the file and adds it.
func (s *testStore) add(text string) (Content, error) {
	s.t.Helper()
	s.put(s.file, text)
	f := s.open()
	defer f.Close()
	return s.Add(f)
}

func (s *testStore) put(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *testStore) open() *os.File {
	s.t.Helper()
	f, err := os.Open(s.file)
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

// read is the bytes of a content, or why it can't be opened.
func (s *testStore) read(name string) string {
	s.t.Helper()
	f, err := s.Open(name)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// TestStore: a content keeps the bytes that its name says, also after its file was edited.
func TestStore(t *testing.T) {
	s := newTestStore(t)
	one, err := s.add("one")
	if err != nil || one != (Content{sum("one"), 3}) {
		t.Fatal(one, err)
	}
	// The same size, at once: the time stamps don't hide the edit.
	two, err := s.add("two")
	if err != nil || two.SHA256 != sum("two") || s.read(one.SHA256) != "one" || s.read(two.SHA256) != "two" {
		t.Errorf("%v, %v, %q", two, err, s.read(one.SHA256))
	}
	if empty, err := s.add(""); err != nil || s.read(empty.SHA256) != "" || empty.SHA256 != sum("") {
		t.Error(empty, err)
	}
	if err := s.Retain(map[string]bool{two.SHA256: true}); err != nil {
		t.Fatal(err)
	}
	if s.read(two.SHA256) != "two" || s.read(one.SHA256) == "one" {
		t.Error("Retain removed the wrong content")
	}
}

// TestTooLarge: one content, and all together, are bounded.
func TestTooLarge(t *testing.T) {
	s := newTestStore(t)
	if _, err := s.add(strings.Repeat("x", 101)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("101 bytes: %v", err)
	}
	if _, err := s.add(strings.Repeat("x", 90)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.add(strings.Repeat("y", 90)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("90 bytes more: %v", err)
	}
}

// TestRestart: a new process removes unfinished copies, and gives a content only after it
// has verified it.
func TestRestart(t *testing.T) {
	s := newTestStore(t)
	s.put(filepath.Join(s.dir, part+"1"), "left behind")
	s.put(filepath.Join(s.dir, sum("fake")), "damaged")
	s.restart()
	if _, err := os.Stat(filepath.Join(s.dir, part+"1")); err == nil {
		t.Error("an unfinished copy is still there")
	}
	if got := s.read(sum("fake")); got == "damaged" {
		t.Error("a content that wasn't verified is given")
	}
	if fake, err := s.add("fake"); err != nil || s.read(fake.SHA256) != "fake" {
		t.Error(fake, err, s.read(fake.SHA256))
	}
}

// TestKnownFile: a file that hasn't changed for a while is hashed once, and its content
// comes back after it was removed.
func TestKnownFile(t *testing.T) {
	s := newTestStore(t)
	if _, err := s.add("text"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.Path(sum("text"))); err != nil {
		t.Fatal(err)
	}
	f := s.open()
	defer f.Close()
	if c, err := s.Add(f); err != nil || s.read(c.SHA256) != "text" {
		t.Error(c, err)
	}
	later := time.Now().Add(time.Hour)
	s.clock = func() time.Time { return later }
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(f); err != nil || len(s.known) != 1 {
		t.Error(err, s.known)
	}
	if c, err := s.Add(f); err != nil || c.SHA256 != sum("text") { // at its end, and not read
		t.Error(c, err)
	}
}
