package ipmi

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

// A fru is what is of use in an inventory (Platform Management FRU Information Storage
// Definition 1.0).
type fru struct {
	product, board bmc.Part
	chassisSerial  string
	asset          string
}

// Sizes of an inventory: an area's length is a byte, in units of 8 bytes.
const (
	fruHeader  = 8
	fruUnit    = 8
	chassisAt  = 2 // the header's bytes with the places of the areas
	boardAt    = 3
	productAt  = 4
	fruVersion = 1
)

// fru reads an inventory of the BMC's: its header, and the areas of chassis, board and
// product.
func (s *session) fru(ctx context.Context, device, lun byte) (fru, error) {
	ctx = toLUN(ctx, lun)
	answer, err := s.ask(ctx, types.CommandGetFRUInventoryAreaInfo, device)
	if err != nil {
		return fru{}, err
	}
	if len(answer) < 3 {
		return fru{}, short(types.CommandGetFRUInventoryAreaInfo, answer, 3)
	}
	r := fruReader{s: s, device: device, size: int(answer[0]) | int(answer[1])<<8, words: answer[2]&1 != 0, chunk: 32}
	return parseFRU(func(at, n int) ([]byte, error) { return r.read(ctx, at, n) })
}

// parseFRU reads an inventory piece by piece, as read hands it out. An area that is broken
// doesn't cost the others.
func parseFRU(read func(at, n int) ([]byte, error)) (f fru, err error) {
	header, err := read(0, fruHeader)
	if err != nil {
		return f, err
	}
	if header[0]&0x0f != fruVersion || checksum(header) != 0 {
		return f, cause{"its inventory (FRU) has no valid header", nil}
	}
	area := func(at int, unpack func([]byte) error) {
		place := int(header[at]) * fruUnit
		if place == 0 {
			return
		}
		start, failed := read(place, 2)
		if failed != nil || start[1] == 0 {
			return
		}
		whole, failed := read(place, int(start[1])*fruUnit)
		if failed == nil {
			safely(func() { _ = unpack(whole) })
		}
	}
	var c types.FRUChassisInfoArea
	area(chassisAt, c.Unpack)
	f.chassisSerial = name(c.SerialNumberTypeLength, c.SerialNumber)
	var b types.FRUBoardInfoArea
	area(boardAt, b.Unpack)
	f.board = bmc.Part{
		Maker:  name(b.ManufacturerTypeLength, b.Manufacturer),
		Model:  first(name(b.ProductNameTypeLength, b.ProductName), name(b.PartNumberTypeLength, b.PartNumber)),
		Serial: name(b.SerialNumberTypeLength, b.SerialNumber),
	}
	var p types.FRUProductInfoArea
	area(productAt, p.Unpack)
	f.product = bmc.Part{
		Maker:  name(p.ManufacturerTypeLength, p.Manufacturer),
		Model:  first(name(p.NameTypeLength, p.Name), name(p.PartModelTypeLength, p.PartModel)),
		Serial: name(p.SerialNumberTypeLength, p.SerialNumber),
	}
	f.asset = name(p.AssetTagTypeLength, p.AssetTag)
	return f, nil
}

// A fruReader reads parts of an inventory (IPMI 2.0 §34.2).
type fruReader struct {
	s      *session
	device byte
	size   int
	words  bool // places and lengths count words
	chunk  int  // bytes at once: less where the BMC refuses so many
}

func (r *fruReader) read(ctx context.Context, at, n int) ([]byte, error) {
	unit := 1
	if r.words {
		unit = 2
	}
	if at+n > r.size*unit {
		return nil, cause{fmt.Sprintf("its inventory (FRU) of device %d is cut off", r.device), nil}
	}
	var all []byte
	for len(all) < n {
		place, want := (at+len(all))/unit, min(r.chunk, n-len(all)+unit-1)/unit
		answer, err := r.s.ask(ctx, types.CommandReadFRUData, r.device, byte(place), byte(place>>8), byte(want))
		if tooMany(err) && r.chunk > 8 {
			r.chunk /= 2
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(answer) < 2 || answer[0] == 0 {
			return nil, short(types.CommandReadFRUData, answer, 1+want*unit)
		}
		all = append(all, answer[1:min(len(answer), 1+int(answer[0])*unit)]...)
	}
	return all[:n], nil
}

// tooMany reports whether a BMC refused to return so many bytes at once.
func tooMany(err error) bool {
	return isCode(err, types.CodeRequestDataLengthInvalid) || isCode(err, types.CodeRequestDataLengthLimitExceeded) ||
		isCode(err, types.CodeCannotReturnRequestedDataBytes) || isCode(err, types.CodeUnspecifiedError)
}

// name decodes a text of an inventory or a sensor data record.
func name(tl types.TypeLength, raw []byte) (text string) {
	if tl.Length() == 0 || len(raw) == 0 {
		return ""
	}
	safely(func() {
		if chars, err := tl.Chars(raw); err == nil {
			text = meaningful(printable(string(chars)))
		}
	})
	return text
}

// meaningful drops what makers write where they have nothing to say.
func meaningful(text string) string {
	switch strings.ToLower(strings.Trim(text, "0_-. xX")) {
	case "", "n/a", "none", "default string", "not specified", "to be filled by o.e.m":
		return ""
	}
	return text
}

// printable makes a text from outside safe for terminals and pages.
func printable(text string) string {
	text, _, _ = strings.Cut(text, "\x00")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text))
}

// safely calls what decodes, and may panic on malformed data.
func safely(f func()) {
	defer func() { _ = recover() }()
	f()
}
