// Package fetch gets boot programs for another processor out of Debian packages that
// can't be installed here, with this machine's apt, its archives, and a separate apt
// state. apt checks the signatures.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rackhand/bootfiles"
	"rackhand/bootfiles/image"
)

// timeout bounds a whole fetch: some 15 MB of package lists and 2 MB of packages.
const timeout = 10 * time.Minute

// Options are the options of a fetch.
type Options struct {
	// Dir is the folder of all fetched programs, made when missing; they are put
	// into a folder of it by the processor's name.
	Dir       string
	Processor string // arm64
	// Release is the Debian release that the programs are taken from (bookworm).
	Release string
	// Sources are the archives; none means those of this machine's apt.
	Sources []image.Source
	Clock   func() time.Time
	Log     *slog.Logger
	// run runs a command in a folder and returns its output; apt's when nil.
	run func(ctx context.Context, dir, name string, args ...string) (string, error)
}

// Fetch gets the programs, and puts them with their manifest in the place of those
// that were there, whole or not at all.
func Fetch(ctx context.Context, o Options) (*bootfiles.Fetched, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it took longer than %s: try again, or look at the archive's mirror", timeout))
	defer cancel()
	m, err := fetch(ctx, o)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("fetch boot programs for %s: %w", o.Processor, err)
	}
	return m, nil
}

func fetch(ctx context.Context, o Options) (*bootfiles.Fetched, error) {
	if o.Processor != "arm64" {
		return nil, fmt.Errorf("there are only programs for arm64 to be fetched, not for %q; those for amd64 are packages of this machine", o.Processor)
	}
	if o.run == nil {
		o.run = command
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(o.Sources) == 0 {
		var err error
		if o.Sources, err = image.HostSources(o.Release); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	l, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	work, err := os.MkdirTemp(o.Dir, workPrefix+"*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	wanted := bootfiles.ARM64()
	a := &apt{work: work, processor: o.Processor, run: o.run, log: o.Log}
	versions, err := a.packages(ctx, o.Sources, append(packagesOf(wanted), modulesPackage))
	if err != nil {
		return nil, err
	}
	m := &bootfiles.Fetched{Processor: o.Processor, Time: o.Clock().UTC().Truncate(time.Second)}
	folder := filepath.Join(work, "programs")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	for _, w := range wanted {
		f, err := take(a.root(), w, folder)
		if err != nil {
			return nil, err
		}
		f.Version = versions[w.Package]
		m.Files = append(m.Files, f)
	}
	made, err := a.grubHTTP(ctx, folder)
	switch {
	case errors.Is(err, errNoTool):
		o.Log.Warn("boxes that boot by UEFI HTTP have no program: " + err.Error())
	case err != nil:
		return nil, err
	default:
		made.Version = versions[modulesPackage]
		m.Files = append(m.Files, made)
	}
	return m, place(folder, filepath.Join(o.Dir, o.Processor), m)
}

func packagesOf(wanted []bootfiles.Wanted) []string {
	var names []string
	for _, w := range wanted {
		if !slices.Contains(names, w.Package) {
			names = append(names, w.Package)
		}
	}
	return names
}

// maxProgram bounds a boot program, in bytes; GRUB's has 4 MB.
const maxProgram = 64 << 20

// take copies a program out of the unpacked packages, and measures it.
func take(root string, w bootfiles.Wanted, folder string) (bootfiles.FetchedFile, error) {
	data, f, err := measure(root, w)
	if err != nil {
		return f, err
	}
	return f, os.WriteFile(filepath.Join(folder, w.Name), data, 0o644)
}

// measure reads a program below root.
func measure(root string, w bootfiles.Wanted) ([]byte, bootfiles.FetchedFile, error) {
	f := bootfiles.FetchedFile{Name: w.Name, Package: w.Package}
	tree, err := os.OpenRoot(root) // a package's links lead nowhere else
	if err != nil {
		return nil, f, err
	}
	defer tree.Close()
	from, err := tree.Open(w.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f, fmt.Errorf("the package %s has no %s: this Debian release is not known to rackhand", w.Package, w.Path)
	}
	if err != nil {
		return nil, f, err
	}
	defer from.Close()
	data, err := io.ReadAll(io.LimitReader(from, maxProgram+1))
	switch {
	case err != nil:
		return nil, f, err
	case len(data) > maxProgram, !strings.HasPrefix(string(data[:min(2, len(data))]), "MZ"):
		return nil, f, fmt.Errorf("%s of the package %s is not a UEFI program", w.Path, w.Package)
	}
	f.Size, f.SHA256 = int64(len(data)), sum(data)
	return data, f, nil
}
