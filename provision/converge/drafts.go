package converge

import (
	"context"
	"errors"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/provider"
)

// draft notes, in a dry run, what a file would hold after the run, for later resources that
// edit it. differs and err are the result of the check.
func (r *run) draft(ctx context.Context, res *catalog.Resource, differs []string, err error) {
	f := res.File
	var missing *provider.Missing
	if len(differs) == 0 && !errors.As(err, &missing) {
		return // it is as it is, or can't be made
	}
	if f.Ensure == catalog.Absent {
		r.drafts.Put(f.Path, nil)
		return
	}
	content := []byte(f.Content)
	known := f.Ensure == catalog.FileKind && err == nil && !f.Sensitive && !f.Keep
	if known && f.SHA256 != "" {
		content, known = nil, false
		if f.Size <= catalog.MaxEdited && r.Contents != nil {
			b, err := r.Contents.Read(ctx, f)
			content, known = b, err == nil
		}
	}
	if !known {
		r.drafts.Hide(f.Path, res.ID)
		return
	}
	now := &provider.Regular{Content: content, Mode: 0o644}
	if mode, err := catalog.ParseMode(f.Mode); err == nil {
		now.Mode = mode
	}
	r.drafts.Put(f.Path, now)
}
