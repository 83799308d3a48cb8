package takeover

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Readable lets a service read a folder and what is in it, as far as other users may not
// anyway: each gets the service's group, and the group may read. Owners stay. Hidden files and
// folders, such as git's, are left alone, and links aren't followed. It returns how many have
// changed.
func Readable(dir string, to Owner) (changed int, err error) {
	return each(dir, func(root *os.Root, path string, d fs.DirEntry) (bool, error) {
		switch {
		case path != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return false, fs.SkipDir
			}
			return false, nil
		case !d.IsDir() && !d.Type().IsRegular():
			return false, nil
		}
		return share(root, path, to)
	})
}

// ReadableFile is Readable for one file or folder, without what is in it.
func ReadableFile(path string, to Owner) (bool, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return false, err
	}
	defer root.Close()
	return share(root, filepath.Base(path), to)
}

func share(root *os.Root, path string, to Owner) (bool, error) {
	f, err := root.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	want := fs.FileMode(0o004)
	if info.IsDir() {
		want = 0o005
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode().Perm()
	if !ok || mode&want == want || int(st.Uid) == to.UID || int(st.Gid) == to.GID && mode&(want<<3) == want<<3 {
		return false, nil
	}
	return true, errors.Join(f.Chown(-1, to.GID), f.Chmod(mode|want<<3))
}
