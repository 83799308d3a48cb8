package media

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// TreeinfoFile names the file that describes an installable tree, at its root.
const TreeinfoFile = ".treeinfo"

// maxTreeinfo bounds it in bytes; those of distributions have about 2 KB.
const maxTreeinfo = 256 << 10

// A Treeinfo is the description in Anaconda's media (productmd's .treeinfo, 1.0 to 1.2, and
// its predecessor).
type Treeinfo struct {
	Family  string `json:"family"`  // Rocky Linux, Red Hat Enterprise Linux, Fedora
	Version string `json:"version"` // 9.4
	Arch    string `json:"arch"`    // as the kernel names it: x86_64
	// Variants are the package trees, such as BaseOS and AppStream.
	Variants []Variant `json:"variants,omitempty"`
	Kernel   string    `json:"kernel"` // paths in the tree
	Initrd   string    `json:"initrd"`
	Stage2   string    `json:"stage2"`
	// Checksums are SHA-256 sums in hex by path.
	Checksums map[string]string `json:"checksums,omitempty"`
}

// A Variant is one package tree.
type Variant struct {
	ID string `json:"id"`
	// Repository is its folder with repodata/; ".." leads out of the tree.
	Repository string `json:"repository"`
}

// ParseTreeinfo reads a .treeinfo. All paths of boot files that it names stay inside the
// tree.
func ParseTreeinfo(text []byte) (*Treeinfo, error) {
	if len(text) > maxTreeinfo {
		return nil, fmt.Errorf("%s: more than %d bytes", TreeinfoFile, maxTreeinfo)
	}
	ini, err := parseINI(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", TreeinfoFile, err)
	}
	first := func(places ...string) string {
		for _, p := range places {
			section, key, _ := strings.Cut(p, "/")
			if v := ini[section][key]; v != "" {
				return v
			}
		}
		return ""
	}
	t := &Treeinfo{
		Family:    first("release/name", "product/name", "general/family"),
		Version:   first("release/version", "product/version", "general/version"),
		Arch:      first("tree/arch", "general/arch"),
		Stage2:    first("stage2/mainimage", "stage2/instimage"),
		Checksums: map[string]string{},
	}
	images := "images-" + t.Arch
	t.Kernel, t.Initrd = first(images+"/kernel"), first(images+"/initrd")
	for _, id := range strings.FieldsFunc(first("tree/variants", "general/variant"), func(r rune) bool { return r == ',' || r == ' ' }) {
		if len(t.Variants) >= 64 {
			break
		}
		repo := first("variant-"+id+"/repository", "general/repository")
		if repo == "" {
			repo = "."
		}
		t.Variants = append(t.Variants, Variant{ID: id, Repository: path.Clean(repo)})
	}
	for name, sum := range ini["checksums"] {
		kind, hexSum, ok := strings.Cut(sum, ":")
		raw, err := hex.DecodeString(hexSum)
		if ok && strings.EqualFold(kind, "sha256") && err == nil && len(raw) == 32 && fs.ValidPath(name) {
			t.Checksums[name] = strings.ToLower(hexSum)
		}
	}
	return t, t.check()
}

// form is the allowed form of family, version and processor: they are shown and
// compared.
var form = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,79}$`)

func (t *Treeinfo) check() error {
	for what, v := range map[string]string{"a release's name": t.Family, "a version": t.Version, "an arch": t.Arch} {
		if !form.MatchString(v) {
			return fmt.Errorf("%s has no sound line for %s (%.40q): is this the tree of an installer?", TreeinfoFile, what, v)
		}
	}
	for what, p := range map[string]string{"kernel": t.Kernel, "initrd": t.Initrd, "mainimage": t.Stage2} {
		switch {
		case p == "":
			return fmt.Errorf("%s names no %s: this tree can't be installed from (a DVD or a boot ISO can)", TreeinfoFile, what)
		case !fs.ValidPath(p) || !pathForm.MatchString(p):
			return fmt.Errorf("%s: %.80q can't be the path of its %s", TreeinfoFile, p, what)
		}
	}
	return nil
}

// pathForm is the form of a path that needs no quoting in a URL, a kernel's command line
// and a GRUB menu.
var pathForm = regexp.MustCompile(`^[A-Za-z0-9._/+-]{1,200}$`)

// Release is the Kickstart release of the tree: RHEL9, F44.
func (t *Treeinfo) Release() string {
	major, _, _ := strings.Cut(t.Version, ".")
	if strings.HasPrefix(t.Family, "Fedora") {
		return "F" + major
	}
	return "RHEL" + major
}

// Processor is the tree's processor by the inventory's names.
func (t *Treeinfo) Processor() string {
	switch t.Arch {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return t.Arch
}

// boot lists the files that an install can't do without.
func (t *Treeinfo) boot() []string { return []string{t.Kernel, t.Initrd, t.Stage2} }

// Names lists the variants.
func (t *Treeinfo) Names() string {
	var out []string
	for _, v := range t.Variants {
		out = append(out, v.ID)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// parseINI reads what Python's configparser wrote: sections, keys with = or :, and
// comments. A line that goes on by its indent is not read: no key of ours has one.
func parseINI(text []byte) (map[string]map[string]string, error) {
	out := map[string]map[string]string{}
	var section map[string]string
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxTreeinfo+1)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), " \t\r")
		switch {
		case line == "", line[0] == '#', line[0] == ';', line[0] == ' ', line[0] == '\t':
		case line[0] == '[':
			name, ok := strings.CutSuffix(line[1:], "]")
			if !ok {
				return nil, fmt.Errorf("line %d: a section without its ]", n)
			}
			if out[name] == nil {
				out[name] = map[string]string{}
			}
			section = out[name]
		default:
			i := strings.IndexAny(line, "=:")
			if i < 1 || section == nil {
				return nil, fmt.Errorf("line %d is neither a section nor key = value", n)
			}
			section[strings.ToLower(strings.TrimSpace(line[:i]))] = strings.TrimSpace(line[i+1:])
		}
	}
	return out, lines.Err()
}
