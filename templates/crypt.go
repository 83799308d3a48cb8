package templates

import (
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-crypt/x/crypt"
	"github.com/go-crypt/x/yescrypt"

	"rackhand/inventory"
)

// maxPassword is the longest password that crypt(3) takes, in bytes
// (CRYPT_MAX_PASSPHRASE_SIZE with the closing zero, crypt(3)).
const maxPassword = 511

// sha512Rounds is how often sha512-crypt hashes when the hash doesn't say so
// (ROUNDS_DEFAULT of crypt(5)).
const sha512Rounds = 5000

// hashForm is the form of a crypt(3) hash (crypt(5)).
var hashForm = regexp.MustCompile(`^\$(1|2[abxy]|5|6|7|y|gy|sha1)\$[./A-Za-z0-9=,$]{20,}$`)

// crypt is crypt PASSWORD: its crypt(3) hash for the host's system. A value that is already
// a hash stays, and so does the mask of a hidden secret.
func (f *functions) crypt(v any) (Secret, error) {
	s := fmt.Sprint(v)
	switch {
	case s == Mask || hashForm.MatchString(s):
		return Secret(s), nil
	case s == "":
		return "", errors.New("an empty password can't be hashed")
	case len(s) > maxPassword || strings.ContainsFunc(s, unicode.IsControl):
		return "", fmt.Errorf("this can't be a password: one has at most %d bytes, and no control characters", maxPassword)
	case f.salt == nil:
		return "", errors.New("a password can't be hashed here: no randomness for its salt")
	}
	var salt [16]byte
	if _, err := io.ReadFull(f.salt, salt[:]); err != nil {
		return "", fmt.Errorf("the salt of a password's hash: %w", err)
	}
	if knowsYescrypt(f.host.System) {
		return yescryptHash(s, salt[:])
	}
	return sha512Hash(s, salt[:]), nil
}

// yescryptHash hashes with the default parameters of libxcrypt (j9T:
// 4096 blocks of 4 KiB).
func yescryptHash(password string, salt []byte) (Secret, error) {
	b, err := yescrypt.Hash([]byte(password), append([]byte("$y$j9T$"), yescrypt.Encode64(salt)...))
	if err != nil {
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	return Secret(b), nil
}

// sha512Hash takes 16 characters of salt, which is all that the scheme uses.
func sha512Hash(password string, salt []byte) Secret {
	text := yescrypt.Encode64(salt)[:16]
	return Secret("$6$" + string(text) + "$" + string(crypt.KeySHACrypt(sha512.New, []byte(password), text, sha512Rounds)))
}

var (
	numbered = regexp.MustCompile(`^([A-Za-z]+)-?([0-9]+)`)
	// yescryptSince are the first releases whose libcrypt knows yescrypt and whose
	// login programs take it.
	yescryptSince = map[string]int{"rhel": 9, "f": 35, "debian": 11, "ubuntu": 22}
)

// knowsYescrypt reports whether a system certainly supports yescrypt: by its release, or by
// the name of its image without a release. All systems support sha512-crypt.
func knowsYescrypt(s *inventory.System) bool {
	if s == nil {
		return false
	}
	for _, name := range []string{s.Release, s.Image} {
		m := numbered.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		first, known := yescryptSince[strings.ToLower(m[1])]
		n, err := strconv.Atoi(m[2])
		return known && err == nil && n >= first
	}
	return false
}
