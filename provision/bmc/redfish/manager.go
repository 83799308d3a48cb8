package redfish

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rackhand/provision/bmc"
)

// A manager is what is needed of a Manager: the BMC itself.
type manager struct {
	path link

	FirmwareVersion    string
	Model              string
	ManagerType        string
	DateTime           string
	EthernetInterfaces link
	LogServices        link
	Links              struct {
		Servers []link `json:"ManagerForServers"`
	}
}

// maxManagers bounds how many managers are looked at.
const maxManagers = 8

// manager reads the manager that serves this session. The root or the system names it;
// otherwise it is the one BMC, or the one for the system.
func (s *session) manager(ctx context.Context) (*manager, error) {
	if s.managerAt != "" {
		return s.readManager(ctx, s.managerAt)
	}
	if at := s.root.Links.Manager; at != "" {
		s.managerAt = at
		return s.readManager(ctx, at)
	}
	if sys, err := s.system(ctx); err == nil && len(sys.Links.ManagedBy) > 0 && sys.Links.ManagedBy[0] != "" {
		s.managerAt = sys.Links.ManagedBy[0]
		return s.readManager(ctx, s.managerAt)
	}
	all, err := s.members(ctx, s.root.Managers, maxManagers)
	if err != nil {
		return nil, err
	}
	var best *manager
	for _, at := range all {
		m, err := s.readManager(ctx, at)
		if err != nil {
			return nil, err
		}
		if best == nil || s.rank(m) > s.rank(best) {
			best = m
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w: it lists no manager", bmc.ErrUnsupported)
	}
	s.managerAt = best.path
	return best, nil
}

func (s *session) rank(m *manager) int {
	rank := 0
	if s.systemAt != "" && slices.Contains(m.Links.Servers, s.systemAt) {
		rank += 2
	}
	if m.ManagerType != "AuxiliaryController" {
		rank++
	}
	return rank
}

func (s *session) readManager(ctx context.Context, at link) (*manager, error) {
	m := &manager{path: at}
	if _, err := s.get(ctx, at, m); err != nil {
		return nil, err
	}
	if v := value(m.FirmwareVersion); v != "" {
		s.memory.Firmware = v
	}
	return m, nil
}

// Clock implements bmc.Session.
func (s *session) Clock(ctx context.Context) (time.Time, error) {
	m, err := s.manager(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if m.DateTime == "" {
		return time.Time{}, fmt.Errorf("%w: it doesn't show its clock", bmc.ErrUnsupported)
	}
	at := parseTime(m.DateTime)
	if at.IsZero() {
		return at, &bmc.Error{Kind: bmc.ErrAnswer, Err: fmt.Errorf("its clock is unreadable: %q", clean(m.DateTime, shortText)), Hint: "update the BMC's firmware; Redfish wants ISO 8601, such as 2026-01-31T12:00:00Z"}
	}
	return at, nil
}

// parseTime reads a time as Redfish has it (RFC 3339); zero for anything else.
func parseTime(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
