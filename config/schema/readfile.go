package schema

import (
	"errors"
	"io"
	"io/fs"

	"rackhand/config/file"
)

// ReadFile reads a regular file, of one byte more than most at most, so that the
// caller can tell a file that is too large. Its errors don't name the file again.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := file.Open(path)
	var pe *fs.PathError
	if errors.As(err, &pe) && errors.Is(err, file.ErrKind) {
		return nil, pe.Err
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most+1))
}
