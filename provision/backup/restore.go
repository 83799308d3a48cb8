package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/config/file"
	"rackhand/provision"
	"rackhand/provision/journal"
	"rackhand/provision/state"
	"rackhand/provision/store"
)

var (
	// ErrThere: files are where the backup's would go.
	ErrThere = errors.New("it is there already")
	// ErrRuns: an appliance has the database open.
	ErrRuns = errors.New("an appliance runs on it: stop it first (`systemctl stop rackhand`)")
)

// RestoreOptions say how an archive is restored.
type RestoreOptions struct {
	Into      string // a folder that stands for /; "" for the places that the archive names
	StateOnly bool   // the state alone: settings, inventory and secrets stay as they are
	Force     bool   // what is there is moved aside
	Now       time.Time
	Log       *slog.Logger
}

// A Restored says what Restore did.
type Restored struct {
	Contents
	Places    Places   `json:"restored_to"`
	Aside     []string `json:"moved_aside"` // folders that hold what was there
	Cancelled []string `json:"cancelled"`   // hosts whose armed install was cancelled
}

// Restore verifies an archive and puts its files where they belong. Nothing is changed before
// all of it was read and verified. What is there is never overwritten: with Force it is moved
// into a folder beside.
//
// The world has gone on since the backup was made. A host that was to be installed then may
// serve now, so armed installs are cancelled, and hosts that the database has no record of
// count as installed before (state.MarkReplaced): none is armed by itself.
func Restore(ctx context.Context, from io.Reader, o RestoreOptions) (r Restored, err error) {
	s := &staging{o: o, parts: map[string]*part{}, name: ".restore-" + o.Now.UTC().Format("20060102T150405Z")}
	defer func() { err = errors.Join(err, s.clear()) }()
	if r.Contents, err = Read(from, s.keep); err != nil {
		return r, err
	}
	s.order()
	if err := s.judge(); err != nil {
		return r, err
	}
	db := s.parts["state"]
	if r.Cancelled, err = settle(ctx, filepath.Join(db.stage, state.Database), o); err != nil {
		return r, err
	}
	r.Aside, err = s.put()
	r.Places = s.places
	return r, err
}

// A part is the files of an archive that go into one folder.
type part struct {
	top    string // state, settings, inventory, ...
	root   string // the folder
	stage  string // a folder in it, for as long as the files aren't verified
	made   bool   // the folder was made for this
	names  []string
	secret bool
}

type staging struct {
	o      RestoreOptions
	name   string
	places Places
	parts  map[string]*part
	sorted []*part
}

// keep writes a file of the archive into the stage of its part.
func (s *staging) keep(m Manifest, name, place string, size int64, text io.Reader) error {
	s.places = m.Places
	top, _, _ := strings.Cut(name, "/")
	if s.o.StateOnly && top != "state" {
		return nil
	}
	p := s.parts[top]
	if p == nil {
		root := map[string]string{"state": m.Places.State, "inventory": m.Places.Inventory, "secrets": m.Places.Secrets}[top]
		if root == "" {
			root = filepath.Dir(place)
		}
		p = &part{top: top, root: filepath.Join("/", s.o.Into, root), secret: top != "settings" && top != "inventory"}
		if err := p.begin(s.name + "-" + top); err != nil {
			return err
		}
		s.parts[top] = p
	}
	rest, err := filepath.Rel(p.root, filepath.Join("/", s.o.Into, place))
	if err != nil {
		return err
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(p.stage, &disk); err == nil && int64(disk.Bavail)*disk.Bsize < size+32<<20 {
		return fmt.Errorf("%s has no room for %s (%d bytes)", p.root, name, size)
	}
	p.names = append(p.names, rest)
	folder, mode := os.FileMode(0o755), os.FileMode(0o644)
	if p.secret {
		folder, mode = 0o700, 0o600
	}
	path := filepath.Join(p.stage, rest)
	if err := os.MkdirAll(filepath.Dir(path), folder); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, text)
	return errors.Join(err, f.Sync(), f.Close())
}

