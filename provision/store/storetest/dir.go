package storetest

import (
	"os"
	"testing"
)

// Dir is a folder for a store whose disk isn't what is tested: in memory where there is
// such a folder, so that the test doesn't wait for thousands of syncs.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "rackhand-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
