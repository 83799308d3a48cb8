package appliance

import (
	"context"
	"errors"
	"fmt"

	"rackhand/provision"
	"rackhand/provision/mirror"
	"rackhand/provision/web"
)

// MirrorList lists what the mirror cache keeps at a place.
func (a *Appliance) MirrorList(ctx context.Context, at string) ([]web.MirrorFile, error) {
	files, err := a.mirror.List(ctx, at)
	if err != nil {
		return nil, err
	}
	out := make([]web.MirrorFile, len(files))
	for i, f := range files {
		out[i] = web.MirrorFile{Path: f.Upstream + f.Path, Size: f.Size, Stored: f.Stored, Used: f.Used, SHA256: f.SHA256, Outdated: f.Outdated}
	}
	return out, nil
}

// MirrorForget removes what the mirror cache keeps at a place.
func (a *Appliance) MirrorForget(_ context.Context, at string) (web.MirrorForgotten, error) {
	got, err := a.mirror.Forget(at)
	if errors.Is(err, mirror.ErrNotKept) {
		return web.MirrorForgotten{}, fmt.Errorf("%w: %s (the name of a folder ends with /)", web.ErrNotKept, got.Place)
	}
	out := web.MirrorForgotten{Files: got.Files, Bytes: got.Bytes, UnderWay: got.UnderWay}
	if err != nil {
		return out, err
	}
	return out, a.journal.Record(provision.Event{
		Source: "operator", Kind: "mirror-forgotten",
		Message: fmt.Sprintf("%d files (%d bytes) of the mirror cache were forgotten: %s", out.Files, out.Bytes, got.Place),
		Fields:  map[string]string{"path": got.Place},
	})
}
