package apt

import (
	"path"
	"regexp"
	"strings"
)

// Unmet are apt's words on unmet dependencies, a line for each package.
func Unmet(text string) (lines []string) {
	within := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "The following packages have unmet dependencies"):
			within = true
		case within && strings.HasPrefix(line, " "):
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		default:
			within = false
		}
	}
	return lines
}

// Held are the packages on hold that a transaction would change.
func Held(text string) (names []string) {
	within := false
	for line := range strings.Lines(text) {
		if within && strings.HasPrefix(line, "  ") {
			names = append(names, strings.Fields(line)...)
			continue
		}
		within = strings.HasPrefix(line, "The following held packages will be changed")
	}
	return names
}

// NotFetched are the packages whose files couldn't be fetched, with apt's words.
func NotFetched(text string) map[string]string {
	failed := map[string]string{}
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "E: Failed to fetch ")
		if !ok {
			continue
		}
		uri, _, _ := strings.Cut(rest, " ")
		file := path.Base(uri)
		name, _, ok := strings.Cut(file, "_") // NAME_VERSION_ARCH.deb
		if ok && strings.HasSuffix(file, ".deb") {
			failed[name] = "failed to fetch " + strings.Join(strings.Fields(rest), " ")
		}
	}
	return failed
}

var dpkgError = regexp.MustCompile(`^dpkg: error processing (?:package|archive) (\S+) \(--\w+\):`)

// NotProcessed are the packages that dpkg couldn't unpack, configure or remove, with its
// words.
func NotProcessed(text string) map[string]string {
	failed := map[string]string{}
	current := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := dpkgError.FindStringSubmatch(line); m != nil {
			name := path.Base(m[1])
			name, _, _ = strings.Cut(name, "_")
			current, _, _ = strings.Cut(name, ":")
			failed[current] = "dpkg can't process it"
			continue
		}
		if current != "" && strings.HasPrefix(line, " ") {
			failed[current] = strings.TrimSpace(line)
		}
		current = ""
	}
	return failed
}
