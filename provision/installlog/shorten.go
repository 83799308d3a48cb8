package installlog

import (
	"bytes"
	"io"
	"os"

	"github.com/google/renameio/v2"
)

const shortened = "rackhand: the start of this log was removed for later logs of the host\n"

// shorten leaves the end of a log, from the start of a line on. A log that was shortened
// before stays as it is.
func shorten(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.Size() <= Tail {
		return err
	}
	end := make([]byte, Tail-len(shortened))
	if _, err := f.ReadAt(end, st.Size()-int64(len(end))); err != nil && err != io.EOF {
		return err
	}
	if i := bytes.IndexByte(end, '\n'); i >= 0 && i < len(end)-1 {
		end = end[i+1:]
	}
	return renameio.WriteFile(path, append([]byte(shortened), end...), 0o600)
}
