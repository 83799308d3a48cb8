// Package drift tells a resource that was changed behind the catalog's back from one that
// the catalog wants otherwise. It does no I/O: the agent keeps its memory in state.json.
package drift

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"path"
	"strings"

	"rackhand/provision/catalog"
)

// A Memory holds the outcome of the last run.
type Memory struct {
	// Version of the catalog. Each entry of Held is of a declaration in that catalog.
	Version string `json:"version,omitempty"`
	Boot    string `json:"boot,omitempty"` // names the boot that it ran in
	// Held are the resources that held at the end of it: a [Hash] by id.
	Held map[string]string `json:"held"`
}

// A Run describes a run that has just ended.
type Run struct {
	Catalog *catalog.Catalog
	Boot    string // names the boot; "" when unknown
	// Due are the services, by id, of which a refresh was pending when the run began.
	Due map[string]bool
}

// hashSize is the size of a hash in bytes: two declarations of one resource have the same
// once in 2^64.
const hashSize = 8

// Hash is a hash of a resource's declaration, without its place in the role, its ties to
// other resources, and the attributes that say when and how often it is tried. It doesn't cover the content of a sensitive file, which could be guessed from
// it. Where that stands in the catalog, the catalog's version stands for it: any change of
// the catalog counts as one of such a file.
func Hash(res catalog.Resource, version string) string {
	res.Source, res.Deadline, res.Notify, res.Require = "", 0, nil, nil
	res.OnlyOn, res.Retry, res.Tags, res.InWindow = nil, nil, nil, false
	if res.Secret() != "" {
		res = res.WithSecret("")
		res.HasSecret, res.Source = true, version
	}
	if res.File != nil && res.File.Ensure == catalog.FileKind {
		f := *res.File
		switch {
		case f.Sensitive && f.Content != "":
			res.Source = version
		case !f.Sensitive && f.SHA256 == "": // as in a catalog of format 2
			f.SHA256, f.Size = catalog.Sum(f.Content), int64(len(f.Content))
		}
		f.Content = ""
		res.File = &f
	}
	b, err := json.Marshal(res)
	if err != nil {
		return "" // never: it came as JSON
	}
	sum := sha256.Sum256(b)
	return base64.RawStdEncoding.EncodeToString(sum[:hashSize])
}

// Judge writes the cause into each result that is a change, and returns the memory for the
// next run. results are in the catalog's order, one for each resource.
func (m Memory) Judge(r Run, results []catalog.Result) Memory {
	next := Memory{Version: r.Catalog.Version, Boot: r.Boot, Held: map[string]string{}}
	caused := map[string]string{}
	notifiers := map[string][]string{}
	for _, res := range r.Catalog.Resources {
		for _, id := range res.Notify {
			notifiers[id] = append(notifiers[id], res.ID)
		}
	}
	for i := range results {
		res, result := r.Catalog.Resources[i], &results[i]
		held, known := m.Held[res.ID]
		hash := held
		if !known || m.Version != r.Catalog.Version {
			hash = Hash(res, r.Catalog.Version)
		}
		same := known && hash == held
		switch result.Status {
		case catalog.OK:
			next.Held[res.ID] = hash
		case catalog.Changed:
			result.Cause = m.cause(r, res, *result, same, func(id string) string { return caused[id] }, notifiers[res.ID])
			caused[res.ID] = result.Cause
			next.Held[res.ID] = hash
		default:
			// The resource is judged later by how it last held, unless the catalog has
			// changed it since: part of that change may be done.
			if same {
				next.Held[res.ID] = hash
			}
		}
	}
	return next
}

// cause is why a resource was changed.
func (m Memory) cause(r Run, res catalog.Resource, result catalog.Result, same bool, caused func(id string) string, notifiers []string) string {
	switch {
	case m.Held == nil:
		return catalog.CauseFirst
	case r.Due[res.ID] && same:
		return catalog.CauseFollows
	case !same:
		return catalog.CauseCatalog
	}
	// One that didn't hold itself, beside drift of what notifies it, has drifted too.
	for _, id := range notifiers {
		if c := caused(id); c != "" && (c != catalog.CauseDrift || result.OnlyRefreshed) {
			return catalog.CauseFollows
		}
	}
	// A required resource was changed on purpose, which may have undone this one: a package
	// in another version brings its own files.
	for _, id := range res.Require {
		if c := caused(id); c != "" && c != catalog.CauseDrift {
			return catalog.CauseFollows
		}
	}
	if r.Boot != "" && m.Boot != "" && r.Boot != m.Boot && volatile(res) {
		return catalog.CauseBoot
	}
	if res.HasSecret && result.Message == catalog.PasswordChanged {
		return catalog.CauseSecret
	}
	if f := res.File; f != nil && f.Sensitive && f.Ensure == catalog.FileKind && f.Content == "" {
		return catalog.CauseSecret
	}
	return catalog.CauseDrift
}

// volatile reports whether a boot undoes a resource.
func volatile(res catalog.Resource) bool {
	for _, name := range res.Paths() {
		for _, folder := range []string{"/run/", "/tmp/", "/dev/shm/", "/var/run/", "/var/lock/"} {
			if strings.HasPrefix(path.Clean(name)+"/", folder) {
				return true
			}
		}
	}
	return res.Service != nil || res.Timer != nil
}
