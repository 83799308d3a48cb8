package ipmi

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

const (
	partsLimit = 10 * time.Second // for the parts altogether: some BMCs read them by a slow bus
	mostParts  = 64
)

// Info asks for the device id (IPMI 2.0 §20.1), the system's GUID, and the inventory of the
// box and of its parts. What a BMC doesn't have stays empty.
func (s *session) Info(ctx context.Context) (bmc.Info, error) {
	var info bmc.Info
	id, err := s.ask(ctx, types.CommandGetDeviceID)
	if err != nil {
		return info, err
	}
	if len(id) < 11 {
		return info, short(types.CommandGetDeviceID, id, 11)
	}
	info.BMC = fmt.Sprintf("%d.%02x", id[2]&0x7f, id[3])
	maker := uint32(id[6]) | uint32(id[7])<<8 | uint32(id[8]&0x0f)<<16
	if name := types.OEM(maker).String(); name != "" && !strings.Contains(strings.ToLower(name), "unknown") {
		info.Maker = name
	}
	for _, more := range []func(context.Context, *bmc.Info) error{s.addGUID, s.addBIOS, s.addBox, s.addParts} {
		if err := more(ctx, &info); err != nil && !optional(err) {
			return info, err
		}
	}
	return info, nil
}

// optional reports whether an error means no more than that the BMC hasn't this.
func optional(err error) bool {
	_, refused := types.IsResponseError(err)
	return refused && !errors.Is(err, bmc.ErrPrivilege) || errors.Is(err, bmc.ErrUnsupported)
}

func (s *session) addGUID(ctx context.Context, info *bmc.Info) error {
	answer, err := s.ask(ctx, types.CommandGetSystemGUID)
	if err == nil && len(answer) >= 16 {
		info.UUID = uuidOf([16]byte(answer))
	}
	return err
}

// uuidOf formats a GUID. BMCs send it in one of three orders of bytes, and don't say in
// which: as SMBIOS (most do), reversed (the standard, §20.8), or as RFC 4122. The one in
// which it has a version and a variant of RFC 4122 is taken.
func uuidOf(g [16]byte) string {
	if g == [16]byte{} || bytes.Count(g[:], []byte{0xff}) == len(g) {
		return ""
	}
	reversed := g
	for i := range g {
		reversed[i] = g[15-i]
	}
	swapped := [16]byte{g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6]}
	copy(swapped[8:], g[8:])
	best := swapped
	for _, u := range [][16]byte{swapped, reversed, g} {
		if version := u[6] >> 4; version >= 1 && version <= 8 && u[8]>>6 == 2 {
			best = u
			break
		}
	}
	h := hex.EncodeToString(best[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// addBIOS reads system info parameter 1, the firmware's version (IPMI 2.0 §22.14a), in its
// blocks of 16 bytes. The first begins with the encoding and the length.
func (s *session) addBIOS(ctx context.Context, info *bmc.Info) error {
	var text []byte
	length := 1
	for set := byte(0); len(text) < length && set < 16; set++ {
		answer, err := s.ask(ctx, types.CommandGetSystemInfoParam, 0, 1, set, 0)
		if err != nil {
			return err
		}
		if set == 0 && len(answer) < 4 || len(answer) < 3 {
			return nil
		}
		if set == 0 {
			length = int(answer[3])
			answer = answer[2:]
		}
		text = append(text, answer[2:]...)
	}
	info.BIOS = printable(string(text[:min(length, len(text))]))
	return nil
}

// addBox reads the inventory of the box: FRU device 0.
func (s *session) addBox(ctx context.Context, info *bmc.Info) error {
	f, err := s.fru(ctx, 0, 0)
	if err != nil {
		return err
	}
	info.Maker = first(f.product.Maker, f.board.Maker, info.Maker)
	info.Model = first(f.product.Model, f.board.Model)
	info.Serial = first(f.product.Serial, f.chassisSerial, f.board.Serial)
	info.Asset = f.asset
	if f.board.Model != "" || f.board.Serial != "" {
		f.board.Name = "board"
		info.Parts = append(info.Parts, f.board)
	}
	return nil
}

// addParts reads the other inventories that the sensor data records name.
func (s *session) addParts(ctx context.Context, info *bmc.Info) error {
	within, cancel := context.WithTimeout(ctx, partsLimit)
	defer cancel()
	records, err := s.records(within)
	if err != nil {
		return err
	}
	for _, r := range records {
		l := r.FRUDeviceLocator
		if l == nil || !l.IsLogicalFRUDevice || l.DeviceAccessAddress != types.BMC_SA || l.FRUDeviceID_SlaveAddress == 0 {
			continue
		}
		if len(info.Parts) == mostParts || within.Err() != nil {
			s.log.Debug("not all parts of the box were read")
			break
		}
		f, err := s.fru(within, l.FRUDeviceID_SlaveAddress, l.AccessLUN)
		if err != nil {
			continue // an empty slot
		}
		part := f.product
		if part == (bmc.Part{}) {
			part = f.board
		}
		if part != (bmc.Part{}) {
			part.Name = name(l.DeviceIDTypeLength, l.DeviceIDBytes)
			info.Parts = append(info.Parts, part)
		}
	}
	return ctx.Err()
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
