package kickstart

import (
	"fmt"
	"strings"
)

// maxAppend bounds how deep %ksappend may nest.
const maxAppend = 8

// Append replaces every line that begins with %ksappend by the text that it names,
// as Red Hat's parser does before it looks at anything else. read returns the text
// under a path or URL. The error is a *Problem at the line that can't be replaced.
func Append(name string, text []byte, read func(path string) ([]byte, error)) ([]byte, error) {
	return appendIn(name, text, read, 0)
}

func appendIn(name string, text []byte, read func(string) ([]byte, error), depth int) ([]byte, error) {
	if !strings.Contains(string(text), "%ksappend") {
		return text, nil
	}
	var out []byte
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		word, at := firstField(strings.TrimRight(line, "\r\n"), number)
		if word != "%ksappend" {
			out = append(out, line...)
			continue
		}
		fail := func(hint, format string, args ...any) error {
			return &Problem{File: name, Pos: at, Hint: hint, Message: fmt.Sprintf(format, args...)}
		}
		fields := strings.Fields(line)
		switch {
		case len(fields) < 2:
			return nil, fail("", "%%ksappend needs a path or URL")
		case depth >= maxAppend:
			return nil, fail("", "%%ksappend is nested more than %d deep", maxAppend)
		}
		more, err := read(fields[1])
		if err == nil {
			more, err = appendIn(fields[1], more, read, depth+1)
		}
		if err != nil {
			return nil, fail("", "%%ksappend %s: %v", clip(fields[1]), err)
		}
		if len(out)+len(more) > MaxSize {
			return nil, fail("", "with what %%ksappend brings, the file is larger than 1 MiB")
		}
		out = append(out, more...)
		if len(more) > 0 && more[len(more)-1] != '\n' {
			out = append(out, '\n')
		}
	}
	return out, nil
}
