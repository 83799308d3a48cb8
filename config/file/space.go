package file

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// spare is what whoever fills a disk of the appliance's leaves to its database and logs.
const spare = 1 << 30

// Free says how many bytes may be written to a folder's file system: what is free, less
// 1 GiB that stays free for the appliance's own records.
func Free(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, fmt.Errorf("ask for the room in %s: %w", dir, err)
	}
	return max(int64(fs.Bavail)*fs.Bsize-spare, 0), nil
}
