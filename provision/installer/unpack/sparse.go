package unpack

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// sparseUnit is the size of the holes of a file that the tar holds as sparse:
	// a block of every file system here.
	sparseUnit = 4 << 10
	// zeroUnit is the unit of other files. Zeros needn't be written, but a file in a
	// thousand pieces is slower to read.
	zeroUnit = 64 << 10
	// maxHoles bounds the zeros of one image that become holes: a disk that fills up
	// doesn't stop them.
	maxHoles = 2 << 40
	// fillSize is how much of a file is looked at once.
	fillSize = 256 << 10
)

// isSparse reports whether the tar holds an entry as sparse: in the old GNU form, or
// one of GNU's three in PAX records (tar's manual, "Storing Sparse Files").
func isSparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// fill writes a file's content, size bytes from body. Runs of zeros, at least unit
// long and aligned, become holes; none do when unit is 0.
func (x *extractor) fill(fd int, size int64, unit int, body io.Reader) error {
	end := int64(0) // of the written part
	for at := int64(0); at < size; {
		n, err := io.ReadFull(body, x.buf[:min(size-at, fillSize)])
		if err != nil {
			return err
		}
		if at == 0 && isSwap(x.buf[:n]) {
			unit = 0
		}
		for chunk := x.buf[:n]; len(chunk) > 0; {
			data, hole := cutData(chunk, unit)
			if err := writeAt(fd, chunk[:data], at); err != nil {
				return err // a full disk, most likely
			}
			if data > 0 {
				end = at + int64(data)
			}
			if x.holes -= int64(hole); x.holes < 0 {
				return fmt.Errorf("the image's files have more than %d TB of zeros", int64(maxHoles)>>40)
			}
			at, chunk = at+int64(data+hole), chunk[data+hole:]
		}
	}
	if end < size { // a hole at the end
		return unix.Ftruncate(fd, size)
	}
	return nil
}

// isSwap: swapon(8) refuses a file with holes.
func isSwap(head []byte) bool {
	return len(head) >= 4096 && (string(head[4086:4096]) == "SWAPSPACE2" || string(head[4086:4096]) == "SWAP-SPACE")
}

// cutData splits the beginning of b into a run with data and one of zeros after
// it, in units; a unit that b's end cuts short counts as one.
func cutData(b []byte, unit int) (data, hole int) {
	if unit == 0 {
		return len(b), 0
	}
	for data < len(b) && !isZero(b[data:min(data+unit, len(b))]) {
		data = min(data+unit, len(b))
	}
	for at := data; at < len(b); at += unit {
		end := min(at+unit, len(b))
		if !isZero(b[at:end]) {
			break
		}
		hole = end - data
	}
	return data, hole
}

// isZero compares b with itself, one byte on, by the fast bytes.Equal.
func isZero(b []byte) bool {
	return len(b) == 0 || b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
}

func writeAt(fd int, b []byte, at int64) error {
	for len(b) > 0 {
		n, err := unix.Pwrite(fd, b, at)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}
