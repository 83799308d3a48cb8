package appliance

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"rackhand/provision"
	"rackhand/provision/backup"
)

// backup returns what sends a backup to the operator, and records that it did; nil if the
// path of the settings isn't known.
func (a *Appliance) backup() http.Handler {
	if a.Settings == "" {
		return nil
	}
	t := &backup.Taker{Store: a.store, Config: a.cfg, Settings: a.Settings, Version: a.Version, Clock: a.Clock}
	take := func(ctx context.Context, to io.Writer) error {
		c, err := t.Take(ctx, to)
		if err != nil {
			return err
		}
		return a.journal.Record(provision.Event{
			Source: "operator", Kind: "backup", Message: fmt.Sprintf("the operator took a backup of %d files", len(c.Files)),
		})
	}
	return backup.Handler(take, a.Log)
}
