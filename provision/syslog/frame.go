package syslog

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

const (
	// maxLine is the stored part of one message, in bytes. RFC 5424 requires 2,048 at
	// least.
	maxLine = 8 << 10
	// maxFrame is the longest message whose rest is skipped. A sender that announces more
	// is out of step.
	maxFrame = 1 << 20
)

var errFrame = errors.New("an impossible syslog frame")

// frames reads messages from a TCP stream. The two framings of RFC 6587 can alternate: a
// message with octet counting (3.4.1) begins with a digit, one that ends with a line feed
// (3.4.2) with its <priority>.
type frames struct{ r *bufio.Reader }

func newFrames(r io.Reader) *frames { return &frames{bufio.NewReaderSize(r, maxLine+16)} }

// next returns the next message, cut at maxLine and valid until the next call. The error at
// the end of the stream is io.EOF.
func (f *frames) next() ([]byte, error) {
	head, err := f.r.Peek(1)
	if err != nil {
		return nil, err
	}
	if head[0] >= '1' && head[0] <= '9' {
		if n, digits, ok := f.count(); ok {
			if _, err := f.r.Discard(digits + 1); err != nil {
				return nil, err
			}
			return f.counted(n)
		}
	}
	return f.line()
}

// count looks for a byte count and the message's < after it.
func (f *frames) count() (n, digits int, ok bool) {
	// It waits for no more bytes than necessary, so it reads one at a time.
	for digits = 1; digits <= 8; digits++ {
		b, err := f.r.Peek(digits + 1)
		if err != nil {
			return 0, 0, false
		}
		n = n*10 + int(b[digits-1]-'0')
		c := b[digits]
		if c == ' ' {
			b, err := f.r.Peek(digits + 2)
			return n, digits, err == nil && b[digits+1] == '<'
		}
		if c < '0' || c > '9' {
			return 0, 0, false
		}
	}
	return 0, 0, false
}

func (f *frames) counted(n int) ([]byte, error) {
	if n > maxFrame {
		return nil, errFrame
	}
	b, err := f.r.Peek(min(n, maxLine))
	if err != nil && len(b) == 0 {
		return nil, err
	}
	b = bytes.Clone(b)
	if _, derr := f.r.Discard(n); derr != nil && err == nil {
		err = derr
	}
	if err != nil {
		return b, nil // the stream ends in the middle of it; the next call returns the error
	}
	return b, nil
}

// line reads up to a line feed.
func (f *frames) line() ([]byte, error) {
	var kept []byte
	for skipped := 0; ; {
		b, err := f.r.ReadSlice('\n')
		if room := maxLine - len(kept); room > 0 {
			kept = append(kept, b[:min(room, len(b))]...)
		}
		skipped += len(b)
		switch {
		case err == nil, errors.Is(err, io.EOF) && len(kept) > 0:
			return bytes.TrimRight(kept, "\r\n\x00"), nil
		case errors.Is(err, bufio.ErrBufferFull) && skipped < maxFrame:
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, errFrame
		default:
			return nil, err
		}
	}
}
