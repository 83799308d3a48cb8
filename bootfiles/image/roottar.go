package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// A rootTar is a root that came as a tar, read once: its names in memory, the
// files' contents in one spool file. Nothing of it is ever unpacked by name on this
// machine, so that a hostile tar has nowhere to reach, and no root is needed.
type rootTar struct {
	spool   spool
	most    limits
	end     int64 // of the spool
	memory  int64 // that the entries take
	copied  int64 // bytes copied out of it
	entries map[string]*rootNode
}

// A spool is a file that is written at its end, and read anywhere.
type spool interface {
	io.Writer
	io.ReaderAt
	io.WriterAt
}

// A rootNode is a file; hard links share one.
type rootNode struct {
	head *tar.Header // its name and link count for nothing
	at   int64       // of the content in the spool
}

// readRootTar reads a tar within its limits to its end.
func readRootTar(ctx context.Context, r io.Reader, to spool, most limits) (*rootTar, error) {
	t := &rootTar{spool: to, most: most, entries: map[string]*rootNode{}}
	r = &stream{r, most.content + most.headers}
	for in := tar.NewReader(r); ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the tar: %w", err)
		}
		if err := t.add(h, in); err != nil {
			return nil, fmt.Errorf("%q in the tar: %w", h.Name, err)
		}
	}
	// Bytes behind the end of the tar count in its checksum.
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, fmt.Errorf("read the tar: %w", err)
	}
	if len(t.entries) == 0 {
		return nil, errors.New("the tar is empty")
	}
	return t, t.checkParents()
}

func (t *rootTar) add(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := cleanName(h.Name)
	if err != nil || name == "" {
		return err
	}
	node := &rootNode{at: t.end}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		h.Typeflag = tar.TypeReg
		if h.Size < 0 || h.Size > t.most.content-t.end {
			return errTooLarge
		}
		n, err := io.Copy(t.spool, content)
		t.end += n
		if err != nil {
			return err
		}
	case tar.TypeLink:
		target, err := cleanName(h.Linkname)
		if err != nil {
			return err
		}
		if node = t.entries[target]; node == nil || node.head.Typeflag == tar.TypeDir {
			return fmt.Errorf("it is a hard link to %q, which doesn't stand before it", h.Linkname)
		}
	case tar.TypeDir, tar.TypeSymlink, tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		h.Size = 0
	default:
		return fmt.Errorf("its type %q has no place in a root", h.Typeflag)
	}
	if node.head == nil {
		if node.head, err = rootHeader(h); err != nil {
			return err
		}
	}
	if err := t.remember(name, node.head); err != nil {
		return err
	}
	t.entries[name] = node
	return nil
}

// cleanName is a name's path from the root, without a slash in front.
func cleanName(name string) (string, error) {
	if slices.Contains(strings.Split(name, "/"), "..") || strings.ContainsRune(name, 0) || len(name) >= maxName {
		return "", errors.New("its name leads out of the root")
	}
	return strings.TrimPrefix(path.Clean("/"+name), "/"), nil
}

// rootHeader reduces a header to a root's attributes: numeric owners, whole seconds,
// extended attributes and ACLs.
func rootHeader(h *tar.Header) (*tar.Header, error) {
	if h.Uid < 0 || h.Gid < 0 {
		return nil, fmt.Errorf("its owner %d:%d can't be", h.Uid, h.Gid)
	}
	out := &tar.Header{
		Typeflag: h.Typeflag, Linkname: h.Linkname, Size: h.Size, Mode: h.Mode & 0o7777, Uid: h.Uid, Gid: h.Gid,
		ModTime: h.ModTime.Truncate(time.Second), Devmajor: h.Devmajor, Devminor: h.Devminor, Format: tar.FormatPAX,
	}
	if out.ModTime.Unix() < 0 {
		out.ModTime = time.Unix(0, 0)
	}
	for key, value := range h.PAXRecords {
		if key != xattrPrefix+"security.selinux" && (strings.HasPrefix(key, xattrPrefix) || strings.HasPrefix(key, "SCHILY.acl.")) {
			if out.PAXRecords == nil {
				out.PAXRecords = map[string]string{}
			}
			out.PAXRecords[key] = value
		}
	}
	return out, nil
}

// checkParents checks that only folders have entries below them.
func (t *rootTar) checkParents() error {
	for _, name := range t.names() {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if p, ok := t.entries[dir]; ok && p.head.Typeflag != tar.TypeDir {
				return fmt.Errorf("%q in the tar lies below %q, which is not a folder: pack the root out of one folder, with one tar", name, dir)
			}
		}
	}
	return nil
}

