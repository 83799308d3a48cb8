// Package unpack streams a root image from a server onto mounted file systems: it downloads,
// checks the sum, decompresses and extracts at the same time. All that an image can ask for
// is bounded.
package unpack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// chunkSize is how much goes from the network to the checksum and the
// decompressor at once; with queueLen chunks waiting at most.
const (
	chunkSize = 256 << 10
	queueLen  = 32
)

// Unpack reads a compressed tar from src, hands the tar to extract, and computes the
// SHA-256 of src. All three run at the same time. It reads src to its end, even if extract
// stops early, unless writing to the disk failed. A wrong checksum is an error even if
// extract succeeded. That error includes extract's own error.
func Unpack(ctx context.Context, src io.Reader, wantSHA256 string, extract func(io.Reader) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	hashed, packed := make(chan []byte, queueLen), make(chan []byte, queueLen)
	read := make(chan error, 1)
	go func() { read <- pump(ctx, src, hashed, packed) }()
	sum := make(chan string, 1)
	go func() {
		h := sha256.New()
		for chunk := range hashed {
			h.Write(chunk)
		}
		sum <- hex.EncodeToString(h.Sum(nil))
	}()

	r := &chunkReader{chunks: packed}
	extractErr := decompress(r, extract)
	if extractErr != nil {
		extractErr = fmt.Errorf("unpack: %w", extractErr)
	}
	if diskFault(extractErr) {
		cancel(extractErr) // the rest of the image doesn't matter
	}
	for range packed { // bytes after the tar's end, or its error, count in the checksum
	}
	err := <-read
	switch {
	case ctx.Err() != nil && context.Cause(ctx) == extractErr:
		return extractErr
	case err != nil:
		return fmt.Errorf("download: %w", err) // extract's error only follows from it
	}
	if got := <-sum; got != wantSHA256 {
		err := fmt.Errorf("the image's SHA-256 is %s, the Kickstart says %s", got, wantSHA256)
		if extractErr != nil {
			err = fmt.Errorf("%w; %w", err, extractErr)
		}
		return err
	}
	return extractErr
}

// diskFault says that an error is the disk's fault, not the image's.
func diskFault(err error) bool {
	for _, errno := range []error{unix.ENOSPC, unix.EDQUOT, unix.EIO, unix.EROFS} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// pump reads src in chunks and gives each to both channels, which it closes.
func pump(ctx context.Context, src io.Reader, a, b chan<- []byte) error {
	defer close(a)
	defer close(b)
	for ctx.Err() == nil {
		chunk := make([]byte, chunkSize)
		n, err := io.ReadFull(src, chunk)
		if n > 0 {
			for _, ch := range []chan<- []byte{a, b} {
				select {
				case ch <- chunk[:n]:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// A chunkReader is the reading end of a channel of chunks.
type chunkReader struct {
	chunks <-chan []byte
	rest   []byte
}

// Read implements io.Reader.
func (c *chunkReader) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		chunk, ok := <-c.chunks
		if !ok {
			return 0, io.EOF
		}
		c.rest = chunk
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}
