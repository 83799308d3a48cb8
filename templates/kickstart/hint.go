package kickstart

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// DidYouMean is a hint that names the known word nearest to the one given, or ""
// when none is near (more than a third of its letters differ).
func DidYouMean(word string, known []string) string {
	best, least := "", len(word)/3+1
	if least > 3 {
		least = 3
	}
	if len(word) > 64 {
		return ""
	}
	for _, k := range known {
		if d := distance(word, k); d <= least && (best == "" || d < distance(word, best)) {
			best = k
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

// distance is the Levenshtein distance of two words, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// urlPassword is the password of a URL, with what stands before it.
var urlPassword = regexp.MustCompile(`(://[^/@:\s]*):[^/@\s]*@`)

// Clip keeps a word in a message short, on one line, and without a URL's password.
func Clip(s string) string {
	s = urlPassword.ReplaceAllString(s, "$1:xxxxx@")
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		s = strings.Trim(strconv.Quote(s), `"`)
	}
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// insteadOf says what to write in the place of a deprecated option; "" when nothing.
func insteadOf(command, flag string) string {
	switch command + " " + flag {
	case "timezone --isUtc":
		return "write --utc"
	case "timezone --nontp":
		return "write timesource --ntp-disable"
	case "timezone --ntpservers":
		return "write timesource --ntp-server=HOST"
	case "%packages --instLangs":
		return "write --inst-langs"
	case "%packages --excludeWeakdeps":
		return "write --exclude-weakdeps"
	case "%packages --nobase":
		return "leave it out"
	}
	return ""
}

// describe is a positional's name in messages.
func describe(positional string) string {
	switch positional {
	case "mntpoint":
		return "a mount point"
	case "lang":
		return "a language"
	case "iqn":
		return "an initiator's name"
	case "url":
		return "a URL"
	case "origin":
		return "VG/VOLUME"
	case "sshkey":
		return "a key, quoted as one word"
	case "device":
		return "a device"
	case "action":
		return "reconfigure or use"
	}
	return positional
}
