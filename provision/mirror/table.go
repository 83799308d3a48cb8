package mirror

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"path"
	"slices"
	"strings"
	"time"
)

// A table holds the files of one index of packages. Debian's index has 60,000 of them, so
// a path is stored as the beginning of its hash.
type table struct {
	at         string // the index's path
	stored     time.Time
	base       string   // the folder to which the names are relative
	otherBases []string // other folders to which they may be relative
	entries    []entry
}

type entry struct {
	path uint64
	want
}

func pathSum(file string) uint64 {
	s := sha256.Sum256([]byte(file))
	return binary.BigEndian.Uint64(s[:])
}

func (t *table) add(file string, w want) { t.entries = append(t.entries, entry{pathSum(file), w}) }

// sort makes a table ready for find. A file that is named twice with different contents is
// dropped.
func (t *table) sort() {
	slices.SortFunc(t.entries, func(a, b entry) int { return cmp.Compare(a.path, b.path) })
	out := t.entries[:0]
	for _, e := range t.entries {
		if n := len(out); n > 0 && out[n-1].path == e.path {
			if out[n-1].want != e.want {
				out[n-1].want = nothing()
			}
			continue
		}
		out = append(out, e)
	}
	t.entries = slices.Clip(out)
}

// find returns what the table says of a file.
func (t *table) find(file string) (want, bool) {
	sum := pathSum(file)
	i, ok := slices.BinarySearchFunc(t.entries, sum, func(e entry, s uint64) int { return cmp.Compare(e.path, s) })
	if !ok {
		return want{}, false
	}
	return t.entries[i].want, true
}

// findByOtherBases is find for a flat archive whose names are relative to a folder above
// its index.
func (t *table) findByOtherBases(file string) (want, bool) {
	for _, a := range t.otherBases {
		rest, ok := strings.CutPrefix(file, strings.TrimSuffix(a, "/")+"/")
		if !ok {
			continue
		}
		if w, ok := t.find(path.Join("/", t.base, rest)); ok {
			return w, true
		}
	}
	return want{}, false
}
