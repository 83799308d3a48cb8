package installer

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// An extractor unpacks a tar into a folder. A path in the tar never leads out of
// it: folders are opened through os.Root, and the last part of a path is made
// anew, with O_EXCL and O_NOFOLLOW, in the folder that is open.
type extractor struct {
	root *os.Root
	// owners: set owners and xattrs and make device nodes, which root alone may.
	owners bool

	dir     *os.File // the folder of the last entry
	dirName string
	buf     []byte
	late    []*tar.Header // folders, whose times are set when they are full
	files   int
}

// extractTar unpacks r into the folder that root stands for.
func extractTar(root *os.Root, r io.Reader, owners bool) (files int, err error) {
	x := &extractor{root: root, owners: owners, buf: make([]byte, 256<<10), dirName: "\x00"}
	defer func() {
		if x.dir != nil {
			_ = x.dir.Close()
		}
	}()
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return x.files, err
		}
		if err := x.entry(h, tr); err != nil {
			return x.files, fmt.Errorf("%s: %w", clipText(h.Name, 200), err)
		}
		x.files++
	}
	if x.files == 0 {
		return 0, errors.New("the tar is empty")
	}
	for _, h := range slices.Backward(x.late) { // the innermost first: an outer one may be closed to us then
		if err := x.finishDir(h); err != nil {
			return x.files, fmt.Errorf("%s: %w", clipText(h.Name, 200), err)
		}
	}
	return x.files, nil
}

// cleanName is the entry's path below the root, without a leading ./ or /; an
// error when it has a .. in it.
func cleanName(name string) (string, error) {
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", errors.New("the path leads out of the image")
		}
	}
	if strings.ContainsRune(name, 0) {
		return "", errors.New("the path has a NUL in it")
	}
	return path.Clean("/" + name)[1:], nil
}

func (x *extractor) entry(h *tar.Header, body io.Reader) error {
	name, err := cleanName(h.Name)
	if err != nil {
		return err
	}
	h.Name = name
	if name == "" { // the root folder itself
		if h.Typeflag != tar.TypeDir {
			return errors.New("the root is no folder")
		}
		x.late = append(x.late, h)
		return nil
	}
	if err := x.enter(path.Dir(name)); err != nil {
		return err
	}
	base, dir := path.Base(name), int(x.dir.Fd())
	switch h.Typeflag {
	case tar.TypeReg:
		return x.file(dir, base, h, body)
	case tar.TypeDir:
		if err := unix.Mkdirat(dir, base, 0o700); err != nil && (err != unix.EEXIST || !x.isDir(dir, base)) {
			return err
		}
		x.late = append(x.late, h)
		return nil
	case tar.TypeSymlink:
		if err := x.make(dir, base, func() error { return unix.Symlinkat(h.Linkname, dir, base) }); err != nil {
			return err
		}
		return x.finishLink(dir, base, h)
	case tar.TypeLink:
		return x.hardlink(dir, base, h)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return x.node(dir, base, h)
	}
	return fmt.Errorf("entries of type %q can't be unpacked", h.Typeflag)
}

// enter opens the folder that the next entries lie in; tars come folder by
// folder, so most entries find it open.
func (x *extractor) enter(name string) error {
	if name == x.dirName {
		return nil
	}
	d, err := x.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) { // a tar without entries for its folders
		if err := x.root.MkdirAll(name, 0o755); err != nil {
			return err
		}
		d, err = x.root.Open(name)
	}
	if err != nil {
		return err
	}
	if x.dir != nil {
		_ = x.dir.Close()
	}
	x.dir, x.dirName = d, name
	return nil
}

func (x *extractor) isDir(dir int, base string) bool {
	var st unix.Stat_t
	return unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}

// make calls f, and once more when what an earlier entry of the same name left
// was in the way: the last one wins, as with tar.
func (x *extractor) make(dir int, base string, f func() error) error {
	err := f()
	if err == unix.EEXIST {
		if err := unix.Unlinkat(dir, base, 0); err != nil {
			return err
		}
		err = f()
	}
	return err
}

