package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"rackhand/bootfiles/media/iso9660"
	"rackhand/config/file"
)

// AddOptions say what is added.
type AddOptions struct {
	Dir     string // the state folder's media/
	Name    string
	InPlace bool   // an ISO stays where it is, instead of being copied
	SHA256  string // the ISO's expected sum, in hex; "" for any
	Replace bool   // one of that name gives way
	Now     time.Time
}

// Add adds an ISO: looks whether it is one that can be installed from, sums it up, and
// compares the checksums that its .treeinfo gives. Notes are for the operator.
func Add(ctx context.Context, iso string, o AddOptions) (m *Manifest, notes []string, err error) {
	if iso, err = filepath.Abs(iso); err != nil {
		return nil, nil, err
	}
	if err := o.check(); err != nil {
		return nil, nil, err
	}
	f, err := file.Open(iso)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	// Before ten gigabytes are copied: what is in it?
	v, err := iso9660.Open(f, st.Size())
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", iso, err)
	}
	m = &Manifest{Name: o.Name, Added: o.Now.UTC().Truncate(time.Second), Files: map[string]string{}}
	if notes, err = m.inspect(v); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", iso, err)
	}
	if err := verifyFiles(ctx, v, m, st.Size()); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", iso, err)
	}
	err = o.publish(m, func(folder string) error {
		m.ISO = &ISO{Size: st.Size(), ModTime: st.ModTime(), Label: v.Label()}
		to := io.Writer(io.Discard)
		if o.InPlace {
			m.ISO.Path = iso
		} else {
			if free, err := file.Free(folder); err != nil {
				return err
			} else if st.Size() > free {
				return fmt.Errorf("%s has %d MiB, and the disk of %s has room for %d (1 GiB stays free): make room, or leave the ISO where it is with --in-place", iso, st.Size()>>20, o.Dir, free>>20)
			}
			copied, err := os.OpenFile(filepath.Join(folder, ISOFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
			if err != nil {
				return err
			}
			defer copied.Close()
			to = copied
		}
		sum, err := sumOf(ctx, io.NewSectionReader(f, 0, st.Size()), to)
		if err != nil {
			return fmt.Errorf("%s: %w", iso, err)
		}
		if o.SHA256 != "" && sum != o.SHA256 {
			return fmt.Errorf("%s has the SHA-256 %s, and not %s: fetch it again", iso, sum, o.SHA256)
		}
		m.ISO.SHA256 = sum
		if c, ok := to.(*os.File); ok {
			if err := errors.Join(c.Sync(), os.Chtimes(c.Name(), st.ModTime(), st.ModTime())); err != nil {
				return err
			}
			copied, err := c.Stat() // a file system may keep less of a time than it was given
			if err != nil {
				return err
			}
			m.ISO.ModTime = copied.ModTime()
		}
		return nil
	})
	return m, notes, err
}

// inspect reads what a tree says of itself, and whether it holds what it names.
func (m *Manifest) inspect(v *iso9660.Volume) (notes []string, err error) {
	var t *Treeinfo
	text, err := v.ReadFile(TreeinfoFile, maxTreeinfo)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if t, err = bootISO(v); err == nil {
			notes = append(notes, fmt.Sprintf("it has no %s: by its %s and its label it is %s %s (%s) for %s", TreeinfoFile, discinfoFile, t.Family, t.Version, t.Release(), t.Processor()))
		}
	case err == nil:
		t, err = ParseTreeinfo(text)
	}
	if err != nil {
		return nil, err
	}
	m.Tree = *t
	for _, variant := range t.Variants {
		repomd := path.Join(variant.Repository, "repodata/repomd.xml")
		if !fs.ValidPath(repomd) {
			continue
		}
		if _, err := v.Open(repomd); err == nil {
			m.Packages = true
		}
	}
	if !m.Packages {
		notes = append(notes, "it has the installer alone and no packages: its Kickstarts need a `url` (install_url, in the shipped ones)")
	}
	return notes, nil
}

