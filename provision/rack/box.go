package rack

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"rackhand/provision/bmc/bmctest/redfishsim"
)

// errOff says that a command needs a box that is on.
var errOff = errors.New("the box is off")

// A Box is a virtual box: its disk, its firmware's memory, its power. All its
// methods may be called at any time, from any goroutine.
type Box struct {
	opts   BoxOptions
	ns     string // the rack's network namespace
	m      machine
	logDir string
	log    *slog.Logger
	clock  func() time.Time

	redfish *redfishsim.Service // nil: its BMC has none

	mu            sync.Mutex
	direct        *DirectBoot  // of the next start, instead of the firmware's
	pulled        map[int]bool // disks that are out of their slots
	guest         *guest       // nil while the power is off
	boot          bootState
	setInProgress byte // boot option parameter 0
	ack           byte // boot option parameter 4
	boots         []Boot
	off           time.Duration // of the hardware clock: see BoxOptions.Clock
	closed        bool          // the rack is going: nothing starts any more
}

// A Boot is one start of a box: by power-on, reset, or the guest's own reboot.
type Boot struct {
	Time  time.Time
	First string // the device that the firmware tries first, BootPXE or BootDisk; or BootDirect
}

// newBox puts a box's disk and firmware variables into dir.
func newBox(o BoxOptions, ns string, taps []string, accel, dir, logDir string, log *slog.Logger, clock func() time.Time) (*Box, error) {
	b := &Box{
		opts: o, ns: ns, logDir: logDir, clock: clock, off: o.Clock,
		log:  log.With("box", o.Name),
		boot: newBootState(o.DefaultBoot),
		m: machine{
			box: o, accel: accel, taps: taps,
			serial: serialLog(logDir, o.Name),
		},
	}
	if err := b.makeDisks(dir); err != nil {
		return nil, err
	}
	if f := o.firmware(); f.vars != "" {
		b.m.vars = filepath.Join(dir, o.Name+".vars.fd")
		if err := copyFile(b.m.vars, f.vars); err != nil {
			return nil, fmt.Errorf("rack: UEFI variables of %s: %w (Debian package %s)", o.Name, err, f.codePackage)
		}
	}
	return b, nil
}

// Name is the box's name.
func (b *Box) Name() string { return b.opts.Name }

// Options are the box's options with all defaults filled in.
func (b *Box) Options() BoxOptions { return b.opts }

// SerialLog is the path of the box's serial output since the rack was put up. All boots
// go to the same file.
func (b *Box) SerialLog() string { return b.m.serial }

// maxBoots bounds the list of starts.
const maxBoots = 1000

// Boots lists the box's latest starts, up to a thousand.
func (b *Box) Boots() []Boot {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Boot(nil), b.boots...)
}

// On reports whether the power is on.
func (b *Box) On() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.guest != nil
}

// PowerOn switches the box on, as its front button does, and returns when QEMU
// has built the machine; a box that is on stays so.
func (b *Box) PowerOn() error {
	g, err := b.powerOn()
	if err != nil {
		return err
	}
	return g.up()
}

// powerOn doesn't wait: a BMC acknowledges a command at once.
func (b *Box) powerOn() (*guest, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.guest == nil {
		if err := b.startLocked(); err != nil {
			return nil, err
		}
	}
	return b.guest, nil
}

// PowerCut takes the power away without a word to the guest.
func (b *Box) PowerCut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopLocked()
}

// Reset restarts the box at once; it must be on. Power stays on meanwhile.
func (b *Box) Reset() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.guest == nil {
		return fmt.Errorf("rack: reset %s: %w", b.opts.Name, errOff)
	}
	b.stopLocked()
	return b.startLocked()
}

// SoftOff asks the guest's system to shut down, as ACPI's power button does. It
// may take its time, or not listen.
func (b *Box) SoftOff() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.guest == nil {
		return fmt.Errorf("rack: shut down %s: %w", b.opts.Name, errOff)
	}
	return b.guest.qmp.execute("system_powerdown")
}

// NMI sends the guest a diagnostic interrupt.
func (b *Box) NMI() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.guest == nil {
		return fmt.Errorf("rack: interrupt %s: %w", b.opts.Name, errOff)
	}
	return b.guest.qmp.execute("inject-nmi")
}

// Press presses a key of the box's keyboard and lets it go. key is a QKeyCode of QEMU, such as
// spc, ret, a.
func (b *Box) Press(key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.guest == nil {
		return fmt.Errorf("rack: press a key of %s: %w", b.opts.Name, errOff)
	}
	return b.guest.qmp.executeWith("send-key", map[string]any{"keys": []any{map[string]string{"type": "qcode", "data": key}}})
}

// close takes the power away for good.
func (b *Box) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.stopLocked()
}

func (b *Box) stopLocked() {
	if b.guest == nil {
		return
	}
	g := b.guest
	b.guest = nil // so that watch knows it was us
	g.kill()
	b.keepClock(g)
}

func (b *Box) startLocked() error {
	if b.closed {
		return fmt.Errorf("rack: start %s: the rack is closed", b.opts.Name)
	}
	now := b.clock()
	first := b.boot.start(now)
	args := append(b.m.args(first, b.pulled), clockArgs(now.Add(b.off), b.off)...)
	if b.direct != nil {
		args, first = append(args, b.direct.args()...), BootDirect
		b.direct = nil
	}
	g, err := startGuest(b.ns, b.m.program(), args, qemuLog(b.logDir, b.opts.Name), b.log)
	if err != nil {
		return err
	}
	b.guest = g
	if len(b.boots) >= maxBoots {
		b.boots = append(b.boots[:0], b.boots[maxBoots/2:]...) // a box in a reboot loop
	}
	b.boots = append(b.boots, Boot{Time: now, First: first})
	b.log.Info("box starts", "first", first)
	go b.watch(g)
	return nil
}

// watch acts as a board does when its machine resets or powers off without a command
// from the BMC.
func (b *Box) watch(g *guest) {
	<-g.done
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.guest != g {
		return // the chassis ended it
	}
	b.guest = nil
	b.keepClock(g)
	switch g.cause {
	case causeGuestReset:
		if b.closed {
			return
		}
		if err := b.startLocked(); err != nil {
			b.log.Error("box couldn't start again after its reset; it is off now", "error", err)
		}
	case causeGuestShutdown:
		b.log.Info("box switched itself off")
	default:
		b.log.Error("QEMU ended unexpectedly; the box is off now",
			"cause", g.cause, "error", g.err, "see", qemuLog(b.logDir, b.opts.Name))
	}
}

// clockArgs are QEMU's arguments for a hardware clock that is off.
func clockArgs(now time.Time, off time.Duration) []string {
	if off == 0 {
		return nil // it follows this machine's
	}
	return []string{"-rtc", "base=" + now.UTC().Format("2006-01-02T15:04:05")}
}

// keepClock keeps the hardware clock as an ended guest set it, as a board's battery does.
// The caller holds the lock.
func (b *Box) keepClock(g *guest) {
	b.off += g.qmp.setClock()
}

// setClock is by how much the guest has set the hardware clock.
func (q *qmp) setClock() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.clock
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
