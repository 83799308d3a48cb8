package backup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

type store struct {
	*Store
	t   *testing.T
	now time.Time
}

func newStore(t *testing.T) *store {
	s := &store{t: t, now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}
	s.Store = &Store{Folder: filepath.Join(t.TempDir(), "backup"), Clock: func() time.Time { return s.now }}
	return s
}

// add adds a copy, a minute after the one before.
func (s *store) add(name, content string) {
	s.t.Helper()
	s.now = s.now.Add(time.Minute)
	b, err := s.Begin()
	if err != nil {
		s.t.Fatal(err)
	}
	if !b.Takes(name, int64(len(content))) {
		return
	}
	if err := b.Add(Entry{Path: name, Mode: 0o644}, strings.NewReader(content)); err != nil {
		s.t.Fatal(err)
	}
	if err := b.Commit(); err != nil {
		s.t.Fatal(err)
	}
}

// list is what is kept: ids, paths and contents.
func (s *store) list() (out []string) {
	s.t.Helper()
	entries, err := s.List()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(s.content(e.SHA256))
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, fmt.Sprint(e.ID, " ", e.Path, " ", string(b)))
	}
	return out
}

func (s *store) is(what string, want ...string) {
	s.t.Helper()
	if got := s.list(); !slices.Equal(got, want) {
		s.t.Errorf("%s: got %q, want %q", what, got, want)
	}
	// Nothing else is there.
	entries, _ := s.List()
	known := map[string]bool{indexName: true}
	for _, e := range entries {
		known[e.SHA256] = true
	}
	files, err := os.ReadDir(s.Folder)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil || !known[f.Name()] || info.Mode().Perm() != 0o600 {
			s.t.Errorf("%s: %s with mode %v, %v", what, f.Name(), info.Mode(), err)
		}
	}
}

func TestStore(t *testing.T) {
	s := newStore(t)
	s.add("/a", "one")
	s.add("/b", "one")
	s.add("/a", "two")
	s.add("/a", "two")
	s.is("the latest of two that are alike", "1 /a one", "2 /b one", "4 /a two")
	if err := os.WriteFile(filepath.Join(s.Folder, ".part-1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.add("/c", "a secret")
	if err := s.Secrets([]string{"/c"}); err != nil {
		t.Fatal(err)
	}
	s.add("/c", "another secret")
	s.is("no secrets, and what a kill left", "1 /a one", "2 /b one", "4 /a two")
	if info, err := os.Stat(s.Folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info.Mode(), err)
	}
}

func TestBounds(t *testing.T) {
	s := newStore(t)
	s.Bytes = 10
	s.add("/a", "1234")
	s.add("/b", "1234")
	s.add("/c", "5678")
	s.is("equal contents count once", "1 /a 1234", "2 /b 1234", "3 /c 5678")
	s.add("/d", "90ab")
	s.is("the oldest go first", "3 /c 5678", "4 /d 90ab")
	s.Bytes, s.Entries = 0, 3
	s.add("/e", "")
	s.add("/f", "")
	s.is("their number", "4 /d 90ab", "5 /e ", "6 /f ")
	s.Entries = 0
	for i := range maxOfFile + 2 {
		s.add("/g", fmt.Sprint(i))
	}
	got := s.list()
	if len(got) != 3+maxOfFile || got[3] != "9 /g 2" {
		t.Errorf("of one file: %q", got)
	}
	b, err := s.Begin()
	if err != nil || b.Takes("/x", MaxSize+1) {
		t.Errorf("a large file fits, %v", err)
	}
	b.added = make([]Entry, MaxBatch)
	if b.Takes("/x", 1) {
		t.Error("a full batch takes more")
	}
}

func TestDamagedIndex(t *testing.T) {
	s := newStore(t)
	s.add("/a", "one")
	if err := os.WriteFile(filepath.Join(s.Folder, indexName), []byte(`{"next":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.List(); err == nil || !strings.Contains(err.Error(), "the list of backups is damaged") {
		t.Errorf("listed: %v", err)
	}
	if err := s.Secrets([]string{"/key"}); err == nil || !strings.Contains(err.Error(), "backup.damaged now") {
		t.Errorf("the first change: %v", err)
	}
	if err := s.Secrets([]string{"/key"}); err != nil {
		t.Errorf("the next one: %v", err)
	}
	s.add("/b", "two")
	s.is("after it was put aside", "1 /b two")
	if aside, err := os.ReadDir(s.Folder + ".damaged"); err != nil || len(aside) != 2 {
		t.Errorf("aside are %v, %v", aside, err)
	}
	s.add("/key", "secret")
	if err := os.WriteFile(filepath.Join(s.Folder, indexName), []byte(`[]`), 0o600); err != nil {
		t.Fatal(err)
	}
	s.add("/c", "three")
	s.is("damaged before a change", "1 /c three")
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"next":3,"entries":[{"id":1,"path":"/a","size":-1}],"secrets":["b","a"]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := newStore(t)
		if os.MkdirAll(s.Folder, 0o700) != nil || os.WriteFile(filepath.Join(s.Folder, indexName), text, 0o600) != nil {
			t.Fatal("the index can't be written")
		}
		if b, err := s.Begin(); err == nil && b.Add(Entry{Path: "/x"}, strings.NewReader("x")) == nil {
			_ = b.Commit()
		}
	})
}
