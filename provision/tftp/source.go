package tftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// A source is the file as the library reads it: block by block, each one after the client
// has acknowledged the one before. The library seeks in it to find its size for tsize.
type source struct {
	io.ReadSeeker
	ctx   context.Context
	clock func() time.Time
	onAck func(time.Time) // called when the client has acknowledged a block
	acked *int            // packets that the client has acknowledged; nil: unknown
	trust func()          // called before each read after the first ACK; nil: not needed
	reads int
	given int64     // bytes
	taken int64     // of them, those that the client has acknowledged before the last read
	ended time.Time // when the last block was read; zero before
	fault error     // why the file could not be read; nil if it could
}

func (s *source) Read(p []byte) (int, error) {
	// A transfer must not outlive the server.
	if s.ctx.Err() != nil {
		return 0, errors.New("the server is shutting down")
	}
	if s.reads++; s.reads > 1 {
		s.onAck(s.clock())
	}
	s.taken = s.given // the library reads a block once all before it are acknowledged
	if s.acked != nil && *s.acked > 0 {
		s.trust()
	}
	// It reads as much as fits, so that one call is one block.
	n, err := io.ReadFull(s.ReadSeeker, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.fault = err
	}
	s.given += int64(n)
	if n < len(p) {
		s.ended = s.clock()
	}
	return n, err
}

// lastAckLost reports whether a transfer ended with every byte sent and only the last ACK
// missing. Boot loaders close their port once they have the last block. When their only ACK
// of it is lost, they have the file and don't answer again.
func (s *source) lastAckLost(err error) bool {
	answered := s.reads > 1 || s.acked != nil && *s.acked > 0
	return !s.ended.IsZero() && answered && timedOut(err)
}

// packets returns how many packets the client has acknowledged, that of its options included.
func (s *source) packets() int {
	if s.acked != nil {
		return *s.acked
	}
	return max(s.reads-1, 0)
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// errDropped ends the library's handling of a request without an answer to the client.
var errDropped = errors.New("dropped")

// abortingReader is a source that panics; drop recovers from that. On this path the library
// closes the transfer's socket without an answer. On all others it sends an error, and it
// leaks the socket when its ReadFrom is never called.
type abortingReader struct{}

func (abortingReader) Read([]byte) (int, error)       { panic(errDropped) }
func (abortingReader) Seek(int64, int) (int64, error) { panic(errDropped) }

// drop ends a request without an answer. It removes the options first, since the library
// would acknowledge them.
func drop(rf io.ReaderFrom) (err error) {
	clear(optionsOf(rf))
	defer func() {
		if p := recover(); p != nil && p != any(errDropped) {
			err = fmt.Errorf("dropping a request: %v", p)
		}
	}()
	_, _ = rf.ReadFrom(abortingReader{})
	return nil
}
