package console

import (
	"io"
	"os"
	"path/filepath"
)

// half is the size at which a file is put aside: two of them are kept, a MiB for a host.
const half = 512 << 10

// A record is the kept end of a console: a file, and the one before it.
type record struct {
	path string
	file *os.File
	size int64
}

func (h *Hub) path(host string) string { return filepath.Join(h.Folder, host+".log") }

// older is where the file before is.
func older(path string) string { return path + ".1" }

func (r *record) write(b []byte) error {
	if r.file == nil {
		if err := r.open(); err != nil {
			return err
		}
	}
	if r.size+int64(len(b)) > half {
		r.close()
		if err := os.Rename(r.path, older(r.path)); err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := r.open(); err != nil {
			return err
		}
	}
	n, err := r.file.Write(b)
	r.size += int64(n)
	return err
}

func (r *record) open() error {
	if err := os.MkdirAll(filepath.Dir(r.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(r.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return err
	}
	r.file, r.size = f, info.Size()
	return nil
}

func (r *record) close() {
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
	}
}

// readTail reads the end of a record, over both files.
func readTail(path string, most int64) string {
	now := fileTail(path, most)
	if left := most - int64(len(now)); left > 0 {
		return fileTail(older(path), left) + now
	}
	return now
}

func fileTail(path string, most int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	b, err := io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-most), most))
	if err != nil {
		return ""
	}
	return string(b)
}
