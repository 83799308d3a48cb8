package mirror

import (
	"context"
	"errors"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"rackhand/provision/mirror/apt"
	"rackhand/provision/mirror/rpm"
)

// A view is the content of an upstream's stored indexes: the entries of its files. It is
// immutable.
type view struct {
	version int // of the index set that it was made from; -1: of none
	groups  []*group
}

// A group is one release file of an apt archive, or one repomd.xml, and what it leads to.
type group struct {
	dir    string          // of its repository or suite
	files  map[string]want // the indexes that it names, by path
	tables []*table        // the packages that these name
	// blind: hosts use an index of packages that can't be read here (zchunk, SQLite,
	// bzip2). Then all that is known of packages is that something has changed.
	blind bool
}

// claims are the stored indexes' entries of a file, one for each index that names it. If two
// differ, the time of arrival doesn't show which is current, because the machine's clock may
// have been set meanwhile. So a file is good if it matches any of them.
func (v *view) claims(file string) (out []want) {
	if v == nil {
		return nil
	}
	add := func(w want, ok bool) {
		if ok && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	for _, g := range v.groups {
		w, ok := g.files[file]
		add(w, ok)
		for _, t := range g.tables {
			add(t.find(file))
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, g := range v.groups {
		for _, t := range g.tables {
			add(t.findByOtherBases(file))
		}
	}
	return out
}

// blind reports whether a package may be named by an index that can't be read.
func (v *view) blind(file string) bool {
	return v != nil && slices.ContainsFunc(v.groups, func(g *group) bool {
		return g.blind && (g.dir == "/" || strings.HasPrefix(file, g.dir+"/"))
	})
}

// isReleaseFile reports whether a file says which indexes are current.
func isReleaseFile(file string) bool {
	switch base := path.Base(file); base {
	case "InRelease", "Release":
		return true
	default:
		return base == "repomd.xml" && path.Base(path.Dir(file)) == "repodata"
	}
}

// isIndex reports whether a view is made from a file.
func isIndex(file string) bool {
	return isReleaseFile(file) || strings.HasPrefix(path.Base(file), "Packages") || strings.Contains(file, "/by-hash/") || strings.Contains(file, "/repodata/")
}

// A viewBuilder makes a view from the stored indexes of an upstream.
type viewBuilder struct {
	c        *Cache
	ctx      context.Context
	upstream string
	files    map[string]time.Time // stored indexes, and when each was stored
	known    []*table             // tables that were read already
	left     int                  // entries that may still be read
}

// maxEntries bounds how many files the tables of one upstream name in all: 56 MB.
const maxEntries = 1_000_000

func (r *viewBuilder) view() *view {
	r.left = maxEntries
	v := &view{}
	// Sorted, so that the bound cuts off the same ones each time.
	for _, head := range slices.Sorted(maps.Keys(r.files)) {
		if !isReleaseFile(head) {
			continue
		}
		var g *group
		var err error
		if path.Base(head) == "repomd.xml" {
			g, err = r.repository(head)
		} else {
			g, err = r.suite(head)
		}
		if err != nil {
			r.c.o.Log.Debug("mirror: a kept index can't be read", "upstream", r.upstream, "path", head, "error", err)
			continue
		}
		v.groups = append(v.groups, g)
	}
	return v
}

// suite reads a release file, and the indexes of packages that it names.
func (r *viewBuilder) suite(head string) (*group, error) {
	f, err := r.c.openFile(r.upstream, head)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rel, err := apt.ReadRelease(f)
	if err != nil {
		return nil, err
	}
	dir := path.Dir(head)
	g := &group{dir: dir, files: map[string]want{}}
	forms := map[string]map[string]apt.File{} // main/binary-amd64/Packages -> .xz -> its file
	rel.Files(func(f apt.File) {
		at := literal(dir, f.Path)
		if isReleaseFile(strings.TrimSuffix(at, ".gpg")) {
			return // apt-ftparchive names the previous release file
		}
		g.files[at] = wantOf(f)
		if stem, packing, ok := packagesIndex(f.Path); ok {
			if forms[stem] == nil {
				forms[stem] = map[string]apt.File{}
			}
			forms[stem][packing] = f
		}
	})
	for _, stem := range slices.Sorted(maps.Keys(forms)) {
		home, above := roots(dir, stem)
		if home != dir {
			g.dir = path.Join("/", home)
		}
		found, odd := false, false
		for _, packing := range []string{"", ".zst", ".lz4", ".gz", ".xz", ".bz2", ".lzma"} {
			f, named := forms[stem][packing]
			if !named || found {
				continue
			}
			at, kept := r.storedIndex(dir, f)
			switch {
			case !kept:
			case packing == ".bz2", packing == ".lzma":
				odd = true
			default:
				found = r.table(g, at, home, above, func(rd io.Reader, each func(string, want)) error {
					return apt.PackageFiles(rd, func(f apt.File) { each(f.Path, wantOf(f)) })
				})
			}
		}
		g.blind = g.blind || odd && !found
	}
	return g, nil
}

// packagesIndex splits the path of an index of packages.
func packagesIndex(p string) (stem, packing string, ok bool) {
	packing = path.Ext(p)
	stem = strings.TrimSuffix(p, packing)
	return stem, packing, path.Base(stem) == "Packages"
}

// roots are the folders to which the names in an index of packages may be relative. For a
// suite below dists/ there is one. For a flat archive (`deb URI ./` or `deb URI folder/`)
// it is URI, which the index doesn't tell: mostly the folder of the index, otherwise one
// above it.
func roots(dir, stem string) (home string, above []string) {
	if at := strings.LastIndex(dir, "/dists/"); at >= 0 && strings.Contains(stem, "/") {
		return dir[:at], nil
	}
	for d := dir; d != "/"; {
		d = path.Dir(d)
		above = append(above, d)
	}
	return dir, above
}

// storedIndex finds a stored, current index of a suite, under its name or its hash.
func (r *viewBuilder) storedIndex(dir string, f apt.File) (at string, ok bool) {
	at = literal(dir, f.Path)
	for algorithm, hexSum := range f.Sums {
		byHash := path.Join(path.Dir(at), "by-hash", algorithm, strings.ToLower(hexSum))
		if _, ok := r.files[byHash]; ok {
			return byHash, true
		}
	}
	return at, r.has(at, wantOf(f))
}

// has reports whether a stored file is the one that an index wants.
func (r *viewBuilder) has(at string, w want) bool {
	if _, ok := r.files[at]; !ok {
		return false
	}
	k := r.c.open(r.upstream, at)
	if k == nil {
		return false
	}
	defer k.Close()
	return r.c.matches(k, w)
}

// wantOf prefers the checksum that the cache has for its files without reading them.
func wantOf(f apt.File) want {
	for _, algorithm := range []string{"SHA256", "SHA512", "SHA1", "MD5Sum"} {
		if s := f.Sums[algorithm]; s != "" {
			return wanted(f.Size, algorithm, s)
		}
	}
	return want{size: f.Size}
}

// repository reads a repomd.xml, and the index of packages that it names.
func (r *viewBuilder) repository(head string) (*group, error) {
	f, err := r.c.openFile(r.upstream, head)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	indexes, err := rpm.ReadRepomd(f)
	if err != nil {
		return nil, err
	}
	dir := path.Dir(path.Dir(head))
	g := &group{dir: dir, files: map[string]want{}}
	found, odd := false, false
	for _, x := range indexes {
		if strings.Contains(x.Path, "://") {
			continue
		}
		at := literal(dir, x.Path)
		w := wanted(x.Size, x.Algorithm, x.Sum)
		g.files[at] = w
		switch {
		case x.Type == "primary" && r.has(at, w):
			found = r.table(g, at, dir, nil, func(rd io.Reader, each func(string, want)) error {
				return rpm.PackageFiles(rd, func(f rpm.File) { each(f.Path, wanted(f.Size, f.Algorithm, f.Sum)) })
			})
		case x.Type == "primary_zck", x.Type == "primary_db":
			_, kept := r.files[at]
			odd = odd || kept
		}
	}
	g.blind = odd && !found
	return g, nil
}

// table adds the files that an index of packages names to a group: from the index, or from
// the old view. It returns false when the index can't be read.
func (r *viewBuilder) table(g *group, at, home string, above []string, read func(io.Reader, func(string, want)) error) bool {
	stored := r.files[at]
	for _, t := range r.known {
		if t.at == at && t.base == home && t.stored.Equal(stored) {
			g.tables = append(g.tables, t)
			r.left -= len(t.entries)
			return true
		}
	}
	t := &table{at: at, stored: stored, base: home, otherBases: above}
	err := r.c.unpacked(r.upstream, at, func(rd io.Reader) error {
		return read(endsWith{r.ctx, rd}, func(name string, w want) {
			if len(t.entries) <= r.left {
				t.add(literal(home, name), w)
			}
		})
	})
	if err == nil && len(t.entries) > r.left {
		err = errors.New("the indexes name too many files")
	}
	if err != nil {
		if r.ctx.Err() == nil {
			r.c.o.Log.Warn("mirror: a kept index of packages can't be read, so packages aren't compared with it", "upstream", r.upstream, "path", at, "error", err)
		}
		g.blind = true
		return false
	}
	r.left -= len(t.entries)
	t.sort()
	g.tables, r.known = append(g.tables, t), append(r.known, t)
	return true
}

// endsWith is a reader that ends with a context.
type endsWith struct {
	ctx context.Context
	io.Reader
}

func (e endsWith) Read(p []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	return e.Reader.Read(p)
}
