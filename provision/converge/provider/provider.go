// Package provider brings about the kinds of resources that are neither files, nor packages,
// nor services: one file a kind. The engine of package converge decides when; a provider
// looks at one resource, and changes it.
package provider

import (
	"context"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
)

// A Provider brings about resources of one kind.
type Provider interface {
	// Check lists what differs from the declaration, in words for a person, such as "shell
	// /bin/sh → /bin/bash"; nil if it holds. It changes nothing. An error that ends once
	// something else exists is a *Missing.
	Check(ctx context.Context, r *catalog.Resource) (differs []string, err error)
	// Apply brings it about, after a Check that found differences.
	Apply(ctx context.Context, r *catalog.Resource) error
}

// A Refresher is the provider of a kind that can be notified.
type Refresher interface {
	// Refresh does what a change elsewhere asks for, and says what it did: "run"; "" for
	// nothing. With noop, it says what it would do. It is called after Apply, but not after
	// that of an [Actor]. An error leaves the refresh pending for the next run.
	Refresh(ctx context.Context, r *catalog.Resource, noop bool) (did string, err error)
}

// A Differ is a provider whose changes a dry run can show.
type Differ interface {
	// Diff is a bounded unified diff; "" without one.
	Diff(ctx context.Context, r *catalog.Resource) string
}

// An Actor is the provider of a kind that is an action rather than a state, so that Check
// may still find differences after Apply.
type Actor interface {
	Acts(r *catalog.Resource) bool
}

// Files are those of the host. See package files.
type Files interface {
	// Read is the content of a regular file of at most limit bytes; there is false if there
	// is none.
	Read(ctx context.Context, path string, limit int64) (content []byte, there bool, err error)
	// Look is a regular file of at most limit bytes with its attributes; nil if nothing is
	// there, or if a folder on the way is absent.
	Look(ctx context.Context, path string, limit int64) (*Regular, error)
	Check(ctx context.Context, file *catalog.File) (differs []string, err error)
	Apply(ctx context.Context, file *catalog.File) error
	// Unified is a bounded unified diff of two texts; "" unless both are text.
	Unified(path string, old, new []byte) string
	Diff(ctx context.Context, file *catalog.File) string
}

// A Host is what providers work on.
type Host struct {
	Root   string // below which its files are; "" is the machine's own root
	Files  Files
	Runner command.Runner
}

// All are the providers of a host, by kind.
func All(h Host) map[string]Provider {
	return map[string]Provider{
		catalog.KindGroup:         group{h},
		catalog.KindLine:          edited{h, lineChange},
		catalog.KindBlock:         edited{h, blockChange},
		catalog.KindINI:           edited{h, iniChange},
		catalog.KindAuthorizedKey: authorizedKey{h},
		catalog.KindSudoers:       ownFile{h, sudoersFile, sudoReady},
		catalog.KindCron:          ownFile{h, cronFile, cronReady},
		catalog.KindRepository:    repository{h},
		catalog.KindUser:          user{h},
		catalog.KindExec:          execute{h},
	}
}
