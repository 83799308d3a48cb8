package mirror

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A meta holds the cache's data about a file beside its bytes. It comes from the upstream.
// Hosts get it, and the next request to the upstream contains it.
type meta struct {
	Upstream     string    `json:"upstream"`
	Path         string    `json:"path"` // as the cache writes it: see parsePath
	Size         int64     `json:"size"` // -1 while it isn't known
	Type         string    `json:"type,omitempty"`
	Encoding     string    `json:"encoding,omitempty"`
	ETag         string    `json:"etag,omitempty"`
	LastModified string    `json:"last_modified,omitempty"`
	SHA256       string    `json:"sha256,omitempty"` // in hex; empty in files of older caches
	Stored       time.Time `json:"stored"`
}

// A stored file is the bytes, then meta as JSON, then the length of the JSON in 8 bytes,
// then a magic word. It is one file, so one rename replaces both.
const (
	storeMagic = "rackhnd1"
	maxMeta    = 64 << 10
)

// A storedFile is an open file of the cache.
type storedFile struct {
	meta
	f *os.File
}

func (k *storedFile) content() io.ReadSeeker { return io.NewSectionReader(k.f, 0, k.Size) }

func (k *storedFile) Close() error { return k.f.Close() }

// file is the name of an upstream's path in the cache. It is a hash, because an upstream
// may have a file "a" at one time and a file "a/b" at another, and names of any length.
// The hash is over the decoded path, as in caches of older versions, so that their files
// are found.
func (c *Cache) file(upstream, path string) string {
	sum := sha256.Sum256([]byte(upstream + "\x00" + decoded(path)))
	name := hex.EncodeToString(sum[:])
	return filepath.Join(c.files(), name[:2], name)
}

// open opens a stored file, and returns nil if the cache doesn't have it. It removes a
// damaged file and returns nil.
func (c *Cache) open(upstream, path string) *storedFile {
	name := c.file(upstream, path)
	f, err := os.Open(name)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			c.events.record(upstream, kindDisk, "the cache can't be read: "+err.Error())
		}
		return nil
	}
	m, err := readMeta(f)
	if err == nil && (m.Upstream != upstream || m.Path != path && literal("", m.Path) != path) {
		err = errors.New("it belongs to another path")
	}
	m.Path = path
	if err != nil {
		f.Close()
		c.events.record(upstream, kindDisk, "a file of the cache was damaged and is fetched again: "+err.Error())
		_ = os.Remove(name) // If this fails, the next fetch replaces it.
		return nil
	}
	return &storedFile{m, f}
}

// readMeta reads the end of a stored file, and checks that it fits the size of the file.
func readMeta(f *os.File) (meta, error) {
	info, err := f.Stat()
	if err != nil {
		return meta{}, err
	}
	tail := make([]byte, 16)
	if _, err := f.ReadAt(tail, max(info.Size()-16, 0)); err != nil {
		return meta{}, fmt.Errorf("read its end: %w", err)
	}
	n := binary.BigEndian.Uint64(tail)
	if string(tail[8:]) != storeMagic || n > maxMeta || int64(n) > info.Size()-16 {
		return meta{}, errors.New("its end isn't as it was written")
	}
	data := make([]byte, n)
	at := info.Size() - 16 - int64(n)
	if _, err := f.ReadAt(data, at); err != nil {
		return meta{}, fmt.Errorf("read its end: %w", err)
	}
	var m meta
	if err := json.Unmarshal(data, &m); err != nil {
		return meta{}, err
	}
	if m.Size != at {
		return meta{}, fmt.Errorf("it holds %d bytes and should hold %d", at, m.Size)
	}
	return m, nil
}

// writeMeta adds the end to a file whose bytes are all written.
func writeMeta(f *os.File, m meta) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(data) > maxMeta {
		return errors.New("the upstream's headers are too long")
	}
	data = binary.BigEndian.AppendUint64(data, uint64(len(data)))
	_, err = f.WriteAt(append(data, storeMagic...), m.Size)
	return err
}

// put moves a finished file from its temporary name into the cache, unless its flight was
// forgotten.
func (c *Cache) put(fl *flight, m meta) error {
	f := fl.file
	if err := writeMeta(f, m); err != nil {
		return err
	}
	// A power failure must not leave a name without its bytes.
	if err := f.Sync(); err != nil {
		return err
	}
	name := c.file(m.Upstream, m.Path)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if fl.forgotten {
		return errForgotten
	}
	return os.Rename(f.Name(), name)
}

// errForgotten means that the operator removed the file while it was coming in. Only those
// who read it already get it.
var errForgotten = errors.New("it was forgotten under way")

// remove deletes a stored file.
func (c *Cache) remove(upstream, path string) {
	defer c.noteIndex(upstream, path, time.Time{})
	if err := os.Remove(c.file(upstream, path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.events.record(upstream, kindDisk, "a file can't be removed from the cache: "+err.Error())
	}
}
