package redfish

import (
	"context"
	"errors"
	"strings"

	"rackhand/provision/bmc"
)

// Info implements bmc.Session. A BMC that doesn't show itself or the chassis costs only those
// fields.
func (s *session) Info(ctx context.Context) (bmc.Info, error) {
	sys, err := s.system(ctx)
	if err != nil {
		return bmc.Info{}, err
	}
	info := bmc.Info{
		Maker: value(sys.Manufacturer), Model: value(sys.Model), Serial: value(sys.SerialNumber), SKU: value(sys.SKU),
		Asset: value(sys.AssetTag), UUID: strings.ToLower(value(sys.UUID)), BIOS: value(sys.BiosVersion),
	}
	m, err := s.manager(ctx)
	switch {
	case err == nil:
		info.BMC = value(m.FirmwareVersion)
	case !errors.Is(err, bmc.ErrUnsupported):
		return info, err
	}
	for _, at := range sys.Links.Chassis[:min(len(sys.Links.Chassis), maxManagers)] {
		var c struct{ Name, Manufacturer, Model, SerialNumber, PartNumber string }
		if _, err := s.get(ctx, at, &c); err != nil {
			if errors.Is(err, bmc.ErrUnsupported) {
				continue
			}
			return info, err
		}
		part := bmc.Part{Name: value(c.Name), Maker: value(c.Manufacturer), Model: value(c.Model), Serial: value(c.SerialNumber)}
		if part.Model == "" {
			part.Model = value(c.PartNumber)
		}
		if part.Name == "" {
			part.Name = "chassis"
		}
		if part.Maker+part.Model+part.Serial != "" {
			info.Parts = append(info.Parts, part)
		}
		if info.Serial == "" {
			info.Serial = part.Serial
		}
	}
	return info, nil
}
