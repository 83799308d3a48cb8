package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"rackhand/provision"
	"rackhand/provision/mirror/rpm"
)

// A TreeRequest lists what hosts that install from an rpm tree will ask for.
type TreeRequest struct {
	Upstream string
	// Tree is the path of the tree below the upstream. Files are the files in it that the
	// boot loader and the installer fetch. Files that the tree doesn't have are skipped,
	// because installers ask for several optional ones.
	Tree  string
	Files []string
	// Repositories are the paths of the package repositories below the tree: BaseOS; ""
	// for the tree itself.
	Repositories []string
	Arch         string   // x86_64
	Packages     []string // as %packages names them: NAME, @GROUP, @^ENVIRONMENT, -NAME
}

// PrefetchTree fetches into the cache what hosts with such a request will ask for: boot
// files, the indexes of the repositories, the packages and their dependencies. Packages
// that the installer adds (a boot loader, file system tools) are fetched when it asks for
// them.
func (c *Cache) PrefetchTree(ctx context.Context, w TreeRequest) (provision.Prefetched, error) {
	var out provision.Prefetched
	fail := func(err error) (provision.Prefetched, error) { return out, fmt.Errorf("prefetch: %w", err) }
	at := func(rest ...string) string { return path.Join(append([]string{"/", w.Tree}, rest...)...) }
	for _, f := range w.Files {
		o, err := c.Ensure(ctx, w.Upstream, at(f))
		if errors.Is(err, ErrAbsent) {
			continue
		}
		if err != nil {
			return fail(err)
		}
		counting(&out)(o)
	}
	var (
		all    []rpm.Package
		groups rpm.Groups
	)
	for i, r := range w.Repositories {
		err := c.repository(ctx, w.Upstream, at(r), counting(&out), &groups, func(p rpm.Package) {
			p.Repository = i
			all = append(all, p)
		})
		if err != nil {
			return fail(err)
		}
	}
	want, without, unknown := named(w.Packages, &groups)
	get, missing := rpm.NewSet(all, w.Arch).Closure(want, without)
	out.Packages, out.Missing = len(get), append(missing, unknown...)
	var files []file
	for _, p := range get {
		files = append(files, file{w.Upstream, at(w.Repositories[p.Repository], p.Path)})
	}
	if err := c.ensureAll(ctx, files, counting(&out)); err != nil {
		return fail(err)
	}
	return out, nil
}

// named sorts the entries of %packages. unknown are groups that no repository has. The
// group core is always installed.
func named(entries []string, groups *rpm.Groups) (want, without, unknown []string) {
	for _, e := range append([]string{"@core"}, entries...) {
		switch {
		case strings.HasPrefix(e, "-"):
			without = append(without, e[1:])
		case strings.HasPrefix(e, "@"):
			id, environment := strings.CutPrefix(e[1:], "^")
			packages, ok := groups.Packages(id, environment)
			want = append(want, packages...)
			if !ok && e != "@core" {
				unknown = append(unknown, e)
			}
		default:
			want = append(want, e)
		}
	}
	return want, without, unknown
}

// repository fetches the indexes of a repository that a host fetches, and reads them.
func (c *Cache) repository(ctx context.Context, upstream, dir string, count func(Outcome), groups *rpm.Groups, each func(rpm.Package)) error {
	repomd := path.Join(dir, "repodata/repomd.xml")
	o, err := c.Ensure(ctx, upstream, repomd)
	if err != nil {
		return err
	}
	count(o)
	var indexes []rpm.Index
	err = c.unpacked(upstream, literal("", repomd), func(r io.Reader) (err error) {
		indexes, err = rpm.ReadRepomd(r)
		return err
	})
	if err != nil {
		return err
	}
	primary := false
	for _, x := range indexes {
		var read func(io.Reader) error
		switch x.Type {
		case "primary":
			primary = true
			read = func(r io.Reader) error { return rpm.Packages(r, each) }
		case "group", "group_gz", "group_xz", "group_zst": // the same, compressed
			read = groups.Add
		case "filelists", "modules", "updateinfo":
		default: // databases and changelogs, which dnf doesn't fetch
			continue
		}
		file := path.Join(dir, x.Path)
		if o, err = c.Ensure(ctx, upstream, file); err != nil {
			return err
		}
		count(o)
		if read == nil {
			continue
		}
		if err := c.unpacked(upstream, literal("", file), read); err != nil {
			return err
		}
	}
	if !primary {
		return fmt.Errorf("mirror %s: %s names no index of packages", upstream, repomd)
	}
	return nil
}
