package installlog

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Bounds of a log's tail.
const (
	TailLines = 12
	TailBytes = 1500
	// tailRead is how much of a log's end is looked at.
	tailRead = 32 << 10
)

// Size is how many bytes the log of an install has; 0 when there is no log.
func (s *Store) Size(id string) int64 {
	path, err := s.path(id)
	if err != nil {
		return 0
	}
	st, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return st.Size()
}

// Tail returns the last lines of an install's log, oldest first: at most TailLines of them,
// and TailBytes bytes with their line feeds. A line that is too long for that is cut. An
// install without a log has no lines.
func (s *Store) Tail(id string) ([]string, error) {
	f, err := s.Open(id)
	if errors.Is(err, ErrNoLog) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, st.Size()-tailRead)
	b, err := io.ReadAll(io.NewSectionReader(f, from, tailRead))
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	if from > 0 && len(lines) > 1 {
		lines = lines[1:] // its beginning is missing
	}
	return lastLines(lines), nil
}

// lastLines are the last lines that fit a tail.
func lastLines(lines []string) []string {
	left, first := TailBytes, len(lines)
	for first > 0 && len(lines)-first < TailLines && len(lines[first-1]) < left {
		first--
		left -= len(lines[first]) + 1
	}
	out := lines[first:]
	if len(out) == 0 && len(lines) > 0 {
		out = []string{strings.ToValidUTF8(lines[len(lines)-1][:TailBytes-4], "") + "…"}
	}
	if len(out) == 1 && out[0] == "" {
		return nil
	}
	return out
}
