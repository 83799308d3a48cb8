package installer

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/plan"
	"rackhand/templates/kickstart/engine"
)

// findPackager is the image's package manager; nil for none.
func findPackager(root fs.FS) packager {
	for _, p := range []struct {
		name string
		tool packager
	}{{"usr/bin/apt-get", apt{}}, {"usr/bin/dnf", dnf{}}} {
		if _, err := fs.Stat(root, p.name); err == nil && p.tool != nil {
			if _, ok := p.tool.(apt); ok {
				return apt{keyring: archiveKeyrings(root)}
			}
			keys, _ := fs.Glob(root, "etc/pki/rpm-gpg/RPM-GPG-KEY-*")
			return dnf{keys: keys}
		}
	}
	return nil
}

// archiveKeyrings are the distribution's own keys in the image.
func archiveKeyrings(root fs.FS) map[string]string {
	out := map[string]string{}
	for _, id := range []string{"debian", "ubuntu"} {
		name := "usr/share/keyrings/" + id + "-archive-keyring.gpg"
		if _, err := fs.Stat(root, name); err == nil {
			out[id] = "/" + name
		}
	}
	return out
}

// apt is Debian's and Ubuntu's package manager.
type apt struct{ keyring map[string]string }

// Where the repos of an install lie in the system, in its /run, a tmpfs.
const ownRepos = "/run/rackhand-repos"

func (a apt) files(repos []plan.Repo, o osRelease) (own, kept []plan.FileStep) {
	text := func(r plan.Repo) string {
		suites, components, key := o.Codename, "main", ""
		switch { // the distribution's own archives; any other one has the release alone
		case r.Name == o.ID+"-security":
			suites, key = o.Codename+"-security", a.keyring[o.ID]
		case r.Name == "debian" && o.ID == "debian":
			suites, key = suites+" "+o.Codename+"-updates", a.keyring[o.ID]
		case r.Name == "ubuntu" && o.ID == "ubuntu":
			suites, key = suites+" "+o.Codename+"-updates "+o.Codename+"-security", a.keyring[o.ID]
			components = "main universe"
		}
		s := fmt.Sprintf("# %s\nTypes: deb\nURIs: %s\nSuites: %s\nComponents: %s\n", r.Name, r.URL, suites, components)
		if key != "" { // else apt's own trusted keys count
			s += "Signed-By: " + key + "\n"
		}
		return s + "\n"
	}
	var all, keep string
	for _, r := range repos {
		all += text(r)
		if r.Keep {
			keep += text(r)
		}
	}
	if all != "" {
		own = append(own, plan.FileStep{Path: ownRepos + "/rackhand.sources", Mode: 0o644, Text: all})
	}
	if keep != "" {
		kept = append(kept, plan.FileStep{Path: "/etc/apt/sources.list.d/rackhand.sources", Mode: 0o644, Text: keep})
	}
	return own, kept
}

// options are those of every command of apt's.
func (apt) options(p engine.Packages, own bool) []string {
	out := []string{
		"-q", "-y", "-o", "Dpkg::Use-Pty=0", "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold",
		"-o", "APT::Update::Error-Mode=any",
		"-o", "APT::Cmd::Pattern-Only=true", // an unknown name isn't taken for a regular expression
		"-o", "Acquire::Languages=none",
		"-o", "Acquire::Retries=" + strconv.Itoa(max(p.Retries, 3)),
	}
	if p.Timeout > 0 {
		out = append(out, "-o", "Acquire::http::Timeout="+strconv.Itoa(p.Timeout))
	}
	return append(out, aptSources(own)...)
}

// aptSources name the repos of this install in place of the image's own.
func aptSources(own bool) []string {
	if !own {
		return nil
	}
	return []string{"-o", "Dir::Etc::SourceList=/dev/null", "-o", "Dir::Etc::SourceParts=" + ownRepos}
}

func (a apt) refresh(p engine.Packages, own bool) []string {
	return append([]string{"apt-get", "update"}, a.options(p, own)...)
}

func (apt) query(p engine.Packages, own bool) []string {
	if !p.IgnoreMissing && len(p.Exclude) == 0 {
		return nil
	}
	argv := append([]string{"apt-cache", "policy"}, aptSources(own)...)
	return slices.Concat(argv, []string{"--"}, p.Install, p.Exclude)
}

