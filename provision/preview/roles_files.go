package preview

import (
	"fmt"

	"rackhand/config/problem"
)

// maxSearched bounds the text that is parsed to find places of parts of values, in bytes.
const maxSearched = 32 << 20

// files are the texts of the inventory, as roles need them for their problems.
type files struct{ *Roles }

// Line is a line of a file, from 1.
func (f files) Line(file string, line int) string {
	if text := f.snapshot.File(file); text != nil {
		return text.Line(line)
	}
	return ""
}

// Within is the place of a part of a value. Many hosts may have the same problem, so each
// place is looked up once.
func (f files) Within(at problem.Place, path []string) problem.Place {
	text := f.snapshot.File(at.File)
	if text == nil {
		return at
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := fmt.Sprintf("%s %q", at, path)
	if found, ok := f.located[key]; ok {
		return found
	}
	if f.searched += text.Size(); f.searched > maxSearched {
		return at
	}
	found := text.Within(at, path)
	f.located[key] = found
	return found
}
