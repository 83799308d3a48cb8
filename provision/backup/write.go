package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"rackhand/config/file"
)

// Write writes an archive. database is a file with a whole copy of the database, which nothing
// writes meanwhile.
func Write(ctx context.Context, to io.Writer, m Manifest, database string) (Contents, error) {
	m.Format = Format
	c := Contents{Manifest: m}
	packed, err := zstd.NewWriter(to, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return c, err
	}
	w := &writer{ctx: ctx, tar: tar.NewWriter(packed), sums: &c.Files}
	err = w.all(m, database)
	return c, errors.Join(err, w.tar.Close(), packed.Close())
}

type writer struct {
	ctx  context.Context
	tar  *tar.Writer
	sums *[]Sum
}

func (w *writer) all(m Manifest, database string) error {
	if err := w.json(manifestName, m); err != nil {
		return err
	}
	if err := w.database(database); err != nil {
		return err
	}
	p := m.Places
	for _, part := range stateParts()[1:] {
		if err := w.tree("state/"+part, filepath.Join(p.State, part)); err != nil {
			return err
		}
	}
	for _, one := range [][2]string{
		{"settings", p.Settings}, {"inventory", p.Inventory}, {"secrets", p.Secrets}, {"age-file", p.AgeFile}, {"age-identity", p.AgeIdentity},
	} {
		if one[1] == "" {
			continue
		}
		if err := w.tree(one[0], one[1]); err != nil {
			return err
		}
	}
	return w.json(sumsName, *w.sums)
}

// tree adds a file, or all files of a folder but hidden ones. Links are followed to files,
// never to folders. What isn't there is left out.
func (w *writer) tree(name, from string) error {
	return filepath.WalkDir(from, func(at string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case at != from && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return w.ctx.Err()
		}
		rest, err := filepath.Rel(from, at)
		if err != nil {
			return err
		}
		inside := name
		if rest != "." {
			inside += "/" + filepath.ToSlash(rest)
		}
		text, err := file.Read(at, maxOne)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has gone meanwhile
			return nil
		case errors.Is(err, file.ErrKind):
			return nil // a link to a folder, a socket
		case err != nil:
			return fmt.Errorf("reading %s: %w", at, err)
		}
		return w.add(inside, text)
	})
}

func (w *writer) json(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return w.put(name, int64(len(text)), strings.NewReader(string(text)))
}

func (w *writer) add(name string, text []byte) error {
	sum := sha256.Sum256(text)
	*w.sums = append(*w.sums, Sum{Name: name, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])})
	return w.put(name, int64(len(text)), strings.NewReader(string(text)))
}

func (w *writer) database(path string) error {
	f, err := file.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sum := sha256.New()
	if err := w.put(Database, info.Size(), io.TeeReader(f, sum)); err != nil {
		return err
	}
	*w.sums = append(*w.sums, Sum{Name: Database, Size: info.Size(), SHA256: hex.EncodeToString(sum.Sum(nil))})
	return nil
}

func (w *writer) put(name string, size int64, from io.Reader) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if err := w.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, Typeflag: tar.TypeReg, Format: tar.FormatPAX}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	n, err := io.Copy(w.tar, from)
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("%s: %d of %d bytes: %w", name, n, size, err)
	}
	return nil
}
