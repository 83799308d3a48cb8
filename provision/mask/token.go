package mask

import "regexp"

// tokenPath is the one-time token in an appliance's URL: /i/TOKEN/...
var tokenPath = regexp.MustCompile(`/i/[^/\s"']+`)

// Tokens returns the text with "…" in place of the one-time tokens in an appliance's URLs.
func Tokens(s string) string { return tokenPath.ReplaceAllString(s, "/i/…") }