func (a apt) install(p engine.Packages, own bool) []string {
	argv := append([]string{"apt-get", "install"}, a.options(p, own)...)
	if p.ExcludeWeakDeps {
		argv = append(argv, "--no-install-recommends")
	}
	if p.ExcludeDocs {
		for _, dir := range []string{"doc", "man", "info"} {
			argv = append(argv, "-o", "Dpkg::Options::=--path-exclude=/usr/share/"+dir+"/*")
		}
		argv = append(argv, "-o", "Dpkg::Options::=--path-include=/usr/share/doc/*/copyright") // licences ask for it
	}
	argv = append(append(argv, "--"), p.Install...)
	for _, e := range p.Exclude {
		argv = append(argv, e+"-")
	}
	return argv
}

func (apt) clean() []string { return []string{"apt-get", "clean"} }

// aptSummary is "3 upgraded, 5 newly installed, 0 to remove and 0 not upgraded."
var aptSummary = regexp.MustCompile(`^(\d+) upgraded, (\d+) newly installed`)

// progress counts what is unpacked and set up.
func (apt) progress() func(string) (int, int) {
	done, all := 0, 0
	return func(line string) (int, int) {
		if f := aptSummary.FindStringSubmatch(line); f != nil {
			a, _ := strconv.Atoi(f[1])
			b, _ := strconv.Atoi(f[2])
			all = 2 * (a + b)
		}
		if strings.HasPrefix(line, "Unpacking ") || strings.HasPrefix(line, "Setting up ") {
			done++
		}
		return done / 2, all / 2
	}
}

// aptAvailable reads `apt-cache policy`: a package is there when it has a candidate.
func aptAvailable(lines, wanted []string) (there, missing []string) {
	has := map[string]bool{}
	name := ""
	for _, l := range lines {
		switch {
		case l != "" && l[0] != ' ':
			name = strings.TrimSuffix(l, ":")
		case strings.HasPrefix(strings.TrimSpace(l), "Candidate:"):
			has[name] = !strings.HasSuffix(l, "(none)")
		}
	}
	for _, w := range wanted {
		if has[w] {
			there = append(there, w)
		} else {
			missing = append(missing, w)
		}
	}
	return there, missing
}

// dnf is the package manager of RHEL's family and Fedora.
type dnf struct{ keys []string }

func (d dnf) files(repos []plan.Repo, _ osRelease) (own, kept []plan.FileStep) {
	for _, r := range repos {
		k := netconf.NewKeyFile()
		k.Section(r.Name)
		k.Set("name", r.Name)
		k.Set("baseurl", r.URL)
		k.Set("enabled", "1")
		k.Set("gpgcheck", "1") // by the keys that the image has
		var keys []string
		for _, f := range d.keys {
			keys = append(keys, "file:///"+f)
		}
		k.Set("gpgkey", strings.Join(keys, " "))
		name := "rackhand-" + r.Name + ".repo"
		own = append(own, plan.FileStep{Path: filepath.Join(ownRepos, name), Mode: 0o644, Text: k.String()})
		if r.Keep {
			kept = append(kept, plan.FileStep{Path: "/etc/yum.repos.d/" + name, Mode: 0o644, Text: k.String()})
		}
	}
	return own, kept
}

func (dnf) refresh(engine.Packages, bool) []string { return nil } // install does

func (dnf) query(engine.Packages, bool) []string { return nil }

func (dnf) install(p engine.Packages, own bool) []string {
	argv := []string{"dnf", "install", "-y", "--setopt=retries=" + strconv.Itoa(max(p.Retries, 3))}
	set := func(on bool, option string) {
		if on {
			argv = append(argv, option)
		}
	}
	set(own, "--setopt=reposdir="+ownRepos)
	set(p.Timeout > 0, "--setopt=timeout="+strconv.Itoa(p.Timeout))
	set(p.IgnoreMissing, "--setopt=strict=0")
	set(p.ExcludeDocs, "--setopt=tsflags=nodocs")
	set(p.ExcludeWeakDeps, "--setopt=install_weak_deps=False")
	set(len(p.Exclude) > 0, "--exclude="+strings.Join(p.Exclude, ","))
	return append(append(argv, "--"), p.Install...)
}

func (dnf) clean() []string { return []string{"dnf", "clean", "all"} }

// dnfCount is the end of a transaction's lines: "3/12".
var dnfCount = regexp.MustCompile(`(\d+)/(\d+)\s*$`)

func (dnf) progress() func(string) (int, int) {
	return func(line string) (int, int) {
		f := dnfCount.FindStringSubmatch(line)
		if f == nil || !strings.HasPrefix(strings.TrimSpace(line), "Installing") {
			return 0, 0
		}
		done, _ := strconv.Atoi(f[1])
		all, _ := strconv.Atoi(f[2])
		return done, all
	}
}
