package mirror

import (
	"context"
	"crypto"
	"fmt"
	"io"
	"strings"
	"time"
)

// An action is the cache's step before it serves a stored file.
type action int

const (
	serveStored action = iota
	revalidate         // ask the upstream whether the file has changed
	refetch            // fetch it again: an index says that the stored file is another one
)

// actionFor decides what to do with a stored file. A package, and a file named by its
// hash, is good until an index that came later says otherwise; an index is good for a
// moment. A file that contradicts its index is fetched again, but not for every client:
// the upstream may be in the middle of its own sync.
func (c *Cache) actionFor(ctx context.Context, k *storedFile) action {
	if byName(k.Path).algo != 0 {
		return serveStored
	}
	checked := c.checkedAt(k)
	v := c.view(ctx, k.Upstream)
	askedSince := v != nil && checked.indexes == v.version // asked since the indexes changed last
	claims := v.claims(k.Path)
	fulfilled := 0
	for _, w := range claims {
		if c.matches(k, w) {
			fulfilled++
		}
	}
	switch {
	case len(claims) > 0 && fulfilled == 0:
		// It was opened before the upstream was asked, and may have been replaced since.
		if askedSince && c.fresh(k) && !c.replaced(k) {
			return serveStored
		}
		return refetch
	case fulfilled < len(claims): // indexes differ: one of them is out of date
		if c.fresh(k) {
			return serveStored
		}
		return revalidate
	case immutable(k.Path):
		if len(claims) == 0 && isPackage(k.Path) && v.blind(k.Path) && !askedSince && !c.isDown(k.Upstream) {
			return revalidate
		}
		return serveStored
	case c.fresh(k) && (askedSince || !isSignature(k.Path)):
		return serveStored
	}
	return revalidate
}

// replaced reports whether another copy has replaced this one.
func (c *Cache) replaced(k *storedFile) bool {
	now := c.open(k.Upstream, k.Path)
	if now == nil {
		return true
	}
	defer now.Close()
	return !now.Stored.Equal(k.Stored) || now.Size != k.Size || now.SHA256 != k.SHA256
}

// isSignature reports whether a file signs a release file or repomd.xml. It must not be
// older than that file.
func isSignature(file string) bool {
	for _, ending := range []string{".gpg", ".asc"} { // Release.gpg, repomd.xml.asc
		if signed, ok := strings.CutSuffix(file, ending); ok && isReleaseFile(signed) {
			return true
		}
	}
	return false
}

// matches reports whether a stored file is the one that an index wants.
func (c *Cache) matches(k *storedFile, w want) bool {
	if w.size >= 0 && w.size != k.Size {
		return false
	}
	if w.algo == 0 {
		return true
	}
	got, err := c.sumOf(k, w.algo)
	if err != nil {
		c.events.record(k.Upstream, kindDisk, "the cache can't be read: "+err.Error())
		return false
	}
	return got == w.sum
}

// sumOf is the checksum of a stored file: from its meta, or by reading it once.
func (c *Cache) sumOf(k *storedFile, algo crypto.Hash) (sum, error) {
	if w := wanted(-1, "sha256", k.SHA256); algo == crypto.SHA256 && w.algo != 0 {
		return w.sum, nil
	}
	key := fmt.Sprint(k.Upstream, k.Path, k.Stored.UnixNano(), k.Size, algo)
	c.mu.Lock()
	got, ok := c.sums[key]
	c.mu.Unlock()
	if ok {
		return got, nil
	}
	got, err := sumReader(k.content(), algo)
	if err != nil {
		return got, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sums) > 10_000 {
		clear(c.sums)
	}
	c.sums[key] = got
	return got, nil
}

func sumReader(r io.Reader, algo crypto.Hash) (out sum, err error) {
	h := algo.New()
	if _, err = io.Copy(h, r); err == nil {
		copy(out[:], h.Sum(nil))
	}
	return out, err
}

// downFor is how long an upstream that didn't answer isn't asked about files of which
// there is a probably good copy.
const downFor = time.Minute

func (c *Cache) isDown(upstream string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	since, ok := c.down[upstream]
	age := c.o.Clock().Sub(since)
	return ok && age >= 0 && age < downFor
}

func (c *Cache) setDown(upstream string, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down[upstream] = since
}

// checked notes when the upstream was asked about a path. The notes are in memory only:
// after a start, the upstream is asked once for every index. There are few, one for each
// index and one for each package that an index contradicts. Beyond 10,000 all are dropped,
// and the upstream is asked again.
func (c *Cache) checked(upstream, path string, at check) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.seen) > 10_000 {
		clear(c.seen)
	}
	c.seen[upstream+path] = at
}

// A check says when the upstream was asked about a file.
type check struct {
	time    time.Time
	indexes int // the version of the upstream's indexes then
}

// checkNow is a check at this moment.
func (c *Cache) checkNow(upstream string) check {
	return check{c.o.Clock(), c.indexesNow(upstream)}
}

func (c *Cache) checkedAt(k *storedFile) check {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.seen[k.Upstream+k.Path]; ok {
		return at
	}
	return check{indexes: -1}
}
