package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"rackhand/provision"
)

// A place is the argument of List and Forget: NAME/PATH below /mirror/, or a URL with
// /mirror/NAME/PATH in it, such as apt shows, in a URL's encoding. One that ends in a
// slash is a folder; NAME/ is all of an upstream.
type place struct {
	upstream string
	file     string // "" for all of the upstream
	folder   bool
}

// place parses a place; "" is everything.
func (c *Cache) place(text string) (p place, err error) {
	if text == "" {
		return place{folder: true}, nil
	}
	rest := text
	if strings.Contains(text, "://") || strings.HasPrefix(text, "/") {
		u, err := url.Parse(text)
		if err != nil {
			return p, fmt.Errorf("%q can't be read as a URL: write NAME/PATH, as `rackhand mirror list` shows it", text)
		}
		var ok bool
		if rest, ok = strings.CutPrefix(u.EscapedPath(), "/mirror/"); !ok {
			return p, fmt.Errorf("%q isn't below /mirror/: write NAME/PATH, as `rackhand mirror list` shows it", text)
		}
	}
	name, rest, deep := strings.Cut(rest, "/")
	if c.upstreams[name] == nil {
		return p, fmt.Errorf("there is no upstream %q (mirror.upstreams): there are %s", name, strings.Join(c.Names(), ", "))
	}
	p = place{upstream: name, folder: strings.HasSuffix(rest, "/") || rest == ""}
	if !deep {
		return p, fmt.Errorf("%q is an upstream: write %s/ for all of it", name, name)
	}
	if strings.Trim(rest, "/") == "" {
		return p, nil
	}
	p.file, _, err = parsePath(strings.TrimRight(rest, "/"))
	if err != nil {
		return p, fmt.Errorf("%q: %w", text, err)
	}
	return p, nil
}

func (p place) has(m meta) bool {
	switch {
	case p.upstream != "" && p.upstream != m.Upstream:
		return false
	case p.file == "":
		return true
	case p.folder:
		return strings.HasPrefix(m.Path, p.file+"/")
	}
	return m.Path == p.file
}

// List lists the stored files at a place ("" for everything), sorted.
func (c *Cache) List(ctx context.Context, at string) ([]provision.MirrorFile, error) {
	p, err := c.place(at)
	if err != nil {
		return nil, fmt.Errorf("mirror: %w", err)
	}
	views := map[string]*view{}
	for _, name := range c.Names() {
		if p.upstream == "" || p.upstream == name {
			views[name] = c.view(ctx, name)
		}
	}
	out := []provision.MirrorFile{}
	err = c.walk(func(m meta, info fs.FileInfo) {
		if p.has(m) {
			out = append(out, provision.MirrorFile{
				Path: m.Upstream + escape(m.Path), Size: m.Size, Stored: m.Stored, Used: info.ModTime(), SHA256: m.SHA256,
				Outdated: outdated(views[m.Upstream], m),
			})
		}
	})
	if err != nil {
		return nil, fmt.Errorf("mirror: %w", err)
	}
	slices.SortFunc(out, func(a, b provision.MirrorFile) int {
		an, ap, _ := strings.Cut(a.Path, "/")
		bn, bp, _ := strings.Cut(b.Path, "/")
		return cmp.Or(cmp.Compare(an, bn), cmp.Compare(ap, bp))
	})
	return out, ctx.Err()
}

// outdated reports whether an index names another file, as far as that is known without
// reading the file.
func outdated(v *view, m meta) bool {
	known := wanted(-1, "sha256", m.SHA256)
	claims := v.claims(m.Path)
	return len(claims) > 0 && !slices.ContainsFunc(claims, func(w want) bool {
		return (w.size < 0 || w.size == m.Size) && (w.algo != known.algo || w.sum == known.sum)
	})
}

// Forget removes the stored files at a place, so that the next request goes to the
// upstream. Clients that read a download under way get the whole of it, but it isn't
// stored.
func (c *Cache) Forget(at string) (provision.MirrorForgotten, error) {
	var out provision.MirrorForgotten
	p, err := c.place(at)
	if err != nil {
		return out, fmt.Errorf("mirror: %w", err)
	}
	if p.upstream == "" {
		return out, errors.New("mirror: forget what? Write NAME/PATH, or NAME/ for all of an upstream")
	}
	out.Place = p.upstream + escape(p.file)
	if p.folder {
		out.Place += "/"
	}
	// Downloads first: one must not be stored after the stored files are removed.
	c.mu.Lock()
	for key, f := range c.flights {
		path, ok := strings.CutPrefix(key, p.upstream+"/")
		if ok && p.has(meta{Upstream: p.upstream, Path: "/" + path}) {
			f.forgotten = true
			delete(c.flights, key)
			out.UnderWay++
		}
	}
	c.mu.Unlock()
	var files []meta
	if p.folder {
		err = c.walk(func(m meta, _ fs.FileInfo) {
			if p.has(m) {
				files = append(files, m)
			}
		})
	} else if k := c.open(p.upstream, p.file); k != nil {
		files = append(files, k.meta)
		k.Close()
	}
	for _, m := range files {
		rerr := os.Remove(c.file(m.Upstream, m.Path))
		switch {
		case rerr == nil:
			out.Files++
			out.Bytes += m.Size
		case !errors.Is(rerr, fs.ErrNotExist):
			err = errors.Join(err, rerr)
		}
		c.noteIndex(m.Upstream, m.Path, time.Time{})
		c.mu.Lock()
		delete(c.seen, m.Upstream+m.Path)
		c.mu.Unlock()
	}
	if err != nil {
		return out, fmt.Errorf("mirror: forget %s: %w", out.Place, err)
	}
	if out.Files+out.UnderWay == 0 {
		return out, fmt.Errorf("%w: %s (the name of a folder ends with /)", provision.ErrNotKept, out.Place)
	}
	return out, nil
}
