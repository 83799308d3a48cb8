package converge

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Paths are the files of the agent, all below Root; "" is the machine's own root.
type Paths struct{ Root string }

// In is an absolute path of the host, below the root.
func (p Paths) In(path string) string { return filepath.Join("/", p.Root, path) }

func (p Paths) config() string   { return p.In("/etc/rackhand/agent.json") }
func (p Paths) ca() string       { return p.In("/etc/rackhand/ca.pem") }
func (p Paths) token() string    { return p.In("/etc/rackhand/enrol-token") }
func (p Paths) folder() string   { return p.In("/var/lib/rackhand-agent") }
func (p Paths) key() string      { return filepath.Join(p.folder(), "key.pem") }
func (p Paths) cert() string     { return filepath.Join(p.folder(), "cert.pem") }
func (p Paths) nextKey() string  { return filepath.Join(p.folder(), "key.next.pem") }
func (p Paths) nextCert() string { return filepath.Join(p.folder(), "cert.next.pem") }
func (p Paths) catalog() string  { return filepath.Join(p.folder(), "catalog-2.json") }

// firstCatalog is where agents of the first format keep theirs. They would take one without
// contents for files that are empty, so nothing else is put there.
func (p Paths) firstCatalog() string { return filepath.Join(p.folder(), "catalog.json") }

// kept is where the kept catalog is: at its place, or where an older agent left it.
func (p Paths) kept() string {
	if _, err := os.Lstat(p.catalog()); errors.Is(err, fs.ErrNotExist) {
		return p.firstCatalog()
	}
	return p.catalog()
}

func (p Paths) state() string { return filepath.Join(p.folder(), "state.json") }
func (p Paths) contents() string {
	return filepath.Join(p.folder(), "content")
}

// Backups is the folder of the copies of files that were replaced or removed.
func (p Paths) Backups() string { return filepath.Join(p.folder(), "backup") }

func (p Paths) lock() string { return filepath.Join(p.folder(), "lock") }

func (p Paths) disabled() string { return filepath.Join(p.folder(), "disabled.json") }

// next is in memory: it says nothing after a boot.
func (p Paths) next() string { return p.In("/run/rackhand-agent/next.json") }

// readFile reads a small file of the agent's own.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO opens at once
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return b, err
}

// writeFile puts a file of the agent's own in place, 0600, such that after a
// crash there is the old one or the new one. It returns when it is on disk.
func writeFile(name string, data []byte) error {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, "."+filepath.Base(name)+"-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// sweep removes what a kill left behind of files that were being written: see writeFile.
func (p Paths) sweep() error {
	entries, err := os.ReadDir(p.folder())
	if err != nil {
		return err
	}
	for _, e := range entries {
		for _, name := range []string{p.key(), p.cert(), p.nextKey(), p.nextCert(), p.catalog(), p.firstCatalog(), p.state(), p.disabled()} {
			rest, ok := strings.CutPrefix(e.Name(), "."+filepath.Base(name)+"-")
			if _, bad := strconv.ParseUint(rest, 10, 64); ok && bad == nil && e.Type().IsRegular() {
				err = errors.Join(err, os.Remove(filepath.Join(p.folder(), e.Name())))
			}
		}
	}
	parts, _ := filepath.Glob(filepath.Join(p.contents(), partPrefix+"*"))
	for _, name := range parts {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// removeFile removes a file for good, before it returns.
func removeFile(name string) error {
	err := os.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
