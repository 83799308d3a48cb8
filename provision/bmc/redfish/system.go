package redfish

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"rackhand/provision/bmc"
)

// maxSystems bounds how many systems of a BMC are named in an error.
const maxSystems = 16

// A system is what is needed of a ComputerSystem.
type system struct {
	path link
	tag  string

	ID           string `json:"Id"`
	Name         string
	HostName     string
	Manufacturer string
	Model        string
	SKU          string
	SerialNumber string
	AssetTag     string
	UUID         string
	BiosVersion  string
	PowerState   string
	LogServices  link
	lamp
	Boot     map[string]json.RawMessage
	Settings struct {
		Object link `json:"SettingsObject"`
	} `json:"@Redfish.Settings"`
	Links struct {
		Chassis, ManagedBy []link
	}
	Actions struct {
		Reset struct {
			Target link     `json:"target"`
			Info   link     `json:"@Redfish.ActionInfo"`
			Types  []string `json:"ResetType@Redfish.AllowableValues"`
		} `json:"#ComputerSystem.Reset"`
	}
}

// system reads the host's system. One of several behind a BMC is never guessed: services
// list them in changing order.
func (s *session) system(ctx context.Context) (*system, error) {
	if s.systemAt == "" {
		at, err := s.findSystem(ctx)
		if err != nil {
			return nil, err
		}
		s.systemAt = at
	}
	sys, err := s.readSystem(ctx, s.systemAt)
	if err != nil {
		return nil, err
	}
	if v := value(sys.Manufacturer); v != "" && s.root.vendor() == "" {
		s.memory.Vendor = v
	}
	if m := value(sys.Model); m != "" {
		s.memory.Model = m
	}
	return sys, nil
}

func (s *session) readSystem(ctx context.Context, at link) (*system, error) {
	sys := &system{path: at}
	var err error
	sys.tag, err = s.get(ctx, at, sys)
	return sys, err
}

func (s *session) findSystem(ctx context.Context) (link, error) {
	all, err := s.members(ctx, s.root.Systems, maxMembers)
	if err != nil {
		return "", err
	}
	wanted := s.target.System
	for _, m := range all {
		if wanted != "" && last(string(m)) == wanted {
			return m, nil
		}
	}
	switch {
	case len(all) == 0:
		return "", fmt.Errorf("%w: it lists no system", bmc.ErrUnsupported)
	case len(all) == 1 && wanted == "":
		return all[0], nil
	}
	var names []string
	for _, m := range all[:min(len(all), maxSystems)] {
		sys, err := s.readSystem(ctx, m)
		if err != nil {
			names = append(names, clean(last(string(m)), shortText))
			continue
		}
		if wanted != "" && sys.ID == wanted {
			return m, nil
		}
		names = append(names, sys.named())
	}
	list := strings.Join(names, ", ")
	if wanted != "" {
		return "", &bmc.Error{Kind: bmc.ErrSystem, Err: fmt.Errorf("there is no system %q behind it, but %s", clean(wanted, shortText), list)}
	}
	return "", &bmc.Error{Kind: bmc.ErrSystem, Err: fmt.Errorf("there are %d: %s", len(all), list)}
}

// named is a system's id, and in brackets what tells it apart for people.
func (sys *system) named() string {
	id := last(string(sys.path))
	model := value(sys.Model)
	if maker := value(sys.Manufacturer); !strings.HasPrefix(model, maker) {
		model = value(maker + " " + model)
	}
	var about []string
	for _, text := range []string{value(sys.HostName), model, value(sys.SerialNumber)} {
		if text != "" {
			about = append(about, text)
		}
	}
	if len(about) == 0 {
		return clean(id, shortText)
	}
	return fmt.Sprintf("%s (%s)", clean(id, shortText), strings.Join(about, ", "))
}
