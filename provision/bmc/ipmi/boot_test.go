package ipmi

import (
	"bytes"
	"errors"
	"testing"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
)

func TestBootData(t *testing.T) {
	uefi := bmc.Quirks{UEFIDisk24: true}
	for _, tt := range []struct {
		boot   bmc.Boot
		quirks bmc.Quirks
		want   []byte
	}{
		{bmc.Boot{Device: bmc.PXE}, bmc.Quirks{}, []byte{0x80, 0x04, 0, 0, 0}},
		{bmc.Boot{Device: bmc.PXE, EFI: true}, uefi, []byte{0xa0, 0x04, 0, 0, 0}},
		{bmc.Boot{Device: bmc.Disk, Persistent: true, EFI: true}, bmc.Quirks{}, []byte{0xe0, 0x08, 0, 0, 0}},
		{bmc.Boot{Device: bmc.Disk, Persistent: true, EFI: true}, uefi, []byte{0xe0, 0x24, 0, 0, 0}},
		{bmc.Boot{Device: bmc.Disk}, uefi, []byte{0x80, 0x08, 0, 0, 0}},
		{bmc.Boot{Device: bmc.None, Valid: true, EFI: true}, uefi, []byte{0, 0, 0, 0, 0}},
		{bmc.Boot{Device: "cdrom"}, bmc.Quirks{}, nil},
	} {
		got, err := bootData(tt.boot, tt.quirks)
		if !bytes.Equal(got, tt.want) || (err == nil) != (tt.want != nil) {
			t.Errorf("%+v: % x, %v, want % x", tt.boot, got, err, tt.want)
		}
	}
	for _, tt := range []struct {
		data   []byte
		quirks bmc.Quirks
		want   string
	}{
		{[]byte{0x80, 0x04}, bmc.Quirks{}, "pxe (once)"},
		{[]byte{0xe0, 0x08}, bmc.Quirks{}, "disk (persistent, EFI)"},
		{[]byte{0xe0, 0x24}, uefi, "disk (persistent, EFI)"},
		{[]byte{0xe0, 0x24}, bmc.Quirks{}, "remote-media (persistent, EFI)"},
		{[]byte{0x80, 0x14}, bmc.Quirks{}, "cdrom (once)"},
		{[]byte{0x80, 0x18}, bmc.Quirks{}, "bios (once)"},
		{[]byte{0x80, 0x3c}, bmc.Quirks{}, "floppy (once)"},
		{[]byte{0x80, 0x30}, bmc.Quirks{}, "device Ch (once)"},
		{[]byte{0x00, 0x04}, bmc.Quirks{}, "no override"},
	} {
		if got := parseBoot(tt.data, tt.quirks).String(); got != tt.want {
			t.Errorf("% x: %s, want %s", tt.data, got, tt.want)
		}
	}
}

// TestBootParameters: a BMC may refuse parameter 3 (OpenBMC) and lack the parameter to read.
func TestBootParameters(t *testing.T) {
	b := bmctest.Serve(t)
	var wrote [][]byte
	b.Answer(types.CommandSetSystemBootOptions, func(data []byte) ([]byte, types.CompletionCode) {
		if data[0] == bootClearing {
			return nil, types.CodeParameterNotSupported
		}
		wrote = append(wrote, bytes.Clone(data))
		return nil, types.CodeOK
	})
	s := open(t, b)
	if err := s.SetBoot(t.Context(), bmc.Boot{Device: bmc.PXE, EFI: true}); err != nil || len(wrote) != 1 || !bytes.Equal(wrote[0], []byte{5, 0xa0, 4, 0, 0, 0}) {
		t.Errorf("% x, %v", wrote, err)
	}
	b.Answer(types.CommandGetSystemBootOptions, refuse(types.CodeParameterNotSupported))
	if _, err := s.Boot(t.Context()); !errors.Is(err, bmc.ErrUnsupported) {
		t.Errorf("write-only: %v", err)
	}
	b.Answer(types.CommandSetSystemBootOptions, refuse(types.CodeRequestDataFieldInvalid))
	if err := s.SetBoot(t.Context(), bmc.Boot{Device: bmc.PXE}); !errors.Is(err, bmc.ErrRefused) {
		t.Errorf("refused: %v", err)
	}
}