func (x *extractor) file(dir int, base string, h *tar.Header, body io.Reader) error {
	fd := -1
	err := x.make(dir, base, func() (err error) {
		fd, err = unix.Openat(dir, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for left := h.Size; left > 0; {
		n, err := io.ReadFull(body, x.buf[:min(left, int64(len(x.buf)))])
		for b := x.buf[:n]; len(b) > 0; {
			w, err := unix.Write(fd, b)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				return err // a full disk, most likely
			}
			b = b[w:]
		}
		left -= int64(n)
		if err != nil {
			return err
		}
	}
	if x.owners {
		if err := unix.Fchown(fd, h.Uid, h.Gid); err != nil {
			return err
		}
		// after the owner, for changing it takes capabilities away
		if err := x.xattrs(h, func(k string, v []byte) error { return unix.Fsetxattr(fd, k, v, 0) }); err != nil {
			return err
		}
	}
	if err := unix.Fchmod(fd, mode(h)); err != nil { // after the owner as well: set-uid
		return err
	}
	return utimes(dir, base, h)
}

// xattrs sets the entry's extended attributes: capabilities, ACLs in their
// binary form, user attributes. A file system that has none is an error for
// security.*, for a program without its capability doesn't work.
func (x *extractor) xattrs(h *tar.Header, set func(string, []byte) error) error {
	const prefix = "SCHILY.xattr."
	for k, v := range h.PAXRecords {
		name, ok := strings.CutPrefix(k, prefix)
		if !ok {
			continue
		}
		if err := set(name, []byte(v)); err != nil && (err != unix.ENOTSUP || strings.HasPrefix(name, "security.")) {
			return fmt.Errorf("attribute %s: %w", clipText(name, 60), err)
		}
	}
	return nil
}

func (x *extractor) hardlink(dir int, base string, h *tar.Header) error {
	target, err := cleanName(h.Linkname)
	if err != nil {
		return fmt.Errorf("link to %s: %w", clipText(h.Linkname, 200), err)
	}
	from, err := x.root.Open(path.Dir(target))
	if err != nil {
		return err
	}
	defer from.Close()
	// without AT_SYMLINK_FOLLOW: a link to a symlink is one to the symlink itself
	return x.make(dir, base, func() error {
		return unix.Linkat(int(from.Fd()), path.Base(target), dir, base, 0)
	})
}

func (x *extractor) node(dir int, base string, h *tar.Header) error {
	if !x.owners && h.Typeflag != tar.TypeFifo {
		return nil
	}
	kind := map[byte]uint32{tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK, tar.TypeFifo: unix.S_IFIFO}[h.Typeflag]
	dev := unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))
	if err := x.make(dir, base, func() error { return unix.Mknodat(dir, base, kind|0o600, int(dev)) }); err != nil {
		return err
	}
	if err := x.finishLink(dir, base, h); err != nil {
		return err
	}
	return unix.Fchmodat(dir, base, mode(h), 0) // made just now: no symlink
}

// finishLink sets owner and times of something that can't be opened.
func (x *extractor) finishLink(dir int, base string, h *tar.Header) error {
	if x.owners {
		if err := unix.Fchownat(dir, base, h.Uid, h.Gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	return utimes(dir, base, h)
}

// finishDir sets a folder's owner, mode and times.
func (x *extractor) finishDir(h *tar.Header) error {
	name := h.Name
	if name == "" {
		name = "."
	}
	d, err := x.root.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	fd := int(d.Fd())
	if x.owners {
		if err := unix.Fchown(fd, h.Uid, h.Gid); err != nil {
			return err
		}
		if err := x.xattrs(h, func(k string, v []byte) error { return unix.Fsetxattr(fd, k, v, 0) }); err != nil {
			return err
		}
	}
	if err := unix.Fchmod(fd, mode(h)); err != nil {
		return err
	}
	return utimes(fd, ".", h)
}

func mode(h *tar.Header) uint32 { return uint32(h.Mode) & 0o7777 }

func utimes(dir int, base string, h *tar.Header) error {
	ts, err := unix.TimeToTimespec(h.ModTime)
	if err != nil {
		return nil // a time that this machine can't say: leave today's
	}
	return unix.UtimesNanoAt(dir, base, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
}
