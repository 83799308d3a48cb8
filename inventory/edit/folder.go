package edit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"rackhand/config/schema"
	"rackhand/inventory"
)

// A Folder is an inventory's folder that is edited.
type Folder struct {
	Dir string
	// Load loads an inventory with all that hangs on it, as `rackhand check` does.
	Load func(dir string) (*inventory.Snapshot, inventory.Problems)
}

// A File is one of the inventory's files, as read.
type File struct {
	Name string // within the folder
	Text []byte
}

// A Change is a planned edit of one file.
type Change struct {
	File string // its name; one that isn't there yet is made
	Result
}

// An Outcome is the result of an edit, done or only planned.
type Outcome struct {
	File          string
	Before, After []byte
}

// Diff shows the edit; "" when nothing had to change.
func (o Outcome) Diff() string { return diff(o.File, o.Before, o.After) }

// Broken: the inventory would have problems after the edit, so it was not made.
type Broken struct {
	Problems inventory.Problems // after the edit
	Already  int                // how many it has without the edit
}

func (b *Broken) Error() string {
	if b.Already > 0 {
		return fmt.Sprintf("%v\n\nnothing was changed: the inventory already has problems (%d), correct them first", b.Problems.Error(), b.Already)
	}
	return b.Problems.Error() + "\n\nnothing was changed: the edit would break the inventory"
}

// Bounds on what is read; the loader has the same ones.
const (
	maxFiles = 500
	lockWait = 10 * time.Second
	lockPoll = 50 * time.Millisecond
)

// Edit asks change what to do with the files, loads the whole inventory with the
// file changed, and puts the new file in the place of the old one, by rename, with
// its mode and owner. It refuses, and leaves everything as it is, when the
// inventory would have problems, or when somebody else changed the file meanwhile;
// the folder is locked, so that no other Edit does. With dry nothing is written.
func (f Folder) Edit(ctx context.Context, dry bool, change func([]File) (Change, error)) (Outcome, error) {
	lock, err := f.lock(ctx)
	if err != nil {
		return Outcome{}, err
	}
	defer lock.Close()
	files, err := f.read()
	if err != nil {
		return Outcome{}, err
	}
	c, err := change(files)
	if err != nil {
		return Outcome{}, err
	}
	if c.File != filepath.Base(c.File) || !inventory.IsFile(c.File) {
		return Outcome{}, refuse("name one such as rack1.yaml", "%q can't be a file of the inventory", c.File)
	}
	out := Outcome{File: c.File, After: c.Text}
	isNew, found := true, false
	for i, old := range files {
		if old.Name == c.File {
			out.Before, isNew, found = old.Text, false, true
			files[i].Text = c.Text
		}
	}
	if !found {
		files = append(files, File{c.File, c.Text})
	}
	if !isNew && bytes.Equal(out.Before, out.After) {
		return out, nil
	}
	if problems, err := f.try(files); err != nil {
		return Outcome{}, err
	} else if len(problems) > 0 {
		_, already := f.Load(f.Dir)
		return Outcome{}, &Broken{problems, len(already)}
	}
	if dry {
		return out, nil
	}
	if err := f.write(out, isNew); err != nil {
		return Outcome{}, err
	}
	if err := lock.Sync(); err != nil {
		return out, fmt.Errorf("%s is written, but the folder could not be synced: %w", c.File, err)
	}
	return out, nil
}

// lock locks the folder; closing the file unlocks it.
func (f Folder) lock(ctx context.Context) (*os.File, error) {
	dir, err := os.Open(f.Dir)
	if err != nil {
		return nil, fmt.Errorf("the inventory's folder: %w; --inventory names it, `rackhand init /etc/rackhand` makes the usual one", err)
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	for {
		err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			dir.Close()
			return nil, fmt.Errorf("locking %s: %w", f.Dir, err)
		}
		select {
		case <-ctx.Done():
			dir.Close()
			return nil, refuse("try again when it is done", "another edit of %s is under way", f.Dir)
		case <-time.After(lockPoll):
		}
	}
}

// read reads the inventory's files, in the order of their names.
func (f Folder) read() ([]File, error) {
	entries, err := os.ReadDir(f.Dir)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, e := range entries {
		if !inventory.IsFile(e.Name()) {
			continue
		}
		if len(files) == maxFiles {
			return nil, refuse("merge some", "the inventory has more than %d files", maxFiles)
		}
		text, err := readFile(filepath.Join(f.Dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		files = append(files, File{e.Name(), text})
	}
	return files, nil
}

// readFile reads a regular file of a bounded size, and doesn't wait for a FIFO's
// writer.
func readFile(path string) ([]byte, error) {
	text, err := schema.ReadFile(path, schema.MaxSize)
	if err == nil && len(text) > schema.MaxSize {
		err = fmt.Errorf("it is bigger than %d KiB: split it", schema.MaxSize>>10)
	}
	return text, err
}

// try loads the inventory as it would be: a folder of its own holds the files as
// they would be, and links to all else (roles/, templates/).
func (f Folder) try(files []File) (inventory.Problems, error) {
	tmp, err := os.MkdirTemp("", "rackhand-edit-")
	if err != nil {
		return nil, fmt.Errorf("trying the edit: %w", err)
	}
	defer os.RemoveAll(tmp)
	for _, file := range files {
		if err := os.WriteFile(filepath.Join(tmp, file.Name), file.Text, 0o600); err != nil {
			return nil, fmt.Errorf("trying the edit: %w", err)
		}
	}
	dir, err := filepath.Abs(f.Dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if inventory.IsFile(e.Name()) {
			continue
		}
		if err := os.Symlink(filepath.Join(dir, e.Name()), filepath.Join(tmp, e.Name())); err != nil {
			return nil, fmt.Errorf("trying the edit: %w", err)
		}
	}
	_, problems := f.Load(tmp)
	for i := range problems {
		problems[i].File = strings.Replace(problems[i].File, tmp, f.Dir, 1)
		problems[i].Message = strings.ReplaceAll(problems[i].Message, tmp, f.Dir)
	}
	return problems, nil
}
