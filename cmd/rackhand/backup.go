package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/renameio/v2"

	"rackhand/config"
	"rackhand/provision/backup"
	"rackhand/provision/state"
	"rackhand/provision/store"
	"rackhand/provision/takeover"
	"rackhand/provision/web/client"
)

type backupCmd struct {
	File string `arg:"" complete:"file" help:"The file to write; - for the standard output. It must not exist."`
	socketFlag
	Config string `help:"The appliance's settings, for when it doesn't run." default:"${config}" type:"path"`
	jsonFlag
}

// Help is the end of --help.
func (c *backupCmd) Help() string {
	return "It has the database, the CA, install logs, settings, inventory and secrets: a reader of it can act as the appliance. The file gets mode 600. " +
		"Images, media and the mirror cache are not in it. A running appliance goes on serving; without one the files are read directly."
}

// A taken backup is what --json prints.
type takenBackup struct {
	File   string `json:"file"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	backup.Contents
}

func (c *backupCmd) Run(ctx context.Context, out io.Writer) error {
	if c.File == "-" {
		if c.JSON {
			return exitError{exitUsage, errors.New("--json and - both want the standard output: name a file")}
		}
		from, err := c.open(ctx)
		if err != nil {
			return err
		}
		_, err = backup.Read(io.TeeReader(from, out), nil)
		return errors.Join(err, from.Close())
	}
	if _, err := os.Lstat(c.File); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s exists already, and is not overwritten: name another file", c.File)
	}
	b, err := c.save(ctx)
	if err != nil {
		return fmt.Errorf("no backup was written: %w", err)
	}
	if c.JSON {
		return printJSON(out, b)
	}
	_, err = fmt.Fprintf(out, "%s: %s, %d bytes, of %s on %s\nIt holds keys and secrets: keep it where only you can read it.\n",
		c.File, count(len(b.Files), "file"), b.Size, b.Time.Format(time.DateTime), b.Machine)
	return err
}

// save writes the archive to its file, which appears whole and verified, or not at all.
func (c *backupCmd) save(ctx context.Context) (b takenBackup, err error) {
	from, err := c.open(ctx)
	if err != nil {
		return b, err
	}
	defer from.Close()
	f, err := renameio.NewPendingFile(c.File, renameio.WithPermissions(0o600))
	if err != nil {
		return b, err
	}
	defer f.Cleanup()
	sum := sha256.New()
	counted := &counter{}
	b.File = c.File
	if b.Contents, err = backup.Read(io.TeeReader(from, io.MultiWriter(f, sum, counted)), nil); err != nil {
		return b, err
	}
	b.Size, b.SHA256 = counted.bytes, hex.EncodeToString(sum.Sum(nil))
	return b, f.CloseAtomicallyReplace()
}

type counter struct{ bytes int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return len(p), nil
}

// open returns the archive as it is made: by the running appliance, or here.
func (c *backupCmd) open(ctx context.Context) (io.ReadCloser, error) {
	conn, err := net.DialTimeout("unix", c.Socket, 10*time.Second)
	switch {
	case err == nil:
		conn.Close()
		return client.New(c.Socket).Backup(ctx)
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED):
		return client.New(c.Socket).Backup(ctx) // which says why in words
	}
	cfg, problems := config.Load(c.Config)
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("no appliance runs here, and its settings can't be read: %w", err)
	}
	st, err := store.OpenBolt(filepath.Join(cfg.State, state.Database), store.MustExist())
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	t := &backup.Taker{Store: st, Config: cfg, Settings: c.Config, Version: version, Clock: time.Now}
	go func() {
		_, err := t.Take(ctx, w)
		w.CloseWithError(errors.Join(err, st.Close()))
	}()
	return r, nil
}

type restoreCmd struct {
	File string `arg:"" complete:"file" help:"The file that rackhand backup wrote; - for the standard input."`

	Check     bool   `help:"Verify the backup and show what is in it. Nothing is written."`
	Force     bool   `help:"Move what is there aside, into a folder .before-restore-TIME beside it."`
	StateOnly bool   `help:"Restore database, CA and logs. Settings, inventory and secrets stay as they are."`
	Into      string `help:"A folder that stands for /, to look at a backup." placeholder:"DIR" type:"path"`
	jsonFlag
}

// Help is the end of --help.
func (c *restoreCmd) Help() string {
	return "Stop the appliance first. Nothing is changed before the whole backup is verified, and nothing is overwritten. " +
		"What was armed when the backup was made is cancelled, and hosts that it doesn't know count as installed: after a restore no host is installed by itself."
}

func (c *restoreCmd) Run(ctx context.Context, out io.Writer, in io.Reader) error {
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	if c.Check {
		contents, err := backup.Read(in, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", c.File, err)
		}
		if c.JSON {
			return printJSON(out, contents)
		}
		for _, f := range contents.Files {
			fmt.Fprintf(out, "%12d  %s\n", f.Size, f.Name)
		}
		fmt.Fprintf(out, "a backup of %s on %s, by rackhand %s: whole\n", contents.Time.Format(time.DateTime), contents.Machine, contents.Version)
		return nil
	}
	r, err := backup.Restore(ctx, in, backup.RestoreOptions{Into: c.Into, StateOnly: c.StateOnly, Force: c.Force, Now: time.Now(), Log: logTo(io.Discard)})
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	for _, dir := range []string{r.Places.State, r.Places.Secrets} {
		if dir == "" {
			continue
		}
		if err := takeover.AsFolder(filepath.Join("/", c.Into, dir)); err != nil {
			return err
		}
	}
	if c.JSON {
		return printJSON(out, r)
	}
	fmt.Fprintf(out, "restored the backup of %s on %s, by rackhand %s\n", r.Time.Format(time.DateTime), r.Machine, r.Version)
	for _, folder := range r.Aside {
		fmt.Fprintf(out, "what was there is in %s\n", folder)
	}
	for _, host := range r.Cancelled {
		fmt.Fprintf(out, "%s was to be installed then; that is cancelled\n", host)
	}
	_, err = fmt.Fprintln(out, "next: start the appliance. Hosts boot their own disks until you run `rackhand install HOST`.")
	return err
}
