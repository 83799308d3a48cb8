package web

import (
	"fmt"
	"io"
	"net/http"
)

// A counter counts what is written, and keeps sendfile possible.
type counter struct {
	http.ResponseWriter
	status int
	n      int64
}

func (c *counter) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n += int64(n)
	return n, err
}

// ReadFrom hands the file to the connection, where it becomes sendfile(2).
func (c *counter) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(c.ResponseWriter, r)
	c.n += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// reachedEnd reports whether what was written ends with the file's last byte: the
// whole file, or the last of its ranges.
func (c *counter) reachedEnd(size int64) bool {
	switch c.status {
	case 0, http.StatusOK:
		return c.n == size
	case http.StatusPartialContent:
		var first, last, total int64
		if _, err := fmt.Sscanf(c.Header().Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total); err != nil {
			return false
		}
		return last == size-1 && c.n == last-first+1
	}
	return false
}
