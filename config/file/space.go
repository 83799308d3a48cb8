package file

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// spare is the space that stays free on a disk of the appliance for its database and logs.
const spare = 1 << 30

// Free returns how many bytes may be written to a folder's file system: the free bytes,
// less 1 GiB that stays free for the appliance's own records.
func Free(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, fmt.Errorf("ask for the room in %s: %w", dir, err)
	}
	return max(int64(fs.Bavail)*fs.Bsize-spare, 0), nil
}
