package file

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// ErrExposed means that untrusted users can read or change a file.
var ErrExposed = errors.New("other users may use it")

// ServiceUser is the user that the packages make, and their service runs as.
const ServiceUser = "rackhand"

// isService reports whether a user is ServiceUser; false where there is no such user.
func isService(uid uint32) bool {
	u, err := user.Lookup(ServiceUser)
	return err == nil && u.Uid == strconv.FormatUint(uint64(uid), 10)
}

// Private checks that only its owner may read or write a file, and that its owner
// is root or this program's user; for root also ServiceUser. It doesn't read the file. An error is ErrExposed, and
// names the command that mends it.
func Private(path string) error { return judge(path, 0o077) }

// Guarded checks that only its owner may write to a file or folder.
func Guarded(path string) error { return judge(path, 0o022) }

func judge(path string, forbidden os.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if perm := info.Mode().Perm(); perm&forbidden != 0 {
		return fmt.Errorf("%s: %w: its mode is %04o. Run `chmod %04o %[1]s`; if another user may have used it meanwhile, replace it", path, ErrExposed, perm, perm&^forbidden)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() && !(os.Geteuid() == 0 && isService(st.Uid)) {
		return fmt.Errorf("%s: %w: it belongs to user %d. Run `chown %d %[1]s`", path, ErrExposed, st.Uid, os.Geteuid())
	}
	return nil
}
