package media

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"

	"rackhand/bootfiles/media/iso9660"
	"rackhand/config/file"
)

// A Store opens files of media while they are served. ISOs stay open, and are looked
// at again when their manifest was replaced.
type Store struct {
	dir string

	mu   sync.Mutex
	open map[string]*opened
}

type opened struct {
	manifest time.Time // of its file
	m        *Manifest
	// file is closed by the garbage collector: readers may be in the middle of one that
	// was replaced.
	file   *os.File
	volume *iso9660.Volume // nil for a tree
}

// NewStore serves the media in a folder.
func NewStore(dir string) *Store { return &Store{dir: dir, open: map[string]*opened{}} }

// A File is a file of a media. It is closed by its user.
type File struct {
	io.ReadSeeker
	io.Closer
	Name    string // without its path
	Size    int64
	ModTime time.Time
	// Tag identifies the file and version, for HTTP's ETag.
	Tag string
}

// Media is a media that is at hand: its manifest is sound and its ISO the one that was
// added. An error is ErrNoMedia when there are no media of that name.
func (s *Store) Media(name string) (*Manifest, error) {
	o, err := s.media(name)
	if err != nil {
		return nil, err
	}
	return o.m, nil
}

func (s *Store) media(name string) (*opened, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := os.Stat(filepath.Join(s.dir, name, ManifestFile))
	if err != nil {
		delete(s.open, name)
		_, err := Load(s.dir, name) // says it better
		if err == nil {
			err = fmt.Errorf("media %s: it is being replaced", name)
		}
		return nil, err
	}
	o, ok := s.open[name]
	if !ok || !o.manifest.Equal(st.ModTime()) {
		if o, err = load(s.dir, name, st.ModTime()); err != nil {
			return nil, err
		}
		s.open[name] = o
	}
	if o.m.ISO != nil {
		// By its name: an ISO that lies elsewhere may have been replaced or removed.
		iso := o.m.isoPath(s.dir)
		st, err := os.Stat(iso)
		if err != nil {
			return nil, fmt.Errorf("media %s: its ISO: %w", name, err)
		}
		if err := o.m.unchanged(st, iso); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func load(dir, name string, at time.Time) (*opened, error) {
	m, err := Load(dir, name)
	if err != nil {
		return nil, err
	}
	o := &opened{manifest: at, m: m}
	if m.ISO == nil {
		return o, nil
	}
	iso := m.isoPath(dir)
	if o.file, err = file.Open(iso); err != nil {
		return nil, fmt.Errorf("media %s: its ISO: %w", name, err)
	}
	st, err := o.file.Stat()
	if err == nil {
		err = m.unchanged(st, iso)
	}
	if err == nil {
		o.volume, err = iso9660.Open(o.file, st.Size())
	}
	if err != nil {
		o.file.Close()
		return nil, fmt.Errorf("media %s: %w", name, err)
	}
	return o, nil
}

// Open opens a file of a media by its path. A tree only has the files fetched when it was
// added. An error is fs.ErrNotExist if the media has no such file, and ErrNoMedia if no such
// media exists.
func (s *Store) Open(name, file string) (*File, error) {
	o, err := s.media(name)
	if err != nil {
		return nil, err
	}
	if !fs.ValidPath(file) {
		return nil, &fs.PathError{Op: "open", Path: file, Err: fs.ErrNotExist}
	}
	if o.volume == nil {
		return o.openFile(s.dir, file)
	}
	f, err := o.volume.Open(file)
	if errors.Is(err, fs.ErrNotExist) && file == TreeinfoFile {
		text := o.m.text()
		return &File{
			ReadSeeker: bytes.NewReader(text), Closer: io.NopCloser(nil), Name: file, Size: int64(len(text)), ModTime: o.m.Added,
			Tag: fmt.Sprintf("%.16s-made", o.m.ISO.SHA256),
		}, nil
	}
	if err != nil {
		return nil, err
	}
	return &File{
		ReadSeeker: &reader{SectionReader: f.Reader(), of: o}, Closer: io.NopCloser(nil), Name: f.Name(), Size: f.Size(), ModTime: f.ModTime(),
		Tag: fmt.Sprintf("%.16s-%x-%x", o.m.ISO.SHA256, f.Block(), f.Size()),
	}, nil
}

// A reader keeps the ISO's file open for as long as it is used.
type reader struct {
	*io.SectionReader
	of *opened
}

func (o *opened) openFile(dir, name string) (*File, error) {
	sum, ok := o.m.Files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	f, err := file.Open(filepath.Join(dir, o.m.Name, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &File{ReadSeeker: f, Closer: f, Name: path.Base(name), Size: st.Size(), ModTime: o.m.Added, Tag: sum[:32]}, nil
}
