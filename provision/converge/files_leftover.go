package converge

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// tempPrefix is how the names of temporary files beside a file begin.
func (p *place) tempPrefix() string { return "." + p.name + ".rackhand-tmp-" }

// note keeps the path of the file that is about to be written, and returns what forgets it.
// A run that is killed leaves a temporary file beside it, perhaps a large one, or one with a
// secret, and the next run may have no reason to write there. It needn't be on disk: what a
// crash of the machine leaves is as it was before.
func (f *Files) note(name string) (forget func()) {
	if os.WriteFile(f.Paths.writing(), []byte(name), 0o600) != nil {
		return func() {}
	}
	return func() { os.Remove(f.Paths.writing()) }
}

// Sweep removes what a killed run left beside the file that it was writing.
func (f *Files) Sweep() error {
	b, err := readFile(f.Paths.writing(), unix.PathMax)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	dir, err := f.openDir(path.Dir(string(b)))
	if err == nil {
		p := &place{dir: dir, name: path.Base(string(b))}
		err = p.sweep(p.tempPrefix())
		p.close()
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return os.Remove(f.Paths.writing())
}
