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

// TestStore: a content keeps the bytes that its name says, whatever becomes of its file; what
// nothing names goes, and so does what a kill left behind.
func TestStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "content")
	open := func() *Store {
		t.Helper()
		s, err := Open(dir, 100, 150, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	file := filepath.Join(t.TempDir(), "file")
	add := func(text string) (Content, error) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return s.Add(f)
	}
	read := func(name string) string {
		t.Helper()
		f, err := s.Open(name)
		if err != nil {
			return err.Error()
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	one, err := add("one")
	if err != nil || one != (Content{sum("one"), 3}) {
		t.Fatal(one, err)
	}
	// The same size, at once: no time stamp hides the edit.
	two, err := add("two")
	if err != nil || two.SHA256 != sum("two") || read(one.SHA256) != "one" || read(two.SHA256) != "two" {
		t.Errorf("%v, %v, %q", two, err, read(one.SHA256))
	}
	if empty, err := add(""); err != nil || read(empty.SHA256) != "" || empty.SHA256 != sum("") {
		t.Error(empty, err)
	}
	for _, text := range []string{strings.Repeat("x", 101), ""} {
		if text == "" {
			if _, err := add(strings.Repeat("x", 90)); err != nil {
				t.Fatal(err)
			}
			text = strings.Repeat("y", 90)
		}
		if _, err := add(text); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
	if err := s.Retain(map[string]bool{two.SHA256: true}); err != nil {
		t.Fatal(err)
	}
	if read(two.SHA256) != "two" || read(one.SHA256) == "one" {
		t.Error("the wrong one went")
	}
	for name, text := range map[string]string{part + "1": "left behind", sum("fake"): "damaged"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = open()
	if _, err := os.Stat(filepath.Join(dir, part+"1")); err == nil {
		t.Error("what a kill left behind is still there")
	}
	if got := read(sum("fake")); got == "damaged" {
		t.Error("one that wasn't verified is given")
	}
	if fake, err := add("fake"); err != nil || read(fake.SHA256) != "fake" {
		t.Error(fake, err, read(fake.SHA256))
	}
	// One that somebody removed comes back.
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Remove(filepath.Join(dir, sum("fake"))); err != nil {
		t.Fatal(err)
	}
	if fake, err := s.Add(f); err != nil || read(fake.SHA256) != "fake" {
		t.Error(fake, err)
	}
	// A file that was not touched for a while is hashed once.
	long := time.Now().Add(time.Hour)
	s.clock = func() time.Time { return long }
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(f); err != nil || len(s.known) != 1 {
		t.Error(err, s.known)
	}
	if fake, err := s.Add(f); err != nil || fake.SHA256 != sum("fake") { // at its end, and not read
		t.Error(fake, err)
	}
}
