package edit

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Path leads to a value of the inventory, a key for each step:
// hosts, web1, address.
type Path []string

// Bounds on a path, far above what an inventory needs.
const (
	maxSteps = 16
	maxKey   = 255 // bytes; YAML bounds a plain key at 1024
)

// ParsePath reads a path as it is typed: hosts.web1.address. A key that holds a
// dot is quoted: systems."rocky9.4".release.
func ParsePath(s string) (Path, error) {
	fail := func(why string) (Path, error) {
		return nil, fmt.Errorf("%q is not a path: %s; write one such as hosts.web1.address", s, why)
	}
	var p Path
	for rest := s; ; {
		var key string
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			var closed bool
			if key, rest, closed = strings.Cut(quoted, `"`); !closed {
				return fail("a quote is not closed")
			}
			if rest != "" && rest[0] != '.' {
				return fail("a dot must follow a quoted key")
			}
		} else if i := strings.IndexByte(rest, '.'); i >= 0 {
			key, rest = rest[:i], rest[i:]
		} else {
			key, rest = rest, ""
		}
		if err := checkKey(key); err != nil {
			return fail(err.Error())
		}
		if p = append(p, key); len(p) > maxSteps {
			return fail("it has too many keys")
		}
		if rest == "" {
			return p, nil
		}
		rest = rest[1:]
	}
}

func checkKey(key string) error {
	switch {
	case key == "":
		return errors.New("a key is empty")
	case len(key) > maxKey:
		return fmt.Errorf("a key has more than %d bytes", maxKey)
	case key == "<<":
		return errors.New("<< is not a key")
	case strings.Contains(key, `"`):
		return errors.New("a key holds a quote")
	case !utf8.ValidString(key) || strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("a key holds unprintable characters")
	}
	return nil
}

// String writes the path as [ParsePath] reads it.
func (p Path) String() string {
	keys := make([]string, len(p))
	for i, key := range p {
		if strings.Contains(key, ".") {
			key = `"` + key + `"`
		}
		keys[i] = key
	}
	return strings.Join(keys, ".")
}

func (p Path) last() string {
	if len(p) == 0 {
		return ""
	}
	return p[len(p)-1]
}
