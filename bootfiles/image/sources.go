package image

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"rackhand/config/file"
)

// A Source is one archive that packages come from, as sources.list(5) says it.
type Source struct {
	URI        string
	Suite      string
	Components []string
	Key        string // the file of the keys that sign it; none means Debian's
	Unsigned   bool   // it has no signature
}

// debianKeyring is where the package debian-archive-keyring puts Debian's keys.
// A source is signed by the keys of its distribution and no others: a foreign key
// in the machine's own trust store has no say in what goes onto hosts.
const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// Line writes the source as a one-line entry.
func (s Source) Line() string {
	option := "signed-by=" + cmp.Or(s.Key, debianKeyring)
	if s.Unsigned {
		option = "trusted=yes"
	}
	return fmt.Sprintf("deb [%s] %s %s %s", option, s.URI, s.Suite, strings.Join(s.Components, " "))
}

// HostSources reads which archives of the Debian release (bookworm) this
// machine's own apt uses; when it uses another release, the same archives with
// the suites of the one asked for. No archive at all is an error.
func HostSources(release string) ([]Source, error) { return sourcesIn("/etc/apt", release) }

// sourcesIn reads sources.list and sources.list.d below etc, in apt's order.
func sourcesIn(etc, release string) ([]Source, error) {
	files := []string{filepath.Join(etc, "sources.list")}
	for _, ending := range []string{"*.list", "*.sources"} {
		more, err := filepath.Glob(filepath.Join(etc, "sources.list.d", ending))
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	slices.Sort(files)
	var list []Source
	for _, name := range files {
		f, err := file.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read apt's sources: %w", err)
		}
		data, err := readBounded(f, 1<<20)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read apt's sources: %s: %w", name, err)
		}
		if strings.HasSuffix(name, ".list") {
			list = append(list, parseList(string(data))...)
		} else {
			list = append(list, parseDeb822(string(data))...)
		}
	}
	all := list
	if list = ofRelease(all, release); len(list) == 0 {
		list = ofRelease(forRelease(all, release), release)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("apt on this machine has no source of Debian %s: add one (suite %s, component main, signed by Debian's keyring) to %s/sources.list, or name the sources", release, release, etc)
	}
	return list, nil
}

// ofRelease keeps the release's own suites, and in them Debian's components.
func ofRelease(list []Source, release string) []Source {
	var kept []Source
	for _, s := range list {
		if s.Suite != release && s.Suite != release+"-updates" && s.Suite != release+"-security" {
			continue
		}
		// Other archives use Debian's suite names too, but hardly "main" without a
		// key of their own, and those were dropped when parsed. Should one slip
		// through, its signature isn't Debian's and the build stops.
		var components []string
		for _, c := range s.Components {
			if c == "main" || c == "contrib" || c == "non-free-firmware" {
				components = append(components, c)
			}
		}
		if !slices.Contains(components, "main") {
			continue
		}
		s.Components = components
		if !slices.ContainsFunc(kept, func(k Source) bool { return k.Line() == s.Line() }) {
			kept = append(kept, s)
		}
	}
	return kept
}

// parseList reads the one-line form: deb [options] URI SUITE COMPONENT...
// Lines that apt would not take are left out, as it does not use them either.
func parseList(text string) []Source {
	var list []Source
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb")
		if !ok || rest == "" || !strings.ContainsAny(rest[:1], " \t[") {
			continue
		}
		rest = strings.TrimSpace(rest)
		if strings.HasPrefix(rest, "[") {
			options, after, ok := strings.Cut(rest[1:], "]")
			if !ok || !optionsFit(strings.Fields(options)) {
				continue
			}
			rest = after
		}
		if f := strings.Fields(rest); len(f) >= 3 && fetchable(f[0]) {
			list = append(list, Source{URI: f[0], Suite: f[1], Components: f[2:]})
		}
	}
	return list
}

// optionsFit judges the options in brackets.
func optionsFit(options []string) bool {
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		if strings.EqualFold(key, "signed-by") && !debianKey(value) {
			return false
		}
		if key == "arch" && !slices.Contains(strings.Split(value, ","), arch) {
			return false
		}
	}
	return true
}

// parseDeb822 reads the stanzas of a .sources file (deb822(5)): fields may run on
// in lines that begin with a blank, and '#' begins a comment line.
func parseDeb822(text string) []Source {
	var list []Source
	stanza := map[string]string{}
	flush := func() {
		list = append(list, fromStanza(stanza)...)
		stanza = map[string]string{}
	}
	var key string
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<20+1)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			flush()
		case line[0] == ' ' || line[0] == '\t':
			stanza[key] += "\n" + strings.TrimSpace(line)
		default:
			name, value, _ := strings.Cut(line, ":")
			key = strings.ToLower(strings.TrimSpace(name))
			stanza[key] = strings.TrimSpace(value)
		}
	}
	flush()
	return list
}

func fromStanza(s map[string]string) []Source {
	switch strings.ToLower(s["enabled"]) {
	case "no", "false", "0", "without", "off", "disable":
		return nil
	}
	if !slices.Contains(strings.Fields(s["types"]), "deb") || !debianKey(s["signed-by"]) {
		return nil
	}
	if a := strings.Fields(s["architectures"]); len(a) > 0 && !slices.Contains(a, arch) {
		return nil
	}
	components := strings.Fields(s["components"])
	if len(components) == 0 {
		return nil
	}
	var list []Source
	for _, uri := range strings.Fields(s["uris"]) {
		for _, suite := range strings.Fields(s["suites"]) {
			if fetchable(uri) {
				list = append(list, Source{URI: uri, Suite: suite, Components: components})
			}
		}
	}
	return list
}

// debianKey says whether a Signed-By leaves room for Debian's keys: it is empty,
// or names one of Debian's own keyrings.
func debianKey(signedBy string) bool {
	return signedBy == "" || strings.HasPrefix(filepath.Base(signedBy), "debian-archive-")
}

// fetchable leaves out cdrom: and other sources that need a person.
func fetchable(uri string) bool {
	for _, scheme := range []string{"http://", "https://", "file:", "mirror+file:", "mirror://"} {
		if strings.HasPrefix(uri, scheme) {
			return true
		}
	}
	return false
}
