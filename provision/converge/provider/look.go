package provider

import (
	"context"
	"fmt"

	"rackhand/provision/catalog"
)

// A Regular is a regular file of the host.
type Regular struct {
	Content  []byte
	Mode     uint32 // its permissions, 07777
	UID, GID int
}

// look reads a file that is edited; in a dry run, as the resources before would have made it.
// It is nil if nothing is there.
func (h Host) look(ctx context.Context, path string) (*Regular, error) {
	if d := draftsOf(ctx); d != nil {
		if now, ok, err := d.look(path); ok {
			return now, err
		}
	}
	now, err := h.Files.Look(ctx, path, catalog.MaxEdited)
	if err != nil {
		return nil, fmt.Errorf("%w (files of at most %d bytes are edited)", err, catalog.MaxEdited)
	}
	return now, nil
}