func (p *part) begin(name string) error {
	folder := os.FileMode(0o755)
	if p.secret {
		folder = 0o700
	}
	_, err := os.Lstat(p.root)
	p.made = errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(filepath.Dir(p.root), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(p.root, folder); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	p.stage = filepath.Join(p.root, name)
	return os.Mkdir(p.stage, 0o700)
}

// order puts the state last: until it is there, no appliance serves from the new settings.
func (s *staging) order() {
	for _, top := range []string{"settings", "inventory", "secrets", "age-file", "age-identity", "state"} {
		if p := s.parts[top]; p != nil {
			s.sorted = append(s.sorted, p)
		}
	}
}

// present are the entries of a part's folder that would be in the way.
func (p *part) present() (found []string, err error) {
	switch p.top {
	case "inventory", "secrets": // a file that the backup doesn't have would mean something else beside its files
		entries, err := os.ReadDir(p.root)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				found = append(found, e.Name())
			}
		}
		return found, err
	case "state":
		for _, name := range stateParts() {
			if _, err := os.Lstat(filepath.Join(p.root, name)); err == nil {
				found = append(found, name)
			}
		}
		return found, nil
	}
	for _, name := range p.names {
		if _, err := os.Lstat(filepath.Join(p.root, name)); err == nil {
			found = append(found, name)
		}
	}
	return found, nil
}

// judge decides whether the files can be put into their places.
func (s *staging) judge() error {
	for _, p := range s.sorted {
		if p.top == "state" {
			if err := notOpen(filepath.Join(p.root, state.Database)); err != nil {
				return err
			}
		}
		found, err := p.present()
		if err != nil {
			return err
		}
		if len(found) > 0 && !s.o.Force {
			return fmt.Errorf("%s in %s: %w: --force moves it aside", strings.Join(found[:min(3, len(found))], ", "), p.root, ErrThere)
		}
	}
	return nil
}

// notOpen reports whether no appliance has a database open.
func notOpen(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if used, err := store.InUse(f); err != nil {
		return err
	} else if used {
		return fmt.Errorf("%s: %w", path, ErrRuns)
	}
	return nil
}

// settle opens the database as it will be found, and keeps it from arming anything.
func settle(ctx context.Context, path string, o RestoreOptions) (cancelled []string, err error) {
	st, err := store.OpenBolt(path, store.MustExist())
	if err != nil {
		return nil, fmt.Errorf("the backup's database: %w", err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := state.MarkReplaced(ctx, st, o.Now); err != nil {
		return nil, err
	}
	j, err := journal.Open(ctx, st, func() time.Time { return o.Now }, nil, o.Log)
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- j.Run(running) }()
	defer func() { stop(); err = errors.Join(err, <-done) }()
	for host := range j.Hosts() {
		in, ok := j.Current(host)
		if !ok || in.Stage.Ended() || !in.Armed {
			continue
		}
		_, err := j.Update(host, "", func(in provision.Install) (provision.Install, provision.Event, error) {
			return in, provision.Event{
				Source: "appliance", Kind: "cancelled", Stage: provision.Cancelled, Level: provision.LevelWarn,
				Message: fmt.Sprintf("the %s was armed in a backup that was restored: the box may have been installed since. `rackhand install %s` arms it again", in.Noun(), host),
			}, nil
		})
		if err != nil {
			return nil, fmt.Errorf("cancelling what the backup had armed: %w", err)
		}
		cancelled = append(cancelled, host)
	}
	slices.Sort(cancelled)
	return cancelled, nil
}

// put moves what is there aside, and the verified files into their places.
func (s *staging) put() (aside []string, err error) {
	for _, p := range s.sorted {
		found, err := p.present()
		if err != nil {
			return aside, err
		}
		if len(found) > 0 {
			to := filepath.Join(p.root, strings.Replace(s.name, ".restore-", ".before-restore-", 1))
			for _, name := range found {
				if err := move(filepath.Join(p.root, name), filepath.Join(to, name)); err != nil {
					return aside, err
				}
			}
			if !slices.Contains(aside, to) {
				aside = append(aside, to)
			}
		}
		tops, err := os.ReadDir(p.stage)
		if err != nil {
			return aside, err
		}
		for _, e := range tops {
			if err := move(filepath.Join(p.stage, e.Name()), filepath.Join(p.root, e.Name())); err != nil {
				return aside, err
			}
		}
		if err := file.Sync(p.root); err != nil {
			return aside, err
		}
	}
	return aside, nil
}

func move(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// clear removes the stages, and the folders that were made for nothing.
func (s *staging) clear() (err error) {
	for _, p := range s.parts {
		if p.stage != "" {
			err = errors.Join(err, os.RemoveAll(p.stage))
		}
		if p.made {
			_ = os.Remove(p.root) // only if it is empty
		}
	}
	return err
}
