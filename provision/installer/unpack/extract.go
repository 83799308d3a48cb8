package unpack

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/report"
)

// An extractor unpacks a tar into a folder. A path in the tar never leads out of
// it: folders are opened through os.Root, and the last part of a path is made
// as a new one, with O_EXCL and O_NOFOLLOW, in the folder that is open.
type extractor struct {
	root *os.Root
	// owners: set owners and xattrs and make device nodes, which root alone may.
	owners bool

	dir     *os.File // the folder of the last entry
	dirName string
	buf     []byte
	folders map[string]folder            // attributes to set once the folders are full
	acls    map[string]map[string]string // by name: ACLs to set once the users are known
	kept    int64                        // about how many bytes of these two
	holes   int64                        // bytes that may yet become holes
	files   int
	lost    map[string]int // attributes that couldn't be kept, and of how many files
}

// A folder holds a tar's header of a folder.
type folder struct {
	uid, gid int
	mode     uint32
	when     time.Time
	attrs    map[string]string
}

// How much a tar may ask for.
const (
	maxEntries = 20_000_000
	maxKept    = 256 << 20 // bytes of memory for what is set at the end
	maxPath    = unix.PathMax - 1
)

// Extracted is the result of extracting a tar.
type Extracted struct {
	Files int
	Lost  map[string]int // as the extractor's
}

// ExtractTar unpacks r into the folder that root stands for.
func ExtractTar(root *os.Root, r io.Reader, owners bool) (Extracted, error) {
	x := newExtractor(root, owners)
	err := x.unpack(r)
	return Extracted{x.files, x.lost}, err
}

func newExtractor(root *os.Root, owners bool) *extractor {
	return &extractor{
		root: root, owners: owners, buf: make([]byte, fillSize), dirName: "\x00", holes: maxHoles,
		folders: map[string]folder{}, acls: map[string]map[string]string{}, lost: map[string]int{},
	}
}

func (x *extractor) unpack(r io.Reader) error {
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
			return err
		}
		if err := x.entry(h, tr); err != nil {
			return fmt.Errorf("%s: %w", report.ClipText(h.Name, 200), err)
		}
	}
	if x.files == 0 {
		return errors.New("the tar is empty")
	}
	if err := x.finishACLs(); err != nil {
		return err
	}
	return x.finishFolders()
}

// bounded is an error when the tar asks for too much.
func (x *extractor) bounded() error {
	if x.kept > maxKept {
		return fmt.Errorf("the folders and ACLs of the image take more than %d MiB of memory", maxKept>>20)
	}
	if x.files > maxEntries {
		return fmt.Errorf("the image has more than %d files", maxEntries)
	}
	return nil
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
	if len(name) > maxPath {
		return "", fmt.Errorf("the path has more than %d bytes", maxPath)
	}
	return path.Clean("/" + name)[1:], nil
}

func (x *extractor) entry(h *tar.Header, body io.Reader) error {
	switch h.Typeflag {
	case tar.TypeXGlobalHeader, 'V': // a comment, a volume's label (GNU): not for us
		return nil
	}
	x.files++
	if err := x.bounded(); err != nil {
		return err
	}
	name, err := cleanName(h.Name)
	if err != nil {
		return err
	}
	h.Name = name
	attrs, acls := attributes(h)
	if h.Typeflag == tar.TypeDir {
		return x.folder(h, attrs, acls)
	}
	if name == "" {
		return errors.New("the root is not a folder")
	}
	if err := x.enter(path.Dir(name)); err != nil {
		return err
	}
	base, dir := path.Base(name), int(x.dir.Fd())
	delete(x.acls, name) // of an earlier entry of that name
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		if err := x.file(dir, base, h, body, attrs); err != nil {
			return err
		}
		return x.later(name, acls)
	case tar.TypeSymlink:
		if err := x.make(dir, base, func() error { return unix.Symlinkat(h.Linkname, dir, base) }); err != nil {
			return err
		}
		return x.finishLink(dir, base, h, attrs)
	case tar.TypeLink:
		return x.hardlink(dir, base, h)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return x.node(dir, base, h, attrs)
	}
	return fmt.Errorf("entries of type %q can't be unpacked", h.Typeflag)
}

// folder makes a folder, or takes an existing one. Its mode and times are set at the end,
// because it may be closed to us, and each new file in it changes its time.
func (x *extractor) folder(h *tar.Header, attrs, acls map[string]string) error {
	if h.Name != "" { // not the root itself
		if err := x.enter(path.Dir(h.Name)); err != nil {
			return err
		}
		base, dir := path.Base(h.Name), int(x.dir.Fd())
		if err := unix.Mkdirat(dir, base, 0o700); err != nil && (err != unix.EEXIST || !x.isDir(dir, base)) {
			return err
		}
	}
	x.kept += int64(len(h.Name)) + 100
	for k, v := range attrs {
		x.kept += int64(len(k) + len(v))
	}
	x.folders[h.Name] = folder{h.Uid, h.Gid, mode(h), h.ModTime, attrs}
	delete(x.acls, h.Name)
	return errors.Join(x.later(h.Name, acls), x.bounded())
}

