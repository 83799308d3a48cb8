package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"filippo.io/age"
	"gopkg.in/yaml.v3"

	"rackhand/config/file"
)

// maxAge bounds the encrypted file and what it decrypts to, in bytes, and maxKeys
// the identity's file.
const (
	maxAge  = 1 << 20
	maxKeys = 64 << 10
)

// ageFile is a file of secrets, encrypted with age. The decrypted text stays in memory
// until one of its two files changes, because a rack's BMCs are asked often.
type ageFile struct {
	file, identity string

	mu     sync.Mutex
	stamps [2]stamp
	values map[string]string
}

// A stamp shows whether a file is still the one that was read.
type stamp struct {
	inode, size, seconds, nanos int64
	ctime                       int64
}

func (s Secrets) fromAge(name string) (string, error) {
	if s.age == nil {
		return "", absent{errors.New("")}
	}
	values, err := s.age.read()
	if err != nil {
		return "", err
	}
	value, ok := values[name]
	switch {
	case !ok:
		return "", absent{fmt.Errorf("not in %s", s.age.file)}
	case value == "":
		return "", fmt.Errorf("it is empty in %s", s.age.file)
	case len(value) > maxSecret:
		return "", fmt.Errorf("it has more than %d KiB in %s", maxSecret>>10, s.age.file)
	}
	return value, nil
}

// read decrypts the file, or gives what it decrypted to the last time.
func (a *ageFile) read() (map[string]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	keys, keyStamp, err := a.keys()
	if err != nil {
		return nil, err
	}
	f, info, err := openRegular(a.file)
	if err != nil {
		return nil, fmt.Errorf("the encrypted secrets: %w", err)
	}
	defer f.Close()
	stamps := [2]stamp{keyStamp, stampOf(info)}
	if a.values != nil && stamps == a.stamps {
		return a.values, nil
	}
	plain, err := age.Decrypt(io.LimitReader(f, maxAge), keys...)
	var foreign *age.NoIdentityMatchError
	switch {
	case errors.As(err, &foreign):
		return nil, fmt.Errorf("%s can't be decrypted with the identity in %s: it was encrypted for others", a.file, a.identity)
	case err != nil: // age's error quotes the file, which may not be encrypted at all
		return nil, fmt.Errorf("%s can't be decrypted: it is not encrypted with age, or it is damaged", a.file)
	}
	data, err := io.ReadAll(io.LimitReader(plain, maxAge+1))
	if err != nil {
		return nil, fmt.Errorf("%s can't be decrypted: it is damaged, or has more than %d KiB", a.file, maxAge>>10)
	}
	if len(data) > maxAge {
		return nil, fmt.Errorf("%s decrypts to more than %d KiB", a.file, maxAge>>10)
	}
	values, err := parseSecrets(data)
	if err != nil {
		return nil, fmt.Errorf("%s decrypts to %w", a.file, err)
	}
	a.stamps, a.values = stamps, values
	return values, nil
}

// keys reads the identity. A user who can read it can read every secret.
func (a *ageFile) keys() ([]age.Identity, stamp, error) {
	f, info, err := openRegular(a.identity)
	if err != nil {
		return nil, stamp{}, fmt.Errorf("the identity of the encrypted secrets: %w", err)
	}
	defer f.Close()
	if info.Mode().Perm()&0o077 != 0 {
		return nil, stamp{}, fmt.Errorf("others than its owner may read or write the identity %s: chmod 600 it, and make another if they were there", a.identity)
	}
	keys, err := age.ParseIdentities(io.LimitReader(f, maxKeys))
	if err != nil {
		// age's error may quote the line, which may be the key.
		return nil, stamp{}, fmt.Errorf("%s holds no age identity: it is the file that age-keygen writes, with a line that begins with AGE-SECRET-KEY-", a.identity)
	}
	return keys, stampOf(info), nil
}

// parseSecrets reads name: value pairs. Nothing of the text is in an error, since
// any of it may be a secret; yaml.v3's own errors quote it.
func parseSecrets(data []byte) (map[string]string, error) {
	var doc yaml.Node
	if yaml.Unmarshal(data, &doc) != nil || doc.Kind != yaml.DocumentNode || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("content that is not a YAML mapping: write one line for each secret, bmc/web1: \"the password\"")
	}
	content := doc.Content[0].Content
	values := make(map[string]string, len(content)/2)
	for i := 0; i+1 < len(content); i += 2 {
		key, value := content[i], content[i+1]
		if key.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("a mapping whose line %d is not a name: value pair", key.Line)
		}
		if _, twice := values[key.Value]; twice {
			return nil, fmt.Errorf("a mapping that has the name of line %d twice", key.Line)
		}
		values[key.Value] = value.Value
	}
	return values, nil
}

// openRegular opens a regular file.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	f, err := file.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func stampOf(info fs.FileInfo) stamp {
	s := stamp{size: info.Size(), seconds: info.ModTime().Unix(), nanos: int64(info.ModTime().Nanosecond())}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode, s.ctime = int64(st.Ino), st.Ctim.Nano()
	}
	return s
}
