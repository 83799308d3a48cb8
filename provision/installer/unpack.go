package installer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// chunkSize is how much goes from the network to the checksum and the
// decompressor at once; with queueLen chunks waiting at most.
const (
	chunkSize = 256 << 10
	queueLen  = 32
)

// unpack reads a compressed tar from src, and hands the tar to extract, while
// the SHA-256 of what is read is computed; all three run at the same time. It
// reads src to its end, whatever extract leaves. A checksum that isn't the wanted
// one is an error even when extract was content; it comes with what extract said.
func unpack(ctx context.Context, src io.Reader, wantSHA256 string, extract func(io.Reader) error) error {
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
	for range packed { // what follows the tar's end, or its error, counts in the checksum
	}
	if err := <-read; err != nil {
		return fmt.Errorf("download: %w", err) // what extract says follows from it
	}
	if got := <-sum; got != wantSHA256 {
		return errors.Join(fmt.Errorf("the image's SHA-256 is %s, the Kickstart says %s", got, wantSHA256), extractErr)
	}
	return extractErr
}

// pump reads src in chunks and gives each to both channels, which it closes.
func pump(ctx context.Context, src io.Reader, a, b chan<- []byte) error {
	defer close(a)
	defer close(b)
	for {
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
}

// A chunkReader is the reading end of a channel of chunks.
type chunkReader struct {
	chunks <-chan []byte
	rest   []byte
}

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

// decompress tells by the first bytes how the stream is packed.
func decompress(r io.Reader, extract func(io.Reader) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	magic, err := br.Peek(6)
	if err != nil && err != io.EOF {
		return err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		// an image's own window may be 128 MiB; more isn't believed
		z, err := zstd.NewReader(br, zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderConcurrency(2))
		if err != nil {
			return err
		}
		defer z.Close()
		return extract(z)
	case bytes.HasPrefix(magic, []byte{0x04, 0x22, 0x4d, 0x18}):
		z := lz4.NewReader(br)
		if err := z.Apply(lz4.ConcurrencyOption(2)); err != nil {
			return err
		}
		return extract(z)
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(br)
		if err != nil {
			return err
		}
		return extract(z)
	case bytes.HasPrefix(magic, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return errors.New("the image is packed with xz, which takes too long to unpack: pack it with zstd, lz4 or gzip")
	case bytes.HasPrefix(magic, []byte("BZh")):
		return errors.New("the image is packed with bzip2: pack it with zstd, lz4 or gzip")
	}
	return extract(br) // a plain tar; if it is none, the tar reader says so
}
