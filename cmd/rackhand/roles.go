package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"rackhand/config/problem"
	"rackhand/inventory/role/shipped"
	"rackhand/provision/terminal"
	"rackhand/templates"
)

type rolesCmd struct {
	List rolesListCmd `cmd:"" default:"1" help:"List the roles that come with rackhand."`
	Show rolesShowCmd `cmd:"" help:"Print one, with its parameters."`
	Copy rolesCopyCmd `cmd:"" help:"Copy one with its tests and templates into the inventory, to change it there."`
}

type rolesListCmd struct {
	inventoryFlag
	jsonFlag
}

// A listedRole is a role in the output of roles list --json.
type listedRole struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	// Replaced: the inventory has a role of that name.
	Replaced bool `json:"replaced"`
}

func (c *rolesListCmd) Run(out io.Writer) error {
	var list []listedRole
	for _, name := range shipped.Names() {
		_, err := os.Stat(filepath.Join(c.Inventory, "roles", name+".yaml"))
		list = append(list, listedRole{name, shipped.Summary(name), err == nil})
	}
	if c.JSON {
		return printJSON(out, list)
	}
	table := &terminal.Table{}
	for _, r := range list {
		if r.Replaced {
			r.Summary += " (the inventory has its own)"
		}
		table.Add(r.Name, r.Summary)
	}
	return table.Write(out)
}

type rolesShowCmd struct {
	Name string `arg:"" complete:"shipped-role" help:"The role, such as nginx."`
}

func (c *rolesShowCmd) Run(out io.Writer) error {
	text, err := shippedRole(c.Name)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

func shippedRole(name string) ([]byte, error) {
	if text := shipped.Role(name); text != nil {
		return text, nil
	}
	hint := problem.DidYouMean(name, shipped.Names())
	if hint == "" {
		hint = "`rackhand roles list` shows them"
	}
	return nil, fmt.Errorf("no role %q comes with rackhand: %s", name, hint)
}

type rolesCopyCmd struct {
	Name string `arg:"" complete:"shipped-role" help:"The role, such as nginx."`
	inventoryFlag
}

// templateLine finds the templates that a role names.
var templateLine = regexp.MustCompile(`(?m)^\s*(?:- )?template: ([a-z0-9.-]+)$`)

func (c *rolesCopyCmd) Run(out io.Writer) error {
	text, err := shippedRole(c.Name)
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.Inventory); err != nil {
		return fmt.Errorf("the inventory's folder: %w: name it by --inventory", err)
	}
	type file struct {
		name string
		text []byte
	}
	files := []file{{"roles/" + c.Name + ".yaml", text}}
	if tests := shipped.Tests(c.Name); tests != nil {
		files = append(files, file{"roles/" + c.Name + ".test.yaml", tests})
	}
	builtin := templates.New("")
	for _, m := range templateLine.FindAllSubmatch(text, -1) {
		template, err := builtin.Read(string(m[1]))
		if err != nil {
			return err
		}
		files = append(files, file{"templates/" + string(m[1]), []byte(template)})
	}
	var there []string
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(c.Inventory, f.name)); !errors.Is(err, fs.ErrNotExist) {
			there = append(there, f.name)
		}
	}
	if len(there) > 0 {
		return fmt.Errorf("the inventory has %s already: nothing was copied", strings.Join(there, ", "))
	}
	for _, f := range files {
		name := filepath.Join(c.Inventory, f.name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		_, err = to.Write(f.text)
		if err := errors.Join(err, to.Close()); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		fmt.Fprintln(out, name)
	}
	return nil
}
