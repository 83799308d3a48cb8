package trace

import (
	"strings"

	"rackhand/provision/mask"
)

const (
	// tokenLen is the least length of what may be a token: a token has 32 characters of
	// base64 (provision.NewToken).
	tokenLen = 30
	pathMost = 256
	masked   = "…"
)

// MaskPath returns a copy of a path or URL for people: without a query, without tokens, at
// most some 256 bytes long.
func MaskPath(path string) string {
	path, _, query := strings.Cut(path, "?")
	most := 4 * pathMost
	if len(path) > most {
		path = whole(path[:most])
	}
	out := MaskText(path)
	if len(out) > pathMost {
		out = strings.ToValidUTF8(out[:pathMost], "") + masked
	}
	if query {
		out += "?" + masked
	}
	return strings.Clone(out)
}

// MaskText returns a text without tokens: those behind /i/, and whatever else looks like
// one.
func MaskText(text string) string {
	text = mask.Tokens(text)
	var b strings.Builder
	for text != "" {
		n := strings.IndexFunc(text, func(r rune) bool { return !tokenRune(r) })
		if n < 0 {
			n = len(text)
		}
		if mayBeToken(text[:n]) {
			b.WriteString(masked)
		} else {
			b.WriteString(text[:n])
		}
		text = text[n:]
		next := strings.IndexFunc(text, tokenRune)
		if next < 0 {
			next = len(text)
		}
		b.WriteString(text[:next])
		text = text[next:]
	}
	return b.String()
}

// whole returns a text that was cut off, without the last run of a token's characters: the first
// part of a token doesn't look like one.
func whole(text string) string {
	return strings.TrimRightFunc(text, tokenRune)
}

func tokenRune(r rune) bool {
	return r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// mayBeToken reports whether a run of a token's characters may be one. Checksums and most
// names of packages are in lower case alone, tokens never are.
func mayBeToken(run string) bool {
	const lower, upper = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return len(run) >= tokenLen && strings.ContainsAny(run, lower) && strings.ContainsAny(run, upper)
}
