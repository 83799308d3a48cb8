package files

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

// size is that of a file's declared content, in bytes.
func size(file *catalog.File) int64 {
	if file.SHA256 != "" {
		return file.Size
	}
	return int64(len(file.Content))
}

// holds compares the content of a regular file with the declared one. A file that keeps its
// content has the right one.
func (p *place) holds(declared *catalog.File) (bool, error) {
	if declared.Keep {
		return true, nil
	}
	if p.st.Size != size(declared) {
		return false, nil
	}
	// O_NONBLOCK: it may have become a pipe since it was looked at.
	fd, err := unix.Openat(p.dir, p.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	file := os.NewFile(uintptr(fd), p.name)
	defer file.Close()
	if declared.SHA256 == "" {
		b, err := io.ReadAll(io.LimitReader(file, size(declared)+1))
		return string(b) == declared.Content, err
	}
	hash := sha256.New()
	n, err := io.Copy(hash, io.LimitReader(file, size(declared)+1))
	if err != nil {
		return false, err
	}
	return n == declared.Size && hex.EncodeToString(hash.Sum(nil)) == declared.SHA256, nil
}
