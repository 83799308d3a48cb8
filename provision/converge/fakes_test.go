package converge

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/converge/backup"
	"rackhand/provision/converge/command"
	"rackhand/provision/converge/files"
	"rackhand/provision/converge/foldertest"
	"rackhand/provision/converge/packages"
	"rackhand/provision/converge/provider"
)

// fakes is a host in a folder: a root, and a PATH with programs that keep their
// state in files.
type fakes struct {
	t    *testing.T
	dir  string
	root Paths
}

const fakeDpkgQuery = `
echo "dpkg-query" >> "$FAKE/log"
shift 3
code=0
for name; do
	if grep -q "^$name	" "$FAKE/installed"; then grep "^$name	" "$FAKE/installed"
	else echo "dpkg-query: no packages found matching $name" >&2; code=1; fi
done
exit $code
`

const fakeApt = `
echo "apt-get $*" >> "$FAKE/log"
if [ -s "$FAKE/apt-fails" ] && case "$*" in *" -s "*) false ;; esac; then
	head -n 1 "$FAKE/apt-fails" >&2
	sed -i 1d "$FAKE/apt-fails"
	exit 100
fi
case "$*" in
*" update") mkdir -p "$FAKE/root/var/lib/apt/lists"; : > "$FAKE/root/var/lib/apt/lists/x_Packages"
	cat "$FAKE/upstream" > "$FAKE/index"; exit 0 ;;
esac
case "$*" in *" -s "*) simulated=1 ;; *) simulated= ;; esac
while [ "$1" != -- ]; do shift; done
shift
if [ "$simulated" ]; then
	for name; do
		case "$name" in *-) echo "Remv ${name%-} [1]"; continue ;; esac
		grep -qx "${name%%=*}" "$FAKE/index" || { echo "E: Unable to locate package ${name%%=*}" >&2; exit 100; }
		echo "Inst ${name%%=*} (1)"
	done
	exit 0
fi
for name; do
	base=${name%%=*}
	case "$name" in
	*-) sed -i "/^${name%-}	/d" "$FAKE/installed"; continue ;;
	esac
	grep -qx "$base" "$FAKE/index" || { echo "E: Unable to locate package $base" >&2; exit 100; }
done
for name; do
	base=${name%%=*}; version=1.0
	[ "$base" = "$name" ] || version=${name#*=}
	case "$name" in *-) continue ;; esac
	sed -i "/^$base	/d" "$FAKE/installed"
	printf '%s\tamd64\tii \t%s\n' "$base" "$version" >> "$FAKE/installed"
done
`

const fakeAptCache = `
shift 2
for name; do
	printf 'Package: %s\nVersions: \n' "$name"
	if grep -qx "$name" "$FAKE/index"; then echo "1.0 (/var/lib/apt/lists/x_Packages)"; fi
	printf '\nReverse Depends: \n  mutt,%s\nDependencies: \nProvides: \nReverse Provides: \n' "$name"
	if [ -e "$FAKE/provides/$name" ]; then cat "$FAKE/provides/$name"; fi
done
`

// A unit's file says ActiveState, UnitFileState, and of an alias the unit behind.
const fakeSystemctl = `
echo "systemctl $*" >> "$FAKE/log"
for name; do :; done
if [ "$(sed -n 2p "$FAKE/units/$name" 2>/dev/null)" = alias ]; then name=$(sed -n 3p "$FAKE/units/$name"); fi
unit="$FAKE/units/$name"
if [ -e "$FAKE/systemctl-fails-$1" ]; then echo "Job for $name failed." >&2; exit 1; fi
say() {
	name=$1
	if [ "$(sed -n 2p "$FAKE/units/$name" 2>/dev/null)" = alias ]; then
		name=$(sed -n 3p "$FAKE/units/$name")
		[ "$name" ] || return
	fi
	if [ -e "$FAKE/units/$name" ]; then { read -r active; read -r enabled; read -r more; } < "$FAKE/units/$name"; load=loaded
	else active=inactive enabled= more= load=not-found; fi
	echo "Id=$name"; echo "LoadState=$load"; echo "ActiveState=$active"; echo "SubState=running"; echo "UnitFileState=$enabled"
	echo "FragmentPath=/cat/$name"; echo "Type=simple"
	for property in $more; do echo "$property"; done
	echo
}
case "$1" in
is-enabled) sed -n 2p "$unit" ;;
start|restart) [ -e "$unit" ] || { echo "Unit $name not found." >&2; exit 5; }
	sed -i 1s/.*/active/ "$unit" ;;
reload) ;;
stop) sed -i 1s/.*/inactive/ "$unit" ;;
enable) sed -i 2s/.*/enabled/ "$unit" ;;
disable) sed -i 2s/.*/disabled/ "$unit" ;;
show) case "$*" in
	*=Need*) cat "$FAKE/need-reload" ;;
	*) shift 3; for name; do say "$name"; done ;;
	esac ;;
daemon-reload) : > "$FAKE/need-reload" ;;
esac
exit 0
`

