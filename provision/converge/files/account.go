package files

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/provider"
)

// accountID finds the number of a user or group in /etc/passwd or /etc/group
// below the root (passwd(5), group(5)); a number stands for itself. The file is
// read here, since a static program has no nsswitch.
func (f *Files) accountID(file, name string) (int, error) {
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n), nil
	}
	numbers, err := f.accounts.read(f.in(file))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("reading %s: %w", file, err)
	}
	text, there := numbers[name]
	if !there {
		id := catalog.ID(map[string]string{"/etc/passwd": catalog.KindUser, "/etc/group": catalog.KindGroup}[file], name)
		return 0, &provider.Missing{Err: fmt.Errorf("there is no %q in %s: declare %s, or the package that creates it, before this", name, file, id), By: []string{id}}
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s: %s has no number", file, name)
	}
	return int(n), nil
}

// accounts are the names of passwd and group with their numbers. A file is read again once
// it is another file, or was changed.
type accounts struct {
	mu    sync.Mutex // work that was left behind may go on beside a later run
	known map[string]accountFile
}

// An accountFile is what was read of a file.
type accountFile struct {
	stamp
	numbers map[string]string
}

// A stamp tells one state of a file from another.
type stamp struct {
	dev, ino     uint64
	size         int64
	mtime, ctime unix.Timespec
}

func (a *accounts) read(name string) (map[string]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var st unix.Stat_t // before it is read: what is written meanwhile shows at the next look
	if err := unix.Stat(name, &st); err != nil {
		return nil, err
	}
	now := stamp{dev: st.Dev, ino: st.Ino, size: st.Size, mtime: st.Mtim, ctime: st.Ctim}
	was, ok := a.known[name]
	if ok && was.stamp == now {
		return was.numbers, nil
	}
	b, err := readRegular(unix.AT_FDCWD, name, 0, 16<<20)
	if err != nil {
		return nil, err
	}
	numbers := map[string]string{}
	for line := range strings.Lines(string(b)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 4)
		if len(fields) < 3 {
			continue
		}
		if _, twice := numbers[fields[0]]; !twice {
			numbers[strings.Clone(fields[0])] = strings.Clone(fields[2])
		}
	}
	if a.known == nil {
		a.known = map[string]accountFile{}
	}
	a.known[name] = accountFile{now, numbers}
	return numbers, nil
}
