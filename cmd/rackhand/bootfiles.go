package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"rackhand/bootfiles"
	"rackhand/bootfiles/fetch"
	"rackhand/config/file"
	"rackhand/provision/terminal"
)

type bootfilesCmd struct {
	List  bootfilesList  `cmd:"" default:"withargs" help:"List the boot programs: size, checksum, source, and what is missing."`
	Fetch bootfilesFetch `cmd:"" help:"Fetch the boot programs of another processor out of Debian's packages."`

	settingsFlags
}

type bootfilesList struct {
	JSON bool `name:"json" help:"As JSON."`
}

func (c *bootfilesList) Run(p *bootfilesCmd, out io.Writer) error {
	list, err := bootfiles.New(p.cfg.Bootfiles).WithFetched(p.folder("bootfiles")).List()
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, list)
	}
	table := &terminal.Table{Head: []string{"NAME", "BYTES", "SHA-256", "FROM"}}
	for _, f := range list {
		if f.Missing != "" {
			// The last part of the error says what to do.
			say := f.Missing[strings.LastIndex(f.Missing, ": ")+1:]
			table.Add(f.Name, "-", "-", "missing:"+say)
			continue
		}
		table.Add(f.Name, fmt.Sprint(f.Size), fmt.Sprintf("%.16s", f.SHA256), f.From)
	}
	return table.Write(out)
}

type bootfilesFetch struct {
	Processor string `arg:"" enum:"arm64" help:"The processor: arm64."`
	Release   string `help:"The Debian release of the packages (default: this machine's)."`
}

func (c *bootfilesFetch) Run(ctx context.Context, p *bootfilesCmd, out io.Writer) error {
	release := c.Release
	if release == "" {
		var err error
		if release, err = codename("/etc/os-release"); err != nil {
			return err
		}
	}
	m, err := fetch.Fetch(ctx, fetch.Options{
		Dir: p.folder("bootfiles"), Processor: c.Processor, Release: release,
		Clock: time.Now, Log: logTo(os.Stderr),
	})
	if err != nil {
		return err
	}
	for _, f := range m.Files {
		fmt.Fprintf(out, "%12d  %-18s from %s %s\n", f.Size, f.Name, f.Package, f.Version)
	}
	fmt.Fprintf(out, "boot programs for %s are ready\n", m.Processor)
	return nil
}

// codename is this machine's Debian release, as os-release(5) has it.
func codename(path string) (string, error) {
	data, err := file.Read(path, 64<<10)
	if err != nil {
		return "", fmt.Errorf("this machine's Debian release is unknown (%w): give --release", err)
	}
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok && strings.Trim(v, `"`) != "" {
			return strings.Trim(v, `"`), nil
		}
	}
	return "", fmt.Errorf("%s has no VERSION_CODENAME: give --release", path)
}
