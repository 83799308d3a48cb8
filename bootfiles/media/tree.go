package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// maxBootFile bounds what is fetched of a tree: initrds have about 100 MB.
const maxBootFile = 1 << 30

// A Fetch opens a path below a mirror's base. An error is fs.ErrNotExist when the
// mirror has no such file.
type Fetch func(ctx context.Context, path string) (io.ReadCloser, error)

// AddTree adds a tree that lies on an upstream of the mirror cache. Kernel and initrd
// are fetched and compared with the tree's checksums now, and kept; all else comes
// through the cache when an install asks for it.
func AddTree(ctx context.Context, mirror, tree string, fetch Fetch, o AddOptions) (m *Manifest, notes []string, err error) {
	if err := o.check(); err != nil {
		return nil, nil, err
	}
	if tree = path.Clean(tree); !fs.ValidPath(tree) || !pathForm.MatchString(tree) {
		return nil, nil, fmt.Errorf("%.80q can't be the path of a tree", tree)
	}
	m = &Manifest{Name: o.Name, Added: o.Now.UTC().Truncate(time.Second), Mirror: mirror, Path: tree, Packages: true, Files: map[string]string{}}
	text, err := read(ctx, fetch, path.Join(tree, TreeinfoFile), maxTreeinfo)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s/%s has no %s: name the folder os/ of a release's first repository (RHEL's family: BaseOS)", mirror, tree, TreeinfoFile)
	}
	if err != nil {
		return nil, nil, err
	}
	t, err := ParseTreeinfo(text)
	if err != nil {
		return nil, nil, err
	}
	m.Tree = *t
	err = o.publish(m, func(folder string) error {
		for _, p := range []string{t.Kernel, t.Initrd} {
			sum, err := keep(ctx, fetch, path.Join(tree, p), filepath.Join(folder, filepath.FromSlash(p)))
			if err != nil {
				return err
			}
			if want, ok := t.Checksums[p]; ok && want != sum {
				return fmt.Errorf("%s is not what the tree's %s says (SHA-256 %s, and not %s)", p, TreeinfoFile, sum, want)
			} else if !ok {
				notes = append(notes, fmt.Sprintf("the tree gives no SHA-256 for %s", p))
			}
			m.Files[p] = sum
		}
		return nil
	})
	return m, notes, err
}

func read(ctx context.Context, fetch Fetch, name string, most int64) ([]byte, error) {
	r, err := fetch(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s: more than %d bytes", name, most)
	}
	return b, err
}

func keep(ctx context.Context, fetch Fetch, name, to string) (sum string, err error) {
	r, err := fetch(ctx, name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return "", err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Sync(), f.Close()) }()
	if sum, err = sumOf(ctx, io.LimitReader(r, maxBootFile+1), f); err != nil {
		return "", fmt.Errorf("fetching %s: %w", name, err)
	}
	if st, err := f.Stat(); err != nil || st.Size() > maxBootFile {
		return "", fmt.Errorf("%s: more than %d bytes", name, maxBootFile)
	}
	return sum, nil
}