// names lists the entries as [writeTar] meets them: a folder, what lies in it, and
// then its next sibling.
func (t *rootTar) names() []string {
	return slices.SortedFunc(maps.Keys(t.entries), comparePaths)
}

// comparePaths compares two names as bytes, with the slash before all others.
func comparePaths(a, b string) int {
	for i := range min(len(a), len(b)) {
		switch x, y := a[i], b[i]; {
		case x == y:
		case x == '/', y != '/' && x < y:
			return -1
		default:
			return 1
		}
	}
	return len(a) - len(b)
}

// find follows the links on the way to a name and at its end. It returns the real name, and
// the node there; nil without a node.
func (t *rootTar) find(name string) (string, *rootNode) {
	for range 40 {
		real, rest := "", strings.Split(name, "/")
		again := false
		for i, part := range rest {
			real = path.Join(real, part)
			n := t.entries[real]
			if n == nil || n.head.Typeflag != tar.TypeSymlink {
				continue
			}
			target := n.head.Linkname
			if !path.IsAbs(target) {
				target = path.Join("/", path.Dir(real), target)
			}
			name = strings.TrimPrefix(path.Join(append([]string{path.Clean(target)}, rest[i+1:]...)...), "/")
			again = true
			break
		}
		if !again {
			return real, t.entries[real]
		}
	}
	return name, nil
}

// open reads a regular file; its error names the file.
func (t *rootTar) open(name string) (*io.SectionReader, error) {
	_, n := t.find(name)
	if n == nil || n.head.Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("the root has no file /%s", name)
	}
	return io.NewSectionReader(t.spool, n.at, n.head.Size), nil
}

// has says whether there is a regular file of that name.
func (t *rootTar) has(name string) bool {
	_, n := t.find(name)
	return n != nil && n.head.Typeflag == tar.TypeReg
}

// glob lists the paths of regular files that match; the pattern's folder may lie
// behind links.
func (t *rootTar) glob(pattern string) ([]string, error) {
	var list []string
	fixed, _, _ := strings.Cut(pattern, "*")
	fixed = path.Dir(fixed + "x")
	real, _ := t.find(fixed)
	for name := range t.entries {
		rest, ok := strings.CutPrefix(name, real+"/")
		if !ok || strings.Count(rest, "/") > strings.Count(pattern, "/") {
			continue
		}
		if name = fixed + "/" + rest; !t.has(name) {
			continue
		}
		if fits, err := path.Match(pattern, name); err != nil {
			return nil, err
		} else if fits {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list, nil
}

// write packs the root in the order of names, and answers with its size unpacked.
func (t *rootTar) write(ctx context.Context, w io.Writer) (int64, error) {
	var (
		out   = tar.NewWriter(w)
		first = map[*rootNode]string{}
		total int64
	)
	for _, name := range t.names() {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n := t.entries[name]
		h := *n.head
		if h.Name = name; h.Typeflag == tar.TypeDir {
			h.Name += "/"
		}
		was, linked := first[n]
		if linked {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, was, 0
		}
		first[n] = name
		if linked {
			first[n] = was
		}
		if err := out.WriteHeader(&h); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		total += h.Size
		if _, err := io.Copy(out, io.NewSectionReader(t.spool, n.at, h.Size)); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	return total, out.Close()
}

// put adds a file, or replaces one, with the folders above it.
func (t *rootTar) put(name string, mode int64, text string) error {
	t.folders(name)
	if _, err := t.spool.WriteAt([]byte(text), t.end); err != nil {
		return err
	}
	t.entries[name] = &rootNode{at: t.end, head: &tar.Header{
		Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(text)), ModTime: time.Unix(releaseEpoch, 0), Format: tar.FormatPAX,
	}}
	t.end += int64(len(text))
	return nil
}

func (t *rootTar) link(name, target string) {
	t.folders(name)
	t.entries[name] = &rootNode{head: &tar.Header{
		Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777, ModTime: time.Unix(releaseEpoch, 0), Format: tar.FormatPAX,
	}}
}

func (t *rootTar) folders(name string) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if t.entries[dir] == nil {
			t.entries[dir] = &rootNode{head: &tar.Header{Typeflag: tar.TypeDir, Mode: 0o755, ModTime: time.Unix(releaseEpoch, 0), Format: tar.FormatPAX}}
		}
	}
}
