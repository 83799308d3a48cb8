package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"rackhand/templates/kickstart"
)

// kickstarts checks Kickstart files as they are. It ends with status 0 when all are
// accepted, 1 when one is rejected, 2 when one could not be looked at.
func (c *checkCmd) kickstarts(in io.Reader, out io.Writer) error {
	release := kickstart.Release(c.Release)
	if _, err := kickstart.LookupSyntax(release); err != nil {
		return exitError{2, fmt.Errorf("--release: %w", err)}
	}
	if len(c.Paths) == 0 {
		return exitError{2, errors.New("name the Kickstart files to check, or - for standard input")}
	}
	worst := 0
	for _, path := range c.Paths {
		text, err := readKickstart(path, in)
		if err != nil {
			fmt.Fprintf(out, "%s: %v\n", path, err)
			worst = 2
			continue
		}
		problems, err := kickstart.CheckText(path, text, release, readAppended)
		if err != nil {
			return exitError{2, err}
		}
		for _, p := range problems {
			fmt.Fprintln(out, p)
		}
		if len(kickstart.Errors(problems)) > 0 || c.Strict && len(problems) > 0 {
			worst = max(worst, 1)
		}
	}
	if worst > 0 {
		return silent{worst}
	}
	return nil
}

// readAppended reads what %ksappend names: a file; nothing is fetched.
func readAppended(path string) ([]byte, error) {
	if strings.Contains(path, "://") {
		return nil, errors.New("it can't be read from here")
	}
	return readBounded(path)
}

func readKickstart(path string, in io.Reader) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(in, kickstart.MaxSize+1))
	}
	return readBounded(path)
}

// readBounded reads a file, up to one byte more than a Kickstart may have.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, kickstart.MaxSize+1))
}
