package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// filled is the bytes of a database with 160 records of several sizes, about 200 KB.
func filled(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	s, err := OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		var ops []Op
		for k := range 8 {
			ops = append(ops, Op{Key: fmt.Sprintf("k/%d/%d", i, k), Value: make([]byte, 11*(i+1)*k)})
		}
		if _, err := s.Txn(t.Context(), nil, ops...); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tryFile opens a file of these bytes and reads it when that goes, and perhaps writes to it.
func tryFile(t *testing.T, path string, b []byte, write bool) error {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := OpenBolt(path, MustExist())
	if err != nil {
		return err
	}
	if _, _, err = s.List(t.Context(), ""); err == nil && write {
		_, err = s.Txn(t.Context(), nil, Op{Key: "after", Value: make([]byte, 9000)})
	}
	if closed := s.Close(); err == nil {
		err = closed // one error, as the operator reads them one after the other
	}
	return err
}

// TestCutOff: a database that ends anywhere before its end is an error in words, at every
// border of a page and at lengths at random.
func TestCutOff(t *testing.T) {
	whole := filled(t)
	path := filepath.Join(t.TempDir(), "cut.db")
	if err := tryFile(t, path, whole, true); err != nil {
		t.Fatal(err)
	}
	_, want, page := readMeta(strings.NewReader(string(whole)), 0)
	if txid, size, _ := readMeta(strings.NewReader(string(whole)), int64(page)); txid > 0 {
		want = max(want, size)
	}
	lengths := []int{0, 1, 15, 79, 80}
	for at := int(page); at < int(want); at += int(page) {
		lengths = append(lengths, at-1, at, at+1)
	}
	for range 100 {
		lengths = append(lengths, rand.IntN(int(want)))
	}
	for _, n := range lengths {
		err := tryFile(t, path, whole[:n], true)
		if wanted := map[bool]error{true: ErrMissing, false: ErrDamaged}[n == 0]; !errors.Is(err, wanted) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
}

// TestFlippedBits: bits that a disk has turned are an error in words, or do no harm; in the
// meta pages, and anywhere.
func TestFlippedBits(t *testing.T) {
	whole := filled(t)
	path := filepath.Join(t.TempDir(), "flipped.db")
	tried, refused := 0, 0
	try := func(bits ...int) {
		b := append([]byte(nil), whole...)
		for _, bit := range bits {
			b[bit/8] ^= 1 << (bit % 8)
		}
		tried++
		err := tryFile(t, path, b, tried%20 == 0) // a write costs a sync
		if err != nil {
			refused++
		}
		if err != nil && (!errors.Is(err, ErrDamaged) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("bits %v: %v", bits, err)
		}
	}
	for bit := 0; bit < (pageHeader+metaBytes)*8; bit += 5 {
		try(bit)
		try(4096*8 + bit)
		try(bit, 4096*8+bit) // both meta pages are bad
	}
	for range 200 {
		try(rand.IntN(len(whole)*8), rand.IntN(len(whole)*8), rand.IntN(len(whole)*8))
	}
	// Wherever a page says what it is.
	for at := 2 * 4096; at < len(whole); at += 4096 {
		try((at+8)*8 + rand.IntN(8*8))
		for bit := range 4 { // how many elements it has: none, for the root page
			try((at+10)*8 + bit)
		}
	}
	if refused < 100 {
		t.Errorf("only %d were refused: this test damages nothing", refused)
	}
}

// TestCutUnderneath: a file that is cut off under an open store is an error, and never ends
// the process.
func TestCutUnderneath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path, filled(t), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := Verify(s); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.List(t.Context(), ""); !errors.Is(err, ErrDamaged) {
		t.Errorf("read: %v", err)
	}
	for range 2 {
		if _, err := s.Txn(t.Context(), nil, Op{Key: "k", Value: make([]byte, 9000)}); err == nil {
			t.Error("it was acknowledged")
		}
	}
	if err := Verify(s); !errors.Is(err, ErrLost) {
		t.Errorf("verify: %v", err)
	}
}

// TestTakenAway: a database that is deleted, replaced or written over under an open store
// is noticed; its content is rescued if possible.
func TestTakenAway(t *testing.T) {
	older := filled(t)
	for name, tt := range map[string]struct {
		take func(path string) error
		want string
	}{
		"deleted": {os.Remove, "was deleted"},
		"replaced": {func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, older, 0o600))
		}, "another file"},
		"restored": {func(path string) error { return os.WriteFile(path, older, 0o600) }, "written over"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			if err := os.WriteFile(path, older, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := OpenBolt(path)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := s.Txn(t.Context(), nil, Op{Key: "later", Value: []byte("news")}); err != nil {
				t.Fatal(err)
			}
			if err := tt.take(path); err != nil {
				t.Fatal(err)
			}
			if err := Verify(s); !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if name == "restored" {
				if _, err := s.Txn(t.Context(), nil, Op{Key: "k"}); !errors.Is(err, ErrLost) {
					t.Errorf("a write: %v", err)
				}
				return
			}
			rescued, err := Rescue(s)
			if err != nil {
				t.Fatal(err)
			}
			again, err := OpenBolt(rescued)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if r, err := again.Get(t.Context(), "later"); err != nil || string(r.Value) != "news" {
				t.Errorf("rescued: %q, %v", r.Value, err)
			}
		})
	}
}

