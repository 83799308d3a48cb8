package provider

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"rackhand/provision/catalog"
)

// ownFile brings about resources that are a file of their own in a folder of some program.
type ownFile struct {
	Host
	of func(r *catalog.Resource) *catalog.File
	// ready says what is missing before the file can be written; nil for nothing.
	ready func(h Host) error
}

func sudoersFile(r *catalog.Resource) *catalog.File {
	s := r.Sudoers
	name := s.Paths()[0]
	if s.Ensure == catalog.Absent {
		return &catalog.File{Path: name, Ensure: catalog.Absent}
	}
	return &catalog.File{
		Path: name, Ensure: catalog.FileKind, Content: s.Text(), Mode: "0440", Owner: "root", Group: "root",
		Validate: []string{"visudo", "-cf", "%s"},
	}
}

// sudoReady looks for visudo, without which no rule is written.
func sudoReady(h Host) error {
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/sbin"} {
		if info, err := os.Stat(filepath.Join("/", h.Root, dir, "visudo")); err == nil && info.Mode().IsRegular() {
			return nil
		}
	}
	return &Missing{
		Err: errors.New("there is no visudo, which has to check the rules: declare package[sudo] before this"),
		By:  []string{catalog.ID(catalog.KindPackage, "sudo")},
	}
}

func cronFile(r *catalog.Resource) *catalog.File {
	c := r.Cron
	name := c.Paths()[0]
	if c.Ensure == catalog.Absent {
		return &catalog.File{Path: name, Ensure: catalog.Absent}
	}
	return &catalog.File{Path: name, Ensure: catalog.FileKind, Content: c.Text(), Mode: "0644", Owner: "root", Group: "root"}
}

func cronReady(h Host) error {
	if info, err := os.Stat(filepath.Join("/", h.Root, "/etc/cron.d")); err == nil && info.IsDir() {
		return nil
	}
	return &Missing{
		Err: errors.New("there is no /etc/cron.d: declare package[cron], or package[cronie] on Red Hat's family, before this"),
		By:  []string{catalog.ID(catalog.KindPackage, "cron"), catalog.ID(catalog.KindPackage, "cronie")},
	}
}

func (p ownFile) Check(ctx context.Context, r *catalog.Resource) ([]string, error) {
	f := p.of(r)
	if f.Ensure != catalog.Absent {
		if err := p.ready(p.Host); err != nil {
			return nil, err
		}
	}
	return p.Files.Check(ctx, f)
}

func (p ownFile) Apply(ctx context.Context, r *catalog.Resource) error {
	return p.Files.Apply(ctx, p.of(r))
}

// Diff is that of the file.
func (p ownFile) Diff(ctx context.Context, r *catalog.Resource) string {
	return p.Files.Diff(ctx, p.of(r))
}
