// Package agentfile keeps the agents' programs that the appliance offers: its own, and those
// of the versions that ran here before, so that `agent: {version: ...}` can name one.
package agentfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"rackhand/provision/catalog"
)

// kept is how many versions stay on disk, besides the one that is asked for.
const kept = 5

// A Program is one version of the agent.
type Program struct {
	catalog.Offer
	path string
	data []byte // when it could not be kept on disk
}

// Open opens the program for reading.
func (p *Program) Open() (io.ReadSeekCloser, error) {
	if p.data != nil {
		return nopCloser{bytes.NewReader(p.data)}, nil
	}
	return os.Open(p.path)
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

// Programs are the agents that the appliance can offer.
type Programs struct {
	// Own is the agent that this appliance carries; nil when it was built without one.
	Own *Program
	// Offered is the agent that hosts are to run: the version that the settings name, or
	// Own; nil without both.
	Offered *Program
	// Problem is why the version that the settings name can't be offered; "" when it can.
	Problem string
}

// Load puts the appliance's own program into dir under its version, and finds the version
// that the settings ask for, "" for the own one. own is nil if this build has no agent. The
// error says why the own program could not be saved; the returned programs can still be used.
func Load(dir, version string, own []byte, asked string) (*Programs, error) {
	var p Programs
	var kept error
	if own != nil && catalog.IsVersion(version) {
		p.Own, kept = keep(dir, version, own)
	}
	p.Offered = p.Own
	if asked != "" && (p.Own == nil || asked != version) {
		var err error
		if p.Offered, err = find(dir, asked); err != nil {
			p.Problem = fmt.Sprintf("agent.version in rackhand.yaml: %v; agents are not upgraded meanwhile. Versions in the folder: %s", err, strings.Join(Versions(dir), ", "))
		}
	}
	return &p, errors.Join(kept, prune(dir, version, asked))
}

// Get is the program with a hash, nil when it isn't one of these.
func (p *Programs) Get(sha256 string) *Program {
	for _, one := range []*Program{p.Offered, p.Own} {
		if one != nil && one.SHA256 == sha256 {
			return one
		}
	}
	return nil
}

func keep(dir, version string, data []byte) (*Program, error) {
	sum := sha256.Sum256(data)
	p := &Program{
		Offer: catalog.Offer{Version: version, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))},
		path:  filepath.Join(dir, version),
	}
	if there, err := find(dir, version); err == nil && there.SHA256 == p.SHA256 {
		return p, nil
	}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = renameio.WriteFile(p.path, data, 0o600)
	}
	if err != nil {
		p.data = data
		return p, fmt.Errorf("keeping the agent's program: %w", err)
	}
	return p, nil
}

// find reads a program from disk.
func find(dir, version string) (*Program, error) {
	if !catalog.IsVersion(version) {
		return nil, fmt.Errorf("%.80q can't be a version", version)
	}
	f, err := os.Open(filepath.Join(dir, version))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no agent %s in %s", version, dir)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(f, catalog.MaxAgent+1))
	if err == nil && (n == 0 || n > catalog.MaxAgent) {
		err = fmt.Errorf("%s has a size that an agent can't have", f.Name())
	}
	if err != nil {
		return nil, err
	}
	return &Program{Offer: catalog.Offer{Version: version, SHA256: hex.EncodeToString(sum.Sum(nil)), Size: n}, path: f.Name()}, nil
}

// Versions are those in a folder, the newest first.
func Versions(dir string) []string {
	entries, _ := os.ReadDir(dir)
	type version struct {
		name string
		at   time.Time
	}
	var all []version
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && catalog.IsVersion(e.Name()) {
			all = append(all, version{e.Name(), info.ModTime()})
		}
	}
	slices.SortStableFunc(all, func(a, b version) int { return b.at.Compare(a.at) })
	names := make([]string, len(all))
	for i, v := range all {
		names[i] = v.name
	}
	return names
}

// prune removes the oldest versions.
func prune(dir, own, asked string) error {
	var all error
	n := 0
	for _, v := range Versions(dir) {
		if v == own || v == asked {
			continue
		}
		if n++; n >= kept {
			all = errors.Join(all, os.Remove(filepath.Join(dir, v)))
		}
	}
	return all
}
