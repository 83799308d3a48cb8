// Package compressed reads files packed with zstd, lz4, gzip or xz, such as root
// images and kernel modules. It is linked into the installer and imports nothing of
// rackhand's.
package compressed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/therootcompany/xz"
)

// Limit of the memory that unpacking a stream may need. Streams of xz and zstd without
// options such as --long need a fraction of it.
const (
	zstdWindow = 128 << 20 // zstd --long=27
	xzDict     = 64 << 20  // xz -9
)

// NewReader recognizes by its first bytes how a stream is packed, and unpacks it. A stream
// that isn't packed in a known way is read as it is. The caller closes the reader, which
// doesn't close r.
func NewReader(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	magic, err := br.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}), isSkippable(magic):
		z, err := zstd.NewReader(br, zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderConcurrency(2))
		if err != nil {
			return nil, err
		}
		return bounded{z.IOReadCloser()}, nil
	case bytes.HasPrefix(magic, []byte{0x04, 0x22, 0x4d, 0x18}), bytes.HasPrefix(magic, []byte{0x02, 0x21, 0x4c, 0x18}):
		z := lz4.NewReader(br) // blocks of 4 MB (8 MB in the old form) at most
		if err := z.Apply(lz4.ConcurrencyOption(2)); err != nil {
			return nil, err
		}
		return io.NopCloser(z), nil
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(br)
	case bytes.HasPrefix(magic, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		z, err := xz.NewReader(br, xzDict)
		if err != nil {
			return nil, tooMuch(err)
		}
		return bounded{io.NopCloser(z)}, nil
	case bytes.HasPrefix(magic, []byte("BZh")):
		return nil, errors.New("it is packed with bzip2: pack it with zstd, lz4, gzip or xz")
	}
	return io.NopCloser(br), nil
}

// isSkippable: frames with others' data (RFC 8878 section 3.1.2), with which some
// zstd files begin (pzstd).
func isSkippable(magic []byte) bool {
	return len(magic) >= 4 && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:4], []byte{0x2a, 0x4d, 0x18})
}

// A bounded reader says of a stream that asks for too much memory what to do.
type bounded struct{ io.ReadCloser }

func (b bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	return n, tooMuch(err)
}

func tooMuch(err error) error {
	how, hint := "zstd", "pack it with --long=27 at most"
	switch {
	case errors.Is(err, xz.ErrMemlimit):
		how, hint = "xz", "pack it with -9 at most"
	case !errors.Is(err, zstd.ErrWindowSizeExceeded):
		return err
	}
	return fmt.Errorf("it takes too much memory to unpack: its %s window is too large (%w): %s", how, err, hint)
}
