package ipmi

import (
	"context"
	"fmt"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

// Boot option parameters (IPMI 2.0 table 28-14).
const (
	bootClearing = 3 // when the BMC clears the valid bit
	bootFlags    = 5

	keepBeyondTimeout = 1 << 3 // parameter 3: not 60 s after it was set

	flagValid      = 1 << 7 // parameter 5, data 1
	flagPersistent = 1 << 6
	flagEFI        = 1 << 5
)

// The device selectors, of which parameter 5 has 4 bits (data 2, bits 5:2). uefiDisk is
// Supermicro's, beyond the standard: the whole data 2 is 24h.
const (
	selectNone = 0x0
	selectPXE  = 0x1
	selectDisk = 0x2
	uefiDisk   = 0x24
)

// devices are the names of the device selectors, as ipmitool has them.
var devices = map[byte]bmc.BootDevice{
	selectNone: bmc.None, selectPXE: bmc.PXE, selectDisk: bmc.Disk,
	0x3: "safe", 0x4: "diag", 0x5: "cdrom", 0x6: "bios", 0x7: "remote-floppy",
	0x8: "remote-cdrom", 0x9: "remote-media", 0xb: "remote-disk", 0xf: "floppy",
}

// SetBoot implements bmc.Session.
func (s *session) SetBoot(ctx context.Context, b bmc.Boot) error {
	flags, err := bootData(b, s.target.Quirks)
	if err != nil {
		return err
	}
	if b.Device != bmc.None {
		// Otherwise the override is forgotten 60 s later. OpenBMC and old BMCs refuse the
		// parameter: with them the box has to start within that time.
		_, err := s.ask(ctx, types.CommandSetSystemBootOptions, bootClearing, keepBeyondTimeout)
		if _, refused := types.IsResponseError(err); err != nil && !refused {
			return err
		}
		if err != nil {
			s.log.Debug("BMC can't keep a boot override beyond 60 s", "error", err)
		}
	}
	_, err = s.ask(ctx, types.CommandSetSystemBootOptions, append([]byte{bootFlags}, flags...)...)
	return err
}

// bootData makes the data of parameter 5. "none" clears the valid bit too: a BMC that keeps
// it set reports an override that nobody wants, and may hold the box to it.
func bootData(b bmc.Boot, q bmc.Quirks) ([]byte, error) {
	if b.Device == bmc.None {
		return make([]byte, 5), nil
	}
	data := []byte{flagValid, 0, 0, 0, 0}
	if b.Persistent {
		data[0] |= flagPersistent
	}
	if b.EFI {
		data[0] |= flagEFI
	}
	switch {
	case b.Device == bmc.PXE:
		data[1] = selectPXE << 2
	case b.Device == bmc.Disk && b.EFI && q.UEFIDisk24:
		data[1] = uefiDisk
	case b.Device == bmc.Disk:
		data[1] = selectDisk << 2
	default:
		return nil, fmt.Errorf("no boot device %q: want %s, %s or %s", b.Device, bmc.PXE, bmc.Disk, bmc.None)
	}
	return data, nil
}

// Boot implements bmc.Session.
func (s *session) Boot(ctx context.Context) (bmc.Boot, error) {
	cmd := types.CommandGetSystemBootOptions
	answer, err := s.ask(ctx, cmd, bootFlags, 0, 0)
	if isCode(err, types.CodeParameterNotSupported) {
		return bmc.Boot{}, unsupported{cause{"its boot override can't be read", err}}
	}
	if err != nil {
		return bmc.Boot{}, err
	}
	// Parameter version, parameter, and at least the two bytes that matter.
	if len(answer) < 4 {
		return bmc.Boot{}, short(cmd, answer, 7)
	}
	return parseBoot(answer[2:], s.target.Quirks), nil
}

func parseBoot(data []byte, q bmc.Quirks) bmc.Boot {
	b := bmc.Boot{
		Valid: data[0]&flagValid != 0, Persistent: data[0]&flagPersistent != 0, EFI: data[0]&flagEFI != 0,
	}
	selector := data[1] >> 2 & 0xf
	name, ok := devices[selector]
	switch {
	case q.UEFIDisk24 && data[1] == uefiDisk:
		name = bmc.Disk
	case !ok:
		name = bmc.BootDevice(fmt.Sprintf("device %Xh", selector))
	}
	b.Device = name
	return b
}
