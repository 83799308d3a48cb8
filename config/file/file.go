// Package file handles files and folders for the appliance: it reads files whose paths come
// from a person (regular ones only, with a bound, and private ones only when no other user
// may read them), and it replaces folders without a moment in which a reader finds half of
// one. It imports nothing else of rackhand.
package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// ErrKind means that a path names something else than a regular file: a pipe or a device
// might never end, or never begin.
var ErrKind = errors.New("it is not a regular file")

// Open opens a regular file for reading; a link to one is followed. It never waits for a
// pipe's other end. An error is ErrKind when the path names anything else.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if errors.Is(err, syscall.ENXIO) {
		return nil, notRegular(path, os.ModeSocket)
	}
	if err != nil {
		return nil, err
	}
	if err := regular(f, path); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func regular(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil || info.Mode().IsRegular() {
		return err
	}
	return notRegular(path, info.Mode())
}

// notRegular has the form of the errors of package os, so that callers can remove the path.
func notRegular(path string, mode os.FileMode) error {
	return &os.PathError{Op: "open", Path: path, Err: fmt.Errorf("%w but %s", ErrKind, kind(mode))}
}

func kind(m os.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&os.ModeNamedPipe != 0:
		return "a pipe"
	case m&os.ModeDevice != 0:
		return "a device"
	case m&os.ModeSocket != 0:
		return "a socket"
	}
	return "something else"
}

// Read reads a regular file of most bytes at most.
func Read(path string, most int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s: it is larger than the %d bytes that are read", path, most)
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}
