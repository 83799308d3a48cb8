package fake

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// DataRanges are a file's runs of data by where they begin and end, as the file
// system has them (lseek(2), SEEK_DATA).
func DataRanges(t *testing.T, name string) [][2]int64 {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out [][2]int64
	for at := int64(0); ; {
		from, err := f.Seek(at, unix.SEEK_DATA)
		if err != nil {
			return out
		}
		if at, err = f.Seek(from, unix.SEEK_HOLE); err != nil {
			t.Fatal(err)
		}
		out = append(out, [2]int64{from, at})
	}
}
