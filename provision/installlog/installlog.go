// Package installlog stores the logs of installers, one file for each install, in a folder
// of the state folder. Each log is bounded, and of the oldest logs of a host the end stays.
package installlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	// MaxBytes bounds one log. Anaconda writes a few MB at its usual level.
	MaxBytes = 16 << 20
	// MaxUntrusted bounds the part of a log that came from unverified senders, as by UDP,
	// while the appliance runs. UntrustedUpTo is the size of a log from which on no more of
	// it is accepted. So the rest of a log is kept for verified senders.
	MaxUntrusted  = 4 << 20
	UntrustedUpTo = MaxBytes - 1<<20
	// MaxPerHost is how many whole logs of one host are kept. Of earlier ones the tail stays
	// until Retain removes it.
	MaxPerHost = 5
	// Tail bounds that tail.
	Tail = 16 << 10
	// maxOpen bounds the open files: usually one for each install under way.
	maxOpen = 64

	suffix        = ".log"
	full          = "rackhand: this log is full; later lines are not stored\n"
	untrustedFull = "rackhand: too much has come by UDP, whose senders are not verified; further UDP lines are not stored, TCP lines are\n"
	// maxCounted bounds the logs whose untrusted part is counted.
	maxCounted = 4096
)

// ErrNoLog means that an install has no log.
var ErrNoLog = errors.New("no log of that install")

// idForm is the format of an install's id: the host's name and a number.
var idForm = regexp.MustCompile(`^([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)-([0-9]{1,9})$`)

// A Store keeps logs in a folder. It is safe for concurrent use.
type Store struct {
	dir string

	mu        sync.Mutex
	open      map[string]*log
	untrusted map[string]int // bytes, by install
}

type log struct {
	f    *os.File
	size int64
	used uint64
}

// New makes a Store for a folder, which is created with the first log.
func New(dir string) *Store {
	return &Store{dir: dir, open: map[string]*log{}, untrusted: map[string]int{}}
}

func (s *Store) path(id string) (string, error) {
	if !idForm.MatchString(id) {
		return "", fmt.Errorf("%.80q isn't the id of an install", id)
	}
	return filepath.Join(s.dir, id+suffix), nil
}

// Append adds whole lines to an install's log. Text beyond the log's bound is dropped, and
// the log says so.
func (s *Store) Append(id, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.append(id, text)
}

// AppendUntrusted is Append for text of an unverified sender. Such text has a bounded share
// of the log, and the log says when that is full.
func (s *Store) AppendUntrusted(id, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.get(id)
	if err != nil {
		return fmt.Errorf("keeping the log of %s: %w", id, err)
	}
	had := s.untrusted[id]
	if had > MaxUntrusted {
		return nil
	}
	if had+len(text) > MaxUntrusted || l.size+int64(len(text)) > UntrustedUpTo-int64(len(untrustedFull)) {
		text, had = untrustedFull, MaxUntrusted // written once
	}
	if len(s.untrusted) >= maxCounted {
		clear(s.untrusted)
	}
	s.untrusted[id] = had + len(text)
	return s.append(id, text)
}

func (s *Store) append(id, text string) error {
	l, err := s.get(id)
	if err != nil {
		return fmt.Errorf("keeping the log of %s: %w", id, err)
	}
	if l.size >= MaxBytes {
		return nil
	}
	if l.size+int64(len(text)) > MaxBytes-int64(len(full)) {
		text = full
		l.size = MaxBytes
	}
	n, err := l.f.WriteString(text)
	l.size += int64(n)
	if err != nil {
		return fmt.Errorf("keeping the log of %s: %w", id, err)
	}
	return nil
}

func (s *Store) get(id string) (*log, error) {
	var latest uint64
	for _, l := range s.open {
		latest = max(latest, l.used)
	}
	if l := s.open[id]; l != nil {
		l.used = latest + 1
		return l, nil
	}
	path, err := s.path(id)
	if err != nil {
		return nil, err
	}
	if len(s.open) >= maxOpen {
		s.closeOldest()
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	_, missing := os.Stat(path)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	l := &log{f: f, size: st.Size(), used: latest + 1}
	// A log that was full before stays full.
	if l.size > MaxBytes-int64(len(full))-1 {
		l.size = MaxBytes
	}
	s.open[id] = l
	if missing != nil {
		s.prune(id)
	}
	return l, nil
}

func (s *Store) closeOldest() {
	oldest := ""
	for id, l := range s.open {
		if oldest == "" || l.used < s.open[oldest].used {
			oldest = id
		}
	}
	s.open[oldest].f.Close()
	delete(s.open, oldest)
}

// prune leaves the tails of the oldest logs of an install's host.
func (s *Store) prune(id string) {
	host := idForm.FindStringSubmatch(id)[1]
	ids, err := s.ids(host)
	if err != nil {
		return
	}
	for _, old := range ids[:max(0, len(ids)-MaxPerHost)] {
		if l := s.open[old]; l != nil {
			l.f.Close()
			delete(s.open, old)
		}
		if err := shorten(filepath.Join(s.dir, old+suffix)); err != nil {
			return
		}
	}
}

// ids lists a host's installs that have a log, oldest first.
func (s *Store) ids(host string) ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), suffix)
		if m := idForm.FindStringSubmatch(id); ok && m != nil && m[1] == host {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return number(a) - number(b) })
	return out, nil
}

func number(id string) int {
	n, _ := strconv.Atoi(idForm.FindStringSubmatch(id)[2])
	return n
}

// Latest is the id of a host's latest install with a log; "" when no install has one.
func (s *Store) Latest(host string) string {
	ids, err := s.ids(host)
	if err != nil || len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1]
}

// Has reports whether an install has a log.
func (s *Store) Has(id string) bool {
	path, err := s.path(id)
	if err != nil {
		return false
	}
	_, err = os.Stat(path)
	return err == nil
}

// Open opens an install's log for reading, with the lines so far. The error is ErrNoLog
// when there is no log.
func (s *Store) Open(id string) (*os.File, error) {
	path, err := s.path(id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoLog, err)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", id, ErrNoLog)
	}
	return f, err
}

// restForm is the format of an id after its host's name. A job's has its kind.
var restForm = regexp.MustCompile(`^(?:(?:rescue|wipe|burnin)-)?[0-9]{1,9}$`)

// Of reports whether an id is that of an install or job of a host.
func Of(host, id string) bool {
	rest, ok := strings.CutPrefix(id, host+"-")
	return ok && idForm.MatchString(id) && restForm.MatchString(rest)
}

// Close closes all open files.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for id, l := range s.open {
		errs = append(errs, l.f.Close())
		delete(s.open, id)
	}
	return errors.Join(errs...)
}
