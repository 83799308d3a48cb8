package rack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// probePatience bounds the probe guest; it needs two seconds.
const probePatience = 20 * time.Second

// probeValue is the value that the probe guest writes; QEMU's isa-debug-exit then ends
// with twice that plus one.
const probeValue = 0x2a

// probeSector is a boot sector that sleeps for 18 ticks of the BIOS's clock (a second),
// woken by each one, and then writes probeValue to the port 0xf4. On machines that are
// guests themselves KVM may run a guest's instructions and lose its timer's interrupts:
// such a box starts, and hangs minutes later.
func probeSector() []byte {
	b := make([]byte, 1<<20) // SeaBIOS doesn't read a disk of one sector
	copy(b, []byte{
		0xfb,       // sti
		0x31, 0xc0, // xor ax, ax
		0x8e, 0xd8, // mov ds, ax
		0x8b, 0x1e, 0x6c, 0x04, // mov bx, [0x46c]: ticks since midnight, the lower half
		0xf4,             // wait: hlt
		0xa1, 0x6c, 0x04, // mov ax, [0x46c]
		0x29, 0xd8, // sub ax, bx
		0x3d, 0x12, 0x00, // cmp ax, 18
		0x72, 0xf5, // jb wait
		0xba, 0xf4, 0x00, // mov dx, 0xf4
		0xb0, probeValue, // mov al, probeValue
		0xee,       // out dx, al
		0xfa, 0xf4, // cli; hlt
		0xeb, 0xfc, // endless loop
	})
	b[510], b[511] = 0x55, 0xaa
	return b
}

// boots reports whether a real guest runs, and sleeps and wakes, with an accelerator. That /dev/kvm can be opened says nothing: nested machines have it
// and then fail in the middle of starting a guest.
func boots(ctx context.Context, dir, accel string) error {
	image := filepath.Join(dir, "probe-"+accel+".img")
	if err := os.WriteFile(image, probeSector(), 0o600); err != nil {
		return fmt.Errorf("rack: write the probe guest's disk: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, qemuAMD64, "-nodefaults", "-no-user-config",
		"-machine", "q35", "-accel", accel, "-cpu", "max", "-m", "64", "-display", "none",
		"-drive", "if=none,id=d,format=raw,file="+comma(image),
		"-device", "virtio-blk-pci,drive=d,bootindex=1",
		"-device", "isa-debug-exit,iobase=0xf4,iosize=4")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the probe guest didn't start within %s", probePatience)
	case errors.As(err, &exit) && exit.ExitCode() == probeValue<<1|1:
		return nil
	case err == nil:
		return errors.New("the probe guest ended without a word")
	default:
		return fmt.Errorf("%w: %s", err, lastLine(out))
	}
}

// accelerator chooses KVM only where a guest really runs with it: an amd64 one;
// arm64 boxes are emulated always.
func (r *Rack) accelerator(ctx context.Context) (string, error) {
	if r.opts.Accelerator != "" {
		return r.opts.Accelerator, nil
	}
	if _, err := os.Stat("/dev/kvm"); err == nil {
		err := boots(ctx, r.dir, accelKVM)
		if err == nil {
			return accelKVM, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		r.log.Info("KVM is there but a guest doesn't boot with it; emulating", "reason", err)
	}
	return accelTCG, nil
}

func lastLine(b []byte) string {
	end := len(b)
	for end > 0 && b[end-1] == '\n' {
		end--
	}
	start := end
	for start > 0 && b[start-1] != '\n' {
		start--
	}
	return string(b[start:end])
}
