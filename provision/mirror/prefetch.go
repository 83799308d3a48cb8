package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"rackhand/bootfiles/compressed"
	"rackhand/provision"
	"rackhand/provision/mirror/apt"
)

// An Archive is a suite of an apt archive, as a host's sources name it.
type Archive struct {
	Upstream   string // the mirror's name
	Suite      string // bookworm-security
	Components []string
}

// A PrefetchRequest lists the packages of an apt archive that hosts will ask for.
type PrefetchRequest struct {
	Archives []Archive
	Arch     string            // Debian's name: amd64
	Packages []string          // packages to install
	Have     map[string]string // name -> version of the packages that the hosts have already
}

const (
	prefetchAtOnce = 4
	maxIndex       = 1 << 30 // an index, unpacked: Debian's largest has 60 MB
)

// Prefetch fetches into the cache what hosts with such a request will ask for: the indexes
// of the archives, the packages and their dependencies. An error is about the first file
// that couldn't be fetched; files fetched before stay.
func (c *Cache) Prefetch(ctx context.Context, w PrefetchRequest) (provision.Prefetched, error) {
	var (
		out provision.Prefetched
		all []apt.Package
	)
	for i, a := range w.Archives {
		err := c.archive(ctx, a, w.Arch, counting(&out), func(p apt.Package) {
			p.Archive = i
			all = append(all, p)
		})
		if err != nil {
			return out, fmt.Errorf("prefetch: %w", err)
		}
	}
	get, missing := apt.NewSet(all).Closure(w.Packages, w.Have)
	out.Packages, out.Missing = len(get), missing
	var files []file
	for _, p := range get {
		files = append(files, file{w.Archives[p.Archive].Upstream, "/" + p.Filename})
	}
	if err := c.ensureAll(ctx, files, counting(&out)); err != nil {
		return out, fmt.Errorf("prefetch: %w", err)
	}
	return out, nil
}

// counting returns a function that adds a file that Ensure got.
func counting(p *provision.Prefetched) func(Outcome) {
	return func(o Outcome) {
		if o.Fetched {
			p.Fetched++
			p.Bytes += o.Size
		}
	}
}

// A file is a path of an upstream.
type file struct{ upstream, path string }

// ensureAll fetches files into the cache, a few at a time, and counts them.
func (c *Cache) ensureAll(ctx context.Context, files []file, count func(Outcome)) error {
	outcomes := make([]Outcome, len(files))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(prefetchAtOnce)
	for i, f := range files {
		g.Go(func() (err error) {
			outcomes[i], err = c.Ensure(ctx, f.upstream, f.path)
			return err
		})
	}
	err := g.Wait()
	for _, o := range outcomes {
		count(o)
	}
	return err
}

// archive fetches the release file and the indexes of an archive, and reads them.
func (c *Cache) archive(ctx context.Context, a Archive, arch string, count func(Outcome), each func(apt.Package)) error {
	dir := "/dists/" + a.Suite + "/"
	o, err := c.Ensure(ctx, a.Upstream, dir+"InRelease")
	if err != nil {
		return err
	}
	count(o)
	f, err := c.Open(a.Upstream, dir+"InRelease")
	if err != nil {
		return err
	}
	defer f.Close()
	rel, err := apt.ReadRelease(f)
	if err != nil {
		return fmt.Errorf("mirror %s: %s: %w", a.Upstream, a.Suite, err)
	}
	for _, component := range a.Components {
		path, ok := rel.Index(component, arch)
		if !ok {
			return fmt.Errorf("mirror %s: %s has no component %s for %s", a.Upstream, a.Suite, component, arch)
		}
		o, err := c.Ensure(ctx, a.Upstream, dir+path)
		if err != nil {
			return err
		}
		count(o)
		if err := c.unpacked(a.Upstream, literal(dir, path), func(r io.Reader) error { return apt.Packages(r, each) }); err != nil {
			return err
		}
	}
	return nil
}

// unpacked calls read with a stored file, decompressed. path is the path as the cache
// writes it.
func (c *Cache) unpacked(upstream, path string, read func(io.Reader) error) error {
	f, err := c.openFile(upstream, path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := compressed.NewReader(f)
	if err == nil {
		defer r.Close()
		bounded := &io.LimitedReader{R: r, N: maxIndex}
		if err = read(bounded); err == nil && bounded.N == 0 {
			err = errors.New("it is larger than 1 GiB when unpacked")
		}
	}
	if err != nil {
		return fmt.Errorf("mirror %s: %s: %w", upstream, path, err)
	}
	return nil
}
