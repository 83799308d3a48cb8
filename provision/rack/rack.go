// Package rack is the virtual rack: virtual boxes with real firmware and
// simulated BMCs on a private network, to rehearse an install on one machine.
//
// Two network namespaces are made: one for the appliance, with one interface
// eth0, and one for the rack, with a bridge, a tap for each guest and the BMCs'
// addresses. No route leads out of them. Guests are QEMU machines with SeaBIOS
// and iPXE's ROM, or OVMF.
//
// The rack always removes everything that it made: see package janitor. It needs root,
// iproute2 and QEMU.
package rack

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"rackhand/provision/janitor"
)

// A Rack is a virtual rack that stands. Close it.
type Rack struct {
	opts      Options
	log       *slog.Logger
	dir       string
	appliance string // namespace
	rack      string // namespace
	accel     string
	janitor   *janitor.Janitor
	boxes     []*Box
	bmcs      []*simulatedBMC

	closeOnce sync.Once
	closeErr  error
}

// New puts up a rack; its boxes are off, their BMCs answer. An error leaves
// nothing behind. ctx bounds the building only.
func New(ctx context.Context, o Options) (*Rack, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	var id [4]byte
	if _, err := io.ReadFull(o.Rand, id[:]); err != nil {
		return nil, fmt.Errorf("rack: a unique name: %w", err)
	}
	tag := hex.EncodeToString(id[:])
	dir, err := dirFor(o.Dir, tag)
	if err != nil {
		return nil, err
	}
	r := &Rack{
		opts: o, log: o.Log, dir: dir,
		appliance: "rackhand-" + tag + "-appliance",
		rack:      "rackhand-" + tag + "-rack",
	}
	// A name that is taken belongs to another rack: its janitor sweeps it, not ours.
	if _, err := os.Lstat(filepath.Join(netnsDir, r.appliance)); err == nil {
		return nil, fmt.Errorf("rack: namespace %s exists already: try again", r.appliance)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, fmt.Errorf("rack: %w", err)
	}
	// First the janitor, then what it may have to clear away.
	if r.janitor, err = janitor.Start(dir, r.appliance, r.rack); err != nil {
		return nil, fmt.Errorf("rack: %w", err)
	}
	if err := r.build(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Rack) build(ctx context.Context) error {
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		return fmt.Errorf("rack: %w", err)
	}
	if err := requirePrograms(r.opts.Boxes); err != nil {
		return err
	}
	logDir := r.opts.LogDir
	if logDir == "" {
		logDir = r.dir
	} else if err := os.MkdirAll(logDir, 0o755); err != nil {
		return fmt.Errorf("rack: folder for logs: %w", err)
	}
	inHost, inAppliance, inRack := wiring(r.appliance, r.rack, r.opts)
	if err := ipBatch(ctx, "", inHost); err != nil {
		return err
	}
	if err := quickLinkLocal(r.appliance); err != nil {
		return err
	}
	if err := ipBatch(ctx, r.appliance, inAppliance); err != nil {
		return err
	}
	if err := ipBatch(ctx, r.rack, inRack); err != nil {
		return err
	}
	var err error
	if len(r.opts.Boxes) > 0 {
		if r.accel, err = r.accelerator(ctx); err != nil {
			return err
		}
	}
	for i, o := range r.opts.Boxes {
		b, err := newBox(o, r.rack, o.taps(i), r.accel, r.dir, logDir, r.log, r.opts.Clock)
		if err != nil {
			return err
		}
		r.boxes = append(r.boxes, b)
		if !o.BMCAddress.IsValid() {
			continue
		}
		bmc, err := startBMC(b, r.log)
		if err != nil {
			return err
		}
		r.bmcs = append(r.bmcs, bmc)
	}
	return nil
}

// Boxes are the rack's boxes, in the order of Options.Boxes.
func (r *Rack) Boxes() []*Box { return append([]*Box(nil), r.boxes...) }

// Box finds a box by name, or nil.
func (r *Rack) Box(name string) *Box {
	for _, b := range r.boxes {
		if b.opts.Name == name {
			return b
		}
	}
	return nil
}

// Dir is the rack's own folder. It goes with the rack.
func (r *Rack) Dir() string { return r.dir }

// Accelerator is the guests' accelerator: "kvm" or "tcg".
func (r *Rack) Accelerator() string { return r.accel }

// Command is like [exec.CommandContext], for a program in the appliance's
// network namespace. It is killed with the rack if it still runs then.
func (r *Rack) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", r.appliance, name}, args...)...)
}

// Namespace is the name of the appliance's network namespace, as ip-netns(8) knows it.
func (r *Rack) Namespace() string { return r.appliance }

// CommandBeside is like Command, for a program outside the appliance: it runs in the
// boxes' namespace, which has the network's bridge, br0.
func (r *Rack) CommandBeside(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", r.rack, name}, args...)...)
}

// DialContext opens a TCP or UDP socket from the appliance's namespace: address
// is IP:port. It fits http.Transport.DialContext, so a box can be asked "from
// outside".
func (r *Rack) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return dialIn(ctx, r.appliance, network, address)
}

// Close switches all boxes off. It removes guests, namespaces, all processes in them, and
// the rack's folder. It may be called more than once.
func (r *Rack) Close() error {
	r.closeOnce.Do(func() {
		for _, b := range r.bmcs {
			b.close()
		}
		for _, b := range r.boxes {
			b.close()
		}
		if err := r.janitor.Sweep(); err != nil {
			r.closeErr = fmt.Errorf("rack: %w", err)
		}
	})
	return r.closeErr
}

// dirFor names the rack's own folder. The janitor recognizes the folder by this name, so
// only this function chooses it.
func dirFor(parent, id string) (string, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	abs, err := filepath.Abs(parent)
	if err != nil {
		return "", fmt.Errorf("rack: folder %s: %w", parent, err)
	}
	return filepath.Join(abs, "rackhand-rack-"+id), nil
}
