package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// xattrPrefix marks extended attributes in PAX records, as GNU tar and star do.
const xattrPrefix = "SCHILY.xattr."

// writeRoot makes folder/root.tar.zst of a root and answers with its size
// unpacked. Why zstd, and with which window: docs/decisions/0002.
func writeRoot(ctx context.Context, level zstd.EncoderLevel, folder, root string, from origins) (int64, error) {
	return packRoot(level, folder, func(w io.Writer) (int64, error) { return writeTar(ctx, w, root, from) })
}

// packRoot compresses what write writes into folder/root.tar.zst.
func packRoot(level zstd.EncoderLevel, folder string, write func(io.Writer) (int64, error)) (int64, error) {
	f, err := os.Create(filepath.Join(folder, RootFile))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	z, err := zstd.NewWriter(f, zstd.WithEncoderLevel(level), zstd.WithWindowSize(8<<20), zstd.WithEncoderCRC(false))
	if err != nil {
		return 0, err
	}
	n, err := write(z)
	if err != nil {
		return 0, fmt.Errorf("pack the root: %w", err)
	}
	if err := z.Close(); err != nil {
		return 0, fmt.Errorf("pack the root: %w", err)
	}
	return n, f.Close()
}

// writeTar writes a folder as a PAX tar in which the same tree always makes the
// same bytes: in order of name, numeric owners, and the times that [origins.timeOf]
// gives.
func writeTar(ctx context.Context, w io.Writer, root string, from origins) (int64, error) {
	var (
		t     = tar.NewWriter(w)
		seen  = map[[2]uint64]string{}
		total int64
	)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root+"/")
		h, st, err := header(path, name, d, from)
		if err != nil || h == nil {
			return err
		}
		if h.Typeflag == tar.TypeReg && st.Nlink > 1 {
			key := [2]uint64{st.Dev, st.Ino}
			if first, ok := seen[key]; ok {
				h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
			} else {
				seen[key] = name
			}
		}
		total += h.Size
		if err := t.WriteHeader(h); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if h.Typeflag != tar.TypeReg {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(t, f)
		return err
	})
	if err != nil {
		return 0, err
	}
	return total, t.Close()
}

// header describes one file; nil for what has no place in an image (sockets).
func header(path, name string, d fs.DirEntry, from origins) (*tar.Header, *syscall.Stat_t, error) {
	info, err := d.Info()
	if err != nil {
		return nil, nil, err
	}
	if info.Mode()&fs.ModeSocket != 0 {
		return nil, nil, nil
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(path); err != nil {
			return nil, nil, err
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return nil, nil, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, nil, fmt.Errorf("%s: this system tells no owner", path)
	}
	h.Name, h.Format = name, tar.FormatPAX
	if d.IsDir() {
		h.Name += "/"
	}
	h.Uname, h.Gname = "", ""
	h.AccessTime, h.ChangeTime = time.Time{}, time.Time{}
	if h.ModTime, err = from.timeOf(path, name, info); err != nil {
		return nil, nil, err
	}
	if h.PAXRecords, err = xattrs(path); err != nil {
		return nil, nil, fmt.Errorf("read the extended attributes of %s: %w", name, err)
	}
	return h, st, nil
}

// xattrs reads a file's extended attributes (capabilities: ping has one).
func xattrs(path string) (map[string]string, error) {
	list := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, list)
	if errors.Is(err, unix.ENOTSUP) || n == 0 && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	records := map[string]string{}
	for _, name := range strings.Split(strings.TrimRight(string(list[:n]), "\x00"), "\x00") {
		if name == "" || strings.ContainsRune(name, '=') || name == "security.selinux" {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			return nil, err
		}
		records[xattrPrefix+name] = string(value[:n])
	}
	return records, nil
}
