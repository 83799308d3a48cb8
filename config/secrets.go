package config

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unicode"
)

// maxSecret bounds the first line of a secret's file, in bytes.
const maxSecret = 64 << 10

// Secrets are kept outside the inventory, in files of a folder: the secret
// bmc/web1 is the first line of Dir/bmc/web1. It is read when it is used, so a
// change needs no reload.
type Secrets struct{ Dir string }

// Get reads a secret. No error shows what the file holds. A name can't lead out
// of the folder, by .. or by a symbolic link, and a file that everyone may read
// or write is refused.
func (s Secrets) Get(name string) (string, error) {
	if !fs.ValidPath(name) || name == "." || strings.ContainsFunc(name, unicode.IsControl) {
		return "", fmt.Errorf("%q can't be the name of a secret: write a path within the folder of secrets, such as bmc/web1", name)
	}
	root, err := os.OpenRoot(s.Dir)
	if err != nil {
		return "", fmt.Errorf("secret %s: the folder of secrets can't be opened: %w (create it with mode 700, or set secrets: in the configuration)", name, err)
	}
	defer root.Close()
	// A FIFO must not hold us up: it opens at once, and is refused below.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("secret %s: no file %s/%s: put the secret into its first line, and chmod 600 it", name, s.Dir, name)
	}
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("secret %s: %s/%s is not a file", name, s.Dir, name)
	}
	if info.Mode().Perm()&0o006 != 0 {
		return "", fmt.Errorf("secret %s: everyone may read or write %s/%s: chmod 600 it, and change the secret if others were there", name, s.Dir, name)
	}
	line, err := bufio.NewReader(io.LimitReader(f, maxSecret)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	if len(line) >= maxSecret {
		return "", fmt.Errorf("secret %s: the first line of %s/%s has more than %d KiB", name, s.Dir, name, maxSecret>>10)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", fmt.Errorf("secret %s: the first line of %s/%s is empty: put the secret there", name, s.Dir, name)
	}
	return line, nil
}
