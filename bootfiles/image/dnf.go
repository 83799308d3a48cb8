package image

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// dnfMounts gives the scriptlets of packages what they look for in a root (proc,
// a few devices) and hands over to dnf. The mounts are gone with the namespace that
// [run] makes. Its arguments are the root, and then dnf's command line.
const dnfMounts = `set -e
umask 022
root=$1; shift
mount --make-rprivate /
mkdir -p "$root/proc" "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755,size=1m dev "$root/dev"
for d in null zero random urandom tty; do
	: >"$root/dev/$d"
	mount --bind "/dev/$d" "$root/dev/$d"
done
exec "$@"
`

// dnfConfig is dnf.conf(5): the recipe's repositories and no others, and nothing of
// this machine.
func dnfConfig(r Recipe, work string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `[main]
gpgcheck=1
localpkg_gpgcheck=1
install_weak_deps=0
tsflags=nodocs
plugins=0
keepcache=0
best=1
reposdir=%[1]s/none
varsdir=%[1]s/none
cachedir=%[1]s/cache
persistdir=%[1]s/persist
logdir=%[1]s/log
`, work)
	for i, s := range r.Sources {
		fmt.Fprintf(&b, "\n[source%d]\nname=source%[1]d\nbaseurl=%s\nskip_if_unavailable=0\n", i+1, s)
		if r.Unsigned {
			b.WriteString("gpgcheck=0\n")
		} else {
			fmt.Fprintf(&b, "gpgcheck=1\ngpgkey=%s\n", (&url.URL{Scheme: "file", Path: r.Key}).String())
		}
	}
	return b.String()
}

func dnfArgs(r Recipe, root, config string) []string {
	args := []string{
		"dnf", "--config=" + config, "--installroot=" + root, "--releasever=" + r.Release,
		"--forcearch=x86_64", "--assumeyes", "--noplugins",
	}
	if r.Distribution != "fedora" && r.Release == "9" { // the last one with modules
		args = append(args, "--setopt=module_platform_id=platform:el9")
	}
	return append(append(args, "install"), r.packages()...)
}

// dnf makes a root of the packages of Red Hat's family. Debian's dnf runs; the
// root's own isn't asked.
func dnf(ctx context.Context, o Options, work, root string) error {
	home := filepath.Join(work, "dnf")
	if err := os.MkdirAll(filepath.Join(home, "none"), 0o755); err != nil {
		return err
	}
	if err := putOverlay(*o.Recipe, root); err != nil {
		return err
	}
	if err := placeDatabase(*o.Recipe, root); err != nil {
		return err
	}
	config := filepath.Join(home, "dnf.conf")
	if err := os.WriteFile(config, []byte(dnfConfig(*o.Recipe, home)), 0o644); err != nil {
		return err
	}
	// Debian's rpm keeps its database in the home folder, without a setting.
	if err := os.WriteFile(filepath.Join(home, ".rpmmacros"), []byte("%_dbpath /"+oldDatabase+"\n"), 0o644); err != nil {
		return err
	}
	args := append([]string{"-c", dnfMounts, "sh", root, "env", "HOME=" + home}, dnfArgs(*o.Recipe, root, config)...)
	return explain(run(ctx, o.Log, "sh", args...), "dnf", [][2]string{
		{"GPG check FAILED", "a package isn't signed by the key given: check --key, or leave that repository out"},
		{"Public key for", "a package isn't signed by the key given: check --key, or leave that repository out"},
		{"No match for argument", "a package is missing in the repositories: check its name, and that BaseOS and AppStream are both named"},
		{"Failed to download metadata", "a repository doesn't answer: check its URL, which is the folder that holds repodata/"},
		{"Could not resolve host", "the repository's name doesn't resolve: check this machine's DNS"},
		{"nothing provides", "the repositories lack a package that another needs: name those that belong together (BaseOS and AppStream)"},
	})
}

// The places of rpm's database: up to release 9 of RHEL, and since.
const (
	oldDatabase = "var/lib/rpm"
	newDatabase = "usr/lib/sysimage/rpm"
)

// placeDatabase makes Debian's rpm, which knows the old place, write the database
// where the root's own rpm will look for it.
func placeDatabase(r Recipe, root string) error {
	if err := mkdirs(root, filepath.Dir(oldDatabase)); err != nil {
		return err
	}
	if r.Distribution != "fedora" && r.Release == "9" {
		return nil
	}
	if err := mkdirs(root, newDatabase); err != nil {
		return err
	}
	return os.Symlink("../../"+newDatabase, filepath.Join(root, oldDatabase))
}
