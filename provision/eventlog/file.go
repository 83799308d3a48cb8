package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"rackhand/provision"
)

// A File is a file with an event a line, as JSON. When it is renamed (logrotate), the next
// event goes into a new one.
type File struct {
	Path string
	f    *os.File
}

// Name implements Sink.
func (s *File) Name() string { return "file" }

// Write implements Sink.
func (s *File) Write(_ context.Context, e provision.Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := s.open(); err != nil {
		return err
	}
	n, err := s.f.Write(append(line, '\n'))
	if err != nil && n > 0 {
		// Half a line would spoil the next one.
		if at, seek := s.f.Seek(0, 2); seek == nil {
			err = errors.Join(err, s.f.Truncate(at-int64(n)))
		}
	}
	return err
}

// open opens the file, and opens it again when its name leads to another one, or to none.
func (s *File) open() error {
	if s.f != nil {
		now, err := os.Stat(s.Path)
		if mine, own := s.f.Stat(); err == nil && own == nil && os.SameFile(now, mine) {
			return nil
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(s.Path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	s.f = f
	return nil
}

// Close implements Sink.
func (s *File) Close() error {
	if s.f == nil {
		return nil
	}
	f := s.f
	s.f = nil
	return f.Close()
}
