package provider

import (
	"context"
	"fmt"
	"strconv"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/edit"
)

// edited brings about resources that are a part of a file.
type edited struct {
	Host
	of func(r *catalog.Resource) change
}

// A change is an edit of a file.
type change struct {
	*catalog.Edited
	edit func(text []byte) (out []byte, did []string, err error)
}

func lineChange(r *catalog.Resource) change {
	l := r.Line
	return change{&l.Edited, func(b []byte) ([]byte, []string, error) { return edit.Line(b, l) }}
}

func blockChange(r *catalog.Resource) change {
	b := r.Block
	return change{&b.Edited, func(text []byte) ([]byte, []string, error) { return edit.Block(text, b) }}
}

func iniChange(r *catalog.Resource) change {
	i := r.INI
	return change{&i.Edited, func(b []byte) ([]byte, []string, error) { return edit.INI(b, i) }}
}

// plan is the file as it is and as it is to be, and what is done to it; did is nil if it holds.
func (p edited) plan(ctx context.Context, r *catalog.Resource) (old *Regular, to *catalog.File, did []string, err error) {
	c := p.of(r)
	old, err = p.look(ctx, c.Path)
	if err != nil {
		return nil, nil, nil, err
	}
	var text []byte
	if old != nil {
		text = old.Content
	}
	out, did, err := c.edit(text)
	switch {
	case err != nil || len(did) == 0:
		return old, nil, nil, err
	case len(out) > catalog.MaxEdited:
		return nil, nil, nil, fmt.Errorf("with it, %s would have more than %d bytes", c.Path, catalog.MaxEdited)
	case old == nil && !c.Create:
		return nil, nil, nil, &Missing{
			Err: fmt.Errorf("there is no %s: declare file[%[1]s] or the package that brings it before this, or set create: true", c.Path),
			By:  []string{catalog.ID(catalog.KindFile, c.Path)},
		}
	case old == nil:
		return nil, c.File(string(out)), did, nil
	}
	to = c.File(string(out))
	// A file that is there keeps its own, and those of the one that was read: a user of the
	// folder may put another one in its place, which that user can read.
	to.Mode, to.Owner, to.Group = fmt.Sprintf("%04o", old.Mode), strconv.Itoa(old.UID), strconv.Itoa(old.GID)
	return old, to, did, nil
}

func (p edited) Check(ctx context.Context, r *catalog.Resource) ([]string, error) {
	old, to, did, err := p.plan(ctx, r)
	if err != nil || to == nil {
		return nil, err
	}
	if old == nil {
		// Its folder, its owner or its group may be missing.
		made, err := p.Files.Check(ctx, to)
		if err != nil {
			return nil, err
		}
		did = made
	}
	if d := draftsOf(ctx); d != nil {
		d.putDiff(r.ID, p.diff(old, to))
		d.Put(to.Path, drafted(old, to))
	}
	return did, nil
}

// drafted is a file as it would be after a change.
func drafted(old *Regular, to *catalog.File) *Regular {
	now := Regular{Mode: 0o644}
	if old != nil {
		now = *old
	} else if mode, err := catalog.ParseMode(to.Mode); err == nil {
		now.Mode = mode
	}
	now.Content = []byte(to.Content)
	return &now
}

// worldReadable is the mode bit that lets every user read a file.
const worldReadable = 0o004

// diff is empty for a file that not everyone may read, since the lines around a change may
// hold a secret.
func (p edited) diff(old *Regular, to *catalog.File) string {
	if old == nil || old.Mode&worldReadable == 0 {
		return ""
	}
	return p.Files.Unified(to.Path, old.Content, []byte(to.Content))
}

// Diff is what Check noted in a dry run.
func (p edited) Diff(ctx context.Context, r *catalog.Resource) string {
	if d := draftsOf(ctx); d != nil {
		return d.diff(r.ID)
	}
	return ""
}

func (p edited) Apply(ctx context.Context, r *catalog.Resource) error {
	_, to, _, err := p.plan(ctx, r)
	if err != nil || to == nil {
		return err
	}
	return p.Files.Apply(ctx, to)
}
