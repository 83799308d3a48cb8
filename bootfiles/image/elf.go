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

// elfNeeds reads what a program needs beside itself: its loader's path ("" when
// it is static) and its libraries' names. A file that is no ELF needs nothing.
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