// TestMigrations: a database of an older format is brought to the present one, with a copy
// beside it; one that fails on its way stays as it was; a newer one is refused.
func TestMigrations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	put := func(key, value string) migration {
		return func(tx *bbolt.Tx) error {
			records := tx.Bucket([]byte(bucketRecords))
			raw := append(make([]byte, revBytes), value...)
			return records.Put([]byte(key), append(raw, records.Get([]byte("k"))[revBytes:]...))
		}
	}
	broken := func(*bbolt.Tx) error { return errors.New("no way") }
	steps := func(all ...migration) BoltOption { return func(o *boltOptions) { o.migrations = all } }
	value := func(path, key string, opts ...BoltOption) string {
		t.Helper()
		s, err := OpenBolt(path, opts...)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		r, err := s.Get(t.Context(), key)
		if err != nil && !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		return string(r.Value)
	}
	s, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	start(t, s)
	if _, err := s.Txn(t.Context(), nil, Op{Key: "k", Value: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	// As the first databases might be: without a number.
	if err := errors.Join(s.Close(), forgetFormat(path)); err != nil {
		t.Fatal(err)
	}

	if _, err := OpenBolt(path, steps(put("two", "2"), broken)); err == nil || !strings.Contains(err.Error(), "from 2 to 3: no way; nothing was changed") {
		t.Errorf("a step that fails: %v", err)
	}
	if got := value(path, "two"); got != "" {
		t.Errorf("half of a migration: %q", got)
	}
	if got := value(path, "three", steps(put("two", "2"), put("three", "3"))); got != "3v" {
		t.Errorf("after two steps: %q", got)
	}
	if got := value(path, "two", steps(broken, broken)); got != "2v" {
		t.Errorf("opened again, with nothing to do: %q", got)
	}
	if _, err := OpenBolt(path); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "its format is 3, and this version knows 1 at most") {
		t.Errorf("a newer one: %v", err)
	}
	if got := value(path+".format-1", "two") + value(path+".format-1", "k"); got != "v" {
		t.Errorf("the copy of before: %q", got)
	}
	if st, err := os.Stat(path + ".format-1"); err != nil || st.Mode() != 0o600 {
		t.Errorf("the copy: %v %v", st, err)
	}
}

func forgetFormat(path string) error {
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	return errors.Join(db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).Delete([]byte(metaFormat)) }), db.Close())
}

// TestMustExist: a file that was never written to doesn't count as an existing database.
func TestMustExist(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	missing := func() {
		t.Helper()
		if _, err := OpenBolt(path, MustExist()); !errors.Is(err, ErrMissing) {
			t.Errorf("%v, want ErrMissing", err)
		}
	}
	missing()
	if _, err := os.Stat(path); err == nil {
		t.Error("it was made")
	}
	db, err := bbolt.Open(path, 0o600, nil) // as a crash in the first second leaves it
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	missing()
	for range 2 {
		s, err := OpenBolt(path)
		if err == nil {
			err = s.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		missing()
	}
	db, err = bbolt.Open(path+".other", 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("somebody's")); return err })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenBolt(path + ".other"); !errors.Is(err, ErrDamaged) {
		t.Errorf("another program's: %v", err)
	}
}

// A growing file is one that its writer lets grow while it is looked at.
type growing struct {
	*os.File
	grow func()
}

func (g *growing) ReadAt(b []byte, at int64) (int, error) {
	if g.grow != nil {
		g.grow()
		g.grow = nil
	}
	return g.File.ReadAt(b, at)
}

func (g *growing) Stat() (os.FileInfo, error) {
	st, err := g.File.Stat()
	if g.grow != nil {
		g.grow()
		g.grow = nil
	}
	return st, err
}

// TestGrowsMeanwhile: a database that grows while its size is compared is not cut off, nor
// is one lost that Compact has just closed, or when no further file can be opened.
func TestGrowsMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	go s.writer()
	defer s.Close()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g := &growing{File: f, grow: func() {
		if _, err := s.Txn(t.Context(), nil, Op{Key: "large", Value: make([]byte, 1<<20)}); err != nil {
			t.Error(err)
		}
	}}
	if err := checkFile(path, g); err != nil {
		t.Error(err)
	}
	closed, err := os.Open(path)
	if err == nil {
		err = closed.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.dbMu.Lock()
	s.file, closed = closed, s.file
	s.dbMu.Unlock()
	if err := Verify(s); err != nil {
		t.Error(err)
	}
	s.dbMu.Lock()
	s.file = closed
	s.dbMu.Unlock()
}
