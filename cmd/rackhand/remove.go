package main

import (
	"context"
	"io"

	"rackhand/inventory/edit"
)

type removeCmd struct {
	editFlags
	Path string `arg:"" help:"The path to remove, such as hosts.web1 or hosts.web1.role."`
}

func (c *removeCmd) Run(ctx context.Context, out io.Writer) error {
	path, err := edit.ParsePath(c.Path)
	if err != nil {
		return exitError{2, err}
	}
	return c.edit(ctx, out, func(files []edit.File) (edit.Change, error) {
		return edit.RemoveIn(files, c.File, path)
	}, func() {})
}
