package upgrade

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"rackhand/provision/catalog"
)

// A Program is the agent's program on disk, and those beside it.
type Program struct {
	Path string // of the one that systemd starts: /usr/local/sbin/rackhand-agent
}

// All are in one folder: a rename must not leave the file system, and SELinux labels a new
// file as its folder's are labelled, so that systemd may start it.

// Next is where a program waits that was fetched whole and isn't proved.
func (p Program) Next() string { return p.beside(".next") }

// Previous is the program before this one, for a roll-back.
func (p Program) Previous() string { return p.beside(".previous") }

// partial is where a program is fetched to. It has one writer, the daemon.
func (p Program) partial() string { return p.beside(".partial") }

func (p Program) beside(suffix string) string { return filepath.Clean(p.Path) + suffix }

// fetch writes a program of the right size and hash to Next. It is on disk before fetch
// returns.
func (p Program) fetch(o catalog.Offer, from io.Reader) (err error) {
	if err := os.Remove(p.partial()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(p.partial(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700) // through no link
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(p.partial()))
		}
	}()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(from, o.Size+1))
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != o.Size || got != o.SHA256 {
		return fmt.Errorf("received %d bytes with the SHA-256 %s, expected %d with %s", n, got, o.Size, o.SHA256)
	}
	if err := errors.Join(f.Chmod(0o755), f.Sync()); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(p.partial(), p.Next()); err != nil {
		return err
	}
	return syncDir(filepath.Dir(p.Path))
}

// waits reports whether the offered program is at Next, complete.
func (p Program) waits(o catalog.Offer) bool {
	got, err := hashFile(p.Next())
	return err == nil && got == o.SHA256
}

// commit puts Next in the place of the program, which stays beside it as Previous. A kill
// leaves either program at Path, never none.
func (p Program) commit() error {
	link := p.beside(".link")
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Link(p.Path, link); err != nil {
		return err
	}
	if err := os.Rename(link, p.Previous()); err != nil {
		return err
	}
	// A rename between two names of one file does nothing, and leaves the first.
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(p.Next(), p.Path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(p.Path))
}

// rollBack puts Previous in the place of the program.
func (p Program) rollBack() error {
	if err := os.Rename(p.Previous(), p.Path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(p.Path))
}

// drop removes a program that waits, and what a kill left of one.
func (p Program) drop() error {
	var all error
	for _, name := range []string{p.Next(), p.partial()} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}

func hashFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// lastLine keeps the end of what a program prints, for a message.
type lastLine struct {
	to   io.Writer
	line strings.Builder
	last string
}

func (l *lastLine) Write(b []byte) (int, error) {
	for _, c := range b {
		switch {
		case c == '\n':
			if text := strings.TrimSpace(l.line.String()); text != "" {
				l.last = text
			}
			l.line.Reset()
		case l.line.Len() < 300:
			l.line.WriteByte(c)
		}
	}
	return l.to.Write(b)
}

// A Trial runs a program with the command trial, until ctx ends. The error says why it
// failed.
type Trial func(ctx context.Context, program string) error
