package converge

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/packages"
	"rackhand/provision/converge/provider"
)

// unsure is the reason why a dry run can't predict a result.
type unsure struct{ error }

// cannotTell says why a dry run can't predict the result of a resource: an earlier resource
// may create the thing that it lacks. Any other error is an error in a real run, too.
func (r *run) cannotTell(res *catalog.Resource, err error) string {
	var u *unsure
	if errors.As(err, &u) {
		return u.Error()
	}
	var m *provider.Missing
	if !r.noop || !errors.As(err, &m) {
		return ""
	}
	makers := r.wouldMakeAny(m.By)
	if len(makers) == 0 {
		makers = r.makers(res)
	}
	if len(makers) > 0 {
		return fmt.Sprintf("until %s is made: %v", packages.Listed(makers), err)
	}
	return ""
}

// would reports whether this dry run would bring a resource about.
func (r *run) would(id string) bool {
	s := r.results[id].Status
	return s == catalog.Changed || s == catalog.Unknown
}

func (r *run) wouldMakeAny(ids []string) (makers []string) {
	for _, id := range ids {
		if r.would(id) {
			makers = append(makers, id)
		}
	}
	return makers
}

// makers are the resources that this dry run would make and that may bring the thing that a
// resource lacks: its requirements, otherwise folders on the way to a file and the files of
// a unit, otherwise any package.
func (r *run) makers(res *catalog.Resource) (makers []string) {
	if makers = r.wouldMakeAny(res.Require); len(makers) > 0 {
		return makers
	}
	for _, name := range res.Paths() {
		if dir := r.folderMade(name); dir != "" {
			return []string{dir}
		}
	}
	for _, before := range r.catalog.Resources {
		switch {
		case before.ID == res.ID:
			return makers
		case !r.would(before.ID):
		case before.Package != nil && !before.Package.Gone(),
			res.Service != nil && before.File != nil && strings.Contains(before.File.Path, "/systemd/") && strings.HasPrefix(path.Base(before.File.Path), unitBase(res.Service.Name)),
			res.Service != nil && before.Timer != nil && unitBase(res.Service.Name) == before.Timer.Name:
			makers = append(makers, before.ID)
		}
	}
	return makers
}

// unitBase is the beginning of the names of a unit's files: web of web.service, web@ of web@1.
func unitBase(name string) string {
	if i := strings.IndexByte(name, '@'); i >= 0 {
		return name[:i+1]
	}
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		return name[:i]
	}
	return name
}

// folderMade is the id of the nearest folder on the way to a path that would be made in
// this dry run, "" for none.
func (r *run) folderMade(name string) string {
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		id := catalog.ID(catalog.KindFile, dir)
		if r.would(id) {
			return id
		}
	}
	return ""
}

// linkMade is the id of a link on the way to a path that would be made or changed in this dry
// run, "" for none.
func (r *run) linkMade(name string) string {
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		id := catalog.ID(catalog.KindFile, dir)
		if r.results[id].Status != catalog.Changed {
			continue
		}
		for _, res := range r.catalog.Resources {
			if res.ID == id && res.File.Ensure == catalog.Link {
				return id
			}
		}
	}
	return ""
}

// wouldMake is the result of a file in a dry run. A folder that is only declared is still
// empty, so a file in it would be made.
func (r *run) wouldMake(ctx context.Context, res *catalog.Resource, differs []string, err error) ([]string, error) {
	if link := r.linkMade(res.File.Path); link != "" {
		return nil, &unsure{fmt.Errorf("until %s is made: it may lead elsewhere", link)}
	}
	var m *provider.Missing
	parent := catalog.ID(catalog.KindFile, path.Dir(res.File.Path))
	if errors.As(err, &m) && r.results[parent].Status == catalog.Changed {
		for _, dir := range r.catalog.Resources {
			if dir.ID == parent && dir.File.Ensure == catalog.Directory {
				return r.Files.Fresh(res.File)
			}
		}
	}
	if err == nil && len(differs) > 0 {
		r.diffs[res.ID] = r.Files.Diff(ctx, res.File)
	}
	return differs, err
}

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
