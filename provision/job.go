package provision

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Job is a task other than an install for which a box boots the installer's initramfs. It
// is armed like an install, and goes through the same stages up to Installer, at which it
// runs. Then it is done or failed. A job doesn't change the record of the host's install.
type Job string

// The jobs; NoJob is an install.
const (
	NoJob     Job = ""
	JobRescue Job = "rescue" // a shell over ssh; disks are not touched
	JobWipe   Job = "wipe"   // the box's disks are erased
	JobBurnin Job = "burnin" // memory, CPU and disks are tried; nothing is written
)

// Known reports whether j is a job at all.
func (j Job) Known() bool { return j == JobRescue || j == JobWipe || j == JobBurnin }

// Disruptive reports whether the job harms a host that serves, or takes it out of service for
// long. Then the operator has to confirm that the host serves.
func (j Job) Disruptive() bool { return j == JobWipe || j == JobBurnin }

// An Order has the details of a job.
type Order struct {
	// Keys are the operator's public keys for a rescue, as in authorized_keys(5)
	// without options.
	Keys []string `json:"keys,omitempty"`
	// Disks are the ones that a wipe erases, each by kernel name, serial number or
	// WWN; empty: all of them.
	Disks []string `json:"disks,omitempty"`
	// Minutes bounds a burn-in.
	Minutes int `json:"minutes,omitempty"`
}

// Bounds of an order.
const (
	maxKeys    = 16
	maxKey     = 2000 // bytes; an RSA key of 8192 bits has 1,400
	maxDisks   = 64
	maxDisk    = 128
	maxMinutes = 14 * 24 * 60
)

// Check returns an error if an order doesn't fit its job.
func (o Order) Check(j Job) error {
	switch {
	case !j.Known():
		return fmt.Errorf("%q is not a job: use rescue, wipe or burnin", j)
	case j == JobRescue && len(o.Keys) == 0:
		return errors.New("a rescue shell is for the holder of a key, and none was given: name a public key with --key FILE, or set the variable ssh_keys in the inventory")
	case j != JobRescue && len(o.Keys) > 0:
		return errors.New("keys are for a rescue alone")
	case j != JobWipe && len(o.Disks) > 0:
		return errors.New("disks are named for a wipe alone")
	case j == JobBurnin && (o.Minutes < 1 || o.Minutes > maxMinutes):
		return fmt.Errorf("a burn-in lasts 1 to %d minutes", maxMinutes)
	case len(o.Keys) > maxKeys || len(o.Disks) > maxDisks:
		return fmt.Errorf("at most %d keys and %d disks are taken", maxKeys, maxDisks)
	}
	for _, k := range o.Keys {
		if len(k) > maxKey {
			return fmt.Errorf("a key of %d bytes: %d is the limit", len(k), maxKey)
		}
	}
	for _, d := range o.Disks {
		if d == "" || len(d) > maxDisk || strings.ContainsFunc(d, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("%.40q is not the name or serial number of a disk", d)
		}
	}
	return nil
}

// Takes reports whether a stage is one that an installer may report for this kind
// of install or job.
func (j Job) Takes(s Stage) bool {
	switch s {
	case "", Installer, Failed:
		return true
	case Packages, Installed:
		return j == NoJob
	case Done:
		return j != NoJob
	}
	return false
}

// UnderWay reports whether a job has been asked for and has not ended; nil has not.
func (in *Install) UnderWay() bool { return in != nil && !in.Stage.Ended() }

// Wiped reports whether a job has erased a host's disks since its last install, so that the
// installed system is gone. Both may be nil. A wipe that failed counts, since it had begun.
func Wiped(install, job *Install) bool {
	if install != nil && install.Erased {
		return true
	}
	if job == nil || job.Job != JobWipe {
		return false
	}
	at, begun := job.Reached[Installer]
	return begun && (install == nil || install.Requested.Before(at))
}

// Since is when a job began to run, or was requested if it has not begun.
func (in *Install) Since() time.Time {
	if t, ok := in.Reached[Installer]; ok {
		return t
	}
	return in.Requested
}

// Noun is the word for an install or job in a sentence: install, rescue, wipe, burn-in.
func (in Install) Noun() string {
	switch in.Job {
	case NoJob:
		return "install"
	case JobBurnin:
		return "burn-in"
	}
	return string(in.Job)
}

// Again is the command that requests another one.
func (in Install) Again() string {
	switch in.Job {
	case JobBurnin:
		return "rackhand burnin " + in.Host
	case JobWipe:
		return "rackhand wipe " + in.Host + " --yes"
	case JobRescue:
		return "rackhand rescue " + in.Host
	}
	return "rackhand install " + in.Host
}
