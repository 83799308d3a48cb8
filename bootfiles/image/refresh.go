package image

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Refresh puts another installer into the image's initramfs, in a second or so:
// the root, the kernel and the base of the initramfs stay. An image that holds
// that installer already keeps its bytes. It may run while hosts boot.
func Refresh(dir, name string, installer []byte) error {
	if _, err := Open(dir, name); err != nil {
		return err
	}
	l, err := lockImage(dir, name)
	if err != nil {
		return fmt.Errorf("refresh image %s: %w", name, err)
	}
	defer l.release()
	if err := refresh(dir, name, installer); err != nil {
		return fmt.Errorf("refresh image %s: %w", name, withHint(err))
	}
	return nil
}

func refresh(dir, name string, installer []byte) error {
	m, err := Open(dir, name)
	if err != nil {
		return err
	}
	old := filepath.Join(dir, name)
	work, err := buildDir(dir, name)
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	folder := filepath.Join(work, "image")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	if err := writeInitrd(folder, filepath.Join(old, BaseFile), installer); err != nil {
		return err
	}
	f, err := sumFile(context.Background(), folder, InitrdFile)
	if err != nil {
		return err
	}
	if f == m.Files[InitrdFile] {
		if has, err := sumFile(context.Background(), old, InitrdFile); err == nil && has == f {
			return nil
		}
	}
	// The other files go along as links; the folder is exchanged whole, so that the
	// manifest and the initramfs change together.
	for _, n := range m.FileNames() {
		if n == InitrdFile {
			continue
		}
		if err := linkOrCopy(filepath.Join(old, n), filepath.Join(folder, n)); err != nil {
			return err
		}
	}
	m.Files[InitrdFile] = f
	if err := writeManifest(folder, m); err != nil {
		return err
	}
	return place(folder, dir, name)
}

func linkOrCopy(from, to string) error {
	if err := os.Link(from, to); err == nil {
		return nil
	}
	return copyOut(from, to)
}

// copyOut copies a file, readable for everyone.
func copyOut(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return writeNew(to, in)
}

// writeNew writes a file that must not be there yet.
func writeNew(to string, from io.Reader) error {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, from); err != nil {
		return err
	}
	return out.Close()
}
