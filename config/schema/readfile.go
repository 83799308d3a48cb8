package schema

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// ReadFile reads a regular file, of one byte more than most at most, so that the
// caller can tell a file that is too large. It doesn't wait for a FIFO's writer.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	return io.ReadAll(io.LimitReader(f, most+1))
}