// verifyFiles compares the files of an ISO with the checksums that its .treeinfo gives,
// and sums up those that boot. It ignores checksums of files that are not on this ISO. Files
// may overlap; together at most twice the ISO's size is read.
func verifyFiles(ctx context.Context, v *iso9660.Volume, m *Manifest, size int64) error {
	sums, left := map[string]string{}, 2*size
	for p := range m.Tree.Checksums {
		sums[p] = ""
	}
	for _, p := range m.Tree.boot() {
		sums[p] = "boots"
	}
	for p, boots := range sums {
		f, err := v.Open(p)
		if errors.Is(err, fs.ErrNotExist) && boots == "" {
			continue
		}
		if err != nil {
			return err
		}
		if left -= f.Size(); left < 0 {
			return fmt.Errorf("the files that its %s names have more bytes than the ISO: it is damaged, fetch it again", TreeinfoFile)
		}
		sum, err := sumOf(ctx, f.Reader(), io.Discard)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		if want := m.Tree.Checksums[p]; want != "" && want != sum {
			return fmt.Errorf("%s in it is not what %s says (SHA-256 %s, and not %s): the file is damaged, fetch it again", p, TreeinfoFile, sum, want)
		}
		if boots != "" {
			m.Files[p] = sum
		}
	}
	return nil
}

func (o AddOptions) check() error {
	if err := CheckName(o.Name); err != nil {
		return err
	}
	if o.SHA256 != "" && !sumForm.MatchString(o.SHA256) {
		return fmt.Errorf("%.80q is not a SHA-256 sum: 64 hexadecimal digits", o.SHA256)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, o.Name, ManifestFile)); err == nil && !o.Replace {
		return fmt.Errorf("media %s is there already: --replace puts this one into its place", o.Name)
	}
	return nil
}

// publish fills a new folder and puts it, complete, into its place.
func (o AddOptions) publish(m *Manifest, fill func(folder string) error) error {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	folder, err := os.MkdirTemp(o.Dir, ".adding-"+o.Name+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := fill(folder); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := errors.Join(m.check(o.Name), os.WriteFile(filepath.Join(folder, ManifestFile), append(text, '\n'), 0o644), os.Chmod(folder, 0o755)); err != nil {
		return err
	}
	final := filepath.Join(o.Dir, o.Name)
	if err := os.Rename(folder, final); err == nil {
		return nil
	}
	// Something stands there: it goes out of the way first.
	old := folder + ".old"
	if err := os.Rename(final, old); err != nil {
		return err
	}
	defer os.RemoveAll(old)
	return os.Rename(folder, final)
}

// Verify compares a media's files with what was written down when it was added.
func Verify(ctx context.Context, dir, name string) error {
	m, err := Load(dir, name)
	if err != nil {
		return err
	}
	if m.ISO == nil {
		for p, want := range m.Files {
			if err := verifyFile(ctx, filepath.Join(dir, name, filepath.FromSlash(p)), want); err != nil {
				return fmt.Errorf("media %s: %w", name, err)
			}
		}
		return nil
	}
	iso := m.isoPath(dir)
	if err := verifyFile(ctx, iso, m.ISO.SHA256); err != nil {
		return fmt.Errorf("media %s: %w", name, err)
	}
	st, err := os.Stat(iso)
	if err != nil {
		return err
	}
	if !st.ModTime().Equal(m.ISO.ModTime) {
		return fmt.Errorf("media %s: %s has the right bytes and another time than when it was added, so it is not served: `touch -d @%d.%09d %s` mends it",
			name, iso, m.ISO.ModTime.Unix(), m.ISO.ModTime.Nanosecond(), iso)
	}
	return nil
}

func verifyFile(ctx context.Context, name, want string) error {
	f, err := file.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	sum, err := sumOf(ctx, f, io.Discard)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if sum != want {
		return fmt.Errorf("%s has the SHA-256 %s; when it was added it was %s", name, sum, want)
	}
	return nil
}

// sumOf copies r to w and returns its SHA-256 in hex.
func sumOf(ctx context.Context, r io.Reader, w io.Writer) (string, error) {
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := r.Read(buf)
		h.Write(buf[:n])
		if _, werr := w.Write(buf[:n]); werr != nil {
			return "", werr
		}
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}
