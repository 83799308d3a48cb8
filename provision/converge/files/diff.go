package files

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
)

// The bounds of a diff: of what is compared, in bytes, and of what is shown, in lines and
// in characters a line.
const (
	maxCompared  = 256 << 10
	maxDiffLines = 60
	maxDiffLine  = 200
)

// Diff is a bounded unified diff between a file and its declared content. It is empty for a
// sensitive file and for binary content. Of a directory, it lists what is removed from it.
func (f *Files) Diff(ctx context.Context, file *catalog.File) string {
	if file.Purge || file.Force && file.Ensure == catalog.Absent {
		return f.removals(ctx, file)
	}
	if file.Sensitive || file.Keep || file.Ensure != catalog.FileKind || size(file) > maxCompared {
		return ""
	}
	p, err := f.locate(file)
	if err != nil {
		return ""
	}
	defer p.close()
	if !p.exists || p.kind() != unix.S_IFREG || p.st.Size > maxCompared {
		return ""
	}
	fd, err := unix.Openat(p.dir, p.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	old := os.NewFile(uintptr(fd), p.name)
	defer old.Close()
	b, err := io.ReadAll(io.LimitReader(old, maxCompared+1))
	if err != nil || len(b) > maxCompared {
		return ""
	}
	declared := []byte(file.Content)
	if file.SHA256 != "" {
		if f.Contents == nil {
			return ""
		}
		if declared, err = f.Contents.Read(ctx, file); err != nil {
			return ""
		}
	}
	return unified(file.Path, b, declared)
}

// removals lists what a change removes from a directory.
func (f *Files) removals(ctx context.Context, file *catalog.File) string {
	p, err := f.locate(file)
	if err != nil {
		return ""
	}
	defer p.close()
	if !p.exists || p.kind() != unix.S_IFDIR {
		return ""
	}
	top, err := p.openTop()
	if err != nil {
		return ""
	}
	defer unix.Close(top)
	u := newPurge(file.Declared, true)
	if err := u.run(ctx, top); err != nil || len(u.gone) == 0 {
		return ""
	}
	slices.Sort(u.gone)
	return shown(fmt.Sprintf("--- %s/ (there)\n-%s\n", file.Path, strings.Join(u.gone, "\n-")))
}

// unified is the diff of two texts, printable and bounded; "" unless both are text.
func unified(name string, old, new []byte) string {
	for _, b := range [][]byte{old, new} {
		if !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
			return ""
		}
	}
	text := string(diff.Diff(name+" (there)", old, name+" (declared)", new))
	_, text, _ = strings.Cut(text, "\n") // diff NAME NAME
	return shown(text)
}

// shown is a diff as people see it: printable and bounded.
func shown(text string) string {
	var out strings.Builder
	n, left := 0, 0
	for line := range strings.Lines(text) {
		if n == maxDiffLines {
			left++
			continue
		}
		n++
		line = command.Printable(strings.TrimSuffix(line, "\n"))
		if r := []rune(line); len(r) > maxDiffLine {
			line = string(r[:maxDiffLine]) + "…"
		}
		out.WriteString(line + "\n")
	}
	if left > 0 {
		fmt.Fprintf(&out, "… %d lines more\n", left)
	}
	return out.String()
}
