package inventory

import (
	"cmp"
	"time"
)

// snapshot builds the hosts out of declarations in which nothing is wrong.
func (l *loader) snapshot(dir, revision string) *Snapshot {
	s := &Snapshot{
		Revision: revision,
		Dir:      dir,
		Networks: make(map[string]*Network, len(l.networks)),
		Systems:  make(map[string]*System, len(l.systems)),
		Hosts:    make(map[string]*Host, len(l.hosts)),

		Authorities: l.authorities,
		origins:     make(map[string]*sources, len(l.hosts)),
		places:      make(map[string]places, len(l.networks)+len(l.systems)),
	}
	// Copies, so that the snapshot doesn't keep the files' nodes alive.
	for name, d := range l.networks {
		network := d.Network
		s.Networks[name] = &network
		s.places["network "+name] = d.places
	}
	for name, d := range l.systems {
		system := d.System
		s.Systems[name] = &system
		s.places["system "+name] = d.places
	}
	shared := map[string]*givenLayer{}
	for name, d := range l.hosts {
		m := l.merge(d)
		s.Hosts[name] = l.host(s, d, m)
		s.origins[name] = sourcesOf(d, m, shared)
		if n := s.Hosts[name].Network; n.Answer != "" {
			s.origins[name].network, s.origins[name].networkAt = n, s.places["network "+n.Name][keyAnswer]
		}
	}
	s.index = newIndex(s)
	return s
}

// host puts one host together.
func (l *loader) host(s *Snapshot, d *hostDecl, m merged) *Host {
	h := &Host{
		Name:      d.name,
		MACs:      d.macs,
		Address:   d.address,
		Network:   s.Networks[l.networkOf(d.address).Name],
		Kickstart: m.text(keyKickstart),
		Install:   defaultInstall,
		Budget:    defaultBudget,
		Rack:      d.rack,
		Boot:      m.boot(),
		Disk:      m.text(keyDisk),
		Variables: m.variables(),

		Maintenance: m.maintenance(),
		Line:        d.place().String(),
	}
	h.Roles, _ = m.roles()
	h.Group, _ = d.group.value.(string)
	if m.system != nil {
		h.System = s.Systems[m.system.Name]
	}
	if p, ok := m.value(keyInstall).(Policy); ok {
		h.Install = p
	}
	h.Answer = cmp.Or(h.Network.Answer, defaultAnswer)
	if p, ok := m.value(keyAnswer).(AnswerPolicy); ok {
		h.Answer = p
	}
	if b, ok := m.value(keyBudget).(time.Duration); ok {
		h.Budget = b
	}
	if d.bmc.IsValid() {
		h.BMC = l.bmc(d, m)
	}
	return h
}