// enter opens the folder that the next entries lie in; tars come folder by
// folder, so most entries find it open.
func (x *extractor) enter(name string) error {
	if name == x.dirName {
		return nil
	}
	d, err := x.open(name)
	if errors.Is(err, fs.ErrNotExist) { // a tar without entries for its folders
		if err := x.root.MkdirAll(name, 0o755); err != nil {
			return err
		}
		d, err = x.open(name)
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

// open opens a folder and rejects other files: opening a fifo would wait forever.
func (x *extractor) open(name string) (*os.File, error) {
	return x.root.OpenFile(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
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

func (x *extractor) file(dir int, base string, h *tar.Header, body io.Reader, attrs map[string]string) error {
	fd := -1
	err := x.make(dir, base, func() (err error) {
		fd, err = unix.Openat(dir, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	unit := zeroUnit
	if isSparse(h) {
		unit = sparseUnit
	}
	if err := x.fill(fd, h.Size, unit, body); err != nil {
		return err
	}
	if x.owners {
		if err := unix.Fchown(fd, h.Uid, h.Gid); err != nil {
			return err
		}
		// after the owner, for changing it takes capabilities away
		if err := x.setAttributes(attrs, func(k string, v []byte) error { return unix.Fsetxattr(fd, k, v, 0) }); err != nil {
			return err
		}
	}
	if err := unix.Fchmod(fd, mode(h)); err != nil { // after the owner as well: set-uid
		return err
	}
	return utimes(dir, base, h.ModTime)
}

func (x *extractor) hardlink(dir int, base string, h *tar.Header) error {
	target, err := cleanName(h.Linkname)
	if err != nil {
		return fmt.Errorf("link to %s: %w", report.ClipText(h.Linkname, 200), err)
	}
	from, err := x.open(path.Dir(target))
	if err != nil {
		return err
	}
	defer from.Close()
	// without AT_SYMLINK_FOLLOW: a link to a symlink is one to the symlink itself
	return x.make(dir, base, func() error {
		return unix.Linkat(int(from.Fd()), path.Base(target), dir, base, 0)
	})
}

func (x *extractor) node(dir int, base string, h *tar.Header, attrs map[string]string) error {
	if !x.owners && h.Typeflag != tar.TypeFifo {
		return nil
	}
	kind := map[byte]uint32{tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK, tar.TypeFifo: unix.S_IFIFO}[h.Typeflag]
	dev := unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))
	if err := x.make(dir, base, func() error { return unix.Mknodat(dir, base, kind|0o600, int(dev)) }); err != nil {
		return err
	}
	if err := x.finishLink(dir, base, h, attrs); err != nil {
		return err
	}
	return unix.Fchmodat(dir, base, mode(h), 0) // made just now: no symlink
}

// finishLink sets owner, attributes and times of something that can't be opened.
func (x *extractor) finishLink(dir int, base string, h *tar.Header, attrs map[string]string) error {
	if x.owners {
		if err := unix.Fchownat(dir, base, h.Uid, h.Gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		if err := x.linkAttributes(dir, base, attrs); err != nil {
			return err
		}
	}
	return utimes(dir, base, h.ModTime)
}

// finishFolders sets what the tar says of folders, the innermost first: an outer
// one may be closed to us then.
func (x *extractor) finishFolders() error {
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(x.folders))) {
		if err := x.finishFolder(name, x.folders[name]); err != nil {
			return fmt.Errorf("%s: %w", report.ClipText(name, 200), err)
		}
	}
	return nil
}

func (x *extractor) finishFolder(name string, f folder) error {
	d, err := x.open(cmp.Or(name, "."))
	if err != nil {
		return err
	}
	defer d.Close()
	fd := int(d.Fd())
	if x.owners {
		if err := unix.Fchown(fd, f.uid, f.gid); err != nil {
			return err
		}
		if err := x.setAttributes(f.attrs, func(k string, v []byte) error { return unix.Fsetxattr(fd, k, v, 0) }); err != nil {
			return err
		}
	}
	if err := unix.Fchmod(fd, f.mode); err != nil {
		return err
	}
	return utimes(fd, ".", f.when)
}

func mode(h *tar.Header) uint32 { return uint32(h.Mode) & 0o7777 }

func utimes(dir int, base string, when time.Time) error {
	ts, err := unix.TimeToTimespec(when)
	if err != nil {
		return nil // a time that this machine can't say: leave today's
	}
	return unix.UtimesNanoAt(dir, base, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
}
