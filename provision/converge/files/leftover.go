package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// writing is the file of the agent that names the file that is being written.
const writing = "/var/lib/rackhand-agent/writing"

// tempPrefix is how the names of temporary files beside a file begin.
func (p *place) tempPrefix() string { return "." + p.name + ".rackhand-tmp-" }

// note keeps the path of the file that is about to be written; forget removes the note.
// A killed run leaves a temporary file beside that file, perhaps a large one or one with a
// secret, and the next run may have no reason to write there. The note isn't synced to disk:
// after a crash of the machine, the next write of the file clears up.
func (f *Files) note(name string) (forget func()) {
	if os.WriteFile(f.in(writing), []byte(name), 0o600) != nil {
		return func() {}
	}
	return func() { os.Remove(f.in(writing)) }
}

// sweep removes the temporary file of a killed run.
func (f *Files) sweep() error {
	b, err := readRegular(unix.AT_FDCWD, f.in(writing), 0, unix.PathMax)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", writing, err)
	}
	dir, err := f.openDir(path.Dir(string(b)))
	if err == nil {
		p := &place{dir: dir, name: path.Base(string(b))}
		err = p.sweep(context.Background(), p.tempPrefix())
		p.close()
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return os.Remove(f.in(writing))
}
