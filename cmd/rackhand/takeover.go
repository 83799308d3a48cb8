package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"rackhand/config/file"
	"rackhand/provision/takeover"
)

type takeoverCmd struct {
	settingsFlags
	User string `required:"" help:"The user that the service runs as." placeholder:"USER"`
}

// Help is the end of --help.
func (c *takeoverCmd) Help() string {
	return "The package and its service run this: files that root made become the user's. The database is copied beside itself before it changes its owner."
}

func (c *takeoverCmd) Run(out io.Writer) error {
	if os.Geteuid() != 0 {
		return errors.New("takeover: only root can give files to another user: run it as root")
	}
	to, err := ownerNamed(c.User)
	if err != nil {
		return err
	}
	r, err := takeover.State(c.cfg.State, to, time.Now())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // the service makes the folder
	}
	if r.Copy != "" {
		fmt.Fprintf(out, "the database was copied to %s\n", r.Copy)
	}
	if r.Changed > 0 {
		fmt.Fprintf(out, "%s in %s now belong to %s\n", count(r.Changed, "file"), c.cfg.State, c.User)
	}
	return errors.Join(err, c.secrets(to, out), c.settings(to, out))
}

// settings lets the user read the settings and the inventory, which stay the operator's.
func (c *takeoverCmd) settings(to takeover.Owner, out io.Writer) error {
	n, all := takeover.Readable(c.cfg.Inventory, to)
	if errors.Is(all, fs.ErrNotExist) {
		all = nil
	}
	for _, path := range []string{filepath.Dir(c.Config), c.Config} {
		did, err := takeover.ReadableFile(path, to)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if did {
			n++
		}
		all = errors.Join(all, err)
	}
	if n > 0 {
		fmt.Fprintf(out, "%s of the settings and the inventory can now be read by the group of %s\n", count(n, "file"), c.User)
	}
	return all
}

// secrets gives the folder of secrets, and the identity that decrypts others, to the user.
func (c *takeoverCmd) secrets(to takeover.Owner, out io.Writer) error {
	if identity := c.cfg.Age.Identity; identity != "" {
		did, err := takeover.File(identity, to)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if did {
			fmt.Fprintf(out, "%s now belongs to %s\n", identity, c.User)
		}
	}
	info, err := os.Stat(c.cfg.Secrets)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%s is no private folder, so its files keep their owners: chmod 700 it", c.cfg.Secrets)
	}
	if err != nil {
		return err
	}
	n, err := takeover.Tree(c.cfg.Secrets, to)
	if n > 0 {
		fmt.Fprintf(out, "%s in %s now belong to %s\n", count(n, "file"), c.cfg.Secrets, c.User)
	}
	return err
}

func ownerNamed(name string) (takeover.Owner, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return takeover.Owner{}, fmt.Errorf("takeover: %w: the package makes it (systemd-sysusers)", err)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	return takeover.Owner{UID: uid, GID: gid}, errors.Join(err1, err2)
}

// giveSecrets gives a new folder of secrets to the service's user, where there is one: the
// service couldn't read root's.
func giveSecrets(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	to, err := ownerNamed(file.ServiceUser)
	if err != nil {
		return nil // without the package rackhand runs as root
	}
	_, err = takeover.Tree(filepath.Join(dir, "secrets"), to)
	return err
}
