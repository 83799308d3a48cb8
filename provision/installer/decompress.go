package installer

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

// How much memory an image may ask for to be unpacked. More isn't believed: what
// xz and zstd make without --long and the like takes a fraction of it.
const (
	zstdWindow = 128 << 20 // zstd --long=27
	xzDict     = 64 << 20  // xz -9
)

// decompress tells by the first bytes how the stream is packed, whatever its name
// says. What isn't packed in any known way is taken for a plain tar.
func decompress(r io.Reader, extract func(io.Reader) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	magic, err := br.Peek(6)
	if err != nil && err != io.EOF {
		return err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}), isSkippable(magic):
		z, err := zstd.NewReader(br, zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderConcurrency(2))
		if err != nil {
			return err
		}
		defer z.Close()
		return packedWith("zstd", zstd.ErrWindowSizeExceeded, "pack it with --long=27 at most", extract(z))
	case bytes.HasPrefix(magic, []byte{0x04, 0x22, 0x4d, 0x18}), bytes.HasPrefix(magic, []byte{0x02, 0x21, 0x4c, 0x18}):
		z := lz4.NewReader(br) // blocks of 4 MB (8 MB in the old form) at most
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
		z, err := xz.NewReader(br, xzDict)
		if err == nil {
			err = extract(z)
		}
		return packedWith("xz", xz.ErrMemlimit, "pack it with -9 at most", err)
	case bytes.HasPrefix(magic, []byte("BZh")):
		return errors.New("the image is packed with bzip2: pack it with zstd, lz4, gzip or xz")
	}
	return extract(br) // a plain tar; if it is none, the tar reader says so
}

// isSkippable: frames with others' data (RFC 8878 section 3.1.2), with which some
// zstd files begin (pzstd).
func isSkippable(magic []byte) bool {
	return len(magic) >= 4 && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:4], []byte{0x2a, 0x4d, 0x18})
}

// packedWith adds to an error that an image asks for too much memory what to do.
func packedWith(how string, tooMuch error, hint string, err error) error {
	if errors.Is(err, tooMuch) {
		return fmt.Errorf("the image takes too much memory to unpack: its %s window is too large (%w): %s", how, err, hint)
	}
	return err
}
