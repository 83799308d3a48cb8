package simulated

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// A Failure is where an install is to go wrong.
type Failure string

// The failures.
const (
	FailPackages Failure = "packages" // in the middle of the packages
	// FailPost: systemctl fails, and with it the %post that enables the agent.
	FailPost Failure = "post"
)

// waitAfterFailure is how long Anaconda stays at its error before it boots again.
const waitAfterFailure = 180 * time.Second

// Options are a box, and how its install goes.
type Options struct {
	Link    string // of this network namespace; its MAC is the box's
	Serial  string
	Further []string // MACs of further cards, for the headers; the link's comes after them
	// Packages is how many are installed.
	Packages int
	// Fails is where the first FailTimes installs go wrong.
	Fails     Failure
	FailTimes int
	// Release names the release whose Anaconda is played: RHEL8, F44; empty: the media's release.
	Release string
	// Mute: the report of the end is always lost.
	Mute bool
	// PauseAt has the box wait once, until a file paused.go lies in Scratch; it makes the
	// file paused when it is there, with its kernel's command line in it.
	PauseAt Pause
	// Late: when the packages are in, it asks for its answer file once more.
	Late bool
	// Leases: the system that it has installed asks for an address as it starts.
	Leases bool
	// Scratch is a folder for the roots that scripts run in.
	Scratch string
	// MaxBoots bounds how often it boots.
	MaxBoots int
	// Wait waits: before it retries, and after a failure. A test's clock is quicker.
	Wait func(ctx context.Context, d time.Duration) error `json:"-"`
	// Started is called when the box starts from a disk with a system that Anaconda has
	// installed; root is where that lies. nil: nothing happens there.
	Started func(ctx context.Context, root string) error `json:"-"`
	// Say receives progress, one line a call.
	Say func(format string, args ...any) `json:"-"`
}

// A Pause is a point at which a box waits.
type Pause string

// The pauses.
const (
	PauseInitrd Pause = "initrd" // before it asks for its Kickstart
	// PausePackages is when half of the packages are in.
	PausePackages Pause = "packages"
	PauseEnd      Pause = "end" // before the last %post, which reports the end
)

// A Result is how it ended.
type Result struct {
	Boots     int  // from the network
	Installs  int  // installers that ran
	Installed bool // and the box started from its disk
	// Waited are the times that it waited after a failure.
	Waited []time.Duration
	// Restarts counts how often a script has restarted the box.
	Restarts int
	// Stands: it stands at a dialog that waits for ENTER, for good.
	Stands bool
	// LateStatus is the HTTP status of the late request.
	LateStatus int
}

// A box is one that runs.
type box struct {
	Options
	mac    net.HardwareAddr
	http   *http.Client
	result Result
	// cmdline is the running kernel's command line.
	cmdline string
}

var (
	// errDisk says that there is nothing to boot but the disk.
	errDisk = errors.New("the disk is booted")
	// errStands says that it waits for somebody to press ENTER.
	errStands = errors.New("it stands at a dialog that waits for ENTER")
	// errRestart means that a script has restarted the box.
	errRestart = errors.New("a script has restarted the box")
	// errInitrd says that the initrd couldn't fetch what it needs, and has given up.
	errInitrd = errors.New("the initrd has given up")
)

// Run presses the power button, and returns when the box starts from its disk.
func Run(ctx context.Context, o Options) (Result, error) {
	link, err := net.InterfaceByName(o.Link)
	if err != nil {
		return Result{}, err
	}
	b := &box{Options: o, mac: link.HardwareAddr}
	for b.result.Boots < o.MaxBoots {
		b.result.Boots++
		o.Say("boot %d", b.result.Boots)
		// Each boot is a new machine, with connections of its own.
		b.http = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Minute}
		err := b.boot(ctx)
		if errors.Is(err, errDisk) {
			o.Say("starts from its disk: %v", err)
			return b.result, b.start(ctx)
		}
		if errors.Is(err, errStands) {
			o.Say("%v", err)
			b.result.Stands = true
			return b.result, nil
		}
		if ctx.Err() != nil {
			return b.result, ctx.Err()
		}
		if err != nil {
			return b.result, err
		}
	}
	return b.result, fmt.Errorf("it booted from the network %d times and is not at its end", o.MaxBoots)
}

// boot goes from firmware to the end of an install. nil: it is to boot again.
func (b *box) boot(ctx context.Context) error {
	file, server, err := b.lease(asFirmware)
	if err != nil {
		return err
	}
	if file == "" {
		return errDisk
	}
	if err := b.tftp(server, file); err != nil {
		return err
	}
	script, _, err := b.lease(asIPXE)
	if err != nil {
		return err
	}
	if script == "" {
		return errDisk
	}
	text, err := b.fetch(ctx, script, nil, 1000) // iPXE repeats the request as long as the script says
	if err != nil {
		return fmt.Errorf("the boot script: %w", err)
	}
	kernel, err := parseScript(string(text))
	if err != nil {
		return err
	}
	for _, url := range []string{kernel.url, kernel.initrd} {
		if _, err := b.fetch(ctx, url, nil, 3); err != nil {
			return fmt.Errorf("%s: %w", url, err)
		}
	}
	if _, _, err := b.lease(asAnaconda); err != nil {
		return err
	}
	b.result.Installs++
	b.cmdline = kernel.cmdline
	if err := b.pause(ctx, PauseInitrd); err != nil {
		return err
	}
	err = b.install(ctx, kernel)
	if err == nil {
		b.result.Installed = true
		return nil // the script makes it boot its disk
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	b.Say("the install failed: %v", err)
	_, again := kernel.args["rd.emergency"]
	switch {
	case errors.Is(err, errRestart):
		b.result.Restarts++
		return nil
	case errors.Is(err, errStands):
		return err
	case errors.Is(err, errInitrd) && again:
		return nil
	case errors.Is(err, errInitrd):
		return fmt.Errorf("%w: %w", errStands, err)
	}
	b.result.Waited = append(b.result.Waited, waitAfterFailure)
	return b.Wait(ctx, waitAfterFailure)
}

// start starts the system on the disk, if there is one.
func (b *box) start(ctx context.Context) error {
	root := b.system()
	if _, err := os.Stat(root); err != nil {
		return nil
	}
	if b.Leases {
		if _, _, err := b.lease(asAnaconda); err != nil { // a client as any other
			return err
		}
	}
	if b.Started == nil {
		return nil
	}
	return b.Started(ctx, root)
}

// system is where what is installed on the disk lies.
func (b *box) system() string { return filepath.Join(b.Scratch, "simulated-system") }

// pause waits at the given place.
func (b *box) pause(ctx context.Context, at Pause) error {
	if b.PauseAt != at {
		return nil
	}
	if err := os.WriteFile(filepath.Join(b.Scratch, "paused"), []byte(b.cmdline), 0o600); err != nil {
		return err
	}
	for {
		if _, err := os.Stat(filepath.Join(b.Scratch, "paused.go")); err == nil {
			b.PauseAt = "" // once
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func discard(r io.ReadCloser) {
	_, _ = io.Copy(io.Discard, r)
	_ = r.Close()
}
