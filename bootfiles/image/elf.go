package image

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"strings"
)

// libraryDirs are where Debian's dynamic loader looks without a cache.
func libraryDirs() []string { return []string{"usr/lib/x86_64-linux-gnu", "usr/lib"} }

// elfNeeds reads a program's dependencies: its loader's path ("" if it is static) and its
// libraries' names. A file that is not an ELF has none.
func elfNeeds(data []byte) (loader string, libraries []string, err error) {
	if !bytes.HasPrefix(data, []byte(elf.ELFMAG)) {
		return "", nil, nil
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return "", nil, err
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(p.Open(), 4096))
		if err != nil {
			return "", nil, fmt.Errorf("read its loader's name: %w", err)
		}
		loader = strings.TrimRight(string(b), "\x00")
	}
	libraries, err = f.ImportedLibraries()
	return loader, libraries, err
}
