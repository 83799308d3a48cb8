package files

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// purge removes what isn't declared below a directory.
type purge struct {
	keep  map[string]bool // declared, relative to the directory
	above map[string]bool // directories on the way to what is declared
	force bool            // also directories with content
	// act removes; otherwise all is only looked at.
	act bool
	// save keeps a copy of a regular file; nil for none.
	save func(e *entry) error

	gone   []string // what goes, a directory after what is in it
	full   []string // directories with content that go
	mounts []string // mount points, which stay
	open   []*level
}

// level is a directory that is being walked.
type level struct {
	kept, gone int // entries right in it
}

func newPurge(declared []string, force bool) *purge {
	u := &purge{keep: map[string]bool{}, above: map[string]bool{}, force: force}
	for _, name := range declared {
		u.keep[name] = true
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			u.above[dir] = true
		}
	}
	return u
}

// run walks over the directory.
func (u *purge) run(ctx context.Context, top int) error {
	u.gone, u.full, u.mounts, u.open = nil, nil, nil, []*level{{}}
	return (&tree{visit: u.visit, leave: u.leave}).walk(ctx, top, "", 0)
}

// marker is the name of a file of the agent's own beside a file: see place.old.
var marker = regexp.MustCompile(`^\.(.+)\.rackhand-(old|new|tmp-[0-9a-f]+)$`)

// kept reports whether an entry stays whatever is below it.
func (u *purge) kept(name string) bool {
	if u.keep[name] || u.above[name] {
		return true
	}
	m := marker.FindStringSubmatch(path.Base(name))
	return m != nil && u.keep[path.Join(path.Dir(name), m[1])]
}

func (u *purge) visit(e *entry) (within bool, err error) {
	in, dir := u.open[len(u.open)-1], e.kind() == unix.S_IFDIR
	if dir {
		u.open = append(u.open, &level{})
	}
	if e.mount {
		u.mounts = append(u.mounts, e.path)
	}
	if dir {
		return !e.mount, nil
	}
	if e.mount || u.kept(e.path) {
		in.kept++
		return false, nil
	}
	in.gone++
	u.gone = append(u.gone, e.path)
	if u.save != nil && e.kind() == unix.S_IFREG {
		if err := u.save(e); err != nil {
			return false, fmt.Errorf("keeping a copy of %s: %w", e.path, err)
		}
	}
	if u.act {
		if err := unix.Unlinkat(e.dir, e.name, 0); err != nil {
			return false, fmt.Errorf("removing %s: %w", e.path, err)
		}
	}
	return false, nil
}

func (u *purge) leave(e *entry) error {
	below := u.open[len(u.open)-1]
	u.open = u.open[:len(u.open)-1]
	in := u.open[len(u.open)-1]
	kept := e.mount || u.kept(e.path)
	if !kept && below.gone > 0 {
		u.full = append(u.full, e.path)
	}
	if kept || below.kept > 0 {
		in.kept++
		return nil
	}
	in.gone++
	u.gone = append(u.gone, e.path+"/")
	if u.act {
		if err := unix.Unlinkat(e.dir, e.name, unix.AT_REMOVEDIR); err != nil {
			return fmt.Errorf("removing the directory %s: %w", e.path, err)
		}
	}
	return nil
}

// refused says why the directory can't be purged; nil if it can.
func (u *purge) refused() error {
	if len(u.full) > 0 && !u.force {
		return fmt.Errorf("purge would remove %s: declare what stays in there, or add force: true", count(u.full, "a directory with content", "directories with content"))
	}
	return nil
}

// listed joins names for a message: the first few.
func listed(names []string) string {
	const most = 8
	if n := len(names); n > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n-most)
	}
	return strings.Join(names, ", ")
}

// count says how many things there are, and names the first few.
func count(names []string, one, many string) string {
	names = slices.Sorted(slices.Values(names))
	if len(names) == 1 {
		return fmt.Sprintf("%s, %s", one, names[0])
	}
	return fmt.Sprintf("%d %s: %s", len(names), many, listed(names))
}
