package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"rackhand/config/file"
	"rackhand/provision"
	"rackhand/provision/web/client"
	"rackhand/provision/web/show"
)

type rescueCmd struct {
	jobFlags
	Key        []string `help:"A file with a public key that may log in; repeatable. Default: ~/.ssh/id_*.pub, otherwise the keys of the inventory's variable ssh_keys." type:"existingfile" placeholder:"FILE"`
	KnownHosts string   `help:"Write the box's host key to this file, for ssh -o UserKnownHostsFile=FILE." type:"path" placeholder:"FILE"`
	NoWait     bool     `help:"Don't wait for the box to come up."`
}

func (c *rescueCmd) Run(ctx context.Context, out io.Writer) error {
	keys, err := publicKeys(c.Key, os.UserHomeDir)
	if err != nil {
		return err
	}
	cl := client.New(c.Socket)
	st, err := cl.Status(ctx)
	if err != nil {
		return err
	}
	in, err := c.arm(ctx, out, provision.JobRequest{Job: provision.JobRescue, Order: provision.Order{Keys: keys}})
	if err != nil {
		return err
	}
	if c.NoWait && c.JSON {
		return printJSON(out, rescued{Job: in})
	}
	if c.NoWait {
		fmt.Fprintf(out, "follow it: rackhand watch %s\n", c.Host)
		return nil
	}
	if !c.JSON {
		fmt.Fprintln(out, "waiting for the box; after Ctrl-C the rescue stays armed")
	}
	return c.wait(ctx, out, cl, in, st.Seq)
}

// wait follows the box until it lets somebody in.
func (c *rescueCmd) wait(ctx context.Context, out io.Writer, cl *client.Client, in provision.Install, after uint64) error {
	var ready, over *provision.Event
	_, err := cl.Watch(ctx, after, func(e provision.Event) bool {
		switch {
		case e.Install != in.ID:
			return true
		case e.Kind == "rescue-ready":
			ready = &e
			return false
		case e.Stage.Ended():
			over = &e
			return false
		}
		return c.JSON || show.Event(out, e) == nil
	})
	switch {
	case over != nil:
		return fmt.Errorf("the rescue has ended (%s): %s", over.Stage, show.OneLine(over.Message, 500))
	case ready != nil:
		return c.ready(out, in, *ready)
	case ctx.Err() != nil:
		return errors.New("no longer waiting; the rescue stays armed: `rackhand cancel " + c.Host + "` ends it")
	}
	return err
}

// A rescued box is the output of rescue --json. Empty values are not known before the box lets
// somebody in.
type rescued struct {
	Job         provision.Install `json:"job"`
	Address     string            `json:"address,omitempty"`
	Port        string            `json:"port,omitempty"`
	HostKey     string            `json:"host_key,omitempty"`
	Fingerprint string            `json:"fingerprint,omitempty"`
}

func (c *rescueCmd) ready(out io.Writer, in provision.Install, e provision.Event) error {
	field := func(name string) string { return show.OneLine(e.Fields[name], 1000) }
	line := field("address") + " " + field("host_key")
	ssh := fmt.Sprintf("ssh -p %s root@%s", field("port"), field("address"))
	if c.KnownHosts != "" {
		if err := writeKnownHosts(c.KnownHosts, line); err != nil {
			return err
		}
		ssh = fmt.Sprintf("ssh -o UserKnownHostsFile=%s -o StrictHostKeyChecking=yes -p %s root@%s", c.KnownHosts, field("port"), field("address"))
	}
	if c.JSON {
		return printJSON(out, rescued{in, field("address"), field("port"), field("host_key"), field("fingerprint")})
	}
	fmt.Fprintf(out, "%s\nhost key: %s\nfor known_hosts: %s\n", ssh, field("fingerprint"), line)
	return nil
}

// writeKnownHosts writes a file of one line. One that has more lines is not from an
// earlier rescue, and stays.
func writeKnownHosts(path, line string) error {
	old, err := file.Read(path, 64<<10)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if bytes.Count(old, []byte("\n")) > 1 {
		return fmt.Errorf("%s has lines for other hosts: give a separate file with --known-hosts", path)
	}
	return os.WriteFile(path, []byte(line+"\n"), 0o644)
}

// publicKeys reads the files that were named, or else the user's own; none is for the
// appliance to fill in.
func publicKeys(files []string, home func() (string, error)) ([]string, error) {
	if len(files) == 0 {
		dir, err := home()
		if err != nil {
			return nil, nil
		}
		if files, err = filepath.Glob(filepath.Join(dir, ".ssh", "id_*.pub")); err != nil {
			return nil, err
		}
	}
	var keys []string
	for _, f := range files {
		b, err := file.Read(f, 64<<10)
		if err != nil {
			return nil, fmt.Errorf("a public key: %w", err)
		}
		keys = append(keys, string(b))
	}
	return keys, nil
}
