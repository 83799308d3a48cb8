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

// probePatience bounds the probe guest; it needs a fraction of a second.
const probePatience = 5 * time.Second

// probeValue is what the probe guest writes; QEMU's isa-debug-exit then ends
// with twice that plus one.
const probeValue = 0x2a

// probeSector is a boot sector that does: cli; dx = 0xf4; al = probeValue;
// out dx, al; then halts for ever.
func probeSector() []byte {
	b := make([]byte, 1<<20) // SeaBIOS doesn't read a disk of one sector
	copy(b, []byte{0xfa, 0xba, 0xf4, 0x00, 0xb0, probeValue, 0xee, 0xf4, 0xeb, 0xfd})
	b[510], b[511] = 0x55, 0xaa
	return b
}

// boots reports whether a real guest runs its first instructions with an
// accelerator. That /dev/kvm can be opened says nothing: nested machines have it
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
