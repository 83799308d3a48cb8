package bmcsetup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/bougou/go-ipmi/pkg/open"
)

// A Device carries commands to the box's own BMC.
type Device interface {
	// Do sends a command, and returns the completion code and the data of its answer.
	Do(ctx context.Context, netFn, cmd byte, data ...byte) (code byte, answer []byte, err error)
}

// exchange bounds one command. A KCS interface takes milliseconds, a busy BMC seconds.
const exchange = 10 * time.Second

// A Driver is the kernel's driver of the system interface, /dev/ipmi0.
type Driver struct{ backend open.DeviceBackend }

// Open opens /dev/ipmi0. It waits a few seconds for the device, because the driver asks the
// BMC before it creates it. load loads a kernel module; sleep waits.
func Open(ctx context.Context, load func(module string), sleep func(context.Context, time.Duration) error) (*Driver, error) {
	// ipmi_devintf makes the device; ipmi_si drives KCS, SMIC and BT, ipmi_ssif I²C.
	for _, module := range []string{"ipmi_devintf", "ipmi_si", "ipmi_ssif"} {
		load(module)
	}
	for range 20 {
		if _, err := os.Stat("/dev/ipmi0"); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err := sleep(ctx, 250*time.Millisecond); err != nil {
			return nil, err
		}
	}
	d := &Driver{}
	if err := d.backend.Connect(ctx, 0); err != nil {
		return nil, errors.New(missing("/sys", err))
	}
	return d, nil
}

// missing says why there is no device. sys is /sys.
func missing(sys string, err error) string {
	has := func(module string) bool {
		_, err := os.Stat(sys + "/module/" + module)
		return err == nil
	}
	switch {
	case !has("ipmi_devintf"), !has("ipmi_si") && !has("ipmi_ssif"):
		return "the installer's kernel has no IPMI driver: the image needs its modules ipmi_devintf and ipmi_si; make the image again with a kernel that has them"
	case errors.Is(err, fs.ErrNotExist):
		return "the kernel finds no BMC in this box (ACPI, SMBIOS and PCI name none): look in the firmware setup whether its system interface (KCS) is switched off"
	}
	return fmt.Sprintf("/dev/ipmi0 can't be opened: %v", err)
}

// Do sends a command to the BMC.
func (d *Driver) Do(ctx context.Context, netFn, cmd byte, data ...byte) (byte, []byte, error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	answer, err := d.backend.Send(ctx, &open.Request{NetFn: netFn, Cmd: cmd, Data: data}, exchange)
	if err != nil {
		return 0, nil, fmt.Errorf("the BMC doesn't answer at /dev/ipmi0: %w", err)
	}
	if len(answer) == 0 {
		return 0, nil, errors.New("the kernel's driver gave an answer without a completion code")
	}
	return answer[0], answer[1:], nil
}

// Close closes the device.
func (d *Driver) Close() { _ = d.backend.Close(context.Background()) }
