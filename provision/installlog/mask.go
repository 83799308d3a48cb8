package installlog

import (
	"regexp"
	"strings"
)

// secretForms are patterns of secrets in an installer's log: crypt(3) hashes, our one-time
// tokens, and passwords in Kickstart lines, settings and URLs.
var secretForms = []struct {
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

// tokenForm is the pattern of an enrolment token as a word of its own: 24 bytes as
// base64url.
var tokenForm = regexp.MustCompile(`[A-Za-z0-9_-]{32,}`)

// Mask replaces secrets in a line, and text that looks like one. known masks the known
// secrets; nil: there are none.
func Mask(line string, known func(string) string) string {
	if known != nil {
		line = known(line)
	}
	for _, s := range secretForms {
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
