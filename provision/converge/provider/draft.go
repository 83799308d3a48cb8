package provider

import (
	"context"
	"fmt"
	"sync"
)

// Drafts are the files that a dry run has looked at so far, as a run would have made them.
type Drafts struct {
	mu    sync.Mutex // work that was left behind may still write
	files map[string]draft
	diffs map[string]string
}

// A draft is a file that a run would make; nil content for one that it would remove. by is
// the id of the resource whose content isn't known before.
type draft struct {
	now *Regular
	by  string
}

type draftsKey struct{}

// WithDrafts is the context of a dry run: what is looked at in it comes from drafts, if it is
// there.
func WithDrafts(ctx context.Context, d *Drafts) context.Context {
	return context.WithValue(ctx, draftsKey{}, d)
}

func draftsOf(ctx context.Context) *Drafts {
	d, _ := ctx.Value(draftsKey{}).(*Drafts)
	return d
}

// Put notes the content that a file would have; nil for a file that would be removed.
func (d *Drafts) Put(path string, now *Regular) { d.put(path, draft{now: now}) }

// Hide notes that the resource with an id would make a file whose content isn't known.
func (d *Drafts) Hide(path, by string) { d.put(path, draft{by: by}) }

func (d *Drafts) put(path string, to draft) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files == nil {
		d.files = map[string]draft{}
	}
	d.files[path] = to
}

func (d *Drafts) look(path string) (now *Regular, ok bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, ok := d.files[path]
	if f.by != "" {
		return nil, true, &Missing{Err: fmt.Errorf("the content of %s isn't known yet", path), By: []string{f.by}}
	}
	return f.now, ok, nil
}

func (d *Drafts) putDiff(id, diff string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.diffs == nil {
		d.diffs = map[string]string{}
	}
	d.diffs[id] = diff
}

func (d *Drafts) diff(id string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.diffs[id]
}
