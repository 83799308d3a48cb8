package catalog

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A File is a file, directory or symbolic link, or the absence of one.
type File struct {
	Path   string `json:"path"`   // absolute
	Ensure string `json:"ensure"` // file, directory, link, absent
	// Content stands in catalogs of the first format, and in memory.
	Content string `json:"content,omitempty"`
	// SHA256, in hex, and Size, in bytes, name the content in format 2; the agent fetches it
	// by GET /v1/content/SHA256. A sensitive file has neither: GET /v1/secrets/PATH.
	SHA256 string `json:"sha256,omitempty"`
	Size   int64  `json:"size,omitempty"`
	// Keep leaves the content of a file that is there; only a new one gets the declared one.
	Keep bool `json:"keep,omitempty"`
	// Target is what a link points to.
	Target string `json:"target,omitempty"`
	Mode   string `json:"mode,omitempty"` // octal text such as 0644; "" leaves it
	Owner  string `json:"owner,omitempty"`
	Group  string `json:"group,omitempty"`
	// ACL are the entries of its access control lists, as in setfacl(1), and no others are to
	// be there. nil leaves them.
	ACL []string `json:"acl,omitzero"`
	// Validate is a command that must exit 0 before the new content takes its
	// place; %s is the path of the new content.
	Validate []string `json:"validate,omitempty"`
	// Sensitive: the content reaches no log, diff, report or backup.
	Sensitive bool `json:"sensitive,omitempty"`
	// Recurse gives owner, group and mode to all below a directory.
	Recurse bool `json:"recurse,omitempty"`
	// Purge removes from a directory what the catalog doesn't declare.
	Purge bool `json:"purge,omitempty"`
	// Declared are paths below the directory, relative to it, that other resources of the
	// catalog declare: Purge keeps them, and Recurse doesn't change them.
	Declared []string `json:"declared,omitempty"`
	// Force lets the change remove a directory with content, or anything in the way.
	Force bool `json:"force,omitempty"`
	// Backup is false if no copy is kept of what the change replaces or removes; nil means
	// true.
	Backup *bool `json:"backup,omitempty"`
}

func (f *File) Title() string { return f.Path }

// Paths is the file itself.
func (f *File) Paths() []string { return []string{f.Path} }

func (f *File) validate() error {
	switch {
	case len(f.Path) > 4095 || !path.IsAbs(f.Path) || strings.ContainsAny(f.Path, "\x00\n"):
		return errors.New("the path of a file must be absolute: /etc/motd")
	case f.Path != path.Clean(f.Path) || f.Path == "/":
		return fmt.Errorf("the path should be written %q", path.Clean(f.Path))
	case !slices.Contains([]string{FileKind, Directory, Link, Absent}, f.Ensure):
		return fmt.Errorf("ensure is %.40q: use file, directory, link or absent", f.Ensure)
	case f.Owner != "" && (len(f.Owner) > 64 || !userName.MatchString(f.Owner)):
		return fmt.Errorf("%.80q is not a valid user name", f.Owner)
	case f.Group != "" && (len(f.Group) > 64 || !userName.MatchString(f.Group)):
		return fmt.Errorf("%.80q is not a valid group name", f.Group)
	case f.Size < 0 || f.Size > MaxContent || f.SHA256 == "" && f.Size != 0 || f.SHA256 != "" && (f.Content != "" || !IsSHA256(f.SHA256)):
		return errors.New("the content is named by a SHA-256 of 64 hex digits and a size of at most 1 GiB")
	case f.Ensure != FileKind && f.Keep:
		return fmt.Errorf("replace is for ensure: file, not %s", f.Ensure)
	case f.Ensure != FileKind && (f.Content != "" || f.SHA256 != "" || len(f.Validate) > 0):
		return fmt.Errorf("content and validate are for ensure: file, not %s", f.Ensure)
	}
	if f.Mode != "" {
		if _, err := ParseMode(f.Mode); err != nil {
			return err
		}
	}
	for i, word := range f.Validate {
		if strings.ContainsRune(word, 0) || word == "" && i == 0 {
			return errors.New("validate must be a program and its arguments")
		}
	}
	if _, err := ParseACL(f.ACL, f.Ensure == Directory); err != nil {
		return fmt.Errorf("acl: %w", err)
	}
	if err := f.validateLink(); err != nil {
		return err
	}
	return f.validateTree()
}

func (f *File) validateLink() error {
	switch {
	case f.Ensure != Link && f.Target != "":
		return fmt.Errorf("target is for ensure: link, not %s", f.Ensure)
	case f.Ensure != Link:
		return nil
	case f.Target == "" || len(f.Target) > 4095 || strings.ContainsAny(f.Target, "\x00\n"):
		return errors.New("ensure: link needs a target, the path that it points to")
	case f.Mode != "" || f.ACL != nil || f.Sensitive:
		return errors.New("a symbolic link has no mode, no acl and no content: declare them for its target")
	}
	return nil
}

// ParseMode reads permissions as octal digits, with or without leading zeros:
// 0644, 644, 02755. Bits beyond 07777 are an error.
func ParseMode(text string) (uint32, error) {
	mode, err := strconv.ParseUint(text, 8, 32)
	if err != nil || len(text) < 3 || len(text) > 5 || mode > 0o7777 {
		return 0, fmt.Errorf("mode %.20q: write three or four octal digits, such as 0644", text)
	}
	return uint32(mode), nil
}
