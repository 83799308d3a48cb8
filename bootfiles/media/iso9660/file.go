package iso9660

import (
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sort"
	"time"
)

// A File is an open file of an image: its bytes at any place, by several goroutines.
type File struct {
	v     *Volume
	e     *entry
	ends  []int64 // where each extent ends in the file
	title string
}

// Open opens a file. Anything else than a regular file is fs.ErrInvalid.
func (v *Volume) Open(name string) (*File, error) {
	e, err := v.find("open", name)
	if err != nil {
		return nil, err
	}
	if e.dir || e.mode&fs.ModeIrregular != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	f := &File{v: v, e: e, title: path.Base(name)}
	var at int64
	for _, x := range e.extents {
		// Said now, and not in the middle of an answer.
		if end := int64(x.block)*sector + int64(x.bytes); x.bytes > 0 && end > v.size {
			return nil, broken("%s ends at byte %d of the image, which has %d: is the file whole?", name, end, v.size)
		}
		at += int64(x.bytes)
		f.ends = append(f.ends, at)
	}
	return f, nil
}

// Size is the file's length in bytes.
func (f *File) Size() int64 { return f.ends[len(f.ends)-1] }

// ModTime is when the file was recorded.
func (f *File) ModTime() time.Time { return f.e.time }

// Name is the file's name, without its path.
func (f *File) Name() string { return f.title }

// Block is the file's first block in the image. With the image it identifies the
// file.
func (f *File) Block() uint32 { return f.e.extents[0].block }

// ReadAt is io.ReaderAt.
func (f *File) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	done := 0
	for done < len(b) {
		i := sort.Search(len(f.ends), func(i int) bool { return f.ends[i] > off })
		if i == len(f.ends) {
			return done, io.EOF
		}
		x := f.e.extents[i]
		in := off - (f.ends[i] - int64(x.bytes))
		n := int(min(int64(len(b)-done), f.ends[i]-off))
		if err := f.v.readAt(b[done:done+n], int64(x.block)*sector+in); err != nil {
			return done, err
		}
		done += n
		off += int64(n)
	}
	return done, nil
}

// Place returns the file's place in the image if the file is in one piece.
func (f *File) Place() (offset int64, ok bool) {
	return int64(f.e.extents[0].block) * sector, len(f.e.extents) == 1
}

// Reader reads the whole file, from its beginning.
func (f *File) Reader() *io.SectionReader { return io.NewSectionReader(f, 0, f.Size()) }

// ReadFile reads a file of at most so many bytes.
func (v *Volume) ReadFile(name string, most int64) ([]byte, error) {
	f, err := v.Open(name)
	if err != nil {
		return nil, err
	}
	if f.Size() > most {
		return nil, broken("%s has %d bytes, at most %d are read", name, f.Size(), most)
	}
	return io.ReadAll(f.Reader())
}

// Names lists a directory, sorted.
func (v *Volume) Names(dir string) ([]string, error) {
	d, err := v.find("readdir", dir)
	if err != nil {
		return nil, err
	}
	if !d.dir {
		return nil, &fs.PathError{Op: "readdir", Path: dir, Err: fs.ErrInvalid}
	}
	entries, err := v.dir(d)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(entries)), nil
}
