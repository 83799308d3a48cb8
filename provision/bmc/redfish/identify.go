package redfish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"rackhand/provision/bmc"
)

// A lamp is what a system or a chassis has to be found by. Older services have only
// IndicatorLED, newer ones only LocationIndicatorActive, which may be null.
type lamp struct {
	IndicatorLED            json.RawMessage
	LocationIndicatorActive json.RawMessage
}

// Identify implements bmc.Session.
func (s *session) Identify(ctx context.Context, on bool) error {
	sys, err := s.system(ctx)
	if err != nil {
		return err
	}
	if sys.lamp.any() {
		return s.switchLamp(ctx, sys.path, sys.lamp, sys.tag, on)
	}
	for _, at := range sys.Links.Chassis[:min(len(sys.Links.Chassis), 4)] {
		var l lamp
		tag, err := s.get(ctx, at, &l)
		if err == nil && l.any() {
			return s.switchLamp(ctx, at, l, tag, on)
		}
	}
	return fmt.Errorf("%w: it has no identify lamp", bmc.ErrUnsupported)
}

func (l lamp) any() bool { return len(l.LocationIndicatorActive) > 0 || len(l.IndicatorLED) > 0 }

// switchLamp writes the property that is there. Services take different values of
// IndicatorLED for a lamp that shows where the box is (HPE only Lit, Dell only Blinking), and
// on some Lit is how it looks otherwise (Dell).
func (s *session) switchLamp(ctx context.Context, at link, l lamp, tag string, on bool) error {
	if len(l.LocationIndicatorActive) > 0 {
		return s.patch(ctx, at, map[string]bool{"LocationIndicatorActive": on}, tag)
	}
	values := []string{"Off", "Lit"}
	if on {
		values = []string{"Blinking", "Lit"}
	} else if string(l.IndicatorLED) != `"Blinking"` {
		values = values[:1]
	}
	var err error
	for _, v := range values {
		if err = s.patch(ctx, at, map[string]string{"IndicatorLED": v}, tag); !errors.Is(err, bmc.ErrRefused) {
			break
		}
	}
	return err
}
