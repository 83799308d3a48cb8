package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"rackhand/config/file"
)

// Verify reads every file of the image and compares sizes and SHA-256 with the
// manifest. All that is wrong is in the error, one line a file.
func Verify(ctx context.Context, dir, name string) error {
	m, err := Open(dir, name)
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range m.FileNames() {
		got, err := sumFile(ctx, filepath.Join(dir, name), n)
		switch want := m.Files[n]; {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			errs = append(errs, fmt.Errorf("image %s: %w", name, err))
		case got.Size != want.Size:
			errs = append(errs, fmt.Errorf("image %s: %s has %d bytes, its manifest says %d; build the image again", name, n, got.Size, want.Size))
		case got != want:
			errs = append(errs, fmt.Errorf("image %s: %s has the SHA-256 %s, its manifest says %s; build the image again", name, n, got.SHA256, want.SHA256))
		}
	}
	return errors.Join(errs...)
}

// sumFile measures one file of a folder.
func sumFile(ctx context.Context, dir, name string) (File, error) {
	f, err := file.Open(filepath.Join(dir, name))
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, &ctxReader{ctx, f})
	if err != nil {
		return File{}, fmt.Errorf("read %s: %w", name, err)
	}
	return File{Name: name, Size: n, SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

// A ctxReader ends with the context's error once that is done.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// readBounded reads all of r, and fails rather than take in more than max bytes.
func readBounded(r io.Reader, max int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, max+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > max {
		return nil, fmt.Errorf("it is larger than %d bytes", max)
	}
	return data, nil
}
