package main

import (
	"context"
	"io"

	"rackhand/inventory/edit"
)

type setCmd struct {
	editFlags
	Path   string   `arg:"" help:"The path to set, such as hosts.web1.address, groups.web.role or hosts.web1.variables.motd; quote a key that contains a dot: systems.\"rocky9.4\".media."`
	Values []string `arg:"" name:"value" help:"The value; several make a list. Put -- before one that begins with a dash."`
}

func (c *setCmd) Run(ctx context.Context, out io.Writer) error {
	path, err := edit.ParsePath(c.Path)
	if err != nil {
		return exitError{2, err}
	}
	return c.edit(ctx, out, func(files []edit.File) (edit.Change, error) {
		return edit.SetIn(files, c.File, path, c.Values...)
	}, func() {})
}
