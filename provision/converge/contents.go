package converge

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"rackhand/provision/catalog"
)

// maxKept bounds the contents that are kept on the host, in bytes. A content of more than half
// of it isn't kept.
const maxKept = 256 << 20

// Contents gives files their contents by SHA-256. It fetches them from the appliance, and
// keeps them in the agent's folder for runs without it.
type Contents struct {
	Paths Paths
	Log   *slog.Logger
	// Most is how much is kept, in bytes; 256 MiB when 0.
	Most int64

	client *client // of this run; nil: the appliance can't be asked

	mu sync.Mutex // work that was left behind may go on beside a later run
	// room is how many more bytes may be kept before the folder is looked at again.
	room int64
}

// use sets the connection that contents are fetched over in this run.
func (s *Contents) use(c *client) {
	if s != nil {
		s.client = c
	}
}

func (s *Contents) most() int64 { return cmp.Or(s.Most, maxKept) }

func (s *Contents) path(sum string) string { return filepath.Join(s.Paths.contents(), sum) }

// Write writes a content to a file, from its start. It returns an error if the bytes don't
// have the SHA-256 that was asked for.
func (s *Contents) Write(ctx context.Context, to *os.File, file *catalog.File) error {
	if err := s.fromKept(to, file); err == nil {
		return nil
	}
	if s.client == nil || s.client.mutual == nil || s.client.away {
		return fmt.Errorf("its content of %d bytes is not kept here, and the appliance can't be reached", file.Size)
	}
	if err := s.client.content(ctx, to, file); err != nil {
		return fmt.Errorf("fetching its content: %w", err)
	}
	if err := s.keep(to, file); err != nil {
		s.Log.Warn("a file's content can't be kept for runs without the appliance", "file", file.Path, "error", err)
	}
	return nil
}

func (s *Contents) fromKept(to *os.File, file *catalog.File) error {
	name := s.path(file.SHA256)
	kept, err := os.Open(name)
	if err != nil {
		return err
	}
	defer kept.Close()
	v := &verifying{to: to, hash: sha256.New()}
	if err := rewind(to); err != nil {
		return err
	}
	if _, err := io.Copy(v, io.LimitReader(kept, file.Size+1)); err != nil {
		return err
	}
	if err := v.verify(file); err != nil {
		return errors.Join(err, os.Remove(name)) // damaged: it is fetched again
	}
	now := time.Now()
	_ = os.Chtimes(name, now, now) // the one used longest ago goes first
	return nil
}

// keep puts a copy of a content into the agent's folder. It needn't be on disk: it is
// verified whenever it is used.
func (s *Contents) keep(from *os.File, file *catalog.File) (err error) {
	if file.Size > s.most()/2 {
		return nil
	}
	if err := os.MkdirAll(s.Paths.contents(), 0o700); err != nil {
		return err
	}
	if err := s.makeRoom(file.Size); err != nil {
		return err
	}
	out, err := os.CreateTemp(s.Paths.contents(), partPrefix)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, out.Close())
		if err == nil {
			err = os.Rename(out.Name(), s.path(file.SHA256))
		}
		if err != nil {
			_ = os.Remove(out.Name())
		}
	}()
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = io.Copy(out, from)
	return err
}

// partPrefix is the beginning of the names of incomplete contents.
const partPrefix = ".part-"

// makeRoom takes room for a content of so many bytes. The folder is read only when there
// seems to be none left, and then an eighth of all becomes free.
func (s *Contents) makeRoom(size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.room < size {
		all, err := s.bound(s.most()-size, s.most()-size-s.most()/8)
		if err != nil {
			return err
		}
		s.room = s.most() - all
	}
	s.room -= size
	return nil
}

// bound removes parts that a killed run left. If the rest takes more than most bytes, it
// removes the contents that were used longest ago until least are left. all is how many
// bytes stay.
func (s *Contents) bound(most, least int64) (all int64, err error) {
	entries, err := os.ReadDir(s.Paths.contents())
	if err != nil {
		return 0, err
	}
	var kept []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if strings.HasPrefix(e.Name(), partPrefix) {
			if err := os.Remove(s.path(e.Name())); err != nil {
				return 0, err
			}
			continue
		}
		kept, all = append(kept, info), all+info.Size()
	}
	slices.SortFunc(kept, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	if all > most {
		most = least
	}
	for _, info := range kept {
		if all <= most {
			break
		}
		if err := os.Remove(s.path(info.Name())); err != nil {
			return 0, err
		}
		all -= info.Size()
	}
	return all, nil
}

// Read is a content as text, for a diff; it is not kept.
func (s *Contents) Read(ctx context.Context, file *catalog.File) ([]byte, error) {
	if b, err := readFile(s.path(file.SHA256), file.Size); err == nil && catalog.Sum(string(b)) == file.SHA256 {
		return b, nil
	}
	if s.client == nil || s.client.mutual == nil || s.client.away {
		return nil, errors.New("the appliance can't be asked")
	}
	var b bytes.Buffer
	v := &verifying{to: &b, hash: sha256.New()}
	err := s.client.fetch(ctx, catalog.ContentPath+file.SHA256, func(r io.Reader) error {
		b.Reset()
		v.hash.Reset()
		v.size = 0
		_, err := io.Copy(v, io.LimitReader(r, file.Size+1))
		return err
	})
	if err == nil {
		err = v.verify(file)
	}
	return b.Bytes(), err
}

// errWithoutAppliance: a secret isn't kept on the host.
var errWithoutAppliance = errors.New("it has a secret that only the appliance knows, and the appliance can't be reached")

// secret fetches a secret by its path on the appliance: the content of a sensitive file, or
// that of another resource ([catalog.SecretOf]). It stays in memory.
func (s *Contents) secret(ctx context.Context, path string) (string, error) {
	if s == nil || s.client == nil || s.client.mutual == nil || s.client.away {
		return "", errWithoutAppliance
	}
	var b bytes.Buffer
	err := s.client.fetch(ctx, path, func(r io.Reader) error {
		b.Reset()
		n, err := io.Copy(&b, io.LimitReader(r, catalog.MaxSecret+1))
		if err == nil && n > catalog.MaxSecret {
			err = &refusal{status: 200, path: path, message: fmt.Sprintf("its body has more than %d bytes", catalog.MaxSecret)}
		}
		return err
	})
	if away(err) {
		s.client.away = true // the next one needn't wait for it
		return "", fmt.Errorf("%w: %w", errWithoutAppliance, err)
	}
	return b.String(), err
}

// verifying hashes the bytes that it writes.
type verifying struct {
	to   io.Writer
	hash hash.Hash
	size int64
}

func (v *verifying) Write(b []byte) (int, error) {
	n, err := v.to.Write(b)
	v.hash.Write(b[:n])
	v.size += int64(n)
	return n, err
}

func (v *verifying) verify(file *catalog.File) error {
	if sum := hex.EncodeToString(v.hash.Sum(nil)); v.size != file.Size || sum != file.SHA256 {
		return fmt.Errorf("received %d bytes with the SHA-256 %s, expected %d with %s", v.size, sum, file.Size, file.SHA256)
	}
	return nil
}

func rewind(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return errors.Join(err, f.Truncate(0))
}
