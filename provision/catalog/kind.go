package catalog

import "strings"

// A Spec is what a resource of one kind declares.
type Spec interface {
	// Title is what the resource is called within its kind: nginx, /etc/motd.
	Title() string
	// validate says what is wrong with it.
	validate() error
}

// Paths are the files that a resource may write, so that no purge removes them. A kind that
// writes files has a method Paths, too.
func (r *Resource) Paths() []string {
	_, s := r.Kind()
	if s, ok := s.(interface{ Paths() []string }); ok {
		return s.Paths()
	}
	return nil
}

// A kind is a type of resource. A new one is a field of [Resource], a line here, and a file.
type kind struct {
	name    string
	refresh bool // it can be notified
	of      func(*Resource) Spec
}

var kinds = []kind{
	{KindPackage, false, func(r *Resource) Spec { return set(r.Package) }},
	{KindFile, false, func(r *Resource) Spec { return set(r.File) }},
	{KindService, true, func(r *Resource) Spec { return set(r.Service) }},
	{KindRepository, false, func(r *Resource) Spec { return set(r.Repository) }},
	{KindGroup, false, func(r *Resource) Spec { return set(r.Group) }},
	{KindLine, false, func(r *Resource) Spec { return set(r.Line) }},
	{KindBlock, false, func(r *Resource) Spec { return set(r.Block) }},
	{KindINI, false, func(r *Resource) Spec { return set(r.INI) }},
	{KindAuthorizedKey, false, func(r *Resource) Spec { return set(r.AuthorizedKey) }},
	{KindSudoers, false, func(r *Resource) Spec { return set(r.Sudoers) }},
	{KindCron, false, func(r *Resource) Spec { return set(r.Cron) }},
	{KindUser, false, func(r *Resource) Spec { return set(r.User) }},
	{KindExec, true, func(r *Resource) Spec { return set(r.Exec) }},
	{KindTimer, false, func(r *Resource) Spec { return set(r.Timer) }},
}

// set is a spec, nil if it isn't there.
func set[T any, P interface {
	*T
	Spec
}](p P) Spec {
	if p == nil {
		return nil
	}
	return p
}

// Kind is the kind of a resource and what it declares; "" and nil if it declares nothing,
// or more than one thing.
func (r *Resource) Kind() (name string, s Spec) {
	for _, k := range kinds {
		if found := k.of(r); found != nil {
			if s != nil {
				return "", nil
			}
			name, s = k.name, found
		}
	}
	return name, s
}

// Absent reports whether a resource, of a kind that others use, is to be absent.
func (r *Resource) Absent() bool {
	_, s := r.Kind()
	if r.File != nil {
		return r.File.Ensure == Absent
	}
	a, ok := s.(interface{ absent() bool })
	return ok && a.absent()
}

// KindOf is the kind in the id of a resource; "" without one.
func KindOf(id string) string {
	name, rest, ok := strings.Cut(id, "[")
	if !ok || !strings.HasSuffix(rest, "]") {
		return ""
	}
	return name
}

// Refreshes reports whether resources of a kind can be notified.
func Refreshes(name string) bool {
	for _, k := range kinds {
		if k.name == name {
			return k.refresh
		}
	}
	return false
}

// Contents are the files with a content that a resource names. A catalog names each by its
// hash, and an agent may fetch it.
func (r *Resource) Contents() []*File {
	switch {
	case r.File != nil && r.File.Ensure == FileKind:
		return []*File{r.File}
	case r.Repository != nil && r.Repository.Key != nil:
		return []*File{r.Repository.Key}
	}
	return nil
}

// own gives a resource copies of its Contents, which can be changed.
func (r *Resource) own() {
	switch {
	case r.File != nil:
		f := *r.File
		r.File = &f
	case r.Repository != nil && r.Repository.Key != nil:
		repository, key := *r.Repository, *r.Repository.Key
		repository.Key = &key
		r.Repository = &repository
	}
}
