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

// maxSecret bounds a secret, in bytes.
const maxSecret = 64 << 10

// Secrets are kept outside the inventory. A secret is looked for in the files of a
// folder (bmc/web1 is the first line of Dir/bmc/web1), then in the environment,
// then in a file encrypted with age. It is read when it is used, so a change needs
// no reload.
type Secrets struct {
	Dir string
	// Env looks a variable of the environment up; nil: secrets aren't there.
	Env func(name string) (string, bool)
	// age is nil without an encrypted file.
	age *ageFile
}

// SecretSources are the secrets that the configuration points to; env is
// os.LookupEnv.
func (c *Config) SecretSources(env func(string) (string, bool)) Secrets {
	s := Secrets{Dir: c.Secrets, Env: env}
	if c.Age.File != "" {
		s.age = &ageFile{file: c.Age.File, identity: c.Age.Identity}
	}
	return s
}

// An absent secret is one that a source doesn't have; another one may.
type absent struct{ error }

// Get reads a secret. No error shows what it is. The first source that has it
// decides: one that has it and may not give it out is an error.
func (s Secrets) Get(name string) (string, error) {
	if !fs.ValidPath(name) || name == "." || strings.ContainsFunc(name, unicode.IsControl) {
		return "", fmt.Errorf("%q can't be the name of a secret: write a path within the folder of secrets, such as bmc/web1", name)
	}
	var without []string
	for _, source := range []func(string) (string, error){s.fromFolder, s.fromEnv, s.fromAge} {
		value, err := source(name)
		var a absent
		switch {
		case errors.As(err, &a):
			if text := a.Error(); text != "" {
				without = append(without, text)
			}
		case err != nil:
			return "", fmt.Errorf("secret %s: %w", name, err)
		default:
			return value, nil
		}
	}
	return "", fmt.Errorf("secret %s: %s", name, strings.Join(without, "; "))
}

// fromFolder reads a file of the folder. A name can't lead out of it, by .. or by
// a symbolic link, and a file that everyone may read or write is refused.
func (s Secrets) fromFolder(name string) (string, error) {
	root, err := os.OpenRoot(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", absent{fmt.Errorf("the folder of secrets can't be opened: %w (create it with mode 700, or set secrets: in the configuration)", err)}
	}
	if err != nil {
		return "", fmt.Errorf("the folder of secrets can't be opened: %w (it should have mode 700 and belong to whom rackhand runs as)", err)
	}
	defer root.Close()
	// A FIFO must not hold us up: it opens at once, and is refused below.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", absent{fmt.Errorf("no file %s/%s: put the secret into its first line, and chmod 600 it", s.Dir, name)}
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s/%s is not a file", s.Dir, name)
	}
	if info.Mode().Perm()&0o026 != 0 {
		return "", fmt.Errorf("everyone may read %s/%s, or others than its owner may write it: chmod 600 it, and change the secret if others were there", s.Dir, name)
	}
	line, err := bufio.NewReader(io.LimitReader(f, maxSecret)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if len(line) >= maxSecret {
		return "", fmt.Errorf("the first line of %s/%s has more than %d KiB", s.Dir, name, maxSecret>>10)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", fmt.Errorf("the first line of %s/%s is empty: put the secret there", s.Dir, name)
	}
	return line, nil
}

// SecretVariable is the variable of the environment that may hold a secret:
// RACKHAND_SECRET_BMC_WEB1 for bmc/web1.
func SecretVariable(name string) string {
	return "RACKHAND_SECRET_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}

func (s Secrets) fromEnv(name string) (string, error) {
	if s.Env == nil {
		return "", absent{errors.New("")}
	}
	variable := SecretVariable(name)
	value, ok := s.Env(variable)
	value = strings.TrimRight(value, "\r\n") // of a file that it was read from
	switch {
	case !ok:
		return "", absent{fmt.Errorf("no %s in the environment", variable)}
	case value == "":
		return "", fmt.Errorf("%s in the environment is empty", variable)
	case len(value) > maxSecret:
		return "", fmt.Errorf("%s in the environment has more than %d KiB", variable, maxSecret>>10)
	}
	return value, nil
}
