package upgrade

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"rackhand/provision/catalog"
)

// maxTries is how often a trial may begin and never end, because the host lost its power
// or the agent was killed: a new program may be why.
const maxTries = 3

// maxStarts is how often a new program may be started before it completes a run.
const maxStarts = 5

// maxRecord bounds the record's file, in bytes.
const maxRecord = 64 << 10

// A Record is what the agent remembers of upgrades, in upgrade.json.
type Record struct {
	// Refused is the program that failed its trial last. It isn't taken again.
	Refused *Refused `json:"refused,omitempty"`
	// Trying is the program whose trial began, and hasn't ended.
	Trying *Trying `json:"trying,omitempty"`
	// New is the program that passed its trial, and hasn't completed a run.
	New *New `json:"new,omitempty"`
	// RollBack: the refused program was in place, and the one before it is to take it back.
	RollBack bool `json:"roll_back,omitempty"`
}

// A Refused program, and why it was refused.
type Refused struct {
	SHA256  string `json:"sha256"`
	Version string `json:"version"`
	Why     string `json:"why"`
}

// A Trying program, and how many of its trials began.
type Trying struct {
	SHA256 string `json:"sha256"`
	Tries  int    `json:"tries"`
}

// A New program, and how often it was started.
type New struct {
	SHA256  string `json:"sha256"`
	Version string `json:"version"`
	Starts  int    `json:"starts"`
}

// started is the record once the program with the hash own starts. A new one that was
// started too often is refused, and rolled back.
func (r Record) started(own string) Record {
	if r.New == nil || r.New.SHA256 != own {
		return r
	}
	n := *r.New
	if n.Starts >= maxStarts {
		why := fmt.Sprintf("it was started %d times and completed no run", n.Starts)
		return Record{Refused: &Refused{SHA256: own, Version: n.Version, Why: why}, RollBack: true}
	}
	n.Starts++
	r.New = &n
	return r
}

// rollsBack reports whether the program with the hash own is to give its place back.
func (r Record) rollsBack(own string) bool {
	return r.RollBack && r.Refused != nil && r.Refused.SHA256 == own
}

// wants reports whether an offer is to be taken by the program with the hash own.
func (r Record) wants(o catalog.Offer, own string) bool {
	return o.SHA256 != own && (r.Refused == nil || r.Refused.SHA256 != o.SHA256)
}

// begin is the record once a trial begins; ok is false when too many have begun.
func (r Record) begin(o catalog.Offer) (next Record, ok bool) {
	tries := 0
	if r.Trying != nil && r.Trying.SHA256 == o.SHA256 {
		tries = r.Trying.Tries
	}
	if tries >= maxTries {
		return r.refuse(o, fmt.Sprintf("its trial began %d times, and the host or the agent went down each time before it ended", tries)), false
	}
	return Record{Refused: r.Refused, Trying: &Trying{SHA256: o.SHA256, Tries: tries + 1}}, true
}

func (r Record) refuse(o catalog.Offer, why string) Record {
	return Record{Refused: &Refused{SHA256: o.SHA256, Version: o.Version, Why: why}}
}

// undecided is the record once a trial has ended without a verdict: it doesn't count.
func (r Record) undecided() Record { return Record{Refused: r.Refused} }

// readRecord reads the record. Without a file, and with a damaged one, it is empty: then a
// program may be tried once more, which does no harm.
func readRecord(name string) (Record, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, nil
	}
	if err != nil {
		return Record{}, fmt.Errorf("reading the record of upgrades: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return Record{}, fmt.Errorf("reading the record of upgrades: %w", err)
	}
	var r Record
	if json.Unmarshal(b, &r) != nil {
		return Record{}, nil
	}
	return r, nil
}

// save puts the record on disk.
func (r Record) save(name string) error {
	b, err := json.Marshal(r)
	if err == nil {
		err = writeFile(name, b)
	}
	if err != nil {
		return fmt.Errorf("keeping the record of upgrades: %w", err)
	}
	return nil
}

// writeFile replaces a file by one that is whole on disk, 0600.
func writeFile(name string, data []byte) error {
	next := name + ".new" // one writer: the daemon that holds the run lock
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(next, name)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
