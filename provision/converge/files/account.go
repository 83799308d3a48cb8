package files

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

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
	b, err := readRegular(unix.AT_FDCWD, f.in(file), 0, 16<<20)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("reading %s: %w", file, err)
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) < 3 || fields[0] != name {
			continue
		}
		n, err := strconv.ParseUint(fields[2], 10, 31)
		if err != nil {
			return 0, fmt.Errorf("%s: %s has no number", file, name)
		}
		return int(n), nil
	}
	id := catalog.ID(map[string]string{"/etc/passwd": catalog.KindUser, "/etc/group": catalog.KindGroup}[file], name)
	return 0, &provider.Missing{Err: fmt.Errorf("there is no %q in %s: declare %s, or the package that creates it, before this", name, file, id), By: []string{id}}
}
