package image

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"rackhand/config/problem"
)

// A Recipe says what an image is made of.
type Recipe struct {
	Distribution string `json:"distribution"` // debian, ubuntu, rocky ...
	Release      string `json:"release"`      // its name, or its number where it has none: bookworm, 9
	// Packages are added to those that every image of the distribution has.
	Packages []string `json:"packages,omitempty"`
	// Mirror is where Debian's or Ubuntu's usual suites lie.
	Mirror string `json:"mirror,omitempty"`
	// Sources are archives as apt or dnf name them: for apt "URL SUITE COMPONENT...", for dnf
	// the URL of a repository. Without sources and mirror, Debian uses this machine's own.
	Sources []string `json:"sources,omitempty"`
	// Key is the file of the keys that sign the sources; none means the distribution's
	// own keyring, for apt.
	Key string `json:"key,omitempty"`
	// Unsigned accepts sources without signatures.
	Unsigned bool `json:"unsigned,omitempty"`
}

// builder is the version of what this program adds to a recipe beyond the lists
// that [Recipe.Sum] covers. Raise it when the same recipe makes another image.
const builder = 3

var packageForm = regexp.MustCompile(`^@?[A-Za-z0-9][A-Za-z0-9.+_-]{0,127}$`)

// Check says what is wrong with a recipe, and brings its release to its name.
func (r *Recipe) Check() error {
	d, ok := distros()[r.Distribution]
	if !ok {
		return fmt.Errorf("the distribution %q isn't known here: %s", r.Distribution, problem.DidYouMean(r.Distribution, distributions()))
	}
	release, ok := d.release(r.Release)
	if !ok {
		return fmt.Errorf("%s has no release %q here; known are %s", r.Distribution, r.Release, strings.Join(d.releaseNames(), ", "))
	}
	r.Release = release
	for _, p := range r.Packages {
		if err := checkPackage(p); err != nil {
			return err
		}
	}
	if r.Mirror != "" {
		if d.format == rpm {
			return fmt.Errorf("%s has no mirror with the usual suites: name its repositories as sources", r.Distribution)
		}
		if err := checkURL(r.Mirror); err != nil {
			return fmt.Errorf("mirror: %w", err)
		}
	}
	for _, s := range r.Sources {
		if err := checkSource(d.format, s); err != nil {
			return err
		}
	}
	if r.Key != "" && (!filepath.IsAbs(r.Key) || strings.ContainsAny(r.Key, " \t\n[]%")) {
		return fmt.Errorf("key: %q must be a file's absolute path without blanks", r.Key)
	}
	switch own := r.Mirror == "" && len(r.Sources) == 0; {
	case own && d.format == rpm:
		return fmt.Errorf("no source is known for the packages of %s: name its repositories with --source URL", r.Distribution)
	case own && r.Distribution != "debian":
		return fmt.Errorf("no source is known for the packages of %s: name a mirror with --mirror URL", r.Distribution)
	case own && r.Unsigned:
		return errors.New("unsigned is for sources of your own: this machine's sources are signed by Debian")
	case d.format == rpm && r.Key == "" && !r.Unsigned:
		return fmt.Errorf("no key is known for the packages of %s: name its file with --key, or say --unsigned for a repository of your own", r.Distribution)
	}
	return nil
}

func checkPackage(name string) error {
	if !packageForm.MatchString(name) {
		return fmt.Errorf("%q can't be a package's name", name)
	}
	return nil
}

var wordForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)

func checkSource(format, text string) error {
	f := strings.Fields(text)
	if len(f) == 0 {
		return errors.New("a source is empty")
	}
	if err := checkURL(f[0]); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	if format == rpm {
		if len(f) > 1 {
			return fmt.Errorf("the source %q must be a repository's URL and nothing else", text)
		}
		return nil
	}
	if len(f) < 3 {
		return fmt.Errorf("the source %q must be URL SUITE COMPONENT..., such as: http://mirror/debian bookworm main", text)
	}
	for _, w := range f[1:] {
		if !wordForm.MatchString(w) {
			return fmt.Errorf("the source %q: %q can't be a suite or component", text, w)
		}
	}
	return nil
}

// checkURL looks at where packages come from. A password in it would get into the
// manifest, and is not repeated in the error.
func checkURL(text string) error {
	if strings.Contains(text, "@") {
		return errors.New("a URL can't carry a user or password: use a mirror or proxy that logs in")
	}
	u, err := url.Parse(text)
	if err != nil || strings.ContainsAny(text, " \t\n\"'[]$") || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q is not a URL without blanks, query and fragment", text)
	}
	switch u.Scheme {
	case "http", "https":
		if u.Hostname() == "" {
			return fmt.Errorf("%q names no machine", text)
		}
	case "file":
		if !filepath.IsAbs(u.Path) {
			return fmt.Errorf("%q must be file:///path", text)
		}
	default:
		return fmt.Errorf("%q must begin with http://, https:// or file://", text)
	}
	return nil
}

func (r Recipe) distro() distro { return distros()[r.Distribution] }

// Sum is the SHA-256 (hex) of the image's inputs beside the archives: the recipe, and this
// program's own additions to every image of its kind.
func (r Recipe) Sum() (string, error) {
	added, err := overlayFiles(r)
	if err != nil {
		return "", err
	}
	r.Packages = slices.Sorted(slices.Values(r.Packages))
	data, err := json.Marshal(struct {
		Builder                                       int
		Recipe                                        Recipe
		Packages, Tools, Programs, Excludes, Leftover []string
		Overlay                                       map[string]string
	}{builder, r, r.packages(), toolPackages(), programs(), excludes(), leftovers(), added})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// Stale says in a few words why a build today would use another recipe than the image's;
// "" if it would use the same. It is always "" for an imported image.
func (m *Manifest) Stale() string {
	if m.Import != nil {
		return ""
	}
	if m.Recipe == nil {
		return "made before recipes were kept"
	}
	r := *m.Recipe
	if m.RecipeFile != "" {
		read, problems := ReadRecipe(m.RecipeFile)
		if len(problems) > 0 {
			return "no recipe can be read from " + m.RecipeFile
		}
		r = read
	}
	sum, err := r.Sum()
	switch {
	case err != nil:
		return err.Error()
	case sum == m.RecipeSum:
		return ""
	case m.RecipeFile != "":
		return m.RecipeFile + " or this program changed"
	}
	return "this program makes it otherwise"
}
