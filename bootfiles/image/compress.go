package image

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/therootcompany/xz"
)

// maxDictionary is how much memory an archive may ask for, in bytes: zstd --long=27
// takes as much, xz -9 half of it.
const maxDictionary = 128 << 20

// decompress reads what is packed with gzip, xz, zstd or lz4, told by its first
// bytes, and leaves anything else as it is. kind is the program's name, "" for none.
// The caller closes the reader, which doesn't close r.
func decompress(r io.Reader) (out io.ReadCloser, kind string, err error) {
	br := bufio.NewReaderSize(r, 1<<20)
	magic, err := br.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(br)
		return z, "gzip", err
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br, zstd.WithDecoderMaxWindow(maxDictionary))
		if err != nil {
			return nil, "zstd", err
		}
		return z.IOReadCloser(), "zstd", nil
	case bytes.HasPrefix(magic, []byte{0x04, 0x22, 0x4d, 0x18}):
		return io.NopCloser(lz4.NewReader(br)), "lz4", nil
	case bytes.HasPrefix(magic, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		z, err := xz.NewReader(br, maxDictionary)
		return io.NopCloser(z), "xz", err
	case bytes.HasPrefix(magic, []byte("BZh")):
		return nil, "bzip2", errors.New("it is packed with bzip2: pack it with zstd, xz, lz4 or gzip")
	}
	return io.NopCloser(br), "", nil
}