func newFakes(t *testing.T) *fakes {
	t.Helper()
	f := &fakes{t: t, dir: t.TempDir()}
	f.root = Paths{Root: filepath.Join(f.dir, "root")}
	for name, script := range map[string]string{"dpkg-query": fakeDpkgQuery, "apt-get": fakeApt, "apt-cache": fakeAptCache, "systemctl": fakeSystemctl} {
		f.write("bin/"+name, "#!/bin/sh\n"+script)
		if err := os.Chmod(filepath.Join(f.dir, "bin", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"log", "installed", "upstream", "index", "need-reload", "root/etc/apt/sources.list"} {
		f.write(name, "")
	}
	f.write("root/etc/passwd", "root:x:0:0::/:/bin/sh\n")
	f.write("units/.keep", "")
	t.Setenv("FAKE", f.dir)
	t.Setenv("PATH", filepath.Join(f.dir, "bin")+":"+os.Getenv("PATH"))
	return f
}

func (f *fakes) write(name, content string) {
	f.t.Helper()
	foldertest.Write(f.t, filepath.Join(f.dir, name), content)
}

func (f *fakes) read(name string) string {
	f.t.Helper()
	return foldertest.Read(f.t, filepath.Join(f.dir, name))
}

func (f *fakes) mode(name string) os.FileMode {
	f.t.Helper()
	return foldertest.Mode(f.t, filepath.Join(f.dir, name))
}

// log returns the programs that were run since the last call, and forgets them.
func (f *fakes) log() []string {
	f.t.Helper()
	lines := strings.Fields(strings.NewReplacer(" ", "\x00").Replace(f.read("log")))
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], "\x00", " ")
	}
	f.write("log", "")
	return lines
}

// logged counts the programs with a part in their command line.
func logged(log []string, part string) (n int) {
	for _, line := range log {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

func (f *fakes) apt() *packages.Apt {
	return &packages.Apt{Root: f.root.Root, Runner: command.Exec{}, Sleep: Sleep, Clock: time.Now}
}

func (f *fakes) files() *files.Files {
	return &files.Files{
		Root: f.root.Root, Runner: command.Exec{}, Random: strings.NewReader(strings.Repeat("random", 1000)),
		Backups: &backup.Store{Folder: f.root.Backups(), Clock: time.Now},
	}
}

func (f *fakes) engine() *Engine {
	contents := &Contents{Paths: f.root, Log: slog.New(slog.DiscardHandler)}
	manager := f.files()
	manager.Contents = contents
	return &Engine{
		Packages: f.apt(), Files: manager, Services: Systemd{Paths: f.root, Runner: command.Exec{}}, Contents: contents,
		Providers: provider.All(provider.Host{Root: f.root.Root, Files: manager, Runner: command.Exec{}}),
		Log:       slog.New(slog.DiscardHandler), Clock: time.Now, Sleep: noSleep(new(int)),
	}
}

func (f *fakes) state() *State {
	f.t.Helper()
	path := filepath.Join(f.dir, "state.json")
	s, damaged, err := OpenState(path)
	if err != nil || damaged != nil {
		f.t.Fatal(err, damaged)
	}
	return s
}

// noSleep is a Sleep that takes no time and counts.
func noSleep(count *int) func(context.Context, time.Duration) error {
	return func(ctx context.Context, _ time.Duration) error {
		*count++
		return ctx.Err()
	}
}
