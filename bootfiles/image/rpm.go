package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// rpmFormat is one package a line, in four fields.
const rpmFormat = `%{NAME}\t%{EVR}\t%{ARCH}\t%{SOURCERPM}\n`

// rpmFolder is the folder of a root's rpm database; "" without one.
func rpmFolder(root string) string {
	for _, dir := range []string{newDatabase, oldDatabase} {
		for _, file := range []string{"rpmdb.sqlite", "Packages", "Packages.db"} {
			if info, err := os.Lstat(filepath.Join(root, dir, file)); err == nil && info.Mode().IsRegular() {
				return filepath.Join(root, dir)
			}
		}
	}
	return ""
}

// readRPM lists the packages of a database of rpm.
func readRPM(ctx context.Context, folder string) ([]Package, error) {
	text, err := queryRPM(ctx, folder, rpmFormat)
	if err != nil {
		return nil, err
	}
	return parseRPM(text)
}

// queryRPM asks a database of rpm about all packages, with this machine's rpm.
func queryRPM(ctx context.Context, folder, format string) (string, error) {
	if _, err := exec.LookPath("rpm"); err != nil {
		return "", errors.New("the root has a database of rpm, and rpm isn't installed here to read it: apt install rpm")
	}
	cmd := exec.CommandContext(ctx, "rpm", "--define", "_dbpath "+folder, "--query", "--all", "--queryformat", format)
	cmd.Env = childEnv()
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ask rpm for the root's packages: %w: %s", err, strings.TrimSpace(said.String()))
	}
	return string(out), nil
}

// parseRPM reads lines of rpmFormat.
func parseRPM(text string) ([]Package, error) {
	var list []Package
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) != 4 {
			return nil, fmt.Errorf("rpm printed %q, which is not a package", line)
		}
		if f[0] == "gpg-pubkey" { // a key that dnf took, no package
			continue
		}
		if f[2] == "(none)" {
			f[2] = "noarch"
		}
		p := Package{Name: f[0], Version: f[1], Arch: f[2]}
		// NAME-VERSION-RELEASE.src.rpm
		if parts := strings.Split(strings.TrimSuffix(f[3], ".src.rpm"), "-"); len(parts) >= 3 && strings.HasSuffix(f[3], ".src.rpm") {
			n := len(parts)
			p.Source, p.SourceVersion = strings.Join(parts[:n-2], "-"), parts[n-2]+"-"+parts[n-1]
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Package) int {
		return compareNames(a.Name+" "+a.Version+" "+a.Arch, b.Name+" "+b.Version+" "+b.Arch)
	})
	return list, nil
}
