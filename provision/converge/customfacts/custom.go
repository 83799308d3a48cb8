// Package customfacts reads the operator's own facts of a host: JSON files and programs in a
// folder, facts.d. Each file gives the fact of its name. A file that can't be used is a problem
// of its own, and costs the others nothing.
package customfacts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
)

// The bounds of own facts.
const (
	Deadline = 10 * time.Second // of each program
	inAll    = 30 * time.Second // of all together
	maxFiles = 32
	maxSize  = 16 << 10 // bytes of a fact
	maxAll   = 32 << 10 // bytes of all together, so that the host's other facts have room
	parallel = 4        // programs at once
)

// nameForm is the name of a fact: that of its file without what follows a dot.
var nameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)

// A Folder is where own facts are read.
type Folder struct {
	Dir    string
	Runner command.Runner
	// Deadline is that of each program; 10 s when 0.
	Deadline time.Duration
}

// A result is the fact of a file, or why it gives none.
type result struct {
	value json.RawMessage
	err   error
}

// Read returns the facts by name, as JSON, and what is wrong with files, by file. The folder,
// and each file in it, must belong to root and be writable by root alone: the programs in it
// run as root.
func (f Folder) Read(ctx context.Context) (facts map[string]json.RawMessage, problems map[string]string) {
	facts, problems = map[string]json.RawMessage{}, map[string]string{}
	files, err := f.files()
	if err != nil {
		problems[""] = command.Short(err.Error())
		return facts, problems
	}
	within, cancel := context.WithTimeoutCause(ctx, inAll, fmt.Errorf("all programs together have %s", inAll))
	defer cancel()
	results := f.all(within, files)
	size := 0
	for i, name := range files {
		r, fact := results[i], factOf(name)
		switch {
		case r.err != nil:
		case facts[fact] != nil:
			r.err = fmt.Errorf("another file gives the fact %s already", fact)
		case size+len(r.value) > maxAll:
			r.err = fmt.Errorf("own facts have at most %d KiB together", maxAll>>10)
		}
		if r.err != nil {
			problems[name] = command.Short(r.err.Error())
			continue
		}
		facts[fact] = r.value
		size += len(r.value)
	}
	return facts, problems
}

// files are the names of the files in the folder, sorted; none without the folder.
func (f Folder) files() (names []string, err error) {
	info, err := os.Stat(f.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = ours(info)
	}
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(f.Dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || strings.HasSuffix(e.Name(), "~") {
			continue // an editor's
		}
		if len(names) == maxFiles {
			return nil, fmt.Errorf("more than %d files", maxFiles)
		}
		names = append(names, e.Name())
	}
	return names, err
}

// ours reports a file that a user other than root can change.
func ours(info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok || int(st.Uid) != 0 && int(st.Uid) != os.Geteuid():
		return errors.New("it does not belong to root: chown root")
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others than its owner may write it (mode %04o): chmod go-w", info.Mode().Perm())
	}
	return nil
}

func factOf(file string) string {
	name, _, _ := strings.Cut(file, ".")
	return name
}

// all reads the files, a few at a time.
func (f Folder) all(ctx context.Context, files []string) []result {
	results := make([]result, len(files))
	slots := make(chan bool, parallel)
	var wg sync.WaitGroup
	for i, name := range files {
		slots <- true
		wg.Go(func() {
			results[i] = f.timely(ctx, name)
			<-slots
		})
	}
	wg.Wait()
	return results
}

// timely is one within its deadline. It doesn't wait for a program that can't be killed.
func (f Folder) timely(ctx context.Context, name string) result {
	deadline := f.Deadline
	if deadline == 0 {
		deadline = Deadline
	}
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, fmt.Errorf("no end within %s", deadline))
	defer cancel()
	done := make(chan result, 1)
	go func() {
		value, err := f.one(ctx, name)
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r
	case <-ctx.Done():
	}
	select {
	case r := <-done:
		return r
	case <-time.After(2 * time.Second): // for the end of the program
		return result{err: context.Cause(ctx)}
	}
}

// one reads one file.
func (f Folder) one(ctx context.Context, name string) (json.RawMessage, error) {
	path := filepath.Join(f.Dir, name)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	runs := info.Mode().Perm()&0o111 != 0
	switch {
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case !nameForm.MatchString(factOf(name)):
		return nil, errors.New("its name can't be a fact's: use letters, digits, _ and -, a letter first, and at most one word behind a dot")
	case !runs && filepath.Ext(name) != ".json":
		return nil, errors.New("it is neither a program (chmod +x) nor NAME.json")
	}
	if err := ours(info); err != nil {
		return nil, err
	}
	var text string
	if runs {
		text, err = f.run(ctx, path)
	} else {
		text, err = read(path)
	}
	if err != nil {
		return nil, err
	}
	return check(text)
}

func (f Folder) run(ctx context.Context, path string) (string, error) {
	out, err := f.Runner.Run(ctx, nil, path)
	if err == nil && out.Code != 0 {
		err = errors.New(out.Explain())
	}
	return out.Stdout, err
}

func read(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	return string(b), err
}

// check reads a fact: a JSON value that the appliance takes.
func check(text string) (json.RawMessage, error) {
	if len(text) > maxSize {
		return nil, fmt.Errorf("a fact has at most %d KiB", maxSize>>10)
	}
	value := json.RawMessage(strings.TrimSpace(text))
	if len(value) == 0 || !json.Valid(value) {
		return nil, errors.New("it is not JSON")
	}
	// In its place below custom and the name.
	whole, err := json.Marshal(map[string]any{"custom": map[string]any{"name": value}})
	if err == nil {
		_, err = catalog.DecodeFacts(whole)
	}
	return value, err
}
