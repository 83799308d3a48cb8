package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// An entry is a file of an archive that a stranger made.
type entry struct {
	name, text string
	kind       byte
}

const places = `"places": {"state": "/var/lib/rackhand", "settings": "/etc/rackhand/rackhand.yaml", "inventory": "/etc/rackhand/inventory", "secrets": "/etc/rackhand/secrets"}`

// forged is an archive with a right list of its files.
func forged(t testing.TB, manifest string, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	packed, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(packed)
	var sums []Sum
	put := func(e entry) {
		h := &tar.Header{Name: e.name, Mode: 0o600, Size: int64(len(e.text)), Typeflag: e.kind}
		if e.kind == tar.TypeSymlink || e.kind == tar.TypeLink {
			h.Linkname, h.Size = e.text, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(e.text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(entry{manifestName, manifest, tar.TypeReg})
	for _, e := range entries {
		if e.kind == 0 {
			e.kind = tar.TypeReg
		}
		put(e)
		sum := sha256.Sum256([]byte(e.text))
		sums = append(sums, Sum{e.name, int64(len(e.text)), hex.EncodeToString(sum[:])})
	}
	text, err := json.Marshal(sums)
	if err != nil {
		t.Fatal(err)
	}
	put(entry{sumsName, string(text), tar.TypeReg})
	if err := errors.Join(w.Close(), packed.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestHostile: an archive of a stranger's writes nothing outside its places, and says why it
// is refused.
func TestHostile(t *testing.T) {
	db := entry{name: Database, text: "x"}
	good := `{"format": 1, "version": "0.9.0", ` + places + `}`
	for name, tt := range map[string]struct {
		archive []byte
		err     error
		says    string
	}{
		"climbs":             {forged(t, good, db, entry{name: "secrets/../../../../tmp/x"}), ErrArchive, "has a file"},
		"absolute":           {forged(t, good, db, entry{name: "/etc/passwd"}), ErrArchive, "has a file"},
		"a link":             {forged(t, good, db, entry{"inventory/x", "/etc", tar.TypeSymlink}), ErrArchive, "is no file"},
		"a hard link":        {forged(t, good, db, entry{"inventory/x", "/etc/shadow", tar.TypeLink}), ErrArchive, "is no file"},
		"twice":              {forged(t, good, db, db), ErrArchive, "twice"},
		"no database":        {forged(t, good, entry{name: "settings", text: "x"}), ErrArchive, "no database"},
		"of no part":         {forged(t, good, db, entry{name: "root/.ssh/authorized_keys"}), ErrArchive, "has a file"},
		"another state file": {forged(t, good, db, entry{name: "state/images/x"}), ErrArchive, "has a file"},
		"a part it lacks":    {forged(t, good, db, entry{name: "age-identity"}), ErrArchive, "has a file"},
		"below a file":       {forged(t, good, db, entry{name: "settings/x"}), ErrArchive, "has a file"},
		"newer":              {forged(t, `{"format": 2, "version": "2.0.0"}`, db), ErrNewer, "use rackhand \"2.0.0\" or later"},
		"no format":          {forged(t, `{`+places+`}`, db), ErrArchive, "format is 0"},
		"the root folder":    {forged(t, strings.Replace(good, "/var/lib/rackhand", "/", 1), db), ErrArchive, "can't be a place"},
		"a top folder":       {forged(t, strings.Replace(good, "/etc/rackhand/secrets", "/etc", 1), db), ErrArchive, "can't be a place"},
		"a relative place":   {forged(t, strings.Replace(good, "/var/lib/rackhand", "var/lib/rackhand", 1), db), ErrArchive, "can't be a place"},
		"a climbing place":   {forged(t, strings.Replace(good, "/var/lib/rackhand", "/var/../etc/cron.d", 1), db), ErrArchive, "can't be a place"},
		"no manifest":        {forged(t, "", db), ErrArchive, ""},
		"no archive":         {[]byte("hello"), ErrArchive, ""},
		"empty":              {nil, ErrArchive, "cut off"},
		"more behind it":     {append(forged(t, good, db), 'x'), ErrArchive, ""},
	} {
		into := t.TempDir()
		_, err := restore(t, tt.archive, RestoreOptions{Into: into})
		if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
		err = filepath.WalkDir(into, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				t.Errorf("%s: left %s", name, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// All is well with it but that the database is none.
	if _, err := restore(t, forged(t, good, db), RestoreOptions{Into: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "the backup's database") {
		t.Errorf("a database of one byte: %v", err)
	}
}

// FuzzRead: no archive makes a panic, or takes more than its bounds.
func FuzzRead(f *testing.F) {
	f.Add(forged(f, `{"format": 1, `+places+`}`, entry{name: Database, text: "x"}))
	f.Add([]byte("hello"))
	f.Fuzz(func(t *testing.T, archive []byte) {
		c, err := Read(bytes.NewReader(archive), nil)
		if err == nil && len(c.Files) == 0 {
			t.Error("an archive without files is whole")
		}
	})
}
