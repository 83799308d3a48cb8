// Package rehearse starts a virtual rack with an appliance in it, for the demo and
// for end-to-end tests: real firmware, simulated BMCs, the real program.
package rehearse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"rackhand/provision/rack"
	"rackhand/provision/web/client"
)

// A Rehearsal stands until it is closed.
type Rehearsal struct {
	Rack   *rack.Rack
	Client *client.Client
	// PageURL is the status page on this machine; "" when none was asked for.
	PageURL string
	// Inventory is the folder that the appliance watches.
	Inventory string

	o         Options
	dir       string
	appliance *process
	logFile   *os.File
	cancel    context.CancelFunc
}

// applianceAddress is the appliance's in every rehearsal; it stands in a
// namespace of its own.
const applianceAddress = "10.77.0.1/24"

// Start puts everything up and returns when the appliance answers.
func Start(ctx context.Context, o Options) (*Rehearsal, error) {
	if o.Policy == "" {
		o.Policy = "on-request"
	}
	if o.Upstreams == nil {
		var err error
		if o.Upstreams, err = rack.AptUpstreams(); err != nil {
			return nil, err
		}
	}
	password := randomPassword()
	boxes := make([]rack.BoxOptions, len(o.Boxes))
	for i, b := range o.Boxes {
		p := place(i)
		boxes[i] = rack.BoxOptions{
			Name: b.Name, MAC: p.mac.HardwareAddr(), Firmware: b.Firmware, DiskImage: b.DiskImage, DiskGB: b.DiskGB, Processors: o.Processors,
			DiskBus: b.DiskBus, MoreDisks: b.MoreDisks, MoreNICs: moreNICs(i, b.MoreNICs),
			Arch: b.Arch, Clock: b.Clock, HTTPBoot: b.HTTPBoot, SecureBoot: b.SecureBoot, IPXEROM: b.IPXEROM,
			Redfish: b.Redfish, BMCFaults: b.BMCFaults,
			BMCAddress: netip.AddrPortFrom(p.bmc, 623), BMCUser: "admin", BMCPassword: password,
		}
	}
	r := &Rehearsal{o: o}
	var err error
	if r.Rack, err = rack.New(ctx, rack.Options{
		LogDir: o.Logs, Log: o.Log, Appliance: netip.MustParsePrefix(applianceAddress), Boxes: boxes,
		Accelerator: o.Accelerator,
	}); err != nil {
		return nil, err
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	r.dir = r.Rack.Dir()
	r.Inventory = filepath.Join(r.dir, "inventory")
	r.Client = client.New(r.socket())
	if err := r.start(ctx, background, password); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Rehearsal) start(ctx, background context.Context, password string) error {
	if err := writeFiles(r.dir, r.o, r.Rack.Boxes(), password); err != nil {
		return fmt.Errorf("writing the rehearsal's files: %w", err)
	}
	hosts, err := hostsOf(r.o.Upstreams)
	if err != nil {
		return err
	}
	forward, err := rack.NewForward(filepath.Join(r.dir, "mirror.sock"), hosts, r.o.Log)
	if err != nil {
		return err
	}
	go func() {
		if err := forward.Run(background); err != nil {
			r.o.Log.Error("forwarding to the package mirrors", "error", err)
		}
	}()
	if r.logFile, err = os.Create(filepath.Join(r.o.Logs, "appliance.log")); err != nil {
		return err
	}
	if err := r.StartAppliance(ctx); err != nil {
		return err
	}
	if r.o.Page == "" {
		return nil
	}
	r.PageURL, err = forwardPage(background, r.o.Page, filepath.Join(r.dir, "page.sock"), r.o.Log)
	return err
}

func (r *Rehearsal) socket() string { return filepath.Join(r.dir, "rackhand.sock") }

// Socket is the appliance's unix socket, for the operator's commands.
func (r *Rehearsal) Socket() string { return r.socket() }

// A process is the appliance as it runs.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error
}

func moreNICs(box, count int) []net.HardwareAddr {
	var out []net.HardwareAddr
	for n := range count {
		out = append(out, moreMAC(box, n).HardwareAddr())
	}
	return out
}

// StartAppliance starts the appliance and returns when it answers.
func (r *Rehearsal) StartAppliance(ctx context.Context) error {
	// Not ctx: the appliance is ended in order by Close, not by a context that
	// ends with Ctrl-C before the boxes are off.
	cmd := r.Rack.Command(context.WithoutCancel(ctx), r.o.Program, "serve", "--config", filepath.Join(r.dir, "rackhand.yaml"))
	cmd.Stdout, cmd.Stderr = r.logFile, r.logFile
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C in the terminal is ours to handle
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the appliance: %w", err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() { p.err = cmd.Wait(); close(p.done) }()
	r.appliance = p
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		if _, err := r.Client.Status(ctx); err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("the appliance ended at its start: %v; its log: %s", p.err, r.logFile.Name())
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("the appliance does not answer after 30 s; its log: %s", r.logFile.Name())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// KillAppliance ends the appliance without a warning, as a power cut does.
func (r *Rehearsal) KillAppliance() error {
	if err := r.appliance.cmd.Process.Kill(); err != nil {
		return err
	}
	<-r.appliance.done
	return nil
}

// ApplianceEnded is closed when the appliance has ended.
func (r *Rehearsal) ApplianceEnded() <-chan struct{} { return r.appliance.done }

// stopAppliance asks it to end, and makes it.
func (r *Rehearsal) stopAppliance() {
	if r.appliance == nil {
		return
	}
	_ = r.appliance.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-r.appliance.done:
	case <-time.After(8 * time.Second):
		_ = r.appliance.cmd.Process.Kill()
		<-r.appliance.done
	}
}

// Close takes everything down: guests, appliance, namespaces, files; not the logs.
func (r *Rehearsal) Close() error {
	r.stopAppliance()
	r.cancel()
	err := r.Rack.Close()
	if r.logFile != nil {
		err = errors.Join(err, r.logFile.Close())
	}
	return err
}

// Dial opens a connection to a box from the appliance's network, as a client outside would.
func (r *Rehearsal) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return r.Rack.DialContext(ctx, network, address)
}
