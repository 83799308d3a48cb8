package catalog

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// validateTree checks the fields about all that is below a directory.
func (f *File) validateTree() error {
	switch {
	case f.Ensure != Directory && (f.Recurse || f.Purge):
		return fmt.Errorf("recurse and purge are for ensure: directory, not %s", f.Ensure)
	case f.Recurse && f.Mode == "" && f.Owner == "" && f.Group == "" && !f.Purge:
		return errors.New("recurse gives owner, group and mode to all below: declare at least one of them")
	case f.Ensure != Directory && len(f.Declared) > 0 || len(f.Declared) > MaxResources:
		return fmt.Errorf("declared lists paths below a directory, at most %d", MaxResources)
	}
	for _, name := range f.Declared {
		if name != path.Clean(name) || path.IsAbs(name) || name == "." || name == ".." || strings.HasPrefix(name, "../") || strings.ContainsRune(name, 0) {
			return fmt.Errorf("declared: %.200q is no path below %s", name, f.Path)
		}
	}
	if deep := f.deep(); deep != "" && Protected(f.Path) {
		return fmt.Errorf("%s is refused for %s, which the system needs: name a directory further down", deep, f.Path)
	}
	return nil
}

// deep names the field that extends a change to all that is in a directory; "" for none.
func (f *File) deep() string {
	switch {
	case f.Purge:
		return "purge"
	case f.Recurse:
		return "recurse"
	case f.Force && f.Ensure != Directory:
		return "force"
	}
	return ""
}

// Protected reports whether nothing may be done at once to all that is in a directory: the
// system needs it, or the agent.
func Protected(name string) bool {
	for _, dir := range []string{"/proc", "/sys", "/dev", "/etc/rackhand", "/var/lib/rackhand-agent"} {
		if strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return slices.ContainsFunc(protected, func(dir string) bool { return name == dir || strings.HasPrefix(dir, name+"/") })
}

// ProtectedPaths are the directories of [Protected] by name.
func ProtectedPaths() []string {
	return slices.Clone(protected)
}

// protected are directories of the Filesystem Hierarchy Standard, and those that hold what
// packages install.
var protected = []string{
	"/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/media", "/mnt", "/opt", "/proc",
	"/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/include", "/usr/lib", "/usr/lib32", "/usr/lib64",
	"/usr/libexec", "/usr/libx32", "/usr/local", "/usr/local/bin", "/usr/local/sbin", "/usr/sbin", "/usr/share", "/usr/src",
	"/var", "/var/cache", "/var/lib", "/var/lib/apt", "/var/lib/dpkg", "/var/lib/rpm", "/var/lib/systemd", "/var/log", "/var/opt",
	"/var/spool", "/var/tmp", "/boot/efi", "/etc/apt", "/etc/ssh", "/etc/systemd", "/etc/systemd/system", "/usr/lib/systemd", "/usr/lib/systemd/system", "/etc/rackhand", "/var/lib/rackhand-agent",
}
