package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Read reads an archive to its end and verifies it. keep gets each file with the place that
// it belongs to, as it comes: the file is verified only when Read returns without an error.
// A nil keep only verifies. An error is ErrArchive or ErrNewer, or keep's own.
func Read(from io.Reader, keep func(m Manifest, name, place string, size int64, text io.Reader) error) (Contents, error) {
	var c Contents
	unpacked, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	defer unpacked.Close()
	r := &reader{tar: tar.NewReader(unpacked), keep: keep, contents: &c, have: map[string]bool{}}
	if err := r.all(); err != nil {
		return c, err
	}
	// A tar ends with empty blocks; behind them the compressed stream has to end as it should.
	if n, err := io.Copy(io.Discard, io.LimitReader(unpacked, 1<<20)); err != nil || n >= 1<<20 {
		return c, broken(errors.Join(err, errors.New("there is more behind its end")))
	}
	return c, nil
}

type reader struct {
	tar      *tar.Reader
	keep     func(m Manifest, name, place string, size int64, text io.Reader) error
	contents *Contents
	have     map[string]bool
	bytes    int64
}

// broken is an ErrArchive with what is wrong.
func broken(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it was cut off", ErrArchive)
	}
	return fmt.Errorf("%w: %w", ErrArchive, err)
}

func (r *reader) all() error {
	if err := r.list(manifestName, &r.contents.Manifest); err != nil {
		return err
	}
	if err := r.contents.check(); err != nil {
		return err
	}
	for {
		h, err := r.tar.Next()
		if err != nil {
			return broken(err) // the end comes after the sums, not before
		}
		if h.Name == sumsName {
			return r.sums(h)
		}
		if err := r.file(h); err != nil {
			return err
		}
	}
}

// list reads a file of JSON that must come next.
func (r *reader) list(name string, v any) error {
	h, err := r.tar.Next()
	if err != nil {
		return broken(err)
	}
	if h.Name != name {
		return broken(fmt.Errorf("it begins with %.80q", h.Name))
	}
	return r.decode(h, v)
}

func (r *reader) decode(h *tar.Header, v any) error {
	if h.Typeflag != tar.TypeReg || h.Size > maxList {
		return broken(fmt.Errorf("%s has %d bytes", h.Name, h.Size))
	}
	text, err := io.ReadAll(r.tar)
	if err != nil {
		return broken(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return broken(fmt.Errorf("%s: %w", h.Name, err))
	}
	return nil
}

func (r *reader) file(h *tar.Header) error {
	place, err := r.contents.Places.place(h.Name)
	if err != nil {
		return err
	}
	r.bytes += h.Size
	switch {
	case h.Typeflag != tar.TypeReg:
		return broken(fmt.Errorf("%.80q is no file", h.Name))
	case r.have[h.Name]:
		return broken(fmt.Errorf("it has %.80q twice", h.Name))
	case len(r.have) == maxFiles || h.Size < 0 || r.bytes > maxBytes || h.Name != Database && h.Size > maxOne:
		return broken(errors.New("it is larger than a backup can be"))
	}
	r.have[h.Name] = true
	sum := sha256.New()
	text := io.TeeReader(r.tar, sum)
	if r.keep != nil {
		if err := r.keep(r.contents.Manifest, h.Name, place, h.Size, text); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return broken(err)
			}
			return err
		}
	}
	if _, err := io.Copy(io.Discard, text); err != nil {
		return broken(err)
	}
	r.contents.Files = append(r.contents.Files, Sum{Name: h.Name, Size: h.Size, SHA256: hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// sums compares what came with the archive's own list.
func (r *reader) sums(h *tar.Header) error {
	var want []Sum
	if err := r.decode(h, &want); err != nil {
		return err
	}
	if len(want) != len(r.contents.Files) {
		return broken(fmt.Errorf("it has %d files, and its list %d", len(r.contents.Files), len(want)))
	}
	for i, s := range want {
		if r.contents.Files[i] != s {
			return broken(fmt.Errorf("%.80q differs from its checksum: it was damaged", s.Name))
		}
	}
	if !r.have[Database] {
		return broken(errors.New("it has no database"))
	}
	if _, err := r.tar.Next(); !errors.Is(err, io.EOF) {
		return broken(errors.Join(err, errors.New("there is more behind its list")))
	}
	return nil
}
