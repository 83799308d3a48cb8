package catalog

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// A Repository is a source of packages: a deb822 file of apt (sources.list(5)), or a section
// of dnf (dnf.conf(5)).
type Repository struct {
	Name   string `json:"name"`
	Ensure string `json:"ensure"` // present, absent
	// URIs are where it is: http, https or file. More than one are mirrors of each other.
	URIs []string `json:"uris,omitempty"`
	// Suites, Components and Architectures are those of apt. A suite that ends in a slash
	// is a folder without components.
	Suites        []string `json:"suites,omitempty"`
	Components    []string `json:"components,omitempty"`
	Architectures []string `json:"architectures,omitempty"`
	// Key is the public key that signs it; nil where the system's own keys count. The agent
	// chooses its folder.
	Key *File `json:"key,omitempty"`
	// Unsigned: its packages are installed without a signature.
	Unsigned bool `json:"unsigned,omitempty"`
	// Disabled: it is there, and isn't used.
	Disabled bool `json:"disabled,omitempty"`
}

var (
	// sources.list(5) ignores files of sources.list.d with other names; rpm's name a section.
	repositoryName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$`)
	repositoryWord = regexp.MustCompile(`^[a-zA-Z0-9._/+:~-]{1,128}$`)
)

// Title is its name.
func (r *Repository) Title() string { return r.Name }

func (r *Repository) absent() bool { return r.Ensure == Absent }

// Paths are the files that it may be in.
func (r *Repository) Paths() []string {
	return []string{
		"/etc/apt/sources.list.d/" + r.Name + ".sources", "/etc/apt/keyrings/" + r.Name + ".asc", "/etc/apt/keyrings/" + r.Name + ".gpg",
		"/etc/yum.repos.d/" + r.Name + ".repo", "/etc/pki/rpm-gpg/RPM-GPG-KEY-" + r.Name,
	}
}

func (r *Repository) validate() error {
	switch {
	case !repositoryName.MatchString(r.Name):
		return fmt.Errorf("%.80q is not a valid name of a repository: use letters, digits, dots, dashes and _", r.Name)
	case r.Ensure != Present && r.Ensure != Absent:
		return fmt.Errorf("ensure is %.40q: use present or absent", r.Ensure)
	case r.Ensure == Absent && (len(r.URIs) > 0 || r.Key != nil):
		return errors.New("ensure: absent takes neither uris nor a key")
	case r.Ensure == Present && (len(r.URIs) == 0 || len(r.URIs) > 20):
		return errors.New("a repository needs 1 to 20 uris")
	case r.Unsigned && r.Key != nil:
		return errors.New("unsigned and a key exclude each other")
	}
	for _, uri := range r.URIs {
		u, err := url.Parse(uri)
		if err != nil || strings.ContainsAny(uri, " \t\r\n") || u.Scheme != "file" && u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "file" {
			return fmt.Errorf("%.120q is not a URI that begins with http, https or file", uri)
		}
		if u.User != nil {
			return fmt.Errorf("the URI of %.80q has a password or user name in it, which logs and pages would show", u.Host)
		}
	}
	for _, words := range [][]string{r.Suites, r.Components, r.Architectures} {
		if len(words) > 50 {
			return errors.New("more than 50 suites, components or architectures")
		}
		for _, word := range words {
			if !repositoryWord.MatchString(word) {
				return fmt.Errorf("%.140q is not a suite, component or architecture", word)
			}
		}
	}
	for _, suite := range r.Suites {
		if strings.HasSuffix(suite, "/") != (len(r.Components) == 0) {
			return errors.New("a suite needs components, and one that ends in a slash has none")
		}
	}
	if r.Key == nil {
		return nil
	}
	if r.Key.Size > MaxKey || len(r.Key.Content) > MaxKey {
		return fmt.Errorf("its key has more than %d KiB", MaxKey>>10)
	}
	if r.Key.Sensitive {
		return errors.New("a public key is no secret")
	}
	return r.Key.validate()
}

// MaxKey bounds the key of a repository, in bytes.
const MaxKey = 1 << 20
