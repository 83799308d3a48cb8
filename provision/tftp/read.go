package tftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// A source is the file as the library reads it: block by block, each when the
// client has acknowledged the one before. It seeks as well: that is how the library
// learns tsize.
type source struct {
	io.ReadSeeker
	ctx   context.Context
	clock func() time.Time
	heard func(time.Time) // told when the client has acknowledged a block
	acked *int            // packets that the client has acknowledged; nil: not known
	trust func()          // called before each read once there are any; nil: nothing to do
	reads int
	given int64     // bytes
	ended time.Time // when the last block was read; zero before
}

func (s *source) Read(p []byte) (int, error) {
	// A transfer under way must not outlive the server.
	if s.ctx.Err() != nil {
		return 0, errors.New("the server is going down")
	}
	if s.reads++; s.reads > 1 {
		s.heard(s.clock())
	}
	if s.acked != nil && *s.acked > 0 {
		s.trust()
	}
	// All that fits, so that one call is one block.
	n, err := io.ReadFull(s.ReadSeeker, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	s.given += int64(n)
	if n < len(p) {
		s.ended = s.clock()
	}
	return n, err
}

// unheard reports whether a transfer ended with every byte sent and the last ACK
// missing. Boot loaders close their port once they have the last block; when their
// one ACK of it is lost, they have the file and don't answer any more.
func (s *source) unheard(err error) bool {
	answered := s.reads > 1 || s.acked != nil && *s.acked > 0
	return !s.ended.IsZero() && answered && timedOut(err)
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// errDropped ends the library's part in a request without a word to the client.
var errDropped = errors.New("dropped")

// mute is a source that ends in a panic, which drop catches: on its way the library
// closes the transfer's socket. It sends the client's error on every other way out,
// and leaks the socket when it's never called.
type mute struct{}

func (mute) Read([]byte) (int, error)       { panic(errDropped) }
func (mute) Seek(int64, int) (int64, error) { panic(errDropped) }

// drop forgets a request without an answer. Without its options: the library would
// acknowledge those first.
func drop(rf io.ReaderFrom) (err error) {
	clear(optionsOf(rf))
	defer func() {
		if p := recover(); p != nil && p != any(errDropped) {
			err = fmt.Errorf("dropping a request: %v", p)
		}
	}()
	_, _ = rf.ReadFrom(mute{})
	return nil
}
