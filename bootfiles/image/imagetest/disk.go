package imagetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// DiskSum is a checksum of a raw disk's content. Blank sectors count for nothing,
// whether they are holes of the file or zeroes in it, so that a sparse disk of many GB
// is read in the time that its data takes.
func DiskSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return "", err
	}
	const block = 64 << 10
	h, buf, blank := sha256.New(), make([]byte, block), make([]byte, block)
	for at := int64(0); at < end; {
		from, err := f.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, syscall.ENXIO) { // no more data
			break
		}
		if err != nil {
			return "", err
		}
		at = max(at, from-from%block) // blocks begin at the same places in every file
		n, err := f.ReadAt(buf, at)
		if err != nil && err != io.EOF {
			return "", err
		}
		if !bytes.Equal(buf[:n], blank[:n]) {
			_ = binary.Write(h, binary.BigEndian, at) // a hash takes everything
			h.Write(buf[:n])
		}
		at += int64(n)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
