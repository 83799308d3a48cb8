package installlog

import (
	"regexp"
	"strings"
)

// secrets are forms in which a secret may stand in an installer's log: crypt(3) hashes,
// our one-time tokens, passwords in Kickstart lines, in settings and in URLs.
var secrets = []struct {
	form *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`/i/[A-Za-z0-9_-]{8,}`), "/i/***"},
	{regexp.MustCompile(`\$(?:[1-9]|2[abxy]?|y|gy|md5|sha1|argon2[a-z]{0,2}|scrypt|bcrypt[-a-z0-9]*|pbkdf2[-a-z0-9]*)\$[^\s'",;)]+`), "***"},
	{regexp.MustCompile(`(?i)\b(rootpw|sshpw)\b.*`), "$1 ***"},
	{regexp.MustCompile(`(?i)(--?[a-z-]*(?:pass(?:word|phrase|wd)?|pw|key|secret|token))(=|\s+)("[^"]*"|'[^']*'|\S+)`), "$1$2***"},
	{regexp.MustCompile(`(?i)\b(pass(?:word|phrase|wd)?|secret|token|authorization)(\W{0,3}[:=]\s*)("[^"]*"|'[^']*'|(?:bearer |basic )?\S+)`), "$1$2***"},
	{regexp.MustCompile(`(://)[^/\s@]+@`), "$1***@"},
}

// tokenForm is that of an enrolment token alone on a line or between words: 24 bytes as
// base64url.
var tokenForm = regexp.MustCompile(`[A-Za-z0-9_-]{32,}`)

// Mask replaces what is, or looks like, a secret in a line. known masks what is secret
// whatever it looks like; nil: nothing is.
func Mask(line string, known func(string) string) string {
	if known != nil {
		line = known(line)
	}
	for _, s := range secrets {
		line = s.form.ReplaceAllString(line, s.with)
	}
	return tokenForm.ReplaceAllStringFunc(line, func(word string) string {
		if len(word) == 32 && strings.ContainsAny(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") &&
			strings.ContainsAny(word, "abcdefghijklmnopqrstuvwxyz") && strings.ContainsAny(word, "0123456789_-") {
			return "***"
		}
		return word
	})
}
