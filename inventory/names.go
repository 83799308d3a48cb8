package inventory

import (
	"io/fs"
	"regexp"
	"strings"
	"unicode"
)

var (
	nameForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	fileForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,254}$`)
	labelForm    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	variableForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,62}$`)
	diskForm     = regexp.MustCompile(`^[A-Za-z0-9/][A-Za-z0-9/._:+@=-]{0,254}$`)
)

const nameHint = "use letters, digits, -, _ and ., a letter or digit first, 63 at most"

// validName: networks, systems, groups, roles, images, releases. Such names
// become file names, URL paths and Kickstart words, so they have no / and no space.
func validName(s string) bool { return nameForm.MatchString(s) }

// validFileName: a file without a path; names of media are longer than others.
func validFileName(s string) bool { return fileForm.MatchString(s) }

// validLabel: a host's name is one DNS label (RFC 1123, 2.1) in small letters,
// since DNS takes Web1 and web1 for the same.
func validLabel(s string) bool { return labelForm.MatchString(s) }

// validDomain: DNS labels with dots between them, 253 characters at most.
func validDomain(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !validLabel(label) {
			return false
		}
	}
	return true
}

// validVariable: a name that templates and roles can write.
func validVariable(s string) bool { return variableForm.MatchString(s) }

// validDisk: sda, or a path of /dev; it goes into the Kickstart as one word.
func validDisk(s string) bool {
	return diskForm.MatchString(s) && !strings.Contains(s, "..") &&
		(!strings.Contains(s, "/") || strings.HasPrefix(s, "/dev/") || strings.HasPrefix(s, "disk/"))
}

// validSecret: a path within the secrets folder.
func validSecret(s string) bool {
	return fs.ValidPath(s) && s != "." && len(s) <= 255 && printable(s)
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
