// Package takeover gives a state folder that root made to the user that the service runs as:
// each file and folder, and nothing outside it. It also gives what root adds later
// (`rackhand image build`) the owner that the folder has.
package takeover

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Owner is a user and a group, by number.
type Owner struct{ UID, GID int }

// Tree gives dir and all in it to an owner, and returns how many files and folders had
// another one. It follows no link out of dir. A file of another owner that has a second name
// (a hard link) is refused, because the other name may be anywhere: of /etc/shadow, say.
// Errors are joined; the rest is given all the same.
func Tree(dir string, to Owner) (changed int, err error) {
	return each(dir, func(root *os.Root, path string, d fs.DirEntry) (bool, error) { return give(root, path, d, to) })
}

// each calls change for dir and all in it, and returns how often it has changed something. It
// follows no link out of dir. Errors are joined, except change's fs.SkipDir and those of files
// that have gone meanwhile.
func each(dir string, change func(root *os.Root, path string, d fs.DirEntry) (bool, error)) (changed int, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	var failed []error
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			var did bool
			if did, err = change(root, path, d); did {
				changed++
			}
		}
		if err == fs.SkipDir {
			return err
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
		}
		return nil
	})
	return changed, errors.Join(append(failed, err)...)
}

// File is Tree for one file, whatever folder it is in.
func File(path string, to Owner) (bool, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return false, err
	}
	defer root.Close()
	info, err := root.Lstat(filepath.Base(path))
	if err != nil {
		return false, err
	}
	return give(root, filepath.Base(path), fs.FileInfoToDirEntry(info), to)
}

// give looks at what it has opened, not at a name, so that nothing can be put in its place
// between the look and the change.
func give(root *os.Root, path string, d fs.DirEntry, to Owner) (bool, error) {
	info, err := root.Lstat(path)
	if err != nil || owned(info, to) {
		return false, err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return true, root.Lchown(path, to.UID, to.GID) // its target keeps its owner
	case !info.Mode().IsRegular() && !d.IsDir():
		return false, nil // a socket, say: who listens on it made it
	}
	f, err := root.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil || owned(info, to) {
		return false, err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); info.Mode().IsRegular() && (!ok || st.Nlink > 1) {
		return false, fmt.Errorf("%s keeps its owner: it has a second name somewhere (a hard link). Copy it, and remove it", f.Name())
	}
	return true, f.Chown(to.UID, to.GID)
}

func owned(info fs.FileInfo, to Owner) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == to.UID && int(st.Gid) == to.GID
}

// AsFolder gives what root has put into a folder the folder's own owner. It does nothing for
// another user than root, for a folder of root's, and where there is no folder.
func AsFolder(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 {
		return nil
	}
	_, err = Tree(dir, Owner{int(st.Uid), int(st.Gid)})
	return err
}
