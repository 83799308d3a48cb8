package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// debootstrapArgs is mmdebstrap's command line: the root becomes a folder, so that
// the initramfs can be taken from it and the tar be made in a fixed order.
func debootstrapArgs(r Recipe, root, sources, overlay string) []string {
	args := []string{
		"--mode=root", "--variant=apt", "--format=directory",
		"--architectures=" + arch,
		"--aptopt=APT::Install-Recommends \"false\"",
		"--aptopt=Acquire::Languages \"none\"",
		"--aptopt=Acquire::Retries \"3\"",
		"--include=" + strings.Join(r.packages(), ","),
		// In place from the start: it says which of two packages is installed, and how
		// the kernel's postinst makes the initrd.
		"--setup-hook=tar-in " + overlay + " /",
	}
	for _, p := range excludes() {
		args = append(args, "--dpkgopt=path-exclude="+p)
	}
	args = append(args, "--dpkgopt=path-include=/usr/share/doc/*/copyright")
	return append(args, r.Release, root, sources)
}

// mmdebstrapFiles writes into a folder what mmdebstrap is given: the list of sources,
// and what is unpacked over the root before any package is.
func mmdebstrapFiles(work string, sources []Source, r Recipe) (list, overlay string, err error) {
	list, overlay = filepath.Join(work, "sources.list"), filepath.Join(work, "overlay.tar")
	if err := writeSources(list, sources); err != nil {
		return "", "", err
	}
	f, err := os.Create(overlay)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	if err := writeOverlay(f, r); err != nil {
		return "", "", err
	}
	return list, overlay, f.Close()
}

// debootstrap makes a root of Debian's or Ubuntu's packages.
func debootstrap(ctx context.Context, o Options, work, root string) error {
	sources := o.Sources
	if len(sources) == 0 {
		var err error
		if sources, err = o.Recipe.aptSources(); err != nil {
			return err
		}
	}
	list, add, err := mmdebstrapFiles(work, sources, *o.Recipe)
	if err != nil {
		return err
	}
	args := debootstrapArgs(*o.Recipe, root, list, add)
	if slices.ContainsFunc(sources, func(s Source) bool { return strings.HasPrefix(s.URI, "file:") }) {
		// dpkg runs in the root and has to see the packages there.
		args = append([]string{"--hook-dir=/usr/share/mmdebstrap/hooks/file-mirror-automount"}, args...)
	}
	return explainDeb(run(ctx, o.Log, "mmdebstrap", args...), *o.Recipe)
}

func writeSources(name string, sources []Source) error {
	var lines strings.Builder
	for _, s := range sources {
		lines.WriteString(s.Line() + "\n")
	}
	return os.WriteFile(name, []byte(lines.String()), 0o600)
}

// explainDeb turns mmdebstrap's last lines into what failed and what to do.
func explainDeb(err error, r Recipe) error {
	return explain(err, "mmdebstrap", [][2]string{
		{"NO_PUBKEY", "a source isn't signed by the keys it should be: apt install " + r.distro().keys + ", name the file of its keys, or leave that source out"},
		{"is not signed", "a source isn't signed: leave it out, or say unsigned if it is your own"},
		{"Unable to locate package", "a package is missing in the sources: check its name, and that they hold " + r.Release + " main"},
		{"unmet dependencies", "packages of the sources don't fit together: check that all are of " + r.Release},
		{"does not have a Release file", "a source has no such suite: check its URL and " + r.Release},
		{"Temporary failure resolving", "the package mirror's name doesn't resolve: check this machine's DNS"},
		{"Could not connect", "the package mirror doesn't answer: check apt's sources and proxy"},
	})
}

// explain adds what to do to the failure of a program, from what it said.
func explain(err error, program string, hints [][2]string) error {
	var failed *toolError
	if !errors.As(err, &failed) {
		return err
	}
	hint := "see its last lines"
	for _, h := range append([][2]string{
		{"No space left on device", "make room where the images lie (" + buildSpaceText + " while building)"},
		{"Operation not permitted", "it needs more rights than it has: run it as root outside a restricted container"},
	}, hints...) {
		if strings.Contains(failed.output, h[0]) {
			hint = h[1]
			break
		}
	}
	return fmt.Errorf("%s failed (%w): %s\n%s", program, failed.err, hint, failed.output)
}
