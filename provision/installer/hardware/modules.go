package hardware

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/kernel"
)

// A ModuleLoader loads kernel modules for the devices that are there, as
// modprobe and udev would.
type ModuleLoader struct {
	dir     string              // /lib/modules/VERSION
	deps    map[string][]string // module -> files to load before it, then its own, in order
	aliases []moduleAlias
	before  map[string][]string // softdep pre:
	after   map[string][]string // softdep post:
	load    func(file string) error
	warn    func(format string, args ...any)

	loaded map[string]bool // modules
	seen   map[string]bool // modaliases
}

type moduleAlias struct{ prefix, pattern, module string }

func newModuleLoader(dir string, load func(string) error, warn func(string, ...any)) (*ModuleLoader, error) {
	l := &ModuleLoader{
		dir: dir, load: load, warn: warn,
		deps: map[string][]string{}, before: map[string][]string{},
		// The kernel asks for it by a name of its own, through a modprobe that may be missing.
		after:  map[string][]string{"mlx4_core": {"mlx4_en"}},
		loaded: map[string]bool{}, seen: map[string]bool{},
	}
	for _, f := range []struct {
		name string
		line func(string)
		must bool
	}{{"modules.dep", l.depLine, true}, {"modules.alias", l.aliasLine, true}, {"modules.softdep", l.softdepLine, false}} {
		if err := eachLine(filepath.Join(dir, f.name), f.line); err != nil && (f.must || !errors.Is(err, fs.ErrNotExist)) {
			return nil, err
		}
	}
	return l, nil
}

func eachLine(name string, line func(string)) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		line(sc.Text())
	}
	return sc.Err()
}

// moduleName: virtio-blk and virtio_blk are the same.
func moduleName(s string) string {
	return strings.ReplaceAll(strings.TrimSuffix(path.Base(s), ".ko"), "-", "_")
}

// depLine: "kernel/fs/ext4.ko: kernel/fs/jbd2.ko kernel/lib/crc16.ko"; the
// dependencies stand with the innermost last.
func (l *ModuleLoader) depLine(s string) {
	file, rest, ok := strings.Cut(s, ":")
	if !ok {
		return
	}
	deps := strings.Fields(rest)
	var order []string
	for i := len(deps) - 1; i >= 0; i-- {
		order = append(order, deps[i])
	}
	l.deps[moduleName(file)] = append(order, file)
}

// aliasLine: "alias pci:v00001AF4d00001000sv*sd*bc*sc*i* virtio_pci".
func (l *ModuleLoader) aliasLine(s string) {
	f := strings.Fields(s)
	if len(f) != 3 || f[0] != "alias" {
		return
	}
	prefix := f[1]
	if i := strings.IndexAny(prefix, "*?["); i >= 0 {
		prefix = prefix[:i]
	}
	l.aliases = append(l.aliases, moduleAlias{prefix, f[1], moduleName(f[2])})
}

// softdepLine: "softdep ext4 pre: crc32c post: x".
func (l *ModuleLoader) softdepLine(s string) {
	f := strings.Fields(s)
	if len(f) < 3 || f[0] != "softdep" {
		return
	}
	m, list := moduleName(f[1]), map[string][]string(nil)
	for _, w := range f[2:] {
		switch {
		case w == "pre:":
			list = l.before
		case w == "post:":
			list = l.after
		case list != nil:
			list[m] = append(list[m], w)
		}
	}
}

// resolve are the modules that a name or modalias means.
func (l *ModuleLoader) resolve(name string) []string {
	if _, ok := l.deps[moduleName(name)]; ok {
		return []string{moduleName(name)}
	}
	var out []string
	for _, a := range l.aliases {
		if strings.HasPrefix(name, a.prefix) {
			if matchAlias(a.pattern, name) {
				out = append(out, a.module)
			}
		}
	}
	return out
}

// matchAlias is fnmatch(3) as modprobe calls it: a * stands for slashes too, which
// maker's names have (dmi:*).
func matchAlias(pattern, name string) bool {
	noSlash := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	ok, err := path.Match(noSlash(pattern), noSlash(name))
	return err == nil && ok
}

// Load loads the modules of a name or modalias, with their dependencies. A module that isn't
// in the initramfs or can't be loaded is reported and skipped: another driver may do.
func (l *ModuleLoader) Load(name string) {
	for _, m := range l.resolve(name) {
		l.addModule(m)
	}
}

// addModule loads a module after all that it needs. One that is being loaded counts
// as loaded, so softdeps in a circle come to an end.
func (l *ModuleLoader) addModule(m string) {
	if l.loaded[m] {
		return
	}
	l.loaded[m] = true
	for _, pre := range l.before[m] {
		l.Load(pre)
	}
	for _, file := range l.deps[m] {
		if dep := moduleName(file); dep != m {
			l.addModule(dep)
			continue
		}
		if err := l.load(filepath.Join(l.dir, file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.warn("module %s: %v", m, err)
		}
	}
	for _, post := range l.after[m] {
		l.Load(post)
	}
}

// scan loads modules for every device below sys (/sys) that it hasn't seen, and reports
// whether there were any. New devices may be buses with more devices: call it again.
func (l *ModuleLoader) scan(sys string) bool {
	fresh := false
	_ = filepath.WalkDir(sys+"/devices", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "modalias" {
			return nil // a device that has just gone
		}
		alias := kernel.ReadText(p)
		if alias != "" && !l.seen[alias] {
			l.seen[alias], fresh = true, true
			l.Load(alias)
		}
		return nil
	})
	return fresh
}

// Settle loads modules until no bus brings new devices.
func (l *ModuleLoader) Settle() {
	for range 5 { // a bus brings devices that bring buses
		if !l.scan("/sys") {
			break
		}
	}
}

// finitModule loads a module from a file (finit_module(2)).
func finitModule(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && err != unix.EEXIST {
		return fmt.Errorf("load it: %w", err)
	}
	return nil
}

// LoadModules loads the modules that no device's alias asks for, 8021q for a VLAN among them.
// warn is called for modules that can't be loaded.
func LoadModules(vlan bool, warn func(string, ...any)) (*ModuleLoader, error) {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return nil, err
	}
	dir := filepath.Join("/lib/modules", unix.ByteSliceToString(uts.Release[:]))
	l, err := newModuleLoader(dir, finitModule, warn)
	if err != nil {
		return nil, fmt.Errorf("the initramfs doesn't fit its kernel: %w", err)
	}
	for _, name := range []string{
		"af_packet",                      // DHCP's raw socket
		"crc32c_generic", "crc32c_intel", // ext4's checksums
		"ext4", "vfat", "nls_cp437", "nls_ascii", "nls_utf8", "nls_iso8859_1",
		"sd_mod",
	} {
		l.Load(name)
	}
	if vlan {
		l.Load("8021q")
	}
	return l, nil
}
