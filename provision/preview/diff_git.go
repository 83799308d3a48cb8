package preview

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"rackhand/inventory"
)

// Bounds of a checkout, larger than those of an inventory.
const (
	maxCheckout     = 5000
	maxCheckoutSize = 64 << 20 // bytes
	maxListing      = 8 << 20  // bytes of git ls-tree's output
)

// CheckOut writes an inventory's folder as it was in a commit (HEAD, a branch, a tag,
// a hash) into the folder to: the *.yaml files, roles/ and templates/. dir may be a
// repository or a folder of one. found is false when the commit has no such folder.
// It doesn't change the repository.
func CheckOut(ctx context.Context, dir, ref, to string) (found bool, err error) {
	prefix, err := git(ctx, dir, nil, "rev-parse", "--show-prefix")
	if err != nil {
		return false, fmt.Errorf("%s: no git repository to compare with: %w", dir, err)
	}
	folder := strings.TrimSuffix(strings.TrimSuffix(string(prefix), "\n"), "/")
	id, err := git(ctx, dir, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}")
	if err != nil {
		return false, fmt.Errorf("%q is not a commit of the repository that %s lies in: name a branch, a tag or a hash", ref, dir)
	}
	commit := strings.TrimSpace(string(id))
	// Paths come relative to the inventory's folder, since git is run in it.
	listing, err := git(ctx, dir, nil, "ls-tree", "-r", "-z", commit, "--", ".")
	if err != nil {
		return false, err
	}
	entries, err := parseTree(listing)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	// Links are followed by git within the commit, never by us.
	var ask bytes.Buffer
	for _, name := range entries {
		fmt.Fprintf(&ask, "%s:%s\n", commit, path.Join(folder, name))
	}
	blobs, err := git(ctx, dir, &ask, "cat-file", "--batch", "--follow-symlinks")
	if err != nil {
		return false, err
	}
	return true, unpack(bufio.NewReader(bytes.NewReader(blobs)), entries, to)
}

// git runs git in a folder and returns its output. An error contains its messages.
func git(ctx context.Context, dir string, in io.Reader, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stdin = dir, in
	cmd.Env = gitEnviron(os.Environ())
	var said bytes.Buffer
	cmd.Stderr = &limited{w: &said, left: 4 << 10}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("git isn't installed")
		}
		return nil, err
	}
	data, readErr := io.ReadAll(io.LimitReader(out, maxCheckoutSize+1))
	if len(data) > maxCheckoutSize {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("git %s: more than %d MiB: is this an inventory's folder?", args[0], maxCheckoutSize>>20)
	}
	if err := cmd.Wait(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return nil, fmt.Errorf("git %s: %s (%w)", args[0], strings.TrimPrefix(first, "fatal: "), err)
	}
	return data, readErr
}

// gitEnviron makes git use the repository of its folder: in a hook it would use the hook's.
// git takes no lock, asks no question, and writes messages in English.
func gitEnviron(environ []string) []string {
	out := slices.DeleteFunc(slices.Clone(environ), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"}, name)
	})
	return append(out, "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
}

// limited passes on so many bytes and drops the rest.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	if _, err := l.w.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// parseTree reads git ls-tree -r -z: MODE TYPE HASH TAB PATH NUL. It keeps only files of an
// inventory.
func parseTree(listing []byte) ([]string, error) {
	if len(listing) > maxListing {
		return nil, errors.New("the commit has too many files: is this an inventory's folder?")
	}
	var names []string
	for entry := range strings.SplitSeq(string(listing), "\x00") {
		head, name, ok := strings.Cut(entry, "\t")
		if !ok || !strings.Contains(head, " blob ") || !ofInventory(name) {
			continue
		}
		// The batch has one name a line.
		if strings.ContainsAny(name, "\n\r") {
			return nil, fmt.Errorf("the file %q has a line break in its name: rename it", name)
		}
		if names = append(names, name); len(names) > maxCheckout {
			return nil, fmt.Errorf("the commit has more than %d files: is this an inventory's folder?", maxCheckout)
		}
	}
	return names, nil
}

// ofInventory reports whether a file of the folder belongs to an inventory.
func ofInventory(name string) bool {
	if !filepath.IsLocal(name) {
		return false
	}
	first, rest, deeper := strings.Cut(name, "/")
	if deeper {
		return rest != "" && (first == "roles" || first == "templates")
	}
	return inventory.IsPart(name)
}

// unpack writes the files in the output of git cat-file --batch: for each HASH blob SIZE, the
// bytes, and a line break. A link that can't be followed has another header.
func unpack(r *bufio.Reader, entries []string, to string) error {
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range entries {
		head, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("git cat-file: %w", err)
		}
		words := strings.Fields(head)
		if len(words) != 3 || words[1] != "blob" {
			return fmt.Errorf("%s is a link that leads out of the commit or to a folder: put the file itself there", name)
		}
		size, err := strconv.Atoi(words[2])
		if err != nil || size < 0 || size > maxCheckoutSize {
			return fmt.Errorf("git cat-file: %q", head)
		}
		data := make([]byte, size+1)
		if _, err := io.ReadFull(r, data); err != nil {
			return fmt.Errorf("git cat-file: %w", err)
		}
		if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
			return err
		}
		if err := root.WriteFile(name, data[:size], 0o600); err != nil {
			return err
		}
	}
	return nil
}
