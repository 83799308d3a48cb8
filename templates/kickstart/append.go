package kickstart

import (
	"fmt"
	"net/url"
	"strings"
)

// Append replaces every line that begins with %ksappend by the text that it names,
// as Red Hat's parser does before it looks at anything else; in that text, such a
// line stays as it is. read returns the text under a path or URL. The error is a
// *Problem at the line that can't be replaced.
func Append(name string, text []byte, read func(path string) ([]byte, error)) ([]byte, error) {
	return anyDialect().append(name, text, read)
}

func (d dialect) append(name string, text []byte, read func(path string) ([]byte, error)) ([]byte, error) {
	if !strings.Contains(string(text), "%ksappend") {
		return text, nil
	}
	var out []byte
	for i, line := range d.splitLines(string(text)) {
		word, at := d.firstField(line, i+1)
		if !strings.HasPrefix(word, "%ksappend") {
			out = append(out, line...)
			continue
		}
		fail := func(format string, args ...any) error {
			return &Problem{File: name, Pos: at, Message: fmt.Sprintf(format, args...)}
		}
		// Red Hat's parser splits this line at single blanks, not as words.
		fields := strings.Split(strings.TrimFunc(line, d.isSpace), " ")
		if len(fields) < 2 || fields[1] == "" {
			return nil, fail("%%ksappend needs a path or URL after one blank")
		}
		more, err := read(fields[1])
		if err != nil {
			return nil, fail("%%ksappend %s: %v", Clip(withoutPassword(fields[1])), err)
		}
		if len(out)+len(more) > MaxSize {
			return nil, fail("with what %%ksappend brings, the file is larger than 4 MiB")
		}
		out = append(out, more...)
	}
	return out, nil
}

// withoutPassword is a URL with its user's password masked.
func withoutPassword(s string) string {
	if !strings.Contains(s, "@") {
		return s
	}
	u, err := url.Parse(s)
	if err != nil {
		return "(a URL that can't be read)"
	}
	return u.Redacted()
}
