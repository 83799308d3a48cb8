package catalog

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// An AuthorizedKey is a public key in ~/.ssh/authorized_keys of a user (sshd(8)).
type AuthorizedKey struct {
	Name   string `json:"name"`   // the comment behind the key
	Ensure string `json:"ensure"` // present, absent
	User   string `json:"user"`
	Key    string `json:"key"` // its type and its base64: "ssh-ed25519 AAAA..."
	// Options stand before the key, such as no-pty or from="10.0.0.0/8".
	Options []string `json:"options,omitempty"`
	// Exclusive removes all keys of the user but those in Keep, which are keys as in Key.
	Exclusive bool     `json:"exclusive,omitempty"`
	Keep      []string `json:"keep,omitempty"`
}

// keyParts are the types of keys that sshd takes, and how many parts each has behind its type.
var keyParts = map[string]int{
	"ssh-ed25519":                        1, // the point
	"ssh-rsa":                            2, // e, n
	"ecdsa-sha2-nistp256":                2, // curve, point
	"ecdsa-sha2-nistp384":                2,
	"ecdsa-sha2-nistp521":                2,
	"sk-ssh-ed25519@openssh.com":         2, // point, application
	"sk-ecdsa-sha2-nistp256@openssh.com": 3, // curve, point, application
}

// IsKeyType reports whether a text is the type of a key that stands in authorized_keys.
func IsKeyType(text string) bool { return keyParts[text] > 0 || text == "ssh-dss" }

var (
	keyOption  = regexp.MustCompile(`^[a-zA-Z0-9-]+(="([^"\n\r\x00]|\\")*")?$`)
	keyComment = regexp.MustCompile(`^[^\x00-\x20\x7f#"]([^\x00-\x1f\x7f\[\]]{0,254}[^\x00-\x20\x7f\[\]])?$`)
)

func (k *AuthorizedKey) Title() string { return k.Name }

// Paths are where its file is for a user with the usual home; the host's own passwd decides.
func (k *AuthorizedKey) Paths() []string {
	home := "/home/" + k.User
	if k.User == "root" {
		home = "/root"
	}
	return []string{home + "/.ssh", home + "/.ssh/authorized_keys"}
}

func (k *AuthorizedKey) edits() {}

func (k *AuthorizedKey) absent() bool { return k.Ensure == Absent }

// Uses is the user.
func (k *AuthorizedKey) Uses() []string { return accountIDs(k.User, "") }

func (k *AuthorizedKey) sets() (what, to string) {
	return "the key " + k.Key + " of " + k.User, k.Ensure + " " + k.Name + " " + strings.Join(k.Options, ",")
}

func (k *AuthorizedKey) validate() error {
	switch {
	case !keyComment.MatchString(k.Name):
		return fmt.Errorf("%.80q is not a valid name: it is the comment behind the key, such as alice@laptop", k.Name)
	case len(k.User) > 64 || !userName.MatchString(k.User):
		return fmt.Errorf("%.80q is not a valid user name", k.User)
	case k.Ensure == Absent && (len(k.Options) > 0 || k.Exclusive):
		return errors.New("ensure: absent takes neither options nor exclusive")
	case !k.Exclusive && len(k.Keep) > 0:
		return errors.New("keep is for exclusive keys")
	}
	for _, o := range k.Options {
		if err := CheckKeyOption(o); err != nil {
			return err
		}
	}
	for _, key := range k.Keep {
		if err := CheckKey(key); err != nil {
			return err
		}
	}
	return errors.Join(checkEnsure(k.Ensure), CheckKey(k.Key))
}

// CheckKeyOption checks an option of a key.
func CheckKeyOption(option string) error {
	if len(option) > MaxLine || !keyOption.MatchString(option) {
		return fmt.Errorf(`%.80q: write an option as sshd(8) has it, such as no-pty or from="10.0.0.0/8"`, option)
	}
	return nil
}

// CheckKey checks a public key: its type, and its base64 with the same type in it.
func CheckKey(key string) error {
	typ, text, _ := strings.Cut(key, " ")
	parts, known := keyParts[typ]
	switch {
	case typ == "ssh-dss":
		return errors.New("OpenSSH takes no ssh-dss keys any more: use an ssh-ed25519 key")
	case strings.Contains(typ, "-cert-"):
		return errors.New("a certificate can't stand in authorized_keys: use the key of its CA, with the option cert-authority")
	case !known:
		return fmt.Errorf("%.80q: write the type and the key, as in a .pub file: ssh-ed25519 AAAA... Options go into options", key)
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return fmt.Errorf("the key is not base64: %w; is it cut off?", err)
	}
	var fields [][]byte
	for rest := blob; len(rest) > 0; {
		if len(rest) < 4 || uint64(binary.BigEndian.Uint32(rest)) > uint64(len(rest)-4) {
			return errors.New("the key is cut off: copy all of it from the .pub file")
		}
		n := 4 + int(binary.BigEndian.Uint32(rest))
		fields, rest = append(fields, rest[4:n]), rest[n:]
	}
	if len(fields) == 0 || string(fields[0]) != typ {
		inner := "nothing"
		if len(fields) > 0 {
			inner = fmt.Sprintf("%.40q", fields[0])
		}
		return fmt.Errorf("the key says that it is %s, and not %s: copy the whole line of the .pub file", inner, typ)
	}
	if len(fields) != parts+1 || slices.ContainsFunc(fields, func(f []byte) bool { return len(f) == 0 }) || strings.Contains(typ, "ed25519") && len(fields[1]) != 32 {
		return fmt.Errorf("the key is not one of type %s: it has another number or size of parts", typ)
	}
	return nil
}
