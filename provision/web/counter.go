package web

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// A slow client gets all the time it needs, one that reads nothing does not: each piece
// must be sent within a minute. 1 MiB a minute is less than the slowest management network
// carries.
const (
	pieceBytes    = 1 << 20
	piecePatience = time.Minute
)

// A counter counts what is written, keeps sendfile possible, and moves the
// connection's write deadline on with it.
type counter struct {
	http.ResponseWriter
	status   int
	n        int64
	piece    int64
	patience time.Duration
}

func newCounter(w http.ResponseWriter) *counter {
	return &counter{ResponseWriter: w, piece: pieceBytes, patience: piecePatience}
}

func (c *counter) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(b []byte) (int, error) {
	c.renew()
	n, err := c.ResponseWriter.Write(b)
	c.n += int64(n)
	return n, err
}

// ReadFrom hands a file to the connection, where it becomes sendfile(2). For that
// it has to arrive there as an *io.LimitedReader over an *os.File and in nothing
// else, so the limit that http.ServeContent puts around it is taken off first.
func (c *counter) ReadFrom(r io.Reader) (n int64, err error) {
	left := int64(1) << 62
	whole, limited := r.(*io.LimitedReader)
	if limited {
		left, r = whole.N, whole.R
	}
	for left > 0 && err == nil {
		c.renew()
		piece := &io.LimitedReader{R: r, N: min(left, c.piece)}
		want := piece.N
		var got int64
		got, err = io.Copy(c.ResponseWriter, piece)
		n += got
		left -= got
		if got < want {
			break // the end of r
		}
	}
	if limited {
		whole.N = left
	}
	c.n += n
	return n, err
}

// renew moves the deadline on for the next piece. The kernel enforces it, so it is a time of
// the real clock. Only a test's connection has no deadlines.
func (c *counter) renew() {
	_ = http.NewResponseController(c.ResponseWriter).SetWriteDeadline(time.Now().Add(c.patience))
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
