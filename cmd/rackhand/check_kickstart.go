package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"rackhand/config/file"
	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

// kickstarts checks Kickstart files as they are. It ends with status 0 when all are
// accepted, 1 when one is rejected, 2 when one could not be looked at.
func (c *checkCmd) kickstarts(in io.Reader, out io.Writer) error {
	if c.Release == "" && c.Unsupported == "" {
		return exitError{exitUsage, errors.New("give --release RHEL9 (RHEL7 to RHEL10, F42 to F44), --unsupported refuse or skip for the image installer, or both")}
	}
	release := releaseNamed(c.Release)
	if _, err := kickstart.LookupSyntax(release); err != nil && c.Release != "" {
		return exitError{exitUsage, fmt.Errorf("--release: %w", err)}
	}
	if len(c.Paths) == 0 {
		return exitError{exitUsage, errors.New("name the Kickstart files to check, or - for standard input")}
	}
	worst := 0
	told := checkedAll{Problems: []found{}, Warnings: []found{}}
	for _, path := range c.Paths {
		text, err := readKickstart(path, in)
		if err != nil {
			told.Problems = append(told.Problems, found{File: path, Message: err.Error()})
			if !c.JSON {
				fmt.Fprintf(out, "%s: %v\n", path, err)
			}
			worst = 2
			continue
		}
		var problems []*kickstart.Problem
		if release != "" {
			if problems, err = kickstart.CheckText(path, text, release, readAppended); err != nil {
				return exitError{exitUsage, err}
			}
		}
		if c.Unsupported != "" {
			problems = append(problems, imageProblems(path, text, engine.Unsupported(c.Unsupported))...)
		}
		for _, p := range problems {
			one := found{p.File, p.Pos.Line, p.Pos.Col, p.Message, p.Hint}
			if p.Severity == kickstart.Warning {
				told.Warnings = append(told.Warnings, one)
			} else {
				told.Problems = append(told.Problems, one)
			}
			if !c.JSON {
				fmt.Fprintln(out, p)
			}
		}
		if len(kickstart.Errors(problems)) > 0 || c.Strict && len(problems) > 0 {
			worst = max(worst, 1)
		}
	}
	if c.JSON {
		if err := printJSON(out, told); err != nil {
			return err
		}
	}
	if worst > 0 {
		return silent{worst}
	}
	return nil
}

// imageProblems are the image installer's problems with a Kickstart.
func imageProblems(path string, text []byte, way engine.Unsupported) []*kickstart.Problem {
	f, err := kickstart.Parse(path, text)
	var broken *kickstart.Problem
	if errors.As(err, &broken) {
		return []*kickstart.Problem{broken}
	}
	return engine.Read(f, way).Problems
}

// releaseNamed is a release by what people call it: RHEL9, rhel9, F44, fedora44.
func releaseNamed(name string) kickstart.Release {
	known := strings.Replace(strings.ToUpper(name), "FEDORA", "F", 1)
	if r := kickstart.Release(known); slices.Contains(kickstart.Releases(), r) {
		return r
	}
	return kickstart.Release(name)
}

// readAppended reads what %ksappend names: a file; nothing is fetched.
func readAppended(path string) ([]byte, error) {
	if strings.Contains(path, "://") {
		return nil, errors.New("a URL is not fetched here")
	}
	return readFile(path)
}

func readKickstart(path string, in io.Reader) ([]byte, error) {
	if path == "-" {
		return readBounded(in)
	}
	return readFile(path)
}

func readFile(path string) ([]byte, error) {
	f, err := file.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f)
}

// readBounded reads a Kickstart up to its maximum size. A larger one is not checked, which
// does not mean that an installer rejects it.
func readBounded(in io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(in, kickstart.MaxSize+1))
	if err == nil && len(text) > kickstart.MaxSize {
		err = fmt.Errorf("larger than %d MiB, the largest file that is checked", kickstart.MaxSize>>20)
	}
	return text, err
}
