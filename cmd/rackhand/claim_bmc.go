package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"rackhand/inventory/edit"
	"rackhand/provision/takeover"
)

// claimBMC are the flags of a claim that declare the host's BMC.
type claimBMC struct {
	BMC      string `name:"bmc" help:"The address of its BMC." placeholder:"ADDRESS"`
	User     string `name:"bmc-user" help:"The BMC's user, if the host's group names none." placeholder:"USER"`
	Password string `name:"bmc-password-file" help:"A file whose first line is that user's password; - is the standard input. The secret bmc/NAME keeps it." placeholder:"FILE"`
}

// on puts the BMC on a host. keep writes the password to the secrets of the inventory's
// settings, and returns the file; nil: no password was given.
func (c claimBMC) on(host *edit.Host, inventory string) (keep func() (path string, err error), err error) {
	switch {
	case c.BMC == "" && c.User == "" && c.Password == "":
		return nil, nil
	case c.BMC == "":
		return nil, exitError{exitUsage, errors.New("--bmc-user and --bmc-password-file belong to a BMC: give its address with --bmc")}
	case (c.User == "") != (c.Password == ""):
		return nil, exitError{exitUsage, errors.New("--bmc-user and --bmc-password-file go together")}
	}
	if host.BMC.Address, err = netip.ParseAddr(c.BMC); err != nil {
		return nil, exitError{exitUsage, fmt.Errorf("%q is not an address: write one such as 10.77.0.111", c.BMC)}
	}
	if c.User == "" {
		return nil, nil
	}
	host.BMC.User, host.BMC.Secret = c.User, "bmc/"+host.Name
	cfg, err := settingsFor("", inventory)
	if err != nil {
		return nil, err
	}
	if cfg == nil {
		return nil, errors.New("no rackhand.yaml names this inventory, so it isn't known where its secrets are: leave out --bmc-password-file, and add the BMC with `rackhand set`")
	}
	path := filepath.Join(cfg.Secrets, filepath.FromSlash(host.BMC.Secret))
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s exists already, and is not overwritten: remove it, or claim the host without --bmc-password-file", path)
	}
	password, err := firstLine(c.Password)
	if err != nil {
		return nil, err
	}
	return func() (string, error) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return path, err
		}
		if err := renameio.WriteFile(path, append(password, '\n'), 0o600); err != nil {
			return path, err
		}
		return path, takeover.AsFolder(cfg.Secrets)
	}, nil
}

// firstLine reads the first line of a file, or of the standard input.
func firstLine(path string) ([]byte, error) {
	in := os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("the BMC's password: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, 4096))
	if err != nil {
		return nil, fmt.Errorf("the BMC's password: %w", err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if line = bytes.TrimRight(line, "\r"); len(line) == 0 {
		return nil, errors.New("the BMC's password: the first line is empty")
	}
	return line, nil
}
