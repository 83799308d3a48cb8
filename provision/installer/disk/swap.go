package disk

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"rackhand/provision/installer/plan"
)

// swapHeader is the first page of a swap area, for pages of 4096 bytes.
func swapHeader(p plan.Content) ([]byte, error) {
	const page = 4096
	uuid, err := hex.DecodeString(strings.ReplaceAll(p.UUID, "-", ""))
	if err != nil || len(uuid) != 16 {
		return nil, fmt.Errorf("%q is not a UUID", p.UUID)
	}
	b := make([]byte, page)
	binary.LittleEndian.PutUint32(b[1024:], 1)
	binary.LittleEndian.PutUint32(b[1028:], uint32(p.Length/page-1))
	copy(b[1036:], uuid)
	copy(b[1052:1068], p.Label)
	copy(b[page-10:], "SWAPSPACE2")
	return b, nil
}

// MakeSwap writes the header of a swap area over a whole device (mkswap(8); linux/swap.h,
// version 1).
func MakeSwap(dev string, p plan.Content) error {
	size, err := DeviceSize(dev)
	if err != nil {
		return err
	}
	p.Length = size
	head, err := swapHeader(p)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(dev, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt(head, 0)
	return err
}
