package files

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

func (f *Files) writeTemp(ctx context.Context, p *place, w want) (name string, err error) {
	if name, err = f.tempName(ctx, p); err != nil {
		return "", err
	}
	fd, err := unix.Openat(p.dir, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return "", fmt.Errorf("writing beside %s: %w", w.Path, err)
	}
	file := os.NewFile(uintptr(fd), name)
	err = f.writeContent(ctx, file, w.File)
	if err == nil {
		err = w.setOn(fd) // and fsync
	}
	if err = errors.Join(err, file.Close()); err != nil {
		unix.Unlinkat(p.dir, name, 0)
		return "", fmt.Errorf("writing %s: %w", w.Path, err)
	}
	return name, nil
}

// tempName is a new name beside a place.
func (f *Files) tempName(ctx context.Context, p *place) (string, error) {
	// Only the agent writes these files, so an existing one is left over from a crash.
	prefix := p.tempPrefix()
	if err := p.sweep(ctx, prefix); err != nil {
		return "", err
	}
	random := make([]byte, 8)
	if _, err := io.ReadFull(f.Random, random); err != nil {
		return "", fmt.Errorf("a name for a temporary file: %w", err)
	}
	return prefix + hex.EncodeToString(random), nil
}

func (f *Files) writeContent(ctx context.Context, to *os.File, file *catalog.File) error {
	if file.SHA256 == "" {
		_, err := to.WriteString(file.Content)
		return err
	}
	if f.Contents == nil {
		return errors.New("this run can't fetch contents")
	}
	return f.Contents.Write(ctx, to, file)
}

// sweep removes temporary files that a crash left behind.
func (p *place) sweep(ctx context.Context, prefix string) error {
	dir, err := p.open()
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(1000)
		for _, name := range names {
			if strings.HasPrefix(name, prefix) {
				p.discard(ctx, name)
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// open opens the directory for reading; an O_PATH descriptor can't be read.
func (p *place) open() (*os.File, error) {
	fd, err := unix.Openat(p.dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "."), nil
}
